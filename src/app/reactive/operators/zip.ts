/**
 * One element of each of several streams makes one: zip (FluxZip). Each is asked for `prefetch` elements ahead, and for
 * 75 % of it each time that so many were used. Ends as soon as one of them has ended and all of its elements are used; the
 * others are cancelled then.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { addCap, badDemand, isDemand, UNBOUNDED } from '../demand.ts';
import { asSignal } from '../errors.ts';
import { EMPTY_SUBSCRIPTION } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { finish, nothing, type UserFunction } from '../user.ts';
import { type InnerParent, QueuedInner } from './queued-inner.ts';

export class ZipOperator<R> implements Publisher<R> {
  private readonly sources: readonly Publisher<unknown>[];
  private readonly combine: UserFunction<unknown[], R>;
  private readonly prefetch: number;

  constructor(
    sources: readonly Publisher<unknown>[],
    combine: UserFunction<unknown[], R>,
    prefetch: number,
  ) {
    this.sources = sources;
    this.combine = combine;
    this.prefetch = prefetch;
  }

  *subscribe(actual: Subscriber<R>, on: Worker): Sub<void> {
    if (this.sources.length === 0) {
      yield* actual.onSubscribe(EMPTY_SUBSCRIPTION, on);
      yield* actual.onComplete(on);
      return;
    }
    const zip = new ZipSubscription(actual, this.combine, this.sources.length, this.prefetch);
    yield* actual.onSubscribe(zip, on);
    for (let i = 0; i < this.sources.length && !zip.over; i++)
      yield* this.sources[i]!.subscribe(zip.inners[i]!, on);
  }
}

class ZipSubscription<R> implements Subscription, InnerParent {
  readonly name = 'zip';
  readonly inners: readonly QueuedInner<unknown>[];
  /** Ended, failed or cancelled. */
  over = false;
  private readonly actual: Subscriber<R>;
  private readonly combine: UserFunction<unknown[], R>;
  private demand = 0;
  private failure: Error | null = null;
  private cancelled = false;
  /** Somebody is at work, or the end has been given. */
  private working = false;

  constructor(
    actual: Subscriber<R>,
    combine: UserFunction<unknown[], R>,
    sources: number,
    prefetch: number,
  ) {
    this.actual = actual;
    this.combine = combine;
    this.inners = Array.from({ length: sources }, () => new QueuedInner(this, prefetch));
  }

  get destination(): string | undefined {
    return this.actual.destination;
  }

  request(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) return this.fail(badDemand(n), on);
    this.demand = addCap(this.demand, n);
    return this.drain(on);
  }

  cancel(on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.over = true;
    this.cancelled = true;
    return this.drain(on);
  }

  fail(error: Error, on: Worker): Sub<void> {
    this.failure ??= error;
    return this.drain(on);
  }

  drain(on: Worker): Sub<void> {
    if (this.working) return nothing();
    this.working = true;
    return this.work(on);
  }

  private *work(on: Worker): Sub<void> {
    while (!this.stopped && this.demand > 0 && this.complete) yield* this.give(on);
    if (this.stopped || this.exhausted) yield* this.end(on);
    // Nobody has run since the last look at the queues: who comes from now on does the work.
    else this.working = false;
  }

  private get stopped(): boolean {
    return this.cancelled || this.failure !== null;
  }

  /** Whether there is an element of each. */
  private get complete(): boolean {
    return this.inners.every((inner) => inner.queue.length > 0);
  }

  /** Whether one has nothing more to give. */
  private get exhausted(): boolean {
    return this.inners.some((inner) => inner.done && inner.queue.length === 0);
  }

  private *give(on: Worker): Sub<void> {
    const values = this.inners.map((inner) => inner.queue.shift());
    let result: R;
    try {
      result = yield* finish(this.combine(values, on));
    } catch (thrown) {
      this.failure ??= asSignal(thrown);
      return;
    }
    if (this.cancelled) return;
    if (this.demand !== UNBOUNDED) this.demand--;
    yield* this.actual.onNext(result, on);
    for (const inner of this.inners) yield* inner.used(on);
  }

  private *end(on: Worker): Sub<void> {
    this.over = true;
    for (const inner of this.inners) yield* inner.cancel(on);
    if (this.cancelled) return;
    if (this.failure === null) yield* this.actual.onComplete(on);
    else yield* this.actual.onError(this.failure, on);
  }
}
