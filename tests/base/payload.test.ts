import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadStream } from '../../src/base/payload.ts';
import { prop } from '../support/prop.ts';

const part = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.uint8Array({ minLength: 1, maxLength: 50 }),
);

describe('payload', () => {
  it('gives back what was written, pattern and real bytes in any mixture, at any offset', () => {
    prop([fc.array(part, { minLength: 1 }), fc.nat(5), fc.nat(), fc.nat()], (parts, id, a, b) => {
      const stream = new PayloadStream(id);
      const pattern = new PayloadStream(id);
      pattern.appendPattern(10_000);
      const expected: number[] = [];
      for (const p of parts) {
        if (typeof p === 'number') {
          for (let i = 0; i < p; i++) expected.push(pattern.byteAt(expected.length));
          stream.appendPattern(p);
        } else {
          expected.push(...p);
          stream.append(p);
        }
      }
      const from = a % stream.written;
      const some = new Uint8Array(1 + (b % (stream.written - from)));
      stream.copy(from, some);
      return (
        stream.written === expected.length &&
        some.every((byte, i) => byte === expected[from + i] && byte === stream.byteAt(from + i))
      );
    });
  });

  it('copies what is written: the writer may use his buffer again', () => {
    const stream = new PayloadStream(1);
    const buffer = Uint8Array.of(1, 2, 3);
    stream.append(buffer);
    buffer.fill(9);
    expect([0, 1, 2].map((i) => stream.byteAt(i))).toEqual([1, 2, 3]);
  });

  it('keeps what lies at or after the released offset', () => {
    const stream = new PayloadStream(1);
    stream.append(Uint8Array.of(1, 2, 3));
    stream.append(Uint8Array.of(4, 5));
    stream.release(4);
    expect([stream.byteAt(3), stream.byteAt(4)]).toEqual([4, 5]);
  });

  it('has another pattern in every stream', () => {
    const bytes = (id: number): string => {
      const s = new PayloadStream(id);
      return Array.from({ length: 16 }, (_, i) => s.byteAt(i)).join();
    };
    expect(new Set(Array.from({ length: 100 }, (_, i) => bytes(i))).size).toBe(100);
  });
});
