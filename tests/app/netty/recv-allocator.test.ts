import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTableSize, RecvAllocator, SIZE_TABLE } from '../../../src/app/netty/recv-allocator.ts';
import { prop } from '../../support/prop.ts';

/** Buffers given while `bytes` wait in the socket: one read loop after the other. */
function loops(alloc: RecvAllocator, loopBytes: readonly number[]): number[][] {
  return loopBytes.map((waiting) => {
    const given: number[] = [];
    alloc.reset();
    let left = waiting;
    do {
      const n = Math.min(left, alloc.guess);
      given.push(alloc.guess);
      left -= n;
      alloc.lastBytesRead(n > 0 ? n : -11, alloc.guess);
      if (n === 0) break;
    } while (alloc.continueReading(true, alloc.maybeMore));
    alloc.readComplete();
    return given;
  });
}

describe('the size table', () => {
  it('is 16 to 496 in steps of 16, then powers of two up to 2^30 [AdaptiveRecvByteBufAllocator] [B6]', () => {
    expect(SIZE_TABLE.slice(0, 3)).toEqual([16, 32, 48]);
    expect(SIZE_TABLE.slice(29, 34)).toEqual([480, 496, 512, 1024, 2048]);
    expect(SIZE_TABLE.at(-1)).toBe(2 ** 30);
    prop([fc.nat({ max: 100_000 })], (n) => isTableSize(n) === SIZE_TABLE.includes(n));
    expect(SIZE_TABLE.every(isTableSize)).toBe(true);
  });
});

describe('a read loop', () => {
  it('grows its buffers 2048, 32768, 65536 in one loop, and stops after 16 [measured with Netty 4.1.116] [B6]', () => {
    const [first] = loops(new RecvAllocator(65_536, 16), [4_000_000]);
    expect(first!.slice(0, 4)).toEqual([2048, 32_768, 65_536, 65_536]);
    expect(first!.length).toBe(16);
  });

  it('shrinks by one step with every second small loop: 2048, 1024, 512, 496 [B6]', () => {
    const given = loops(new RecvAllocator(65_536, 16), Array<number>(7).fill(5));
    expect(given.map((g) => g[0])).toEqual([2048, 2048, 1024, 1024, 512, 512, 496]);
  });

  it('never shrinks below 64, and ends with a short read even if it is the first', () => {
    const alloc = new RecvAllocator(65_536, 16);
    const given = loops(alloc, Array<number>(200).fill(1));
    expect(given.every((g) => g.length === 1)).toBe(true);
    expect(alloc.guess).toBe(64);
  });

  it('counts the whole loop at its end: many full small reads do not shrink the next', () => {
    const given = loops(new RecvAllocator(2048, 16), [2048 * 3, 5, 5]);
    expect(given).toEqual([[2048, 2048, 2048, 2048], [2048], [2048]]);
  });

  it('ends when autoRead has gone off, and when nothing came [B5]', () => {
    const alloc = new RecvAllocator(65_536, 16);
    alloc.reset();
    alloc.lastBytesRead(2048, 2048);
    expect(alloc.continueReading(false, true)).toBe(false);
    expect(alloc.continueReading(true, true)).toBe(true);
    alloc.reset();
    expect(alloc.continueReading(true, true)).toBe(false);
  });

  it('gives sizes of the table, none above the maximum, whatever comes', () => {
    prop(
      [
        fc.integer({ min: 64, max: 200_000 }),
        fc.array(fc.nat({ max: 3_000_000 }), { maxLength: 30 }),
      ],
      (maximum, loopBytes) => {
        const given = loops(new RecvAllocator(maximum, 16), loopBytes);
        for (const size of given.flat()) expect(isTableSize(size) && size <= maximum).toBe(true);
        for (const loop of given) expect(loop.length).toBeLessThanOrEqual(16);
      },
    );
  });
});
