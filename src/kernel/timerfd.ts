/**
 * timerfd(2) on CLOCK_MONOTONIC: a timer as a file (fs/timerfd.c). It is readable when it has expired since the last read,
 * which returns 8 and puts the number of expirations into the reader's buffer. Expirations lie exactly an interval apart
 * from the first, whatever reads when; the ones between two reads are counted, not scheduled.
 */
import { EAGAIN, EINVAL } from '../base/errno.ts';
import type { Instant } from '../base/units.ts';
import { pay, putNumber } from './eventfd.ts';
import type { File } from './file.ts';
import type { Host } from './host.ts';
import { EPOLLIN, EPOLLRDNORM, NONBLOCK, type Trap } from './syscall.ts';
import { DONE, type Thread } from './thread.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';
import { WaitQueue } from './wait-queue.ts';

export class TimerFd implements File, TimerHandler {
  readonly kind = 'timerfd';
  readonly wait: WaitQueue = new WaitQueue();
  nonblock: boolean;
  private readonly host: Host;
  private readonly timer: KernelTimer;
  /** Expired, and not yet read; later expirations of an interval follow from `lastExpiry`. */
  private expired = false;
  private lastExpiry = 0;
  private interval = 0;

  constructor(host: Host, flags: number) {
    this.host = host;
    this.nonblock = (flags & NONBLOCK) !== 0;
    this.timer = new KernelTimer(host, host.here, this, true);
  }

  /** timerfd_settime(2): `first` ns from now, 0 disarms; then every `interval` ns, 0 for once. */
  settime(first: number, interval: number): void {
    this.expired = false;
    this.interval = interval;
    this.timer.core = this.host.here;
    if (first === 0) this.timer.cancel();
    else this.timer.arm((this.host.engine.now + first) as Instant);
    this.lastExpiry = this.host.engine.now + first;
  }

  onTimer(): void {
    this.expired = true;
    this.wait.wake(EPOLLIN | EPOLLRDNORM, 1, false);
  }

  poll(): number {
    return this.expired ? EPOLLIN | EPOLLRDNORM : 0;
  }

  read(t: Thread, trap: Trap): number {
    if (trap.x === 0) return pay(trap, t.host.costs.eventfd);
    if (!this.expired) return this.nonblock ? t.done(-EAGAIN) : t.waitInLine(this.wait, EPOLLIN);
    let n = 1;
    this.expired = false;
    if (this.interval > 0) {
      n += Math.floor((this.host.engine.now - this.lastExpiry) / this.interval);
      this.lastExpiry += n * this.interval;
      this.timer.arm(this.lastExpiry as Instant);
    }
    if (trap.obj !== null) putNumber(trap.obj as Uint8Array, n);
    return t.done(8);
  }

  write(t: Thread): number {
    return t.done(-EINVAL);
  }

  close(t: Thread): number {
    this.timer.release();
    t.result = 0;
    return DONE;
  }
}
