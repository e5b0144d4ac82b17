import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, hashName, Lane, mix32 } from '../../src/base/hash.ts';
import { prop } from '../support/prop.ts';

function laneOf(words: readonly number[], name = 'x'): Lane {
  const lane = new Lane(name);
  for (const w of words) lane.wide(w);
  return lane;
}

describe('lanes', () => {
  // Mostly few and small, so that two sequences are often alike but for their order or length.
  const word = fc.oneof(
    { weight: 9, arbitrary: fc.nat(3) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) },
  );
  const words = fc.array(word, { minLength: 1, maxLength: 8 });

  it('tell any two sequences of instants apart: other values, other order, other length [mutants: a sum; the low word only]', () => {
    const differ = (hash: (w: readonly number[]) => string): void =>
      prop(
        [words, words],
        (a, b) => JSON.stringify(a) === JSON.stringify(b) || hash(a) !== hash(b),
        { numRuns: 3000 },
      );
    differ((w) => fingerprintOf([laneOf(w)]));
    expect(() => differ((w) => String(w.reduce((s, x) => s + x, 0)))).toThrow(/Counterexample/);
    const high = fc.integer({ min: 0, max: 2 ** 20 }).map((x) => x * 2 ** 32);
    const apart = (hash: (w: readonly number[]) => string): void =>
      prop([high, high], (a, b) => a === b || hash([a]) !== hash([b]));
    apart((w) => fingerprintOf([laneOf(w)]));
    expect(() => apart((w) => String(w[0]! | 0))).toThrow(/Counterexample/);
  });

  it('take an entry of a link as they take its words one by one', () => {
    const wide = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const narrow = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    prop(
      [fc.array(fc.tuple(wide, narrow, wide, narrow, narrow, narrow), { minLength: 1 })],
      (entries) => {
        const [at, one] = [new Lane('x'), new Lane('x')];
        for (const [t, i, u, j, k, l] of entries) {
          at.entry(t, i, u, j, k, l);
          one.wide(t);
          one.word(i);
          one.wide(u);
          for (const x of [j, k, l]) one.word(x);
        }
        return fingerprintOf([at]) === fingerprintOf([one]) && at.words === one.words;
      },
    );
  });

  it('are combined by name: whose words they are matters, the order of the lanes does not', () => {
    prop([words, words], (a, b) => {
      const ab = fingerprintOf([laneOf(a, 'a'), laneOf(b, 'b')]);
      const swapped = fingerprintOf([laneOf(a, 'b'), laneOf(b, 'a')]);
      return (
        ab === fingerprintOf([laneOf(b, 'b'), laneOf(a, 'a'), new Lane('unused')]) &&
        (ab !== swapped || JSON.stringify(a) === JSON.stringify(b))
      );
    });
  });

  it('mix32 is a bijection that spreads one bit over all', () => {
    expect(new Set(Array.from({ length: 100_000 }, (_, i) => mix32(i))).size).toBe(100_000);
    for (let bit = 0; bit < 32; bit++) {
      let flipped = 0;
      for (let i = 0; i < 500; i++) {
        for (let d = mix32(i * 7919) ^ mix32((i * 7919) ^ (1 << bit)); d !== 0; d &= d - 1)
          flipped++;
      }
      expect(Math.abs(flipped / 500 - 16)).toBeLessThan(1);
    }
  });

  it('names hash apart', () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `link/client-${i}/server`);
    expect(new Set(names.map(hashName)).size).toBe(10_000);
  });
});
