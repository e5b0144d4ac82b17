/**
 * None or one element for each, or the end: handle (FluxHandle). When nothing was given it asks for one more, so that
 * downstream's demand is met.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { SynchronousSink } from '../sources/cursors.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish } from '../user.ts';

/** What `handle` calls for each element. */
export type Handler<T, R> = (value: T, sink: SynchronousSink<R>, on: Worker) => void | Sub<void>;

export class HandleOperator<T, R> extends Operator<T, R> {
  private readonly handler: Handler<T, R>;

  constructor(source: Publisher<T>, handler: Handler<T, R>) {
    super(source);
    this.handler = handler;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new HandleStage(actual, this.handler);
  }
}

class HandleStage<T, R> extends Stage<T, R> {
  private readonly handler: Handler<T, R>;

  constructor(actual: Subscriber<R>, handler: Handler<T, R>) {
    super(actual);
    this.handler = handler;
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return;
    const sink = new SynchronousSink<R>();
    try {
      yield* finish(this.handler(value, sink, on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    if (sink.value !== undefined) yield* this.actual.onNext(sink.value, on);
    if (sink.failure !== null) {
      yield* this.failed(sink.failure, on);
    } else if (sink.ended) {
      yield* this.upstream.cancel(on);
      yield* this.onComplete(on);
    } else if (sink.value === undefined) {
      yield* this.upstream.request(1, on);
    }
  }
}
