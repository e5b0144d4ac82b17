/**
 * Who sleeps on what (include/linux/wait.h): a list of entries, each with a function that is called at a wake-up. Entries
 * that are not exclusive stand in front, newest first, and are all called; exclusive ones stand at the end, oldest first,
 * and the walk stops after `n` of them were woken. That order is what makes accept() fair and a herd thunder.
 *
 * An entry is a thread asleep in a call, an epoll item (ep_poll_callback), or one descriptor of a poll() in progress.
 */
import { assert } from '../base/assert.ts';

/** The function of a wait queue entry (wait_queue_func_t). */
export interface Waiter {
  /**
   * @param key poll events that may have become true; 0 when the waker does not say
   * @param sync the waker is about to sleep or to return to its caller: its core is as good as idle (WF_SYNC)
   * @returns whether this woke someone: only then does an exclusive entry use up one of the wake-ups
   */
  onWake(entry: WaitEntry, key: number, sync: boolean): boolean;
}

export abstract class WaitEntry {
  exclusive = false;
  /** Poll events that it waits for; 0 for any. The waiter compares. */
  mask = 0;
  /** Where it stands; null when nowhere. */
  queue: WaitQueue | null = null;
  prev: WaitEntry | null = null;
  next: WaitEntry | null = null;
  /** As of Waiter. */
  abstract onWake(key: number, sync: boolean): boolean;
}

/** An entry of somebody who may have several. */
export class WaiterEntry extends WaitEntry {
  readonly waiter: Waiter;

  constructor(waiter: Waiter) {
    super();
    this.waiter = waiter;
  }

  onWake(key: number, sync: boolean): boolean {
    return this.waiter.onWake(this, key, sync);
  }
}

export class WaitQueue {
  private head: WaitEntry | null = null;
  private tail: WaitEntry | null = null;

  /** Nobody waits (wq_has_sleeper, the other way round). */
  get empty(): boolean {
    return this.head === null;
  }

  /** add_wait_queue: in front of all others. */
  add(e: WaitEntry): void {
    assert(e.queue === null, 'wait queue: entry stands in two');
    e.queue = this;
    e.exclusive = false;
    e.prev = null;
    e.next = this.head;
    if (this.head === null) this.tail = e;
    else this.head.prev = e;
    this.head = e;
  }

  /** add_wait_queue_exclusive: behind all others. */
  addExclusive(e: WaitEntry): void {
    this.addTail(e);
    e.exclusive = true;
  }

  /** __add_wait_queue_entry_tail: behind all others, and woken with all others. */
  addTail(e: WaitEntry): void {
    assert(e.queue === null, 'wait queue: entry stands in two');
    e.queue = this;
    e.exclusive = false;
    e.next = null;
    e.prev = this.tail;
    if (this.tail === null) this.head = e;
    else this.tail.next = e;
    this.tail = e;
  }

  /** remove_wait_queue; nothing when it does not stand here. */
  remove(e: WaitEntry): void {
    if (e.queue !== this) return;
    if (e.prev === null) this.head = e.next;
    else e.prev.next = e.next;
    if (e.next === null) this.tail = e.prev;
    else e.next.prev = e.prev;
    e.queue = null;
    e.prev = null;
    e.next = null;
  }

  /**
   * __wake_up_common: calls every entry until `n` exclusive ones have been woken. An entry may take itself off the list
   * while it is called, and no other.
   *
   * @param n how many exclusive entries to wake; 0 for all
   * @returns how many entries, exclusive or not, said that they woke someone
   */
  wake(key: number, n: number, sync: boolean): number {
    let woken = 0;
    let left = n;
    let e = this.head;
    while (e !== null) {
      const next: WaitEntry | null = e.next;
      const exclusive = e.exclusive;
      if (e.onWake(key, sync)) {
        woken++;
        if (exclusive && --left === 0) break;
      }
      e = next;
    }
    return woken;
  }
}
