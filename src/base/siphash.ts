/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit hash of a few bytes. 64-bit words are pairs of 32-bit halves,
 * little-endian as on the wire.
 */

/** Four words of state, low half first. */
class State {
  readonly v: Int32Array = new Int32Array(8);

  constructor(key: DataView) {
    const k0 = [key.getInt32(0, true), key.getInt32(4, true)] as const;
    const k1 = [key.getInt32(8, true), key.getInt32(12, true)] as const;
    // "somepseudorandomlygeneratedbytes"
    this.v.set([
      k0[0] ^ 0x70736575,
      k0[1] ^ 0x736f6d65,
      k1[0] ^ 0x6e646f6d,
      k1[1] ^ 0x646f7261,
      k0[0] ^ 0x6e657261,
      k0[1] ^ 0x6c796765,
      k1[0] ^ 0x79746573,
      k1[1] ^ 0x74656462,
    ]);
  }

  xor(word: number, low: number, high: number): void {
    this.v[2 * word]! ^= low;
    this.v[2 * word + 1]! ^= high;
  }

  /** v[a] += v[b], carried from half to half. */
  private add(a: number, b: number): void {
    const { v } = this;
    const low = (v[2 * a]! >>> 0) + (v[2 * b]! >>> 0);
    v[2 * a] = low;
    v[2 * a + 1]! += v[2 * b + 1]! + (low > 0xffff_ffff ? 1 : 0);
  }

  /** v[a] is rotated left by `n` bits, 0 < n ≤ 32. */
  private rotate(a: number, n: number): void {
    const { v } = this;
    const low = v[2 * a]!;
    const high = v[2 * a + 1]!;
    v[2 * a] = n === 32 ? high : (low << n) | (high >>> (32 - n));
    v[2 * a + 1] = n === 32 ? low : (high << n) | (low >>> (32 - n));
  }

  private mix(a: number, b: number, n: number): void {
    this.add(a, b);
    this.rotate(b, n);
    this.xor(b, this.v[2 * a]!, this.v[2 * a + 1]!);
  }

  rounds(n: number): void {
    for (let i = 0; i < n; i++) {
      this.mix(0, 1, 13);
      this.rotate(0, 32);
      this.mix(2, 3, 16);
      this.mix(0, 3, 21);
      this.mix(2, 1, 17);
      this.rotate(2, 32);
    }
  }
}

/**
 * The hash of `data`.
 *
 * @param key 16 bytes
 * @returns 8 bytes, the number's least significant first
 */
export function sipHash(key: Uint8Array, data: Uint8Array): Uint8Array {
  const s = new State(new DataView(key.buffer, key.byteOffset, 16));
  // Padded to whole words; the last byte is the length.
  const padded = new Uint8Array((data.length & ~7) + 8);
  padded.set(data);
  padded[padded.length - 1] = data.length;
  const words = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const low = words.getInt32(at, true);
    const high = words.getInt32(at + 4, true);
    s.xor(3, low, high);
    s.rounds(2);
    s.xor(0, low, high);
  }
  s.xor(2, 0xff, 0);
  s.rounds(4);
  const out = new DataView(new ArrayBuffer(8));
  const { v } = s;
  out.setInt32(0, v[0]! ^ v[2]! ^ v[4]! ^ v[6]!, true);
  out.setInt32(4, v[1]! ^ v[3]! ^ v[5]! ^ v[7]!, true);
  return new Uint8Array(out.buffer);
}
