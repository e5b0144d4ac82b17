// What streams do beyond the rules: threads, times, stacks, hooks, references.
import { describe, expect, test } from 'vitest';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import { Recorder } from './checked.ts';
import { forgotten } from './forgotten.ts';
import { Machine } from './machine.ts';
import { PUBLISHERS } from './streams.ts';

const ms = 1_000_000;

function run<T>(machine: Machine, publisher: Publisher<T>): Recorder<T> {
  const recorder = new Recorder<T>();
  machine.go((on) => publisher.subscribe(recorder, on));
  return recorder;
}

describe('the stack stays flat (§3.3)', () => {
  test.each<[string, (f: Flux<number>) => Flux<number>]>([
    ['range', (f) => f],
    ['filter, which asks for more', (f) => f.filter((v) => v % 50_000 === 0)],
    ['flatMap of just', (f) => f.flatMap((v) => Mono.just(v))],
    ['flatMap of iterables', (f) => f.flatMap((v) => Flux.fromIterable([v, v]))],
    ['concatMap of just', (f) => f.concatMap((v) => Mono.just(v))],
    ['concatMap of empty', (f) => f.concatMap(() => Mono.empty())],
    ['concatMap with prefetch', (f) => f.concatMap((v) => Flux.fromIterable([v]), 32)],
    ['limitRate', (f) => f.limitRate(8)],
  ])('over 100 000 elements with request(1) in each onNext: %s', (_name, through) => {
    const recorder = new Recorder<number>({ first: 1, each: 1 });
    new Machine().go((on) => through(Flux.range(0, 100_000)).subscribe(recorder, on));
    expect(recorder.end).toBe('complete');
  });
});

describe('where and when', () => {
  test('elements come on the thread that asks, after publishOn on one of the pool', () => {
    const machine = new Machine();
    expect(run(machine, Flux.range(0, 2)).threads).toEqual(['main', 'main']);
    expect(run(machine, Flux.range(0, 2).publishOn(machine.parallel)).threads).toEqual([
      'parallel-1',
      'parallel-1',
    ]);
    expect(run(machine, Flux.range(0, 2).subscribeOn(machine.parallel)).threads).toEqual([
      'parallel-2',
      'parallel-2',
    ]);
  });

  test('Mono.delay gives a 0 on a thread of the pool, after its time', () => {
    const machine = new Machine();
    const r = run(machine, Mono.delay(20 * ms, machine.parallel));
    expect([r.values, r.threads, r.end, machine.now]).toEqual([
      [0],
      ['parallel-1'],
      'complete',
      20 * ms,
    ]);
  });

  test('Mono.delay that is asked after its time answers at once, on the thread that asks (MonoDelay)', () => {
    const machine = new Machine();
    const r = new Recorder<number>({ first: 0 });
    machine.go((on) => Mono.delay(20 * ms, machine.parallel).subscribe(r, on));
    expect(r.values).toEqual([]);
    machine.go((on) => r.request(1, on));
    expect([r.values, r.threads]).toEqual([[0], ['main']]);
  });

  test('flatMap does 50 delays of 20 ms in 20 ms, concatMap one after the other; a mapper that sleeps holds its thread', () => {
    const times = (through: (f: Flux<number>, m: Machine) => Publisher<unknown>): number => {
      const machine = new Machine();
      expect(run(machine, through(Flux.range(0, 50), machine)).values.length).toBe(50);
      return machine.now;
    };
    expect(times((f, m) => f.flatMap(() => Mono.delay(20 * ms, m.parallel)))).toBe(20 * ms);
    expect(times((f, m) => f.flatMap(() => Mono.delay(20 * ms, m.parallel), 10))).toBe(100 * ms);
    expect(times((f, m) => f.concatMap(() => Mono.delay(20 * ms, m.parallel)))).toBe(1000 * ms);
    const sleeps = (f: Flux<number>): Flux<number> =>
      f.map(function* (v, on) {
        yield on.sys.nanosleep(20 * ms);
        return v;
      });
    expect(times(sleeps)).toBe(1000 * ms);
  });

  test('nothing happens before somebody subscribes, and each subscriber has a run of its own', () => {
    let made = 0;
    const f = Flux.range(0, 3)
      .map((v) => (made++, v * 2))
      .concatMap((v) => Mono.just(v));
    expect(made).toBe(0);
    const machine = new Machine();
    expect([run(machine, f).values, run(machine, f).values]).toEqual([
      [0, 2, 4],
      [0, 2, 4],
    ]);
    expect(made).toBe(6);
  });
});

describe('small operators', () => {
  test('andThen, thenReturn and thenMany wait for the end, then give what comes after', () => {
    const machine = new Machine();
    const seen: string[] = [];
    const first = Flux.range(0, 2).doOnNext((v) => void seen.push(`first ${v}`));
    expect(run(machine, first.andThen(Mono.just('x'))).values).toEqual(['x']);
    expect(run(machine, first.thenMany(Flux.just('x', 'y'))).values).toEqual(['x', 'y']);
    expect(run(machine, Mono.just(1).thenReturn('z')).values).toEqual(['z']);
    expect(seen).toEqual(['first 0', 'first 1', 'first 0', 'first 1']);
    const ended = run(machine, first.ignoreElements());
    expect([ended.values, ended.end]).toEqual([[], 'complete']);
  });

  test('Mono.flatMap gives what the element becomes', () => {
    const machine = new Machine();
    const upper = Mono.just('a').flatMap((s) =>
      Mono.delay(ms, machine.parallel).map(() => s.toUpperCase()),
    );
    const r = run(machine, upper);
    expect([r.values, r.end]).toEqual([['A'], 'complete']);
  });

  test('handle may end the stream; upstream is cancelled then', () => {
    const machine = new Machine();
    let cancelled = 0;
    const f = Flux.range(0, 10)
      .doOnCancel(() => void cancelled++)
      .handle<number>((v, sink) => (v === 2 ? sink.complete() : sink.next(v)));
    const r = run(machine, f);
    expect([r.values, r.end, cancelled]).toEqual([[0, 1], 'complete', 1]);
  });

  test('take(0) subscribes to nothing; take(n) ends with the n-th and cancels (FluxLimitRequest)', () => {
    const machine = new Machine();
    const seen: string[] = [];
    const f = Flux.range(0, 5).peek({
      subscribe: () => void seen.push('subscribe'),
      cancel: () => void seen.push('cancel'),
    });
    expect(run(machine, f.take(0)).end).toBe('complete');
    expect(seen).toEqual([]);
    expect(run(machine, f.take(2)).values).toEqual([0, 1]);
    expect(seen).toEqual(['subscribe', 'cancel']);
  });

  test('hooks see everything, in order, and doFinally how it ended, once (FluxPeek, FluxDoFinally)', () => {
    const machine = new Machine();
    const trail = (f: Flux<number>, after: (r: Recorder<number>) => void = () => {}): string[] => {
      const seen: string[] = [];
      const r = new Recorder<number>({ first: 2 });
      const hooked = f.peek({
        subscribe: () => void seen.push('subscribe'),
        next: (v) => void seen.push(`next ${v}`),
        error: (e) => void seen.push(`error ${e.message}`),
        complete: () => void seen.push('complete'),
        request: (n) => void seen.push(`request ${n}`),
        cancel: () => void seen.push('cancel'),
        finally: (how) => void seen.push(`finally ${how}`),
      });
      machine.go((on) => hooked.subscribe(r, on));
      after(r);
      return seen;
    };
    const begin = ['subscribe', 'request 2', 'next 0', 'next 1'];
    const cancels = (r: Recorder<number>): void => void machine.go((on) => r.cancel(on));
    expect(trail(Flux.range(0, 2))).toEqual([...begin, 'complete', 'finally complete']);
    expect(trail(Flux.range(0, 2), cancels)).toEqual([
      ...begin,
      'complete',
      'finally complete',
      'cancel',
    ]);
    expect(trail(Flux.range(0, 9), cancels)).toEqual([...begin, 'cancel', 'finally cancel']);
    expect(trail(Flux.error(new Error('bad')))).toEqual([
      'subscribe',
      'request 2',
      'error bad',
      'finally error',
    ]);
  });
});

describe('what is cancelled is forgotten (§3.13)', () => {
  test.each(PUBLISHERS)('$name', async (source) => {
    expect(await forgotten((machine) => source.make(Math.min(100, source.most), machine))).toBe(3);
  });

  test('by a publisher that keeps a list it is not [mutant]', async () => {
    const list: unknown[] = [];
    const keeps = (): Publisher<number> => ({
      subscribe(s, on) {
        list.push(s);
        return Flux.range(0, 3).subscribe(s, on);
      },
    });
    expect(await forgotten(keeps)).toBe(0);
    expect(list.length).toBe(3);
  });
});
