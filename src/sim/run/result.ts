/**
 * What a run gives: plain data. Every output (text, JSON, captures apart, tables of a study) is made from this and from
 * nothing else; none reaches into the simulation.
 */
import type { AppWatch, UserApps } from '../../app/user.ts';
import type { TraceSink } from '../../base/trace.ts';
import type { Comparison } from '../scenario/types.ts';
import type { CaptureSink } from './capture.ts';

export type { ComparedMetric, Comparison } from '../scenario/types.ts';
export type { CapturedFrame, CaptureSink } from './capture.ts';

export interface RunResult {
  readonly scenario: string;
  readonly shows: string;
  /** The variant; empty when the scenario has only one. */
  readonly label: string;
  readonly variant: Readonly<Record<string, string>>;
  /** Arguments of `--set` that give exactly this run. */
  readonly settings: readonly string[];
  readonly seed: string;
  readonly profile: string;
  /** Of hostwire. */
  readonly version: string;
  readonly hosts: readonly string[];
  /** The host that the table is about: `focusOf(scenario)`. */
  readonly focus: string;
  /** Simulated time from start to end. */
  readonly simulatedNs: number;
  /** Time it took on this machine; whoever has a clock (cli/) fills it in, 0 until then. */
  wallMs: number;
  readonly stop: StopOutcome;
  /**
   * By canonical name, in the units of sim/scenario/metrics.ts: bit/s, ns, bytes, shares of 1, counts. A metric that
   * does not exist in this world is absent; one that exists and did not happen is 0.
   */
  readonly metrics: Readonly<Record<string, number>>;
  readonly histograms: readonly HistogramSummary[];
  /** Linux's counters, per host. */
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Only those that occurred. */
  readonly drops: readonly DropCount[];
  readonly queues: readonly QueueSummary[];
  readonly connections: readonly ConnectionSummary[];
  readonly invariants: readonly InvariantVerdict[];
  /** What was broken on purpose (mutants.ts); null: nothing. */
  readonly mutant: string | null;
  /** The law that was broken first; null when all hold. */
  readonly firstBroken: string | null;
  /** What the variants of the scenario are compared by; null: they are not. */
  readonly compare: Comparison | null;
  /** Filled by judge.ts, when all variants of the scenario have run. */
  expectations: readonly ExpectationVerdict[];
  /** 16 hexadecimal digits; with `--fingerprint=events` another one over dispatched events. */
  readonly fingerprint: string;
  readonly eventFingerprint: string | null;
  /** Threads that were still waiting when the run ended by itself or at its limit. */
  readonly waiting: readonly WaitingThread[];
}

export interface StopOutcome {
  /** `when`: as `stop:` says. `limit`: not finished in time. `idle`: nothing left to happen before `when` held. `stopped`: from outside. */
  readonly reason: 'when' | 'limit' | 'idle' | 'stopped';
  readonly atNs: number;
  /** What was waited for and had not happened, e.g. ['upload.closed']. */
  readonly missing: readonly string[];
}

/** Nanoseconds. */
export interface HistogramSummary {
  readonly name: string;
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p75: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
}

export interface DropCount {
  /** A host, or a direction of a link (`a->b`). */
  readonly where: string;
  /** Linux's name (`ListenOverflows`), or the wire's (`loss`, `limit`). */
  readonly name: string;
  readonly count: number;
}

/** Bound null: nothing bounds it in Linux either, and the report says so. */
export interface QueueSummary {
  /** As in metrics, without `.peak`: `server.receive_buffer`, `link.a->b.queue`, `server.rx_ring`. */
  readonly name: string;
  readonly unit: 'packets' | 'bytes' | 'connections' | 'items';
  readonly peak: number;
  readonly bound: number | null;
}

export interface ConnectionSummary {
  /** `client:40000->server:8080`. */
  readonly name: string;
  readonly host: string;
  /** tcp_info, by Linux's field names, and what the application did with the connection. */
  readonly info: Readonly<Record<string, number>>;
}

export interface InvariantVerdict {
  readonly name: string;
  readonly ok: boolean;
  /** How often it was looked at. */
  readonly checks: number;
  /** Empty when ok. */
  readonly message: string;
}

export interface ExpectationVerdict {
  /** As written: `goodput 25 .. 34 Mbit/s`. */
  readonly text: string;
  readonly source: string;
  /** null: not decided here (another variant that it speaks of has not run). */
  readonly ok: boolean | null;
  /** What was measured, in the metric's unit; null when the metric does not exist. */
  readonly actual: number | null;
  /** What was measured, for people: `3511`, `24.1 Mbit/s`. */
  readonly actualText: string;
  readonly position: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
  } | null;
  /** False: it speaks of several variants, so replaying this one alone does not decide it. */
  readonly alone: boolean;
}

export interface WaitingThread {
  readonly host: string;
  readonly thread: string;
  /** The system call it is in, with what it waits for: `read(5)`. */
  readonly call: string;
  readonly sinceNs: number;
}

/** How far a run is. */
export interface Progress {
  readonly nowNs: number;
  readonly limitNs: number;
}

export interface RunOptions {
  readonly trace?: TraceSink;
  /** Gets every frame that passes an interface. */
  readonly capture?: CaptureSink;
  /** Default true. */
  readonly invariants?: boolean;
  readonly eventHash?: boolean;
  /** Applications of the user's own, by what `app:` says in the scenario. */
  readonly apps?: UserApps;
  /** Told when code of such an application runs: somebody in another thread can notice that it never yields. */
  readonly watch?: AppWatch;
  /** Breaks the simulator on purpose, by one of the names of mutants.ts: to see an invariant fail. */
  readonly mutant?: string;
  /** Called now and then; false ends the run (`stop.reason` is then `stopped`). */
  readonly onProgress?: (progress: Progress) => boolean;
}

/** Exit 0 needs all of it: the run ended as it should, every invariant and every expectation held. */
export function holds(r: RunResult): boolean {
  return (
    r.stop.reason === 'when' &&
    r.invariants.every((i) => i.ok) &&
    r.expectations.every((e) => e.ok !== false)
  );
}
