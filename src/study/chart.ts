/** One metric along the main axis, ready to be drawn by whatever draws: a terminal, Vega-Lite. */
import { printBytes, printDuration, printRate } from '../base/quantity.ts';
import type { Duration } from '../base/units.ts';
import { digits, type Scale } from '../report/numbers.ts';
import type { Measure, RecordedPoint, SweepAxis } from '../sim/scenario/sweep.ts';
import type { Dimension } from '../sim/scenario/types.ts';
import { boundedGoodput, windowBound } from './closed-form.ts';
import { inBytes, mainAxis, namesAt, type Series, seriesOf } from './grid.ts';
import { scaleOf, wordsFor } from './scale.ts';
import type { Study } from './study.ts';

export interface Chart {
  /** `voluntary context switches` */
  readonly title: string;
  /** Of y; empty: a plain number. */
  readonly unit: string;
  readonly x: ChartAxis;
  /** Whether y is drawn on a log scale: all above 0, and far apart. */
  readonly logY: boolean;
  readonly lines: readonly Line[];
  readonly recorded: readonly Marked[];
  /** min(rate, window / RTT), where it applies; empty elsewhere. */
  readonly bound: readonly Place[];
}

export interface ChartAxis {
  readonly key: string;
  /** `bytes`; empty: a plain number, or the labels say it. */
  readonly unit: string;
  readonly values: readonly number[];
  /** For ticks: `4 KiB`. */
  readonly labels: readonly string[];
  readonly log: boolean;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly label: string;
  /** y and its 95 % interval, in the unit of the chart; points that have not run are left out. */
  readonly points: readonly (Place & { readonly low: number; readonly high: number })[];
}

export interface Marked extends Place {
  /** The line it belongs to. */
  readonly line: string;
}

/** Ratio of largest to smallest from which a log scale shows more. */
const FAR_APART = 20;

/** null: no axis has two numbers to draw along. */
export function chartOf(study: Study, m: Measure): Chart | null {
  const { sweep } = study;
  const axis = mainAxis(sweep);
  if (axis === null) return null;
  const series = seriesOf(sweep, axis);
  const xs = axis.values!.map((v) => v.value);
  const means = series.flatMap((s) => s.points.map((p) => study.estimate(p, m.metric)?.mean));
  const recorded = recordedOn(study, m, axis);
  const known = [...means.filter((v) => v !== undefined), ...recorded.map((r) => r.y)];
  const scale = scaleOf(m.dimension, known);
  const bound = m.metric === 'goodput' ? boundOf(study, series, xs, scale) : [];
  const drawn = [...known, ...bound.map((p) => p.y * scale.size)];
  const least = Math.min(...drawn);
  return {
    title: wordsFor(m.name),
    unit: scale.unit,
    x: {
      key: axis.key,
      unit: inBytes(axis) ? 'bytes' : '',
      values: xs,
      labels: xs.map((x) => axisLabel(x, inBytes(axis) ? 'bytes' : axis.values![0]!.dimension)),
      log: isLog(xs),
    },
    logY: known.length > 0 && least > 0 && Math.max(...drawn) >= FAR_APART * least,
    lines: series.map((s) => lineOf(study, m, s, xs, scale)),
    recorded: recorded.map((r) => ({ ...r, y: r.y / scale.size })),
    bound,
  };
}

/** Values that were made by multiplying, or that are far apart and were not made by adding. */
function isLog(xs: readonly number[]): boolean {
  const least = Math.min(...xs);
  if (least <= 0) return false;
  const [first = 0, second = 0] = xs;
  const follow = (next: (x: number) => number): boolean =>
    xs.length > 2 && xs.every((x, i) => i === 0 || Math.abs(x - next(xs[i - 1]!)) <= 1e-9 * x);
  if (follow((x) => x + second - first)) return false;
  return follow((x) => (x * second) / first) || Math.max(...xs) >= 8 * least;
}

function lineOf(study: Study, m: Measure, s: Series, xs: readonly number[], scale: Scale): Line {
  const points = s.points.flatMap((point, i) => {
    const e = study.estimate(point, m.metric);
    if (e === null) return [];
    const y = e.mean / scale.size;
    const half = e.half / scale.size;
    // What cannot be below 0 has no interval that reaches there.
    return [{ x: xs[i]!, y, low: Math.max(Math.min(0, y), y - half), high: y + half }];
  });
  return { label: s.label, points };
}

function recordedOn(study: Study, m: Measure, axis: SweepAxis): Marked[] {
  const { sweep } = study;
  const others = sweep.axes.filter((a) => a !== axis);
  return (sweep.recorded?.points ?? []).flatMap((p: RecordedPoint): Marked[] => {
    const y = p.values[m.name];
    const x = p.at[axis.key];
    if (y === undefined || x === undefined || typeof x === 'string') return [];
    const line = others.map((a) => nameOn(a, p.at[a.key]!)).join(', ');
    return [{ line, x: x.value, y }];
  });
}

function nameOn(axis: SweepAxis, at: RecordedPoint['at'][string]): string {
  if (typeof at === 'string') return at;
  const i = axis.values?.findIndex((v) => v.value === at.value) ?? -1;
  return axis.names[i] ?? String(at.value);
}

/** Each point is made again to look at its links: for a large grid the line is not worth that. */
const MOST_BOUNDS = 1000;

/** Of the widest window among the lines: none of them may lie above. */
function boundOf(
  study: Study,
  series: readonly Series[],
  xs: readonly number[],
  scale: Scale,
): Place[] {
  const { sweep } = study;
  if (sweep.size > MOST_BOUNDS) return [];
  return xs.flatMap((x, i) => {
    const bounds = series.flatMap((s) => {
      const point = s.points[i]!;
      const bound = windowBound(sweep.point(point));
      const window = bound === null ? null : study.estimate(point, bound.window);
      return bound === null || window === null ? [] : [boundedGoodput(bound, window.max)];
    });
    return bounds.length === 0 ? [] : [{ x, y: Math.max(...bounds) / scale.size }];
  });
}

function axisLabel(x: number, d: Dimension): string {
  switch (d) {
    case 'bytes':
      return printBytes(x, 3);
    case 'duration':
      return printDuration(x as Duration, 3);
    case 'rate':
      return printRate(x, 3);
    case 'fraction':
      return `${digits(100 * x, 3)} %`;
    default:
      return digits(x, 3);
  }
}

/**
 * What a chart shows, in words: for whoever cannot see it.
 * `goodput in Mbit/s against SO_RCVBUF. blocking: rises from 1.15 at 4 KiB to 92.4 at 1 MiB.`
 */
export function caption(chart: Chart): string {
  const { x, unit, title } = chart;
  const scales = [chart.logY ? 'log scale' : '', x.log ? 'log x-axis' : ''].filter((s) => s !== '');
  const head = `${title}${unit === '' ? '' : ` in ${unit}`} against ${x.key}${scales.length === 0 ? '' : ` (${scales.join(', ')})`}.`;
  const told: string[] = [];
  const byText = new Map<string, string[]>();
  for (const line of chart.lines) {
    const text = course(chart, line);
    byText.set(text, [...(byText.get(text) ?? []), line.label]);
  }
  for (const [text, labels] of byText) {
    const who = labels.filter((l) => l !== '').join(', ');
    told.push(who === '' ? `It ${text}.` : `${who}: ${text}.`);
  }
  return [head, ...told].join(' ');
}

/** What differs by less is the same to a reader. */
const FLAT = 0.03;

/** How a line runs, in words. */
function course(chart: Chart, line: Line): string {
  const { points } = line;
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return 'no point has run';
  const label = (x: number): string => chart.x.labels[chart.x.values.indexOf(x)] ?? String(x);
  const at = (p: Place): string => `${digits(p.y, 3)} at ${label(p.x)}`;
  if (points.every((p) => p.y === first.y)) return `${digits(first.y, 3)} everywhere`;
  const low = Math.min(...points.map((p) => p.y));
  const high = Math.max(...points.map((p) => p.y));
  if (low > 0 && high <= (1 + FLAT) * low)
    return `hardly changes, ${digits(low, 3)} to ${digits(high, 3)}`;
  const rises = points.every((p, i) => i === 0 || p.y >= points[i - 1]!.y);
  const falls = points.every((p, i) => i === 0 || p.y <= points[i - 1]!.y);
  if (rises || falls) return `${rises ? 'rises' : 'falls'} from ${at(first)} to ${at(last)}`;
  const most = points.reduce((a, b) => (b.y > a.y ? b : a));
  const least = points.reduce((a, b) => (b.y < a.y ? b : a));
  return `from ${at(first)} to ${at(last)}, least ${at(least)}, most ${at(most)}`;
}

/** Names of the axes that are not the main one, for legends: `model`. */
export function seriesTitle(study: Study): string {
  const axis = mainAxis(study.sweep);
  const keys = Object.keys(namesAt(study.sweep, 0));
  return keys.filter((key) => key !== axis?.key).join(', ');
}
