// Packets for a queue of 8 Mbit/s: a hundred or so, at random times.
import fc from 'fast-check';

const MS = 1_000_000;

export const traffic: fc.Arbitrary<{ at: number; bytes: number }[]> = fc
  .array(fc.tuple(fc.nat(3 * MS), fc.integer({ min: 60, max: 1500 })), { maxLength: 150 })
  .map((steps) => {
    let at = 0;
    return steps.map(([gap, bytes]) => ({ at: (at += gap), bytes }));
  });
