// Every source and every operator, made to give the same integers, so that one rule can be asked of all of them.
import { DemandMeter } from '../../../src/app/reactive/demand.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { Retry } from '../../../src/app/reactive/retry.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import { FakeProbe } from '../driver.ts';
import type { Machine } from './machine.ts';

export interface Operator {
  readonly name: string;
  /** Gives the elements of `source`, all of them and no others. */
  readonly on: (source: Publisher<number>, machine: Machine) => Publisher<number>;
  /** Elements may come in another order. */
  readonly reorders?: boolean;
  /** One run for all subscribers: who comes later misses what came before. */
  readonly hot?: boolean;
  /** It subscribes to its upstream when it is asked for something, and not before. */
  readonly late?: boolean;
}

/** Uneven, so that what begins later may end earlier. */
const uneven = (v: number): number => 1_000 + ((v * 7_919) % 5) * 300;

const flux =
  (f: (source: Flux<number>, machine: Machine) => Publisher<number>): Operator['on'] =>
  (source, machine) =>
    f(Flux.from(source), machine);

export const OPERATORS: readonly Operator[] = [
  { name: 'map', on: flux((f) => f.map((v) => v)) },
  {
    name: 'map that computes',
    on: flux((f) =>
      f.map(function* (v, on) {
        yield on.sys.compute(10);
        return v;
      }),
    ),
  },
  { name: 'handle', on: flux((f) => f.handle<number>((v, sink) => sink.next(v))) },
  { name: 'filter', on: flux((f) => f.filter(() => true)) },
  {
    name: 'filter that computes',
    on: flux((f) =>
      f.filter(function* (_v, on) {
        yield on.sys.compute(10);
        return true;
      }),
    ),
  },
  { name: 'take', on: flux((f) => f.take(1_000_000)) },
  {
    name: 'peek',
    on: flux((f) =>
      f.peek({
        subscribe() {},
        *next(_v, on) {
          yield on.sys.schedYield();
        },
        *request(_n, on) {
          yield on.sys.schedYield();
        },
        error() {},
        complete() {},
        cancel() {},
        finally() {},
      }),
    ),
  },
  {
    name: 'metered',
    on: flux((f) => f.metered(() => new DemandMeter(new FakeProbe(), 'here'))),
  },
  { name: 'flatMap of just', on: flux((f) => f.flatMap((v) => Mono.just(v))) },
  { name: 'flatMap of iterables', on: flux((f) => f.flatMap((v) => Flux.fromIterable([v]))) },
  {
    name: 'flatMap of delays',
    on: flux((f, m) => f.flatMap((v) => Mono.delay(uneven(v), m.parallel).map(() => v))),
    reorders: true,
  },
  {
    name: 'flatMap of delays, 3 at once, prefetch 1',
    on: flux((f, m) => f.flatMap((v) => Mono.delay(uneven(v), m.parallel).map(() => v), 3, 1)),
    reorders: true,
  },
  { name: 'concatMap of just', on: flux((f) => f.concatMap((v) => Mono.just(v))) },
  { name: 'concatMap of iterables', on: flux((f) => f.concatMap((v) => Flux.fromIterable([v]))) },
  { name: 'delayElements', on: flux((f, m) => f.delayElements(1_000, m.parallel)) },
  { name: 'concatMap of just, prefetch 4', on: flux((f) => f.concatMap((v) => Mono.just(v), 4)) },
  {
    name: 'concatMap of delays, prefetch 1',
    on: flux((f, m) => f.concatMap((v) => Mono.delay(uneven(v), m.parallel).map(() => v), 1)),
  },
  { name: 'publishOn', on: flux((f, m) => f.publishOn(m.parallel)) },
  { name: 'publishOn, prefetch 1', on: flux((f, m) => f.publishOn(m.parallel, 1)) },
  { name: 'subscribeOn', on: flux((f, m) => f.subscribeOn(m.parallel)) },
  { name: 'limitRate', on: flux((f) => f.limitRate(4)) },
  { name: 'onBackpressureBuffer', on: flux((f) => f.onBackpressureBuffer()) },
  { name: 'merge', on: flux((f) => Flux.merge([f])) },
  { name: 'concat', on: flux((f) => Flux.concat([f, Flux.empty()])) },
  {
    name: 'zip',
    on: flux((f) => Flux.zip([f, Flux.range(0, 1_000_000)], ([v]: readonly [number, number]) => v)),
  },
  { name: 'buffer', on: flux((f) => f.buffer(1).map(([v]) => v!)) },
  { name: 'retry', on: flux((f) => f.retry(0)) },
  {
    name: 'onErrorResume',
    on: flux((f) => f.onErrorResume((e) => Flux.error(e))),
  },
  { name: 'switchIfEmpty', on: flux((f) => f.switchIfEmpty(Flux.empty())) },
  { name: 'thenMany', on: flux((f) => Flux.range(0, 3).thenMany(f)) },
  { name: 'skip', on: flux((f) => f.startWith(-2, -1).skip(2)) },
  { name: 'takeWhile', on: flux((f) => f.takeWhile(() => true)) },
  {
    name: 'takeUntil',
    on: flux((f) =>
      f.takeUntil(function* (_v, on) {
        yield on.sys.schedYield();
        return false;
      }),
    ),
  },
  { name: 'scan', on: flux((f) => f.scan((_sum, v) => v)) },
  { name: 'scanWith', on: flux((f) => f.scanWith(-1, (_sum, v) => v).skip(1)) },
  { name: 'repeat', on: flux((f) => f.repeat(0)) },
  { name: 'retryWhen', on: flux((f) => f.retryWhen(Retry.max(0)).onErrorMap(cause)) },
  {
    name: 'flatMapSequential of delays',
    on: flux((f, m) => f.flatMapSequential((v) => Mono.delay(uneven(v), m.parallel).map(() => v))),
  },
  {
    name: 'flatMapSequential of iterables, 2 at once, prefetch 1',
    on: flux((f) => f.flatMapSequential((v) => Flux.fromIterable([v]), 2, 1)),
  },
  { name: 'window', on: flux((f) => f.window(1).concatMap((w) => w)) },
  { name: 'window, taken 3 at once', on: flux((f) => f.window(3).flatMapSequential((w) => w, 4)) },
  { name: 'share', on: flux((f) => f.share()), hot: true },
  {
    name: 'traced',
    on: flux((f) => f.traced({ tracing: true, trace() {} }, 'here').map((v) => v)),
  },
  { name: 'mergeWith', on: flux((f) => f.mergeWith(Flux.empty())) },
  { name: 'concatWith', on: flux((f) => f.concatWith(Flux.empty())) },
  // As one of the streams that an operator puts together.
  { name: 'flatMap, as a stream of it', on: flux((f) => Flux.range(0, 1).flatMap(() => f, 1, 1)) },
  {
    name: 'concatMap, as a stream of it',
    on: flux((f) => Flux.range(0, 1).concatMap(() => f)),
    late: true,
  },
  {
    name: 'concatMap with prefetch, as a stream of it',
    on: flux((f) => Flux.range(0, 1).concatMap(() => f, 1)),
  },
  {
    name: 'flatMapSequential, as a stream of it',
    on: flux((f) => Flux.range(0, 1).flatMapSequential(() => f, 1, 1)),
  },
];

/** The failure that a stream was not tried again after. */
const cause = (e: Error): Error => (e.cause instanceof Error ? e.cause : e);

export interface Source {
  readonly name: string;
  /** The integers below `n`. */
  readonly make: (n: number, machine: Machine) => Publisher<number>;
  /** The most elements that it can give. */
  readonly most: number;
  readonly reorders?: boolean;
  readonly hot?: boolean;
  /** The same of a stream that has failed. */
  readonly failed?: (machine: Machine) => Publisher<number>;
}

const SOURCES: readonly Source[] = [
  { name: 'range', make: (n) => Flux.range(0, n), most: Infinity },
  { name: 'fromIterable', make: (n) => Flux.fromIterable([...Array(n).keys()]), most: Infinity },
  {
    name: 'generate',
    make: (n) =>
      Flux.generate<number, number>(
        () => 0,
        (i, sink) => {
          if (i < n) sink.next(i);
          else sink.complete();
          return i + 1;
        },
      ),
    most: Infinity,
  },
  { name: 'defer', make: (n) => Flux.defer(() => Flux.range(0, n)), most: Infinity },
  { name: 'just', make: (n) => (n === 0 ? Flux.empty() : Flux.just(0)), most: 1 },
  {
    name: 'fromCallable',
    make: (n) =>
      Mono.fromCallable(function* (on) {
        yield on.sys.compute(10);
        return n === 0 ? undefined : 0;
      }),
    most: 1,
  },
  {
    name: 'delay',
    make: (n, m) => (n === 0 ? Mono.empty() : Mono.delay(1_000, m.parallel)),
    most: 1,
  },
  {
    name: 'create',
    make: (n) =>
      Flux.create<number>(function* (sink, on) {
        for (let i = 0; i < n; i++) yield* sink.next(i, on);
        yield* sink.complete(on);
      }),
    most: Infinity,
  },
  {
    name: 'create that gives what it is asked for',
    make: (n) =>
      Flux.create<number>(function* (sink, on) {
        let i = 0;
        if (n === 0) yield* sink.complete(on);
        yield* sink.onRequest(function* (asked, by) {
          for (let k = 0; k < asked && i < n; k++) {
            yield* sink.next(i++, by);
            if (i === n) yield* sink.complete(by);
          }
        }, on);
      }, 'error'),
    most: Infinity,
  },
  {
    // It has no upstream to cancel: once connected it stays so.
    name: 'autoConnect',
    make: (n) => Flux.range(0, n).publish(4).autoConnect(),
    most: Infinity,
    hot: true,
  },
  {
    name: 'reduce',
    make: (n) => (n === 0 ? Flux.range(0, 0) : Flux.range(-3, 4)).reduce((_sum, v) => v),
    most: 1,
  },
  {
    name: 'count',
    make: (n) =>
      Flux.range(0, 0)
        .count()
        .filter(() => n > 0),
    most: 1,
  },
  {
    name: 'Mono.zip',
    make: (n, m) =>
      Mono.zip<readonly [number, number], number>(
        [Mono.just(0), n === 0 ? Mono.empty() : Mono.delay(1_000, m.parallel)],
        ([v]) => v,
      ),
    most: 1,
  },
  {
    name: 'Mono.when',
    make: (n, m) =>
      n === 0
        ? Mono.when(Flux.range(0, 3), Mono.delay(1_000, m.parallel))
        : Mono.when(Flux.range(0, 3)).andThen(Mono.just(0)),
    most: 1,
  },
];

/** Every publisher there is: the sources, and each operator on top of one. */
export const PUBLISHERS: readonly Source[] = [
  ...SOURCES,
  ...OPERATORS.map((o) => ({
    name: `${o.name} (of range)`,
    make: (n: number, machine: Machine) => o.on(Flux.range(0, n), machine),
    most: Infinity,
    reorders: o.reorders ?? false,
    hot: o.hot ?? false,
    failed: (machine: Machine) => o.on(Flux.error(new Error('failed before')), machine),
  })),
];
