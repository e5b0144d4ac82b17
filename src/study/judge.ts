/**
 * What a sweep's `expect:` says of its points. Values are means over the repetitions. An expectation holds when it does for
 * every value of the axes that it does not name.
 */
import { evaluate, holdsFor, show, type Values } from '../sim/run/judge.ts';
import { dimensionOf, metricsIn, metricsInCheck } from '../sim/scenario/expression.ts';
import type { Expr } from '../sim/scenario/types.ts';
import type { SweepExpectation } from '../sim/scenario/sweep.ts';
import { namesAt } from './grid.ts';
import type { Study } from './study.ts';

export interface SweepVerdict {
  readonly text: string;
  readonly source: string;
  /** null: points that it speaks of have not run. */
  readonly ok: boolean | null;
  /** How often it was decided. */
  readonly cases: number;
  /** Where it does not hold, and what is there: `epoll: 1.6`. */
  readonly failures: readonly string[];
  /** Least and most of what was measured, for people; empty: nothing was. */
  readonly measured: string;
  readonly position: SweepExpectation['position'];
}

export function judgeSweep(study: Study): SweepVerdict[] {
  const all = Array.from({ length: study.sweep.size }, (_, point) => study.means(point));
  return study.sweep.expect.map((e) => {
    const cases = e.is.kind === 'monotone' ? slopes(e, study, all) : checks(e, study, all);
    const values = cases.flatMap((c) => c.values).filter(Number.isFinite);
    const dimension = dimensionOf(e.that);
    const least = show(Math.min(...values), dimension);
    const most = show(Math.max(...values), dimension);
    const decided = cases.filter((c) => c.ok !== null);
    return {
      text: e.text,
      source: e.source,
      ok: decided.some((c) => c.ok === false)
        ? false
        : decided.length < cases.length || cases.length === 0
          ? null
          : true,
      cases: cases.length,
      failures: decided.filter((c) => c.ok === false).map((c) => c.said),
      measured: values.length === 0 ? '' : least === most ? least : `${least} .. ${most}`,
      position: e.position,
    };
  });
}

interface Case {
  readonly ok: boolean | null;
  readonly values: readonly number[];
  readonly said: string;
}

type Metric = Extract<Expr, { kind: 'metric' }>;

/** Axes whose value makes no difference: every metric names its own. */
function pinned(e: SweepExpectation): Set<string> {
  const metrics: Metric[] = [
    ...metricsIn(e.that),
    ...(e.is.kind === 'check' ? metricsInCheck(e.is.check) : []),
  ];
  const [first, ...rest] = metrics.map((m) => Object.keys(m.where ?? {}));
  return new Set((first ?? []).filter((key) => rest.every((keys) => keys.includes(key))));
}

/** What is left of a point's names without some axes. */
function labelWithout(variant: Values['variant'], keys: ReadonlySet<string>): string {
  const rest = Object.entries(variant).filter(([key]) => !keys.has(key));
  return rest.map(([, name]) => name).join(', ');
}

function checks(e: SweepExpectation, study: Study, all: readonly (Values | null)[]): Case[] {
  const { is } = e;
  if (is.kind !== 'check') return [];
  const free = pinned(e);
  const cases = new Map<string, Case>();
  const dimension = dimensionOf(e.that);
  const there = all.filter((v) => v !== null);
  for (let point = 0; point < all.length; point++) {
    const variant = namesAt(study.sweep, point);
    const label = labelWithout(variant, free);
    if (cases.has(label)) continue;
    const own = all[point] ?? { variant, metrics: {} };
    const value = (x: Expr): number => evaluate(x, own, there);
    const actual = value(e.that);
    const known =
      Number.isFinite(actual) && metricsInCheck(is.check).every((m) => Number.isFinite(value(m)));
    const said = `${label === '' ? '' : `${label}: `}${known ? show(actual, dimension) : 'not run'}`;
    cases.set(label, {
      ok: known ? holdsFor(is.check, actual, value) : null,
      values: known ? [actual] : [],
      said,
    });
  }
  return [...cases.values()];
}

/** One case for each combination of the other axes. */
function slopes(e: SweepExpectation, study: Study, all: readonly (Values | null)[]): Case[] {
  const { is } = e;
  if (is.kind !== 'monotone') return [];
  const axis = study.sweep.axes.find((a) => a.key === is.axis)!;
  const order = axis.names
    .map((name, i) => ({ name, at: axis.values![i]!.value }))
    .toSorted((a, b) => a.at - b.at);
  const lines = new Map<string, Map<string, number>>();
  const there = all.filter((v) => v !== null);
  all.forEach((own, point) => {
    const variant = namesAt(study.sweep, point);
    const label = labelWithout(variant, new Set([axis.key]));
    const line = lines.get(label) ?? new Map<string, number>();
    lines.set(label, line);
    line.set(variant[axis.key]!, own === null ? Number.NaN : evaluate(e.that, own, there));
  });
  const dimension = dimensionOf(e.that);
  return [...lines].map(([label, line]) => {
    const values = order.map(({ name }) => line.get(name)!);
    const wrong = values.findIndex(
      (v, i) =>
        i > 0 &&
        is.sign * (v - values[i - 1]!) < -is.slack * Math.abs(values[i - 1]!) - 1e-9 * Math.abs(v),
    );
    const step = (i: number): string => `${order[i]!.name}: ${show(values[i]!, dimension)}`;
    const known = values.every(Number.isFinite);
    return {
      ok: wrong > 0 ? false : known ? true : null,
      values,
      said:
        wrong > 0 ? `${label === '' ? '' : `${label}: `}${step(wrong - 1)}, ${step(wrong)}` : label,
    };
  });
}
