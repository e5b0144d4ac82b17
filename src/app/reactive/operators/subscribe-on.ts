/**
 * Subscribes, and requests, on a thread of a scheduler: so that is where a source that gives its elements to whoever asks
 * runs (FluxSubscribeOn). Downstream has its subscription at once; what it asks for before upstream's is there waits.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { addCap, badDemand, isDemand } from '../demand.ts';
import { RejectedError } from '../errors.ts';
import type { Scheduler } from '../scheduler.ts';
import { SerialSubscriber } from '../serial.ts';
import { Stage, UNSUBSCRIBED } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { nothing } from '../user.ts';

export class SubscribeOnOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly scheduler: Scheduler;

  constructor(source: Publisher<T>, scheduler: Scheduler) {
    this.source = source;
    this.scheduler = scheduler;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const worker = yield* this.scheduler.worker(on);
    const stage = new SubscribeOnStage(actual, worker);
    yield* actual.onSubscribe(stage, on);
    const taken = yield* worker.execute(on, (by) => this.source.subscribe(stage, by));
    if (!taken) yield* stage.onError(new RejectedError(`${worker.name} has been shut down`), on);
  }
}

class SubscribeOnStage<T> extends Stage<T, T> {
  private readonly worker: Worker;
  private readonly serial: SerialSubscriber<T>;
  /** Requested before upstream was there. */
  private early = 0;
  private cancelled = false;

  constructor(actual: Subscriber<T>, worker: Worker) {
    super(actual);
    this.worker = worker;
    this.serial = new SerialSubscriber(actual);
  }

  protected override subscribed(on: Worker): Sub<void> {
    if (this.cancelled) return this.upstream.cancel(on);
    const n = this.early;
    this.early = 0;
    return n > 0 ? this.upstream.request(n, on) : nothing();
  }

  onNext(value: T, on: Worker): Sub<void> {
    return this.serial.onNext(value, on);
  }

  override onError(error: Error, on: Worker): Sub<void> {
    return this.serial.onError(error, on);
  }

  override onComplete(on: Worker): Sub<void> {
    return this.serial.onComplete(on);
  }

  override *request(n: number, on: Worker): Sub<void> {
    if (this.cancelled) return;
    if (!isDemand(n)) {
      yield* this.cancel(on);
      yield* this.serial.onError(badDemand(n), on);
    } else if (this.upstream === UNSUBSCRIBED) {
      this.early = addCap(this.early, n);
    } else if (on === this.worker) {
      yield* this.upstream.request(n, on);
    } else {
      // Refused: the scheduler has been shut down, and so has the source with it.
      yield* this.worker.execute(on, (by) => this.upstream.request(n, by));
    }
  }

  override cancel(on: Worker): Sub<void> {
    this.cancelled = true;
    return this.upstream.cancel(on);
  }
}
