/**
 * When an event is due, and how far off it may be. Script times are microseconds since the script began; the host counts
 * nanoseconds, which are cut to microseconds before they are compared, as a capture's time stamps are.
 */
import type { TimeSpec } from './ast.ts';
import { formatTime } from './notation.ts';

/** From when to when an event is due, µs since the start; `to` is Infinity when it may happen at any time from `from` on. */
export interface Due {
  readonly from: number;
  readonly to: number;
}

/** @param base of relative times, µs: when the event before it ended */
export function dueOf(time: TimeSpec, base: number): Due {
  switch (time.kind) {
    case 'absolute':
      return { from: time.us, to: time.us };
    case 'relative':
      return { from: base + time.us, to: base + time.us };
    case 'window': {
      const zero = time.relative ? base : 0;
      return { from: zero + time.fromUs, to: zero + time.toUs };
    }
    case 'any':
      return { from: base, to: Infinity };
  }
}

/** packetdrill's defaults: --tolerance_usecs, --tolerance_percent. */
export const DEFAULT_TOLERANCE: Tolerance = Object.freeze({ us: 4000, percent: 12.5 });
export const NO_TOLERANCE: Tolerance = Object.freeze({ us: 0, percent: 0 });

export interface Tolerance {
  readonly us: number;
  /** Of the time since the event before it was due; the larger one holds. */
  readonly percent: number;
}

/**
 * What is wrong with something that happened at `actual`; null: nothing.
 *
 * @param span µs that the percentage is of
 */
export function timingError(
  what: string,
  due: Due,
  actual: number,
  span: number,
  tolerance: Tolerance,
): string | null {
  if (due.to === Infinity) return null;
  const slack = slackOf(span, tolerance);
  if (actual >= due.from - slack && actual <= due.to + slack) return null;
  const expected =
    due.from === due.to
      ? `at ${formatTime(due.from)} s`
      : `from ${formatTime(due.from)} to ${formatTime(due.to)} s`;
  return `${what} happened at ${formatTime(actual)} s, expected ${expected}; tolerance ${formatTime(slack)} s`;
}

/** How far off something may be that was due `span` µs after what it is measured from. */
export function slackOf(span: number, tolerance: Tolerance): number {
  return Math.max(tolerance.us, Math.floor((span * tolerance.percent) / 100));
}
