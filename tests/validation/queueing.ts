// Queueing theory as the validation tests use it: closed forms by recurrence, and means over seeds with and without a control.
import { Random, type Stream } from '../../src/base/random.ts';

/** Mean service time of every queue here, ns. */
export const S = 1_000_000;

/** P(all c servers busy) when nobody waits; a = λS. Erlang 1917. */
export function erlangB(c: number, a: number): number {
  let b = 1;
  for (let k = 1; k <= c; k++) b = (a * b) / (k + a * b);
  return b;
}

/** P(wait) of M/M/c with an unbounded queue. Erlang 1917. */
export function erlangC(c: number, a: number): number {
  const b = erlangB(c, a);
  return b / (1 - (a / c) * (1 - b));
}

/** Mean wait of M/M/c in service times. */
export const waitC = (c: number, a: number): number => erlangC(c, a) / (c - a);

/** P(an arrival finds K in the system), M/M/1/K. */
export function blocking(rho: number, k: number): number {
  return rho === 1 ? 1 / (k + 1) : ((1 - rho) * rho ** k) / (1 - rho ** (k + 1));
}

/** Throughput and response time of N users, think time Z and one exponential server of mean s: exact mean value analysis. */
export function mva(n: number, s: number, z: number): { x: number; r: number } {
  let queue = 0;
  let x = 0;
  let r = 0;
  for (let k = 1; k <= n; k++) {
    r = s * (1 + queue);
    x = k / (r + z);
    queue = x * r;
  }
  return { x, r };
}

/** P(N ≥ c) and E[(N − c + 1)⁺] of a Poisson variable: M/M/∞ seen by an arrival. */
export function poissonTail(c: number, a: number): { p: number; excess: number } {
  let term = Math.exp(-a);
  let p = 0;
  let excess = 0;
  for (let k = 1; k < c + 40 * Math.sqrt(a) + 100; k++) {
    term *= a / k;
    if (k < c) continue;
    p += term;
    excess += term * (k - c + 1);
  }
  return { p, excess };
}

export const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
export const off = (measured: number, expected: number): number =>
  Math.abs(measured / expected - 1);

/** A mean over seeds, and its standard error. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/** The plain mean of what independent seeds gave. */
export function average(ys: readonly number[]): Estimate {
  const value = mean(ys);
  const squares = ys.reduce((a, y) => a + (y - value) ** 2, 0);
  return { value, error: Math.sqrt(squares / (ys.length - 1) / ys.length) };
}

/**
 * The mean of `ys` over seeds, less what a control says was luck: `xs` comes from the same draws and its mean is known, so
 * b·(mean of xs − known) is taken off, b by least squares (a control variate: unbiased but for the estimate of b). Its standard
 * error is that of the regression line at `known`.
 */
export function regression(ys: readonly number[], xs: readonly number[], known: number): Estimate {
  const mx = mean(xs);
  const my = mean(ys);
  let xy = 0;
  let xx = 0;
  xs.forEach((x, i) => {
    xy += (x - mx) * (ys[i]! - my);
    xx += (x - mx) * (x - mx);
  });
  const b = xx > 0 ? xy / xx : 0;
  const squares = ys.reduce((a, y, i) => a + (y - my - b * (xs[i]! - mx)) ** 2, 0);
  const away = xx > 0 ? (mx - known) ** 2 / xx : 0;
  return {
    value: my - b * (mx - known),
    error: Math.sqrt((squares / (ys.length - 2)) * (1 / ys.length + away)),
  };
}

export const controlled = (ys: readonly number[], xs: readonly number[], known: number): number =>
  regression(ys, xs, known).value;

/**
 * By how many standard errors an estimate lies outside the band of ±`tolerance` around `expected`; negative: inside. A mutant that
 * is out by `CERTAIN` needs no larger sample: one as large as that of the check would be out of the band too.
 */
export const outside = (seen: Estimate, expected: number, tolerance: number): number =>
  (Math.abs(seen.value - expected) - tolerance * Math.abs(expected)) / seen.error;

/** Student’s t of ten seeds and a control, 8 degrees of freedom, is beyond 5 once in 1900 times. */
export const CERTAIN = 5;

export const SEEDS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Service times of mean S, ns, whole. */
export type Service = (s: Stream) => number;
export const fixed: Service = () => S;
export const exponential: Service = (s) => Math.round(s.exponential(S));
/** A mixture of two exponentials with balanced means and C² = `c2`. */
export const hyperExponential = (c2: number): Service => {
  const p = (1 + Math.sqrt((c2 - 1) / (c2 + 1))) / 2;
  return (s) => {
    const share = s.chance(p) ? p : 1 - p;
    return Math.round(s.exponential(S / (2 * share)));
  };
};

/** Arrivals of a Poisson process and the service that each asks for: the same for every server of one seed. */
export class Workload {
  private readonly gap: number;
  private readonly arrivals: Stream;
  private readonly services: Stream;
  private readonly service: Service;
  private t = 0;
  at = 0;

  /** @param load offered, in servers */
  constructor(seed: number, load: number, service: Service) {
    const random = new Random(String(seed));
    this.gap = S / load;
    this.arrivals = random.stream('arrivals');
    this.services = random.stream('services');
    this.service = service;
  }

  /** The next arrival is at `at`. @returns its service time */
  next(): number {
    this.t += this.arrivals.exponential(this.gap);
    this.at = Math.floor(this.t);
    return this.service(this.services);
  }
}
