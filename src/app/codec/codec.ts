/** The codecs by name, and what is said with them. */
import { unreachable } from '../../base/assert.ts';
import type { Codec } from '../options.ts';
import { DelimiterDecoder, encodeDelimited } from './delimiter.ts';
import { FixedLengthDecoder } from './fixed-length.ts';
import type { FrameDecoder } from './frame.ts';
import { FRAME_DEFAULTS, type FrameOptions } from './frame-options.ts';
import { HttpBodyDecoder } from './http-frames.ts';
import { response } from './http-write.ts';
import { JsonDecoder } from './json.ts';
import { encodeLengthField, LengthFieldDecoder } from './length-field.ts';
import { encodeLine, LineDecoder } from './line.ts';
import { SizedDecoder } from './sized.ts';

/** @param size bytes of a message, for `fixed` @returns null for `none`: what a read brings is a message */
export function decoderOf(
  codec: Codec,
  size: number,
  o: FrameOptions = FRAME_DEFAULTS,
): FrameDecoder | null {
  switch (codec) {
    case 'none':
      return null;
    case 'fixed':
      return new FixedLengthDecoder(size);
    case 'sized':
      return new SizedDecoder();
    case 'line':
      return new LineDecoder(o.maxFrameLength);
    case 'length-field':
      return new LengthFieldDecoder(o);
    case 'json':
      return new JsonDecoder(o.maxFrameLength);
    case 'delimiter':
      return new DelimiterDecoder(o.delimiter, o.maxFrameLength);
    case 'http':
      return new HttpBodyDecoder();
    default:
      return unreachable(codec);
  }
}

/** Whether frames are found by looking at the bytes; otherwise counting them is enough. */
export function looksAtBytes(codec: Codec): boolean {
  return codec !== 'none' && codec !== 'fixed';
}

/**
 * A message as it goes on the wire. An object in JSON is its own frame; in HTTP a message is the body of a response.
 *
 * @throws FrameError when a length field cannot hold its length
 */
export function encode(
  codec: Codec,
  message: Uint8Array,
  o: FrameOptions = FRAME_DEFAULTS,
): Uint8Array {
  if (codec === 'http') return response(message);
  if (codec === 'line') return encodeLine(message);
  if (codec === 'delimiter') return encodeDelimited(message, o.delimiter);
  return codec === 'length-field' ? encodeLengthField(message, o) : message;
}

const A = 0x61;
const Z = 0x7a;
const X = 0x78;
const SPACE = 0x20;

/** a–z become A–Z; a byte is a character. */
export function upperCase(bytes: Uint8Array): Uint8Array {
  return bytes.map((b) => (b >= A && b <= Z ? b - SPACE : b));
}

/** A message of `n` bytes that says nothing: x after x, in JSON an object of spaces (of 2 bytes at least). */
export function filler(codec: Codec, n: number): Uint8Array {
  if (codec !== 'json') return new Uint8Array(n).fill(X);
  const object = new Uint8Array(Math.max(2, n)).fill(SPACE);
  object[0] = 0x7b;
  object[object.length - 1] = 0x7d;
  return object;
}
