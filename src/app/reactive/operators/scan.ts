/**
 * What has come so far, made into one, with each element: scan (FluxScan). The first element is what it begins with, or a
 * value that is given first of all (FluxScanSeed): then upstream is subscribed to when that has been taken.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Just } from '../sources/scalar.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish, nothing } from '../user.ts';
import { ConcatOperator } from './concat.ts';

/** Puts an element to what there is. */
export type Accumulator<T, R> = (sum: R, value: T, on: Worker) => R | Sub<R>;

export class ScanOperator<T, R> extends Operator<T, R> {
  private readonly accumulator: Accumulator<T, R>;
  private readonly initial: R | undefined;

  /** @param initial undefined: the first element, which is then an R itself */
  constructor(source: Publisher<T>, accumulator: Accumulator<T, R>, initial?: R) {
    super(source);
    this.accumulator = accumulator;
    this.initial = initial;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new ScanStage(actual, this.accumulator, this.initial);
  }
}

class ScanStage<T, R> extends Stage<T, R> {
  private readonly accumulator: Accumulator<T, R>;
  private sum: R | undefined;

  constructor(actual: Subscriber<R>, accumulator: Accumulator<T, R>, initial: R | undefined) {
    super(actual);
    this.accumulator = accumulator;
    this.sum = initial;
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return;
    let sum: R;
    try {
      sum =
        this.sum === undefined
          ? (value as unknown as R)
          : yield* finish(this.accumulator(this.sum, value, on));
    } catch (thrown) {
      yield* this.failed(thrown, on);
      return;
    }
    this.sum = sum;
    yield* this.done ? nothing() : this.actual.onNext(sum, on);
  }
}

/** `initial` first, and then what becomes of it with each element. */
export class ScanSeedOperator<T, R> implements Publisher<R> {
  private readonly source: Publisher<T>;
  private readonly initial: R;
  private readonly accumulator: Accumulator<T, R>;

  constructor(source: Publisher<T>, initial: R, accumulator: Accumulator<T, R>) {
    this.source = source;
    this.initial = initial;
    this.accumulator = accumulator;
  }

  subscribe(actual: Subscriber<R>, on: Worker): Sub<void> {
    const { initial } = this;
    const rest = new ScanOperator(this.source, this.accumulator, initial);
    return new ConcatOperator<R>([new Just(initial), rest]).subscribe(actual, on);
  }
}
