/**
 * Subscribes again, so many times: when the stream has failed (retry, FluxRetry; elements come again, too), or when it has ended
 * well (repeat, FluxRepeat).
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { SwitchStage } from '../switch-stage.ts';

abstract class Resubscribe<T> implements Publisher<T> {
  protected readonly source: Publisher<T>;
  protected readonly times: number;

  /** @param times how often the stream is given again, after the first time */
  constructor(source: Publisher<T>, times: number) {
    this.source = source;
    this.times = times;
  }

  protected abstract stage(actual: Subscriber<T>): Again<T>;

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const stage = this.stage(actual);
    yield* actual.onSubscribe(stage, on);
    yield* stage.switchTo(this.source, on);
  }
}

export class RetryOperator<T> extends Resubscribe<T> {
  protected stage(actual: Subscriber<T>): Again<T> {
    return new RetryStage(actual, this.source, this.times);
  }
}

export class RepeatOperator<T> extends Resubscribe<T> {
  protected stage(actual: Subscriber<T>): Again<T> {
    return new RepeatStage(actual, this.source, this.times);
  }
}

abstract class Again<T> extends SwitchStage<T> {
  private readonly source: Publisher<T>;
  private left: number;

  constructor(actual: Subscriber<T>, source: Publisher<T>, times: number) {
    super(actual);
    this.source = source;
    this.left = times;
  }

  /** The stream is given once more; null: that was the last time. */
  protected again(on: Worker): Sub<void> | null {
    if (this.left === 0) return null;
    this.left--;
    return this.switchTo(this.source, on);
  }
}

class RetryStage<T> extends Again<T> {
  override onError(error: Error, on: Worker): Sub<void> {
    return this.again(on) ?? this.actual.onError(error, on);
  }
}

class RepeatStage<T> extends Again<T> {
  override onComplete(on: Worker): Sub<void> {
    return this.again(on) ?? this.actual.onComplete(on);
  }
}
