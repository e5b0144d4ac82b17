/**
 * A request and its answer as they go over the wire: so many bytes each, which nobody looks at, or HTTP/1.1 around them. One for
 * each connection, which it may outlive; what is the same for all requests is made once.
 */
import { EPROTO } from '../../kernel/syscall.ts';
import { HttpDecoder } from '../codec/http.ts';
import { HttpError } from '../codec/http-head.ts';
import { request } from '../codec/http-write.ts';
import type { ClientOptions } from '../options.ts';
import { READ } from './loop.ts';

/** More than any head that is written here. */
const HEAD = 512;

export interface Exchange {
  /** What is written for a request: bytes, or so many of pattern. */
  readonly request: Uint8Array | number;
  /** Bytes of it. */
  readonly size: number;
  /** Bytes asked of each read(), and where they go when somebody looks at them. */
  readonly read: number;
  readonly into: Uint8Array | null;
  /** A connection is new: nothing of an older one counts. */
  connected(): void;
  /** A request goes out. @returns whether there will be an answer to wait for */
  asked(): boolean;
  /** `n` bytes were read. @returns 1 when the answer is whole, 0 when not, −errno when it is none */
  heard(n: number): number;
  /** After an answer: whether the connection takes another request. */
  readonly goesOn: boolean;
}

/** @returns what makes the exchange of one connection */
export function exchanges(o: ClientOptions): () => Exchange {
  if (o.codec !== 'http') return () => new SizedExchange(o.request, o.response);
  const said = request('/', o.connect.host, o.request);
  return () => new HttpExchange(said, o.response);
}

class SizedExchange implements Exchange {
  readonly request: number;
  readonly size: number;
  readonly read: number = READ;
  readonly into: null = null;
  readonly goesOn: boolean = true;
  private readonly response: number;
  private left = 0;

  constructor(size: number, response: number) {
    this.request = size;
    this.size = size;
    this.response = response;
  }

  connected(): void {}

  asked(): boolean {
    this.left = this.response;
    return this.left > 0;
  }

  heard(n: number): number {
    this.left -= n;
    return this.left <= 0 ? 1 : 0;
  }
}

/** An answer of another status than 2xx, or of another size, is none. */
class HttpExchange implements Exchange {
  readonly request: Uint8Array;
  readonly size: number;
  readonly read: number;
  readonly into: Uint8Array;
  goesOn = true;
  private readonly response: number;
  private decoder = new HttpDecoder('response');
  private body = 0;

  constructor(said: Uint8Array, response: number) {
    this.request = said;
    this.size = said.length;
    this.response = response;
    this.read = Math.min(READ, response + HEAD);
    this.into = new Uint8Array(this.read);
  }

  connected(): void {
    this.decoder = new HttpDecoder('response');
  }

  asked(): boolean {
    this.body = 0;
    this.goesOn = true;
    return true;
  }

  heard(n: number): number {
    // The next read overwrites the buffer, and the decoder keeps what it is given.
    this.decoder.feed(this.into.slice(0, n));
    try {
      return this.hear();
    } catch (e) {
      if (e instanceof HttpError) return -EPROTO;
      throw e;
    }
  }

  private hear(): number {
    for (let e = this.decoder.next(); e !== null; e = this.decoder.next()) {
      switch (e.kind) {
        case 'head':
          this.goesOn = e.head.persistent;
          if (e.head.status < 200 || e.head.status >= 300) return -EPROTO;
          break;
        case 'body':
          this.body += e.bytes.length;
          break;
        case 'end':
          return this.body === this.response && this.decoder.pending === 0 ? 1 : -EPROTO;
      }
    }
    return 0;
  }
}
