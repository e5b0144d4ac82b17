/**
 * A sleeping lock that one thread has for the whole of a call, also while it sleeps for something else (kernel/locking/mutex.c).
 * Whoever waits is woken in the order of coming, and takes it if nobody was faster. A thread has one at most.
 */
import { assert } from '../base/assert.ts';
import { BLOCKED, type Thread } from './thread.ts';
import { WaitQueue } from './wait-queue.ts';

export class Mutex {
  private owner: Thread | null = null;
  private readonly queue: WaitQueue = new WaitQueue();

  /** The call has it now, or had it before it slept; else it must `return m.waitFor(t)`. */
  lock(t: Thread): boolean {
    if (this.owner === null) {
      assert(t.holds === null, 'mutex: a thread holds one already');
      this.owner = t;
      t.holds = this;
    }
    return this.owner === t;
  }

  /** Sleeps until it is free; the call then starts again. */
  waitFor(t: Thread): number {
    t.addWait(this.queue, true);
    return BLOCKED;
  }

  unlock(t: Thread): void {
    assert(this.owner === t, 'mutex: released, but not held');
    this.owner = null;
    t.holds = null;
    this.queue.wake(0, 1, false);
  }
}
