/**
 * Streams whose elements are at hand: range, fromIterable, generate (FluxRange, FluxIterable, FluxGenerate). Whoever
 * requests is given them in that very call, on that thread (§3.10). A request made from within onNext, or by another thread
 * meanwhile, only adds to the demand of the loop that runs: the stack stays flat however many elements there are (§3.3),
 * and signals come one at a time (§1.3).
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { addCap, badDemand, isDemand, UNBOUNDED } from '../demand.ts';
import { asSignal } from '../errors.ts';
import { EMPTY_SUBSCRIPTION } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';
import type { Cursor } from './cursors.ts';

/** A stream of what a cursor finds; each subscriber has a cursor of its own. */
export class Pull<T> implements Publisher<T> {
  private readonly open: () => Cursor<T>;

  constructor(open: () => Cursor<T>) {
    this.open = open;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    let cursor: Cursor<T>;
    let some: boolean;
    try {
      cursor = this.open();
      some = !cursor.looksAhead || cursor.advance();
    } catch (thrown) {
      const error = asSignal(thrown);
      yield* s.onSubscribe(EMPTY_SUBSCRIPTION, on);
      yield* s.onError(error, on);
      return;
    }
    if (some) {
      yield* s.onSubscribe(new PullSubscription(s, cursor), on);
    } else {
      yield* s.onSubscribe(EMPTY_SUBSCRIPTION, on);
      yield* s.onComplete(on);
    }
  }
}

class PullSubscription<T> implements Subscription {
  private readonly actual: Subscriber<T>;
  private readonly cursor: Cursor<T>;
  private demand = 0;
  /** What the stream fails with: a request against §3.9, or what the cursor threw. */
  private failure: Error | null = null;
  /** A call of request is giving elements; it sees what others change. */
  private emitting = false;
  /** Ended or cancelled. */
  private over = false;

  constructor(actual: Subscriber<T>, cursor: Cursor<T>) {
    this.actual = actual;
    this.cursor = cursor;
  }

  request(n: number, on: Worker): Sub<void> {
    if (isDemand(n)) this.demand = addCap(this.demand, n);
    else this.failure ??= badDemand(n);
    if (this.over || this.emitting) return nothing();
    this.emitting = true;
    return this.emit(on);
  }

  cancel(): Sub<void> {
    this.close();
    return nothing();
  }

  private *emit(on: Worker): Sub<void> {
    const { actual, cursor } = this;
    for (;;) {
      if (this.failure !== null) {
        this.close();
        yield* actual.onError(this.failure, on);
        return;
      }
      if (this.demand === 0) break;
      if (!cursor.looksAhead && !this.advance()) continue;
      if (this.over) return yield* actual.onComplete(on);
      if (this.demand !== UNBOUNDED) this.demand--;
      yield* actual.onNext(cursor.value!, on);
      if (this.over) return;
      if (cursor.looksAhead && !this.advance()) continue;
      if (this.over) return yield* actual.onComplete(on);
    }
    this.emitting = false;
  }

  /** @returns false when the cursor failed; then `failure` says why. At its end it is `over`. */
  private advance(): boolean {
    try {
      if (!this.cursor.advance()) this.over = true;
      return true;
    } catch (thrown) {
      this.failure = asSignal(thrown);
      return false;
    }
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    this.cursor.close();
  }
}
