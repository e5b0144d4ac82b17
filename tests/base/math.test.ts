import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { Lane } from '../../src/base/hash.ts';
import { cbrt, exp, icbrt, ln, log2, normalQuantile, pow } from '../../src/base/math.ts';
import { prop } from '../support/prop.ts';

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);
const words = new Int32Array(float.buffer);
function asBits(x: number): bigint {
  float[0] = x;
  return bits[0]!;
}
/** How many doubles lie between a and b. */
function ulps(a: number, b: number): number {
  if (Object.is(a, b) || (a !== a && b !== b)) return 0;
  const d = asBits(a) - asBits(b);
  return Number(d < 0n ? -d : d);
}

const RUNS = { numRuns: 20_000 };
const positive = fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true });
const unit = fc.double({ min: 2 ** -53, max: 1, noNaN: true });
const exponent = fc.double({ min: -745, max: 709.7, noNaN: true });

type Fn = (x: number) => number;
const near =
  (f: Fn, oracle: Fn): Fn =>
  (x) =>
    ulps(f(x), oracle(x));

describe('ln, exp, log2, pow', () => {
  const functions: [string, Fn, Fn, fc.Arbitrary<number>][] = [
    ['ln', ln, Math.log, positive],
    ['ln on (0, 1] (exponential draws)', ln, Math.log, unit],
    ['exp', exp, Math.exp, exponent],
    ['log2', log2, Math.log2, positive],
    ['x^0.3', (x) => pow(x, 0.3), (x) => Math.pow(x, 0.3), positive],
    [
      '10^x',
      (x) => pow(10, x),
      (x) => Math.pow(10, x),
      fc.double({ min: -320, max: 308, noNaN: true }),
    ],
  ];
  it.each(functions)('%s is within 2 ulp of Math’s [mutant: 2^-50 off]', (_, f, oracle, inputs) => {
    prop([inputs], (x) => near(f, oracle)(x) <= 2, RUNS);
    const mutant = (x: number): number => f(x) * (1 + 2 ** -50);
    expect(() => prop([inputs], (x) => near(mutant, oracle)(x) <= 2, RUNS)).toThrow(
      /Counterexample/,
    );
  });

  it('pow is within 2 ulp of Math.pow over all positive bases and exponents', () => {
    prop(
      [positive, fc.double({ min: -1, max: 1, noNaN: true })],
      (x, share) => {
        const y = (share * 745) / Math.max(Math.abs(Math.log(x)), 1e-6);
        return ulps(pow(x, y), Math.pow(x, y)) <= 2;
      },
      RUNS,
    );
  });

  it('is exact where the result is: powers of two, e^0, ln 1, small integer powers', () => {
    for (let k = -1074; k <= 1023; k++) expect(log2(2 ** k)).toBe(k);
    for (let k = -1074; k <= 1023; k++) expect(pow(2, k)).toBe(2 ** k);
    for (let n = 1; n <= 20; n++) expect(pow(n, 3)).toBe(n * n * n);
    expect([exp(0), ln(1), pow(7, 0), pow(1, 1e300)]).toEqual([1, 0, 1, 1]);
  });

  it('has the limits of IEEE 754', () => {
    const inf = Infinity;
    expect([ln(0), ln(-1), ln(inf), ln(NaN)]).toEqual([-inf, NaN, inf, NaN]);
    expect([exp(-inf), exp(inf), exp(710), exp(-746), exp(NaN)]).toEqual([0, inf, inf, 0, NaN]);
    expect([pow(0, 2), pow(0, -2), pow(inf, 2), pow(inf, -2)]).toEqual([0, inf, inf, 0]);
    expect([pow(-8, 2), pow(NaN, 1), pow(2, NaN)]).toEqual([NaN, NaN, NaN]);
    expect([pow(2, 1e300), pow(2, -1e300), pow(0.5, 1e300), pow(2, 2000)]).toEqual([
      inf,
      0,
      0,
      inf,
    ]);
    expect(exp(-745)).toBe(Number.MIN_VALUE);
  });

  it('gives the same bits on every engine', () => {
    const lane = new Lane('math');
    const take = (x: number): void => {
      float[0] = x;
      lane.word(words[0]!);
      lane.word(words[1]!);
    };
    for (let i = 1; i <= 5000; i++) {
      const x = i * 0.37 + 1 / i;
      for (const y of [ln(x), exp(-x / 9), pow(x, 0.7), log2(x)]) take(y);
    }
    expect([lane.a, lane.b]).toMatchInlineSnapshot(`
      [
        -1331605973,
        1249027414,
      ]
    `);
  });
});

describe('the quantiles of the normal distribution', () => {
  /** P(Z ≤ z) for z ≤ 0: the power series near 0, Laplace's continued fraction in the tail. */
  function below(z: number): number {
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    if (z > -1) {
      let term = z;
      let sum = z;
      for (let k = 3; k < 120; k += 2) sum += term *= (z * z) / k;
      return 0.5 + sum * density;
    }
    let f = -z;
    for (let k = 400; k >= 1; k--) f = -z + k / f;
    return density / f;
  }
  /** By how much z(p) is off, as a share of it (of 1 near the middle). */
  const off = (f: Fn, p: number): number => {
    const z = f(p);
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    return Math.abs((below(z) - p) / density) / Math.max(1, -z);
  };
  const lower = fc.oneof(
    fc.double({ min: 2 ** -53, max: 0.5, noNaN: true }),
    fc.double({ min: -36.7, max: -0.7, noNaN: true }).map((e) => Math.exp(e)),
  );
  const ERROR = 2e-15;

  it('are right to 2·10^-15 [mutant: 10^-14 off]', () => {
    prop([lower], (p) => off(normalQuantile, p) < ERROR, RUNS);
    const mutant: Fn = (p) => normalQuantile(p) * (1 + 1e-14);
    expect(() => prop([lower], (p) => off(mutant, p) < ERROR, RUNS)).toThrow(/Counterexample/);
  });

  it('are symmetric, and the ones that everybody knows', () => {
    prop([fc.integer({ min: 1, max: 2 ** 30 })], (k) => {
      const p = k / 2 ** 31;
      return normalQuantile(1 - p) === -normalQuantile(p);
    });
    expect(normalQuantile(0.5)).toBe(0);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
    expect([normalQuantile(-0.1), normalQuantile(1.1), normalQuantile(NaN)]).toEqual([
      NaN,
      NaN,
      NaN,
    ]);
  });
});

describe('integer functions', () => {
  const upTo53 = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 53 - 1 }),
    fc.nat(1000),
    fc.nat(208_063).map((r) => r ** 3),
    fc.nat(208_063).map((r) => Math.max(0, r ** 3 - 1)),
    fc.nat(94_906_265).map((r) => r ** 2),
    fc.nat(94_906_265).map((r) => Math.max(0, r ** 2 - 1)),
  );
  const isRoot = (root: number, n: number): boolean =>
    BigInt(root) ** 3n <= BigInt(n) && BigInt(root + 1) ** 3n > BigInt(n);

  it('icbrt is a floor [mutant: rounding the floating root]', () => {
    const check = (cube: Fn): void => prop([upTo53], (n) => isRoot(cube(n), n), RUNS);
    check(icbrt);
    expect(() => check((n) => Math.floor(Math.cbrt(n) + 1e-9))).toThrow(/Counterexample/);
    expect(icbrt(2 ** 53)).toBe(208_063);
  });

  it('cbrt is the nearest double or next to it, exact for cubes [mutant: an integer root of few bits]', () => {
    const x = fc.oneof(positive, fc.double({ min: 1, max: 1e9, noNaN: true }));
    const check = (f: Fn): void => prop([x], (v) => ulps(f(v), Math.cbrt(v)) <= 2, RUNS);
    check(cbrt);
    expect(() => check((v) => icbrt(Math.floor(v * 2 ** 20)) / 2 ** (20 / 3))).toThrow(
      /Counterexample|math: out of range/,
    );
    for (const n of [0, 1, 2, 3, 10, 1000, 208_063]) expect(cbrt(n * n * n)).toBe(n);
    expect(() => cbrt(-1)).toThrow(InvariantError);
  });

  it('refuses what it cannot do exactly', () => {
    expect(() => icbrt(-1)).toThrow(InvariantError);
    expect(() => icbrt(2 ** 54)).toThrow(InvariantError);
  });
});
