// Operators over several streams, or over one that is subscribed to again: what they give, and what they ask for.
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../src/base/assert.ts';
import { UNBOUNDED } from '../../../src/app/reactive/demand.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import { LambdaSubscriber } from '../../../src/app/reactive/subscriber.ts';
import { Checked, Findings, Recorder, type Behaviour } from './checked.ts';
import { Hand } from './hand.ts';
import { Machine } from './machine.ts';

const ms = 1_000_000;

/** What a stream gives, and how it ends; all that is looked at between it and its subscriber must hold. */
function run<T>(
  publisher: Publisher<T>,
  behaviour?: Behaviour<T>,
  machine: Machine = new Machine(),
): { got: T[]; end: string | null } {
  const recorder = new Recorder<T>(behaviour);
  const findings = new Findings();
  machine.go((on) => new Checked(publisher, findings, 'here').subscribe(recorder, on));
  expect(findings.broken).toEqual([]);
  return { got: recorder.values, end: recorder.end };
}

/** Fails `times` times after two elements, then gives all three. */
function flaky(times: number): Flux<number> {
  let left = times;
  return Flux.range(0, 3).map((v) => {
    if (v === 2 && left-- > 0) throw new Error('flaky');
    return v;
  });
}

describe('retry (FluxRetry)', () => {
  test('subscribes again as often as it may, and gives the elements again', () => {
    expect(run(flaky(2).retry(2))).toEqual({ got: [0, 1, 0, 1, 0, 1, 2], end: 'complete' });
    expect(run(flaky(3).retry(2))).toEqual({ got: [0, 1, 0, 1, 0, 1], end: 'error: flaky' });
    expect(run(flaky(0).retry())).toEqual({ got: [0, 1, 2], end: 'complete' });
  });

  test('asks each time for what has not been given yet, and no more', () => {
    expect(run(flaky(1).retry(), { first: 3 })).toEqual({ got: [0, 1, 0], end: null });
    const asked: number[] = [];
    run(
      flaky(1)
        .doOnRequest((n) => void asked.push(n))
        .retry(),
      { first: 5 },
    );
    expect(asked).toEqual([5, 3]);
  });

  test('does not go deeper with each attempt: 100 000 of them', () => {
    expect(run(flaky(100_000).retry(), { first: UNBOUNDED }).end).toBe('complete');
  });

  test('stops when it is cancelled between two attempts', () => {
    const cancels: Behaviour<number> = {
      first: UNBOUNDED,
      *next(_v, r, on) {
        if (r.values.length === 3) yield* r.cancel(on);
      },
    };
    expect(run(flaky(9).retry(), cancels)).toEqual({ got: [0, 1, 0], end: null });
  });
});

describe('going on with another stream', () => {
  test('onErrorResume does when the first has failed, with what has not been given yet (FluxOnErrorResume)', () => {
    const resumed = flaky(1).onErrorResume((e) => Flux.just(e.message.length, 7, 8));
    expect(run(resumed)).toEqual({ got: [0, 1, 5, 7, 8], end: 'complete' });
    expect(
      run(
        flaky(1).onErrorResume(() => Flux.range(5, 9)),
        { first: 3 },
      ),
    ).toEqual({
      got: [0, 1, 5],
      end: null,
    });
  });

  test('onErrorResume passes on that the other has failed, or that the function has', () => {
    const other = Flux.error<number>(new Error('other'));
    expect(run(flaky(1).onErrorResume(() => other)).end).toBe('error: other');
    const throws = flaky(1).onErrorResume(() => {
      throw new Error('thrown');
    });
    expect(run(throws).end).toBe('error: thrown');
  });

  test('switchIfEmpty does when there was no element (FluxSwitchIfEmpty)', () => {
    expect(run(Flux.empty<number>().switchIfEmpty(Flux.just(1, 2))).got).toEqual([1, 2]);
    expect(run(Flux.just(0).switchIfEmpty(Flux.just(1, 2))).got).toEqual([0]);
    expect(run(Mono.empty<number>().switchIfEmpty(Mono.just(5))).got).toEqual([5]);
  });

  test('concat gives one after the other, and the demand that is left (FluxConcatArray)', () => {
    const all = Flux.concat([Flux.range(0, 2), Flux.empty(), Flux.range(5, 2)]);
    expect(run(all)).toEqual({ got: [0, 1, 5, 6], end: 'complete' });
    expect(run(all, { first: 3 })).toEqual({ got: [0, 1, 5], end: null });
    expect(run(Flux.concat<number>([]))).toEqual({ got: [], end: 'complete' });
  });
});

describe('several at once', () => {
  test('merge gives what comes, as it comes, asking each for 32 (FluxMerge)', () => {
    const machine = new Machine();
    const slow = (v: number, delay: number): Flux<number> =>
      Flux.from(Mono.delay(delay * ms, machine.parallel).map(() => v));
    const merged = Flux.merge([slow(3, 3), slow(1, 1), Flux.just(0), slow(2, 2)]);
    expect(run(merged, undefined, machine)).toEqual({ got: [0, 1, 2, 3], end: 'complete' });
    const hands = [new Hand(), new Hand()];
    run(Flux.merge(hands));
    expect(hands.map((h) => h.asked)).toEqual([[32], [32]]);
    expect(run(Flux.merge<number>([]))).toEqual({ got: [], end: 'complete' });
  });

  test('zip makes one of one of each, and ends with the shortest, cancelling the others (FluxZip)', () => {
    const endless = new Hand(1_000);
    const zipped = Flux.zip(
      [Flux.just('a', 'b', 'c'), endless],
      ([s, n]: readonly [string, number]) => `${s}${n}`,
      4,
    );
    expect(run(zipped)).toEqual({ got: ['a0', 'b1', 'c2'], end: 'complete' });
    expect([endless.asked, endless.cancelled]).toEqual([[4, 3], 1]);
    expect(run(Flux.zip([], () => 0))).toEqual({ got: [], end: 'complete' });
  });

  test('zip fails when one fails, or when the function throws, and cancels the others', () => {
    const hand = new Hand(3);
    const two = (a: Publisher<number>, f: () => number): Flux<number> => Flux.zip([a, hand], f);
    expect(run(two(Flux.error(new Error('bad')), () => 0)).end).toBe('error: bad');
    const throws = (): never => {
      throw new Error('thrown');
    };
    expect(run(two(Flux.just(1), throws)).end).toBe('error: thrown');
    expect(hand.cancelled).toBe(1);
  });
});

describe('buffer (FluxBuffer)', () => {
  test('gives lists, and asks for as many elements as they hold', () => {
    const source = new Hand(7);
    expect(run(Flux.from(source).buffer(3), { first: 2 }).got).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(source.asked).toEqual([6]);
    expect(run(Flux.range(0, 5).buffer(2)).got).toEqual([[0, 1], [2, 3], [4]]);
  });

  test('collectList gives one list, to each subscriber its own', () => {
    const list = Flux.range(0, 3).collectList();
    expect([run(list).got, run(list).got]).toEqual([[[0, 1, 2]], [[0, 1, 2]]]);
    expect(run(Flux.empty().collectList()).got).toEqual([[]]);
  });
});

describe('timeout (FluxTimeout)', () => {
  /** Elements at these times. */
  const at = (machine: Machine, ...times: number[]): Flux<number> =>
    Flux.fromIterable(times).flatMap((t) => Mono.delay(t * ms, machine.parallel).map(() => t));

  test('fails when the first element, or the next one, is late; upstream is cancelled', () => {
    for (const [times, got, failsAt] of [
      [[5, 12], [5], 11],
      [[7], [], 6],
    ] as const) {
      const machine = new Machine();
      const seen: unknown[] = [];
      const late = at(machine, ...times)
        .doOnCancel(() => void seen.push('cancel'))
        .timeout(6 * ms, machine.parallel)
        .doOnError((e, on) => void seen.push(e.name, on.name.slice(0, 8), machine.now / ms));
      const r = run(late, undefined, machine);
      expect(r).toEqual({ got, end: 'error: no signal within 6000000 ns' });
      expect(seen).toEqual(['cancel', 'TimeoutError', 'parallel', failsAt]);
    }
  });

  test('is content with a stream that is in time', () => {
    const machine = new Machine();
    const r = run(at(machine, 5, 10, 15).timeout(6 * ms, machine.parallel), undefined, machine);
    expect(r).toEqual({ got: [5, 10, 15], end: 'complete' });
  });

  test('leaves no timer behind when it is cancelled', () => {
    const machine = new Machine();
    const r = new Recorder<number>({ first: 1 });
    machine.go(function* (on) {
      yield* Flux.range(0, 9)
        .timeout(50 * ms, machine.parallel)
        .subscribe(r, on);
      yield* r.cancel(on);
    });
    expect(machine.now).toBe(0);
  });
});

describe('LambdaSubscriber', () => {
  const subscribe = (s: LambdaSubscriber<number>, f: Flux<number>): void =>
    void new Machine().go((on) => f.subscribe(s, on));

  test('requests everything, or as much as it is told, and passes signals on to functions', () => {
    const seen: unknown[] = [];
    const consumers = {
      next: (v: number) => void seen.push(v),
      error: (e: Error) => void seen.push(e.message),
      complete: () => void seen.push('complete'),
    };
    subscribe(new LambdaSubscriber(consumers), Flux.range(0, 3));
    subscribe(new LambdaSubscriber({ ...consumers, request: 1 }), Flux.range(5, 3));
    subscribe(new LambdaSubscriber(consumers), flaky(1));
    expect(seen).toEqual([0, 1, 2, 'complete', 5, 0, 1, 'flaky']);
  });

  test('takes what its function throws for an error, and cancels', () => {
    const seen: string[] = [];
    const s = new LambdaSubscriber<number>({
      next() {
        throw new Error('thrown');
      },
      error: (e) => void seen.push(e.message),
    });
    subscribe(
      s,
      Flux.range(0, 3).doOnCancel(() => void seen.push('cancel')),
    );
    expect(seen).toEqual(['cancel', 'thrown']);
  });

  test('ends the run with an error that nobody wants to hear of (ErrorCallbackNotImplemented)', () => {
    expect(() => subscribe(new LambdaSubscriber({}), flaky(1))).toThrow('flaky');
    const law = new InvariantError('a law', 'broken');
    const breaks = new LambdaSubscriber<number>({
      next() {
        throw law;
      },
      error() {},
    });
    expect(() => subscribe(breaks, Flux.range(0, 1))).toThrow(law);
  });
});

test.each<[string, () => unknown]>([
  ['concurrency > 0 required but it was 0', () => Flux.range(0, 1).flatMap((v) => Mono.just(v), 0)],
  [
    'prefetch > 0 required but it was -1',
    () => Flux.range(0, 1).concatMap((v) => Mono.just(v), -1),
  ],
  ['prefetch > 0 required but it was 1.5', () => Flux.range(0, 1).limitRate(1.5)],
  ['size > 0 required but it was 0', () => Flux.range(0, 1).buffer(0)],
  ['count > 0 required but it was -3', () => Flux.range(0, 1).take(-3)],
])('a number that cannot be is refused when the chain is made: %s', (message, make) => {
  expect(make).toThrow(message);
});
