/**
 * Messages of one size, with their bytes (io.netty.handler.codec.FixedLengthFrameDecoder). Where nobody wants to see them,
 * fixed.ts counts.
 */

import { CumulatingDecoder } from './cumulation.ts';
export class FixedLengthDecoder extends CumulatingDecoder {
  private readonly size: number;

  /** @param size bytes of a message, ≥ 1 */
  constructor(size: number) {
    super();
    this.size = size;
  }

  next(): Uint8Array | null {
    return this.held.length < this.size ? null : this.held.take(this.size);
  }
}
