/**
 * A fixed pool of threads behind a bounded queue (java.util.concurrent.ThreadPoolExecutor over a LinkedBlockingQueue, corePoolSize
 * = maximumPoolSize). Threads are made one by one with the first tasks; later tasks wait in the queue; with the queue
 * full the policy decides. Idle threads sleep on a futex, so handing one a task costs a FUTEX_WAKE and a switch.
 *
 * A queue of 0 is a SynchronousQueue: a task goes to a thread that is idle, or is refused.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import { Ring } from '../../base/ring.ts';
import { EAGAIN, Futex, type Sys, type ThreadBody } from '../../kernel/syscall.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import type { Task, Worker } from '../worker.ts';
import { RejectedExecutionException } from './exceptions.ts';
import { ThreadWorker } from './thread-worker.ts';

/** RejectedExecutionHandler: AbortPolicy, CallerRunsPolicy, DiscardPolicy, DiscardOldestPolicy. */
export type RejectionPolicy = 'abort' | 'caller-runs' | 'discard' | 'discard-oldest';

export class ThreadPool {
  private readonly threads: number;
  private readonly bound: number;
  private readonly policy: RejectionPolicy;
  private readonly probe: Probe;
  private readonly meter: QueueMeter;
  private readonly queue = new Ring<Task>();
  /** Tasks in the queue: what idle threads wait for. */
  private readonly items = new Futex(0);
  /** Threads in, or on their way into, FUTEX_WAIT. */
  private idle = 0;
  private made = 0;

  constructor(threads: number, bound: number, policy: RejectionPolicy, probe: Probe) {
    this.threads = threads;
    this.bound = bound;
    this.policy = policy;
    this.probe = probe;
    // With no place to wait, what is counted is on its way to a thread that was idle.
    this.meter = probe.queue('executor', bound > 0 ? bound : threads);
  }

  /**
   * ThreadPoolExecutor.execute(), on the thread `on`.
   *
   * @returns false when the task is discarded
   * @throws RejectedExecutionException when the queue is full and the policy is to abort
   */
  *execute(on: Worker, task: Task): Sub<boolean> {
    if (this.made < this.threads) {
      const name = `worker-${++this.made}`;
      yield on.sys.spawn((sys) => this.run(new ThreadWorker(name, sys), sys, task), name);
      return true;
    }
    if (!this.hasRoom) return yield* this.reject(on, task);
    this.queue.push(task);
    this.meter.enter(this.probe.now());
    this.items.value++;
    if (this.idle > 0) yield on.sys.futexWake(this.items, 1);
    return true;
  }

  private get hasRoom(): boolean {
    const queued = this.queue.length;
    return this.bound > 0 ? queued < this.bound : queued < this.idle;
  }

  private *reject(on: Worker, task: Task): Sub<boolean> {
    if (this.policy === 'caller-runs') {
      this.probe.count('caller_runs', 1);
      yield* task(on);
      return true;
    }
    this.probe.count('rejected', 1);
    // Without a place to wait there is no older one.
    if (this.policy === 'discard-oldest' && this.queue.length > 0) {
      this.queue.shift();
      this.queue.push(task);
    }
    if (this.policy === 'abort') throw new RejectedExecutionException('the queue is full');
    return false;
  }

  private *run(self: ThreadWorker, sys: Sys, first: Task): ThreadBody {
    yield* first(self);
    for (;;) {
      while (this.items.value === 0) {
        this.idle++;
        const r = yield sys.futexWait(this.items, 0);
        this.idle--;
        if (r < 0 && r !== -EAGAIN) return;
      }
      this.items.value--;
      this.meter.leave(this.probe.now());
      yield* this.queue.shift()!(self);
    }
  }
}
