/** What the arbitraries share. All are made so that a counterexample shrinks to what a reader would have written first. */
import fc from 'fast-check';
import { written } from '../world.ts';
import type { Written } from '../world.ts';

/**
 * Mostly absent, and so the default of whatever it stands for; shrinks to absent.
 *
 * @param weight  how often it is there, against 2 for how often it is not
 */
export function maybe<T>(arb: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight, arbitrary: arb },
  );
}

/** A map of which each key may be absent. */
export function sparse(
  keys: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<Written> {
  const each = Object.entries(keys).map(([key, arb]) => [key, maybe(arb)] as const);
  return fc.record(Object.fromEntries(each)).map(written);
}

/** What one full segment carries on an Ethernet with timestamps: sizes near its multiples are where things break. */
const SEGMENT = 1448;

/** From 1 to `most`, often just below or above a multiple of a segment; shrinks to few segments, then to few bytes. */
export function bytes(most: number): fc.Arbitrary<number> {
  return fc
    .tuple(fc.nat(Math.floor((most - 1) / SEGMENT)), fc.nat(SEGMENT - 1))
    .map(([segments, rest]) => Math.min(most, 1 + segments * SEGMENT + rest));
}

export const inBytes = (n: number): string => `${n} B`;
