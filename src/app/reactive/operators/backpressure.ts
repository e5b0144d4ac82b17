/**
 * For sources that cannot be asked to wait: everything is requested at once, and what downstream has not asked for is kept,
 * dropped, or kept only while nothing newer has come (FluxOnBackpressureBuffer, FluxOnBackpressureDrop,
 * FluxOnBackpressureLatest). What has been kept is given before an end, an error included.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { UNBOUNDED } from '../demand.ts';
import { OverflowError } from '../errors.ts';
import { QueueStage } from '../queue-stage.ts';
import { Operator } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish } from '../user.ts';

/** What becomes of elements that nobody has asked for yet. */
export type Surplus<T> =
  /** The stream fails with an OverflowError when one more than `most` would have to be kept. */
  | { readonly keep: 'all'; readonly most: number }
  | {
      readonly keep: 'none';
      readonly dropped?: ((value: T, on: Worker) => void | Sub<void>) | undefined;
    }
  | { readonly keep: 'latest' };

export class BackpressureOperator<T> extends Operator<T, T> {
  private readonly surplus: Surplus<T>;

  constructor(source: Publisher<T>, surplus: Surplus<T>) {
    super(source);
    this.surplus = surplus;
  }

  protected stage(actual: Subscriber<T>): Subscriber<T> {
    return new BackpressureStage(actual, this.surplus);
  }
}

class BackpressureStage<T> extends QueueStage<T> {
  private readonly surplus: Surplus<T>;

  constructor(actual: Subscriber<T>, surplus: Surplus<T>) {
    super(actual);
    this.surplus = surplus;
  }

  protected override *subscribed(on: Worker): Sub<void> {
    yield* this.actual.onSubscribe(this, on);
    yield* this.upstream.request(UNBOUNDED, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return;
    const { surplus, queue } = this;
    if (this.wanted > 0) {
      queue.push(value);
    } else if (surplus.keep === 'latest') {
      queue.clear();
      queue.push(value);
    } else if (surplus.keep === 'none') {
      if (surplus.dropped === undefined) return;
      try {
        yield* finish(surplus.dropped(value, on));
      } catch (thrown) {
        yield* this.failed(thrown, on);
      }
      return;
    } else if (queue.length < surplus.most) {
      queue.push(value);
    } else {
      yield* this.failed(new OverflowError(`more than ${surplus.most} elements to keep`), on);
      return;
    }
    yield* this.drain(on);
  }
}
