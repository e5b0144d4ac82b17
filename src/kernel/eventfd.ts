/**
 * eventfd(2): a counter as a file (fs/eventfd.c). A read takes it all, or one with EFD_SEMAPHORE, and blocks at zero; a
 * write adds and blocks at the top, 2^64 − 2 in Linux and 2^53 − 1 here, the largest exact integer.
 *
 * Both return 8, the bytes of the number. The value read goes to the reader's buffer, little-endian, if it gave one; a
 * write takes its value as the number given to `sys.write`, or from 8 bytes.
 */
import { EAGAIN, EINVAL } from '../base/errno.ts';
import type { File } from './file.ts';
import {
  EFD_SEMAPHORE,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWRNORM,
  NONBLOCK,
  type Trap,
} from './syscall.ts';
import { DONE, type Thread } from './thread.ts';
import { WaitQueue } from './wait-queue.ts';

const MAX = Number.MAX_SAFE_INTEGER;

export class EventFd implements File {
  readonly kind = 'eventfd';
  readonly wait: WaitQueue = new WaitQueue();
  nonblock: boolean;
  count: number;
  private readonly semaphore: boolean;

  constructor(initial: number, flags: number) {
    this.count = initial;
    this.nonblock = (flags & NONBLOCK) !== 0;
    this.semaphore = (flags & EFD_SEMAPHORE) !== 0;
  }

  poll(): number {
    return (
      (this.count > 0 ? EPOLLIN | EPOLLRDNORM : 0) | (this.count < MAX ? EPOLLOUT | EPOLLWRNORM : 0)
    );
  }

  read(t: Thread, trap: Trap): number {
    if (trap.x === 0) return pay(trap, t.host.costs.eventfd);
    if (this.count === 0) return this.nonblock ? t.done(-EAGAIN) : t.waitInLine(this.wait, EPOLLIN);
    const value = this.semaphore ? 1 : this.count;
    this.count -= value;
    if (trap.obj !== null) putNumber(trap.obj as Uint8Array, value);
    this.wait.wake(EPOLLOUT | EPOLLWRNORM, 1, false);
    return t.done(8);
  }

  write(t: Thread, trap: Trap): number {
    if (trap.x === 0) return pay(trap, t.host.costs.eventfd);
    const value = trap.obj === null ? trap.a : getNumber(trap.obj as Uint8Array);
    if (!(value >= 0 && value <= MAX)) return t.done(-EINVAL);
    if (this.count > MAX - value)
      return this.nonblock ? t.done(-EAGAIN) : t.waitInLine(this.wait, EPOLLOUT);
    this.add(value);
    return t.done(8);
  }

  /** eventfd_signal: from inside the kernel, or the end of a write. */
  add(value: number): void {
    this.count += value;
    if (value > 0) this.wait.wake(EPOLLIN | EPOLLRDNORM, 1, false);
  }

  close(t: Thread): number {
    t.result = 0;
    return DONE;
  }
}

/** What a call costs before it looks at anything; paid once, however often it is tried again (`trap.x`). */
export function pay(trap: Trap, cost: number): number {
  trap.x = 1;
  return cost;
}

/** A 64-bit little-endian number, as eventfd and timerfd give it; what does not fit the buffer is lost. */
export function putNumber(into: Uint8Array, value: number): void {
  for (let i = 0; i < 8 && i < into.length; i++) {
    into[i] = value % 256;
    value = Math.floor(value / 256);
  }
}

function getNumber(from: Uint8Array): number {
  let value = 0;
  for (let i = Math.min(8, from.length) - 1; i >= 0; i--) value = value * 256 + from[i]!;
  return value;
}
