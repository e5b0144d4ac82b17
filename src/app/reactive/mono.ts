/**
 * A stream of at most one element. Names, arguments and request patterns are reactor-core's; nothing happens until
 * somebody subscribes, and each subscriber has a run of its own. `Flux.from(mono)` has the operators that are only there.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { Assembly, type StreamTrace } from './assembly.ts';
import { UNBOUNDED } from './demand.ts';
import { ConcatMapOperator } from './operators/concat-map.ts';
import { FilterOperator } from './operators/filter.ts';
import { HandleOperator, type Handler } from './operators/handle.ts';
import { IgnoreThenOperator } from './operators/ignore.ts';
import { MapOperator } from './operators/map.ts';
import { MonoZipOperator } from './operators/mono-zip.ts';
import { PeekOperator, type Hooks } from './operators/peek.ts';
import { PublishOnOperator } from './operators/publish-on.ts';
import { ResumeOperator } from './operators/resume.ts';
import { RetryOperator } from './operators/resubscribe.ts';
import { RetryWhenOperator } from './operators/retry-when.ts';
import { SubscribeOnOperator } from './operators/subscribe-on.ts';
import { TimeoutOperator } from './operators/timeout.ts';
import type { RetryRule } from './retry.ts';
import type { Scheduler } from './scheduler.ts';
import { Defer } from './sources/defer.ts';
import { Delay } from './sources/delay.ts';
import { Empty, Failed, FromCallable, Just, Never } from './sources/scalar.ts';
import { Stream } from './stream.ts';
import type { Publisher } from './streams.ts';
import type { UserFunction } from './user.ts';

export class Mono<T> extends Stream<T> {
  /** A publisher that is known to give one element at most (Mono.fromDirect). */
  static from<T>(source: Publisher<T>): Mono<T> {
    return source instanceof Mono ? (source as Mono<T>) : new Mono(source);
  }

  static just<T>(value: T): Mono<T> {
    return new Mono(new Just(value));
  }

  static empty<T = never>(): Mono<T> {
    return new Mono(new Empty<T>());
  }

  static error<T = never>(error: Error): Mono<T> {
    return new Mono(new Failed<T>(error));
  }

  /** Neither an element nor an end. */
  static never<T = never>(): Mono<T> {
    return new Mono(new Never<T>());
  }

  /** What a function gives when it is requested; nothing when it gives undefined. It runs on the thread that requests. */
  static fromCallable<T>(make: (on: Worker) => T | undefined | Sub<T | undefined>): Mono<T> {
    return new Mono(new FromCallable(make));
  }

  /** A 0, `delayNs` after the subscription, on a thread of `scheduler`. */
  static delay(delayNs: number, scheduler: Scheduler): Mono<number> {
    return new Mono(new Delay(delayNs, scheduler));
  }

  /** What `make` gives, asked anew for each subscriber. */
  static defer<T>(make: () => Mono<T>): Mono<T> {
    return new Mono(new Defer(make));
  }

  /** What `combine` makes of the elements of all of them; nothing as soon as one has none. */
  static zip<T extends readonly unknown[], R>(
    sources: { readonly [I in keyof T]: Mono<T[I]> },
    combine: UserFunction<T, R>,
  ): Mono<R> {
    const all = combine as UserFunction<unknown, R> as UserFunction<unknown[], R>;
    return new Mono(new MonoZipOperator(sources, all));
  }

  /** Ends when all of them have, and gives nothing. */
  static when(...sources: readonly Publisher<unknown>[]): Mono<never> {
    return new Mono(new MonoZipOperator<never>(sources, null));
  }

  private mono<R>(name: string, operator: Publisher<R>): Mono<R> {
    return new Mono(this.put(name, operator), this.assembly);
  }

  /** Traces what is put on top of it. @see Flux.traced */
  traced(to: StreamTrace, lane: string, name: string = 'source'): Mono<T> {
    if (!to.tracing) return this;
    const assembly = new Assembly(to, lane);
    return new Mono(assembly.put(name, this.source), assembly);
  }

  map<R>(mapper: UserFunction<T, R>): Mono<R> {
    return this.mono('map', new MapOperator(this.source, mapper));
  }

  /** @param handler calls `sink.next`, `sink.complete` or `sink.error` at most once, or nothing */
  handle<R>(handler: Handler<T, R>): Mono<R> {
    return this.mono('handle', new HandleOperator(this.source, handler));
  }

  filter(test: UserFunction<T, boolean>): Mono<T> {
    return this.mono('filter', new FilterOperator(this.source, test));
  }

  /** The one that is made of the element. */
  flatMap<R>(mapper: UserFunction<T, Mono<R>>): Mono<R> {
    return this.mono('flatMap', new ConcatMapOperator(this.source, mapper, 'Mono.flatMap'));
  }

  /** What `combine` makes of this element and that of `other`. */
  zipWith<U, R>(other: Mono<U>, combine: UserFunction<readonly [T, U], R>): Mono<R> {
    return Mono.zip<readonly [T, U], R>([this, other], combine);
  }

  /** The same element `delayNs` later, on a thread of `scheduler` (MonoDelayElement); the end comes with it. */
  delayElement(delayNs: number, scheduler: Scheduler): Mono<T> {
    const later = (value: T): Mono<T> => Mono.delay(delayNs, scheduler).map(() => value);
    return this.mono('delayElement', new ConcatMapOperator(this.source, later, 'delayElement'));
  }

  /** The same element on a thread of `scheduler`. */
  publishOn(scheduler: Scheduler): Mono<T> {
    return this.mono('publishOn', new PublishOnOperator(this.source, scheduler, 1));
  }

  /** Subscribes and requests on a thread of `scheduler`. */
  subscribeOn(scheduler: Scheduler): Mono<T> {
    return this.mono('subscribeOn', new SubscribeOnOperator(this.source, scheduler));
  }

  /** Subscribes again when it has failed, at most so many times. */
  retry(times: number = UNBOUNDED): Mono<T> {
    return this.mono('retry', new RetryOperator(this.source, times));
  }

  /** Subscribes again when `rule` says so, for each failure: `Retry.backoff(…)`. */
  retryWhen(rule: RetryRule): Mono<T> {
    return this.mono('retryWhen', new RetryWhenOperator(this.source, rule));
  }

  /** Gives `value` when it has failed. */
  onErrorReturn(value: T): Mono<T> {
    const failed = (): Publisher<T> => new Just(value);
    return this.mono('onErrorReturn', new ResumeOperator(this.source, { failed }));
  }

  /** `value`, when it has ended without an element. */
  defaultIfEmpty(value: T): Mono<T> {
    return this.mono('defaultIfEmpty', new ResumeOperator(this.source, { empty: new Just(value) }));
  }

  /** Goes on with what `resume` gives when it has failed. */
  onErrorResume(resume: UserFunction<Error, Mono<T>>): Mono<T> {
    return this.mono('onErrorResume', new ResumeOperator(this.source, { failed: resume }));
  }

  /** Goes on with `other` when it has ended without an element. */
  switchIfEmpty(other: Mono<T>): Mono<T> {
    return this.mono('switchIfEmpty', new ResumeOperator(this.source, { empty: other }));
  }

  /** Fails with a TimeoutError when it takes longer than that. */
  timeout(timeoutNs: number, scheduler: Scheduler): Mono<T> {
    return this.mono('timeout', new TimeoutOperator(this.source, timeoutNs, scheduler));
  }

  /** Only the end. */
  ignoreElement(): Mono<never> {
    return this.mono('ignoreElement', new IgnoreThenOperator<T, never>(this.source, null));
  }

  /** `next`, when this has completed: Reactor's then. (A class with a method `then` would be taken for a promise.) */
  andThen<R>(next: Mono<R>): Mono<R> {
    return this.mono('andThen', new IgnoreThenOperator(this.source, next));
  }

  /** `value`, when this has completed. */
  thenReturn<R>(value: R): Mono<R> {
    return this.andThen(Mono.just(value));
  }

  /** Looks at what passes: doOnNext, doOnRequest, doOnCancel, doFinally … in one. */
  peek(hooks: Hooks<T>): Mono<T> {
    return this.mono('peek', new PeekOperator(this.source, hooks));
  }

  doOnSubscribe(subscribe: NonNullable<Hooks<T>['subscribe']>): Mono<T> {
    return this.peek({ subscribe });
  }

  doOnNext(next: NonNullable<Hooks<T>['next']>): Mono<T> {
    return this.peek({ next });
  }

  doOnError(error: NonNullable<Hooks<T>['error']>): Mono<T> {
    return this.peek({ error });
  }

  doOnComplete(complete: NonNullable<Hooks<T>['complete']>): Mono<T> {
    return this.peek({ complete });
  }

  doOnRequest(request: NonNullable<Hooks<T>['request']>): Mono<T> {
    return this.peek({ request });
  }

  doOnCancel(cancel: NonNullable<Hooks<T>['cancel']>): Mono<T> {
    return this.peek({ cancel });
  }

  /** Once, when it is over: completed, failed or cancelled. */
  doFinally(last: NonNullable<Hooks<T>['finally']>): Mono<T> {
    return this.peek({ finally: last });
  }
}
