/**
 * Leaves out the first `count` elements: skip (FluxSkip). They are asked for beside what downstream asks for, so its demand
 * is met by what comes after them.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { nothing } from '../user.ts';

export class SkipOperator<T> extends Operator<T, T> {
  private readonly count: number;

  /** @param count > 0 */
  constructor(source: Publisher<T>, count: number) {
    super(source);
    this.count = count;
  }

  protected stage(actual: Subscriber<T>): Subscriber<T> {
    return new SkipStage(actual, this.count);
  }
}

class SkipStage<T> extends Stage<T, T> {
  private readonly count: number;
  private skipped = 0;

  constructor(actual: Subscriber<T>, count: number) {
    super(actual);
    this.count = count;
  }

  protected override *subscribed(on: Worker): Sub<void> {
    yield* this.actual.onSubscribe(this, on);
    yield* this.upstream.request(this.count, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.skipped === this.count) return this.actual.onNext(value, on);
    this.skipped++;
    return nothing();
  }
}
