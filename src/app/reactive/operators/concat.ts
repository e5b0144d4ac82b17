/** The elements of one stream after those of the other: concat (FluxConcatArray). The first is subscribed to at once. */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { SwitchStage } from '../switch-stage.ts';

export class ConcatOperator<T> implements Publisher<T> {
  private readonly sources: readonly Publisher<T>[];

  constructor(sources: readonly Publisher<T>[]) {
    this.sources = sources;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const stage = new ConcatStage(actual, this.sources);
    yield* actual.onSubscribe(stage, on);
    yield* stage.onComplete(on);
  }
}

class ConcatStage<T> extends SwitchStage<T> {
  private readonly sources: readonly Publisher<T>[];
  private begun = 0;

  constructor(actual: Subscriber<T>, sources: readonly Publisher<T>[]) {
    super(actual);
    this.sources = sources;
  }

  /** One has ended, or none has begun: the next one, if there is one. */
  override onComplete(on: Worker): Sub<void> {
    const next = this.sources[this.begun++];
    return next === undefined ? this.actual.onComplete(on) : this.switchTo(next, on);
  }
}
