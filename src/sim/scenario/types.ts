/**
 * What a scenario is once it has been read and checked: one world, ready to be built. Every quantity is an integer in the
 * unit its name says (or a float where a probability or a mean is meant), every reference has been looked up, every
 * default that belongs to the description has been filled in. Defaults that belong to a model (a driver's ring, a
 * socket's buffer) stay `null` here and are the profile's to supply.
 *
 * Plain data throughout: it survives structuredClone, so a worker can be handed one. A world may as well be described
 * from code: load.ts `describe` takes the object that the YAML would have held.
 */

import type {
  BlockingOptions,
  BulkOptions,
  ClientOptions,
  EpollOptions,
  ListenOptions,
  NettyOptions,
  RawOptions,
  ReactiveOptions,
  SlowLorisOptions,
  StalledOptions,
  TalkOptions,
  TomcatOptions,
} from '../../app/options.ts';
import type { UserOptions } from '../../app/user-options.ts';
import type { Dimension as QuantityDimension } from '../../base/quantity.ts';
import type { DqlOptions } from '../../base/dql.ts';
import type { QdiscOptions } from '../../kernel/qdisc/options.ts';
import type { LinkOptions, QueueLimit } from '../net/options.ts';

/** Where something was written, for errors and for failed expectations. Lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One world: a scenario, or one variant of it when it has `each:`. */
export interface Scenario {
  readonly name: string;
  /** What the scenario shows, in a sentence. */
  readonly shows: string;
  /** The variant's name, e.g. `blocking` or `epoll, 64 KiB`; empty when the scenario has no `each:`. */
  readonly label: string;
  /** What the variant sets: the axis (last part of its path) and its value as written, e.g. { model: 'epoll' }. */
  readonly variant: Readonly<Record<string, string>>;
  /** What selects this variant, and what `--set` gave, as arguments of `--set`: the replay command repeats them. */
  readonly settings: readonly string[];
  /** Named random streams are seeded with this text. */
  readonly seed: string;
  readonly profile: string;
  readonly hosts: readonly HostSpec[];
  readonly routers: readonly RouterSpec[];
  readonly links: readonly LinkSpec[];
  readonly apps: readonly AppSpec[];
  readonly faults: readonly FaultSpec[];
  readonly stop: StopSpec;
  /** What the variants are compared by; null: they are not. */
  readonly compare: Comparison | null;
  readonly expect: readonly Expectation[];
  readonly source: Source;
}

/** `compare:`. */
export interface Comparison {
  /** The label of the variant that the others are compared with. */
  readonly to: string;
  readonly metrics: readonly ComparedMetric[];
}

export interface ComparedMetric {
  /** As written. */
  readonly text: string;
  /** Canonical. */
  readonly name: string;
  readonly dimension: Dimension;
}

/** The host whose system calls and switches a table shows: where the first application listens, or else the first host. */
export function focusOf(s: Scenario): string {
  return s.apps.find((a) => 'listen' in a)?.host ?? s.hosts[0]?.name ?? '';
}

/** The text that a scenario came from, and where each of its values stands in it. */
export interface Source {
  readonly file: string;
  readonly text: string;
  /** Key: `pathKey(path)`, a path below the scenario, e.g. ['hosts', 'server', 'cpus']. */
  readonly positions: ReadonlyMap<string, Position>;
}

export type Path = readonly (string | number)[];
export const pathKey = (path: Path): string => path.join('\u0000');

/** Where `path` was written; of something that was not written, where the nearest map around it was. */
export function locate(source: Source, path: Path): Position | null {
  for (let n = path.length; n >= 0; n--) {
    const at = source.positions.get(pathKey(path.slice(0, n)));
    if (at !== undefined) return at;
  }
  return null;
}

export type MachineKind = 'ideal' | 'linux';
export type DeviceKind = 'nic' | 'tun' | 'lo';
/** Linux's plain numbers (one, or a triple as in tcp_rmem), or a word as in tcp_congestion_control. */
export type SysctlValue = readonly number[] | string;

export interface HostSpec {
  readonly name: string;
  /** Cores, ≥ 1. */
  readonly cpus: number;
  readonly machine: MachineKind;
  readonly profile: string;
  /** Jiffies per second (CONFIG_HZ); 'exact' switches the rounding to jiffies off. */
  readonly hz: number | 'exact';
  /** As written, by sysctl's names: e.g. 'net.ipv4.tcp_rmem' → [4096, 131072, 6291456]. */
  readonly sysctl: Readonly<Record<string, SysctlValue>>;
  /** What the host's links are plugged into. */
  readonly device: DeviceKind;
  readonly nic: NicSpec;
  /** Prices of kernel steps that replace those of the machine, in ns, by the names of kernel/costs.ts. */
  readonly costs: Readonly<Record<string, number>>;
  /** ns (kernel/sched.ts). */
  readonly sched: Readonly<Partial<{ slice: number; migrationCost: number; hrtick: boolean }>>;
  /** RLIMIT_NOFILE of its processes; null: enough for the scenario's connections. */
  readonly nofile: number | null;
  /** How long its cores take to come back from idle, ns (kernel/cpuidle.ts). */
  readonly idle: Readonly<{ after: number; latency: number; spread: number }>;
}

/** The words of ethtool -l, -g, -c, -k. `null`: what the device and the machine have by themselves. */
export interface NicSpec {
  /** As written: `queues:`, which is short for `channels: { combined: … }`, and what `channels:` says. */
  readonly channels: {
    readonly short: number | null;
    readonly combined: number | null;
    readonly rx: number;
    readonly tx: number;
  } | null;
  /** The core of each interrupt. */
  readonly irqAffinity: readonly number[] | null;
  /** Masks of cores, one for each transmit queue or one for all; null: as the driver has it. */
  readonly xps: readonly number[] | 'off' | null;
  /** Masks of cores, one for each receive queue or one for all; null: no RPS. */
  readonly rps: readonly number[] | null;
  /** Slots of each receive queue's table; 0: no RFS. */
  readonly rpsFlows: number;
  readonly ring: { readonly rx: number | null; readonly tx: number | null };
  readonly coalesce: {
    /** Microseconds, as in ethtool. */
    readonly rxUsecs: number | null;
    readonly rxFrames: number | null;
    readonly txUsecs: number | null;
    readonly txFrames: number | null;
    readonly adaptiveRx: boolean;
    readonly adaptiveTx: boolean;
    readonly cqeModeRx: boolean;
    readonly cqeModeTx: boolean;
  };
  readonly features: {
    readonly tso: boolean | null;
    readonly gso: boolean | null;
    readonly gro: boolean | null;
  };
  /** One interrupt per frame and no polling: what receive livelock needs. */
  readonly napi: boolean | null;
  /** Polls in threads of their own. */
  readonly threaded: boolean | null;
  /** ns */
  readonly groFlushTimeout: number | null;
  readonly deferHardIrqs: number | null;
  /** Packets that wait in front of the device. */
  readonly txqueuelen: number | null;
  /** Byte queue limits; null: as the machine has them. */
  readonly bql: DqlOptions | 'off' | null;
  /** The queueing discipline; null: net.core.default_qdisc. */
  readonly qdisc: QdiscOptions | null;
}

export interface RouterSpec {
  readonly name: string;
  /** Drop-tail queue of each port, when the link that leaves it has none of its own. */
  readonly limit: QueueLimit | null;
}

/** A link joins two hosts or routers; its two directions are independent. */
export interface LinkSpec {
  /** `a-b`; with a number behind it (`a-b-2`) when two links join the same two. */
  readonly name: string;
  readonly between: readonly [string, string];
  /** From `between[0]` to `between[1]`, and back. */
  readonly directions: readonly [LinkDirection, LinkDirection];
  /** Path of the link in the scenario, for errors of the world builder. */
  readonly path: Path;
}

export interface LinkDirection {
  /** `a->b`: what metrics and fingerprints call it. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly options: LinkOptions;
}

/** An application: its model's options, and where it runs. The options may be given to the model as they are. */
export interface AppPlace {
  readonly name: string;
  readonly host: string;
  readonly path: Path;
}

export interface BlockingApp extends AppPlace, BlockingOptions {
  readonly model: 'blocking';
}
export interface EpollApp extends AppPlace, EpollOptions {
  readonly model: 'epoll';
}
export interface TomcatApp extends AppPlace, TomcatOptions {
  readonly model: 'tomcat';
}
export interface NettyApp extends AppPlace, NettyOptions {
  readonly model: 'netty';
}
export interface ReactiveApp extends AppPlace, ReactiveOptions {
  readonly model: 'reactive';
}
export interface TalkApp extends AppPlace, TalkOptions {
  readonly model: 'talk';
}
export interface EchoApp extends AppPlace, ListenOptions {
  readonly model: 'echo';
}
export interface StalledApp extends AppPlace, StalledOptions {
  readonly model: 'stalled';
}
export interface BulkApp extends AppPlace, BulkOptions {
  readonly model: 'bulk';
}
export interface ClientApp extends AppPlace, ClientOptions {
  readonly model: 'client';
}
export interface SlowLorisApp extends AppPlace, SlowLorisOptions {
  readonly model: 'slow-loris';
}
export interface RawApp extends AppPlace, RawOptions {
  readonly model: 'raw';
}
/** One that the user has written: a module, loaded by whoever runs the scenario (RunOptions.apps). */
export type UserApp = AppPlace & UserOptions & { readonly model: 'user' };

export type AppSpec =
  | BlockingApp
  | EpollApp
  | TomcatApp
  | NettyApp
  | ReactiveApp
  | EchoApp
  | StalledApp
  | BulkApp
  | ClientApp
  | SlowLorisApp
  | TalkApp
  | RawApp
  | UserApp;
export type ModelName = AppSpec['model'];

/**
 * What befalls a machine or a process from outside: `gc` and `stop` stop a process (kernel/process.ts), `steal` takes cores of a
 * virtual machine away (kernel/cpu.ts).
 */
export interface FaultSpec {
  readonly kind: 'gc' | 'stop' | 'steal';
  /** The application whose process it is, or, of `steal`, the host. */
  readonly target: string;
  /** `steal`: these cores; null: all. */
  readonly cores: readonly number[] | null;
  readonly when: FaultTimes;
  /** How long each lasts, ns, > 0. */
  readonly forNs: number;
  readonly path: Path;
}

/** When faults begin. Two of one entry never overlap. */
export type FaultTimes =
  | { readonly kind: 'at'; readonly timesNs: readonly number[] }
  /** At from + every, from + 2·every, … before `until`. */
  | {
      readonly kind: 'every';
      readonly everyNs: number;
      readonly fromNs: number;
      readonly untilNs: number;
    }
  /** Exponential gaps from `fromNs`, or from the end of one, to the beginning of the next. */
  | {
      readonly kind: 'mean';
      readonly meanNs: number;
      readonly fromNs: number;
      readonly untilNs: number;
    };

/** The run ends when all of these have happened; reaching the limit fails it. */
export interface StopSpec {
  readonly when: readonly StopEvent[];
  readonly limitNs: number;
}

/** `closed`: the application has done all that it was asked to do, and its connections are closed (Probe.closed). */
export interface StopEvent {
  readonly app: string;
  readonly event: 'closed';
}

/** One line of `expect:`. */
export interface Expectation {
  readonly that: Expr;
  readonly is: Check;
  /** As written, for reports. */
  readonly text: string;
  readonly source: string;
  /** False: says nothing about this variant (`for:`). */
  readonly applies: boolean;
  readonly position: Position | null;
}

/** Numbers are in the metric's own unit (metrics.ts): bit/s, ns, bytes, shares of 1. */
export type Expr =
  | { readonly kind: 'number'; readonly value: number; readonly dimension: Dimension | null }
  | {
      readonly kind: 'metric';
      /** Canonical: a host's metric under its host's name. */
      readonly name: string;
      readonly dimension: Dimension;
      /** Another variant's value, e.g. { model: 'blocking' }; null: this run's. */
      readonly where: Readonly<Record<string, string>> | null;
    }
  | {
      readonly kind: 'sum' | 'difference' | 'product' | 'quotient';
      readonly left: Expr;
      readonly right: Expr;
    };

export type Check =
  | { readonly kind: 'compare'; readonly op: '<' | '<=' | '=' | '>=' | '>'; readonly value: Expr }
  | { readonly kind: 'range'; readonly from: Expr; readonly to: Expr }
  /** `relative`: `tolerance` is a share of the value. */
  | {
      readonly kind: 'near';
      readonly value: Expr;
      readonly tolerance: Expr;
      readonly relative: boolean;
    };

/** What a number measures, and so which units it may be written in; `count`: a plain number. */
export type Dimension = QuantityDimension | 'count';
