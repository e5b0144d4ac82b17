/**
 * A stream for each element, `concurrency` of them at once, their elements as they come: flatMap (FluxFlatMap).
 *
 * It asks upstream for `concurrency` elements at once, and for as many more as streams have ended: so with M elements the
 * total is concurrency + M, in 1 + M requests when they end one at a time. Streams of one element that is there at once
 * (CallablePublisher) are made up for in batches of 75 % instead. Each other stream is asked for `prefetch` elements, and
 * for 75 % of it each time that so many were passed on. What downstream has not asked for waits in a queue per stream.
 *
 * Left out: flatMapDelayError.
 */
import { Ring } from '../../../base/ring.ts';
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { asCallable, type CallablePublisher } from '../callable.ts';
import { FlatMapForm, type FlatMapping } from '../closed-forms.ts';
import { limitOf, UNBOUNDED } from '../demand.ts';
import { asSignal, OverflowError } from '../errors.ts';
import type { StreamLaws } from '../laws.ts';
import { EMPTY_SUBSCRIPTION, UNSUBSCRIBED } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { finish, nothing } from '../user.ts';
import { MergingOperator, MergingStage } from './merging.ts';

export class FlatMapOperator<T, R> extends MergingOperator<T, R> {
  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new FlatMapStage(actual, this.how);
  }
}

class FlatMapStage<T, R> extends MergingStage<T, R, FlatMapForm> implements FlatMapping {
  /** The streams that have not ended, each in a slot of its own; null: free. */
  private readonly inners: (FlatMapInner<T, R> | null)[] = [];
  private readonly free: number[] = [];
  /** Elements of callable streams that downstream has not asked for yet. */
  private readonly scalars: Ring<R> = new Ring<R>();
  /** Callable streams passed on since upstream was last asked for a batch. */
  private batched = 0;
  /** The slot at which demand ran out: the next round begins there (lastIndex). */
  private turn = 0;
  /** Elements to be made up for, of streams that have ended; more is asked for when there are so many. */
  private owed = 0;
  private replenishAt = 1;
  /** Streams that have ended, with elements left to pass on. */
  kept = 0;

  /** `late-replenish` asks for the place of streams only when 75 % of them have ended (sim/run/mutants.ts). */
  protected held(laws: StreamLaws, on: Worker): FlatMapForm {
    const { concurrency } = this.how;
    if (laws.mutant === 'late-replenish') this.replenishAt = limitOf(concurrency);
    return new FlatMapForm(concurrency, this, this.upstream, laws, on);
  }

  get atWork(): boolean {
    return this.wip > 0;
  }

  get waitingScalars(): number {
    return this.scalars.length;
  }

  *onNext(value: T, on: Worker): Sub<void> {
    this.form?.element();
    if (this.done || this.cancelled) return;
    let publisher: Publisher<R>;
    let callable: CallablePublisher<R> | null;
    let scalar: R | undefined;
    try {
      publisher = yield* finish(this.how.mapper(value, on));
      callable = asCallable(publisher);
      if (callable !== null) scalar = yield* finish<R | undefined>(callable.call(on));
    } catch (thrown) {
      yield* this.fail(asSignal(thrown), on);
      return;
    }
    if (callable !== null) {
      yield* this.emitScalar(scalar, on);
    } else if (!this.done && !this.cancelled) {
      const inner = new FlatMapInner(
        this,
        this.how.prefetch,
        this.free.pop() ?? this.inners.length,
      );
      this.inners[inner.slot] = inner;
      yield* publisher.subscribe(inner, on);
    }
  }

  /** The element of a callable stream; undefined: it has none. */
  private *emitScalar(value: R | undefined, on: Worker): Sub<void> {
    if (value === undefined) {
      this.form?.scalar(true);
      yield* this.countScalar(on);
    } else if (this.wip === 0 && this.demand > 0 && this.scalars.length === 0) {
      this.wip = 1;
      if (this.demand !== UNBOUNDED) this.demand--;
      yield* this.actual.onNext(value, on);
      this.form?.scalar(true);
      yield* this.countScalar(on);
      if (--this.wip > 0) yield* this.work(on);
    } else {
      this.form?.scalar(false);
      this.scalars.push(value);
      yield* this.drain(on);
    }
  }

  private countScalar(on: Worker): Sub<void> {
    if (++this.batched < limitOf(this.how.concurrency)) return nothing();
    const n = this.batched;
    this.batched = 0;
    return this.upstream.request(n, on);
  }

  /** An element of a stream that is passed on at once, or waits. */
  *emit(inner: FlatMapInner<T, R>, value: R, on: Worker): Sub<void> {
    if (this.wip === 0 && this.demand > 0 && inner.waiting === 0) {
      this.wip = 1;
      if (this.demand !== UNBOUNDED) this.demand--;
      yield* this.actual.onNext(value, on);
      yield* inner.took(1, on);
      if (--this.wip > 0) yield* this.work(on);
    } else if (inner.put(value)) {
      yield* this.drain(on);
    } else {
      yield* this.fail(new OverflowError('flatMap: a stream gave more than was requested'), on);
    }
  }

  protected *work(on: Worker): Sub<void> {
    for (;;) {
      const seen = this.wip;
      if (yield* this.ended(on)) return;
      const gone = (yield* this.passScalars(on)) + (yield* this.passInners(on));
      this.owed += gone;
      if (this.stopped) continue;
      if (this.owed >= this.replenishAt) {
        const { owed } = this;
        this.owed = 0;
        if (!this.done) yield* this.upstream.request(owed, on);
        continue;
      }
      this.wip -= seen;
      if (this.wip === 0) return;
    }
  }

  /** Ends when it is time to. @returns whether it has */
  private *ended(on: Worker): Sub<boolean> {
    if (this.stopped) {
      yield* this.release(on);
      if (!this.cancelled && this.failure !== null) yield* this.actual.onError(this.failure, on);
      return true;
    }
    const empty = this.inners.length === this.free.length && this.scalars.length === 0;
    if (!this.done || !empty) return false;
    yield* this.actual.onComplete(on);
    return true;
  }

  private *release(on: Worker): Sub<void> {
    this.scalars.clear();
    yield* this.upstream.cancel(on);
    for (const inner of this.inners) if (inner !== null) yield* inner.cancel(on);
  }

  /** @returns how many elements upstream may be asked for in their place */
  private *passScalars(on: Worker): Sub<number> {
    let passed = 0;
    while (this.demand > 0 && this.scalars.length > 0 && !this.stopped) {
      if (this.demand !== UNBOUNDED) this.demand--;
      yield* this.actual.onNext(this.scalars.shift()!, on);
      passed++;
    }
    return passed;
  }

  /** A stream has ended; some of its elements may be left to pass on. */
  innerComplete(inner: FlatMapInner<T, R>, on: Worker): Sub<void> {
    this.form?.end(inner.waiting);
    inner.ended();
    if (inner.waiting > 0) this.kept++;
    return this.drain(on);
  }

  /** Each stream in turn, from where demand ran out the last time. @returns how many have ended */
  private *passInners(on: Worker): Sub<number> {
    const n = this.inners.length;
    const first = this.turn;
    let ended = 0;
    for (let i = 0; i < n && !this.stopped; i++) {
      const slot = (first + i) % n;
      const inner = this.inners[slot]!;
      if (inner === null) continue;
      if (this.demand > 0) this.turn = slot;
      // Most have nothing: not worth a generator.
      if (this.demand > 0 && inner.waiting > 0) yield* this.pass(inner, on);
      if (!inner.done || inner.waiting > 0) continue;
      this.inners[slot] = null;
      this.free.push(slot);
      ended++;
    }
    return ended;
  }

  private *pass(inner: FlatMapInner<T, R>, on: Worker): Sub<void> {
    let passed = 0;
    while (this.demand > 0 && inner.waiting > 0 && !this.stopped) {
      if (this.demand !== UNBOUNDED) this.demand--;
      const value = inner.take();
      if (inner.done && inner.waiting === 0) this.kept--;
      yield* this.actual.onNext(value, on);
      passed++;
    }
    yield* inner.took(passed, on);
  }
}

/** One of the streams that are passed on at once. */
class FlatMapInner<T, R> implements Subscriber<R> {
  readonly slot: number;
  done = false;
  private readonly stage: FlatMapStage<T, R>;
  private readonly prefetch: number;
  private readonly limit: number;
  private upstream: Subscription = UNSUBSCRIBED;
  private cancelled = false;
  private queue: Ring<R> | null = null;
  /** Elements passed on since it was last asked for more. */
  private taken = 0;

  constructor(stage: FlatMapStage<T, R>, prefetch: number, slot: number) {
    this.stage = stage;
    this.prefetch = prefetch;
    this.limit = limitOf(prefetch);
    this.slot = slot;
  }

  get destination(): string | undefined {
    return this.stage.destination;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.cancelled || this.upstream !== UNSUBSCRIBED) return s.cancel(on);
    this.upstream = s;
    return s.request(this.prefetch, on);
  }

  onNext(value: R, on: Worker): Sub<void> {
    return this.cancelled || this.done ? nothing() : this.stage.emit(this, value, on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    // First: what a stream leaves behind that has failed is not made up for.
    const failed = this.stage.fail(error, on);
    this.ended();
    return failed;
  }

  onComplete(on: Worker): Sub<void> {
    return this.done ? nothing() : this.stage.innerComplete(this, on);
  }

  /** §2.3, §2.4: an upstream that has ended is left alone. */
  ended(): void {
    this.done = true;
    this.upstream = EMPTY_SUBSCRIPTION;
  }

  /** Elements in its queue. */
  get waiting(): number {
    return this.queue === null ? 0 : this.queue.length;
  }

  take(): R {
    return this.queue!.shift()!;
  }

  /** @returns false when the queue is full: more came than was requested */
  put(value: R): boolean {
    this.queue ??= new Ring<R>();
    if (this.queue.length >= this.prefetch) return false;
    this.queue.push(value);
    return true;
  }

  /** `n` elements have been passed on: their number is asked for again, 75 % at a time. */
  took(n: number, on: Worker): Sub<void> {
    if (this.done || this.cancelled) return nothing();
    this.taken += n;
    if (this.taken < this.limit) return nothing();
    const some = this.taken;
    this.taken = 0;
    return this.upstream.request(some, on);
  }

  cancel(on: Worker): Sub<void> {
    this.cancelled = true;
    this.queue = null;
    return this.upstream.cancel(on);
  }
}
