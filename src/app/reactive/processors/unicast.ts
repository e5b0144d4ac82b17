/**
 * What one subscriber is given by hand, kept until it asks: UnicastProcessor, which Reactor keeps as the sink
 * `Sinks.many().unicast().onBackpressureBuffer()` (SinkManyUnicast). The queue has no bound unless it is given one. A
 * second subscriber is told so and gets nothing. As a subscriber it asks its upstream for everything.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { positive, UNBOUNDED } from '../demand.ts';
import { OverflowError } from '../errors.ts';
import { QueueStage } from '../queue-stage.ts';
import { EMPTY_SUBSCRIPTION, UNSUBSCRIBED } from '../stage.ts';
import type { Processor, Subscriber, Subscription } from '../streams.ts';
import { nothing, type UserAction } from '../user.ts';
import type { Emission, EmitResult } from './emission.ts';

export class UnicastProcessor<T> implements Processor<T, T>, Emission<T> {
  private readonly stage: UnicastStage<T>;
  private readonly most: number;

  /** @param most elements kept @param last runs once, when the stream is over or its subscriber has left */
  constructor(most: number = UNBOUNDED, last: UserAction | null = null) {
    this.most = positive('most', most);
    this.stage = new UnicastStage<T>(last);
  }

  get subscribers(): number {
    return this.stage.hasDownstream ? 1 : 0;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    if (yield* this.stage.join(s, on)) return;
    yield* s.onSubscribe(EMPTY_SUBSCRIPTION, on);
    yield* s.onError(new Error('a unicast stream allows only a single Subscriber'), on);
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    return this.stage.onSubscribe(s, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if ((yield* this.tryEmitNext(value, on)) !== 'overflow') return;
    yield* this.stage.abort(new OverflowError('more came than can be kept'), on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    return this.stage.onError(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    return this.stage.onComplete(on);
  }

  *tryEmitNext(value: T, on: Worker): Sub<EmitResult> {
    const { stage } = this;
    if (stage.isDone) return 'terminated';
    if (stage.isCancelled) return 'cancelled';
    if (stage.waiting >= this.most) return stage.joined ? 'overflow' : 'zero-subscriber';
    yield* stage.onNext(value, on);
    return 'ok';
  }

  *tryEmitComplete(on: Worker): Sub<EmitResult> {
    if (this.stage.isDone) return 'terminated';
    if (this.stage.isCancelled) return 'cancelled';
    yield* this.stage.onComplete(on);
    return 'ok';
  }

  *tryEmitError(error: Error, on: Worker): Sub<EmitResult> {
    if (this.stage.isDone) return 'terminated';
    if (this.stage.isCancelled) return 'cancelled';
    yield* this.stage.onError(error, on);
    return 'ok';
  }
}

/** Downstream comes when it comes: until then it is somebody who asks for nothing. */
class Late<T> implements Subscriber<T> {
  actual: Subscriber<T> | null = null;

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    return this.actual === null ? nothing() : this.actual.onSubscribe(s, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    return this.actual!.onNext(value, on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    return this.actual!.onError(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    return this.actual!.onComplete(on);
  }
}

class UnicastStage<T> extends QueueStage<T> {
  joined = false;
  private readonly late: Late<T>;
  private last: UserAction | null;
  /** Downstream has its subscription. */
  private delivered = false;

  constructor(last: UserAction | null) {
    const late = new Late<T>();
    super(late);
    this.late = late;
    this.last = last;
  }

  get isDone(): boolean {
    return this.done;
  }

  get isCancelled(): boolean {
    return this.cancelled;
  }

  get hasDownstream(): boolean {
    return this.late.actual !== null;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** @returns false when somebody else has subscribed before */
  *join(actual: Subscriber<T>, on: Worker): Sub<boolean> {
    if (this.joined) return false;
    this.joined = true;
    this.late.actual = actual;
    yield* actual.onSubscribe(this, on);
    this.delivered = true;
    yield* this.drain(on);
    return true;
  }

  protected override subscribed(on: Worker): Sub<void> {
    if (this.cancelled || this.done) return this.upstream.cancel(on);
    return this.upstream.request(UNBOUNDED, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return nothing();
    this.queue.push(value);
    return this.drain(on);
  }

  override *onError(error: Error, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return;
    this.leave();
    yield* this.finally(on);
    yield* super.onError(error, on);
  }

  override *onComplete(on: Worker): Sub<void> {
    if (this.done || this.cancelled) return;
    this.leave();
    yield* this.finally(on);
    yield* super.onComplete(on);
  }

  override *cancel(on: Worker): Sub<void> {
    if (this.cancelled) return;
    yield* super.cancel(on);
    // §3.13
    this.late.actual = null;
    yield* this.finally(on);
  }

  protected override *abandon(error: Error, on: Worker): Sub<void> {
    yield* super.abandon(error, on);
    yield* this.finally(on);
  }

  /** An element too many: what waits is given, and then the error. */
  *abort(error: Error, on: Worker): Sub<void> {
    yield* this.finally(on);
    yield* this.failed(error, on);
  }

  protected override drain(on: Worker): Sub<void> {
    return this.delivered ? super.drain(on) : nothing();
  }

  /** §2.3, §2.4: an upstream that has ended is left alone. */
  private leave(): void {
    if (this.upstream !== UNSUBSCRIBED) this.upstream = EMPTY_SUBSCRIPTION;
  }

  private *finally(on: Worker): Sub<void> {
    const { last } = this;
    this.last = null;
    if (last !== null) {
      const part = last(on);
      if (part !== undefined) yield* part;
    }
  }
}
