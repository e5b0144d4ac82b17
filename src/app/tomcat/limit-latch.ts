/**
 * maxConnections: how many connections there may be, and an acceptor that waits for one of them to end
 * (org.apache.tomcat.util.threads.LimitLatch). It counts before accept(): at the limit nothing is accepted at all, and who comes
 * then waits in the kernel's queue.
 */
import { EAGAIN, Futex, type Sys } from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';

export class LimitLatch {
  private readonly limit: number;
  private count = 0;
  /** How often somebody has left: what the acceptor waits on. */
  private readonly releases = new Futex(0);
  private waiting = false;

  /** @param limit null: none */
  constructor(limit: number | null) {
    this.limit = limit ?? Infinity;
  }

  /** @returns 0, or −errno when the thread is being ended and has not been counted */
  *countUpOrAwait(sys: Sys): Sub<number> {
    while (this.count >= this.limit) {
      this.waiting = true;
      const r = yield sys.futexWait(this.releases, this.releases.value);
      this.waiting = false;
      if (r < 0 && r !== -EAGAIN) return r;
    }
    this.count++;
    return 0;
  }

  *countDown(sys: Sys): Sub<void> {
    this.count--;
    this.releases.value++;
    if (this.waiting) yield sys.futexWake(this.releases, 1);
  }
}
