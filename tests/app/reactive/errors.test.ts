// What fails, and how it is told: §1.4, §2.13, and what is not a signal's business.
import { describe, expect, test } from 'vitest';
import { InvariantError, ScenarioError } from '../../../src/base/assert.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import type { Worker } from '../../../src/app/worker.ts';
import type { Trap } from '../../../src/kernel/syscall.ts';
import { Checked, Findings, Recorder } from './checked.ts';
import { Hand } from './hand.ts';
import { Machine } from './machine.ts';
import { OPERATORS } from './streams.ts';

const bad = (): never => {
  throw new Error('bad');
};
function* badLater(...args: unknown[]): Generator<Trap, never, number> {
  yield (args.at(-1) as Worker).sys.schedYield();
  throw new Error('bad, later');
}

function run(machine: Machine, publisher: Publisher<unknown>): Recorder<unknown> {
  const findings = new Findings();
  const recorder = new Recorder<unknown>();
  machine.go((on) => new Checked(publisher, findings, 'here').subscribe(recorder, on));
  expect(findings.broken).toEqual([]);
  return recorder;
}

describe('a source that fails says so with onError, after onSubscribe (§1.4)', () => {
  test.each<[string, Publisher<unknown>, number]>([
    ['Flux.error', Flux.error(new Error('bad')), 0],
    ['Mono.error', Mono.error(new Error('bad')), 0],
    ['Mono.fromCallable', Mono.fromCallable(bad), 0],
    [
      'an iterable that cannot be opened',
      Flux.fromIterable({ [Symbol.iterator]: bad } as Iterable<number>),
      0,
    ],
    [
      'an iterable that breaks',
      Flux.fromIterable(
        (function* () {
          yield 1;
          yield 2;
          bad();
        })(),
      ),
      2,
    ],
    [
      'generate',
      Flux.generate<number, number>(
        () => 0,
        (i, sink) => (i === 3 ? bad() : (sink.next(i), i + 1)),
      ),
      3,
    ],
    [
      'generate by its sink',
      Flux.generate<number, null>(
        () => null,
        (_s, sink) => (sink.error(new Error('bad')), null),
      ),
      0,
    ],
  ])('%s', (_name, publisher, elements) => {
    const r = run(new Machine(), publisher);
    expect([r.values.length, r.end]).toEqual([elements, 'error: bad']);
  });

  test('generate objects to a step that gives nothing, and to one that gives twice', () => {
    const none = Flux.generate<number, null>(
      () => null,
      () => null,
    );
    expect(run(new Machine(), none).end).toContain('no element');
    const twice = Flux.generate<number, null>(
      () => null,
      (_s, sink) => (sink.next(1), sink.next(2), null),
    );
    expect(run(new Machine(), twice).end).toContain('one element has been given already');
  });

  test('every operator passes it on', () => {
    for (const o of OPERATORS) {
      const machine = new Machine();
      const r = run(machine, o.on(Flux.error(new Error('bad')), machine));
      expect([o.name, r.values.length, r.end]).toEqual([o.name, 0, 'error: bad']);
    }
  });
});

type Through = (f: Flux<number>) => Flux<unknown>;
const THROWS: readonly [string, Through][] = [
  ['map', (f) => f.map(bad)],
  ['map, later', (f) => f.map(badLater)],
  ['filter', (f) => f.filter(bad)],
  ['filter, later', (f) => f.filter(badLater)],
  ['handle', (f) => f.handle(bad)],
  ['handle, later', (f) => f.handle(badLater)],
  ['handle by its sink', (f) => f.handle((_v, sink) => sink.error(new Error('bad')))],
  ['doOnNext', (f) => f.doOnNext(bad)],
  ['doOnRequest', (f) => f.doOnRequest(bad)],
  ['flatMap', (f) => f.flatMap(bad)],
  ['flatMap, later', (f) => f.flatMap(badLater)],
  ['flatMap of a callable', (f) => f.flatMap(() => Mono.fromCallable(bad))],
  ['flatMap of an error', (f) => f.flatMap(() => Flux.error(new Error('bad')))],
  ['flatMap of a stream', (f) => f.flatMap(() => Flux.range(0, 1).map(bad))],
  ['concatMap', (f) => f.concatMap(bad)],
  ['concatMap, later', (f) => f.concatMap(badLater)],
  ['concatMap of a callable', (f) => f.concatMap(() => Mono.fromCallable(bad))],
  ['concatMap of a stream', (f) => f.concatMap(() => Flux.range(0, 1).map(bad))],
  ['concatMap with prefetch', (f) => f.concatMap(bad, 4)],
  ['concatMap with prefetch, of a stream', (f) => f.concatMap(() => Flux.range(0, 1).map(bad), 4)],
];

describe("what a user's function throws cancels upstream and becomes onError (§2.13, Operators.onOperatorError)", () => {
  test.each(THROWS)('%s', (_name, through) => {
    const source = new Hand(5);
    const r = run(new Machine(), through(Flux.from(source)));
    expect(r.values).toEqual([]);
    expect(r.end).toMatch(/^error: bad/);
    expect(source.cancelled).toBeGreaterThanOrEqual(1);
  });

  test('onBackpressureDrop, of an element that nobody has asked for', () => {
    const source = new Hand(5);
    const machine = new Machine();
    const r = new Recorder<number>({ first: 1 });
    machine.go((on) => Flux.from(source).onBackpressureDrop(bad).subscribe(r, on));
    expect([r.values, r.end, source.cancelled]).toEqual([[0], 'error: bad', 1]);
  });

  test('a hook on cancel, too', () => {
    const machine = new Machine();
    const r = new Recorder<number>({ first: 1 });
    machine.go((on) => Flux.range(0, 3).doOnCancel(bad).subscribe(r, on));
    machine.go((on) => r.cancel(on));
    expect(r.end).toBe('error: bad');
  });

  test('what is not an Error is made one', () => {
    const thrower = (): never => {
      // oxlint-disable-next-line no-throw-literal
      throw 'a word';
    };
    expect(run(new Machine(), Flux.range(0, 1).map(thrower)).end).toBe('error: a word');
  });

  const fatal = [new InvariantError('a law', 'broken'), new ScenarioError('cannot be')];
  test.each(
    fatal.flatMap((error) => {
      const broken = (): never => {
        throw error;
      };
      return [
        { error, name: 'map', through: (f: Flux<number>): Publisher<unknown> => f.map(broken) },
        { error, name: 'flatMap', through: (f: Flux<number>) => f.flatMap(broken) },
        { error, name: 'fromCallable', through: () => Mono.fromCallable(broken) },
      ];
    }),
  )('but $error.name ends the run (Exceptions.throwIfFatal): $name', ({ error, through }) => {
    expect(() => run(new Machine(), through(Flux.range(0, 1)))).toThrow(error);
  });
});

describe('more than was asked for', () => {
  test.each<[string, (f: Flux<number>, m: Machine) => Flux<unknown>]>([
    ['publishOn', (f, m) => f.publishOn(m.parallel, 2)],
    ['limitRate', (f) => f.limitRate(2)],
    ['concatMap with prefetch', (f) => f.concatMap(() => Mono.never(), 2)],
  ])('overflows the queue of %s, which says so', (_name, through) => {
    const source = new Hand();
    const machine = new Machine();
    const r = new Recorder<unknown>({ first: 0 });
    machine.go(function* (on) {
      yield* through(Flux.from(source), machine).subscribe(r, on);
      for (let v = 0; v < 4; v++) yield* source.subscriber!.onNext(v, on);
    });
    expect(r.end).toMatch(/: more came than was requested$/);
    expect(source.cancelled).toBe(1);
  });

  test('overflows a stream within flatMap, which says so', () => {
    const source = new Hand();
    const machine = new Machine();
    const r = new Recorder<unknown>({ first: 0 });
    machine.go(function* (on) {
      yield* Flux.range(0, 1)
        .flatMap(() => source, 4, 2)
        .subscribe(r, on);
      for (let v = 0; v < 3; v++) yield* source.subscriber!.onNext(v, on);
    });
    expect(r.end).toBe('error: flatMap: a stream gave more than was requested');
  });

  test('is kept by onBackpressureBuffer up to its bound, then fails after what was kept', () => {
    const source = new Hand(5);
    const machine = new Machine();
    const r = new Recorder<number>({ first: 1 });
    machine.go((on) => Flux.from(source).onBackpressureBuffer(2).subscribe(r, on));
    expect([r.values, r.end, source.cancelled]).toEqual([[0], null, 1]);
    machine.go((on) => r.request(5, on));
    expect([r.values, r.end]).toEqual([[0, 1, 2], 'error: more than 2 elements to keep']);
  });

  test('is dropped by onBackpressureDrop, and by onBackpressureLatest but for the last', () => {
    const dropped: number[] = [];
    for (const [through, got] of [
      [(f: Flux<number>) => f.onBackpressureDrop((v) => void dropped.push(v)), [0]],
      [(f: Flux<number>) => f.onBackpressureLatest(), [0, 4]],
    ] as const) {
      const machine = new Machine();
      const r = new Recorder<number>({ first: 1 });
      machine.go((on) => through(Flux.range(0, 5)).subscribe(r, on));
      machine.go((on) => r.request(5, on));
      expect([r.values, r.end]).toEqual([got, 'complete']);
    }
    expect(dropped).toEqual([1, 2, 3, 4]);
  });
});
