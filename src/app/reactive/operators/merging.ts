/**
 * What the operators that have several streams at once share (flatMap, flatMapSequential): each element of upstream becomes a
 * stream, `concurrency` of them at most. Streams signal from any thread; whoever finds the stage idle does the work and sees
 * what the others leave behind (`wip`), so downstream is given one signal at a time.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import type { RequestForm } from '../closed-forms.ts';
import { addCap, badDemand, isDemand } from '../demand.ts';
import type { StreamLaws } from '../laws.ts';
import { EMPTY_SUBSCRIPTION, Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { nothing, type UserFunction } from '../user.ts';

export interface Merging<T, R> {
  readonly mapper: UserFunction<T, Publisher<R>>;
  /** Streams at once. */
  readonly concurrency: number;
  /** Elements of each that are asked for ahead. */
  readonly prefetch: number;
}

export abstract class MergingOperator<T, R> extends Operator<T, R> {
  protected readonly how: Merging<T, R>;

  constructor(
    source: Publisher<T>,
    mapper: UserFunction<T, Publisher<R>>,
    concurrency: number,
    prefetch: number,
  ) {
    super(source);
    this.how = { mapper, concurrency, prefetch };
  }
}

export abstract class MergingStage<T, R, F extends RequestForm> extends Stage<T, R> {
  /** What it is held to; null: nothing. */
  protected form: F | null = null;
  protected readonly how: Merging<T, R>;
  protected demand = 0;
  protected failure: Error | null = null;
  protected cancelled = false;
  /** Who has come with something to do while somebody was at work; it stays above 0 after the end. */
  protected wip = 0;

  constructor(actual: Subscriber<R>, how: Merging<T, R>) {
    super(actual);
    this.how = how;
  }

  protected override *subscribed(on: Worker): Sub<void> {
    if (on.laws !== undefined) this.upstream = this.form = this.held(on.laws, on);
    yield* this.actual.onSubscribe(this, on);
    this.form?.begin();
    yield* this.upstream.request(this.how.concurrency, on);
  }

  override request(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) return this.fail(badDemand(n), on);
    this.demand = addCap(this.demand, n);
    return this.drain(on);
  }

  override cancel(on: Worker): Sub<void> {
    if (this.cancelled) return nothing();
    this.form?.close();
    this.cancelled = true;
    return this.drain(on);
  }

  override onError(error: Error, on: Worker): Sub<void> {
    this.upstream = EMPTY_SUBSCRIPTION;
    return this.fail(error, on);
  }

  override onComplete(on: Worker): Sub<void> {
    this.form?.close();
    // §2.3, §2.4: an upstream that has ended is left alone.
    this.upstream = EMPTY_SUBSCRIPTION;
    if (this.done) return nothing();
    this.done = true;
    return this.drain(on);
  }

  /** Upstream, a stream, the mapper or downstream's request has failed: the first failure is the one that is told. */
  fail(error: Error, on: Worker): Sub<void> {
    this.form?.close();
    this.failure ??= error;
    this.done = true;
    return this.drain(on);
  }

  drain(on: Worker): Sub<void> {
    return this.wip++ === 0 ? this.work(on) : nothing();
  }

  /** Whether nothing more is to be passed on, whatever is there. */
  protected get stopped(): boolean {
    return this.cancelled || this.failure !== null;
  }

  /** The form of this subscription, in front of its upstream. */
  protected abstract held(laws: StreamLaws, on: Worker): F;

  /** Does what there is to do until nobody has come meanwhile. */
  protected abstract work(on: Worker): Sub<void>;
}
