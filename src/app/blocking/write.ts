import type { Fd, Sys } from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';

/** Blocks until all is taken. A write that an error ends early tells how far it got; the next call tells the error. */
export function* writeAll(sys: Sys, fd: Fd, data: number | Uint8Array): Sub<number> {
  const bytes = typeof data === 'number' ? data : data.length;
  for (let at = 0; at < bytes;) {
    const n = yield sys.write(fd, typeof data === 'number' ? bytes - at : data.subarray(at));
    if (n < 0) return n;
    at += n;
  }
  return 0;
}
