/**
 * Requests that say how long they are and how long an answer they want, so that sizes can be drawn by whoever asks and the
 * server needs to know nothing: eight bytes, two numbers of four, big-endian, the length of the whole request with these
 * eight, and the length of the answer; the rest says nothing. (A GET of so many bytes, as load generators and test servers
 * agree on it, without the text around it.) Answers have no framing: who asked knows how long they are.
 */
import { assert } from '../../base/assert.ts';
import { type FrameDecoder, FrameError } from './frame.ts';
import { SIZED_HEADER } from './frame-options.ts';

/** Writes a request's header. */
export function putSized(into: Uint8Array, bytes: number, answer: number): void {
  assert(bytes >= SIZED_HEADER && bytes <= 0xffff_ffff, 'sized: no length', () => String(bytes));
  for (let i = 0; i < 4; i++) {
    into[i] = bytes >>> (24 - 8 * i);
    into[4 + i] = answer >>> (24 - 8 * i);
  }
}

const number = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

/** Bytes of the answer that a header asks for. */
export const answerOf = (header: Uint8Array): number => number(header, 4);

/** Gives the headers of whole requests; what follows a header is counted and not kept. */
export class SizedDecoder implements FrameDecoder {
  private header = new Uint8Array(SIZED_HEADER);
  /** Bytes of the present request that have come. */
  private have = 0;
  private readonly whole: Uint8Array[] = [];
  private wrong = -1;

  /** Of a request that is not whole. */
  get pending(): number {
    return this.have;
  }

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && this.wrong < 0;) {
      if (this.have < SIZED_HEADER) {
        this.header[this.have++] = chunk[at++]!;
        if (this.have === SIZED_HEADER && this.length < SIZED_HEADER) {
          this.wrong = this.length;
          return;
        }
      } else {
        const n = Math.min(this.length - this.have, chunk.length - at);
        this.have += n;
        at += n;
      }
      if (this.have < SIZED_HEADER || this.have < this.length) continue;
      this.whole.push(this.header);
      this.header = new Uint8Array(SIZED_HEADER);
      this.have = 0;
    }
  }

  next(): Uint8Array | null {
    const frame = this.whole.shift();
    if (frame !== undefined) return frame;
    if (this.wrong < 0) return null;
    throw new FrameError(`a request of ${this.wrong} bytes is shorter than its header`);
  }

  private get length(): number {
    return number(this.header, 0);
  }
}
