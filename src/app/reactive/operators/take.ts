/**
 * At most the first `count` elements, and no more than that is ever requested of upstream: take, which Reactor has made
 * of limitRequest since 3.5 (FluxLimitRequest). Ends, and cancels upstream, with the last of them.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { addCap, isDemand } from '../demand.ts';
import { EMPTY_SUBSCRIPTION, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { nothing } from '../user.ts';

export class TakeOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly count: number;

  constructor(source: Publisher<T>, count: number) {
    this.source = source;
    this.count = count;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    if (this.count > 0) {
      yield* this.source.subscribe(new TakeStage(actual, this.count), on);
    } else {
      // Upstream is not even subscribed to.
      yield* actual.onSubscribe(EMPTY_SUBSCRIPTION, on);
      yield* actual.onComplete(on);
    }
  }
}

class TakeStage<T> extends Stage<T, T> {
  /** Elements that may still be given. */
  private left: number;
  /** Elements that may still be requested of upstream. */
  private unasked: number;

  constructor(actual: Subscriber<T>, count: number) {
    super(actual);
    this.left = count;
    this.unasked = count;
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.left === 0) return;
    this.left--;
    const last = this.left === 0;
    yield* this.actual.onNext(value, on);
    if (!last || this.done) return;
    this.done = true;
    yield* this.upstream.cancel(on);
    yield* this.actual.onComplete(on);
  }

  override request(n: number, on: Worker): Sub<void> {
    // A request against §3.9 is for upstream to answer.
    if (!isDemand(n)) return this.upstream.request(n, on);
    const some = Math.min(addCap(n, 0), this.unasked);
    if (some === 0) return nothing();
    this.unasked -= some;
    return this.upstream.request(some, on);
  }
}
