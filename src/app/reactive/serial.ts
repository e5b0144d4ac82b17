/**
 * Keeps the end of a stream out of an element that is still being given, on another thread or further up the same stack
 * (§1.3): the end waits until that onNext is over (reactor-core's HalfSerializer). Elements themselves must come one at a
 * time already.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { Subscriber } from './streams.ts';
import { nothing } from './user.ts';

export class SerialSubscriber<T> {
  private readonly actual: Subscriber<T>;
  private emitting = false;
  /** Nothing more is taken: the end has been given, or waits. */
  private over = false;
  /** The end that waits, as a signal. */
  private waiting: ((on: Worker) => Sub<void>) | null = null;

  constructor(actual: Subscriber<T>) {
    this.actual = actual;
  }

  get destination(): string | undefined {
    return this.actual.destination;
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.over) return;
    this.emitting = true;
    yield* this.actual.onNext(value, on);
    this.emitting = false;
    if (this.waiting !== null) yield* this.waiting(on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    return this.end((by) => this.actual.onError(error, by), on);
  }

  onComplete(on: Worker): Sub<void> {
    return this.end((by) => this.actual.onComplete(by), on);
  }

  private end(signal: (on: Worker) => Sub<void>, on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.over = true;
    if (!this.emitting) return signal(on);
    this.waiting = signal;
    return nothing();
  }
}
