/**
 * Messages of one size, with their bytes (io.netty.handler.codec.FixedLengthFrameDecoder). Where nobody wants to see them,
 * fixed.ts counts.
 */
import { Cumulation } from './cumulation.ts';
import type { FrameDecoder } from './frame.ts';

export class FixedLengthDecoder implements FrameDecoder {
  private readonly size: number;
  private readonly held = new Cumulation();

  /** @param size bytes of a message, ≥ 1 */
  constructor(size: number) {
    this.size = size;
  }

  get pending(): number {
    return this.held.length;
  }

  feed(chunk: Uint8Array): void {
    this.held.append(chunk);
  }

  next(): Uint8Array | null {
    return this.held.length < this.size ? null : this.held.take(this.size);
  }
}
