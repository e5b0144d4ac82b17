/**
 * JSON objects and arrays one after the other, with white space between them (io.netty.handler.codec.json.
 * JsonObjectDecoder): a frame ends where its brackets close. Brackets are counted, outside of strings; whether the text
 * in between is JSON is for a parser to say.
 */
import { CumulatingDecoder } from './cumulation.ts';
import { FrameError, MAX_FRAME } from './frame.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const isOpening = (byte: number): boolean => byte === 0x7b || byte === 0x5b; // { [
const isClosing = (byte: number): boolean => byte === 0x7d || byte === 0x5d; // } ]
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);

export class JsonDecoder extends CumulatingDecoder {
  private readonly max: number;
  /** Bytes held that have been looked at; all of them belong to the frame that is open. */
  private seen = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  /** @param max bytes of the longest object */
  constructor(max: number = MAX_FRAME) {
    super();
    this.max = max;
  }

  next(): Uint8Array | null {
    const { held } = this;
    if (this.depth === 0) this.begin();
    let whole = false;
    while (!whole && this.seen < held.length) {
      if (this.seen === this.max)
        throw new FrameError(`an object is longer than ${this.max} bytes`);
      whole = this.look(held.at(this.seen++));
    }
    if (!whole) return null;
    const length = this.seen;
    this.seen = 0;
    return held.take(length);
  }

  /** Skips white space in front of a frame. */
  private begin(): void {
    const { held } = this;
    while (held.length > 0 && isSpace(held.at(0))) held.skip(1);
    if (held.length > 0 && !isOpening(held.at(0)))
      throw new FrameError(`byte ${held.at(0)} begins no object`);
  }

  /** @returns whether this byte closes the frame */
  private look(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inString = false;
    } else if (byte === QUOTE) this.inString = true;
    else if (isOpening(byte)) this.depth++;
    else if (isClosing(byte)) return --this.depth === 0;
    return false;
  }
}
