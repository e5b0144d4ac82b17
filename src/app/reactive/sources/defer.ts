/** A stream that is made anew for each subscriber: defer (FluxDefer, MonoDefer). */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { asSignal } from '../errors.ts';
import { EMPTY_SUBSCRIPTION } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';

export class Defer<T> implements Publisher<T> {
  private readonly make: () => Publisher<T>;

  constructor(make: () => Publisher<T>) {
    this.make = make;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    let publisher: Publisher<T>;
    try {
      publisher = this.make();
    } catch (thrown) {
      const error = asSignal(thrown);
      yield* s.onSubscribe(EMPTY_SUBSCRIPTION, on);
      yield* s.onError(error, on);
      return;
    }
    yield* publisher.subscribe(s, on);
  }
}
