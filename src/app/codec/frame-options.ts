/** What may be said of framing beside its name; the words and defaults are those of Netty's decoders. */
import type { Codec } from '../options.ts';
import { MAX_FRAME } from './frame.ts';

export interface FrameOptions {
  /** Bytes of the longest frame; with a length field, of all of it, the field and what is in front of it included. */
  readonly maxFrameLength: number;
  /** Bytes in front of the length field. */
  readonly lengthFieldOffset: number;
  /** Bytes of the length field, big-endian: 1, 2, 3, 4 or 8. */
  readonly lengthFieldLength: number;
  /** What is added to the field's value to get the bytes that follow it: below 0 when it counts itself, too. */
  readonly lengthAdjustment: number;
  /** Bytes taken off the front of each frame; null: up to the end of the field. */
  readonly initialBytesToStrip: number | null;
  /** Bytes that end a frame, with `codec: delimiter`; they do not belong to it. */
  readonly delimiter: string;
}

/** LengthFieldBasedFrameDecoder(max, 0, 4, 0, 4); a NUL as delimiter (Delimiters.nulDelimiter()). */
export const FRAME_DEFAULTS: FrameOptions = {
  maxFrameLength: MAX_FRAME,
  lengthFieldOffset: 0,
  lengthFieldLength: 4,
  lengthAdjustment: 0,
  initialBytesToStrip: null,
  delimiter: '\0',
};

/** Bytes in front of what `codec: sized` frames: its smallest request (sized.ts). */
export const SIZED_HEADER = 8;

const WIDTHS = [1, 2, 3, 4, 8];

interface WrongFrame {
  readonly message: string;
  readonly key: keyof FrameOptions;
  readonly hint: string;
}

/** What is wrong with a description of frames for that codec, with which part of it, and what to write instead; null: nothing. */
export function wrongFrame(codec: Codec, o: FrameOptions): WrongFrame | null {
  if (codec === 'length-field') return wrongField(o);
  if (codec !== 'delimiter' || o.delimiter !== '') return null;
  return {
    message: 'an empty delimiter ends no frame',
    key: 'delimiter',
    hint: 'one character at least, e.g. `delimiter: "\\0"`',
  };
}

function wrongField(o: FrameOptions): WrongFrame | null {
  if (!WIDTHS.includes(o.lengthFieldLength))
    return {
      message: `a length field of ${o.lengthFieldLength} bytes: it has 1, 2, 3, 4 or 8`,
      key: 'lengthFieldLength',
      hint: 'four bytes are usual',
    };
  const end = o.lengthFieldOffset + o.lengthFieldLength;
  if (end <= o.maxFrameLength) return null;
  return {
    message: `the length field ends after ${end} bytes, and a frame has at most ${o.maxFrameLength}`,
    key: 'maxFrameLength',
    hint: 'the longest frame is counted with its header',
  };
}

/** Why the length of a message of so many bytes cannot stand in such a field; null: it can. */
export function misfit(bytes: number, o: FrameOptions): string | null {
  const { lengthFieldLength: width, lengthAdjustment } = o;
  const value = bytes - lengthAdjustment;
  if (value < 0)
    return `a message of ${bytes} bytes is shorter than the length adjustment of ${lengthAdjustment}`;
  let end = 1;
  for (let i = 0; i < width; i++) end *= 256;
  return value < end ? null : `a message of ${bytes} bytes does not fit a length field of ${width}`;
}
