/** One job, from start to end, in whatever thread this is: runs the scenario and writes what was asked for on the way. */
import { AppFault } from '../app/user.ts';
import { InvariantError, ScenarioError } from '../base/assert.ts';
import type { TraceSink } from '../base/trace.ts';
import type { Instant } from '../base/units.ts';
import { PcapCapture } from '../report/pcap.ts';
import { TraceWriter, traceText } from '../report/trace.ts';
import { type RunOptions, type RunResult } from '../sim/run/result.ts';
import { LoadError } from '../sim/scenario/problems.ts';
import type { Scenario } from '../sim/scenario/types.ts';
import { faultLines } from './fault-text.ts';
import type { Job, Outcome, Verified } from './io.ts';
import { OutputClosed, type OutputFiles } from './output-files.ts';

export type RunScenario = (scenario: Scenario, options: RunOptions) => RunResult;

export interface ExecuteContext {
  readonly run: RunScenario;
  readonly files: OutputFiles;
  readonly now: () => number;
  /** How far the run is, 0 to 1; false: give up. */
  readonly onProgress: (share: number) => boolean;
}

export function execute(job: Job, context: ExecuteContext): Outcome {
  try {
    const start = context.now();
    const result = runOnce(job, context);
    result.wallMs = context.now() - start;
    const verified = job.verify ? verify(job, result, context) : null;
    context.files.commit();
    return { kind: 'result', result, verified };
  } catch (error) {
    context.files.abort();
    return outcomeOf(error, job.scenario);
  }
}

function outcomeOf(error: unknown, scenario: Scenario): Outcome {
  if (error instanceof OutputClosed) return { kind: 'unread' };
  if (error instanceof AppFault) return { kind: 'app-fault', lines: faultLines(error, scenario) };
  if (error instanceof LoadError) return { kind: 'bad-app', message: error.message };
  if (error instanceof ScenarioError) {
    return {
      kind: 'bad-scenario',
      message: error.message,
      path: [...error.path],
      hint: error.hint ?? null,
    };
  }
  if (error instanceof Error && 'syscall' in error)
    return { kind: 'output', message: error.message };
  const e = error instanceof Error ? error : new Error(String(error));
  const name = e instanceof InvariantError ? 'broken law' : e.name;
  return { kind: 'bug', message: `${name}: ${e.message}`, stack: e.stack ?? '' };
}

/** With the outputs that the job asks for. */
function runOnce(job: Job, context: ExecuteContext): RunResult {
  const { files } = context;
  const trace =
    job.trace === null ? null : new TraceWriter(job.trace.format, files.text(job.trace.path));
  const pcap =
    job.pcap === null
      ? null
      : new PcapCapture((iface) => {
          const { folder, prefix } = job.pcap!;
          return files.bytes(folder, `${prefix}.${iface.replaceAll(/[^\w.-]+/g, '-')}.pcapng`);
        }, 'hostwire');
  const result = context.run(job.scenario, {
    ...options(job, context),
    ...(trace === null ? {} : { trace }),
    ...(pcap === null ? {} : { capture: pcap }),
  });
  trace?.flush();
  pcap?.close();
  return result;
}

function options(job: Job, context: ExecuteContext): RunOptions {
  return {
    invariants: job.invariants,
    eventHash: job.eventHash,
    ...(job.mutant === null ? {} : { mutant: job.mutant }),
    onProgress: ({ nowNs, limitNs }) => context.onProgress(nowNs / limitNs),
  };
}

/** Again, with all traces on: tracing and repetition must change nothing. */
function verify(job: Job, first: RunResult, context: ExecuteContext): Verified {
  const again = new TraceHash(-1);
  const second = context.run(job.scenario, { ...options(job, context), trace: again });
  const same = (a: RunResult, b: RunResult): boolean =>
    a.fingerprint === b.fingerprint && a.eventFingerprint === b.eventFingerprint;
  if (same(first, second)) return { ok: true, message: '' };
  const third = new TraceHash(-1);
  context.run(job.scenario, { ...options(job, context), trace: third });
  const at = again.firstDifference(third);
  const fingerprints = `fingerprints ${first.fingerprint} and ${second.fingerprint}`;
  if (at < 0)
    return {
      ok: false,
      message: `${fingerprints}: tracing changes the run, two traced runs agree`,
    };
  const keep = new TraceHash(at);
  context.run(job.scenario, { ...options(job, context), trace: keep });
  return {
    ok: false,
    message: `${fingerprints}: the first record that differs is number ${at}, ${keep.kept}`,
  };
}

/** A hash of every record, in order: two runs are compared without keeping either. */
class TraceHash implements TraceSink {
  readonly on = true;
  /** The record of the number asked for, as text. */
  kept = '(not reached)';
  private readonly keep: number;
  private hashes = new Int32Array(1 << 12);
  private count = 0;

  constructor(keep: number) {
    this.keep = keep;
  }

  record(
    time: Instant,
    lane: string,
    what: string,
    fields: Readonly<Record<string, number | string>>,
  ): void {
    const text = traceText({ time, lane, what, fields });
    if (this.count === this.keep) this.kept = text.trim();
    if (this.count === this.hashes.length) {
      const more = new Int32Array(2 * this.count);
      more.set(this.hashes);
      this.hashes = more;
    }
    let h = 0;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    this.hashes[this.count++] = h;
  }

  /** −1: none. */
  firstDifference(other: TraceHash): number {
    const n = Math.max(this.count, other.count);
    for (let i = 0; i < n; i++) {
      if (i >= this.count || i >= other.count || this.hashes[i] !== other.hashes[i]) return i;
    }
    return -1;
  }
}
