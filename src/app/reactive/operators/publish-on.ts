/**
 * The same elements on another thread: publishOn, and limitRate, which is publishOn the thread at hand (FluxPublishOn). It
 * asks upstream for `prefetch` elements, and for 75 % of it each time that so many have been given (256, then 192 by 192),
 * whatever downstream asks for.
 */
import type { Sub } from '../../setup.ts';
import type { Task, Worker } from '../../worker.ts';
import { limitOf } from '../demand.ts';
import { OverflowError, RejectedError } from '../errors.ts';
import { QueueStage } from '../queue-stage.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { nothing } from '../user.ts';

export class PublishOnOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly scheduler: Scheduler;
  private readonly prefetch: number;

  constructor(source: Publisher<T>, scheduler: Scheduler, prefetch: number) {
    this.source = source;
    this.scheduler = scheduler;
    this.prefetch = prefetch;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const worker = yield* this.scheduler.worker(on);
    yield* this.source.subscribe(new PublishOnStage(actual, worker, this.prefetch), on);
  }
}

class PublishOnStage<T> extends QueueStage<T> {
  private readonly worker: Worker;
  private readonly prefetch: number;
  private readonly limit: number;
  /** Elements given since upstream was last asked for more. */
  private given = 0;
  private readonly task: Task = (on) => this.work(on);

  constructor(actual: Subscriber<T>, worker: Worker, prefetch: number) {
    super(actual);
    this.worker = worker;
    this.prefetch = prefetch;
    this.limit = limitOf(prefetch);
  }

  protected override *subscribed(on: Worker): Sub<void> {
    yield* this.actual.onSubscribe(this, on);
    yield* this.upstream.request(this.prefetch, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return nothing();
    if (this.queue.length >= this.prefetch)
      return this.abandon(new OverflowError('publishOn: more came than was requested'), on);
    this.queue.push(value);
    return this.drain(on);
  }

  protected override *begin(on: Worker): Sub<void> {
    if (yield* this.worker.execute(on, this.task)) return;
    // Nobody will ever do the work, so nobody else can be giving a signal: the end is given here.
    if (this.cancelled) return;
    this.cancelled = true;
    this.queue.clear();
    yield* this.upstream.cancel(on);
    yield* this.actual.onError(new RejectedError(`${this.worker.name} has been shut down`), on);
  }

  protected override gave(on: Worker): Sub<void> {
    if (++this.given < this.limit) return nothing();
    this.given = 0;
    return this.upstream.request(this.limit, on);
  }
}
