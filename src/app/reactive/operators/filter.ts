/** Only the elements that a test lets through: filter. For each other one it asks for one more (FluxFilter). */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { isSub, nothing, type UserFunction } from '../user.ts';

export class FilterOperator<T> extends Operator<T, T> {
  private readonly test: UserFunction<T, boolean>;

  constructor(source: Publisher<T>, test: UserFunction<T, boolean>) {
    super(source);
    this.test = test;
  }

  protected stage(actual: Subscriber<T>): Subscriber<T> {
    return new FilterStage(actual, this.test);
  }
}

class FilterStage<T> extends Stage<T, T> {
  private readonly test: UserFunction<T, boolean>;

  constructor(actual: Subscriber<T>, test: UserFunction<T, boolean>) {
    super(actual);
    this.test = test;
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return nothing();
    let passes: boolean | Sub<boolean>;
    try {
      passes = this.test(value, on);
    } catch (thrown) {
      return this.failed(thrown, on);
    }
    return isSub(passes) ? this.later(value, passes, on) : this.pass(value, passes, on);
  }

  private pass(value: T, passes: boolean, on: Worker): Sub<void> {
    return passes ? this.actual.onNext(value, on) : this.upstream.request(1, on);
  }

  private *later(value: T, running: Sub<boolean>, on: Worker): Sub<void> {
    let passes: boolean;
    try {
      passes = yield* running;
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    yield* this.pass(value, passes, on);
  }
}
