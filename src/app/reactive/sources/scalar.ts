/** Streams of at most one element: just, empty, error, never, fromCallable (MonoJust, MonoEmpty, MonoError, MonoCallable). */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { CallablePublisher } from '../callable.ts';
import { badDemand, isDemand } from '../demand.ts';
import { asSignal } from '../errors.ts';
import { EMPTY_SUBSCRIPTION } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { finish, nothing } from '../user.ts';

/** One element, there from the beginning. */
export class Just<T> extends CallablePublisher<T> {
  private readonly value: T;

  constructor(value: T) {
    super();
    this.value = value;
  }

  call(): T {
    return this.value;
  }

  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    return s.onSubscribe(new CallableSubscription(s, this), on);
  }
}

/** One element, made by a function when it is requested; none when that returns undefined. */
export class FromCallable<T> extends CallablePublisher<T> {
  private readonly make: (on: Worker) => T | undefined | Sub<T | undefined>;

  constructor(make: (on: Worker) => T | undefined | Sub<T | undefined>) {
    super();
    this.make = make;
  }

  call(on: Worker): T | undefined | Sub<T | undefined> {
    return this.make(on);
  }

  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    return s.onSubscribe(new CallableSubscription(s, this), on);
  }
}

/** No element. */
export class Empty<T> extends CallablePublisher<T> {
  call(): undefined {
    return undefined;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    yield* s.onSubscribe(EMPTY_SUBSCRIPTION, on);
    yield* s.onComplete(on);
  }
}

/** Fails at once. */
export class Failed<T> extends CallablePublisher<T> {
  private readonly error: Error;

  constructor(error: Error) {
    super();
    this.error = error;
  }

  call(): never {
    throw this.error;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    yield* s.onSubscribe(EMPTY_SUBSCRIPTION, on);
    yield* s.onError(this.error, on);
  }
}

/** Never says anything, whatever is requested. */
export class Never<T> implements Publisher<T> {
  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    return s.onSubscribe(EMPTY_SUBSCRIPTION, on);
  }
}

/** Gives what a callable makes to the first request. */
export class CallableSubscription<T> implements Subscription {
  private readonly actual: Subscriber<T>;
  private readonly callable: CallablePublisher<T>;
  /** It has been requested or cancelled: nothing more to do. */
  private over = false;
  private cancelled = false;

  constructor(actual: Subscriber<T>, callable: CallablePublisher<T>) {
    this.actual = actual;
    this.callable = callable;
  }

  *request(n: number, on: Worker): Sub<void> {
    if (this.over) return;
    this.over = true;
    let value: T | undefined;
    try {
      if (!isDemand(n)) throw badDemand(n);
      value = yield* finish<T | undefined>(this.callable.call(on));
    } catch (thrown) {
      const error = asSignal(thrown);
      if (!this.cancelled) yield* this.actual.onError(error, on);
      return;
    }
    if (this.cancelled) return;
    if (value !== undefined) yield* this.actual.onNext(value, on);
    if (!this.cancelled) yield* this.actual.onComplete(on);
  }

  cancel(): Sub<void> {
    this.over = true;
    this.cancelled = true;
    return nothing();
  }
}
