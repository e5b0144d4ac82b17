/**
 * From `sweep:` to a plan: the grid, what is measured at its points, and what must come out. A point is made when it is
 * asked for, so that a grid of a hundred thousand costs no memory before it runs.
 *
 * A sweep starts from the scenario as it is written. `each:`, `compare:` and `expect:` are left aside: they speak of other variants.
 */
import { ScenarioError } from '../../base/assert.ts';
import { type Axis, readVaried, type Setting, type Variant, vary } from './axes.ts';
import { didYouMean } from './did-you-mean.ts';
import { metricsIn, metricsInCheck, parseIs, parseThat, type Resolve } from './expression.ts';
import { Problems } from './problems.ts';
import { VARY, type Value, valueOf } from './range.ts';
import { checkSelector, expectationText, resolveMetric } from './resolve.ts';
import { explain } from './schema/explain.ts';
import { type RecordedBody, type SweepBody, sweepSchema } from './schema/sweep.ts';
import { type Entry, type MapTree, positionsOf, toData, without } from './tree.ts';
import {
  type Check,
  type Dimension,
  type Expr,
  locate,
  type Path,
  type Position,
  type Scenario,
  type Source,
} from './types.ts';

export interface Sweep {
  readonly name: string;
  readonly shows: string;
  /** In the order of the file; the last one turns fastest. */
  readonly axes: readonly SweepAxis[];
  readonly repeat: number;
  readonly measure: readonly Measure[];
  readonly expect: readonly SweepExpectation[];
  readonly recorded: Recorded | null;
  /** Number of points. */
  readonly size: number;
  /**
   * The world of point `index`, 0 ≤ index < size, with the seed of the scenario.
   *
   * @throws LoadError when these values do not go together
   */
  point(index: number): Scenario;
}

export interface SweepAxis {
  /** What it is called: in selectors, tables, files and plots. */
  readonly key: string;
  /** As written. */
  readonly names: readonly string[];
  /** What they measure, when all are numbers of one kind. */
  readonly values: readonly Value[] | null;
}

export interface Measure {
  /** As written: what columns are called. */
  readonly name: string;
  /** What it is called in a result. */
  readonly metric: string;
  readonly dimension: Dimension;
}

export interface SweepExpectation {
  readonly that: Expr;
  readonly is:
    | { readonly kind: 'check'; readonly check: Check }
    /** `slack`: how far a step may go the wrong way, as a share. */
    | {
        readonly kind: 'monotone';
        readonly axis: string;
        readonly sign: 1 | -1;
        readonly slack: number;
      };
  readonly text: string;
  readonly source: string;
  readonly position: Position | null;
}

export interface Recorded {
  readonly by: string;
  readonly points: readonly RecordedPoint[];
}

export interface RecordedPoint {
  /** By axis: what it measures, or its name. */
  readonly at: Readonly<Record<string, Value | string>>;
  /** By measure, in the unit of the metric. */
  readonly values: Readonly<Record<string, number>>;
}

/** Of points and repetitions: more than a machine does in a night. */
const MAX_RUNS = 100_000;
const MOST_CHECKED = 64;

/** What reading a sweep needs from load.ts. */
export interface SweepContext {
  readonly name: string;
  readonly from: { readonly file: string; readonly text: string };
  /** Where the scenario's name stands. */
  readonly at: Position;
  readonly settings: readonly Setting[];
  readonly texts: ReadonlyMap<string, string>;
  /** One checked world; null: what is wrong has been said. */
  build(variant: Variant, problems: Problems): Scenario | null;
}

type Report = (path: Path, message: string, hint?: string) => void;

/** null: what is wrong has been said. */
export function readSweep(
  scenario: MapTree,
  written: Entry,
  context: SweepContext,
  problems: Problems,
): Sweep | null {
  const before = problems.size;
  const positions = positionsOf(written.value, written.key);
  const source: Source = { ...context.from, positions };
  const report: Report = (path, message, hint) =>
    problems.add({
      at: locate(source, path) ?? written.key,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  const tree = written.value;
  const parsed = sweepSchema.safeParse(toData(tree));
  if (!parsed.success) {
    for (const p of explain(parsed.error.issues, { schema: sweepSchema, tree, source }))
      problems.add(p);
  }
  const varies = tree.kind === 'map' ? tree.entries.get('vary') : undefined;
  if (tree.kind === 'map' && varies === undefined)
    report([], 'missing key `vary`', `e.g. \`${VARY.example}\``);
  if (varies === undefined || !parsed.success) return null;
  const base = without(scenario, ['each', 'sweep', 'expect', 'compare']);
  const varied = readVaried(base, varies, VARY, context.settings, problems);
  if (varied === null) return null;
  const grid = new Grid(varied.base, varied.axes, context);
  const { repeat } = parsed.data;
  if (grid.axes.length === 0) report(['vary'], '`vary` is empty', `e.g. \`${VARY.example}\``);
  if (grid.size * repeat > MAX_RUNS) {
    const runs = repeat === 1 ? '' : `, ${grid.size * repeat} runs`;
    report(['vary'], `${grid.size} points${runs}; at most ${MAX_RUNS}`);
  }
  checkTwice(grid.axes, report);
  if (problems.size > before) return null;
  const first = grid.checkValues(problems);
  if (first === null) return null;
  const world = first;
  const measure = measures(parsed.data.measure, world, report);
  const expect = expectations(parsed.data, world, grid, source, report);
  const recorded = recordedOf(parsed.data.recorded, grid.axes, measure, report);
  if (problems.size > before) return null;
  return {
    name: context.name,
    shows: world.shows,
    axes: grid.axes.map(axisOf),
    repeat,
    measure,
    expect,
    recorded,
    size: grid.size,
    point: (index) => grid.point(index),
  };
}

/** Two values with one name could not be told apart. */
function checkTwice(axes: readonly Axis[], report: Report): void {
  for (const axis of axes) {
    const seen = new Set<string>();
    for (const { name } of axis.values) {
      if (seen.has(name)) report(['vary'], `\`${axis.key}\` has the value \`${name}\` twice`);
      seen.add(name);
    }
  }
}

class Grid {
  readonly axes: readonly Axis[];
  readonly size: number;
  readonly base: Variant;
  private readonly context: SweepContext;

  constructor(base: Variant, axes: readonly Axis[], context: SweepContext) {
    this.base = base;
    this.axes = axes;
    this.context = context;
    this.size = axes.reduce((n, a) => n * a.values.length, 1);
  }

  point(index: number): Scenario {
    const problems = new Problems();
    const scenario = this.context.build(this.variant(this.coordinates(index)), problems);
    problems.throwIfAny(this.context.texts);
    return scenario!;
  }

  /**
   * Every value once, the other axes at their first: finds what is wrong with a value by itself. Of a long axis, which
   * nobody wrote value by value, the first ones and the last. Returns the first point.
   */
  checkValues(problems: Problems): Scenario | null {
    const before = problems.size;
    const origin = this.axes.map(() => 0);
    const first = this.context.build(this.variant(origin), problems);
    this.axes.forEach((axis, a) => {
      const last = axis.values.length - 1;
      for (
        let i = 1;
        i <= last && problems.size === before;
        i = i < MOST_CHECKED ? i + 1 : Math.max(i + 1, last)
      ) {
        this.context.build(this.variant(origin.with(a, i)), problems);
      }
    });
    return problems.size === before ? first : null;
  }

  private coordinates(index: number): number[] {
    let rest = index;
    return this.axes
      .toReversed()
      .map((axis) => {
        const i = rest % axis.values.length;
        rest = (rest - i) / axis.values.length;
        return i;
      })
      .toReversed();
  }

  private variant(coordinates: readonly number[]): Variant {
    return this.axes.reduce(
      (v, axis, a) => vary(v, axis, axis.values[coordinates[a]!]!),
      this.base,
    );
  }
}

function axisOf(axis: Axis): SweepAxis {
  const names = axis.values.map((c) => c.name);
  const values = names.map(valueOf);
  const numbers = values.filter((v) => v !== null);
  const alike = numbers.every((v) => v.dimension === numbers[0]!.dimension);
  const numeric = numbers.length === names.length && alike;
  return { key: axis.key, names, values: numeric ? numbers : null };
}

/** Runs `look`; what it refuses is said about `path`. */
function attempt<T>(look: () => T, path: Path, report: Report): T | null {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    report(path, error.message, error.hint);
    return null;
  }
}

function measures(names: readonly string[], world: Scenario, report: Report): Measure[] {
  return names.flatMap((name, i) => {
    const path: Path = ['measure', i];
    if (names.indexOf(name) < i) report(path, `\`${name}\` is measured already`);
    const found = attempt(() => resolveMetric(name, world), path, report);
    return found === null ? [] : [{ name, metric: found.name, dimension: found.dimension }];
  });
}

function expectations(
  body: SweepBody,
  world: Scenario,
  grid: Grid,
  source: Source,
  report: Report,
): SweepExpectation[] {
  const named: Resolve = (name) => resolveMetric(name, world);
  const { name: variant } = grid.base;
  return body.expect.flatMap((e, i): SweepExpectation[] => {
    const path: Path = ['expect', i];
    const that = attempt(() => parseThat(e.that, named), [...path, 'that'], report);
    if (that === null) return [];
    const is = attempt(
      () => monotone(String(e.is), grid.axes) ?? checked(String(e.is), that, named),
      [...path, 'is'],
      report,
    );
    if (is === null) return [];
    const other = is.kind === 'check' ? metricsInCheck(is.check) : [];
    const known = attempt(
      () => {
        for (const m of [...metricsIn(that), ...other]) checkSelector(m.where, variant);
        return true;
      },
      [...path, 'that'],
      report,
    );
    if (known === null) return [];
    const text = is.kind === 'monotone' ? `${e.that} ${String(e.is).trim()}` : expectationText(e);
    return [{ that, is, text, source: e.source, position: locate(source, path) }];
  });
}

const checked = (text: string, that: Expr, named: Resolve): SweepExpectation['is'] => ({
  kind: 'check',
  check: parseIs(text, that, named),
});

/** `non-decreasing in SO_RCVBUF ± 1 %`; null: it is something else. */
function monotone(text: string, axes: readonly Axis[]): SweepExpectation['is'] | null {
  const m = /^non-(de|in)creasing in (\S+)(?:\s*(?:±|\+-)\s*(\d+(?:\.\d+)?) ?%)?$/.exec(
    text.trim(),
  );
  if (m === null) {
    if (!/^(non-)?(de|in)creasing/.test(text.trim())) return null;
    throw new ScenarioError(
      `\`${text}\` is no direction`,
      [],
      'write `non-decreasing in SO_RCVBUF` or `non-increasing in SO_RCVBUF ± 1 %`',
    );
  }
  const [, way, key = '', share = '0'] = m;
  const axis = axes.find((a) => a.key === key);
  if (axis === undefined) {
    const keys = axes.map((a) => a.key);
    throw new ScenarioError(
      `\`${key}\` is not varied`,
      [],
      didYouMean(key, keys, '`vary:` varies'),
    );
  }
  if (axisOf(axis).values === null)
    throw new ScenarioError(`the values of \`${key}\` are no numbers: they have no order`, []);
  return { kind: 'monotone', axis: key, sign: way === 'de' ? 1 : -1, slack: Number(share) / 100 };
}

function recordedOf(
  body: RecordedBody | null,
  axes: readonly Axis[],
  measure: readonly Measure[],
  report: Report,
): Recorded | null {
  if (body === null) return null;
  const points = body.points.map((written, i): RecordedPoint => {
    const at: Record<string, Value | string> = {};
    const values: Record<string, number> = {};
    for (const [key, raw] of Object.entries(written)) {
      const path: Path = ['recorded', 'points', i, key];
      const m = measure.find((one) => one.name === key);
      if (axes.some((a) => a.key === key)) at[key] = valueOf(String(raw)) ?? String(raw);
      else if (m !== undefined) {
        const v = measured(String(raw), m);
        if (v === null) report(path, `\`${raw}\` is no value of \`${key}\``, hintFor(m));
        else values[key] = v;
      } else {
        const known = [...axes.map((a) => a.key), ...measure.map((one) => one.name)];
        report(
          path,
          `\`${key}\` is neither varied nor measured`,
          didYouMean(key, known, 'there are'),
        );
      }
    }
    const missing = axes.find((a) => at[a.key] === undefined);
    if (missing !== undefined)
      report(['recorded', 'points', i], `a recorded point needs its \`${missing.key}\``);
    return { at, values };
  });
  return { by: body.by, points };
}

/** Zero needs no unit. */
function measured(raw: string, m: Measure): number | null {
  const v = valueOf(raw);
  if (v === null) return null;
  const fits = v.dimension === m.dimension || (v.dimension === 'count' && v.value === 0);
  return fits ? v.value : null;
}

const hintFor = (m: Measure): string =>
  m.dimension === 'count' ? 'a plain number' : `a ${m.dimension} with its unit`;
