/**
 * A stream for each element, one after the other, in order: concatMap without prefetch (FluxConcatMapNoPrefetch). It asks
 * upstream for one element when it is first asked for something, and for the next when the stream of the last has ended:
 * so M elements take M + 1 requests of 1, and at most one element is in its hands.
 *
 * Left out: concatMapDelayError.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { Arbiter } from '../arbiter.ts';
import { asCallable, type CallablePublisher } from '../callable.ts';
import { StepForm } from '../closed-forms.ts';
import { badDemand, isDemand } from '../demand.ts';
import { asSignal } from '../errors.ts';
import { SerialSubscriber } from '../serial.ts';
import { CallableSubscription, Just } from '../sources/scalar.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { finish, nothing, type UserFunction } from '../user.ts';

export class ConcatMapOperator<T, R> extends Operator<T, R> {
  private readonly mapper: UserFunction<T, Publisher<R>>;
  private readonly name: string;

  /** @param name what it is called in the chain: Mono's flatMap is one of these */
  constructor(source: Publisher<T>, mapper: UserFunction<T, Publisher<R>>, name: string) {
    super(source);
    this.mapper = mapper;
    this.name = name;
  }

  protected stage(actual: Subscriber<R>): Subscriber<T> {
    return new ConcatMapStage(actual, this.mapper, this.name);
  }
}

/**
 * `initial` until something is asked for; `requested`: upstream owes an element; `active`: a stream is being passed on;
 * `last`: the same, and upstream has ended; `over`: ended, failed or cancelled.
 */
type State = 'initial' | 'requested' | 'active' | 'last' | 'over';

class ConcatMapStage<T, R> extends Stage<T, R> implements ConcatParent<R> {
  private readonly mapper: UserFunction<T, Publisher<R>>;
  private readonly serial: SerialSubscriber<R>;
  private readonly arbiter: Arbiter = new Arbiter();
  private readonly inner: Subscriber<R>;
  private readonly name: string;
  private state: State = 'initial';
  /** What it is held to; null: nothing. */
  private form: StepForm | null = null;
  private ahead = 1;

  constructor(actual: Subscriber<R>, mapper: UserFunction<T, Publisher<R>>, name: string) {
    super(actual);
    this.mapper = mapper;
    this.name = name;
    this.serial = new SerialSubscriber(actual);
    this.inner = new ConcatInner(this, this.arbiter);
  }

  /** `greedy-concat-map` asks for one element too many at first (sim/run/mutants.ts). */
  protected override subscribed(on: Worker): Sub<void> {
    const { laws } = on;
    if (laws !== undefined) {
      if (laws.mutant === 'greedy-concat-map') this.ahead = 2;
      const how = { ahead: 1, step: 1 };
      this.upstream = this.form = new StepForm(this.name, how, this, this.upstream, laws, on);
    }
    return super.subscribed(on);
  }

  override *request(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) {
      yield* this.fail(badDemand(n), on);
      return;
    }
    if (this.state === 'initial') {
      this.state = 'requested';
      this.form?.begin();
      yield* this.upstream.request(this.ahead, on);
    }
    yield* this.arbiter.request(n, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    this.form?.element();
    if (this.state !== 'requested') return;
    this.state = 'active';
    let publisher: Publisher<R>;
    let callable: CallablePublisher<R> | null;
    let scalar: R | undefined;
    try {
      publisher = yield* finish(this.mapper(value, on));
      callable = asCallable(publisher);
      if (callable !== null) scalar = yield* finish<R | undefined>(callable.call(on));
    } catch (thrown) {
      yield* this.fail(asSignal(thrown), on);
      return;
    }
    if (this.over) return;
    if (callable === null) yield* publisher.subscribe(this.inner, on);
    else if (scalar === undefined) yield* this.innerComplete(on);
    else yield* this.giveScalar(scalar, on);
  }

  /** Ended, failed or cancelled: maybe by another thread, while the mapper ran. */
  private get over(): boolean {
    return this.state === 'over';
  }

  private *giveScalar(value: R, on: Worker): Sub<void> {
    if (this.arbiter.unbounded) {
      yield* this.serial.onNext(value, on);
      yield* this.innerComplete(on);
    } else {
      // It waits for demand as any other stream does.
      yield* this.arbiter.set(new CallableSubscription(this.inner, new Just(value)), on);
    }
  }

  innerNext(value: R, on: Worker): Sub<void> {
    return this.over ? nothing() : this.serial.onNext(value, on);
  }

  innerComplete(on: Worker): Sub<void> {
    if (this.state === 'active') {
      this.state = 'requested';
      this.form?.pass();
      return this.upstream.request(1, on);
    }
    if (this.state !== 'last') return nothing();
    this.state = 'over';
    return this.serial.onComplete(on);
  }

  override *onError(error: Error, on: Worker): Sub<void> {
    if (this.over) return;
    this.form?.close();
    this.state = 'over';
    yield* this.arbiter.cancel(on);
    yield* this.serial.onError(error, on);
  }

  override onComplete(on: Worker): Sub<void> {
    this.form?.close();
    if (this.state === 'active') this.state = 'last';
    if (this.state === 'last' || this.state === 'over') return nothing();
    this.state = 'over';
    return this.serial.onComplete(on);
  }

  override *cancel(on: Worker): Sub<void> {
    if (this.over) return;
    this.form?.close();
    this.state = 'over';
    yield* this.arbiter.cancel(on);
    yield* this.upstream.cancel(on);
  }

  /** A stream, the mapper or downstream's request has failed. */
  *fail(error: Error, on: Worker): Sub<void> {
    if (this.over) return;
    yield* this.cancel(on);
    yield* this.serial.onError(error, on);
  }
}

/** Who passes on one stream after the other. */
export interface ConcatParent<R> {
  readonly destination: string | undefined;
  innerNext(value: R, on: Worker): Sub<void>;
  innerComplete(on: Worker): Sub<void>;
  fail(error: Error, on: Worker): Sub<void>;
}

/** Subscribes to each stream in turn. */
export class ConcatInner<R> implements Subscriber<R> {
  private readonly parent: ConcatParent<R>;
  private readonly arbiter: Arbiter;

  constructor(parent: ConcatParent<R>, arbiter: Arbiter) {
    this.parent = parent;
    this.arbiter = arbiter;
  }

  get destination(): string | undefined {
    return this.parent.destination;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    return this.arbiter.set(s, on);
  }

  onNext(value: R, on: Worker): Sub<void> {
    this.arbiter.produced();
    return this.parent.innerNext(value, on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    this.arbiter.release();
    return this.parent.fail(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    this.arbiter.release();
    return this.parent.innerComplete(on);
  }
}
