/**
 * The sysctls that a simulated machine has: those of TCP (tcp/options.ts) and those of sockets and softirqs. A sysctl that is
 * not here is not modelled, and writing it is an error rather than a wish.
 */
import { DEFAULT_QDISCS, type QdiscOptions } from './qdisc/options.ts';
import {
  CONGESTION_CONTROLS,
  TCP_TUNABLES,
  type TcpOptions,
  type Tunable,
} from '../tcp/options.ts';

/** One number, three, or a word. */
export type SysctlValue = readonly number[] | string;

export interface SysctlDef {
  readonly name: string;
  /** The field of TcpOptions that it sets; null: the machine's. */
  readonly field: keyof TcpOptions | null;
  /** A switch takes 0 or 1; a word is one of `words`; a key is as KEY says; a mask has a bit for each core, hexadecimal. */
  readonly kind: 'switch' | 'number' | 'triple' | 'word' | 'key' | 'mask';
  readonly words: readonly string[];
  /** What the numbers of a triple are. */
  readonly three: string;
  /** Least and largest number that are modelled. */
  readonly least: number;
  readonly most: number;
  readonly fallback: string;
  readonly unit: string;
  readonly meaning: string;
  readonly source: string;
}

/** Four 32-bit numbers, hexadecimal. Linux takes a second key behind a comma, for cookies from before: not modelled. */
export const KEY: RegExp = /^[\da-f]{1,8}(-[\da-f]{1,8}){3}$/i;

/** A bit for each core, hexadecimal. */
export const MASK: RegExp = /^[\da-f]{1,8}$/i;

const WORDS: Partial<Record<keyof TcpOptions, readonly string[]>> = {
  congestionControl: CONGESTION_CONTROLS,
};

const UINT_MAX = 0xffff_ffff;
/** What Linux keeps in an int (proc_dointvec, proc_dointvec_minmax). */
const INT_MAX = 0x7fff_ffff;
/** Numbers that stand for kinds of behaviour; beyond these Linux has others (AccECN is tcp_ecn 3 to 5) or says EINVAL. */
const MOST: Partial<Record<keyof TcpOptions, number>> = { ecn: 2, mtuProbing: 2, earlyRetrans: 4 };

function ofTcp(field: keyof TcpOptions, t: Tunable<TcpOptions[keyof TcpOptions]>): SysctlDef {
  const v = t.value;
  const kind =
    typeof v === 'boolean'
      ? 'switch'
      : typeof v === 'number'
        ? 'number'
        : typeof v === 'string'
          ? WORDS[field] === undefined
            ? 'key'
            : 'word'
          : 'triple';
  return {
    name: t.sysctl ?? '',
    field,
    kind,
    words: WORDS[field] ?? [],
    three: field === 'mem' ? 'low, pressure, high' : 'least, initial, most',
    least: kind === 'triple' ? 1 : 0,
    most: MOST[field] ?? (kind === 'switch' ? 1 : UINT_MAX),
    fallback:
      typeof v === 'object' ? v.join(' ') : typeof v === 'boolean' ? String(Number(v)) : String(v),
    unit: t.unit,
    meaning: t.meaning,
    source: t.source,
  };
}

function ofMachine(
  name: string,
  fallback: number,
  unit: string,
  meaning: string,
  source: string,
  most: number = UINT_MAX,
  least = 0,
): SysctlDef {
  return {
    name,
    field: null,
    kind: 'number',
    words: [],
    three: '',
    least,
    most,
    fallback: String(fallback),
    unit,
    meaning,
    source,
  };
}

export const SYSCTLS: readonly SysctlDef[] = [
  ...(Object.keys(TCP_TUNABLES) as (keyof TcpOptions)[])
    .map((field) => ofTcp(field, TCP_TUNABLES[field]))
    .filter((d) => d.name !== ''),
  ofMachine(
    'net.core.somaxconn',
    4096,
    'connections',
    'upper limit of the backlog of listen()',
    'include/linux/socket.h SOMAXCONN',
  ),
  ofMachine(
    'net.ipv4.tcp_max_syn_backlog',
    4096,
    'requests',
    'half-open connections of a listener, without cookies',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  ofMachine(
    'net.ipv4.tcp_syncookies',
    1,
    '',
    'SYN cookies when the SYN queue is full',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
    1,
  ),
  ofMachine(
    'net.core.dev_weight',
    64,
    'packets',
    'of one poll',
    'include/linux/netdevice.h NAPI_POLL_WEIGHT',
    INT_MAX,
    1, // a poll of nothing would be made again for ever
  ),
  ofMachine(
    'net.core.netdev_budget',
    300,
    'packets',
    'of one softirq over all devices',
    'net/core/hotdata.c',
    INT_MAX,
    1, // Linux polls once for 0, too; here the budget is kept to the packet
  ),
  ofMachine(
    'net.core.netdev_budget_usecs',
    8000,
    'µs',
    'of one softirq, in whole jiffies, rounded up; left out it is two of them, whatever HZ is',
    'net/core/hotdata.c: 2 * USEC_PER_SEC / HZ',
    INT_MAX,
  ),
  {
    ...ofMachine(
      'net.core.default_qdisc',
      0,
      '',
      'the queueing discipline of devices that are told no other',
      'net/sched/sch_generic.c default_qdisc_ops',
    ),
    kind: 'word',
    words: Object.keys(DEFAULT_QDISCS),
    fallback: 'pfifo_fast',
  },
  ofMachine(
    'fs.file-max',
    UINT_MAX,
    'files',
    'that all processes may have open (ENFILE beyond)',
    'fs/file_table.c files_maxfiles_init(): a tenth of the memory, in KiB; systemd raises it to the largest number there is',
  ),
  ofMachine(
    'net.core.netdev_max_backlog',
    1000,
    'packets',
    'that wait for a core after netif_rx(), or after another core has given it them',
    'net/core/hotdata.c',
  ),
  ofMachine(
    'net.core.busy_read',
    0,
    'µs',
    'for which a read polls the device before it sleeps: SO_BUSY_POLL of sockets that set none',
    'net/core/sock.c sysctl_net_busy_read; net/core/dev.c napi_busy_loop()',
    0x7fff_ffff,
  ),
  ofMachine(
    'net.core.busy_poll',
    0,
    'µs',
    'for which epoll_wait(), and poll() of sockets with SO_BUSY_POLL, poll the device before they sleep',
    'net/socket.c sysctl_net_busy_poll; fs/eventpoll.c ep_busy_loop()',
    0x7fff_ffff,
  ),
  ofMachine(
    'net.core.rps_sock_flow_entries',
    0,
    'connections',
    'whose last reader is remembered, for RFS; rounded up to a power of two',
    'net/core/sysctl_net_core.c rps_sock_flow_sysctl()',
    1 << 24,
  ),
  {
    ...ofMachine(
      'net.core.flow_limit_cpu_bitmap',
      0,
      '',
      'cores that put no more than half of what they send to a busy backlog there for one connection',
      'net/core/dev.c skb_flow_limit()',
    ),
    kind: 'mask',
  },
];

const BY_NAME: ReadonlyMap<string, SysctlDef> = new Map(SYSCTLS.map((d) => [d.name, d]));

/** The definition of a sysctl by its full name. */
export const sysctlNamed = (name: string): SysctlDef | undefined => BY_NAME.get(name);

/** What the sysctls of a host change in TCP's options. */
export function tcpChanges(sysctl: Readonly<Record<string, SysctlValue>>): Partial<TcpOptions> {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(sysctl)) {
    const d = sysctlNamed(name);
    if (d === undefined || d.field === null) continue;
    if (typeof value === 'string' || d.kind === 'triple') changes[d.field] = value;
    else changes[d.field] = d.kind === 'switch' ? value[0] !== 0 : value[0];
  }
  return changes;
}

/** The queueing discipline of devices that are told no other. */
export function defaultQdisc(sysctl: Readonly<Record<string, SysctlValue>>): QdiscOptions {
  const name = sysctl['net.core.default_qdisc'] ?? 'pfifo_fast';
  return DEFAULT_QDISCS[String(name)]!;
}

/** One number of the machine's own sysctls, or what Linux has there. */
export function sysctlNumber(sysctl: Readonly<Record<string, SysctlValue>>, name: string): number {
  const value = sysctl[name];
  if (value !== undefined && typeof value !== 'string') return value[0]!;
  return Number(sysctlNamed(name)?.fallback);
}

/** A mask of cores. */
export function sysctlMask(sysctl: Readonly<Record<string, SysctlValue>>, name: string): number {
  const value = sysctl[name];
  return typeof value === 'string' ? Number.parseInt(value, 16) : 0;
}
