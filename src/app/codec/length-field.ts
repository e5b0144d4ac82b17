/**
 * Frames behind their length: four bytes, big-endian, which count what follows (io.netty.handler.codec.
 * LengthFieldBasedFrameDecoder(max, 0, 4, 0, 4), LengthFieldPrepender(4)).
 */
import { CumulatingDecoder } from './cumulation.ts';
import { FrameError, MAX_FRAME } from './frame.ts';

const FIELD = 4;

export class LengthFieldDecoder extends CumulatingDecoder {
  private readonly max: number;

  /** @param max bytes of the longest frame, its field left out */
  constructor(max: number = MAX_FRAME) {
    super();
    this.max = max;
  }

  next(): Uint8Array | null {
    const { held } = this;
    if (held.length < FIELD) return null;
    let length = 0;
    for (let i = 0; i < FIELD; i++) length = length * 256 + held.at(i);
    if (length > this.max)
      throw new FrameError(`a frame of ${length} bytes is longer than ${this.max}`);
    if (held.length < FIELD + length) return null;
    held.skip(FIELD);
    return held.take(length);
  }
}

/** The frame behind its length. */
export function encodeLengthField(frame: Uint8Array): Uint8Array {
  const framed = new Uint8Array(FIELD + frame.length);
  framed[0] = frame.length >>> 24;
  framed[1] = frame.length >>> 16;
  framed[2] = frame.length >>> 8;
  framed[3] = frame.length;
  framed.set(frame, FIELD);
  return framed;
}
