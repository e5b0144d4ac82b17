/**
 * A stream for each element, `concurrency` of them at once, their elements in the order of the elements that they are for:
 * flatMapSequential (FluxMergeSequential). All streams run ahead; what those behind the first give waits, `prefetch`
 * elements of each at most.
 *
 * It asks upstream for `concurrency` elements at once, and for one more whenever the stream whose turn it was has been given
 * to its end: one at a time, however they end. Each stream is asked for `prefetch` elements, and for 75 % of it each time
 * that so many were passed on. An error is given at once (ErrorMode.IMMEDIATE).
 */
import { Ring } from '../../../base/ring.ts';
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { StepForm } from '../closed-forms.ts';
import { UNBOUNDED } from '../demand.ts';
import { asSignal } from '../errors.ts';
import type { StreamLaws } from '../laws.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish } from '../user.ts';
import { MergingOperator, MergingStage } from './merging.ts';
import { type InnerParent, QueuedInner } from './queued-inner.ts';

export class FlatMapSequentialOperator<T, R> extends MergingOperator<T, R> {
  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new SequentialStage(actual, this.how);
  }
}

class SequentialStage<T, R> extends MergingStage<T, R, StepForm> implements InnerParent {
  readonly name = 'flatMapSequential';
  /** The streams that have not been given to their end, in order. */
  private readonly inners: Ring<QueuedInner<R>> = new Ring<QueuedInner<R>>();

  protected held(laws: StreamLaws, on: Worker): StepForm {
    const { concurrency } = this.how;
    const how = { ahead: concurrency, step: 1 };
    return new StepForm(`${this.name}(${concurrency})`, how, this, this.upstream, laws, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    this.form?.element();
    if (this.done || this.cancelled) return;
    let publisher: Publisher<R>;
    try {
      publisher = yield* finish(this.how.mapper(value, on));
    } catch (thrown) {
      yield* this.fail(asSignal(thrown), on);
      return;
    }
    if (this.done || this.cancelled) return;
    const inner = new QueuedInner<R>(this, this.how.prefetch);
    this.inners.push(inner);
    yield* publisher.subscribe(inner, on);
  }

  protected *work(on: Worker): Sub<void> {
    for (;;) {
      const seen = this.wip;
      yield* this.pass(on);
      if (this.stopped) return yield* this.release(on);
      if (this.done && this.inners.length === 0) return yield* this.actual.onComplete(on);
      this.wip -= seen;
      if (this.wip === 0) return;
    }
  }

  /** Gives what the first streams have, as far as it has been asked for. */
  private *pass(on: Worker): Sub<void> {
    for (;;) {
      const inner = this.inners.peek();
      if (inner === undefined || this.stopped) return;
      if (inner.queue.length > 0) {
        if (this.demand === 0) return;
        if (this.demand !== UNBOUNDED) this.demand--;
        yield* this.actual.onNext(inner.queue.shift()!, on);
        yield* inner.used(on);
      } else if (inner.done) {
        this.inners.shift();
        this.form?.pass();
        if (!this.done) yield* this.upstream.request(1, on);
      } else return;
    }
  }

  private *release(on: Worker): Sub<void> {
    yield* this.upstream.cancel(on);
    for (let inner = this.inners.shift(); inner !== undefined; inner = this.inners.shift())
      yield* inner.cancel(on);
    if (!this.cancelled && this.failure !== null) yield* this.actual.onError(this.failure, on);
  }
}
