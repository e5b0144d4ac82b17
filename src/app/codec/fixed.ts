/**
 * Framing by size alone: every message has the same number of bytes. TCP keeps no message boundaries, so a read may hold
 * half a message or several; this counts the whole ones.
 */

/** Cuts one connection's bytes into messages of `size` bytes. */
export class FixedFrames {
  readonly size: number;
  /** Bytes of the message that is not whole yet. */
  partial = 0;

  /** @param size bytes of a message, ≥ 1 */
  constructor(size: number) {
    this.size = size;
  }

  /** `n` more bytes were read. @returns how many messages have become whole */
  take(n: number): number {
    const bytes = this.partial + n;
    const whole = Math.floor(bytes / this.size);
    this.partial = bytes - whole * this.size;
    return whole;
  }
}
