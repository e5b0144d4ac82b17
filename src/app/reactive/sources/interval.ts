/**
 * 0, 1, 2 … at a fixed rate, on a thread of a scheduler: interval (FluxInterval, scheduleAtFixedRate). A tick that nobody
 * has asked for fails the stream: time does not wait. A late tick is followed by the next one when that is due.
 *
 * A tick reads the clock to know how long it is until the next one, which Java's queue of absolute times need not.
 */
import type { Sub } from '../../setup.ts';
import type { Cancellable, Worker } from '../../worker.ts';
import { addCap, badDemand, isDemand, UNBOUNDED } from '../demand.ts';
import { asSignal, OverflowError } from '../errors.ts';
import type { Scheduler } from '../scheduler.ts';
import { SerialSubscriber } from '../serial.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';

export class Interval implements Publisher<number> {
  private readonly initialNs: number;
  private readonly periodNs: number;
  private readonly scheduler: Scheduler;

  /** @param initialNs until the first tick @param periodNs > 0 */
  constructor(initialNs: number, periodNs: number, scheduler: Scheduler) {
    this.initialNs = initialNs;
    this.periodNs = periodNs;
    this.scheduler = scheduler;
  }

  *subscribe(s: Subscriber<number>, on: Worker): Sub<void> {
    const worker = yield* this.scheduler.worker(on);
    const ticks = new Ticks(s, worker, this.periodNs);
    yield* s.onSubscribe(ticks, on);
    yield* ticks.begin(this.initialNs, on);
  }
}

class Ticks implements Subscription {
  private readonly actual: SerialSubscriber<number>;
  private readonly worker: Worker;
  private readonly periodNs: number;
  private demand = 0;
  private count = 0;
  /** When the next tick is due, on the host's clock. */
  private due = 0;
  private task: Cancellable | null = null;
  private over = false;

  constructor(actual: Subscriber<number>, worker: Worker, periodNs: number) {
    this.actual = new SerialSubscriber(actual);
    this.worker = worker;
    this.periodNs = periodNs;
  }

  *begin(initialNs: number, on: Worker): Sub<void> {
    if (this.over) return;
    this.due = (yield on.sys.clockGettime()) + initialNs;
    yield* this.await(initialNs, on);
  }

  private *await(delayNs: number, on: Worker): Sub<void> {
    let task: Cancellable;
    try {
      task = yield* this.worker.schedule(on, (by) => this.tick(by), delayNs);
    } catch (thrown) {
      const error = asSignal(thrown);
      if (this.over) return;
      this.over = true;
      yield* this.actual.onError(error, on);
      return;
    }
    // It may have been cancelled while it was being handed over.
    if (this.over) task.cancel();
    else this.task = task;
  }

  private *tick(on: Worker): Sub<void> {
    if (this.over) return;
    if (this.demand === 0) {
      this.over = true;
      const error = new OverflowError(`tick ${this.count} was not asked for in time (interval)`);
      yield* this.actual.onError(error, on);
      return;
    }
    if (this.demand !== UNBOUNDED) this.demand--;
    yield* this.actual.onNext(this.count++, on);
    if (this.over) return;
    this.due += this.periodNs;
    const now = yield on.sys.clockGettime();
    yield* this.await(Math.max(0, this.due - now), on);
  }

  request(n: number, on: Worker): Sub<void> {
    if (isDemand(n)) {
      this.demand = addCap(this.demand, n);
      return nothing();
    }
    this.stop();
    return this.actual.onError(badDemand(n), on);
  }

  cancel(): Sub<void> {
    this.stop();
    return nothing();
  }

  private stop(): void {
    this.over = true;
    this.task?.cancel();
    this.task = null;
  }
}
