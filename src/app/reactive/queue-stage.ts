/**
 * A stage with a queue in it: upstream fills it at its own pace, downstream is given as much of it as it has asked for.
 * Whoever comes first does the work, and sees what the others leave behind meanwhile, so downstream is given one signal at
 * a time whatever threads come. An error waits its turn behind the elements before it (delayError).
 */
import { Ring } from '../../base/ring.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { addCap, badDemand, isDemand, UNBOUNDED } from './demand.ts';
import { asSignal } from './errors.ts';
import { Stage } from './stage.ts';
import { nothing } from './user.ts';

export abstract class QueueStage<T, R = T> extends Stage<T, R> {
  protected readonly queue: Ring<R> = new Ring<R>();
  protected failure: Error | null = null;
  protected cancelled = false;
  private demand = 0;
  /** Somebody is at work, or the end has been given. */
  private working = false;

  override request(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) return this.abandon(badDemand(n), on);
    this.addDemand(n);
    return this.drain(on);
  }

  /** Counts a request. @param n a valid demand */
  protected addDemand(n: number): void {
    this.demand = addCap(this.demand, n);
  }

  override *cancel(on: Worker): Sub<void> {
    if (this.cancelled) return;
    this.cancelled = true;
    yield* this.upstream.cancel(on);
    yield* this.drain(on);
  }

  override onError(error: Error, on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.failure = error;
    this.done = true;
    return this.drain(on);
  }

  override onComplete(on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.done = true;
    return this.drain(on);
  }

  /** Nothing of what waits is given any more: only `error`. */
  protected *abandon(error: Error, on: Worker): Sub<void> {
    if (this.cancelled) return;
    this.failure ??= error;
    this.done = true;
    this.queue.clear();
    yield* this.upstream.cancel(on);
    yield* this.drain(on);
  }

  /** The stream fails here: upstream is cancelled, and downstream hears of it after what waits. */
  protected override *failed(thrown: unknown, on: Worker): Sub<void> {
    const error = asSignal(thrown);
    if (this.done) return;
    this.done = true;
    this.failure = error;
    yield* this.upstream.cancel(on);
    yield* this.drain(on);
  }

  /** Asked for and not yet given. */
  protected get requested(): number {
    return this.demand;
  }

  /** Elements asked for beyond those that wait already. */
  protected get wanted(): number {
    return this.demand - this.queue.length;
  }

  protected drain(on: Worker): Sub<void> {
    if (this.working) return nothing();
    this.working = true;
    return this.begin(on);
  }

  /** Somebody has to do the work: by itself the thread that found that out. */
  protected begin(on: Worker): Sub<void> {
    return this.work(on);
  }

  /** An element has been taken out and given. */
  protected gave(_on: Worker): Sub<void> {
    return nothing();
  }

  protected *work(on: Worker): Sub<void> {
    while (this.demand > 0 && this.queue.length > 0 && !this.cancelled) {
      if (this.demand !== UNBOUNDED) this.demand--;
      yield* this.actual.onNext(this.queue.shift()!, on);
      yield* this.gave(on);
    }
    if (this.cancelled) {
      this.queue.clear();
    } else if (this.done && this.queue.length === 0) {
      if (this.failure === null) yield* this.actual.onComplete(on);
      else yield* this.actual.onError(this.failure, on);
    } else {
      // Nobody has run since the last look at the queue: who comes from now on does the work.
      this.working = false;
    }
  }
}
