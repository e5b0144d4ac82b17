/** Requests in one connection's bytes, for servers without a pipeline: which are whole, and how long their answers are. */
import type { CountingOptions } from '../options.ts';
import { FixedFrames } from './fixed.ts';
import { FrameError } from './frame.ts';
import { answerOf, SizedDecoder } from './sized.ts';

export interface Requests {
  /** Wants to see the bytes of every read. */
  readonly looks: boolean;
  /** A read brought `n` bytes: the first of `bytes`, where they are looked at. */
  take(n: number, bytes: Uint8Array | null): void;
  /** Bytes of the answer to the next whole request; −1: none is whole, −2: the bytes are no requests. */
  next(): number;
}

/** @returns null for a stream that is only read */
export function requestsOf(o: CountingOptions): Requests | null {
  if (o.codec === 'sized') return new SizedRequests();
  return o.request > 0 ? new FixedRequests(o.request, o.response) : null;
}

class FixedRequests implements Requests {
  readonly looks = false;
  private readonly frames: FixedFrames;
  private readonly response: number;
  private whole = 0;

  constructor(request: number, response: number) {
    this.frames = new FixedFrames(request);
    this.response = response;
  }

  take(n: number): void {
    this.whole += this.frames.take(n);
  }

  next(): number {
    if (this.whole === 0) return -1;
    this.whole--;
    return this.response;
  }
}

class SizedRequests implements Requests {
  readonly looks = true;
  private readonly decoder = new SizedDecoder();

  take(n: number, bytes: Uint8Array | null): void {
    this.decoder.feed(bytes!.subarray(0, n));
  }

  next(): number {
    try {
      const header = this.decoder.next();
      return header === null ? -1 : answerOf(header);
    } catch (e) {
      if (e instanceof FrameError) return -2;
      throw e;
    }
  }
}
