/**
 * What is drawn for each user or request: how long it thinks, how much work it is, how many bytes it has. Every value is a
 * function of uniform draws that its caller makes from a stream of its own (random.ts), by inversion, so equal draws
 * give equal values whatever else is drawn, and a larger draw never gives a smaller value.
 *
 * Left out: mixtures but one, correlation between values, heavy tails without an end (a size has a largest value).
 */
import { assert, unreachable } from './assert.ts';
import { exp, ln, normalQuantile, pow } from './math.ts';
import { exponential } from './random.ts';

/** Where the draws for one value come from, one after the other: a stream, or what keeps count of keyed ones. */
export interface Draws {
  /** In [0, 1). */
  uniform(): number;
}

/** All in one unit, ns or bytes. */
export type Distribution =
  /** Every whole value from `min` to `max`, both included, as often as any other. */
  | { readonly kind: 'uniform'; readonly min: number; readonly max: number }
  | { readonly kind: 'exponential'; readonly mean: number }
  /**
   * A mixture of two exponentials, the few long values and the many short ones each half of the sum ("balanced means",
   * which two moments alone leave open). @param c2 squared coefficient of variation, ≥ 1; 1 is an exponential
   */
  | { readonly kind: 'hyper-exponential'; readonly mean: number; readonly c2: number }
  /** Bounded: P(X > x) falls as x^-shape from `min` to `max`, and what would lie beyond is spread over the rest. */
  | {
      readonly kind: 'pareto';
      readonly min: number;
      readonly max: number;
      readonly shape: number;
    }
  /** Its logarithm is normal, with standard deviation `sigma`; what lies beyond `max` counts as `max`. */
  | {
      readonly kind: 'lognormal';
      readonly median: number;
      readonly sigma: number;
      readonly max: number;
    }
  /**
   * As was seen: P(X ≤ values[i]) = shares[i]; both rise, the last share is 1. `lines`: all values between two neighbours
   * occur, evenly, as in a table of a distribution function; otherwise those values only.
   */
  | {
      readonly kind: 'empirical';
      readonly values: readonly number[];
      readonly shares: readonly number[];
      readonly lines: boolean;
    };

/** One value for all, or a distribution. */
export type Amount = number | Distribution;

/**
 * Where the distributions without an end have theirs: 11 days, or a petabyte. No run waits for so much, and times to which
 * it is added stay exact (units.ts).
 */
export const MOST_DRAWN = 1e15;

/** Whether drawing it needs a draw. */
export const isDrawn = (a: Amount): a is Distribution => typeof a !== 'number';

/**
 * A whole value, ≥ 0: of the draws a hyper-exponential takes two, a constant none, all others one.
 */
export function draw(a: Amount, draws: Draws): number {
  if (typeof a === 'number') return a;
  switch (a.kind) {
    case 'uniform':
      return a.min + Math.floor(draws.uniform() * (a.max - a.min + 1));
    case 'exponential':
      return Math.min(MOST_DRAWN, Math.round(exponential(a.mean, draws.uniform())));
    case 'hyper-exponential': {
      // Branches with probability p and 1 − p and means m/2p and m/2(1 − p): their second moment gives C² = 1/(2p(1 − p)) − 1.
      const p = (1 + Math.sqrt((a.c2 - 1) / (a.c2 + 1))) / 2;
      const value = draws.uniform();
      const share = draws.uniform() < p ? p : 1 - p;
      return Math.min(MOST_DRAWN, Math.round(exponential(a.mean / (2 * share), value)));
    }
    case 'pareto': {
      const above = 1 - draws.uniform() * (1 - pow(a.min / a.max, a.shape));
      return Math.min(a.max, Math.round(a.min * pow(above, -1 / a.shape)));
    }
    case 'lognormal': {
      const x = a.median * exp(a.sigma * normalQuantile(draws.uniform()));
      return Math.min(a.max, Math.round(x));
    }
    case 'empirical':
      return empirical(a, draws.uniform());
    default:
      return unreachable(a);
  }
}

function empirical(a: Extract<Distribution, { kind: 'empirical' }>, u: number): number {
  const { values, shares, lines } = a;
  // The first share above u.
  let lo = 0;
  let hi = shares.length - 1;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (shares[mid]! > u) hi = mid;
    else lo = mid + 1;
  }
  const value = values[lo]!;
  if (!lines || lo === 0) return value;
  const [before, from] = [values[lo - 1]!, shares[lo - 1]!];
  return Math.round(before + ((u - from) / (shares[lo]! - from)) * (value - before));
}

/** The mean, but for rounding; of a lognormal as if it had no `max`. */
export function meanOf(a: Amount): number {
  if (typeof a === 'number') return a;
  switch (a.kind) {
    case 'uniform':
      return (a.min + a.max) / 2;
    case 'exponential':
    case 'hyper-exponential':
      return a.mean;
    case 'pareto': {
      const { min, max, shape } = a;
      if (max === min) return min;
      const share = 1 - pow(min / max, shape);
      if (shape === 1) return (min * ln(max / min)) / share;
      return ((min * shape) / (shape - 1)) * ((1 - pow(min / max, shape - 1)) / share);
    }
    case 'lognormal':
      return a.median * exp((a.sigma * a.sigma) / 2);
    case 'empirical':
      return a.values.reduce((sum, value, i) => {
        const weight = a.shares[i]! - (i === 0 ? 0 : a.shares[i - 1]!);
        return sum + weight * (a.lines && i > 0 ? (a.values[i - 1]! + value) / 2 : value);
      }, 0);
    default:
      return unreachable(a);
  }
}

/** The least and the most that may be drawn. */
export function rangeOf(a: Amount): { readonly min: number; readonly max: number } {
  if (typeof a === 'number') return { min: a, max: a };
  switch (a.kind) {
    case 'uniform':
    case 'pareto':
      return a;
    case 'lognormal':
      return { min: 0, max: a.max };
    case 'empirical':
      return { min: a.values[0]!, max: a.values.at(-1)! };
    default:
      return { min: 0, max: MOST_DRAWN };
  }
}

/** Values with weights, in any order, as the shares up to each. @param weights above 0 */
export function weighted(values: readonly number[], weights: readonly number[]): Distribution {
  const order = values.map((_, i) => i).toSorted((i, j) => values[i]! - values[j]!);
  const total = weights.reduce((sum, w) => sum + w, 0);
  assert(total > 0, 'distribution: nothing has a weight');
  let sum = 0;
  const shares = order.map((i) => (sum += weights[i]!) / total);
  // Sums of fractions may end below the whole.
  shares[shares.length - 1] = 1;
  return { kind: 'empirical', values: order.map((i) => values[i]!), shares, lines: false };
}
