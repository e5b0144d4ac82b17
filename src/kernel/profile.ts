/**
 * Profiles: what a host has that the scenario does not write, each value with its source. `linux-6.18`: all as in Linux;
 * `rfc`: TCP as the RFCs have it where Linux's differs. TCP's own defaults are in tcp/options.ts, the prices of steps in
 * costs.ts.
 */
import { printDuration } from '../base/quantity.ts';
import type { Duration } from '../base/units.ts';
import type { TcpOptions } from '../tcp/options.ts';
import { DQL_DEFAULTS, type DqlOptions } from '../base/dql.ts';
import type { QdiscOptions } from './qdisc/options.ts';

export interface SchedOptions {
  /** Of what size the slices are that tasks take turns in, ns. */
  readonly slice: number;
  /** Slices end when they are used up, not at the next tick (the scheduler feature HRTICK). */
  readonly hrtick: boolean;
  /** A task that ran less than so long ago is not pulled to another core, ns. */
  readonly migrationCost: number;
}

/** How cores sleep (cpuidle.ts). */
export interface IdleOptions {
  /** A core that has been idle for no longer is there at once, ns. */
  readonly after: number;
  /** One that has been takes `latency` to `latency + spread` ns, uniform. Both 0: no core sleeps (`idle=poll`). */
  readonly latency: number;
  readonly spread: number;
}

export interface SoftnetOptions {
  /** Packets a device queue may take in one turn (dev_weight). */
  readonly weight: number;
  /** Packets a NET_RX softirq takes (net.core.netdev_budget), and how long it may go on, ns (netdev_budget_usecs). */
  readonly budget: number;
  readonly budgetNs: number;
  /** net.core.netdev_max_backlog */
  readonly maxBacklog: number;
  /** net.core.busy_read, what sockets have by themselves, and net.core.busy_poll, µs; 0: off. */
  readonly busyRead: number;
  readonly busyPoll: number;
  /** net.core.rps_sock_flow_entries; 0: no RFS. */
  readonly rpsSockFlows: number;
  /** net.core.flow_limit_cpu_bitmap: one bit for each core that heeds the limit. */
  readonly flowLimitCpus: number;
}

export interface CoalesceOptions {
  /** An interrupt comes so long after the first packet, µs; 0: the time does not matter. */
  readonly rxUsecs: number;
  /** … or with packet number rx-frames; 0: the count does not matter. */
  readonly rxFrames: number;
  readonly txUsecs: number;
  readonly txFrames: number;
  /** lib/dim finds the two, in place of what is said here. */
  readonly adaptiveRx?: boolean;
  readonly adaptiveTx?: boolean;
  /** Each completion starts the wait anew; left out: it counts from the first one. */
  readonly cqeModeRx?: boolean;
  readonly cqeModeTx?: boolean;
}

export interface NicOptions {
  /** Receive queues, and transmit queues: number i of both share an interrupt and a core (combined channels). */
  readonly queues: number;
  readonly txQueues: number;
  /** Descriptors per ring. */
  readonly rxRing: number;
  readonly txRing: number;
  readonly coalesce: CoalesceOptions;
  /** False: an interrupt per packet and netif_rx, as before NAPI. */
  readonly napi: boolean;
  /** Polls in a kernel thread for each queue, which competes with others for its core (…/threaded in sysfs). */
  readonly threaded: boolean;
  /** How long GRO may hold frames over the end of a poll, ns; 0: not (gro_flush_timeout). */
  readonly groFlushTimeout: number;
  /** After so many polls without a frame the interrupt is armed again; the timer polls until then (napi_defer_hard_irqs). */
  readonly deferHardIrqs: number;
  readonly mtu: number;
  readonly tso: boolean;
  readonly gso: boolean;
  readonly gro: boolean;
  /** Packets the queue in front of the device holds. */
  readonly txqueuelen: number;
  /** Byte queue limits of the transmit ring; null: none. */
  readonly bql: DqlOptions | null;
  /** The queueing discipline in front of the device: of each transmit queue. */
  readonly qdisc: QdiscOptions;
  /** The core of each queue's interrupt; left out: queue i on core i modulo the number of cores. */
  readonly irqAffinity?: readonly number[];
  /** The cores that send by each transmit queue, one bit each (xps_cpus); left out: dealt out in turn; null: a hash chooses. */
  readonly xps?: readonly number[] | null;
  /** The cores that take each receive queue's packets further, one bit each (rps_cpus); 0, or left out: the one that polls. */
  readonly rps?: readonly number[];
  /** Slots of each receive queue's table for RFS (rps_flow_cnt). */
  readonly rpsFlows?: number;
}

/** Cores, and RLIMIT_NOFILE of each process. */
export const HOST_DEFAULTS = { cpus: 1, nofile: 1024, hz: 250 } as const;
export const SCHED_DEFAULTS = { hrtick: false, migrationCost: 500_000 } as const;
/** The slice on so many cores: get_update_sysctl_factor(), SCHED_TUNABLESCALING_LOG. */
export const baseSlice = (cpus: number): number => 700_000 * (32 - Math.clz32(Math.min(cpus, 8)));
/** Off: how deeply cores sleep depends on the machine. 4 ms: one tick, HZ=250. */
export const IDLE_DEFAULTS: IdleOptions = { after: 4_000_000, latency: 0, spread: 0 };
export const SOFTNET_DEFAULTS: SoftnetOptions = {
  weight: 64,
  budget: 300,
  budgetNs: 8_000_000,
  maxBacklog: 1000,
  busyRead: 0,
  busyPoll: 0,
  rpsSockFlows: 0,
  flowLimitCpus: 0,
};
export const NIC_DEFAULTS: NicOptions = {
  queues: 1,
  txQueues: 1,
  rxRing: 1024,
  txRing: 1024,
  coalesce: { rxUsecs: 16, rxFrames: 32, txUsecs: 16, txFrames: 32 },
  napi: true,
  threaded: false,
  groFlushTimeout: 0,
  deferHardIrqs: 0,
  mtu: 1500,
  tso: true,
  gso: true,
  gro: true,
  txqueuelen: 1000,
  bql: DQL_DEFAULTS,
  qdisc: { kind: 'pfifo_fast' },
};
/** A NIC on `machine: ideal`: no moderation, no offloads, rings that nothing waits in and nothing limits. */
export const IDEAL_NIC: NicOptions = {
  ...NIC_DEFAULTS,
  coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 0, txFrames: 1 },
  tso: false,
  gso: false,
  gro: false,
  bql: null,
};

/** One default as `hostwire show` prints it. */
export interface ProfileEntry {
  readonly key: string;
  readonly value: string;
  readonly source: string;
}

const row = (key: string, value: number | string, source: string): ProfileEntry => ({
  key,
  value: String(value),
  source,
});
const time = (ns: number): string => printDuration(ns as Duration);

const { migrationCost } = SCHED_DEFAULTS;
const { weight, budget, budgetNs, maxBacklog } = SOFTNET_DEFAULTS;
const { rxUsecs, rxFrames, txUsecs, txFrames } = NIC_DEFAULTS.coalesce;

/** What a profile changes in Linux's TCP. */
export const PROFILES: Readonly<Record<string, Partial<TcpOptions>>> = {
  'linux-6.18': {},
  rfc: { rtoEstimator: 'rfc', congestionWindow: 'rfc' },
};

export const LINUX_6_18: readonly ProfileEntry[] = [
  row('cpus', HOST_DEFAULTS.cpus, 'the smallest machine; write what you have'),
  row('HZ', HOST_DEFAULTS.hz, 'CONFIG_HZ of the kernel that the vectors were measured on'),
  row(
    'sched.base_slice',
    time(baseSlice(1)),
    'on one core; sysctl_sched_base_slice × (1 + log2 of the cores), 2.8 ms from 8 on',
  ),
  row(
    'sched.migration_cost',
    time(migrationCost),
    'sysctl_sched_migration_cost, kernel/sched/fair.c',
  ),
  row('net.core.dev_weight', weight, 'NAPI_POLL_WEIGHT, include/linux/netdevice.h'),
  row('net.core.netdev_budget', budget, 'net/core/hotdata.c'),
  row(
    'net.core.netdev_budget_usecs',
    budgetNs / 1000,
    '2 jiffies at HZ=250, net/core/hotdata.c; measured on 6.18',
  ),
  row('net.core.netdev_max_backlog', maxBacklog, 'net/core/hotdata.c'),
  row('nic.ring.rx', NIC_DEFAULTS.rxRing, 'mlx5: log_rq_size 10'),
  row('nic.ring.tx', NIC_DEFAULTS.txRing, 'mlx5: log_sq_size 10'),
  row('nic.coalesce.rx-usecs', rxUsecs, 'mlx5, completions by event (3 in CQE mode)'),
  row('nic.coalesce.rx-frames', rxFrames, 'mlx5'),
  row('nic.coalesce.tx-usecs', txUsecs, 'mlx5'),
  row('nic.coalesce.tx-frames', txFrames, 'mlx5'),
  row('nic.txqueuelen', NIC_DEFAULTS.txqueuelen, 'DEFAULT_TX_QUEUE_LEN, include/net/sch_generic.h'),
  row(
    'nic.byte_queue_limits.limit_min',
    DQL_DEFAULTS.limitMin,
    'lib/dynamic_queue_limits.c dql_init()',
  ),
  row(
    'nic.byte_queue_limits.limit_max',
    DQL_DEFAULTS.limitMax,
    'DQL_MAX_LIMIT, include/linux/dynamic_queue_limits.h',
  ),
  row('nic.byte_queue_limits.hold_time', time(DQL_DEFAULTS.holdTime), 'HZ jiffies, net/core/dev.c'),
  row('nofile', HOST_DEFAULTS.nofile, 'RLIMIT_NOFILE, soft, include/asm-generic/resource.h'),
];
