/**
 * Whether what came out is what `expect:` says. Called when all variants of a scenario with one seed have run, because an
 * expectation may speak of another variant's value.
 */
import { printBytes, printDuration, printRate } from '../../base/quantity.ts';
import type { Duration } from '../../base/units.ts';
import { dimensionOf, metricsIn, metricsInCheck } from '../scenario/expression.ts';
import { metricDef } from '../scenario/metrics.ts';
import type { Check, Dimension, Expectation, Expr, Scenario } from '../scenario/types.ts';
import type { ExpectationVerdict, RunResult } from './result.ts';

/** A run, with the scenario it is a run of. */
export interface Judged {
  readonly scenario: Scenario;
  readonly result: RunResult;
}

/** What an expectation is decided on: a run, or the mean of several. */
export type Values = Pick<RunResult, 'variant' | 'metrics'>;

/** Fills in `expectations` of every result. `runs`: all variants that ran, of one scenario with one seed. */
export function judge(runs: readonly Judged[]): void {
  for (const { scenario, result } of runs) {
    result.expectations = scenario.expect
      .filter((e) => e.applies)
      .map((e) =>
        verdict(
          e,
          result,
          runs.map((r) => r.result),
        ),
      );
  }
}

/** Equality of what was computed in floating point. */
const TINY = 1e-9;

function verdict(e: Expectation, own: Values, all: readonly Values[]): ExpectationVerdict {
  const metrics = [...metricsIn(e.that), ...metricsInCheck(e.is)];
  const others = metrics.filter((m) => m.where !== null);
  const ran = others.every((m) => find(m.where!, own, all) !== null);
  const value = (x: Expr): number => evaluate(x, own, all);
  const actual = ran ? value(e.that) : Number.NaN;
  const dimension = dimensionOf(e.that);
  return {
    text: e.text,
    source: e.source,
    ok: ran ? Number.isFinite(actual) && holdsFor(e.is, actual, value) : null,
    actual: Number.isFinite(actual) ? actual : null,
    actualText: Number.isFinite(actual) ? show(actual, dimension) : ran ? 'no value' : 'not run',
    position: e.position,
    alone: others.length === 0,
  };
}

/** @param value  of an expression on the right side */
export function holdsFor(is: Check, actual: number, value: (x: Expr) => number): boolean {
  switch (is.kind) {
    case 'compare': {
      const limit = value(is.value);
      const slack = TINY * Math.max(Math.abs(limit), Math.abs(actual));
      if (is.op === '=') return Math.abs(actual - limit) <= slack;
      if (is.op === '<') return actual < limit;
      if (is.op === '>') return actual > limit;
      return is.op === '<=' ? actual <= limit + slack : actual >= limit - slack;
    }
    case 'range':
      return actual >= value(is.from) && actual <= value(is.to);
    case 'near': {
      const middle = value(is.value);
      const tolerance = value(is.tolerance) * (is.relative ? Math.abs(middle) : 1);
      return Math.abs(actual - middle) <= tolerance * (1 + TINY);
    }
  }
}

/** NaN where a metric has no value, or another variant has not run. */
export function evaluate(e: Expr, own: Values, all: readonly Values[]): number {
  switch (e.kind) {
    case 'number':
      return e.value;
    case 'metric': {
      const run = e.where === null ? own : find(e.where, own, all);
      return run === null ? Number.NaN : metricOf(run, e.name);
    }
    case 'sum':
      return evaluate(e.left, own, all) + evaluate(e.right, own, all);
    case 'difference':
      return evaluate(e.left, own, all) - evaluate(e.right, own, all);
    case 'product':
      return evaluate(e.left, own, all) * evaluate(e.right, own, all);
    case 'quotient':
      return evaluate(e.left, own, all) / evaluate(e.right, own, all);
  }
}

/** A counter with a name of its own that never moved is not in the result: it is 0. Anything else absent has no value. */
export function metricOf(r: Values, name: string): number {
  const value = r.metrics[name];
  if (value !== undefined) return value;
  const pattern = metricDef(name)?.pattern ?? '';
  return /<(call|LinuxName|why)>$/.test(pattern) ? 0 : Number.NaN;
}

/** The run that agrees with `where`, and with this run on every other axis. */
function find(
  where: Readonly<Record<string, string>>,
  own: Values,
  all: readonly Values[],
): Values | null {
  const wanted = Object.entries({ ...own.variant, ...where });
  return all.find((r) => wanted.every(([axis, value]) => r.variant[axis] === value)) ?? null;
}

/** A value for people, in a unit of its dimension. */
export function show(value: number, dimension: Dimension | 'any'): string {
  switch (dimension) {
    case 'rate':
      return printRate(value);
    case 'duration':
      return printDuration(value as Duration);
    case 'bytes':
      return printBytes(value);
    case 'fraction':
      return `${plain(value * 100)} %`;
    case 'frequency':
      return `${plain(value)} /s`;
    case 'packets':
      return `${plain(value)} packets`;
    case 'count':
    case 'any':
      return plain(value);
  }
}

function plain(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
