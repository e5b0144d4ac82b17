/**
 * A 0 after some time, on a thread of a scheduler: Mono.delay (MonoDelay). The time runs from the subscription; a request
 * that comes after it is answered at once, on the thread that makes it.
 */
import type { Sub } from '../../setup.ts';
import type { Cancellable, Worker } from '../../worker.ts';
import { badDemand, isDemand } from '../demand.ts';
import { asSignal } from '../errors.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';

export class Delay implements Publisher<number> {
  private readonly delayNs: number;
  private readonly scheduler: Scheduler;

  constructor(delayNs: number, scheduler: Scheduler) {
    this.delayNs = delayNs;
    this.scheduler = scheduler;
  }

  *subscribe(s: Subscriber<number>, on: Worker): Sub<void> {
    const subscription = new DelaySubscription(s);
    yield* s.onSubscribe(subscription, on);
    if (subscription.over) return;
    const worker = yield* this.scheduler.worker(on);
    let task: Cancellable;
    try {
      task = yield* worker.schedule(on, (by) => subscription.due(by), this.delayNs);
    } catch (thrown) {
      yield* subscription.rejected(asSignal(thrown), on);
      return;
    }
    subscription.scheduled(task);
  }
}

class DelaySubscription implements Subscription {
  private readonly actual: Subscriber<number>;
  private requested = false;
  private elapsed = false;
  /** The signals are being given, or nobody wants them any more. */
  over = false;
  private cancelled = false;
  private task: Cancellable | null = null;

  constructor(actual: Subscriber<number>) {
    this.actual = actual;
  }

  /** The task that will be `due`. It may have been cancelled while it was being handed over. */
  scheduled(task: Cancellable): void {
    if (this.over) task.cancel();
    else this.task = task;
  }

  /** The scheduler has been shut down, or cannot wait. */
  rejected(error: Error, on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.over = true;
    return this.actual.onError(error, on);
  }

  due(on: Worker): Sub<void> {
    this.elapsed = true;
    return this.requested && !this.over ? this.give(on) : nothing();
  }

  request(n: number, on: Worker): Sub<void> {
    if (this.over) return nothing();
    if (!isDemand(n)) {
      this.stop();
      return this.actual.onError(badDemand(n), on);
    }
    this.requested = true;
    return this.elapsed ? this.give(on) : nothing();
  }

  cancel(): Sub<void> {
    this.stop();
    return nothing();
  }

  private *give(on: Worker): Sub<void> {
    this.over = true;
    yield* this.actual.onNext(0, on);
    if (!this.cancelled) yield* this.actual.onComplete(on);
  }

  private stop(): void {
    this.over = true;
    this.cancelled = true;
    this.task?.cancel();
    this.task = null;
  }
}
