import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  seq,
  seqAdd,
  seqDiff,
  seqGe,
  seqGt,
  seqLe,
  seqLt,
  seqMax,
  seqMin,
  seqRaw,
  type Seq,
} from '../../src/tcp/seq.ts';
import { prop } from '../support/prop.ts';

const anySeq = fc.oneof(fc.integer(), fc.constantFrom(-1, 0, 0x7fff_ffff, -0x8000_0000)).map(seq);
const distance = fc.integer({ min: 1, max: 2 ** 31 - 1 });

describe('sequence numbers', () => {
  it('put s + n after s for every n below 2^31, across the wrap [RFC 9293 §3.4]', () => {
    prop([anySeq, distance], (s, n) => {
      const t = seqAdd(s, n);
      return (
        seqLt(s, t) &&
        !seqLt(t, s) &&
        seqLe(s, t) &&
        seqGt(t, s) &&
        seqGe(t, s) &&
        seqDiff(t, s) === n &&
        seqMax(s, t) === t &&
        seqMin(s, t) === s
      );
    });
  });
  it('fail that law when compared without the wrap (mutant)', () => {
    const plain = (a: Seq, b: Seq): boolean => seqRaw(a) < seqRaw(b);
    expect(() => prop([anySeq, distance], (s, n) => plain(s, seqAdd(s, n)))).toThrow(
      /Property failed/,
    );
  });
  it('are unsigned on the wire', () => {
    prop([anySeq], (s) => seqRaw(s) >= 0 && seqRaw(s) < 2 ** 32 && seq(seqRaw(s)) === s);
  });
});
