/**
 * Frames with their length in front (io.netty.handler.codec.LengthFieldBasedFrameDecoder, LengthFieldPrepender): a field of
 * 1, 2, 3, 4 or 8 bytes, big-endian, somewhere in a header. Its value and `lengthAdjustment` are the bytes that follow it;
 * the first `initialBytesToStrip` of the frame are taken off.
 *
 * A frame that is too long is said so as soon as its length is known (failFast), skipped, and the next one is as good as any.
 * A length that cannot be is skipped with its field (CorruptedFrameException).
 */
import { CumulatingDecoder } from './cumulation.ts';
import { FrameError, TooLongFrameError } from './frame.ts';
import { FRAME_DEFAULTS, misfit, wrongFrame, type FrameOptions } from './frame-options.ts';

export class LengthFieldDecoder extends CumulatingDecoder {
  private readonly o: FrameOptions;
  /** Bytes up to the end of the field. */
  private readonly fieldEnd: number;
  private readonly strip: number;
  /** Bytes of a frame that is too long, and have not come yet. */
  private toDiscard = 0;

  /** @throws RangeError when the options make no sense */
  constructor(options: Partial<FrameOptions> = {}) {
    super();
    this.o = { ...FRAME_DEFAULTS, ...options };
    const wrong = wrongFrame('length-field', this.o);
    if (wrong !== null) throw new RangeError(wrong.message);
    this.fieldEnd = this.o.lengthFieldOffset + this.o.lengthFieldLength;
    this.strip = this.o.initialBytesToStrip ?? this.fieldEnd;
  }

  next(): Uint8Array | null {
    const { held, fieldEnd } = this;
    this.discard();
    if (this.toDiscard > 0 || held.length < fieldEnd) return null;
    const length = this.frameLength();
    if (length < fieldEnd) {
      held.skip(fieldEnd);
      throw new FrameError(
        `a frame of ${length} bytes ends within its ${fieldEnd} bytes of header`,
      );
    }
    if (length > this.o.maxFrameLength) {
      this.toDiscard = length;
      this.discard();
      throw new TooLongFrameError(
        `a frame of ${length} bytes is longer than ${this.o.maxFrameLength}`,
      );
    }
    if (held.length < length) return null;
    if (this.strip > length) {
      held.skip(length);
      throw new FrameError(`${this.strip} bytes cannot be taken off a frame of ${length}`);
    }
    held.skip(this.strip);
    return held.take(length - this.strip);
  }

  /** Bytes of the whole frame, as its field says. */
  private frameLength(): number {
    let value = 0;
    for (let i = this.o.lengthFieldOffset; i < this.fieldEnd; i++)
      value = value * 256 + this.held.at(i);
    return value + this.o.lengthAdjustment + this.fieldEnd;
  }

  private discard(): void {
    const n = Math.min(this.toDiscard, this.held.length);
    this.held.skip(n);
    this.toDiscard -= n;
  }
}

/**
 * The frame behind its length, and that behind as many zeros as the field's offset.
 *
 * @throws FrameError when its length does not fit the field (LengthFieldPrepender: IllegalArgumentException)
 */
export function encodeLengthField(
  frame: Uint8Array,
  options: Partial<FrameOptions> = {},
): Uint8Array {
  const o = { ...FRAME_DEFAULTS, ...options };
  const wrong = misfit(frame.length, o);
  if (wrong !== null) throw new FrameError(wrong);
  const fieldEnd = o.lengthFieldOffset + o.lengthFieldLength;
  const framed = new Uint8Array(fieldEnd + frame.length);
  let value = frame.length - o.lengthAdjustment;
  for (let i = fieldEnd - 1; i >= o.lengthFieldOffset; i--) {
    framed[i] = value % 256;
    value = Math.floor(value / 256);
  }
  framed.set(frame, fieldEnd);
  return framed;
}
