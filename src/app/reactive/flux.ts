/**
 * A stream of any number of elements. Names, arguments, defaults and request patterns are reactor-core's.
 *
 * Three phases, kept apart as there. Assembly: `Flux.from(p).map(f)` makes immutable operators and does nothing else.
 * Subscription: `subscribe` walks up to the source, each operator making a stage of its own for this subscriber. Execution:
 * signals run, on the thread of whoever makes them.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { positive, SMALL_BUFFER, UNBOUNDED, XS_BUFFER, type DemandMeter } from './demand.ts';
import { Mono } from './mono.ts';
import { BackpressureOperator } from './operators/backpressure.ts';
import { BufferOperator } from './operators/buffer.ts';
import { ConcatMapOperator } from './operators/concat-map.ts';
import { ConcatMapPrefetchOperator } from './operators/concat-map-prefetch.ts';
import { ConcatOperator } from './operators/concat.ts';
import { FilterOperator } from './operators/filter.ts';
import { FlatMapOperator } from './operators/flat-map.ts';
import { HandleOperator, type Handler } from './operators/handle.ts';
import { IgnoreThenOperator } from './operators/ignore.ts';
import { MapOperator } from './operators/map.ts';
import { MeteredOperator } from './operators/metered.ts';
import { PeekOperator, type Hooks } from './operators/peek.ts';
import { PublishOnOperator } from './operators/publish-on.ts';
import { ResumeOperator } from './operators/resume.ts';
import { RetryOperator } from './operators/retry.ts';
import { SubscribeOnOperator } from './operators/subscribe-on.ts';
import { TakeOperator } from './operators/take.ts';
import { TimeoutOperator } from './operators/timeout.ts';
import { ZipOperator } from './operators/zip.ts';
import type { Scheduler } from './scheduler.ts';
import { Schedulers } from './schedulers.ts';
import {
  GenerateCursor,
  IterableCursor,
  RangeCursor,
  type SynchronousSink,
} from './sources/cursors.ts';
import { Defer } from './sources/defer.ts';
import { Pull } from './sources/pull.ts';
import { Empty, Failed, Just, Never } from './sources/scalar.ts';
import { Stream } from './stream.ts';
import type { Publisher } from './streams.ts';
import type { UserFunction } from './user.ts';

export class Flux<T> extends Stream<T> {
  static from<T>(source: Publisher<T>): Flux<T> {
    return source instanceof Flux ? (source as Flux<T>) : new Flux(source);
  }

  static just<T>(...values: readonly T[]): Flux<T> {
    return values.length === 1 ? new Flux(new Just(values[0]!)) : Flux.fromIterable(values);
  }

  /** `count` integers from `start` on. */
  static range(start: number, count: number): Flux<number> {
    return new Flux(new Pull(() => new RangeCursor(start, count)));
  }

  /** What an iterable gives; each subscriber opens it anew. */
  static fromIterable<T>(iterable: Iterable<T>): Flux<T> {
    return new Flux(new Pull(() => new IterableCursor(iterable)));
  }

  /**
   * What a function makes of its state, when it is requested: each call gives one element, the end, or both.
   *
   * @param initial makes one subscriber's first state
   * @param step gives the next state
   */
  static generate<T, S>(
    initial: () => S,
    step: (state: S, sink: SynchronousSink<T>) => S,
  ): Flux<T> {
    return new Flux(new Pull(() => new GenerateCursor(initial(), step)));
  }

  static empty<T = never>(): Flux<T> {
    return new Flux(new Empty<T>());
  }

  static error<T = never>(error: Error): Flux<T> {
    return new Flux(new Failed<T>(error));
  }

  /** Neither an element nor an end. */
  static never<T = never>(): Flux<T> {
    return new Flux(new Never<T>());
  }

  /** What `make` gives, asked anew for each subscriber. */
  static defer<T>(make: () => Publisher<T>): Flux<T> {
    return new Flux(new Defer(make));
  }

  /** The elements of all of them, as they come. @param prefetch elements asked of each ahead */
  static merge<T>(sources: readonly Publisher<T>[], prefetch: number = XS_BUFFER): Flux<T> {
    const atOnce = Math.max(1, sources.length);
    return Flux.fromIterable(sources).flatMap((source) => source, atOnce, prefetch);
  }

  /** The elements of one after those of the other. */
  static concat<T>(sources: readonly Publisher<T>[]): Flux<T> {
    return new Flux(new ConcatOperator(sources));
  }

  /** What `combine` makes of the n-th element of each. @param prefetch elements asked of each ahead */
  static zip<T extends readonly unknown[], R>(
    sources: { readonly [I in keyof T]: Publisher<T[I]> },
    combine: UserFunction<T, R>,
    prefetch: number = XS_BUFFER,
  ): Flux<R> {
    const all = combine as UserFunction<unknown, R> as UserFunction<unknown[], R>;
    return new Flux(new ZipOperator(sources, all, positive('prefetch', prefetch)));
  }

  map<R>(mapper: UserFunction<T, R>): Flux<R> {
    return new Flux(new MapOperator(this.source, mapper));
  }

  /** @param handler calls `sink.next`, `sink.complete` or `sink.error` at most once, or nothing */
  handle<R>(handler: Handler<T, R>): Flux<R> {
    return new Flux(new HandleOperator(this.source, handler));
  }

  filter(test: UserFunction<T, boolean>): Flux<T> {
    return new Flux(new FilterOperator(this.source, test));
  }

  /** The first `count` elements; no more are requested of upstream. */
  take(count: number): Flux<T> {
    return new Flux(new TakeOperator(this.source, count === 0 ? 0 : positive('count', count)));
  }

  /**
   * A stream for each element, `concurrency` of them at once, their elements as they come.
   *
   * @param prefetch elements asked of each stream ahead
   */
  flatMap<R>(
    mapper: UserFunction<T, Publisher<R>>,
    concurrency: number = SMALL_BUFFER,
    prefetch: number = XS_BUFFER,
  ): Flux<R> {
    return new Flux(
      new FlatMapOperator(
        this.source,
        mapper,
        positive('concurrency', concurrency),
        positive('prefetch', prefetch),
      ),
    );
  }

  /**
   * A stream for each element, one after the other, in order; upstream is asked for one element at a time.
   *
   * @param prefetch asks for so many ahead instead, and for 75 % of it at a time
   */
  concatMap<R>(mapper: UserFunction<T, Publisher<R>>, prefetch: number = 0): Flux<R> {
    return new Flux(
      prefetch === 0
        ? new ConcatMapOperator(this.source, mapper)
        : new ConcatMapPrefetchOperator(this.source, mapper, positive('prefetch', prefetch)),
    );
  }

  /** Each element `delayNs` after the one before (the first: after it came), on a thread of `scheduler`. */
  delayElements(delayNs: number, scheduler: Scheduler): Flux<T> {
    return this.concatMap((value) => Mono.delay(delayNs, scheduler).map(() => value));
  }

  /**
   * The same elements on a thread of `scheduler`.
   *
   * @param prefetch elements asked for ahead; 75 % of it is asked for again each time that so many have been given
   */
  publishOn(scheduler: Scheduler, prefetch: number = SMALL_BUFFER): Flux<T> {
    return new Flux(new PublishOnOperator(this.source, scheduler, positive('prefetch', prefetch)));
  }

  /** Subscribes and requests on a thread of `scheduler`. */
  subscribeOn(scheduler: Scheduler): Flux<T> {
    return new Flux(new SubscribeOnOperator(this.source, scheduler));
  }

  /** Asks upstream for `prefetch` elements, and for 75 % of it at a time, whatever downstream asks for. */
  limitRate(prefetch: number): Flux<T> {
    return this.publishOn(Schedulers.immediate(), prefetch);
  }

  /** Takes everything at once and keeps what is not asked for; beyond `most` elements the stream fails. */
  onBackpressureBuffer(most: number = UNBOUNDED): Flux<T> {
    return new Flux(
      new BackpressureOperator(this.source, { keep: 'all', most: positive('most', most) }),
    );
  }

  /** Takes everything at once and drops what is not asked for. */
  onBackpressureDrop(dropped?: (value: T, on: Worker) => void | Sub<void>): Flux<T> {
    return new Flux(new BackpressureOperator(this.source, { keep: 'none', dropped }));
  }

  /** Takes everything at once and keeps the latest of what is not asked for. */
  onBackpressureLatest(): Flux<T> {
    return new Flux(new BackpressureOperator(this.source, { keep: 'latest' }));
  }

  /** Lists of `size` elements, the last one of what is left. A request for n lists asks for n · size elements. */
  buffer(size: number): Flux<T[]> {
    return new Flux(new BufferOperator(this.source, positive('size', size)));
  }

  /** All elements in one list, when the stream has ended. */
  collectList(): Mono<T[]> {
    return new Mono(
      new Defer(() => {
        const list: T[] = [];
        return this.doOnNext((value) => void list.push(value)).andThen(Mono.just(list));
      }),
    );
  }

  /** Subscribes again when it has failed, at most so many times. */
  retry(times: number = UNBOUNDED): Flux<T> {
    return new Flux(new RetryOperator(this.source, times));
  }

  /** Goes on with what `resume` gives when it has failed. */
  onErrorResume(resume: UserFunction<Error, Publisher<T>>): Flux<T> {
    return new Flux(new ResumeOperator(this.source, { failed: resume }));
  }

  /** Goes on with `other` when it has ended without an element. */
  switchIfEmpty(other: Publisher<T>): Flux<T> {
    return new Flux(new ResumeOperator(this.source, { empty: other }));
  }

  /** Fails with a TimeoutError when the first element, or the next one, takes longer than that. */
  timeout(timeoutNs: number, scheduler: Scheduler): Flux<T> {
    return new Flux(new TimeoutOperator(this.source, timeoutNs, scheduler));
  }

  /** Only the end. */
  ignoreElements(): Mono<never> {
    return new Mono(new IgnoreThenOperator<T, never>(this.source, null));
  }

  /** `next`, when this has completed: Reactor's then. (A class with a method `then` would be taken for a promise.) */
  andThen<R>(next: Mono<R>): Mono<R> {
    return new Mono(new IgnoreThenOperator(this.source, next));
  }

  /** `next`, when this has completed. */
  thenMany<R>(next: Publisher<R>): Flux<R> {
    return new Flux(new IgnoreThenOperator(this.source, next));
  }

  /** Looks at what passes: doOnNext, doOnRequest, doOnCancel, doFinally … in one. */
  peek(hooks: Hooks<T>): Flux<T> {
    return new Flux(new PeekOperator(this.source, hooks));
  }

  doOnNext(next: NonNullable<Hooks<T>['next']>): Flux<T> {
    return this.peek({ next });
  }

  doOnError(error: NonNullable<Hooks<T>['error']>): Flux<T> {
    return this.peek({ error });
  }

  doOnComplete(complete: NonNullable<Hooks<T>['complete']>): Flux<T> {
    return this.peek({ complete });
  }

  doOnRequest(request: NonNullable<Hooks<T>['request']>): Flux<T> {
    return this.peek({ request });
  }

  doOnCancel(cancel: NonNullable<Hooks<T>['cancel']>): Flux<T> {
    return this.peek({ cancel });
  }

  /** Once, when it is over: completed, failed or cancelled. */
  doFinally(last: NonNullable<Hooks<T>['finally']>): Flux<T> {
    return this.peek({ finally: last });
  }

  /** Counts requests and elements here and looks at §1.1. @param meter makes the meter of one subscription */
  metered(meter: () => DemandMeter): Flux<T> {
    return new Flux(new MeteredOperator(this.source, meter));
  }
}
