// What is drawn against its distribution function: Kolmogorov–Smirnov where values are many, chi-square where they are few, each
// at one in a thousand on fixed seeds, and a mutant of each that the same test refuses.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Distribution, draw, meanOf, rangeOf, weighted } from '../../src/base/distribution.ts';
import { Random } from '../../src/base/random.ts';
import { prop } from '../support/prop.ts';

const N = 20_000;
const SEEDS = ['1', '2', '3'];
/** Of √n·D: exceeded once in a thousand times (Kolmogorov's distribution). */
const KS = 1.949;

const sample = (d: Distribution, seed: string, n = N): number[] => {
  const keyed = new Random(seed).keyed('sizes');
  return Array.from({ length: n }, (_, k) => {
    let i = 0;
    return draw(d, { uniform: () => keyed.at(3, k, i++) });
  });
};

/** √n times the largest distance between what was drawn and P(X ≤ x). */
function distance(values: readonly number[], cdf: (x: number) => number): number {
  const n = values.length;
  let most = 0;
  for (const [i, x] of values.toSorted((a, b) => a - b).entries()) {
    const p = cdf(x);
    most = Math.max(most, Math.abs(p - i / n), Math.abs(p - (i + 1) / n));
  }
  return most * Math.sqrt(n);
}

/** Φ, by its power series: good to 10^-12 for |z| < 6. */
function normal(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 3; k < 250; k += 2) sum += term *= (z * z) / k;
  return 0.5 + (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

/** Parameters so large that rounding to whole values is no part of what is measured. */
const M = 1_000_000_000;
const exponential = (x: number, mean: number): number => 1 - Math.exp(-x / mean);

const CONTINUOUS: readonly [Distribution, cdf: (x: number) => number, mutant: Distribution][] = [
  [
    { kind: 'uniform', min: M, max: 3 * M },
    (x) => (x - M) / (2 * M),
    { kind: 'uniform', min: M, max: 3.1 * M },
  ],
  [
    { kind: 'exponential', mean: M },
    (x) => exponential(x, M),
    { kind: 'exponential', mean: 1.08 * M },
  ],
  [
    { kind: 'hyper-exponential', mean: M, c2: 4 },
    (x) => {
      const p = (1 + Math.sqrt(3 / 5)) / 2;
      return p * exponential(x, M / 2 / p) + (1 - p) * exponential(x, M / 2 / (1 - p));
    },
    { kind: 'hyper-exponential', mean: M, c2: 5 },
  ],
  [
    { kind: 'pareto', min: M, max: 1000 * M, shape: 1.2 },
    (x) => (1 - (M / x) ** 1.2) / (1 - (1 / 1000) ** 1.2),
    { kind: 'pareto', min: M, max: 1000 * M, shape: 1.3 },
  ],
  [
    { kind: 'lognormal', median: M, sigma: 1.5, max: 1e6 * M },
    (x) => normal(Math.log(x / M) / 1.5),
    { kind: 'lognormal', median: M, sigma: 1.35, max: 1e6 * M },
  ],
  [
    { kind: 'empirical', values: [M, 2 * M, 10 * M], shares: [0, 0.5, 1], lines: true },
    (x) => (x < 2 * M ? (x - M) / (2 * M) : 0.5 + (x - 2 * M) / (16 * M)),
    { kind: 'empirical', values: [M, 2 * M, 10 * M], shares: [0, 0.52, 1], lines: true },
  ],
];

describe.each(CONTINUOUS)('%o', (d, cdf, mutant) => {
  it('is drawn as its distribution function says', () => {
    for (const seed of SEEDS) expect(distance(sample(d, seed), cdf)).toBeLessThan(KS);
  });

  it('[mutant] other parameters are not', () => {
    for (const seed of SEEDS) expect(distance(sample(mutant, seed), cdf)).toBeGreaterThan(KS);
  });

  it('has the mean that it says', () => {
    const n = 200_000;
    const all = sample(d, '1', n);
    const mean = all.reduce((a, b) => a + b, 0) / n;
    const sd = Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
    expect(Math.abs(mean - meanOf(d))).toBeLessThan((3.3 * sd) / Math.sqrt(n));
  });
});

describe('values with weights', () => {
  const values = [100, 1500, 40, 9000];
  const chiSquare = (weights: readonly number[], seed: string): number => {
    const seen = new Map(values.map((v) => [v, 0]));
    for (const v of sample(weighted(values, weights), seed)) seen.set(v, seen.get(v)! + 1);
    const wanted = [0.5, 0.2, 0.25, 0.05].map((share) => share * N);
    return values.reduce((sum, v, i) => sum + (seen.get(v)! - wanted[i]!) ** 2 / wanted[i]!, 0);
  };
  /** Three degrees of freedom, one in a thousand. */
  const CHI = 16.27;

  it('come as often as their weights say', () => {
    for (const seed of SEEDS) expect(chiSquare([10, 4, 5, 1], seed)).toBeLessThan(CHI);
  });
  it('[mutant] not with a weight a fifth off', () => {
    for (const seed of SEEDS) expect(chiSquare([10, 4.8, 5, 1], seed)).toBeGreaterThan(CHI);
  });
});

describe('any distribution', () => {
  const positive = fc.integer({ min: 1, max: 1e9 });
  const any = fc.oneof(
    fc.tuple(positive, positive).map(([a, b]): Distribution => ({
      kind: 'uniform',
      min: Math.min(a, b),
      max: Math.max(a, b),
    })),
    positive.map((mean): Distribution => ({ kind: 'exponential', mean })),
    fc
      .tuple(positive, positive, fc.double({ min: 0.05, max: 20, noNaN: true }))
      .map(([a, b, shape]): Distribution => ({
        kind: 'pareto',
        min: Math.min(a, b),
        max: Math.max(a, b),
        shape,
      })),
    fc
      .tuple(positive, fc.double({ min: 0, max: 4, noNaN: true }))
      .map(([median, sigma]): Distribution => ({ kind: 'lognormal', median, sigma, max: 2e9 })),
    fc
      .array(fc.tuple(positive, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 6 })
      .map((list) =>
        weighted(
          list.map(([v]) => v),
          list.map(([, w]) => w),
        ),
      ),
  );
  const unit = fc.integer({ min: 0, max: 2 ** 53 - 1 }).map((i) => i / 2 ** 53);

  it('gives whole values within its range, and a larger one for a larger draw', () => {
    prop(
      [any, unit, unit],
      (d, u, v) => {
        const { min, max } = rangeOf(d);
        const [low, high] = [Math.min(u, v), Math.max(u, v)].map((x) =>
          draw(d, { uniform: () => x }),
        ) as [number, number];
        return Number.isSafeInteger(low) && low >= min && high <= max && low <= high;
      },
      { numRuns: 2000 },
    );
  });

  it('ends somewhere, where the distribution does not', () => {
    const last = { uniform: () => 1 - 2 ** -53 };
    expect(draw({ kind: 'exponential', mean: 1e15 }, last)).toBe(1e15);
    expect(draw({ kind: 'hyper-exponential', mean: 1e12, c2: 1e6 }, last)).toBe(1e15);
  });

  it('needs no draw when it is a plain value', () => {
    expect(draw(7, { uniform: () => expect.unreachable() })).toBe(7);
    expect([meanOf(7), rangeOf(7)]).toEqual([7, { min: 7, max: 7 }]);
  });
});
