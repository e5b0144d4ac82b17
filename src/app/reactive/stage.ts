/**
 * What the middle of a stream is made of. A stage is one subscription: a subscriber to what is above it (upstream), and the
 * subscription of what is below (downstream, `actual`). By itself it passes everything on; an operator overrides what it
 * does differently. Operators are immutable and may be subscribed to often: each time makes a new stage.
 *
 * What comes too late, after the end, is dropped without a word (Reactor logs it: Operators.onNextDropped,
 * onErrorDropped).
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { asSignal } from './errors.ts';
import type { Publisher, Subscriber, Subscription } from './streams.ts';
import { nothing } from './user.ts';

/** An operator with one source. */
export abstract class Operator<T, R> implements Publisher<R> {
  protected readonly source: Publisher<T>;

  constructor(source: Publisher<T>) {
    this.source = source;
  }

  /** A new stage that gives its signals to `actual`. */
  protected abstract stage(actual: Subscriber<R>): Subscriber<T>;

  subscribe(actual: Subscriber<R>, on: Worker): Sub<void> {
    return this.source.subscribe(this.stage(actual), on);
  }
}

export abstract class Stage<T, R> implements Subscriber<T>, Subscription {
  protected readonly actual: Subscriber<R>;
  protected upstream: Subscription = UNSUBSCRIBED;
  /** It has passed on, or is about to pass on, its last signal. */
  protected done = false;

  constructor(actual: Subscriber<R>) {
    this.actual = actual;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    // §2.5: the second one is of no use.
    if (this.upstream !== UNSUBSCRIBED) return s.cancel(on);
    this.upstream = s;
    return this.subscribed(on);
  }

  get destination(): string | undefined {
    return this.actual.destination;
  }

  get origin(): string | undefined {
    return this.upstream.origin;
  }

  /** Upstream is there: by itself it only tells downstream. */
  protected subscribed(on: Worker): Sub<void> {
    return this.actual.onSubscribe(this, on);
  }

  abstract onNext(value: T, on: Worker): Sub<void>;

  onError(error: Error, on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.done = true;
    return this.actual.onError(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.done = true;
    return this.actual.onComplete(on);
  }

  request(n: number, on: Worker): Sub<void> {
    return this.upstream.request(n, on);
  }

  cancel(on: Worker): Sub<void> {
    return this.upstream.cancel(on);
  }

  /** A user's function threw within onNext: upstream is cancelled, and downstream hears of it. */
  protected *failed(thrown: unknown, on: Worker): Sub<void> {
    const error = asSignal(thrown);
    if (this.done) return;
    this.done = true;
    yield* this.upstream.cancel(on);
    yield* this.actual.onError(error, on);
  }
}

/** A subscription that has nothing to give: of a stream that has ended, or that never begins. */
export const EMPTY_SUBSCRIPTION: Subscription = { request: nothing, cancel: nothing };

/** Stands for the upstream that has not come yet. */
export const UNSUBSCRIBED: Subscription = { request: nothing, cancel: nothing };
