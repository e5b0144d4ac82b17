/**
 * Tomcat's executor: a ThreadPoolExecutor over a TaskQueue (org.apache.tomcat.util.threads). The JDK's pool makes threads
 * beyond the core only when its queue is full; this queue refuses a task while all threads are busy and there could be more of
 * them, so threads grow to maxThreads before anything waits. Only a bounded queue that is full then rejects.
 *
 * Idle threads sleep on a futex, the longest idle is woken first, and those above minSpareThreads end after a while without
 * work. Left out: shutting down, renewing threads when an application is redeployed, tasks that throw.
 */
import { Ring } from '../../base/ring.ts';
import {
  EAGAIN,
  ETIMEDOUT,
  Futex,
  INFINITE,
  type Sys,
  type ThreadBody,
} from '../../kernel/syscall.ts';
import type { TomcatOptions } from '../options.ts';
import type { Sub } from '../setup.ts';
import type { TomcatMeters } from './meters.ts';

/** A thread of the pool: its system calls, and a buffer for what it reads. */
export interface PoolThread {
  readonly sys: Sys;
  readonly buffer: Uint8Array;
}

export type Runnable = (on: PoolThread) => Sub<void>;

type ExecutorOptions = Pick<
  TomcatOptions,
  'maxThreads' | 'minSpareThreads' | 'maxQueueSize' | 'threadsMaxIdleNs' | 'appReadBufSize'
>;

export class Executor {
  /** Threads that run a task (getActiveCount). */
  active = 0;
  private readonly o: ExecutorOptions;
  private readonly core: number;
  private readonly bound: number;
  private readonly meters: TomcatMeters;
  private readonly mutant: string | null;
  private readonly queue = new Ring<Runnable>();
  /** Tasks in the queue: what idle threads wait for. */
  private readonly items = new Futex(0);
  /** Threads in, or on their way into, FUTEX_WAIT. */
  private idle = 0;
  private poolSize = 0;
  private made = 0;
  /** Tasks that have been given and have not ended. */
  private submitted = 0;

  /** @param mutant breaks a bound: sim/run/mutants.ts */
  constructor(o: ExecutorOptions, meters: TomcatMeters, mutant: string | null) {
    this.o = o;
    // More than maxThreads is cut by the connector (AbstractEndpoint.getMinSpareThreads).
    this.core = Math.min(o.minSpareThreads, o.maxThreads);
    this.bound = mutant === 'overfull-task-queue' ? Infinity : (o.maxQueueSize ?? Infinity);
    this.meters = meters;
    this.mutant = mutant;
  }

  /** prestartAllCoreThreads() */
  *prestart(sys: Sys): Sub<void> {
    while (this.poolSize < this.core) yield* this.addWorker(sys, null);
  }

  /** @returns false: RejectedExecutionException */
  *execute(sys: Sys, task: Runnable): Sub<boolean> {
    this.submitted++;
    if (this.poolSize < this.core) {
      yield* this.addWorker(sys, task);
      return true;
    }
    if (this.accepts() && (yield* this.offer(sys, task))) return true;
    if (this.poolSize < this.most) {
      yield* this.addWorker(sys, task);
      return true;
    }
    // TaskQueue.force(): what was refused for want of a thread is queued all the same when there cannot be another.
    if (yield* this.offer(sys, task)) return true;
    this.submitted--;
    this.meters.probe.count('rejected', 1);
    return false;
  }

  private get most(): number {
    return this.mutant === 'overgrown-pool' ? Infinity : this.o.maxThreads;
  }

  /** TaskQueue.offer(): not while a new thread is the better place. */
  private accepts(): boolean {
    return this.poolSize === this.most || this.submitted <= this.poolSize;
  }

  /** LinkedBlockingQueue.offer() */
  private *offer(sys: Sys, task: Runnable): Sub<boolean> {
    if (this.queue.length >= this.bound) return false;
    this.queue.push(task);
    this.meters.queue.enter(this.meters.probe.now());
    this.items.value++;
    if (this.idle > 0) yield sys.futexWake(this.items, 1);
    return true;
  }

  private *addWorker(sys: Sys, first: Runnable | null): Sub<void> {
    this.poolSize++;
    this.meters.threads.enter(this.meters.probe.now());
    yield sys.spawn((own) => this.run(own, first), `exec-${++this.made}`);
  }

  private *run(sys: Sys, first: Runnable | null): ThreadBody {
    const self: PoolThread = { sys, buffer: new Uint8Array(this.o.appReadBufSize) };
    const { busy, probe } = this.meters;
    for (let task = first ?? (yield* this.take(sys)); task !== null; task = yield* this.take(sys)) {
      this.active++;
      busy.enter(probe.now());
      yield* task(self);
      busy.leave(probe.now());
      this.active--;
      this.submitted--;
    }
  }

  /**
   * ThreadPoolExecutor.getTask(). A thread that has waited in vain finds the queue empty still: between two system calls nobody
   * else runs, so processWorkerExit() never has to replace it. @returns null: the thread ends
   */
  private *take(sys: Sys): Sub<Runnable | null> {
    let timedOut = false;
    for (;;) {
      const timed = this.poolSize > this.core;
      if (timed && timedOut) {
        this.poolSize--;
        this.meters.threads.leave(this.meters.probe.now());
        return null;
      }
      const r = yield* this.awaitItem(sys, timed);
      if (r === 0) {
        this.items.value--;
        this.meters.queue.leave(this.meters.probe.now());
        return this.queue.shift()!;
      }
      if (r !== -ETIMEDOUT) return null;
      timedOut = true;
    }
  }

  /** LinkedBlockingQueue.take() and poll(). @returns 0, −ETIMEDOUT, or another −errno when the thread is being ended */
  private *awaitItem(sys: Sys, timed: boolean): Sub<number> {
    if (this.items.value > 0) return 0;
    const deadline = timed ? (yield sys.clockGettime()) + this.o.threadsMaxIdleNs : 0;
    let left = timed ? this.o.threadsMaxIdleNs : INFINITE;
    while (this.items.value === 0) {
      this.idle++;
      const r = yield sys.futexWait(this.items, 0, left);
      this.idle--;
      if (this.items.value > 0) break;
      if (r < 0 && r !== -EAGAIN) return r;
      // Another thread was faster: what is left of the time goes on.
      if (timed) left = Math.max(0, deadline - (yield sys.clockGettime()));
    }
    return 0;
  }
}
