/**
 * One simulated machine: cores, devices, processes, clocks, and the network stack that others put into its slot.
 *
 * A host is built before the run; it does nothing by itself until a device, a timer or a thread gives a core work.
 */
import { assert, violated } from '../base/assert.ts';
import type { Instant } from '../base/units.ts';
import type { Engine } from '../engine/engine.ts';
import { CLOCK_DEFAULTS, HostClock, type ClockOptions } from './clock.ts';
import { Core } from './cpu.ts';
import { costsOf, type Costs, isCostless, type Machine } from './costs.ts';
import { Counters } from './counters.ts';
import { FileCount } from './file.ts';
import { RescheduleIpi, RpsIpi } from './irq.ts';
import type { NetDevice, PacketHandler } from './netdev.ts';
import { Process } from './process.ts';
import {
  HOST_DEFAULTS,
  IDLE_DEFAULTS,
  type IdleOptions,
  SCHED_DEFAULTS,
  baseSlice,
  SOFTNET_DEFAULTS,
  type SchedOptions,
  type SoftnetOptions,
} from './profile.ts';
import { SockFlows } from './rps.ts';
import type { Syscall, Thread } from './thread.ts';
import { TimerTable } from './timer.ts';

export interface HostOptions {
  readonly name: string;
  /** IPv4 address as a number. */
  readonly addr: number;
  /** Cores, 1 to 32. */
  readonly cpus?: number;
  readonly machine?: Machine;
  /** CONFIG_HZ, ticks/s; exact: nothing is rounded to ticks, and what lasts a tick lasts one of 250. */
  readonly hz?: number | 'exact';
  /** Entries of the cost table to replace, ns. */
  readonly costs?: Partial<Costs>;
  readonly sched?: Partial<SchedOptions>;
  readonly softnet?: Partial<SoftnetOptions>;
  readonly idle?: Partial<IdleOptions>;
  readonly clock?: Partial<ClockOptions>;
  /** RLIMIT_NOFILE of its processes. */
  readonly nofile?: number;
  /** fs.file-max: files that all of them may have open; left out: no limit. */
  readonly fileMax?: number;
}

class NoStack implements PacketHandler {
  private readonly host: string;
  constructor(host: string) {
    this.host = host;
  }
  receive(): never {
    violated('host: a packet, but no stack', this.host);
  }
  txFreed(): never {
    violated('host: a packet, but no stack', this.host);
  }
}

export class Host {
  readonly engine: Engine;
  readonly name: string;
  readonly addr: number;
  readonly machine: Machine;
  /** A tick, ns. */
  readonly jiffyNs: number;
  readonly costs: Readonly<Costs>;
  /** Every cost is 0 (`machine: ideal`): steps that only cost time may be left out, since they would end where they begin. */
  readonly costless: boolean;
  readonly sched: SchedOptions;
  /** Read where it is used: a sysctl that is written changes it (sysctl.ts). */
  softnet: SoftnetOptions;
  readonly idle: IdleOptions;
  readonly counters: Counters = new Counters();
  readonly clock: HostClock;
  readonly timers: TimerTable;
  readonly cores: readonly Core[];
  readonly ipi: RescheduleIpi;
  readonly rpsIpi: RpsIpi;
  /** Where connections were read last; null: nobody asks (net.core.rps_sock_flow_entries 0). */
  readonly sockFlows: SockFlows | null;
  readonly devices: NetDevice[] = [];
  readonly processes: Process[] = [];
  readonly nofile: number;
  /** Open files of all processes. */
  readonly files: FileCount;
  /** What each system call does, by number. */
  readonly syscalls: readonly Syscall[];
  /** Tasks that wait on any run queue: a core that goes idle looks at the others only if there are some. */
  queuedTasks = 0;
  /** The core whose effect is being done; null between effects. */
  executing: Core | null = null;
  /** The network stack: what devices hand packets to. Set once, before the first packet. */
  handler: PacketHandler;
  private ids = 1;

  constructor(engine: Engine, options: HostOptions, syscalls: readonly Syscall[]) {
    const cpus = options.cpus ?? HOST_DEFAULTS.cpus;
    assert(cpus >= 1 && cpus <= 32, 'host: 1 to 32 cores', () => `${options.name}: ${cpus}`);
    this.engine = engine;
    this.name = options.name;
    this.addr = options.addr;
    this.machine = options.machine ?? 'linux';
    const { hz = HOST_DEFAULTS.hz } = options;
    this.jiffyNs = Math.floor(1_000_000_000 / (hz === 'exact' ? HOST_DEFAULTS.hz : hz));
    this.costs = costsOf(this.machine, options.costs);
    this.costless = isCostless(this.costs);
    const hrtick = hz === 'exact' || SCHED_DEFAULTS.hrtick;
    const { migrationCost } = SCHED_DEFAULTS;
    this.sched = { slice: baseSlice(cpus), hrtick, migrationCost, ...options.sched };
    this.softnet = { ...SOFTNET_DEFAULTS, ...options.softnet };
    this.idle = { ...IDLE_DEFAULTS, ...options.idle };
    this.clock = new HostClock({ ...CLOCK_DEFAULTS, ...options.clock }, engine.now);
    this.nofile = options.nofile ?? HOST_DEFAULTS.nofile;
    this.files = new FileCount(options.fileMax ?? Infinity);
    this.syscalls = syscalls;
    this.handler = new NoStack(options.name);
    this.timers = new TimerTable(this);
    this.ipi = new RescheduleIpi(cpus);
    this.rpsIpi = new RpsIpi(cpus);
    const { rpsSockFlows } = this.softnet;
    this.sockFlows = rpsSockFlows > 0 ? new SockFlows(rpsSockFlows) : null;
    const cores: Core[] = [];
    this.cores = cores;
    for (let i = 0; i < cpus; i++) cores.push(new Core(this, i));
  }

  get now(): Instant {
    return this.engine.now;
  }

  /** The next pid or tid. */
  nextId(): number {
    return this.ids++;
  }

  process(name: string, nofile: number = this.nofile): Process {
    const process = new Process(this, this.nextId(), name, nofile);
    this.processes.push(process);
    return process;
  }

  /** Every thread that has not ended. */
  *threads(): Generator<Thread> {
    for (const process of this.processes) for (const t of process.threads) if (!t.dead) yield t;
  }

  /** Who sleeps, and on what: for a run that ends idle. */
  waiting(): string[] {
    const lines: string[] = [];
    for (const t of this.threads()) {
      const line = t.waitingFor();
      if (line !== null) lines.push(`${this.name}: ${line}`);
    }
    return lines;
  }

  /** A core for work that belongs to none: the one whose effect this is, else the first. */
  get here(): Core {
    return this.executing ?? this.cores[0]!;
  }
}
