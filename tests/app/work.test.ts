import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Spread } from '../../src/app/options.ts';
import { spread } from '../../src/app/spread.ts';
import { Work } from '../../src/app/work.ts';
import { Random } from '../../src/base/random.ts';
import { prop } from '../support/prop.ts';
import { fakeEnv } from './driver.ts';

describe('times that spread about a mean', () => {
  /** Mean and squared coefficient of variation of so many, in the mean's unit. */
  function moments(kind: Spread, n = 200_000): { mean: number; c2: number } {
    const stream = new Random('1').stream('times');
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      const t = spread(kind, 1e6, stream) / 1e6;
      sum += t;
      squares += t * t;
    }
    const mean = sum / n;
    return { mean, c2: squares / n / (mean * mean) - 1 };
  }

  it('do not when they are fixed, and ask for no draw', () => {
    const none = { uniform: (): number => expect.unreachable() };
    expect(spread('fixed', 12_345, none)).toBe(12_345);
  });

  it.each<[Spread, number]>([
    ['exponential', 1],
    [{ hyperExponential: 1 }, 1],
    [{ hyperExponential: 4 }, 4],
    [{ hyperExponential: 10 }, 10],
  ])('%o has that mean and C² = %d', (kind, c2) => {
    const m = moments(kind);
    // Standard error of the mean: √C²/√n, at most 0.7 %. That of C² is wider, for the fourth moment is large.
    expect(Math.abs(m.mean - 1)).toBeLessThan(0.025);
    expect(Math.abs(m.c2 / c2 - 1)).toBeLessThan(0.12);
  });

  it('with C² = 1 the mixture is the exponential itself', () => {
    prop([fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(1e9)], (u, mean) => {
      const same = { uniform: () => u };
      const one = spread('exponential', mean, same);
      return spread({ hyperExponential: 1 }, mean, same) === one && Number.isInteger(one);
    });
  });
});

describe("a server's work", () => {
  const work = (times: Spread, workNs = 1e6, env = fakeEnv()): Work =>
    new Work({ workNs, work: times }, env);

  /** Request n of connection i, whatever order they come in. */
  const asked = (order: readonly number[], times: Spread): string[] => {
    const all = work(times);
    const connections = [0, 1, 2].map((i) => all.of(i));
    const counts = [0, 0, 0];
    return order.map((i) => `${i}/${counts[i]!++}: ${connections[i]!.next()}`).toSorted();
  };

  it.each<Spread>(['exponential', { hyperExponential: 4 }])(
    'of %o belongs to the n-th request of a connection, in whatever order they are served',
    (times) => {
      prop([fc.shuffledSubarray([0, 1, 2, 0, 1, 2, 0, 1, 2], { minLength: 9 })], (order) => {
        expect(asked(order, times)).toEqual(asked([0, 0, 0, 1, 1, 1, 2, 2, 2], times));
      });
      expect(new Set(asked([0, 0, 1, 1, 2, 2], times)).size).toBe(6);
    },
  );

  it('that is fixed, or none, draws nothing', () => {
    const env = fakeEnv();
    expect(work('fixed', 7, env).of(0).next()).toBe(7);
    expect(work('exponential', 0, env).of(0).next()).toBe(0);
    expect([...env.random.lanes()]).toEqual([]);
  });
});
