/**
 * Where the answers on a connection end: each is as long as whoever asked knows, and nobody looks at it, or HTTP/1.1 says so.
 * Answers come in the order of the requests (RFC 9112 §9.3.2).
 */
import { EPROTO } from '../../kernel/syscall.ts';
import { isDrawn } from '../../base/distribution.ts';
import { HttpDecoder } from '../codec/http.ts';
import { HttpError } from '../codec/http-head.ts';
import type { ClientOptions } from '../options.ts';
import { READ } from './loop.ts';

/** More than any head that is written here. */
const HEAD = 512;

/** Of one connection at a time. */
export interface Answers {
  /** After an answer: whether its connection takes another request. */
  readonly goesOn: boolean;
  /** A connection is new: nothing of an older one counts. */
  connected(): void;
  /** `n` bytes were read. */
  got(n: number): void;
  /**
   * Whether the oldest answer is here; the one behind it is then the oldest.
   *
   * @param bytes  that it is to have  @param last  no other answer is awaited
   * @returns 1, 0 when more is to be read, −errno when what came is no such answer
   */
  whole(bytes: number, last: boolean): number;
}

/** How one thread reads: what it asks of each read(), and where that goes when somebody looks at it. */
export class Reads {
  readonly bytes: number;
  readonly into: Uint8Array | null;

  constructor(o: ClientOptions) {
    const most = o.read ?? READ;
    const http = o.codec === 'http';
    // A buffer need not be larger than all that may come.
    const answers = isDrawn(o.response) ? READ : (o.response + HEAD) * (o.pipeline ?? 1);
    this.bytes = http ? Math.min(most, answers) : most;
    this.into = http ? new Uint8Array(this.bytes) : null;
  }

  /** Of a connection that this thread reads. */
  answers(): Answers {
    return this.into === null ? new CountedAnswers() : new HttpAnswers(this.into);
  }
}

class CountedAnswers implements Answers {
  readonly goesOn: boolean = true;
  private have = 0;

  connected(): void {
    this.have = 0;
  }

  got(n: number): void {
    this.have += n;
  }

  whole(bytes: number, last: boolean): number {
    if (this.have < bytes) return 0;
    // What nobody has asked for counts for no later answer.
    this.have = last ? 0 : this.have - bytes;
    return 1;
  }
}

/** An answer of another status than 2xx, or of another size, is none; nor is one with something behind it that nobody asked for. */
class HttpAnswers implements Answers {
  goesOn = true;
  private readonly into: Uint8Array;
  private decoder = new HttpDecoder('response');
  /** Bytes of the body so far. */
  private body = 0;

  constructor(into: Uint8Array) {
    this.into = into;
  }

  connected(): void {
    this.decoder = new HttpDecoder('response');
    this.body = 0;
    this.goesOn = true;
  }

  got(n: number): void {
    // The next read overwrites the buffer, and the decoder keeps what it is given.
    this.decoder.feed(this.into.slice(0, n));
  }

  whole(bytes: number, last: boolean): number {
    try {
      return this.hear(bytes, last);
    } catch (e) {
      if (e instanceof HttpError) return -EPROTO;
      throw e;
    }
  }

  private hear(bytes: number, last: boolean): number {
    for (let e = this.decoder.next(); e !== null; e = this.decoder.next()) {
      switch (e.kind) {
        case 'head':
          this.goesOn = e.head.persistent;
          if (e.head.status < 200 || e.head.status >= 300) return -EPROTO;
          break;
        case 'body':
          this.body += e.bytes.length;
          break;
        case 'end': {
          const { body } = this;
          this.body = 0;
          return body === bytes && (!last || this.decoder.pending === 0) ? 1 : -EPROTO;
        }
      }
    }
    return 0;
  }
}
