/**
 * A stream for each element, one after the other, in order, with elements taken ahead: concatMap with a prefetch
 * (FluxConcatMap). It asks upstream for `prefetch` elements, and for 75 % of it each time that so many have been taken
 * (32, then 24 by 24). It asks when an element is taken, not when its stream has ended: so with prefetch 1 one more element
 * is under way than without.
 *
 * Left out: concatMapDelayError.
 */
import { Ring } from '../../../base/ring.ts';
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Arbiter } from '../arbiter.ts';
import { asCallable, type CallablePublisher } from '../callable.ts';
import { StepForm } from '../closed-forms.ts';
import { badDemand, isDemand, limitOf } from '../demand.ts';
import { asSignal, OverflowError } from '../errors.ts';
import { SerialSubscriber } from '../serial.ts';
import { CallableSubscription, Just } from '../sources/scalar.ts';
import { EMPTY_SUBSCRIPTION, Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { finish, nothing, type UserFunction } from '../user.ts';
import { ConcatInner, type ConcatParent } from './concat-map.ts';

export class ConcatMapPrefetchOperator<T, R> extends Operator<T, R> {
  private readonly mapper: UserFunction<T, Publisher<R>>;
  private readonly prefetch: number;

  constructor(source: Publisher<T>, mapper: UserFunction<T, Publisher<R>>, prefetch: number) {
    super(source);
    this.mapper = mapper;
    this.prefetch = prefetch;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new ConcatMapPrefetchStage(actual, this.mapper, this.prefetch);
  }
}

class ConcatMapPrefetchStage<T, R> extends Stage<T, R> implements ConcatParent<R> {
  private readonly mapper: UserFunction<T, Publisher<R>>;
  private readonly prefetch: number;
  private limit: number;
  private readonly serial: SerialSubscriber<R>;
  private readonly arbiter: Arbiter = new Arbiter();
  private readonly inner: Subscriber<R>;
  private readonly queue: Ring<T> = new Ring<T>();
  /** Elements taken since upstream was last asked for more. */
  private taken = 0;
  /** A stream is being passed on. */
  private active = false;
  /** Failed or cancelled: nothing more is to be passed on. */
  private over = false;
  /** Somebody is at work, or the end has been given. */
  private working = false;
  /** What it is held to; null: nothing. */
  private form: StepForm | null = null;

  constructor(actual: Subscriber<R>, mapper: UserFunction<T, Publisher<R>>, prefetch: number) {
    super(actual);
    this.mapper = mapper;
    this.prefetch = prefetch;
    this.limit = limitOf(prefetch);
    this.serial = new SerialSubscriber(actual);
    this.inner = new ConcatInner(this, this.arbiter);
  }

  /** `late-prefetch` asks for more only when all that it had asked for is taken (sim/run/mutants.ts). */
  protected override *subscribed(on: Worker): Sub<void> {
    const { laws } = on;
    if (laws !== undefined) {
      const how = { ahead: this.prefetch, step: this.limit };
      if (laws.mutant === 'late-prefetch') this.limit = this.prefetch;
      const name = `concatMap(prefetch ${this.prefetch})`;
      this.upstream = this.form = new StepForm(name, how, this, this.upstream, laws, on);
    }
    yield* this.actual.onSubscribe(this, on);
    this.form?.begin();
    yield* this.upstream.request(this.prefetch, on);
  }

  override request(n: number, on: Worker): Sub<void> {
    return isDemand(n) ? this.arbiter.request(n, on) : this.fail(badDemand(n), on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    this.form?.element();
    if (this.done || this.over) return nothing();
    if (this.queue.length >= this.prefetch)
      return this.fail(new OverflowError('concatMap: more came than was requested'), on);
    this.queue.push(value);
    return this.drain(on);
  }

  override onError(error: Error, on: Worker): Sub<void> {
    this.form?.close();
    // §2.3, §2.4: an upstream that has ended is left alone.
    this.upstream = EMPTY_SUBSCRIPTION;
    return this.fail(error, on);
  }

  override onComplete(on: Worker): Sub<void> {
    this.form?.close();
    this.upstream = EMPTY_SUBSCRIPTION;
    if (this.done) return nothing();
    this.done = true;
    return this.drain(on);
  }

  innerNext(value: R, on: Worker): Sub<void> {
    return this.over ? nothing() : this.serial.onNext(value, on);
  }

  innerComplete(on: Worker): Sub<void> {
    this.active = false;
    return this.drain(on);
  }

  *fail(error: Error, on: Worker): Sub<void> {
    if (this.over) return;
    yield* this.cancel(on);
    yield* this.serial.onError(error, on);
  }

  override *cancel(on: Worker): Sub<void> {
    if (this.over) return;
    this.form?.close();
    this.over = true;
    this.queue.clear();
    yield* this.arbiter.cancel(on);
    yield* this.upstream.cancel(on);
  }

  private drain(on: Worker): Sub<void> {
    if (this.working) return nothing();
    this.working = true;
    return this.work(on);
  }

  private *work(on: Worker): Sub<void> {
    while (!this.active && !this.over && this.queue.length > 0) yield* this.begin(on);
    if (this.over) return;
    if (!this.active && this.done) {
      this.over = true;
      yield* this.serial.onComplete(on);
    } else {
      // Nobody has run since the last look at the queue: who comes from now on does the work.
      this.working = false;
    }
  }

  /** Takes an element and passes on its stream, or begins to. */
  private *begin(on: Worker): Sub<void> {
    const value = this.queue.shift()!;
    let publisher: Publisher<R>;
    try {
      publisher = yield* finish(this.mapper(value, on));
    } catch (thrown) {
      yield* this.fail(asSignal(thrown), on);
      return;
    }
    this.form?.pass();
    if (++this.taken === this.limit) {
      this.taken = 0;
      yield* this.upstream.request(this.limit, on);
    }
    if (this.over) return;
    const callable = asCallable(publisher);
    if (callable === null) {
      this.active = true;
      yield* publisher.subscribe(this.inner, on);
    } else {
      yield* this.giveScalar(callable, on);
    }
  }

  private *giveScalar(callable: CallablePublisher<R>, on: Worker): Sub<void> {
    let value: R | undefined;
    try {
      value = yield* finish<R | undefined>(callable.call(on));
    } catch (thrown) {
      yield* this.fail(asSignal(thrown), on);
      return;
    }
    if (value === undefined || this.over) return;
    if (this.arbiter.unbounded) {
      yield* this.innerNext(value, on);
    } else {
      // It waits for demand as any other stream does.
      this.active = true;
      yield* this.arbiter.set(new CallableSubscription(this.inner, new Just(value)), on);
    }
  }
}
