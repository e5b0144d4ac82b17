/**
 * Only how a stream ends, and then maybe another one: ignoreElements, andThen, thenMany, thenReturn
 * (MonoIgnoreElements, MonoIgnoreThen). Everything is requested of the stream at once, whatever downstream asks for; the other one is
 * subscribed to when it has completed.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Arbiter } from '../arbiter.ts';
import { badDemand, isDemand, UNBOUNDED } from '../demand.ts';
import { SerialSubscriber } from '../serial.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';

/** `next` null: ends when the source does. */
export class IgnoreThenOperator<T, R> extends Operator<T, R> {
  private readonly next: Publisher<R> | null;

  constructor(source: Publisher<T>, next: Publisher<R> | null) {
    super(source);
    this.next = next;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new IgnoreThenStage(actual, this.next);
  }
}

class IgnoreThenStage<T, R> extends Stage<T, R> {
  private readonly next: Publisher<R> | null;
  private readonly serial: SerialSubscriber<R>;
  /** Downstream's demand, until there is somebody to ask. */
  private readonly arbiter: Arbiter = new Arbiter();

  constructor(actual: Subscriber<R>, next: Publisher<R> | null) {
    super(actual);
    this.next = next;
    this.serial = new SerialSubscriber(actual);
  }

  protected override *subscribed(on: Worker): Sub<void> {
    yield* this.actual.onSubscribe(this, on);
    yield* this.upstream.request(UNBOUNDED, on);
  }

  onNext(): Sub<void> {
    return nothing();
  }

  override onError(error: Error, on: Worker): Sub<void> {
    this.done = true;
    return this.serial.onError(error, on);
  }

  override onComplete(on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.done = true;
    if (this.next === null) return this.serial.onComplete(on);
    return this.next.subscribe(new ThenInner(this.serial, this.arbiter), on);
  }

  override *request(n: number, on: Worker): Sub<void> {
    if (isDemand(n)) {
      yield* this.arbiter.request(n, on);
    } else {
      yield* this.cancel(on);
      yield* this.serial.onError(badDemand(n), on);
    }
  }

  override *cancel(on: Worker): Sub<void> {
    this.done = true;
    yield* this.upstream.cancel(on);
    yield* this.arbiter.cancel(on);
  }
}

/** Subscribes to what comes after. */
class ThenInner<R> implements Subscriber<R> {
  private readonly serial: SerialSubscriber<R>;
  private readonly arbiter: Arbiter;

  constructor(serial: SerialSubscriber<R>, arbiter: Arbiter) {
    this.serial = serial;
    this.arbiter = arbiter;
  }

  get destination(): string | undefined {
    return this.serial.destination;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    return this.arbiter.set(s, on);
  }

  onNext(value: R, on: Worker): Sub<void> {
    return this.serial.onNext(value, on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    return this.serial.onError(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    return this.serial.onComplete(on);
  }
}
