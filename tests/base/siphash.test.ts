import { describe, expect, test } from 'vitest';
import { sipHash } from '../../src/base/siphash.ts';

const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i);
const hex = (b: Uint8Array): string => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');

describe('SipHash-2-4', () => {
  test('the test vectors of its authors, key 00…0f, messages 00, 00 01, … [vectors.h of the reference implementation]', () => {
    const key = bytes(16);
    expect(hex(sipHash(key, bytes(0)))).toBe('310e0edd47db6f72');
    expect(hex(sipHash(key, bytes(1)))).toBe('fd67dc93c539f874');
    expect(hex(sipHash(key, bytes(7)))).toBe('37d1018bf50002ab');
    expect(hex(sipHash(key, bytes(8)))).toBe('6224939a79f5f593');
    // The example of the paper's appendix A.
    expect(hex(sipHash(key, bytes(15)))).toBe('e545be4961ca29a1');
  });

  test('a key that begins in the middle of a buffer', () => {
    expect(hex(sipHash(bytes(32).subarray(16), bytes(8)))).not.toBe('6224939a79f5f593');
    const shifted = Uint8Array.from([9, 9, ...bytes(16)]).subarray(2);
    expect(hex(sipHash(shifted, bytes(8)))).toBe('6224939a79f5f593');
  });
});
