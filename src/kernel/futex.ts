/**
 * Futexes: waiting in the kernel for a word of user memory to change (kernel/futex/waitwake.c). The word is an object that
 * threads share (`Futex` in syscall.ts); user code reads and writes its `value` as it likes, which costs nothing.
 *
 * Waiters are served in order of arrival. A waiter that was woken returns 0 whatever the word holds by then.
 * Left out: priority inheritance, requeue, bitsets, sharing between processes.
 */
import { EAGAIN, ETIMEDOUT } from '../base/errno.ts';
import type { Futex } from './syscall.ts';
import type { Thread } from './thread.ts';

/** FUTEX_WAIT. `trap.progress` says that it has slept: after a wake-up the word is not looked at again. */
export function futexWait(t: Thread, word: Futex, expected: number, timeout: number): number {
  const { trap } = t;
  if (trap.progress === 1) {
    if (t.wokenBy === word.waiters) return t.done(0);
    if (t.timedOut) return t.done(-ETIMEDOUT);
  } else {
    if (word.value !== expected) return t.done(-EAGAIN);
    trap.progress = 1;
    t.startTimeout(timeout);
    if (t.timedOut) return t.done(-ETIMEDOUT);
  }
  return t.waitOn(word.waiters, true);
}

/** FUTEX_WAKE: up to `n`, the longest waiting first. @returns how many */
export function futexWake(word: Futex, n: number): number {
  return n > 0 ? word.waiters.wake(0, n, false) : 0;
}
