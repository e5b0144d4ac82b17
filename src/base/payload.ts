/**
 * What applications write, by reference. A payload is never copied through the path: a segment carries (stream, offset,
 * length), a retransmission or an overlap carries the same reference, and the reader gets it back.
 *
 * The bytes are either a pattern (content = f(stream, offset)) or real bytes, copied once at the write call and freed when
 * both the sender's queue and the reader are past them. The pattern is printable ASCII without line ends, so that a tool that
 * goes by port numbers (8080: HTTP) does not take a captured payload for a broken header.
 */
import { mix32 } from './hash.ts';

/** Bytes that one application wrote, in order; offset 0 is the first byte after the SYN. */
export class PayloadStream {
  /** Unique in a world, in order of creation. */
  readonly id: number;
  /** Bytes written so far: the length of the stream. */
  written = 0;
  /** Real bytes, in order of offset; null while all is pattern. */
  private chunks: { readonly offset: number; readonly bytes: Uint8Array }[] | null = null;

  constructor(id: number) {
    this.id = id;
  }

  /** Appends `n` bytes of pattern. */
  appendPattern(n: number): void {
    this.written += n;
  }

  /** Appends real bytes; the caller's array is copied. */
  append(bytes: Uint8Array): void {
    (this.chunks ??= []).push({ offset: this.written, bytes: bytes.slice() });
    this.written += bytes.length;
  }

  /** The byte at `offset`. */
  byteAt(offset: number): number {
    const chunks = this.chunks;
    if (chunks !== null) {
      let lo = 0;
      let hi = chunks.length;
      while (lo < hi) {
        const mid = (lo + hi) >>> 1;
        if (chunks[mid]!.offset <= offset) lo = mid + 1;
        else hi = mid;
      }
      const c = chunks[lo - 1];
      if (c !== undefined && offset < c.offset + c.bytes.length) return c.bytes[offset - c.offset]!;
    }
    return 0x20 + (mix32((offset | 0) ^ Math.imul(this.id + 1, 0x9e3779b1)) & 0x3f);
  }

  /** Copies [offset, offset + into.length) out. */
  copy(offset: number, into: Uint8Array): void {
    for (let i = 0; i < into.length; i++) into[i] = this.byteAt(offset + i);
  }

  /** Frees real bytes before `offset`: the sender's queue and the reader are both past them. */
  release(offset: number): void {
    const chunks = this.chunks;
    if (chunks === null) return;
    let n = 0;
    while (n < chunks.length && chunks[n]!.offset + chunks[n]!.bytes.length <= offset) n++;
    if (n > 0) chunks.splice(0, n);
  }
}
