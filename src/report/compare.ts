/**
 * Differences between the variants of a scenario (`compare:`), paired by seed: with one seed the variants see the same
 * arrivals, sizes and losses, so the spread between seeds is in both of a pair and leaves their difference alone.
 */
import { type Estimate, estimate } from '../base/estimate.ts';
import type { ComparedMetric, RunResult } from '../sim/run/result.ts';
import { digits, rateScale, type Scale, sizeScale, timeScale } from './numbers.ts';
import { type Paint, plain, WIDTH, wrap } from './style.ts';

export interface ComparedScenario {
  readonly scenario: string;
  /** The variant that the others are compared with. */
  readonly to: string;
  readonly others: readonly string[];
  readonly seeds: readonly string[];
  readonly metrics: readonly MetricDifferences[];
}

/** In the unit of the metric. */
export interface MetricDifferences {
  readonly metric: string;
  /** Over the seeds; null: a run has no such value. */
  readonly base: Estimate | null;
  /** Of each of `others`: its value less that of the base, seed by seed. */
  readonly differences: readonly (Estimate | null)[];
}

/**
 * @param runs  of one scenario, all variants and seeds that ran
 * @returns null when nothing is to be compared, or what is to be compared did not run
 */
export function compared(runs: readonly RunResult[]): ComparedScenario | null {
  const first = runs[0];
  if (first === undefined || first.compare === null) return null;
  const { to, metrics } = first.compare;
  const others = [...new Set(runs.map((r) => r.label))].filter((label) => label !== to);
  const complete = (seed: string): boolean =>
    [to, ...others].every((label) => find(runs, seed, label) !== undefined);
  const seeds = [...new Set(runs.map((r) => r.seed))].filter(complete);
  if (others.length === 0 || seeds.length === 0) return null;
  const value = (seed: string, label: string, m: ComparedMetric): number =>
    find(runs, seed, label)!.metrics[m.name] ?? Number.NaN;
  return {
    scenario: first.scenario,
    to,
    others,
    seeds,
    metrics: metrics.map((m) => ({
      metric: m.text,
      base: estimate(seeds.map((s) => value(s, to, m))),
      differences: others.map((label) =>
        estimate(seeds.map((s) => value(s, label, m) - value(s, to, m))),
      ),
    })),
  };
}

const find = (runs: readonly RunResult[], seed: string, label: string): RunResult | undefined =>
  runs.find((r) => r.seed === seed && r.label === label);

const LABEL = 34;
const LEAST_COLUMN = 14;

/** A row for each metric: the base, and by how much the others are away from it. Nothing without `compare:`. */
export function compareText(runs: readonly RunResult[], paint: Paint = plain): string[] {
  const c = compared(runs);
  if (c === null) return [];
  const n = c.seeds.length;
  const over =
    n === 1 ? `seed ${c.seeds[0]}` : `${n} seeds: the mean difference and its 95 % interval`;
  const head = `${c.scenario} · differences from ${c.to} with the same arrivals · ${over}`;
  const dimensions = new Map(runs[0]!.compare!.metrics.map((m) => [m.text, m.dimension]));
  const rows = c.metrics.map((m) => rowOf(m, dimensions.get(m.metric)!));
  const titles = [c.to, ...c.others];
  const widths = titles.map((title, i) =>
    Math.max(LEAST_COLUMN, title.length + 2, ...rows.map((r) => r.cells[i]!.length + 2)),
  );
  const out = wrap(head, WIDTH).map((line) => paint('strong', line));
  for (let from = 1; from < titles.length;) {
    let to = from;
    let width = LABEL + widths[0]!;
    while (to < titles.length && (to === from || width + widths[to]! <= WIDTH))
      width += widths[to++]!;
    const columns = [0, ...Array.from({ length: to - from }, (_, k) => from + k)];
    const line = (cells: readonly string[]): string =>
      columns.map((i) => cells[i]!.padStart(widths[i]!)).join('');
    out.push('', paint('strong', ' '.repeat(LABEL) + line(titles)));
    for (const r of rows) out.push(labelled(r.label, r.unit) + line(r.cells));
    from = to;
  }
  return out;
}

interface Row {
  readonly label: string;
  readonly unit: string;
  readonly cells: readonly string[];
}

function rowOf(m: MetricDifferences, dimension: ComparedMetric['dimension']): Row {
  const s = scaleOf(dimension, m.base === null ? [] : [m.base.mean]);
  const base = m.base === null ? '–' : digits(m.base.mean / s.size);
  const most = Math.max(2, base.split('.')[1]?.length ?? 0);
  const cell = (e: Estimate | null): string => {
    if (e === null) return '–';
    const mean = e.mean / s.size;
    const signed = (text: string): string =>
      Number(text) === 0 ? text : `${mean < 0 ? '−' : '+'}${text}`;
    // Nothing between the seeds says how many digits are enough.
    if (e.half === 0) return signed(digits(Math.abs(mean))) + (e.n === 1 ? '' : ' ±0');
    const half = e.half / s.size;
    const places = Math.min(most, placesOf(half));
    return `${signed(Math.abs(mean).toFixed(places))} ±${half.toFixed(places)}`;
  };
  return { label: m.metric, unit: s.unit, cells: [base, ...m.differences.map(cell)] };
}

/** Decimal places that show two digits of the uncertainty: more of them say nothing. */
function placesOf(half: number): number {
  let places = 0;
  for (let h = half; h > 0 && h < 9.5; h *= 10) places++;
  return places;
}

const PLAIN: Scale = { unit: '', size: 1 };

function scaleOf(dimension: ComparedMetric['dimension'], values: readonly number[]): Scale {
  switch (dimension) {
    case 'rate':
      return rateScale(values);
    case 'duration':
      return timeScale(values);
    case 'bytes':
      return sizeScale(values);
    case 'fraction':
      return { unit: '%', size: 0.01 };
    case 'frequency':
      return { unit: '/s', size: 1 };
    case 'packets':
    case 'count':
      return PLAIN;
  }
}

function labelled(label: string, unit: string): string {
  const room = LABEL - 1 - unit.length;
  const text = label.length > room ? `${label.slice(0, room - 1)}…` : label;
  return `${text.padEnd(room)} ${unit}`;
}
