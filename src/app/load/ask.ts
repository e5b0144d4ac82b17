/** A request as it goes on the wire: so many bytes of pattern, or with a header that says how many and what is wanted. */
import type { Fd, Sys } from '../../kernel/syscall.ts';
import { putSized } from '../codec/sized.ts';
import type { ClientOptions } from '../options.ts';
import type { Sub } from '../setup.ts';

/** The most of a request that is written with its header; what is longer follows as pattern. */
const FIRST_WRITE = 65_536;
const X = 0x78;

/** Writes the requests of one client, or of one of its threads. */
export class Asker {
  /** Null: a request has no header. */
  private readonly first: Uint8Array | null;

  constructor(o: ClientOptions) {
    this.first = o.codec === 'sized' ? new Uint8Array(FIRST_WRITE).fill(X) : null;
  }

  /**
   * What to give the next write().
   *
   * @param bytes of the whole request  @param left of those, still to be written  @param answer bytes wanted
   */
  rest(bytes: number, left: number, answer: number): Uint8Array | number {
    const { first } = this;
    const at = bytes - left;
    if (first === null || at >= FIRST_WRITE) return left;
    // The kernel copies what it takes, so one array serves all.
    putSized(first, bytes, answer);
    return first.subarray(at, Math.min(bytes, FIRST_WRITE));
  }

  /** Blocks until all is written. @returns 0 or −errno */
  *writeAll(sys: Sys, fd: Fd, bytes: number, answer: number): Sub<number> {
    for (let left = bytes; left > 0;) {
      const n = yield sys.write(fd, this.rest(bytes, left, answer));
      if (n < 0) return n;
      left -= n;
    }
    return 0;
  }
}
