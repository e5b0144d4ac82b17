/**
 * Time, as integer nanoseconds in a number: exact for 104 days (2^53 ns); going past that throws.
 *
 * `Instant` (a point on the simulated clock) and `Duration` (a length of time) are different types, so that an absolute
 * time cannot be passed where a delta is wanted. At run time both are plain numbers. Parsing and printing of quantities
 * with units is in quantity.ts.
 */
import { assert } from './assert.ts';

declare const instantTag: unique symbol;
declare const durationTag: unique symbol;

/** Nanoseconds since the start of the run; an integer ≥ 0, or NEVER. */
export type Instant = number & { readonly [instantTag]: true };
/** A length of time in nanoseconds; an integer. */
export type Duration = number & { readonly [durationTag]: true };

export const START: Instant = 0 as Instant;
/** Later than every instant: "no deadline". */
export const NEVER: Instant = Infinity as Instant;
export const ZERO: Duration = 0 as Duration;
/**
 * START or ZERO in a field that will hold large numbers. −0 is a double for V8, 0 a small integer: a field that begins with that changes
 * its layout when a number comes that does not fit, and so that of its class, and all code that knows the class is thrown away.
 */
export const DOUBLE_0: Instant & Duration = -0 as Instant & Duration;

/** The last instant that is exact: 2^53 − 1 ns, 104.25 days. */
export const LAST: Instant = Number.MAX_SAFE_INTEGER as Instant;

export const ns = (n: number): Duration => n as Duration;
export const us = (n: number): Duration => (n * 1_000) as Duration;
export const ms = (n: number): Duration => (n * 1_000_000) as Duration;
export const sec = (n: number): Duration => (n * 1_000_000_000) as Duration;
export const instant = (n: number): Instant => n as Instant;

/**
 * The instant `d` after `t`.
 *
 * @throws InvariantError when the clock would leave the exact range (what has no end is allowed and gives NEVER)
 */
export function add(t: Instant, d: Duration): Instant {
  const r = t + d;
  if (!(r <= LAST) && r !== Infinity) overflow(t, d);
  return r as Instant;
}

/** How long from `earlier` to `later`; negative when they are the other way round. */
export const since = (later: Instant, earlier: Instant): Duration => (later - earlier) as Duration;

export const earlier = (a: Instant, b: Instant): Instant => (a < b ? a : b);
export const later = (a: Instant, b: Instant): Instant => (a > b ? a : b);

function overflow(t: number, d: number): never {
  assert(false, 'clock: past 2^53 ns (104 days)', () => `${t} + ${d}`);
  throw new Error('unreachable');
}
