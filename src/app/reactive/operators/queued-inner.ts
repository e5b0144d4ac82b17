/**
 * One of several streams that a stage takes elements of ahead: `prefetch` of them at first, and 75 % of it each time that so many
 * were used. They wait here until the stage wants them.
 */
import { Ring } from '../../../base/ring.ts';
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { limitOf } from '../demand.ts';
import { OverflowError } from '../errors.ts';
import { EMPTY_SUBSCRIPTION, UNSUBSCRIBED } from '../stage.ts';
import type { Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';

/** The stage that they belong to. */
export interface InnerParent {
  /** The operator, for errors. */
  readonly name: string;
  readonly destination: string | undefined;
  fail(error: Error, on: Worker): Sub<void>;
  drain(on: Worker): Sub<void>;
}

export class QueuedInner<R> implements Subscriber<R> {
  readonly queue: Ring<R> = new Ring<R>();
  done = false;
  private readonly parent: InnerParent;
  private readonly prefetch: number;
  private readonly limit: number;
  private upstream: Subscription = UNSUBSCRIBED;
  private cancelled = false;
  /** Elements used since it was last asked for more. */
  private taken = 0;

  constructor(parent: InnerParent, prefetch: number) {
    this.parent = parent;
    this.prefetch = prefetch;
    this.limit = limitOf(prefetch);
  }

  get destination(): string | undefined {
    return this.parent.destination;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.cancelled || this.upstream !== UNSUBSCRIBED) return s.cancel(on);
    this.upstream = s;
    return s.request(this.prefetch, on);
  }

  onNext(value: R, on: Worker): Sub<void> {
    if (this.cancelled || this.done) return nothing();
    if (this.queue.length >= this.prefetch) {
      const text = `${this.parent.name}: a stream gave more than was requested`;
      return this.parent.fail(new OverflowError(text), on);
    }
    this.queue.push(value);
    return this.parent.drain(on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    this.ended();
    return this.parent.fail(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    this.ended();
    return this.parent.drain(on);
  }

  /** §2.3, §2.4: an upstream that has ended is left alone. */
  private ended(): void {
    this.done = true;
    this.upstream = EMPTY_SUBSCRIPTION;
  }

  /** One element has been used. */
  used(on: Worker): Sub<void> {
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
