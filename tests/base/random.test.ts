import fc from 'fast-check';
import seedrandom from 'seedrandom';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { fingerprintOf } from '../../src/base/hash.ts';
import { Random } from '../../src/base/random.ts';
import { prop } from '../support/prop.ts';

const mean = (n: number, draw: (i: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += draw(i);
  return sum / n;
};

describe('streams', () => {
  it('are seedrandom’s alea, seeded with seed and name, at 53 bits', () => {
    const prng = seedrandom.alea('42/clients/3');
    const stream = new Random('42').stream('clients/3');
    for (let i = 0; i < 100; i++) expect(stream.uniform()).toBe(prng.double());
  });

  it('are one per name, and different seeds and names draw differently', () => {
    const r = new Random('1');
    expect(r.stream('a')).toBe(r.stream('a'));
    const draws = [
      r.stream('a').uniform(),
      r.stream('b').uniform(),
      new Random('2').stream('a').uniform(),
      r.keyed('a').at(0, 0),
    ];
    expect(new Set(draws).size).toBe(4);
  });

  it('move no other stream [mutant: one generator for all]', () => {
    const isUnmoved = (make: () => (name: string) => number): void =>
      prop([fc.array(fc.constantFrom('b', 'c', 'd'))], (others) => {
        const alone = make();
        const among = make();
        for (const name of others) among(name);
        return alone('a') === among('a');
      });
    isUnmoved(() => {
      const r = new Random('1');
      return (name) => r.stream(name).uniform();
    });
    expect(() =>
      isUnmoved(() => {
        const one = seedrandom.alea('1');
        return () => one();
      }),
    ).toThrow(/Counterexample/);
  });

  it('draw what they say: means and bounds over 200 000 draws', () => {
    const n = 200_000;
    const s = new Random('5').stream('x');
    expect(mean(n, () => s.uniform())).toBeCloseTo(0.5, 2);
    expect(mean(n, () => s.exponential(250)) / 250).toBeCloseTo(1, 2);
    expect(mean(n, () => Number(s.chance(0.03)))).toBeCloseTo(0.03, 2);
    expect(mean(n, () => s.pareto(10, 4)) / ((10 * 4) / 3)).toBeCloseTo(1, 2);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) counts[s.int(7)]!++;
    // χ² with 6 degrees of freedom: above 22.5 once in a thousand seeds.
    expect(counts.reduce((x, c) => x + (c - n / 7) ** 2 / (n / 7), 0)).toBeLessThan(22.5);
    expect(s.chance(0)).toBe(false);
    expect(s.chance(1)).toBe(true);
    expect(s.int(1)).toBe(0);
    for (const bad of [0, -1, 1.5, NaN, Infinity]) expect(() => s.int(bad)).toThrow(InvariantError);
  });

  it('draw once for each call, so that changing a probability shifts nothing', () => {
    const after = (p: number): number => {
      const s = new Random('1').stream('x');
      s.chance(p);
      return s.uniform();
    };
    expect(after(0)).toBe(after(1));
  });

  it('tell every draw to the log, and change nothing by it', () => {
    const quiet = new Random('1');
    const loud = new Random('1');
    const log: [string, string, number][] = [];
    loud.log = (...entry) => log.push(entry);
    const use = (r: Random): number[] => [
      r.stream('a').uniform(),
      r.stream('a').int(2 ** 40),
      r.keyed('k').at(3, 17),
      r.keyed('k').at(3, 17, 2),
    ];
    expect(use(loud)).toEqual(use(quiet));
    expect(log.map(([name, key]) => `${name} ${key}`)).toEqual([
      'a 0',
      'a 1',
      'k 3/17',
      'k 3/17/2',
    ]);
    expect(log[2]![2]).toBe(quiet.keyed('k').at(3, 17));
    expect(fingerprintOf(new Random('1').lanes())).toBe('0'.repeat(16));
  });

  it('are not made before their first draw', () => {
    const r = new Random('1');
    for (let i = 0; i < 10; i++) r.stream(`s${i}`);
    r.stream('s3').uniform();
    expect([...r.lanes()].filter((l) => l.words > 0).map((l) => l.name)).toEqual(['random/s3']);
  });
});

describe('keyed draws', () => {
  type At = (flow: number, n: number, salt?: number) => number;
  const key = fc.tuple(fc.nat(5), fc.nat(50), fc.nat(2));

  it('depend on their key alone: not on what else is drawn, nor when [mutant: a stream in its place]', () => {
    const isStateless = (make: () => At): void =>
      prop([fc.array(key), key], (others, [flow, n, salt]) => {
        const alone = make();
        const among = make();
        for (const [f, i, s] of others) among(f, i, s);
        return alone(flow, n, salt) === among(flow, n, salt);
      });
    isStateless(() => {
      const k = new Random('1').keyed('loss');
      return (flow, n, salt) => k.at(flow, n, salt);
    });
    expect(() =>
      isStateless(() => {
        const s = new Random('1').stream('loss');
        return () => s.uniform();
      }),
    ).toThrow(/Counterexample/);
  });

  it('leave the same fingerprint in whatever order they are made', () => {
    prop([fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 })], (order) => {
      const of = (keys: readonly number[]): string => {
        const r = new Random('1');
        for (const n of keys) r.keyed('loss').at(n % 2, n);
        return fingerprintOf(r.lanes());
      };
      return of(order) === of([0, 1, 2, 3, 4, 5]);
    });
  });

  it('change about half of their bits with any one bit of flow, n or salt [mutant: multiplication only]', () => {
    const weakest = (at: At): number => {
      let worst = 1;
      for (let bit = 0; bit < 44; bit++) {
        for (const which of [0, 1, 2]) {
          if (which !== 1 && bit > 16) continue;
          let flipped = 0;
          for (let i = 0; i < 200; i++) {
            const key = [i * 7, i * 131 + 5, i % 4];
            const other = key.map((x, j) => (j === which ? flip(x, bit) : x));
            flipped += differingBits(
              at(key[0]!, key[1]!, key[2]),
              at(other[0]!, other[1]!, other[2]),
            );
          }
          worst = Math.min(worst, flipped / 200 / 26.5);
        }
      }
      return worst;
    };
    const k = new Random('9').keyed('x');
    expect(weakest((f, n, s) => k.at(f, n, s))).toBeGreaterThan(0.93);
    const linear: At = (f, n, s = 0) =>
      (Math.imul((f * 31 + n) * 31 + s, 0x9e3779b1) >>> 0) / 2 ** 32;
    expect(weakest(linear)).toBeLessThan(0.5);
  });

  it('are uniform within a flow, and independent between flows', () => {
    const k = new Random('3').keyed('loss');
    const n = 200_000;
    const counts = new Array<number>(64).fill(0);
    for (let i = 0; i < n; i++) counts[Math.floor(k.at(1, i) * 64)]!++;
    // χ² with 63 degrees of freedom: above 103 once in a thousand.
    expect(counts.reduce((x, c) => x + (c - n / 64) ** 2 / (n / 64), 0)).toBeLessThan(103);
    const both = mean(n, (i) => Number(k.at(1, i) < 0.1 && k.at(2, i) < 0.1));
    expect(both).toBeCloseTo(0.01, 3);
    const inARow = mean(n, (i) => Number(k.at(1, i) < 0.1 && k.at(1, i + 1) < 0.1));
    expect(inARow).toBeCloseTo(0.01, 3);
  });

  it('of two flows are not one sequence in another order [mutant: a hash of n xor a number per flow]', () => {
    const shared = (at: At): number => {
      const first = new Set(Array.from({ length: 4096 }, (_, n) => at(1, n)));
      let same = 0;
      for (let flow = 2; flow < 40; flow++)
        for (let n = 0; n < 4096; n++) same += Number(first.has(at(flow, n)));
      return same;
    };
    const k = new Random('3').keyed('loss');
    expect(shared((f, n) => k.at(f, n))).toBe(0);
    expect(shared((f, n) => k.at(0, (f * 37) ^ n))).toBeGreaterThan(0);
  });
});

/** x with one bit the other way. */
function flip(x: number, bit: number): number {
  const b = 2 ** bit;
  return Math.floor(x / b) % 2 === 0 ? x + b : x - b;
}

/** Of the 53 bits of two draws. */
function differingBits(x: number, y: number): number {
  let d = BigInt(x * 2 ** 53) ^ BigInt(y * 2 ** 53);
  let n = 0;
  for (; d > 0n; d &= d - 1n) n++;
  return n;
}
