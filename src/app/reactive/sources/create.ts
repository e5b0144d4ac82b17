/**
 * A stream that a function fills through a sink: create, push (FluxCreate). For what comes from outside, by callbacks, and
 * cannot be asked to wait: what downstream has not asked for is kept, dropped, or kept only while nothing newer has come,
 * or fails the stream (FluxSink.OverflowStrategy). The sink may be used on any thread, by several at once.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { isDemand, UNBOUNDED } from '../demand.ts';
import { asSignal, OverflowError } from '../errors.ts';
import { QueueStage } from '../queue-stage.ts';
import { EMPTY_SUBSCRIPTION } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish, nothing, type UserAction } from '../user.ts';

/**
 * What becomes of elements that nobody has asked for (FluxSink.OverflowStrategy). `ignore` gives them all the same, against
 * §1.1: downstream may fail with an overflow of its own.
 */
export type OverflowStrategy = 'buffer' | 'drop' | 'latest' | 'error' | 'ignore';

/** What the function is given (FluxSink). Each signal is a part of a thread: `yield* sink.next(v, on)`. */
export interface FluxSink<T> {
  next(value: T, on: Worker): Sub<void>;
  complete(on: Worker): Sub<void>;
  error(error: Error, on: Worker): Sub<void>;
  /** Asked for and not yet given. */
  readonly requestedFromDownstream: number;
  readonly isCancelled: boolean;
  /** Called with each request; at once with what has been requested before. */
  onRequest(asked: (n: number, on: Worker) => void | Sub<void>, on: Worker): Sub<void>;
  /** Called when it is cancelled. */
  onCancel(cancelled: UserAction): void;
  /** Called when it is over, however it ended. */
  onDispose(disposed: UserAction): void;
}

/** Sets up what fills the sink; it may fill it there and then. */
export type Emitter<T> = (sink: FluxSink<T>, on: Worker) => void | Sub<void>;

export class Create<T> implements Publisher<T> {
  private readonly emitter: Emitter<T>;
  private readonly overflow: OverflowStrategy;

  constructor(emitter: Emitter<T>, overflow: OverflowStrategy) {
    this.emitter = emitter;
    this.overflow = overflow;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    const sink = new CreateSink(s, this.overflow);
    yield* sink.onSubscribe(EMPTY_SUBSCRIPTION, on);
    try {
      yield* finish(this.emitter(sink, on));
    } catch (thrown) {
      yield* sink.error(asSignal(thrown), on);
    }
  }
}

class CreateSink<T> extends QueueStage<T> implements FluxSink<T> {
  private readonly overflow: OverflowStrategy;
  private asked: ((n: number, on: Worker) => void | Sub<void>) | null = null;
  private whenCancelled: UserAction | null = null;
  private whenDisposed: UserAction | null = null;
  private disposed = false;

  constructor(actual: Subscriber<T>, overflow: OverflowStrategy) {
    super(actual);
    this.overflow = overflow;
  }

  get requestedFromDownstream(): number {
    return this.requested;
  }

  get isCancelled(): boolean {
    return this.cancelled;
  }

  next(value: T, on: Worker): Sub<void> {
    return this.onNext(value, on);
  }

  *error(error: Error, on: Worker): Sub<void> {
    yield* this.onError(error, on);
    yield* this.dispose(on);
  }

  *complete(on: Worker): Sub<void> {
    yield* this.onComplete(on);
    yield* this.dispose(on);
  }

  *onRequest(asked: (n: number, on: Worker) => void | Sub<void>, on: Worker): Sub<void> {
    this.asked = asked;
    const n = this.requested;
    if (n > 0) yield* this.ask(n, on);
  }

  private *ask(n: number, on: Worker): Sub<void> {
    if (this.asked === null) return;
    try {
      yield* finish(this.asked(n, on));
    } catch (thrown) {
      yield* this.error(asSignal(thrown), on);
    }
  }

  onCancel(cancelled: UserAction): void {
    this.whenCancelled = cancelled;
  }

  onDispose(disposed: UserAction): void {
    this.whenDisposed = disposed;
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return nothing();
    if (this.wanted <= 0) {
      if (this.overflow === 'drop') return nothing();
      if (this.overflow === 'error')
        return this.error(new OverflowError('create: nobody has asked for this element'), on);
      if (this.overflow === 'latest') this.queue.clear();
      if (this.overflow === 'ignore') this.addDemand(UNBOUNDED);
    }
    this.queue.push(value);
    return this.drain(on);
  }

  override *request(n: number, on: Worker): Sub<void> {
    yield* super.request(n, on);
    if (!isDemand(n)) yield* this.dispose(on);
    else if (!this.cancelled && !this.done) yield* this.ask(n, on);
  }

  override *cancel(on: Worker): Sub<void> {
    if (this.cancelled) return;
    const ended = this.done;
    yield* super.cancel(on);
    if (!ended && this.whenCancelled !== null) yield* finish(this.whenCancelled(on));
    yield* this.dispose(on);
  }

  private *dispose(on: Worker): Sub<void> {
    if (this.disposed) return;
    this.disposed = true;
    if (this.whenDisposed !== null) yield* finish(this.whenDisposed(on));
  }
}
