/** One element for each, in the same order: map. Demand passes unchanged (FluxMap). */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { isSub, nothing, type UserFunction } from '../user.ts';

export class MapOperator<T, R> extends Operator<T, R> {
  private readonly mapper: UserFunction<T, R>;

  constructor(source: Publisher<T>, mapper: UserFunction<T, R>) {
    super(source);
    this.mapper = mapper;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new MapStage(actual, this.mapper);
  }
}

class MapStage<T, R> extends Stage<T, R> {
  private readonly mapper: UserFunction<T, R>;

  constructor(actual: Subscriber<R>, mapper: UserFunction<T, R>) {
    super(actual);
    this.mapper = mapper;
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return nothing();
    let result: R | Sub<R>;
    try {
      result = this.mapper(value, on);
    } catch (thrown) {
      return this.failed(thrown, on);
    }
    return isSub(result) ? this.later(result, on) : this.actual.onNext(result, on);
  }

  private *later(running: Sub<R>, on: Worker): Sub<void> {
    let result: R;
    try {
      result = yield* running;
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    yield* this.actual.onNext(result, on);
  }
}
