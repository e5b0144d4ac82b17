/**
 * Streams of `size` elements each, the last one of what is left: window (FluxWindow.WindowExactSubscriber). A window is
 * given with its first element and filled as they come, kept in a queue until somebody asks for them; a request for n
 * windows asks for n · size elements. Upstream is cancelled when downstream has cancelled and the window that is open then
 * is over too, or has been cancelled.
 *
 * Left out: windows that overlap or leave gaps, windows of time.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { isDemand, mulCap } from '../demand.ts';
import { UnicastProcessor } from '../processors/unicast.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { nothing } from '../user.ts';

export class WindowOperator<T, R> extends Operator<T, R> {
  private readonly size: number;
  private readonly wrap: (window: Publisher<T>) => R;

  /** @param wrap makes of a window what downstream is given: a Flux */
  constructor(source: Publisher<T>, size: number, wrap: (window: Publisher<T>) => R) {
    super(source);
    this.size = size;
    this.wrap = wrap;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new WindowStage(actual, this.size, this.wrap);
  }
}

class WindowStage<T, R> extends Stage<T, R> {
  private readonly size: number;
  private readonly wrap: (window: Publisher<T>) => R;
  private window: UnicastProcessor<T> | null = null;
  /** Elements in the window that is open. */
  private filled = 0;
  /** Who still wants elements of upstream: downstream, and the window that is open. */
  private wanted = 1;
  private cancelled = false;

  constructor(actual: Subscriber<R>, size: number, wrap: (window: Publisher<T>) => R) {
    super(actual);
    this.size = size;
    this.wrap = wrap;
  }

  override request(n: number, on: Worker): Sub<void> {
    // A request against §3.9 is for upstream to answer.
    return this.upstream.request(isDemand(n) ? mulCap(n, this.size) : n, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return;
    let { window } = this;
    if (window === null) {
      if (this.cancelled) return;
      this.wanted++;
      window = new UnicastProcessor<T>(undefined, (by) => this.leave(by));
      this.window = window;
      yield* this.actual.onNext(this.wrap(window), on);
    }
    yield* window.tryEmitNext(value, on);
    if (++this.filled < this.size) return;
    this.filled = 0;
    this.window = null;
    yield* window.onComplete(on);
  }

  override *onError(error: Error, on: Worker): Sub<void> {
    if (this.done) return;
    this.done = true;
    if (this.window !== null) yield* this.window.onError(error, on);
    yield* this.actual.onError(error, on);
  }

  override *onComplete(on: Worker): Sub<void> {
    if (this.done) return;
    this.done = true;
    if (this.window !== null) yield* this.window.onComplete(on);
    yield* this.actual.onComplete(on);
  }

  override cancel(on: Worker): Sub<void> {
    if (this.cancelled) return nothing();
    this.cancelled = true;
    return this.leave(on);
  }

  private leave(on: Worker): Sub<void> {
    // §2.3, §2.4: an upstream that has ended is left alone.
    return --this.wanted === 0 && !this.done ? this.upstream.cancel(on) : nothing();
  }
}
