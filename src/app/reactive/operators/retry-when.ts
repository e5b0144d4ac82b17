/**
 * Subscribes again when a companion says so: retryWhen (FluxRetryWhen). For each failure a function gives a stream; its
 * first element means "again", its end without one ends this stream, its failure fails it. What downstream has asked for
 * and not been given is asked of the next attempt.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { asSignal } from '../errors.ts';
import type { RetryRule, RetrySignal } from '../retry.ts';
import { UNSUBSCRIBED } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { SwitchStage } from '../switch-stage.ts';
import { finish, nothing } from '../user.ts';

export class RetryWhenOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly rule: RetryRule;

  constructor(source: Publisher<T>, rule: RetryRule) {
    this.source = source;
    this.rule = rule;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const stage = new RetryWhenStage(actual, this.source, this.rule);
    yield* actual.onSubscribe(stage, on);
    yield* stage.switchTo(this.source, on);
  }
}

class RetryWhenStage<T> extends SwitchStage<T> {
  private readonly source: Publisher<T>;
  private readonly rule: RetryRule;
  private totalRetries = 0;
  /** Since the last element. */
  private totalRetriesInARow = 0;
  /** What says when to go on; null: an attempt is under way. */
  private trigger: RetryTrigger | null = null;

  constructor(actual: Subscriber<T>, source: Publisher<T>, rule: RetryRule) {
    super(actual);
    this.source = source;
    this.rule = rule;
  }

  override onNext(value: T, on: Worker): Sub<void> {
    this.totalRetriesInARow = 0;
    return super.onNext(value, on);
  }

  override *onError(failure: Error, on: Worker): Sub<void> {
    const { totalRetries, totalRetriesInARow } = this;
    const signal: RetrySignal = { failure, totalRetries, totalRetriesInARow };
    this.totalRetries++;
    this.totalRetriesInARow++;
    let publisher: Publisher<unknown>;
    try {
      publisher = yield* finish(this.rule(signal, on));
    } catch (thrown) {
      yield* this.actual.onError(asSignal(thrown), on);
      return;
    }
    if (this.cancelled) return;
    this.trigger = new RetryTrigger(
      (by) => this.switchTo(this.source, by),
      (error, by) => (error === null ? this.actual.onComplete(by) : this.actual.onError(error, by)),
    );
    yield* publisher.subscribe(this.trigger, on);
  }

  override *cancel(on: Worker): Sub<void> {
    yield* super.cancel(on);
    if (this.trigger !== null) yield* this.trigger.cancel(on);
  }
}

/** Waits for one element of a companion. */
class RetryTrigger implements Subscriber<unknown> {
  private readonly go: (on: Worker) => Sub<void>;
  private readonly end: (error: Error | null, on: Worker) => Sub<void>;
  private upstream: Subscription = UNSUBSCRIBED;
  private over = false;

  constructor(go: (on: Worker) => Sub<void>, end: (error: Error | null, on: Worker) => Sub<void>) {
    this.go = go;
    this.end = end;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.over || this.upstream !== UNSUBSCRIBED) return s.cancel(on);
    this.upstream = s;
    return s.request(1, on);
  }

  *onNext(_value: unknown, on: Worker): Sub<void> {
    if (this.over) return;
    this.over = true;
    yield* this.upstream.cancel(on);
    yield* this.go(on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    return this.last(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    return this.last(null, on);
  }

  cancel(on: Worker): Sub<void> {
    this.over = true;
    return this.upstream.cancel(on);
  }

  private last(error: Error | null, on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.over = true;
    return this.end(error, on);
  }
}
