/**
 * Fails when the next signal takes too long: timeout (FluxTimeout, with Mono.delay for each element). The time runs from
 * the subscription to the first element, then from where each element has been passed on; on a thread of a scheduler.
 */
import type { Sub } from '../../setup.ts';
import type { Cancellable, Worker } from '../../worker.ts';
import { asSignal, TimeoutError } from '../errors.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { SwitchStage } from '../switch-stage.ts';
import { nothing } from '../user.ts';

export class TimeoutOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly timeoutNs: number;
  private readonly scheduler: Scheduler;

  constructor(source: Publisher<T>, timeoutNs: number, scheduler: Scheduler) {
    this.source = source;
    this.timeoutNs = timeoutNs;
    this.scheduler = scheduler;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const stage = new TimeoutStage(actual, this.timeoutNs, this.scheduler);
    yield* actual.onSubscribe(stage, on);
    yield* stage.arm(on);
    yield* stage.switchTo(this.source, on);
  }
}

class TimeoutStage<T> extends SwitchStage<T> {
  private readonly timeoutNs: number;
  private readonly scheduler: Scheduler;
  /** Signals so far: a timer is for one of them, and nothing to the others. */
  private signals = 0;
  private timer: Cancellable | null = null;
  private over = false;

  constructor(actual: Subscriber<T>, timeoutNs: number, scheduler: Scheduler) {
    super(actual);
    this.timeoutNs = timeoutNs;
    this.scheduler = scheduler;
  }

  /** Lets the time for the next signal begin. */
  *arm(on: Worker): Sub<void> {
    const awaited = this.signals;
    let timer: Cancellable;
    try {
      const worker = yield* this.scheduler.worker(on);
      timer = yield* worker.schedule(on, (by) => this.expired(awaited, by), this.timeoutNs);
    } catch (thrown) {
      yield* this.fail(asSignal(thrown), on);
      return;
    }
    if (this.over || this.signals !== awaited) timer.cancel();
    else this.timer = timer;
  }

  override *onNext(value: T, on: Worker): Sub<void> {
    if (this.over) return;
    this.arrived();
    yield* super.onNext(value, on);
    if (!this.over) yield* this.arm(on);
  }

  override onError(error: Error, on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.end();
    return this.actual.onError(error, on);
  }

  override onComplete(on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.end();
    return this.actual.onComplete(on);
  }

  override cancel(on: Worker): Sub<void> {
    this.end();
    return super.cancel(on);
  }

  private arrived(): void {
    this.signals++;
    this.timer?.cancel();
    this.timer = null;
  }

  private end(): void {
    this.over = true;
    this.arrived();
  }

  private expired(awaited: number, on: Worker): Sub<void> {
    if (this.over || this.signals !== awaited) return nothing();
    return this.fail(new TimeoutError(`no signal within ${this.timeoutNs} ns`), on);
  }

  private *fail(error: Error, on: Worker): Sub<void> {
    yield* this.cancel(on);
    yield* this.actual.onError(error, on);
  }
}
