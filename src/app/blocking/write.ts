import type { Fd, Sys } from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';

/** Blocks until all is taken. A write that an error ends early tells how far it got; the next call tells the error. */
export function* writeAll(sys: Sys, fd: Fd, bytes: number): Sub<number> {
  for (let left = bytes; left > 0;) {
    const n = yield sys.write(fd, left);
    if (n < 0) return n;
    left -= n;
  }
  return 0;
}
