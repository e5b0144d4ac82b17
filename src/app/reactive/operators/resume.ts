/**
 * Goes on with another stream: when this one has failed (onErrorResume, onErrorReturn; FluxOnErrorResume), or has ended
 * without an element (switchIfEmpty, defaultIfEmpty; FluxSwitchIfEmpty).
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { asSignal } from '../errors.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { SwitchStage } from '../switch-stage.ts';
import { finish, type UserFunction } from '../user.ts';

/** What to go on with. */
export interface Fallbacks<T> {
  readonly failed?: UserFunction<Error, Publisher<T>>;
  readonly empty?: Publisher<T>;
}

export class ResumeOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly fallbacks: Fallbacks<T>;

  constructor(source: Publisher<T>, fallbacks: Fallbacks<T>) {
    this.source = source;
    this.fallbacks = fallbacks;
  }

  *subscribe(actual: Subscriber<T>, on: Worker): Sub<void> {
    const stage = new ResumeStage(actual, this.fallbacks);
    yield* actual.onSubscribe(stage, on);
    yield* stage.switchTo(this.source, on);
  }
}

class ResumeStage<T> extends SwitchStage<T> {
  private readonly fallbacks: Fallbacks<T>;
  private some = false;
  /** The other stream is being passed on: how that ends is how this ends. */
  private resumed = false;

  constructor(actual: Subscriber<T>, fallbacks: Fallbacks<T>) {
    super(actual);
    this.fallbacks = fallbacks;
  }

  override onNext(value: T, on: Worker): Sub<void> {
    this.some = true;
    return super.onNext(value, on);
  }

  override *onError(error: Error, on: Worker): Sub<void> {
    const { failed } = this.fallbacks;
    if (this.resumed || failed === undefined) {
      yield* this.actual.onError(error, on);
      return;
    }
    this.resumed = true;
    let publisher: Publisher<T>;
    try {
      publisher = yield* finish(failed(error, on));
    } catch (thrown) {
      yield* this.actual.onError(asSignal(thrown), on);
      return;
    }
    yield* this.switchTo(publisher, on);
  }

  override onComplete(on: Worker): Sub<void> {
    const { empty } = this.fallbacks;
    if (this.resumed || this.some || empty === undefined) return this.actual.onComplete(on);
    this.resumed = true;
    return this.switchTo(empty, on);
  }
}
