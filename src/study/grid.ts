/** Points of a sweep, their repetitions, and the order in which they run. */
import type { Scenario } from '../sim/scenario/types.ts';
import type { Sweep, SweepAxis } from '../sim/scenario/sweep.ts';

/** Index of a value on each axis; the last axis turns fastest. */
export function coordinates(sweep: Sweep, point: number): number[] {
  let rest = point;
  return sweep.axes
    .toReversed()
    .map((axis) => {
      const i = rest % axis.names.length;
      rest = (rest - i) / axis.names.length;
      return i;
    })
    .toReversed();
}

/** What each axis is called there: `{ SO_RCVBUF: '4096', model: 'epoll' }`. */
export function namesAt(sweep: Sweep, point: number): Record<string, string> {
  const at = coordinates(sweep, point);
  return Object.fromEntries(sweep.axes.map((axis, a) => [axis.key, axis.names[at[a]!]!]));
}

/**
 * Repetition by repetition, so that a sweep that is interrupted has a whole grid of fewer seeds rather than a part of it.
 *
 * @param run  0 ≤ run < points · repeat
 */
export function placeOf(sweep: Sweep, run: number): { point: number; repetition: number } {
  const point = run % sweep.size;
  return { point, repetition: (run - point) / sweep.size };
}

/** Repetition k has the same seed at every point: common random numbers. The first has the scenario's own. */
export function seedOf(own: string, repetition: number): string {
  if (repetition === 0) return own;
  return /^\d{1,15}$/.test(own) ? String(Number(own) + repetition) : `${own}.${repetition + 1}`;
}

/** The world of one run, as it goes to whoever runs it. */
export function worldOf(sweep: Sweep, run: number): Scenario {
  const { point, repetition } = placeOf(sweep, run);
  const world = sweep.point(point);
  return { ...world, seed: seedOf(world.seed, repetition) };
}

/** The axis that plots run along and tables down: the one with most numbers; null: none has two. */
export function mainAxis(sweep: Sweep): SweepAxis | null {
  let main: SweepAxis | null = null;
  for (const axis of sweep.axes) {
    if (axis.values === null || axis.values.length < 2) continue;
    if (main === null || axis.values.length > main.values!.length) main = axis;
  }
  return main;
}

/** A line of a plot, a column of a table: what the axes other than the main one are. */
export interface Series {
  /** `epoll`, or `epoll, 10 ms`; empty when only the main axis is varied. */
  readonly label: string;
  /** Its points in the order of the main axis. */
  readonly points: readonly number[];
}

/** @param along  null: every point is a series of its own */
export function seriesOf(sweep: Sweep, along: SweepAxis | null): Series[] {
  const series = new Map<string, number[]>();
  for (let point = 0; point < sweep.size; point++) {
    const names = namesAt(sweep, point);
    const others = sweep.axes.filter((a) => a !== along).map((a) => names[a.key]!);
    const label = others.join(', ');
    series.set(label, [...(series.get(label) ?? []), point]);
  }
  return [...series].map(([label, points]) => ({ label, points }));
}

/** What `recorded` and people would call a number on this axis: options of a socket that count bytes have no unit in Linux. */
const BYTES = /^(SO_RCVBUF|SO_SNDBUF|SO_RCVLOWAT|TCP_WINDOW_CLAMP|TCP_NOTSENT_LOWAT|TCP_MAXSEG)$/;

export const inBytes = (axis: SweepAxis): boolean =>
  axis.values !== null &&
  (axis.values[0]?.dimension === 'bytes' ||
    (axis.values[0]?.dimension === 'count' && BYTES.test(axis.key)));
