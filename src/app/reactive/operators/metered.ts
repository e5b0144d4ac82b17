/** A DemandMeter between two stages: it counts requests and elements, and changes nothing. */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import type { DemandMeter } from '../demand.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';

export class MeteredOperator<T> extends Operator<T, T> {
  private readonly meter: () => DemandMeter;

  /** @param meter makes the meter of one subscription */
  constructor(source: Publisher<T>, meter: () => DemandMeter) {
    super(source);
    this.meter = meter;
  }

  protected stage(actual: Subscriber<T>): Subscriber<T> {
    return new MeteredStage(actual, this.meter());
  }
}

class MeteredStage<T> extends Stage<T, T> {
  private readonly meter: DemandMeter;

  constructor(actual: Subscriber<T>, meter: DemandMeter) {
    super(actual);
    this.meter = meter;
  }

  onNext(value: T, on: Worker): Sub<void> {
    this.meter.emitted();
    return this.actual.onNext(value, on);
  }

  override request(n: number, on: Worker): Sub<void> {
    this.meter.requested(n);
    return this.upstream.request(n, on);
  }
}
