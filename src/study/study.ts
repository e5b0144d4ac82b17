/** The runs of a sweep as they come in, in any order; what is asked of them does not depend on that order. */
import { holds, type RunResult } from '../sim/run/result.ts';
import { metricOf, type Values } from '../sim/run/judge.ts';
import { metricsIn, metricsInCheck } from '../sim/scenario/expression.ts';
import type { Expr } from '../sim/scenario/types.ts';
import type { Sweep } from '../sim/scenario/sweep.ts';
import { metricsOfBound } from './closed-form.ts';
import { namesAt, placeOf } from './grid.ts';
import { type Estimate, estimate } from '../base/estimate.ts';

/** What is kept of one run. */
export interface Kept {
  readonly seed: string;
  /** By `Study.kept`; NaN: this run has no such value. */
  readonly values: readonly number[];
  /** As `stop:` says, within its limit, every invariant kept. */
  readonly ok: boolean;
  /** `when`, `limit`, `idle`, `stopped`. */
  readonly stop: string;
  /** The invariant that was broken first; null: none. */
  readonly broken: string | null;
  readonly fingerprint: string;
}

export class Study {
  readonly sweep: Sweep;
  /** Canonical names of the metrics that are kept: those measured, and those that expectations and the closed form speak of. */
  readonly kept: readonly string[];
  private readonly runs: (Kept | undefined)[];
  done = 0;

  constructor(sweep: Sweep) {
    this.sweep = sweep;
    const expected = sweep.expect.flatMap((e) => [
      ...metricsIn(e.that),
      ...(e.is.kind === 'check' ? metricsInCheck(e.is.check) : []),
    ]);
    const names = [
      ...sweep.measure.map((m) => m.metric),
      ...expected.map((m: Extract<Expr, { kind: 'metric' }>) => m.name),
      ...metricsOfBound(sweep),
    ];
    this.kept = [...new Set(names)];
    this.runs = new Array<Kept | undefined>(sweep.size * sweep.repeat).fill(undefined);
  }

  get total(): number {
    return this.runs.length;
  }

  /** @param run  as in grid.ts `placeOf` */
  settle(run: number, result: RunResult): void {
    if (this.runs[run] === undefined) this.done++;
    this.runs[run] = {
      seed: result.seed,
      values: this.kept.map((name) => metricOf(result, name)),
      ok: holds({ ...result, expectations: [] }),
      stop: result.stop.reason,
      broken: result.firstBroken,
      fingerprint: result.fingerprint,
    };
  }

  run(point: number, repetition: number): Kept | undefined {
    return this.runs[repetition * this.sweep.size + point];
  }

  /** Those of a point that are done, by repetition. */
  runsOf(point: number): Kept[] {
    const found: Kept[] = [];
    for (let k = 0; k < this.sweep.repeat; k++) {
      const run = this.run(point, k);
      if (run !== undefined) found.push(run);
    }
    return found;
  }

  /** null: no run of the point is done, or one of them has no such value. */
  estimate(point: number, metric: string): Estimate | null {
    const i = this.kept.indexOf(metric);
    return estimate(this.runsOf(point).map((r) => r.values[i] ?? Number.NaN));
  }

  /** Means over the repetitions that are done; null: none is. */
  means(point: number): Values | null {
    if (this.runsOf(point).length === 0) return null;
    const metrics: Record<string, number> = {};
    for (const name of this.kept) {
      const e = this.estimate(point, name);
      if (e !== null) metrics[name] = e.mean;
    }
    return { variant: namesAt(this.sweep, point), metrics };
  }

  /** Runs that are done and did not end as they should. */
  failures(): { point: number; run: Kept }[] {
    return this.runs.flatMap((run, i) =>
      run === undefined || run.ok ? [] : [{ point: placeOf(this.sweep, i).point, run }],
    );
  }
}
