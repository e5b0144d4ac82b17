/**
 * A stream for each element, `concurrency` of them at once, their elements in the order of the elements that they are for:
 * flatMapSequential (FluxMergeSequential). All streams run ahead; what those behind the first give waits, `prefetch`
 * elements of each at most.
 *
 * It asks upstream for `concurrency` elements at once, and for one more whenever the stream whose turn it was has been given
 * to its end: one at a time, however they end. Each stream is asked for `prefetch` elements, and for 75 % of it each time
 * that so many were passed on. An error is given at once (ErrorMode.IMMEDIATE).
 */
import { Ring } from '../../../base/ring.ts';
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { addCap, badDemand, isDemand, limitOf, UNBOUNDED } from '../demand.ts';
import { asSignal, OverflowError } from '../errors.ts';
import { EMPTY_SUBSCRIPTION, Operator, Stage, UNSUBSCRIBED } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { finish, nothing, type UserFunction } from '../user.ts';

export class FlatMapSequentialOperator<T, R> extends Operator<T, R> {
  private readonly mapper: UserFunction<T, Publisher<R>>;
  private readonly concurrency: number;
  private readonly prefetch: number;

  constructor(
    source: Publisher<T>,
    mapper: UserFunction<T, Publisher<R>>,
    concurrency: number,
    prefetch: number,
  ) {
    super(source);
    this.mapper = mapper;
    this.concurrency = concurrency;
    this.prefetch = prefetch;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new SequentialStage(actual, this.mapper, this.concurrency, this.prefetch);
  }
}

class SequentialStage<T, R> extends Stage<T, R> implements Parent {
  private readonly mapper: UserFunction<T, Publisher<R>>;
  private readonly concurrency: number;
  private readonly prefetch: number;
  /** The streams that have not been given to their end, in order. */
  private readonly inners: Ring<SequentialInner<R>> = new Ring<SequentialInner<R>>();
  private demand = 0;
  private failure: Error | null = null;
  private cancelled = false;
  /** Who has come with something to do while somebody was at work; it stays above 0 after the end. */
  private wip = 0;

  constructor(
    actual: Subscriber<R>,
    mapper: UserFunction<T, Publisher<R>>,
    concurrency: number,
    prefetch: number,
  ) {
    super(actual);
    this.mapper = mapper;
    this.concurrency = concurrency;
    this.prefetch = prefetch;
  }

  protected override *subscribed(on: Worker): Sub<void> {
    yield* this.actual.onSubscribe(this, on);
    yield* this.upstream.request(this.concurrency, on);
  }

  override request(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) return this.fail(badDemand(n), on);
    this.demand = addCap(this.demand, n);
    return this.drain(on);
  }

  override cancel(on: Worker): Sub<void> {
    if (this.cancelled) return nothing();
    this.cancelled = true;
    return this.drain(on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return;
    let publisher: Publisher<R>;
    try {
      publisher = yield* finish(this.mapper(value, on));
    } catch (thrown) {
      yield* this.fail(asSignal(thrown), on);
      return;
    }
    if (this.done || this.cancelled) return;
    const inner = new SequentialInner<R>(this, this.prefetch);
    this.inners.push(inner);
    yield* publisher.subscribe(inner, on);
  }

  override onError(error: Error, on: Worker): Sub<void> {
    this.upstream = EMPTY_SUBSCRIPTION;
    return this.fail(error, on);
  }

  override onComplete(on: Worker): Sub<void> {
    // §2.3, §2.4: an upstream that has ended is left alone.
    this.upstream = EMPTY_SUBSCRIPTION;
    if (this.done) return nothing();
    this.done = true;
    return this.drain(on);
  }

  /** Upstream, a stream, the mapper or downstream's request has failed: the first failure is the one that is told. */
  fail(error: Error, on: Worker): Sub<void> {
    this.failure ??= error;
    this.done = true;
    return this.drain(on);
  }

  drain(on: Worker): Sub<void> {
    return this.wip++ === 0 ? this.work(on) : nothing();
  }

  /** Whether nothing more is to be passed on, whatever is there. */
  private get stopped(): boolean {
    return this.cancelled || this.failure !== null;
  }

  private *work(on: Worker): Sub<void> {
    for (;;) {
      const seen = this.wip;
      yield* this.pass(on);
      if (this.stopped) return yield* this.release(on);
      if (this.done && this.inners.length === 0) return yield* this.actual.onComplete(on);
      this.wip -= seen;
      if (this.wip === 0) return;
    }
  }

  /** Gives what the first streams have, as far as it has been asked for. */
  private *pass(on: Worker): Sub<void> {
    for (;;) {
      const inner = this.inners.peek();
      if (inner === undefined || this.stopped) return;
      if (inner.queue.length > 0) {
        if (this.demand === 0) return;
        if (this.demand !== UNBOUNDED) this.demand--;
        yield* this.actual.onNext(inner.queue.shift()!, on);
        yield* inner.took(on);
      } else if (inner.done) {
        this.inners.shift();
        if (!this.done) yield* this.upstream.request(1, on);
      } else return;
    }
  }

  private *release(on: Worker): Sub<void> {
    yield* this.upstream.cancel(on);
    for (let inner = this.inners.shift(); inner !== undefined; inner = this.inners.shift())
      yield* inner.cancel(on);
    if (!this.cancelled && this.failure !== null) yield* this.actual.onError(this.failure, on);
  }
}

/** Who passes them on. */
interface Parent {
  fail(error: Error, on: Worker): Sub<void>;
  drain(on: Worker): Sub<void>;
}

/** One of the streams. */
class SequentialInner<R> implements Subscriber<R> {
  readonly queue: Ring<R> = new Ring<R>();
  done = false;
  private readonly stage: Parent;
  private readonly prefetch: number;
  private readonly limit: number;
  private upstream: Subscription = UNSUBSCRIBED;
  private cancelled = false;
  /** Elements passed on since it was last asked for more. */
  private taken = 0;

  constructor(stage: Parent, prefetch: number) {
    this.stage = stage;
    this.prefetch = prefetch;
    this.limit = limitOf(prefetch);
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.cancelled || this.upstream !== UNSUBSCRIBED) return s.cancel(on);
    this.upstream = s;
    return s.request(this.prefetch, on);
  }

  onNext(value: R, on: Worker): Sub<void> {
    if (this.cancelled || this.done) return nothing();
    if (this.queue.length >= this.prefetch)
      return this.stage.fail(
        new OverflowError('flatMapSequential: a stream gave more than was requested'),
        on,
      );
    this.queue.push(value);
    return this.stage.drain(on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    this.ended();
    return this.stage.fail(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    this.ended();
    return this.stage.drain(on);
  }

  /** §2.3, §2.4: an upstream that has ended is left alone. */
  private ended(): void {
    this.done = true;
    this.upstream = EMPTY_SUBSCRIPTION;
  }

  /** One element has been passed on. */
  took(on: Worker): Sub<void> {
    if (++this.taken < this.limit) return nothing();
    this.taken = 0;
    return this.upstream.request(this.limit, on);
  }

  cancel(on: Worker): Sub<void> {
    this.cancelled = true;
    this.queue.clear();
    return this.upstream.cancel(on);
  }
}
