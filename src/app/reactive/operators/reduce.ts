/**
 * One element made of all: reduce, count (MonoReduce, MonoReduceSeed, MonoCount). Everything is requested of upstream at
 * once; the result waits for downstream's request.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { UNBOUNDED } from '../demand.ts';
import { QueueStage } from '../queue-stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish, nothing } from '../user.ts';
import type { Accumulator } from './scan.ts';

export class ReduceOperator<T, R> implements Publisher<R> {
  private readonly source: Publisher<T>;
  private readonly accumulator: Accumulator<T, R>;
  private readonly initial: R | undefined;

  /** @param initial undefined: the first element; of an empty stream there is no result then */
  constructor(source: Publisher<T>, accumulator: Accumulator<T, R>, initial?: R) {
    this.source = source;
    this.accumulator = accumulator;
    this.initial = initial;
  }

  subscribe(actual: Subscriber<R>, on: Worker): Sub<void> {
    return this.source.subscribe(new ReduceStage(actual, this.accumulator, this.initial), on);
  }
}

/** Its queue holds the result, once there is one. */
class ReduceStage<T, R> extends QueueStage<T, R> {
  private readonly accumulator: Accumulator<T, R>;
  private sum: R | undefined;

  constructor(actual: Subscriber<R>, accumulator: Accumulator<T, R>, initial: R | undefined) {
    super(actual);
    this.accumulator = accumulator;
    this.sum = initial;
  }

  protected override *subscribed(on: Worker): Sub<void> {
    yield* this.actual.onSubscribe(this, on);
    yield* this.upstream.request(UNBOUNDED, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return;
    try {
      this.sum =
        this.sum === undefined
          ? (value as unknown as R)
          : yield* finish(this.accumulator(this.sum, value, on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
    }
  }

  override onComplete(on: Worker): Sub<void> {
    if (this.done) return nothing();
    if (this.sum !== undefined) this.queue.push(this.sum);
    return super.onComplete(on);
  }
}
