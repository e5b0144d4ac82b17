/** Subscribes again when the stream has ended, so many times: repeat (FluxRepeat). */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { SwitchStage } from '../switch-stage.ts';

export class RepeatOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly times: number;

  /** @param times how often the stream is given again, after the first time */
  constructor(source: Publisher<T>, times: number) {
    this.source = source;
    this.times = times;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const stage = new RepeatStage(actual, this.source, this.times);
    yield* actual.onSubscribe(stage, on);
    yield* stage.switchTo(this.source, on);
  }
}

class RepeatStage<T> extends SwitchStage<T> {
  private readonly source: Publisher<T>;
  private left: number;

  constructor(actual: Subscriber<T>, source: Publisher<T>, times: number) {
    super(actual);
    this.source = source;
    this.left = times;
  }

  override onComplete(on: Worker): Sub<void> {
    if (this.left === 0) return this.actual.onComplete(on);
    this.left--;
    return this.switchTo(this.source, on);
  }
}
