/**
 * Frames that end with certain bytes, which do not belong to them (io.netty.handler.codec.DelimiterBasedFrameDecoder with one
 * delimiter). A frame that is too long is said so as soon as that is known (failFast), and skipped up to its end.
 */
import { encodeText } from '../../base/text.ts';
import { CumulatingDecoder } from './cumulation.ts';
import { MAX_FRAME, TooLongFrameError } from './frame.ts';

export class DelimiterDecoder extends CumulatingDecoder {
  private readonly delimiter: Uint8Array;
  private readonly max: number;
  /** Bytes held that have been looked at: no delimiter begins there. */
  private seen = 0;
  /** A frame that is too long is being skipped. */
  private discarding = false;

  /** @param delimiter of one byte at least @param max bytes of the longest frame, its end left out */
  constructor(delimiter: string, max: number = MAX_FRAME) {
    super();
    this.delimiter = encodeText(delimiter);
    this.max = max;
  }

  next(): Uint8Array | null {
    for (;;) {
      const { held } = this;
      const end = this.find();
      if (end < 0) {
        if (!this.discarding && held.length - this.delimiter.length + 1 <= this.max) return null;
        // What may be the beginning of the delimiter stays.
        held.skip(this.seen);
        this.seen = 0;
        if (this.discarding) return null;
        this.discarding = true;
        throw new TooLongFrameError(`a frame is longer than ${this.max} bytes`);
      }
      this.seen = 0;
      const tooLong = end > this.max;
      if (!this.discarding && !tooLong) {
        const frame = held.take(end);
        held.skip(this.delimiter.length);
        return frame;
      }
      held.skip(end + this.delimiter.length);
      // It has been said already.
      const said = this.discarding;
      this.discarding = false;
      if (!said) throw new TooLongFrameError(`a frame is longer than ${this.max} bytes`);
    }
  }

  /** Where the delimiter begins; −1: nowhere yet. */
  private find(): number {
    const { held, delimiter } = this;
    const last = held.length - delimiter.length;
    for (;;) {
      const i = held.indexOf(delimiter[0]!, this.seen);
      if (i < 0 || i > last) {
        this.seen = Math.max(this.seen, i < 0 ? held.length : Math.min(i, held.length));
        return -1;
      }
      let same = 1;
      while (same < delimiter.length && held.at(i + same) === delimiter[same]) same++;
      if (same === delimiter.length) return i;
      this.seen = i + 1;
    }
  }
}

/** The frame with the delimiter behind it. */
export function encodeDelimited(frame: Uint8Array, delimiter: string): Uint8Array {
  const end = encodeText(delimiter);
  const framed = new Uint8Array(frame.length + end.length);
  framed.set(frame);
  framed.set(end, frame.length);
  return framed;
}
