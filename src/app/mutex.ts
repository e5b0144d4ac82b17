/**
 * A lock between threads of one process, over a futex: free, held, or held with somebody who may sleep (Drepper, "Futexes Are
 * Tricky", mutex2; what glibc's pthread_mutex_lock does). Taken and given back without contention it costs no system call; whoever
 * finds it held sleeps and looks again when woken, since another may have been faster.
 */
import { EAGAIN, Futex, type Sys } from '../kernel/syscall.ts';
import type { Sub } from './setup.ts';

const FREE = 0;
const HELD = 1;
/** Held, and whoever gives it back has to wake somebody. */
const CONTENDED = 2;

export class Mutex {
  private readonly word = new Futex(FREE);

  /** @returns 0, or −errno when the thread is being ended and has not got the lock */
  *lock(sys: Sys): Sub<number> {
    const { word } = this;
    if (word.value === FREE) {
      word.value = HELD;
      return 0;
    }
    while (word.value !== FREE) {
      word.value = CONTENDED;
      const r = yield sys.futexWait(word, CONTENDED);
      if (r < 0 && r !== -EAGAIN) return r;
    }
    // Others may sleep still: one wake-up too many is better than one too few.
    word.value = CONTENDED;
    return 0;
  }

  *unlock(sys: Sys): Sub<void> {
    const { word } = this;
    const contended = word.value === CONTENDED;
    word.value = FREE;
    if (contended) yield sys.futexWake(word, 1);
  }
}
