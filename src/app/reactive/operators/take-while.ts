/**
 * The elements up to the first for which a test says so: takeWhile leaves that one out (FluxTakeWhile), takeUntil gives it
 * (FluxTakeUntil). The stream ends there, and upstream is cancelled. Demand passes unchanged.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish, type UserFunction } from '../user.ts';

/** Which way the test is meant, and whether the element that ends the stream belongs to it. */
export type TakeRule<T> =
  | { readonly kind: 'while'; readonly test: UserFunction<T, boolean> }
  | { readonly kind: 'until'; readonly test: UserFunction<T, boolean> };

export class TakeWhileOperator<T> extends Operator<T, T> {
  private readonly rule: TakeRule<T>;

  constructor(source: Publisher<T>, rule: TakeRule<T>) {
    super(source);
    this.rule = rule;
  }

  protected stage(actual: Subscriber<T>): Subscriber<T> {
    return new TakeWhileStage(actual, this.rule);
  }
}

class TakeWhileStage<T> extends Stage<T, T> {
  private readonly rule: TakeRule<T>;

  constructor(actual: Subscriber<T>, rule: TakeRule<T>) {
    super(actual);
    this.rule = rule;
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return;
    const until = this.rule.kind === 'until';
    if (until) yield* this.actual.onNext(value, on);
    let met: boolean;
    try {
      met = yield* finish(this.rule.test(value, on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    if (this.done) return;
    if (met === until) {
      yield* this.upstream.cancel(on);
      yield* this.onComplete(on);
    } else if (!until) {
      yield* this.actual.onNext(value, on);
    }
  }
}
