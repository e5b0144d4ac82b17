// What the operators give: values, order, ends and times.
import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.ts';
import { UNBOUNDED } from '../../../src/app/reactive/demand.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { Retry } from '../../../src/app/reactive/retry.ts';
import type { FluxSink, OverflowStrategy } from '../../../src/app/reactive/sources/create.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import { Recorder, type Behaviour } from './checked.ts';
import { Machine } from './machine.ts';

const ms = 1_000_000;

/** What a stream gives, and how it ends. */
function run<T>(p: Publisher<T>, machine = new Machine(), b?: Behaviour<T>): [T[], string | null] {
  const recorder = new Recorder<T>(b);
  machine.go((on) => p.subscribe(recorder, on));
  return [recorder.values, recorder.end];
}

const five = Flux.range(1, 5);
const bad = (): Flux<number> => Flux.range(1, 2).concatWith(Flux.error(new Error('bad')));

describe('values', () => {
  test.each<[string, Publisher<unknown>, unknown[]]>([
    ['skip', five.skip(2), [3, 4, 5]],
    ['skip more than there are', five.skip(9), []],
    ['takeWhile leaves out the one that fails', five.takeWhile((v) => v < 3), [1, 2]],
    ['takeUntil gives the one that passes', five.takeUntil((v) => v === 3), [1, 2, 3]],
    ['scan', five.scan((a, b) => a + b), [1, 3, 6, 10, 15]],
    ['scanWith', five.scanWith('', (a, b) => a + b), ['', '1', '12', '123', '1234', '12345']],
    ['reduce', five.reduce((a, b) => a * b), [120]],
    ['reduce of nothing', Flux.empty<number>().reduce((a, b) => a * b), []],
    ['reduceWith', five.reduceWith('', (a, b) => a + b), ['12345']],
    ['reduceWith of nothing', Flux.empty<number>().reduceWith(7, (a, b) => a + b), [7]],
    ['count', five.count(), [5]],
    ['next', five.next(), [1]],
    ['startWith', five.startWith(-1, 0), [-1, 0, 1, 2, 3, 4, 5]],
    ['concatWith', five.concatWith(five), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]],
    ['mergeWith', five.mergeWith(Flux.empty()), [1, 2, 3, 4, 5]],
    ['zipWith', five.zipWith(five.skip(1), ([a, b]) => a * b), [2, 6, 12, 20]],
    ['repeat', Flux.range(0, 2).repeat(2), [0, 1, 0, 1, 0, 1]],
    ['onErrorReturn', bad().onErrorReturn(9), [1, 2, 9]],
    ['defaultIfEmpty', Flux.empty<number>().defaultIfEmpty(9), [9]],
    ['window', five.window(2).flatMapSequential((w) => w.collectList()), [[1, 2], [3, 4], [5]]],
    [
      'Mono.zip',
      Mono.zip<readonly [number, string], string>(
        [Mono.just(1), Mono.just('a')],
        ([a, b]) => a + b,
      ),
      ['1a'],
    ],
    ['Mono.zip with an empty one', Mono.just(1).zipWith(Mono.empty(), () => 0), []],
    ['Mono.when', Mono.when(five, Mono.just(1)), []],
    ['Mono.defaultIfEmpty', Mono.empty<number>().defaultIfEmpty(9), [9]],
    ['Mono.onErrorReturn', Mono.error<number>(new Error('bad')).onErrorReturn(9), [9]],
  ])('%s', (_name, p, values) => {
    expect(run(p)).toEqual([values, 'complete']);
  });

  test('onErrorMap fails with what it makes of the failure', () => {
    const p = bad().onErrorMap((e) => new RangeError(`${e.message} indeed`));
    expect(run(p)).toEqual([[1, 2], 'error: bad indeed']);
  });

  test.each<[string, Publisher<unknown>]>([
    ['Mono.zip', Mono.just(1).zipWith(Mono.error(new Error('bad')), () => 0)],
    ['Mono.when', Mono.when(Mono.never(), Mono.error(new Error('bad')))],
    ['scan', five.scan(() => bug())],
    ['reduce', five.reduce(() => bug())],
    ['takeUntil', five.takeUntil(() => bug())],
    ['retryWhen', bad().retryWhen(() => bug())],
    ['flatMapSequential', five.flatMapSequential(() => bug())],
    ['create', Flux.create(() => bug())],
    ['the request hook of create', Flux.create((sink, on) => sink.onRequest(() => bug(), on))],
  ])('%s fails as soon as something in it does', (_name, p) => {
    expect(run(p)[1]).toBe('error: bad');
  });

  function bug(): never {
    throw new Error('bad');
  }
});

test('flatMapSequential runs its streams at once and gives their elements in order', () => {
  const machine = new Machine();
  const p = Flux.range(0, 5).flatMapSequential((v) =>
    Mono.delay((10 - v) * ms, machine.parallel).map(() => v),
  );
  expect(run(p, machine)).toEqual([[0, 1, 2, 3, 4], 'complete']);
  expect(machine.now).toBe(10 * ms);
});

test('Mono.delayElement, Mono.zip and Mono.when wait for the slowest', () => {
  const machine = new Machine();
  const slow = (n: number): Mono<number> => Mono.just(n).delayElement(n * ms, machine.parallel);
  expect(
    run(
      slow(5).zipWith(slow(3), ([a, b]) => a + b),
      machine,
    ),
  ).toEqual([[8], 'complete']);
  expect(machine.now).toBe(5 * ms);
  expect(run(Mono.when(slow(7), slow(2)), machine)).toEqual([[], 'complete']);
  expect(machine.now).toBe(12 * ms);
});

describe('window', () => {
  test('gives a window with its first element, and it is filled as they come', () => {
    const machine = new Machine();
    const seen: string[] = [];
    const p = Flux.range(0, 4)
      .delayElements(ms, machine.parallel)
      .window(2)
      .doOnNext(() => void seen.push(`window at ${machine.now / ms}`))
      .flatMap((w) => w.doOnNext((v) => void seen.push(`${v} at ${machine.now / ms}`)));
    run(p, machine);
    expect(seen).toEqual(['window at 1', '0 at 1', '1 at 2', 'window at 3', '2 at 3', '3 at 4']);
  });

  test('fails its open window too', () => {
    const ends: string[] = [];
    const p = bad()
      .window(9)
      .concatMap((w) => w.doOnError((e) => void ends.push(e.message)));
    expect(run(p)).toEqual([[1, 2], 'error: bad']);
    expect(ends).toEqual(['bad']);
  });

  test('cancels upstream when downstream and the window that is open have left (WINDOW_COUNT)', () => {
    const machine = new Machine();
    let cancelled = 0;
    const windows = new Recorder<Flux<number>>({ first: 1 });
    const source = Flux.range(0, 9).concatWith(Flux.never());
    machine.go((on) =>
      source
        .doOnCancel(() => void cancelled++)
        .window(20)
        .subscribe(windows, on),
    );
    const inner = new Recorder<number>();
    machine.go((on) => windows.values[0]!.subscribe(inner, on));
    machine.go((on) => windows.cancel(on));
    expect([cancelled, inner.values.length]).toEqual([0, 9]);
    machine.go((on) => inner.cancel(on));
    expect(cancelled).toBe(1);
  });
});

describe('interval', () => {
  test('ticks at a fixed rate, however long its subscriber takes (scheduleAtFixedRate)', () => {
    const machine = new Machine();
    const when: number[] = [];
    const p = Flux.interval(10 * ms, machine.parallel)
      .take(4)
      .map(function* (v, on) {
        when.push(machine.now / ms);
        if (v === 0) yield on.sys.compute(25 * ms);
        return v;
      });
    expect(run(p, machine)).toEqual([[0, 1, 2, 3], 'complete']);
    // The second was due at 20, the third at 30: both come as soon as the thread is free, and the fourth is in time.
    expect(when).toEqual([10, 35, 35, 40]);
  });

  test('fails when a tick has not been asked for (FluxInterval)', () => {
    const machine = new Machine();
    const [values, end] = run(Flux.interval(ms, machine.parallel), machine, { first: 2 });
    expect(values).toEqual([0, 1]);
    expect(end).toMatch(/^error: tick 2 was not asked for/);
  });

  test('begins after its own delay', () => {
    const machine = new Machine();
    run(Flux.interval(10 * ms, machine.parallel, 0).take(3), machine);
    expect(machine.now).toBe(20 * ms);
  });
});

describe('create', () => {
  /** Ten elements, of which three are asked for, and later three more. */
  function overflow(strategy: OverflowStrategy): [number[], string | null] {
    const machine = new Machine();
    const recorder = new Recorder<number>({ first: 3 });
    const p = Flux.create<number>(function* (sink, on) {
      for (let i = 0; i < 10; i++) yield* sink.next(i, on);
      yield* sink.complete(on);
    }, strategy);
    machine.go((on) => p.subscribe(recorder, on));
    machine.go((on) => recorder.request(3, on));
    return [recorder.values, recorder.end];
  }

  test.each<[OverflowStrategy, number[], string | null]>([
    ['buffer', [0, 1, 2, 3, 4, 5], null],
    ['drop', [0, 1, 2], 'complete'],
    ['latest', [0, 1, 2, 9], 'complete'],
    ['error', [0, 1, 2], 'error: create: nobody has asked for this element'],
    ['ignore', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'complete'],
  ])('%s (FluxSink.OverflowStrategy)', (strategy, values, end) => {
    expect(overflow(strategy)).toEqual([values, end]);
  });

  test('hears of requests, of cancel and of its end (onRequest, onCancel, onDispose)', () => {
    const machine = new Machine();
    const seen: string[] = [];
    const make = (): Flux<number> =>
      Flux.create<number>(function* (sink: FluxSink<number>, on) {
        sink.onCancel(() => void seen.push('cancel'));
        sink.onDispose(() => void seen.push('dispose'));
        yield* sink.onRequest((n) => void seen.push(`request ${n}`), on);
        yield* sink.next(1, on);
      });
    const r = new Recorder<number>({ first: 2 });
    machine.go((on) => make().subscribe(r, on));
    machine.go((on) => r.request(3, on));
    machine.go((on) => r.cancel(on));
    expect(seen).toEqual(['request 2', 'request 3', 'cancel', 'dispose']);
    seen.length = 0;
    machine.go((on) => make().take(1).subscribe(new Recorder<number>(), on));
    expect(seen).toEqual(['request 1', 'cancel', 'dispose']);
  });

  test('takes elements of several threads, one at a time (SerializedFluxSink)', () => {
    const machine = new Machine();
    let sink: FluxSink<string> | null = null;
    let [inside, most] = [0, 0];
    const r = new Recorder<string>({
      first: UNBOUNDED,
      *next(_v, _r, on) {
        most = Math.max(most, ++inside);
        yield on.sys.compute(5);
        inside--;
      },
    });
    machine.go((on) => Flux.create<string>((s) => void (sink = s)).subscribe(r, on));
    for (const name of ['a', 'b', 'c'])
      machine.start(name, function* (on) {
        for (let i = 0; i < 4; i++) {
          yield* sink!.next(`${name}${i}`, on);
          yield on.sys.compute(1);
        }
      });
    machine.run();
    expect([most, r.values.length]).toEqual([1, 12]);
    for (const name of ['a', 'b', 'c'])
      expect(r.values.filter((v) => v.startsWith(name))).toEqual(
        [0, 1, 2, 3].map((i) => `${name}${i}`),
      );
  });
});

describe('retryWhen', () => {
  /** A stream that fails whenever it is tried, and when that was, in ms. */
  function tried(rule: (machine: Machine) => Parameters<Flux<number>['retryWhen']>[0]): {
    when: number[];
    end: string | null;
    cause: unknown;
  } {
    const machine = new Machine();
    const when: number[] = [];
    let cause: unknown = null;
    const p = Flux.defer(() => {
      when.push(machine.now / ms);
      return Flux.error<number>(new Error('down'));
    })
      .retryWhen(rule(machine))
      .doOnError((e) => void (cause = (e.cause as Error | undefined)?.message ?? null));
    const [, end] = run(p, machine);
    return { when, end, cause };
  }

  test('Retry.backoff doubles its delay up to the longest, then says so (RetryBackoffSpec)', () => {
    const r = tried(({ parallel: scheduler }) =>
      Retry.backoff({
        maxAttempts: 4,
        minBackoffNs: 10 * ms,
        maxBackoffNs: 50 * ms,
        jitter: 0,
        scheduler,
      }),
    );
    expect(r.when).toEqual([0, 10, 30, 70, 120]);
    expect([r.end, r.cause]).toEqual(['error: Retries exhausted: 4/4', 'down']);
  });

  test('Retry.backoff draws its jitter: half of the delay on either side, never below the first', () => {
    const stream = new Random('seed').stream('retry');
    const r = tried(({ parallel: scheduler }) =>
      Retry.backoff({
        maxAttempts: 50,
        minBackoffNs: 8 * ms,
        random: stream,
        scheduler,
        maxBackoffNs: 64 * ms,
      }),
    );
    const delays = r.when.slice(1).map((t, i) => t - r.when[i]!);
    delays.forEach((d, i) => {
      const plain = Math.min(64, 8 * [1, 2, 4, 8][Math.min(i, 3)]!);
      expect(d).toBeGreaterThanOrEqual(Math.max(8, plain / 2));
      expect(d).toBeLessThanOrEqual(Math.min(64, plain * 1.5));
    });
    expect(new Set(delays).size).toBeGreaterThan(40);
  });

  test('Retry.fixedDelay and Retry.max', () => {
    expect(tried((m) => Retry.fixedDelay(3, 5 * ms, m.parallel)).when).toEqual([0, 5, 10, 15]);
    expect(tried(() => Retry.max(2))).toEqual({
      when: [0, 0, 0],
      end: 'error: Retries exhausted: 2/2',
      cause: 'down',
    });
  });

  test('passes a failure that is not worth it, ends when the companion does, and refuses nonsense', () => {
    const filter = (e: Error): boolean => e.message !== 'down';
    expect(
      tried(({ parallel: scheduler }) =>
        Retry.backoff({ maxAttempts: 3, minBackoffNs: ms, jitter: 0, scheduler, filter }),
      ),
    ).toEqual({ when: [0], end: 'error: down', cause: null });
    expect(tried(() => () => Mono.empty()).end).toBe('complete');
    const scheduler = new Machine().parallel;
    expect(() => Retry.backoff({ maxAttempts: 1, minBackoffNs: 1, scheduler })).toThrow('random');
    expect(() => Retry.backoff({ maxAttempts: 1, minBackoffNs: 1, jitter: 2, scheduler })).toThrow(
      'jitter',
    );
  });

  test('a cancel while it waits ends the waiting', () => {
    const machine = new Machine();
    const r = new Recorder<number>();
    const down = Flux.error<number>(new Error('down'));
    machine.start('main', (on) =>
      down.retryWhen(Retry.fixedDelay(9, 100 * ms, machine.parallel)).subscribe(r, on),
    );
    machine.start('other', function* (on) {
      yield on.sys.nanosleep(250 * ms);
      yield* r.cancel(on);
    });
    machine.run();
    expect([r.end, machine.now]).toEqual([null, 300 * ms]);
  });
});
