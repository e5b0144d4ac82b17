import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameError } from '../../src/app/codec/frame.ts';
import { requestsOf } from '../../src/app/codec/requests.ts';
import { SIZED_HEADER } from '../../src/app/codec/frame-options.ts';
import { answerOf, putSized, SizedDecoder } from '../../src/app/codec/sized.ts';
import { Asker } from '../../src/app/load/ask.ts';
import { BLOCKING_DEFAULTS, CLIENT_DEFAULTS } from '../../src/app/options.ts';
import { prop } from '../support/prop.ts';

type Sizes = [bytes: number, answer: number];
const sizes = fc.tuple(
  fc.integer({ min: SIZED_HEADER, max: 200 }),
  fc.integer({ min: 1, max: 2 ** 32 - 1 }),
);

/** The requests on the wire, behind each other. */
function stream(requests: readonly Sizes[]): Uint8Array {
  const all = new Uint8Array(requests.reduce((sum, [n]) => sum + n, 0)).fill(0xff);
  let at = 0;
  for (const [bytes, answer] of requests) {
    putSized(all.subarray(at), bytes, answer);
    at += bytes;
  }
  return all;
}

describe('requests that say their sizes', () => {
  it('are the same however the reads fall, and nothing is left over', () => {
    prop([fc.array(sizes), fc.array(fc.integer({ min: 1, max: 150 }))], (requests, cuts) => {
      const all = stream(requests);
      const decoder = new SizedDecoder();
      const answers: number[] = [];
      for (let at = 0, i = 0; at < all.length; i++) {
        const n = cuts[i] ?? all.length;
        decoder.feed(all.subarray(at, at + n));
        at += n;
        for (let f = decoder.next(); f !== null; f = decoder.next()) answers.push(answerOf(f));
      }
      expect(answers).toEqual(requests.map(([, answer]) => answer));
      expect(decoder.pending).toBe(0);
    });
  });

  it('are refused when one is shorter than its header, and for good', () => {
    const bad = new SizedDecoder();
    bad.feed(new Uint8Array([0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1]));
    expect(() => bad.next()).toThrow(FrameError);
    expect(() => bad.next()).toThrow('7 bytes');
    const requests = requestsOf({ ...BLOCKING_DEFAULTS, listen: 80, codec: 'sized' })!;
    requests.take(8, new Uint8Array([0, 0, 0, 7, 0, 0, 0, 1]));
    expect(requests.next()).toBe(-2);
  });

  it('are written as they are read, in whatever parts the kernel takes them', () => {
    const o = {
      ...CLIENT_DEFAULTS,
      connect: { host: 'b', port: 1 },
      requests: 1,
      request: 8,
      response: 1,
    };
    const asker = new Asker({ ...o, codec: 'sized' });
    prop(
      [
        fc.integer({ min: 8, max: 300_000 }),
        fc.integer({ min: 1, max: 1e9 }),
        fc.array(fc.integer({ min: 1, max: 90_000 })),
      ],
      (bytes, answer, takes) => {
        const decoder = new SizedDecoder();
        for (let left = bytes, i = 0; left > 0; i++) {
          const rest = asker.rest({ request: bytes, answer }, false, left);
          const n = Math.min(takes[i] ?? bytes, typeof rest === 'number' ? rest : rest.length);
          decoder.feed(typeof rest === 'number' ? new Uint8Array(n) : rest.slice(0, n));
          left -= n;
        }
        expect(answerOf(decoder.next()!)).toBe(answer);
        expect([decoder.next(), decoder.pending]).toEqual([null, 0]);
      },
      { numRuns: 50 },
    );
  });
});
