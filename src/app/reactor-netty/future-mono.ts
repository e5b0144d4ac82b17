/**
 * A write that is under way, as a publisher of nothing but its end (reactor.netty.FutureMono over a ChannelFuture). The
 * write does not wait for a subscriber: whoever comes when it is over is told at once.
 */
import type { WritePromise } from '../netty/handler.ts';
import { EMPTY_SUBSCRIPTION } from '../reactive/stage.ts';
import type { Publisher, Subscriber, Subscription } from '../reactive/streams.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { AbortedException } from './aborted.ts';

/** Who is told what became of a message that was given to the channel. Costs no simulated time. */
export interface WriteObserver {
  /** The kernel has taken it. */
  onWritten(): void;
  /** The channel was closed before. */
  onLost(): void;
}

export class WriteFuture implements WritePromise, Publisher<never> {
  private outcome: 'pending' | 'written' | 'closed' = 'pending';
  private readonly waiting: FutureSubscription[] = [];
  private readonly observer: WriteObserver;

  constructor(observer: WriteObserver) {
    this.observer = observer;
  }

  /** On the channel's loop. */
  *complete(on: Worker, ok: boolean): Sub<void> {
    this.outcome = ok ? 'written' : 'closed';
    if (ok) this.observer.onWritten();
    else this.observer.onLost();
    for (const w of this.waiting) if (!w.cancelled) yield* this.tell(w.actual, on);
    this.waiting.length = 0;
  }

  *subscribe(actual: Subscriber<never>, on: Worker): Sub<void> {
    if (this.outcome === 'pending') {
      const subscription = new FutureSubscription(actual);
      // Before the listener, as in FutureMono: the end may come from another thread from then on.
      yield* actual.onSubscribe(subscription, on);
      if (this.outcome === 'pending') {
        this.waiting.push(subscription);
        return;
      }
      if (!subscription.cancelled) yield* this.tell(actual, on);
      return;
    }
    yield* actual.onSubscribe(EMPTY_SUBSCRIPTION, on);
    yield* this.tell(actual, on);
  }

  private tell(actual: Subscriber<never>, on: Worker): Sub<void> {
    return this.outcome === 'written'
      ? actual.onComplete(on)
      : actual.onError(AbortedException.duringSend(), on);
  }
}

class FutureSubscription implements Subscription {
  readonly actual: Subscriber<never>;
  cancelled = false;

  constructor(actual: Subscriber<never>) {
    this.actual = actual;
  }

  *request(): Sub<void> {}

  // oxlint-disable-next-line require-yield
  *cancel(): Sub<void> {
    this.cancelled = true;
  }
}
