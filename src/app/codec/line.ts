/**
 * Lines: a frame ends with LF or CR LF, which do not belong to it (io.netty.handler.codec.LineBasedFrameDecoder,
 * LineEncoder). A line that is too long is skipped, and said so when its end has come: failFast is false here, by default.
 */
import { CumulatingDecoder } from './cumulation.ts';
import { MAX_FRAME, TooLongFrameError } from './frame.ts';

const LF = 10;
const CR = 13;

export class LineDecoder extends CumulatingDecoder {
  private readonly max: number;
  /** Bytes held that have been looked at: none of them is LF. */
  private seen = 0;
  /** Bytes of a line that is too long, skipped so far; 0: none is. */
  private discarded = 0;

  /** @param max bytes of the longest line, its end left out */
  constructor(max: number = MAX_FRAME) {
    super();
    this.max = max;
  }

  next(): Uint8Array | null {
    const { held } = this;
    const lf = held.indexOf(LF, this.seen);
    const end = lf < 0 ? held.length : lf;
    const length = end > 0 && held.at(end - 1) === CR ? end - 1 : end;
    this.seen = lf < 0 ? end : 0;
    if (lf < 0) {
      if (length > this.max || this.discarded > 0) this.skip(end);
      return null;
    }
    const whole = this.discarded + length;
    if (whole > this.max) {
      held.skip(end + 1);
      this.discarded = 0;
      throw new TooLongFrameError(`a line of ${whole} bytes is longer than ${this.max}`);
    }
    const line = held.take(length);
    held.skip(end + 1 - length);
    return line;
  }

  /** Part of a line that is too long. */
  private skip(n: number): void {
    this.discarded += n;
    this.held.skip(n);
    this.seen = 0;
  }
}

/** The line with LF behind it. */
export function encodeLine(line: Uint8Array): Uint8Array {
  const framed = new Uint8Array(line.length + 1);
  framed.set(line);
  framed[line.length] = LF;
  return framed;
}
