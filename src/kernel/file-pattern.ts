/**
 * A file to read and send from: so many bytes of pattern. There is no disk: it is in the page cache, always. A read says
 * how many bytes there were; it does not write them into a buffer.
 */
import { EBADF } from '../base/errno.ts';
import { copyCost } from './costs.ts';
import type { File } from './file.ts';
import { EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM, type Trap } from './syscall.ts';
import { DONE, type Thread } from './thread.ts';
import { WaitQueue } from './wait-queue.ts';

export class PatternFile implements File {
  readonly kind = 'file';
  nonblock = false;
  readonly wait: WaitQueue = new WaitQueue();
  /** Bytes. */
  readonly size: number;
  /** Where the next read begins. */
  position = 0;

  constructor(size: number) {
    this.size = size;
  }

  /** A file never lets anybody wait (DEFAULT_POLLMASK). */
  poll(): number {
    return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
  }

  read(t: Thread, trap: Trap): number {
    const n = Math.min(trap.a, this.size - this.position);
    if (trap.phase === 0 && n > 0) {
      trap.phase = 1;
      return copyCost(t.host.costs, n);
    }
    this.position += n;
    return t.done(n);
  }

  write(t: Thread): number {
    return t.done(-EBADF);
  }

  close(t: Thread): number {
    t.result = 0;
    return DONE;
  }
}
