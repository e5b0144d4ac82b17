/**
 * One stream for several subscribers at once, which all get the same elements from when they come: the heart of
 * EmitterProcessor and publish (SinkManyEmitterProcessor, FluxPublish.PublishSubscriber). It asks upstream for `prefetch`
 * elements, gives each element to everybody once everybody has asked for one, and asks for as many more as it has given:
 * the slowest sets the pace, and a subscriber that asks for nothing holds up the others.
 *
 * An error is given at once, before what waits in the queue; the end waits for the queue to be empty.
 */
import { Ring } from '../../../base/ring.ts';
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { addCap, badDemand, isDemand, UNBOUNDED } from '../demand.ts';
import { SerialSubscriber } from '../serial.ts';
import { EMPTY_SUBSCRIPTION, UNSUBSCRIBED } from '../stage.ts';
import type { Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';

export abstract class Broadcast<T> implements Subscriber<T> {
  protected readonly prefetch: number;
  protected readonly queue: Ring<T> = new Ring<T>();
  protected upstream: Subscription = UNSUBSCRIBED;
  /** Upstream has ended, or an end was emitted. */
  protected done = false;
  protected failure: Error | null = null;
  /** It has given everybody the end, and takes nobody any more. */
  protected terminated = false;
  /** Replaced, never changed: who is at work goes on with those that were there. */
  protected inners: readonly BroadcastInner<T>[] = [];
  /** Who has come with something to do while somebody was at work; it stays above 0 after the end. */
  private wip = 0;

  /** @param prefetch elements asked for ahead, and kept at most */
  constructor(prefetch: number) {
    this.prefetch = prefetch;
  }

  get subscribers(): number {
    return this.inners.length;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.upstream !== UNSUBSCRIBED || this.done) return s.cancel(on);
    this.upstream = s;
    return s.request(this.prefetch, on);
  }

  abstract onNext(value: T, on: Worker): Sub<void>;

  onError(error: Error, on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.failure = error;
    this.done = true;
    this.ended();
    return this.drain(on);
  }

  onComplete(on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.done = true;
    this.ended();
    return this.drain(on);
  }

  /** Whether elements wait while nobody is subscribed; otherwise they are dropped. */
  protected abstract get waits(): boolean;
  /** Somebody has left. */
  abstract remove(inner: BroadcastInner<T>, on: Worker): Sub<void>;

  /** @returns false when it has ended */
  add(inner: BroadcastInner<T>): boolean {
    if (this.terminated) return false;
    this.inners = [...this.inners, inner];
    return true;
  }

  /** How it has ended, to who comes too late. */
  endOf(inner: BroadcastInner<T>, on: Worker): Sub<void> {
    const { actual } = inner;
    return this.failure === null ? actual.onComplete(on) : actual.onError(this.failure, on);
  }

  /** §2.3, §2.4: an upstream that has ended is left alone. */
  protected ended(): void {
    if (this.upstream !== UNSUBSCRIBED) this.upstream = EMPTY_SUBSCRIPTION;
  }

  drain(on: Worker): Sub<void> {
    return this.wip++ === 0 ? this.work(on) : nothing();
  }

  private *work(on: Worker): Sub<void> {
    for (;;) {
      const seen = this.wip;
      if (this.over) return yield* this.end(on);
      const given = yield* this.round(on);
      if (given > 0) {
        yield* this.upstream.request(given, on);
        continue;
      }
      if (this.over) continue;
      this.wip -= seen;
      if (this.wip === 0) return;
    }
  }

  /** Whether there is nothing more to give but the end. */
  private get over(): boolean {
    return this.done && (this.failure !== null || this.queue.length === 0);
  }

  /** Gives what everybody has asked for. @returns elements taken out of the queue */
  private *round(on: Worker): Sub<number> {
    const all = this.inners;
    if (this.queue.length === 0) return 0;
    if (all.length === 0) {
      if (this.waits) return 0;
      this.queue.shift();
      return 1;
    }
    let demand = UNBOUNDED;
    for (const inner of all) demand = Math.min(demand, inner.demand);
    let given = 0;
    while (given < demand && this.queue.length > 0 && this.inners === all && !this.failed) {
      const value = this.queue.shift()!;
      given++;
      for (const inner of all) if (!inner.cancelled) yield* inner.give(value, on);
    }
    return given;
  }

  /** An error has come, maybe in the middle of a round. */
  private get failed(): boolean {
    return this.failure !== null;
  }

  /** Everybody hears how it has ended. */
  protected *end(on: Worker): Sub<void> {
    const all = this.inners;
    this.queue.clear();
    this.terminated = true;
    this.inners = [];
    for (const inner of all) if (!inner.cancelled) yield* this.endOf(inner, on);
  }
}

/** One of the subscribers. */
export class BroadcastInner<T> implements Subscription {
  readonly actual: SerialSubscriber<T>;
  demand = 0;
  cancelled = false;
  /** Who gives it its elements; null: nobody yet. */
  parent: Broadcast<T> | null;

  constructor(actual: Subscriber<T>, parent: Broadcast<T> | null) {
    this.actual = new SerialSubscriber(actual);
    this.parent = parent;
  }

  give(value: T, on: Worker): Sub<void> {
    if (this.demand !== UNBOUNDED) this.demand--;
    return this.actual.onNext(value, on);
  }

  *request(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) {
      if (this.cancelled) return;
      yield* this.cancel(on);
      yield* this.actual.onError(badDemand(n), on);
      return;
    }
    this.demand = addCap(this.demand, n);
    if (this.parent !== null) yield* this.parent.drain(on);
  }

  *cancel(on: Worker): Sub<void> {
    if (this.cancelled) return;
    this.cancelled = true;
    const { parent } = this;
    // §3.13: nobody holds on to it.
    this.parent = null;
    if (parent === null) return;
    yield* parent.remove(this, on);
    yield* parent.drain(on);
  }
}
