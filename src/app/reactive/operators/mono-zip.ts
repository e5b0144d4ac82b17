/**
 * Several streams of one element each, all at once: Mono.zip, whose element is made of all of theirs (MonoZip), and Mono.when,
 * which only ends when all have (MonoWhen). They are subscribed to with the first request, each asked for everything. One
 * that fails ends it, and the others are cancelled; for zip so does one that ends without an element.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { badDemand, isDemand, UNBOUNDED } from '../demand.ts';
import { asSignal } from '../errors.ts';
import { EMPTY_SUBSCRIPTION, UNSUBSCRIBED } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { finish, nothing, type UserFunction } from '../user.ts';

export class MonoZipOperator<R> implements Publisher<R> {
  private readonly sources: readonly Publisher<unknown>[];
  private readonly combine: UserFunction<unknown[], R> | null;

  /** @param combine null: only the end is of interest */
  constructor(sources: readonly Publisher<unknown>[], combine: UserFunction<unknown[], R> | null) {
    this.sources = sources;
    this.combine = combine;
  }

  *subscribe(actual: Subscriber<R>, on: Worker): Sub<void> {
    if (this.sources.length > 0) {
      yield* actual.onSubscribe(new MonoZipCoordinator(actual, this.sources, this.combine), on);
    } else {
      yield* actual.onSubscribe(EMPTY_SUBSCRIPTION, on);
      yield* actual.onComplete(on);
    }
  }
}

class MonoZipCoordinator<R> implements Subscription, Parent {
  /** Ended, failed or cancelled. */
  over = false;
  private readonly actual: Subscriber<R>;
  private readonly sources: readonly Publisher<unknown>[];
  private readonly combine: UserFunction<unknown[], R> | null;
  private readonly inners: readonly MonoZipInner[];
  private begun = false;
  private cancelled = false;
  private ended = 0;

  constructor(
    actual: Subscriber<R>,
    sources: readonly Publisher<unknown>[],
    combine: UserFunction<unknown[], R> | null,
  ) {
    this.actual = actual;
    this.sources = sources;
    this.combine = combine;
    this.inners = sources.map(() => new MonoZipInner(this));
  }

  *request(n: number, on: Worker): Sub<void> {
    if (this.over) return;
    if (!isDemand(n)) {
      yield* this.fail(badDemand(n), on);
      return;
    }
    if (this.begun) return;
    this.begun = true;
    for (let i = 0; i < this.sources.length && !this.over; i++)
      yield* this.sources[i]!.subscribe(this.inners[i]!, on);
  }

  *cancel(on: Worker): Sub<void> {
    this.cancelled = true;
    if (this.over) return;
    this.over = true;
    yield* this.release(on);
  }

  *fail(error: Error, on: Worker): Sub<void> {
    if (this.over) return;
    this.over = true;
    yield* this.release(on);
    yield* this.actual.onError(error, on);
  }

  /** One has ended. */
  *completed(inner: MonoZipInner, on: Worker): Sub<void> {
    if (this.over) return;
    const without = this.combine !== null && inner.value === undefined;
    if (!without && ++this.ended < this.inners.length) return;
    this.over = true;
    yield* this.release(on);
    if (this.combine === null || without) yield* this.actual.onComplete(on);
    else yield* this.give(this.combine, on);
  }

  private *give(combine: UserFunction<unknown[], R>, on: Worker): Sub<void> {
    let result: R;
    try {
      result = yield* finish(
        combine(
          this.inners.map((inner) => inner.value),
          on,
        ),
      );
    } catch (thrown) {
      yield* this.actual.onError(asSignal(thrown), on);
      return;
    }
    if (!this.cancelled) yield* this.actual.onNext(result, on);
    if (!this.cancelled) yield* this.actual.onComplete(on);
  }

  private *release(on: Worker): Sub<void> {
    for (const inner of this.inners) yield* inner.cancel(on);
  }
}

/** Who puts them together. */
interface Parent {
  fail(error: Error, on: Worker): Sub<void>;
  completed(inner: MonoZipInner, on: Worker): Sub<void>;
}

class MonoZipInner implements Subscriber<unknown> {
  value: unknown = undefined;
  private readonly parent: Parent;
  private upstream: Subscription = UNSUBSCRIBED;
  private over = false;

  constructor(parent: Parent) {
    this.parent = parent;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.over || this.upstream !== UNSUBSCRIBED) return s.cancel(on);
    this.upstream = s;
    return s.request(UNBOUNDED, on);
  }

  onNext(value: unknown): Sub<void> {
    this.value ??= value;
    return nothing();
  }

  onError(error: Error, on: Worker): Sub<void> {
    this.ended();
    return this.parent.fail(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    this.ended();
    return this.parent.completed(this, on);
  }

  cancel(on: Worker): Sub<void> {
    this.over = true;
    return this.upstream.cancel(on);
  }

  /** §2.3, §2.4: an upstream that has ended is left alone. */
  private ended(): void {
    this.over = true;
    this.upstream = EMPTY_SUBSCRIPTION;
  }
}
