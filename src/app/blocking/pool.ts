/**
 * A bounded queue between an acceptor and its workers, in the memory that they share: two counting semaphores over futexes,
 * as sem_wait(3) and sem_post(3) make them. Taking from a queue that has something costs no system call; every hand-over
 * to a thread that sleeps costs a FUTEX_WAKE and a switch.
 *
 * There is no lock around the queue itself: between two yields a thread is alone, so a lock of user space that is held for
 * a few instructions would never be seen taken.
 */
import { assert } from '../../base/assert.ts';
import type { QueueMeter } from '../../base/queue-meter.ts';
import { Ring } from '../../base/ring.ts';
import { EAGAIN, Futex, type Fd, type Sys } from '../../kernel/syscall.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';

/** Accepted connections that no worker has taken yet. */
export class ConnectionQueue {
  readonly bound: number;
  private readonly ring: Ring<Fd> = new Ring<Fd>();
  private readonly items = new Futex(0);
  private readonly room: Futex;
  // Threads in, or on their way into, FUTEX_WAIT: nobody is woken when nobody sleeps (nwaiters in glibc's sem_t).
  private itemWaiters = 0;
  private roomWaiters = 0;
  private readonly probe: Probe;
  private readonly meter: QueueMeter;

  constructor(bound: number, probe: Probe) {
    this.bound = bound;
    this.room = new Futex(bound);
    this.probe = probe;
    this.meter = probe.queue('queue', bound);
  }

  /** Waits for room. @returns 0, or −errno when the thread is being ended */
  *put(sys: Sys, fd: Fd): Sub<number> {
    while (this.room.value === 0) {
      this.roomWaiters++;
      const r = yield sys.futexWait(this.room, 0);
      this.roomWaiters--;
      if (isFatal(r)) return r;
    }
    this.room.value--;
    this.ring.push(fd);
    assert(this.ring.length <= this.bound, 'pool: more connections queued than its bound');
    this.meter.enter(this.probe.now());
    this.items.value++;
    if (this.itemWaiters > 0) yield sys.futexWake(this.items, 1);
    return 0;
  }

  /** Waits for a connection. @returns it, or −errno when the thread is being ended */
  *take(sys: Sys): Sub<Fd> {
    while (this.items.value === 0) {
      this.itemWaiters++;
      const r = yield sys.futexWait(this.items, 0);
      this.itemWaiters--;
      if (isFatal(r)) return r;
    }
    this.items.value--;
    const fd = this.ring.shift()!;
    this.meter.leave(this.probe.now());
    this.room.value++;
    if (this.roomWaiters > 0) yield sys.futexWake(this.room, 1);
    return fd;
  }
}

/** EAGAIN: the word has changed meanwhile, so look again. Anything else ends the thread. */
const isFatal = (r: number): boolean => r < 0 && r !== -EAGAIN;
