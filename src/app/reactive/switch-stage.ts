/**
 * A stage whose upstream may be replaced by another one while downstream stays: what has been asked for and not been given
 * is asked of the next one (arbiter.ts). Downstream has its subscription before the first upstream is there.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { Arbiter } from './arbiter.ts';
import { badDemand, isDemand } from './demand.ts';
import { SerialSubscriber } from './serial.ts';
import type { Publisher, Subscriber, Subscription } from './streams.ts';

export abstract class SwitchStage<T> implements Subscriber<T>, Subscription {
  protected readonly actual: SerialSubscriber<T>;
  protected cancelled = false;
  private readonly arbiter: Arbiter = new Arbiter();
  /** What is to be subscribed to next; looked at by the one that subscribes, so that the stack stays flat. */
  private next: Publisher<T> | null = null;
  private subscribing = false;

  constructor(actual: Subscriber<T>) {
    this.actual = new SerialSubscriber(actual);
  }

  get destination(): string | undefined {
    return this.actual.destination;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    return this.arbiter.set(s, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    this.arbiter.produced();
    return this.actual.onNext(value, on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    return this.actual.onError(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    return this.actual.onComplete(on);
  }

  *request(n: number, on: Worker): Sub<void> {
    if (isDemand(n)) {
      yield* this.arbiter.request(n, on);
    } else {
      yield* this.cancel(on);
      yield* this.actual.onError(badDemand(n), on);
    }
  }

  cancel(on: Worker): Sub<void> {
    this.cancelled = true;
    return this.arbiter.cancel(on);
  }

  /** Goes on with `publisher`, the upstream before having ended. */
  *switchTo(publisher: Publisher<T>, on: Worker): Sub<void> {
    this.arbiter.release();
    this.next = publisher;
    if (this.subscribing) return;
    this.subscribing = true;
    while (this.next !== null && !this.cancelled) {
      const upstream: Publisher<T> = this.next;
      this.next = null;
      yield* upstream.subscribe(this, on);
    }
    this.subscribing = false;
  }
}
