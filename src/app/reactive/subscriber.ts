/** The end of a stream, from functions: `flux.subscribe(new LambdaSubscriber({ next: … }), on)` (LambdaSubscriber). */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { UNBOUNDED } from './demand.ts';
import { asSignal } from './errors.ts';
import type { Subscriber, Subscription } from './streams.ts';
import { finish, nothing, type UserAction, type UserFunction } from './user.ts';

export interface Consumers<T> {
  readonly next?: UserFunction<T, void>;
  /** Without it, an error ends the run: nobody would hear of it otherwise. */
  readonly error?: UserFunction<Error, void>;
  readonly complete?: UserAction;
  /** Requested at once; default: everything. */
  readonly request?: number;
}

export class LambdaSubscriber<T> implements Subscriber<T> {
  private readonly consumers: Consumers<T>;
  private upstream: Subscription | null = null;
  private done = false;

  constructor(consumers: Consumers<T>) {
    this.consumers = consumers;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.upstream !== null) return s.cancel(on);
    this.upstream = s;
    const { request = UNBOUNDED } = this.consumers;
    return request > 0 ? s.request(request, on) : nothing();
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.consumers.next === undefined) return;
    try {
      yield* finish(this.consumers.next(value, on));
    } catch (thrown) {
      const error = asSignal(thrown);
      yield* this.cancel(on);
      yield* this.fail(error, on);
    }
  }

  onError(error: Error, on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.done = true;
    return this.fail(error, on);
  }

  *onComplete(on: Worker): Sub<void> {
    if (this.done) return;
    this.done = true;
    if (this.consumers.complete !== undefined) yield* finish(this.consumers.complete(on));
  }

  /** Asks for more, when not everything was requested at once. */
  request(n: number, on: Worker): Sub<void> {
    return this.upstream === null ? nothing() : this.upstream.request(n, on);
  }

  cancel(on: Worker): Sub<void> {
    this.done = true;
    return this.upstream === null ? nothing() : this.upstream.cancel(on);
  }

  private *fail(error: Error, on: Worker): Sub<void> {
    if (this.consumers.error === undefined) throw error;
    yield* finish(this.consumers.error(error, on));
  }
}
