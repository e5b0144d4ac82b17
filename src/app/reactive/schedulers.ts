/**
 * Where operators run: `parallel`, a fixed pool of threads, one per core; `immediate`, the thread that asks
 * (Schedulers.parallel(), Schedulers.immediate()).
 *
 * A thread of the pool is a ScheduledThreadPoolExecutor of size one, as Reactor makes them: one queue of tasks ordered by
 * when they are due, and a thread that sleeps on a futex until the first of them is (LockSupport.parkNanos). It is woken
 * only for a task that has become the first. Reading the clock and waking cost what they cost: System.nanoTime() for each
 * task handed over, a FUTEX_WAKE when the thread sleeps.
 *
 * Left out: the lock of the queue (threads are pre-empted only where they yield, so nobody would find it taken), boundedElastic,
 * single.
 */
import type { AppEnv } from '../env.ts';
import {
  EAGAIN,
  ETIMEDOUT,
  Futex,
  INFINITE,
  type Sys,
  type ThreadBody,
} from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';
import type { Cancellable, Task, Worker } from '../worker.ts';
import type { StreamLaws } from './laws.ts';
import { DelayQueue, type Delayed } from './delay-queue.ts';
import { RejectedError } from './errors.ts';
import type { Scheduler } from './scheduler.ts';
import { finish } from './user.ts';

export const Schedulers = {
  /** A pool of the process that `env` is of: make it once and share it. Its threads begin when they are first used. */
  parallel(env: Pick<AppEnv, 'cpus'>): ParallelScheduler {
    return new ParallelScheduler('parallel', env.cpus);
  },

  /** No thread of its own: a task runs at once, on the thread that gives it. It cannot wait. */
  immediate(): Scheduler {
    return { name: 'immediate', worker: (on) => finish<Worker>(new ImmediateWorker(on)) };
  },
} as const;

/** A fixed number of threads, given out in turn. */
export class ParallelScheduler implements Scheduler {
  readonly name: string;
  private readonly workers: PoolWorker[] = [];
  private next = 0;

  /** @param name threads are called after it: `parallel-1` … */
  constructor(name: string, threads: number) {
    this.name = name;
    for (let i = 1; i <= threads; i++) this.workers.push(new PoolWorker(`${name}-${i}`));
  }

  *worker(on: Worker): Sub<Worker> {
    const worker = this.workers[this.next]!;
    this.next = (this.next + 1) % this.workers.length;
    yield* worker.start(on);
    return worker;
  }

  /** Ends the threads, each after the task that it is at. Tasks that wait do not run; new ones are refused. */
  *dispose(on: Worker): Sub<void> {
    for (const worker of this.workers) yield* worker.shutdown(on);
  }
}

class PoolWorker implements Worker {
  readonly name: string;
  /** Those of whoever started it. */
  laws: StreamLaws | undefined = undefined;
  private own: Sys | null = null;
  private started = false;
  private stopped = false;
  private readonly queue: DelayQueue = new DelayQueue();
  /** Counts what may concern a thread on its way into sleep: the kernel does not let it sleep when it has changed. */
  private readonly changes: Futex = new Futex(0);
  private asleep = false;

  constructor(name: string) {
    this.name = name;
  }

  get sys(): Sys {
    if (this.own === null) throw new TypeError(`${this.name}: its thread does not run yet`);
    return this.own;
  }

  /** Makes the thread, the first time. */
  *start(on: Worker): Sub<void> {
    if (this.started) return;
    this.started = true;
    this.laws = on.laws;
    yield on.sys.spawn((sys) => this.run(sys), this.name);
  }

  *execute(on: Worker, task: Task): Sub<boolean> {
    const now = yield on.sys.clockGettime();
    if (this.stopped) return false;
    yield* this.put(on, task, now);
    return true;
  }

  *schedule(on: Worker, task: Task, delayNs: number): Sub<Cancellable> {
    const now = yield on.sys.clockGettime();
    if (this.stopped) throw new RejectedError(`${this.name} has been shut down`);
    const item = yield* this.put(on, task, now + delayNs);
    return { cancel: () => void this.queue.remove(item) };
  }

  *shutdown(on: Worker): Sub<void> {
    this.stopped = true;
    yield* this.wake(on);
  }

  private *put(on: Worker, task: Task, due: number): Sub<Delayed> {
    const item = this.queue.put(task, due);
    if (this.queue.peek() === item) yield* this.wake(on);
    return item;
  }

  private *wake(on: Worker): Sub<void> {
    this.changes.value++;
    if (!this.asleep) return;
    this.asleep = false;
    yield on.sys.futexWake(this.changes, 1);
  }

  private *run(sys: Sys): ThreadBody {
    this.own = sys;
    while (!this.stopped) {
      // Looked at before everything else: what changes after this keeps the thread from sleeping.
      const seen = this.changes.value;
      const timeout = yield* this.untilDue(sys);
      if (timeout === 0) {
        yield* this.runFirst();
        continue;
      }
      this.asleep = true;
      const r = yield sys.futexWait(this.changes, seen, timeout);
      this.asleep = false;
      if (r < 0 && r !== -EAGAIN && r !== -ETIMEDOUT) return;
    }
  }

  private runFirst(): Sub<void> {
    const item = this.queue.peek()!;
    this.queue.remove(item);
    return item.task(this);
  }

  /** How long there is nothing to do: 0 when the first task is due, INFINITE when there is none. */
  private *untilDue(sys: Sys): Sub<number> {
    if (this.queue.peek() === undefined) return INFINITE;
    const now = yield sys.clockGettime();
    const first = this.queue.peek();
    return first === undefined ? INFINITE : Math.max(0, first.due - now);
  }
}

/** The thread that asked for it, by another name. */
class ImmediateWorker implements Worker {
  readonly name: string;
  readonly sys: Sys;
  readonly laws: StreamLaws | undefined;

  constructor(on: Worker) {
    this.name = on.name;
    this.sys = on.sys;
    this.laws = on.laws;
  }

  *execute(on: Worker, task: Task): Sub<boolean> {
    yield* task(on);
    return true;
  }

  schedule(): Sub<Cancellable> {
    throw new RejectedError('Schedulers.immediate() cannot wait: it has no thread of its own');
  }
}
