/**
 * A request as it goes on the wire: so many bytes of pattern, or with a header that says how many and what is wanted, or
 * HTTP/1.1 around so many.
 */
import type { Fd, Sys } from '../../kernel/syscall.ts';
import { requestHead } from '../codec/http-write.ts';
import { putSized } from '../codec/sized.ts';
import type { ClientOptions } from '../options.ts';
import type { Sub } from '../setup.ts';

/** The most of a request that is written with its header; what is longer follows as pattern. */
const FIRST_WRITE = 65_536;
const X = 0x78;

/** Sizes of a request and of the answer that is wanted, bytes; in HTTP of their bodies. */
export interface Sizes {
  readonly request: number;
  readonly answer: number;
}

/** Writes the requests of one client, or of one of its threads. */
export class Asker {
  private readonly codec: 'fixed' | 'sized' | 'http';
  private readonly host: string;
  /** Null: a request has no header. */
  private readonly first: Uint8Array | null;
  /** In HTTP, bytes of the head that `first` begins with, and what it was made for. */
  private head = 0;
  private body = -1;
  private closing = false;

  constructor(o: ClientOptions) {
    this.codec = o.codec ?? 'fixed';
    this.host = o.connect.host;
    this.first = this.codec === 'fixed' ? null : new Uint8Array(FIRST_WRITE).fill(X);
  }

  /**
   * Bytes of the whole request.
   *
   * @param last  no other one follows on this connection, which HTTP says beforehand (RFC 9112 §9.6)
   */
  length(of: Sizes, last: boolean): number {
    if (this.codec !== 'http') return of.request;
    this.putHead(of.request, last);
    return this.head + of.request;
  }

  /** What to give the next write(). @param left bytes of the whole, still to be written */
  rest(of: Sizes, last: boolean, left: number): Uint8Array | number {
    const { first } = this;
    const bytes = this.length(of, last);
    const at = bytes - left;
    if (first === null || at >= FIRST_WRITE) return left;
    // The kernel copies what it takes, so one array serves all.
    if (this.codec === 'sized') putSized(first, bytes, of.answer);
    return first.subarray(at, Math.min(bytes, FIRST_WRITE));
  }

  /** Blocks until all is written. @returns 0 or −errno */
  *writeAll(sys: Sys, fd: Fd, of: Sizes, last: boolean): Sub<number> {
    for (let left = this.length(of, last); left > 0;) {
      const n = yield sys.write(fd, this.rest(of, last, left));
      if (n < 0) return n;
      left -= n;
    }
    return 0;
  }

  private putHead(body: number, closing: boolean): void {
    if (body === this.body && closing === this.closing) return;
    const head = requestHead('/', this.host, body, closing ? 'close' : null);
    const first = this.first!;
    first.set(head);
    first.fill(X, head.length, Math.max(head.length, this.head));
    this.head = head.length;
    this.body = body;
    this.closing = closing;
  }
}
