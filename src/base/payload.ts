/**
 * What applications write, by reference. A payload is never copied through the path: a segment carries (stream, offset,
 * length), a retransmission or an overlap carries the same reference, and the reader gets it back.
 *
 * The bytes are either a pattern (content = f(stream, offset)) or real bytes, copied once at the write call and freed when
 * both the sender's queue and the reader are past them. The pattern is printable ASCII without line ends, so that a tool that
 * goes by port numbers (8080: HTTP) does not take a captured payload for a broken header.
 */
import { mix32 } from './hash.ts';

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Bytes that one application wrote, in order; offset 0 is the first byte after the SYN. */
export class PayloadStream {
  /** Unique in a world, in order of creation. */
  readonly id: number;
  /** Bytes written so far: the length of the stream. */
  written = 0;
  /** Real bytes, in order of offset; null while all is pattern. */
  private chunks: Chunk[] | null = null;

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
    const c = this.chunkAt(offset);
    return c === null ? this.patternAt(offset) : c.bytes[offset - c.offset]!;
  }

  /** Copies [offset, offset + into.length) out: chunk by chunk, what is real in one go. */
  copy(offset: number, into: Uint8Array): void {
    for (let i = 0; i < into.length;) {
      const c = this.chunkAt(offset + i);
      if (c !== null) {
        const from = offset + i - c.offset;
        const n = Math.min(into.length - i, c.bytes.length - from);
        into.set(c.bytes.subarray(from, from + n), i);
        i += n;
        continue;
      }
      const end = Math.min(into.length, this.nextChunkFrom(offset + i) - offset);
      for (; i < end; i++) into[i] = this.patternAt(offset + i);
    }
  }

  private patternAt(offset: number): number {
    return 0x20 + (mix32((offset | 0) ^ Math.imul(this.id + 1, 0x9e3779b1)) & 0x3f);
  }

  /** The real bytes that hold `offset`; null: it is pattern. */
  private chunkAt(offset: number): Chunk | null {
    if (this.chunks === null) return null;
    const c = this.chunks[this.chunksUpTo(offset) - 1];
    return c !== undefined && offset < c.offset + c.bytes.length ? c : null;
  }

  /** Where the first real bytes behind `offset`, which is pattern, begin. */
  private nextChunkFrom(offset: number): number {
    return this.chunks === null
      ? Infinity
      : (this.chunks[this.chunksUpTo(offset)]?.offset ?? Infinity);
  }

  /** How many chunks begin at `offset` or before. */
  private chunksUpTo(offset: number): number {
    const chunks = this.chunks!;
    let lo = 0;
    let hi = chunks.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (chunks[mid]!.offset <= offset) lo = mid + 1;
      else hi = mid;
    }
    return lo;
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
