/**
 * A processor that remembers: who subscribes is first given the latest `limit` elements, then what comes, each at its own
 * pace: ReplayProcessor, which Reactor keeps as `Sinks.many().replay()` (SinkManyReplayProcessor, FluxReplay.
 * SizeBoundReplayBuffer). As a subscriber it asks its upstream for everything; who is slow keeps elements alive that others
 * have had. The end comes after the elements, an error too.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { addCap, badDemand, isDemand, positive, UNBOUNDED } from '../demand.ts';
import { SerialSubscriber } from '../serial.ts';
import { EMPTY_SUBSCRIPTION, UNSUBSCRIBED } from '../stage.ts';
import type { Processor, Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';
import type { Emission, EmitResult } from './emission.ts';

/** An element and what came after it; the chain begins with the oldest that somebody may still want. */
interface Node<T> {
  readonly value: T | undefined;
  next: Node<T> | null;
}

export class ReplayProcessor<T> implements Processor<T, T>, Emission<T> {
  done = false;
  failure: Error | null = null;
  private readonly limit: number;
  /** The node before the first that a new subscriber is given. */
  private head: Node<T> = { value: undefined, next: null };
  private tail: Node<T> = this.head;
  private size = 0;
  private upstream: Subscription = UNSUBSCRIBED;
  private inners: readonly ReplayInner<T>[] = [];

  /** @param limit elements remembered for who comes later */
  constructor(limit: number = UNBOUNDED) {
    this.limit = positive('limit', limit);
  }

  get subscribers(): number {
    return this.inners.length;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    const inner = new ReplayInner(s, this, this.head);
    // Before it can ask: what comes while it is being told of its subscription is for it, too.
    if (!this.done) this.inners = [...this.inners, inner];
    yield* s.onSubscribe(inner, on);
    inner.begun = true;
    yield* inner.drain(on);
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.done || this.upstream !== UNSUBSCRIBED) return s.cancel(on);
    this.upstream = s;
    return s.request(UNBOUNDED, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    yield* this.tryEmitNext(value, on);
  }

  *onError(error: Error, on: Worker): Sub<void> {
    yield* this.tryEmitError(error, on);
  }

  *onComplete(on: Worker): Sub<void> {
    yield* this.tryEmitComplete(on);
  }

  *tryEmitNext(value: T, on: Worker): Sub<EmitResult> {
    if (this.done) return 'terminated';
    const node: Node<T> = { value, next: null };
    this.tail.next = node;
    this.tail = node;
    if (++this.size > this.limit) {
      this.size--;
      this.head = this.head.next!;
    }
    for (const inner of this.inners) yield* inner.drain(on);
    return 'ok';
  }

  *tryEmitComplete(on: Worker): Sub<EmitResult> {
    return yield* this.end(null, on);
  }

  *tryEmitError(error: Error, on: Worker): Sub<EmitResult> {
    return yield* this.end(error, on);
  }

  remove(inner: ReplayInner<T>): void {
    this.inners = this.inners.filter((other) => other !== inner);
  }

  private *end(error: Error | null, on: Worker): Sub<EmitResult> {
    if (this.done) return 'terminated';
    this.done = true;
    this.failure = error;
    // §2.3, §2.4: an upstream that has ended is left alone.
    this.upstream = EMPTY_SUBSCRIPTION;
    const all = this.inners;
    this.inners = [];
    for (const inner of all) yield* inner.drain(on);
    return 'ok';
  }
}

class ReplayInner<T> implements Subscription {
  /** It has its subscription. */
  begun = false;
  private readonly actual: SerialSubscriber<T>;
  private parent: ReplayProcessor<T> | null;
  /** The node before the next that it is given. */
  private node: Node<T> | null;
  private demand = 0;
  private working = false;

  constructor(actual: Subscriber<T>, parent: ReplayProcessor<T>, node: Node<T>) {
    this.actual = new SerialSubscriber(actual);
    this.parent = parent;
    this.node = node;
  }

  *request(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) {
      if (this.parent === null) return;
      this.leave();
      yield* this.actual.onError(badDemand(n), on);
      return;
    }
    this.demand = addCap(this.demand, n);
    yield* this.drain(on);
  }

  cancel(): Sub<void> {
    this.leave();
    return nothing();
  }

  drain(on: Worker): Sub<void> {
    if (this.working || this.parent === null) return nothing();
    this.working = true;
    return this.work(on);
  }

  private *work(on: Worker): Sub<void> {
    for (;;) {
      const { parent } = this;
      const next = this.node?.next ?? null;
      if (parent === null || (next === null && !parent.done)) break;
      if (next === null) {
        if (!this.begun) break;
        this.leave();
        if (parent.failure === null) yield* this.actual.onComplete(on);
        else yield* this.actual.onError(parent.failure, on);
        break;
      }
      if (this.demand === 0) break;
      if (this.demand !== UNBOUNDED) this.demand--;
      this.node = next;
      yield* this.actual.onNext(next.value!, on);
    }
    this.working = false;
  }

  /** §3.13: neither holds on to the other. */
  private leave(): void {
    this.parent?.remove(this);
    this.parent = null;
    this.node = null;
  }
}
