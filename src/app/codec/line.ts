/**
 * Lines: a frame ends with LF or CR LF, which do not belong to it (io.netty.handler.codec.LineBasedFrameDecoder,
 * LineEncoder). Netty skips a line that is too long and goes on with the next; here it is an error.
 */
import { CumulatingDecoder } from './cumulation.ts';
import { FrameError, MAX_FRAME } from './frame.ts';

const LF = 10;
const CR = 13;

export class LineDecoder extends CumulatingDecoder {
  private readonly max: number;
  /** Bytes held that have been looked at: none of them is LF. */
  private seen = 0;

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
    if (length > this.max) throw new FrameError(`a line is longer than ${this.max} bytes`);
    this.seen = lf < 0 ? end : 0;
    if (lf < 0) return null;
    const line = held.take(length);
    held.skip(end + 1 - length);
    return line;
  }
}

/** The line with LF behind it. */
export function encodeLine(line: Uint8Array): Uint8Array {
  const framed = new Uint8Array(line.length + 1);
  framed.set(line);
  framed[line.length] = LF;
  return framed;
}
