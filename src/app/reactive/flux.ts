/**
 * A stream of any number of elements. Names, arguments, defaults and request patterns are reactor-core's.
 *
 * Three phases, kept apart as there. Assembly: `Flux.from(p).map(f)` makes immutable operators and does nothing else.
 * Subscription: `subscribe` walks up to the source, each operator making a stage of its own for this subscriber. Execution:
 * signals run, on the thread of whoever makes them.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { Assembly, type StreamTrace } from './assembly.ts';
import { ConnectableFlux } from './connectable-flux.ts';
import { positive, SMALL_BUFFER, UNBOUNDED, XS_BUFFER, type DemandMeter } from './demand.ts';
import { Mono } from './mono.ts';
import { BackpressureOperator } from './operators/backpressure.ts';
import { BufferOperator } from './operators/buffer.ts';
import { ConcatMapOperator } from './operators/concat-map.ts';
import { ConcatMapPrefetchOperator } from './operators/concat-map-prefetch.ts';
import { ConcatOperator } from './operators/concat.ts';
import { FilterOperator } from './operators/filter.ts';
import { FlatMapOperator } from './operators/flat-map.ts';
import { FlatMapSequentialOperator } from './operators/flat-map-sequential.ts';
import { HandleOperator, type Handler } from './operators/handle.ts';
import { IgnoreThenOperator } from './operators/ignore.ts';
import { MapOperator } from './operators/map.ts';
import { MeteredOperator } from './operators/metered.ts';
import { PeekOperator, type Hooks } from './operators/peek.ts';
import { PublishOperator } from './operators/publish.ts';
import { PublishOnOperator } from './operators/publish-on.ts';
import { ReduceOperator } from './operators/reduce.ts';
import { ResumeOperator } from './operators/resume.ts';
import { RepeatOperator, RetryOperator } from './operators/resubscribe.ts';
import { RetryWhenOperator } from './operators/retry-when.ts';
import { ScanOperator, ScanSeedOperator, type Accumulator } from './operators/scan.ts';
import { SkipOperator } from './operators/skip.ts';
import { SubscribeOnOperator } from './operators/subscribe-on.ts';
import { TakeOperator } from './operators/take.ts';
import { TakeWhileOperator } from './operators/take-while.ts';
import { TimeoutOperator } from './operators/timeout.ts';
import { WindowOperator } from './operators/window.ts';
import { ZipOperator } from './operators/zip.ts';
import type { RetryRule } from './retry.ts';
import type { Scheduler } from './scheduler.ts';
import { Schedulers } from './schedulers.ts';
import { Create, type Emitter, type OverflowStrategy } from './sources/create.ts';
import {
  GenerateCursor,
  IterableCursor,
  RangeCursor,
  type SynchronousSink,
} from './sources/cursors.ts';
import { Defer } from './sources/defer.ts';
import { Interval } from './sources/interval.ts';
import { Pull } from './sources/pull.ts';
import { Empty, Failed, Just, Never } from './sources/scalar.ts';
import { assemblyOf, Stream } from './stream.ts';
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

  /** 0, 1, 2 … every `periodNs`, the first after `initialNs`; a tick that nobody has asked for fails the stream. */
  static interval(
    periodNs: number,
    scheduler: Scheduler,
    initialNs: number = periodNs,
  ): Flux<number> {
    return new Flux(new Interval(initialNs, positive('period', periodNs), scheduler));
  }

  /**
   * What a function puts into a sink, then or later, on any thread; each subscriber has a sink of its own.
   *
   * @param overflow what becomes of elements that nobody has asked for
   */
  static create<T>(emitter: Emitter<T>, overflow: OverflowStrategy = 'buffer'): Flux<T> {
    return new Flux(new Create(emitter, overflow));
  }

  /** The elements of all of them, as they come. @param prefetch elements asked of each ahead */
  static merge<T>(sources: readonly Publisher<T>[], prefetch: number = XS_BUFFER): Flux<T> {
    const atOnce = Math.max(1, sources.length);
    const all = new Pull(() => new IterableCursor(sources));
    const ahead = positive('prefetch', prefetch);
    return combined('merge', sources, new FlatMapOperator(all, (s) => s, atOnce, ahead));
  }

  /** The elements of one after those of the other. */
  static concat<T>(sources: readonly Publisher<T>[]): Flux<T> {
    return combined('concat', sources, new ConcatOperator(sources));
  }

  /** What `combine` makes of the n-th element of each. @param prefetch elements asked of each ahead */
  static zip<T extends readonly unknown[], R>(
    sources: { readonly [I in keyof T]: Publisher<T[I]> },
    combine: UserFunction<T, R>,
    prefetch: number = XS_BUFFER,
  ): Flux<R> {
    const all = combine as UserFunction<unknown, R> as UserFunction<unknown[], R>;
    return combined('zip', sources, new ZipOperator(sources, all, positive('prefetch', prefetch)));
  }

  private flux<R>(name: string, operator: Publisher<R>): Flux<R> {
    return new Flux(this.put(name, operator), this.assembly);
  }

  private mono<R>(name: string, operator: Publisher<R>): Mono<R> {
    return new Mono(this.put(name, operator), this.assembly);
  }

  /**
   * From here on, `to` (a Probe) is told of every operator that is put on top, and of what each gives and is asked for; with
   * the trace off this is the stream itself.
   *
   * @param lane who it concerns, within the application @param name what this is called there
   */
  traced(to: StreamTrace, lane: string, name: string = 'source'): Flux<T> {
    if (!to.tracing) return this;
    const assembly = new Assembly(to, lane);
    return new Flux(assembly.put(name, this.source), assembly);
  }

  map<R>(mapper: UserFunction<T, R>): Flux<R> {
    return this.flux('map', new MapOperator(this.source, mapper));
  }

  /** @param handler calls `sink.next`, `sink.complete` or `sink.error` at most once, or nothing */
  handle<R>(handler: Handler<T, R>): Flux<R> {
    return this.flux('handle', new HandleOperator(this.source, handler));
  }

  filter(test: UserFunction<T, boolean>): Flux<T> {
    return this.flux('filter', new FilterOperator(this.source, test));
  }

  /** The first `count` elements; no more are requested of upstream. */
  take(count: number): Flux<T> {
    return this.flux(
      'take',
      new TakeOperator(this.source, count === 0 ? 0 : positive('count', count)),
    );
  }

  /** All but the first `count` elements, which are requested of upstream beside what downstream asks for. */
  skip(count: number): Flux<T> {
    if (count === 0) return this;
    return this.flux('skip', new SkipOperator(this.source, positive('count', count)));
  }

  /** The elements before the first that fails the test. */
  takeWhile(test: UserFunction<T, boolean>): Flux<T> {
    return this.flux('takeWhile', new TakeWhileOperator(this.source, { kind: 'while', test }));
  }

  /** The elements up to the first that passes the test, that one too. */
  takeUntil(test: UserFunction<T, boolean>): Flux<T> {
    return this.flux('takeUntil', new TakeWhileOperator(this.source, { kind: 'until', test }));
  }

  /** The first element. */
  next(): Mono<T> {
    return this.mono('next', new TakeOperator(this.source, 1));
  }

  /** The first element, and with each other one what `accumulator` makes of it and what there was. */
  scan(accumulator: Accumulator<T, T>): Flux<T> {
    return this.flux('scan', new ScanOperator(this.source, accumulator));
  }

  /** The same, beginning with `initial`, which is given first. */
  scanWith<R>(initial: R, accumulator: Accumulator<T, R>): Flux<R> {
    return this.flux('scan', new ScanSeedOperator(this.source, initial, accumulator));
  }

  /** What is left of all elements in the end; nothing of an empty stream. */
  reduce(accumulator: Accumulator<T, T>): Mono<T> {
    return this.mono('reduce', new ReduceOperator(this.source, accumulator));
  }

  /** The same, beginning with `initial`: of an empty stream, that. */
  reduceWith<R>(initial: R, accumulator: Accumulator<T, R>): Mono<R> {
    return this.mono('reduce', new ReduceOperator(this.source, accumulator, initial));
  }

  /** How many elements there are. */
  count(): Mono<number> {
    const add = (n: number): number => n + 1;
    return this.mono('count', new ReduceOperator<T, number>(this.source, add, 0));
  }

  /** The elements of this and of `other`, as they come. */
  mergeWith(other: Publisher<T>): Flux<T> {
    return Flux.merge([this, other]);
  }

  /** The elements of this, then those of `other`. */
  concatWith(other: Publisher<T>): Flux<T> {
    return Flux.concat([this, other]);
  }

  /** These elements, then those of this. */
  startWith(...values: readonly T[]): Flux<T> {
    return Flux.concat([Flux.just(...values), this]);
  }

  /** What `combine` makes of the n-th element of each. */
  zipWith<U, R>(other: Publisher<U>, combine: UserFunction<readonly [T, U], R>): Flux<R> {
    return Flux.zip<readonly [T, U], R>([this, other], combine);
  }

  /**
   * A stream for each element, `concurrency` of them at once, their elements in the order of those that they are for.
   *
   * @param prefetch elements asked of each stream ahead
   */
  flatMapSequential<R>(
    mapper: UserFunction<T, Publisher<R>>,
    concurrency: number = SMALL_BUFFER,
    prefetch: number = XS_BUFFER,
  ): Flux<R> {
    return this.flux(
      'flatMapSequential',
      new FlatMapSequentialOperator(
        this.source,
        mapper,
        positive('concurrency', concurrency),
        positive('prefetch', prefetch),
      ),
    );
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
    return this.flux(
      'flatMap',
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
    return this.flux(
      'concatMap',
      prefetch === 0
        ? new ConcatMapOperator(this.source, mapper, 'concatMap')
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
    return this.flux(
      'publishOn',
      new PublishOnOperator(this.source, scheduler, positive('prefetch', prefetch)),
    );
  }

  /** Subscribes and requests on a thread of `scheduler`. */
  subscribeOn(scheduler: Scheduler): Flux<T> {
    return this.flux('subscribeOn', new SubscribeOnOperator(this.source, scheduler));
  }

  /** Asks upstream for `prefetch` elements, and for 75 % of it at a time, whatever downstream asks for. */
  limitRate(prefetch: number): Flux<T> {
    return this.publishOn(Schedulers.immediate(), prefetch);
  }

  /** Takes everything at once and keeps what is not asked for; beyond `most` elements the stream fails. */
  onBackpressureBuffer(most: number = UNBOUNDED): Flux<T> {
    return this.flux(
      'onBackpressureBuffer',
      new BackpressureOperator(this.source, { keep: 'all', most: positive('most', most) }),
    );
  }

  /** Takes everything at once and drops what is not asked for. */
  onBackpressureDrop(dropped?: (value: T, on: Worker) => void | Sub<void>): Flux<T> {
    return this.flux(
      'onBackpressureDrop',
      new BackpressureOperator(this.source, { keep: 'none', dropped }),
    );
  }

  /** Takes everything at once and keeps the latest of what is not asked for. */
  onBackpressureLatest(): Flux<T> {
    return this.flux(
      'onBackpressureLatest',
      new BackpressureOperator(this.source, { keep: 'latest' }),
    );
  }

  /** Lists of `size` elements, the last one of what is left. A request for n lists asks for n · size elements. */
  buffer(size: number): Flux<T[]> {
    return this.flux('buffer', new BufferOperator(this.source, positive('size', size)));
  }

  /** Streams of `size` elements, the last one of what is left. A request for n streams asks for n · size elements. */
  window(size: number): Flux<Flux<T>> {
    const wrap = (window: Publisher<T>): Flux<T> => new Flux(window);
    return this.flux('window', new WindowOperator(this.source, positive('size', size), wrap));
  }

  /** One subscription to this for all who subscribe to it once it is connected. @param prefetch elements asked for ahead */
  publish(prefetch: number = SMALL_BUFFER): ConnectableFlux<T> {
    const shared = new PublishOperator(this.source, positive('prefetch', prefetch));
    return new ConnectableFlux(shared, (name, operator) => this.flux(name, operator));
  }

  /** One subscription to this for all who are subscribed to it at the same time: publish().refCount(). */
  share(): Flux<T> {
    return this.publish().refCount();
  }

  /** All elements in one list, when the stream has ended. */
  collectList(): Mono<T[]> {
    return this.mono(
      'collectList',
      new Defer(() => {
        const list: T[] = [];
        return this.doOnNext((value) => void list.push(value)).andThen(Mono.just(list));
      }),
    );
  }

  /** Subscribes again when it has failed, at most so many times. */
  retry(times: number = UNBOUNDED): Flux<T> {
    return this.flux('retry', new RetryOperator(this.source, times));
  }

  /** Subscribes again when `rule` says so, for each failure: `Retry.backoff(…)`. */
  retryWhen(rule: RetryRule): Flux<T> {
    return this.flux('retryWhen', new RetryWhenOperator(this.source, rule));
  }

  /** The whole stream again when it has ended, so many times. */
  repeat(times: number = UNBOUNDED): Flux<T> {
    return this.flux('repeat', new RepeatOperator(this.source, times));
  }

  /** Gives `value` and ends when it has failed. */
  onErrorReturn(value: T): Flux<T> {
    const failed = (): Publisher<T> => new Just(value);
    return this.flux('onErrorReturn', new ResumeOperator(this.source, { failed }));
  }

  /** Fails with what `change` makes of its failure. */
  onErrorMap(change: (error: Error) => Error): Flux<T> {
    const failed = (error: Error): Publisher<T> => new Failed(change(error));
    return this.flux('onErrorMap', new ResumeOperator(this.source, { failed }));
  }

  /** `value`, when it has ended without an element. */
  defaultIfEmpty(value: T): Flux<T> {
    return this.flux('defaultIfEmpty', new ResumeOperator(this.source, { empty: new Just(value) }));
  }

  /** Goes on with what `resume` gives when it has failed. */
  onErrorResume(resume: UserFunction<Error, Publisher<T>>): Flux<T> {
    return this.flux('onErrorResume', new ResumeOperator(this.source, { failed: resume }));
  }

  /** Goes on with `other` when it has ended without an element. */
  switchIfEmpty(other: Publisher<T>): Flux<T> {
    return this.flux('switchIfEmpty', new ResumeOperator(this.source, { empty: other }));
  }

  /** Fails with a TimeoutError when the first element, or the next one, takes longer than that. */
  timeout(timeoutNs: number, scheduler: Scheduler): Flux<T> {
    return this.flux('timeout', new TimeoutOperator(this.source, timeoutNs, scheduler));
  }

  /** Only the end. */
  ignoreElements(): Mono<never> {
    return this.mono('ignoreElements', new IgnoreThenOperator<T, never>(this.source, null));
  }

  /** `next`, when this has completed: Reactor's then. (A class with a method `then` would be taken for a promise.) */
  andThen<R>(next: Mono<R>): Mono<R> {
    return this.mono('andThen', new IgnoreThenOperator(this.source, next));
  }

  /** `next`, when this has completed. */
  thenMany<R>(next: Publisher<R>): Flux<R> {
    return this.flux('thenMany', new IgnoreThenOperator(this.source, next));
  }

  /** Looks at what passes: doOnNext, doOnRequest, doOnCancel, doFinally … in one. */
  peek(hooks: Hooks<T>): Flux<T> {
    return this.flux('peek', new PeekOperator(this.source, hooks));
  }

  doOnSubscribe(subscribe: NonNullable<Hooks<T>['subscribe']>): Flux<T> {
    return this.peek({ subscribe });
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
    return this.flux('metered', new MeteredOperator(this.source, meter));
  }
}

/** What several streams become, traced when one of them is. */
function combined<R>(
  name: string,
  sources: readonly Publisher<unknown>[],
  operator: Publisher<R>,
): Flux<R> {
  const assembly = assemblyOf(sources);
  return new Flux(assembly === null ? operator : assembly.put(name, operator), assembly);
}
