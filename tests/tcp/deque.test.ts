import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deque } from '../../src/tcp/deque.ts';
import { prop } from '../support/prop.ts';

type Op = readonly [kind: number, where: number, times: number];
const [PUSH, INSERT, SHIFT, POP, REMOVE] = [0, 1, 2, 3, 4] as const;

/** Does the same to a queue and to an array; what they answer differently. */
function differences(ops: readonly Op[], mutate: ((q: Deque<number>) => void) | null): string[] {
  const q = new Deque<number>(4);
  const a: number[] = [];
  const found: string[] = [];
  const same = (what: string, mine: unknown, theirs: unknown): void => {
    if (mine !== theirs) found.push(`${what}: ${String(mine)} instead of ${String(theirs)}`);
  };
  let next = 0;
  for (const [kind, where, times] of ops) {
    for (let n = 0; n < times && (a.length > 0 || kind <= INSERT); n++) {
      const i = a.length === 0 ? 0 : (where * 7919 + n * 31) % a.length;
      if (kind === PUSH) {
        q.push(next);
        a.push(next++);
      } else if (kind === INSERT) {
        q.insert(i, next);
        a.splice(i, 0, next++);
      } else if (kind === SHIFT) same('shift', q.shift(), a.shift());
      else if (kind === POP) same('pop', q.pop(), a.pop());
      else same('remove', q.remove(i), a.splice(i, 1)[0]);
    }
    mutate?.(q);
    same('length', q.length, a.length);
    a.forEach((x, i) => same(`at ${i}`, q.at(i), x));
  }
  return found;
}

const op: fc.Arbitrary<Op> = fc.tuple(
  fc.constantFrom(PUSH, PUSH, INSERT, SHIFT, POP, REMOVE),
  fc.nat(10_000),
  fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 700 })),
);

describe('a queue with insertion in the middle', () => {
  it('does what an array does, short or long', () => {
    prop(
      [fc.array(op, { minLength: 1, maxLength: 30 })],
      (ops) => differences(ops, null).length === 0,
    );
  });
  it('differs when two tiers are exchanged (mutant)', () => {
    const swap = (q: Deque<number>): void => {
      const tiers = (q as unknown as { tiers: unknown[] | null }).tiers;
      if (tiers !== null && tiers.length > 1) [tiers[0], tiers[1]] = [tiers[1], tiers[0]];
    };
    // 300 · 7919 is the 300th of 600: the middle.
    const ops: Op[] = [
      [PUSH, 0, 600],
      [INSERT, 300, 1],
    ];
    expect(differences(ops, swap)).not.toEqual([]);
  });
  it('inserts into 80,000 items without moving half of them', () => {
    const exchanges = (n: number): number => {
      const q = new Deque<number>(4);
      for (let i = 0; i < n; i++) q.push(i);
      q.insert(n >> 1, -1);
      let count = 0;
      const tiers = (q as unknown as { tiers: { turnBack: (x: number) => unknown }[] }).tiers;
      for (const t of tiers) {
        const own = t.turnBack.bind(t);
        t.turnBack = (x: number): unknown => (count++, own(x));
      }
      q.insert(n >> 1, -1);
      return count;
    };
    const count = exchanges(80_000);
    expect(count).toBeGreaterThan(100);
    expect(count).toBeLessThan(200);
  });
  it('is one ring until something is put in or taken out far from both ends', () => {
    const tiered = (q: Deque<number>): boolean =>
      (q as unknown as { tiers: unknown[] | null }).tiers !== null;
    const full = (): Deque<number> => {
      const q = new Deque<number>(4);
      for (let i = 0; i < 2000; i++) q.push(i);
      return q;
    };
    const ends = full();
    ends.insert(200, -1);
    ends.remove(1800);
    for (let i = 0; i < 1000; i++) ends.push(ends.shift());
    expect(tiered(ends)).toBe(false);
    const hole = full();
    hole.remove(1000);
    expect(tiered(hole)).toBe(true);
    while (hole.length > 0) hole.shift();
    expect(tiered(hole)).toBe(false);
  });
});
