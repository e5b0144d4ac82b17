// How much each operator asks for, and in how many requests: exact closed forms. Those of flatMap and concatMap are what
// was recorded with Reactor-Netty 1.2.2 (reactor-core 3.7.2) below FluxReceive.
import { describe, expect, test } from 'vitest';
import { DemandMeter, UNBOUNDED, limitOf } from '../../../src/app/reactive/demand.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { Retry } from '../../../src/app/reactive/retry.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import { FakeProbe } from '../driver.ts';
import { Recorder, type Behaviour } from './checked.ts';
import { Hand } from './hand.ts';
import { Machine } from './machine.ts';

interface Requests {
  /** Each n, in order. */
  readonly asked: readonly number[];
  readonly got: readonly unknown[];
}

/** What a chain asks of a source that has `m` elements and stays open, when it is subscribed to in a certain way. */
function requests(
  m: number,
  chain: (source: Flux<number>, machine: Machine) => Publisher<unknown>,
  behaviour?: Behaviour<unknown>,
): Requests {
  const machine = new Machine();
  const source = new Hand(m);
  const recorder = new Recorder<unknown>(behaviour);
  machine.go((on) => chain(Flux.from(source), machine).subscribe(recorder, on));
  return { asked: source.asked, got: recorder.values };
}

const times = (n: number, what: number): number[] => Array.from({ length: n }, () => what);
const upTo = (n: number): number[] => [...Array(n).keys()];

const ms = 1_000_000;

describe('flatMap', () => {
  test.each([0, 1, 3, 256, 257, 1000])(
    'with streams that take time asks for 256 + M in all, in 1 + M requests (FluxFlatMap; M = %i)',
    (m) => {
      // Each takes its own time, so that they end one at a time.
      const r = requests(m, (f, { parallel }) =>
        f.flatMap((v) => Mono.delay(ms + v, parallel).map(() => v)),
      );
      expect(r.asked).toEqual([256, ...times(m, 1)]);
      expect(r.got).toEqual(upTo(m));
    },
  );

  test.each([1, 191, 192, 193, 1000])(
    'makes up for callable streams in batches of 192 (tryEmitScalar; M = %i)',
    (m) => {
      const r = requests(m, (f) => f.flatMap((v) => Mono.just(v)));
      expect(r.asked).toEqual([256, ...times(Math.floor(m / 192), 192)]);
    },
  );

  test('asks each stream for 32, then 24 by 24 (FlatMapInner)', () => {
    const asked: number[] = [];
    requests(1, (f) => f.flatMap(() => Flux.range(0, 100).doOnRequest((n) => void asked.push(n))));
    expect(asked).toEqual([32, 24, 24, 24, 24]);
  });

  test('takes its concurrency from its argument: at most so many streams are open', () => {
    let [open, most] = [0, 0];
    const r = requests(50, (f, { parallel }) =>
      f.flatMap(
        (v) =>
          Mono.delay(ms + v, parallel)
            .doOnNext(() => void open--)
            .map(() => {
              most = Math.max(most, open + 1);
              return v;
            })
            .peek({ subscribe: () => void open++ }),
        16,
      ),
    );
    expect(most).toBe(16);
    expect(r.asked).toEqual([16, ...times(50, 1)]);
    expect(r.got.length).toBe(50);
  });
});

describe('concatMap', () => {
  test.each([1, 2, 10, 300])(
    'without prefetch asks M + 1 times for 1 (FluxConcatMapNoPrefetch; M = %i)',
    (m) => {
      const r = requests(m, (f, { parallel }) =>
        f.concatMap((v) => Mono.delay(ms, parallel).map(() => v)),
      );
      expect(r.asked).toEqual(times(m + 1, 1));
      expect(r.got).toEqual(upTo(m));
    },
  );

  test('asks for nothing before it is asked for something (FluxConcatMapNoPrefetch)', () => {
    expect(requests(10, (f) => f.concatMap((v) => Mono.just(v)), { first: 0 }).asked).toEqual([]);
  });

  test.each([
    [1, 40],
    [4, 40],
    [32, 100],
    [256, 1000],
  ])(
    'with prefetch %i asks for it, then for three quarters of it at a time (FluxConcatMap; M = %i)',
    (p, m) => {
      const r = requests(m, (f, { parallel }) =>
        f.concatMap((v) => Mono.delay(ms, parallel).map(() => v), p),
      );
      const limit = limitOf(p);
      expect(r.asked).toEqual([p, ...times(Math.floor(m / limit), limit)]);
      expect(r.got).toEqual(upTo(m));
    },
  );
});

describe('others', () => {
  test('publishOn asks for 256, then for 192 by 192 (FluxPublishOn)', () => {
    const r = requests(1000, (f, { parallel }) => f.publishOn(parallel));
    expect(r.asked).toEqual([256, ...times(5, 192)]);
    expect(r.got.length).toBe(1000);
  });

  test('limitRate asks for its number, then for three quarters of it at a time', () => {
    expect(requests(25, (f) => f.limitRate(10)).asked).toEqual([10, 8, 8, 8]);
  });

  test('take asks for no more than it takes (FluxLimitRequest)', () => {
    expect(requests(100, (f) => f.take(7)).asked).toEqual([7]);
    expect(requests(100, (f) => f.take(7), { first: 5, each: 3 }).asked).toEqual([5, 2]);
  });

  test('filter and handle ask for one more for each element that they leave out', () => {
    const odd = requests(6, (f) => f.filter((v) => v % 2 === 1), { first: 3 });
    expect(odd.asked).toEqual([3, 1, 1, 1]);
    expect(odd.got).toEqual([1, 3, 5]);
    const handled = requests(
      6,
      (f) => f.handle<number>((v, sink) => (v % 2 === 1 ? sink.next(v) : undefined)),
      { first: 3 },
    );
    expect(handled).toEqual(odd);
  });

  test('onBackpressureBuffer, Drop and Latest ask for everything at once', () => {
    for (const f of [
      (s: Flux<number>) => s.onBackpressureBuffer(),
      (s: Flux<number>) => s.onBackpressureDrop(),
      (s: Flux<number>) => s.onBackpressureLatest(),
    ])
      expect(requests(10, f, { first: 1 }).asked).toEqual([UNBOUNDED]);
  });

  test('delayElements asks for one at a time and keeps its distance', () => {
    const machine = new Machine();
    const when: number[] = [];
    const f = Flux.range(0, 4)
      .delayElements(20 * ms, machine.parallel)
      .doOnNext(() => void when.push(machine.now));
    machine.go((on) => f.subscribe(new Recorder(), on));
    expect(when).toEqual([20 * ms, 40 * ms, 60 * ms, 80 * ms]);
  });

  test.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 3],
    [10, 8],
    [32, 24],
    [256, 192],
    [UNBOUNDED, UNBOUNDED],
  ])('a prefetch of %i is made up for %i at a time (Operators.unboundedOrLimit)', (p, limit) => {
    expect(limitOf(p)).toBe(limit);
  });
});

describe('those of reactor-core 3.7 that put streams together or apart', () => {
  test.each([0, 1, 3, 256, 300])(
    'flatMapSequential asks for 256, then for one with each stream whose turn is over (FluxMergeSequential; M = %i)',
    (m) => {
      // Streams that are there at once, too: it has no batches of 75 %.
      expect(requests(m, (f) => f.flatMapSequential((v) => Mono.just(v))).asked).toEqual([
        256,
        ...times(m, 1),
      ]);
    },
  );

  test('flatMapSequential asks each stream for 32, then 24 by 24, and lets those behind the first run ahead so far', () => {
    const asked: [number, number][] = [];
    const r = requests(
      2,
      (f, { parallel }) =>
        f.flatMapSequential((v) => {
          const own = Flux.range(100 * v, 100).doOnRequest((n) => void asked.push([v, n]));
          return v === 0 ? own.delayElements(ms, parallel) : own;
        }),
      { first: 100, each: 1 },
    );
    expect(asked.filter(([v]) => v === 1).map(([, n]) => n)).toEqual([32, 24, 24, 24]);
    expect(r.got).toEqual(upTo(200));
  });

  test('window asks for n · size elements for n windows (FluxWindow.WindowExactSubscriber)', () => {
    const r = requests(10, (f) => f.window(4), { first: 2, each: 1 });
    // Two windows; with each of them that begins, four elements more.
    expect(r.asked).toEqual([8, 4, 4, 4]);
    expect(r.got.length).toBe(3);
  });

  test('publish asks for its prefetch, then for as many as everybody has been given (FluxPublish)', () => {
    const source = new Hand(20);
    const machine = new Machine();
    const shared = Flux.from(source).publish(8).refCount(2);
    const [fast, slow] = [new Recorder<number>(), new Recorder<number>({ first: 0 })];
    for (const r of [fast, slow]) machine.go((on) => shared.subscribe(r, on));
    expect([source.asked, fast.values]).toEqual([[8], []]);
    machine.go((on) => slow.request(3, on));
    expect([source.asked, fast.values]).toEqual([[8, 3], upTo(3)]);
    machine.go((on) => slow.request(8, on));
    expect([source.asked, fast.values]).toEqual([[8, 3, 8], upTo(11)]);
  });

  test('skip asks for what it skips beside what it is asked for (FluxSkip)', () => {
    const r = requests(10, (f) => f.skip(3), { first: 2 });
    expect(r.asked).toEqual([2, 3]);
    expect(r.got).toEqual([3, 4]);
  });

  test.each<[string, (f: Flux<number>) => Publisher<unknown>]>([
    ['takeWhile', (f) => f.takeWhile(() => true)],
    ['takeUntil', (f) => f.takeUntil(() => false)],
    ['scan', (f) => f.scan((a, b) => a + b)],
  ])('%s passes demand unchanged', (_name, chain) => {
    expect(requests(10, chain, { first: 2, each: 3 }).asked).toEqual([2, ...times(10, 3)]);
  });

  test('scanWith gives its first value for the first request, and asks for one less (FluxScanSeed)', () => {
    expect(requests(10, (f) => f.scanWith(0, (a, b) => a + b), { first: 4 })).toEqual({
      asked: [3],
      got: [0, 0, 1, 3],
    });
  });

  test.each<[string, (f: Flux<number>) => Publisher<unknown>]>([
    ['reduce', (f) => f.reduce((a, b) => a + b)],
    ['count', (f) => f.count()],
    ['Mono.when', (f) => Mono.when(f)],
  ])('%s asks for everything at once (BaseFluxToMonoOperator, MonoWhen)', (_name, chain) => {
    expect(requests(3, chain, { first: 1 }).asked).toEqual([UNBOUNDED]);
  });

  test('retryWhen asks the next attempt for what the last has not given (FluxRetryWhen)', () => {
    const asked: number[] = [];
    let attempt = 0;
    const source = Flux.defer(() => {
      attempt++;
      const some = Flux.range(0, 2).doOnRequest((n) => void asked.push(n));
      return attempt < 3 ? some.concatWith(Flux.error(new Error('again'))) : some;
    });
    const recorder = new Recorder<number>({ first: 10 });
    new Machine().go((on) => source.retryWhen(Retry.max(5)).subscribe(recorder, on));
    expect(asked).toEqual([10, 8, 6]);
    expect([recorder.values, recorder.end]).toEqual([[0, 1, 0, 1, 0, 1], 'complete']);
  });
});

describe('the demand meter', () => {
  test('counts requests and elements between two stages, and is content with all of them', () => {
    const probe = new FakeProbe();
    const meters: DemandMeter[] = [];
    const meter = (): DemandMeter => {
      const m = new DemandMeter(probe, 'range → flatMap');
      meters.push(m);
      return m;
    };
    const r = requests(1000, (f) => f.metered(meter).flatMap((v) => Mono.just(v)));
    expect(r.got.length).toBe(1000);
    expect(meters.map((m) => [m.requests, m.requestedTotal, m.emittedTotal])).toEqual([
      [6, 256 + 5 * 192, 1000],
    ]);
  });

  test('objects to one element too many [mutant: a source that gives one more than it was asked for]', () => {
    const m = new DemandMeter(new FakeProbe(), 'FluxReceive → handler');
    m.requested(2);
    m.emitted();
    m.emitted();
    expect(() => m.emitted()).toThrow(
      'demand: FluxReceive → handler: element 3 was given when 2 had been requested',
    );
  });

  test('takes unbounded demand for what it is, and a bad request for nothing', () => {
    const m = new DemandMeter(new FakeProbe(), 'a → b');
    m.requested(-1);
    expect(() => m.emitted()).toThrow('demand');
    m.requested(UNBOUNDED);
    m.requested(UNBOUNDED);
    m.emitted();
    expect(m.requestedTotal).toBe(UNBOUNDED);
  });
});
