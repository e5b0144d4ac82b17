/** Bytes that a decoder has been given and has not made frames of (ByteToMessageDecoder.MERGE_CUMULATOR). */
import type { FrameDecoder } from './frame.ts';

const EMPTY = new Uint8Array(0);

export class Cumulation {
  private bytes: Uint8Array = EMPTY;
  private start = 0;
  private end = 0;

  /** Bytes held. */
  get length(): number {
    return this.end - this.start;
  }

  /** The i-th byte held, from 0. */
  at(i: number): number {
    return this.bytes[this.start + i]!;
  }

  append(chunk: Uint8Array): void {
    if (this.length === 0) {
      // The usual case: nothing is left over, and the chunk itself is read from.
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      return;
    }
    if (this.end + chunk.length > this.bytes.length) this.grow(this.length + chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Takes the first `n` bytes. */
  take(n: number): Uint8Array {
    const taken = this.bytes.subarray(this.start, this.start + n);
    this.start += n;
    return taken;
  }

  skip(n: number): void {
    this.start += n;
  }

  /** Where `byte` is first, from the `from`-th byte on; −1: nowhere. */
  indexOf(byte: number, from: number): number {
    const i = this.bytes.subarray(0, this.end).indexOf(byte, this.start + from);
    return i < 0 ? -1 : i - this.start;
  }

  /** Twice the room that is needed. What was taken stays in the old bytes. */
  private grow(needed: number): void {
    const bytes = new Uint8Array(2 * needed);
    bytes.set(this.bytes.subarray(this.start, this.end));
    this.end = this.length;
    this.start = 0;
    this.bytes = bytes;
  }
}

/** A decoder that keeps what it cannot make a frame of yet. */
export abstract class CumulatingDecoder implements FrameDecoder {
  protected readonly held: Cumulation = new Cumulation();

  get pending(): number {
    return this.held.length;
  }

  feed(chunk: Uint8Array): void {
    this.held.append(chunk);
  }

  abstract next(): Uint8Array | null;
}
