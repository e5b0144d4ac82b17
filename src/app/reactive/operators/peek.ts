/**
 * Looks at what passes, in both directions, and changes nothing: doOnNext, doOnRequest, doOnCancel and the rest (FluxPeek).
 *
 * A hook on a signal that throws fails the stream, as a mapper does. A hook on request or cancel runs on whatever thread
 * asks, maybe in the middle of a signal; what it throws is given to downstream when that signal is over.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { asSignal } from '../errors.ts';
import { SerialSubscriber } from '../serial.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish } from '../user.ts';

/** What is called before the signal of its name is passed on; `finally` after the last one, whichever it was. */
export interface Hooks<T> {
  readonly subscribe?: (on: Worker) => void | Sub<void>;
  readonly next?: (value: T, on: Worker) => void | Sub<void>;
  readonly error?: (error: Error, on: Worker) => void | Sub<void>;
  readonly complete?: (on: Worker) => void | Sub<void>;
  readonly request?: (n: number, on: Worker) => void | Sub<void>;
  readonly cancel?: (on: Worker) => void | Sub<void>;
  /** Once: after onComplete or onError has been passed on, or after cancel. */
  readonly finally?: (how: Ending, on: Worker) => void | Sub<void>;
}

/** How a subscription ended (reactor.core.publisher.SignalType). */
export type Ending = 'complete' | 'error' | 'cancel';

export class PeekOperator<T> extends Operator<T, T> {
  private readonly hooks: Hooks<T>;

  constructor(source: Publisher<T>, hooks: Hooks<T>) {
    super(source);
    this.hooks = hooks;
  }

  protected stage(actual: Subscriber<T>): Subscriber<T> {
    return new PeekStage(actual, this.hooks);
  }
}

class PeekStage<T> extends Stage<T, T> {
  private readonly hooks: Hooks<T>;
  private readonly serial: SerialSubscriber<T>;
  private finished = false;

  constructor(actual: Subscriber<T>, hooks: Hooks<T>) {
    super(actual);
    this.hooks = hooks;
    this.serial = new SerialSubscriber(actual);
  }

  protected override *subscribed(on: Worker): Sub<void> {
    try {
      if (this.hooks.subscribe !== undefined) yield* finish(this.hooks.subscribe(on));
    } catch (thrown) {
      const error = asSignal(thrown);
      this.done = true;
      yield* this.upstream.cancel(on);
      yield* this.actual.onSubscribe(this, on);
      yield* this.actual.onError(error, on);
      return;
    }
    yield* this.actual.onSubscribe(this, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return;
    try {
      if (this.hooks.next !== undefined) yield* finish(this.hooks.next(value, on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    yield* this.serial.onNext(value, on);
  }

  override *onError(error: Error, on: Worker): Sub<void> {
    if (this.done) return;
    this.done = true;
    let failure = error;
    try {
      if (this.hooks.error !== undefined) yield* finish(this.hooks.error(error, on));
    } catch (thrown) {
      failure = asSignal(thrown);
    }
    yield* this.serial.onError(failure, on);
    yield* this.finish('error', on);
  }

  override *onComplete(on: Worker): Sub<void> {
    if (this.done) return;
    try {
      if (this.hooks.complete !== undefined) yield* finish(this.hooks.complete(on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    this.done = true;
    yield* this.serial.onComplete(on);
    yield* this.finish('complete', on);
  }

  override *request(n: number, on: Worker): Sub<void> {
    try {
      if (this.hooks.request !== undefined) yield* finish(this.hooks.request(n, on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    yield* this.upstream.request(n, on);
  }

  override *cancel(on: Worker): Sub<void> {
    try {
      if (this.hooks.cancel !== undefined) yield* finish(this.hooks.cancel(on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    yield* this.upstream.cancel(on);
    yield* this.finish('cancel', on);
  }

  protected override *failed(thrown: unknown, on: Worker): Sub<void> {
    const error = asSignal(thrown);
    if (this.done) return;
    this.done = true;
    yield* this.upstream.cancel(on);
    yield* this.serial.onError(error, on);
    yield* this.finish('error', on);
  }

  private *finish(how: Ending, on: Worker): Sub<void> {
    if (this.finished || this.hooks.finally === undefined) return;
    this.finished = true;
    yield* finish(this.hooks.finally(how, on));
  }
}
