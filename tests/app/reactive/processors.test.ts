// Processors and sinks: who gets what, and what an attempt to emit returns (EmitResult).
import { describe, expect, test } from 'vitest';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { EmitterProcessor } from '../../../src/app/reactive/processors/emitter.ts';
import type { EmitResult } from '../../../src/app/reactive/processors/emission.ts';
import { Sinks, type ManySink } from '../../../src/app/reactive/sinks.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Worker } from '../../../src/app/worker.ts';
import { Recorder, type Behaviour } from './checked.ts';
import { Hand } from './hand.ts';
import { Machine } from './machine.ts';

/** A machine, and what is done on its main thread. */
class Bench {
  readonly machine = new Machine();

  do(part: (on: Worker) => Sub<unknown>): void {
    this.machine.go(function* (on) {
      yield* part(on);
    });
  }

  join<T>(p: Publisher<T>, behaviour?: Behaviour<T>): Recorder<T> {
    const r = new Recorder<T>(behaviour);
    this.do((on) => p.subscribe(r, on));
    return r;
  }

  emit<T>(sink: ManySink<T>, ...values: T[]): EmitResult[] {
    const results: EmitResult[] = [];
    this.do(function* (on) {
      for (const v of values) results.push(yield* sink.tryEmitNext(v, on));
    });
    return results;
  }
}

describe('a multicast sink (EmitterProcessor)', () => {
  test('keeps what comes before the first subscriber, and refuses what is too much', () => {
    const b = new Bench();
    const sink = Sinks.many().multicast().onBackpressureBuffer<number>(2);
    expect(b.emit(sink, 1, 2, 3)).toEqual(['ok', 'ok', 'zero-subscriber']);
    const first = b.join(sink.asFlux());
    const second = b.join(sink.asFlux());
    expect(b.emit(sink, 4)).toEqual(['ok']);
    expect([first.values, second.values]).toEqual([[1, 2, 4], [4]]);
    expect(sink.currentSubscriberCount).toBe(2);
  });

  test('goes at the pace of the slowest, and says when its queue is full', () => {
    const b = new Bench();
    const sink = Sinks.many().multicast().onBackpressureBuffer<number>(2);
    const fast = b.join(sink.asFlux());
    const slow = b.join(sink.asFlux(), { first: 1 });
    expect(b.emit(sink, 1, 2, 3, 4)).toEqual(['ok', 'ok', 'ok', 'overflow']);
    expect([fast.values, slow.values]).toEqual([[1], [1]]);
    b.do((on) => slow.request(1, on));
    expect([fast.values, slow.values]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    b.do((on) => slow.cancel(on));
    expect(fast.values).toEqual([1, 2, 3]);
  });

  test('gives the end after what waits, an error before it', () => {
    for (const [how, values, end] of [
      ['complete', [1, 2], 'complete'],
      ['error', [1], 'error: bad'],
    ] as const) {
      const b = new Bench();
      const sink = Sinks.many().multicast().onBackpressureBuffer<number>();
      const r = b.join(sink.asFlux(), { first: 1 });
      b.emit(sink, 1, 2);
      if (how === 'complete') b.do((on) => sink.emitComplete(on));
      else b.do((on) => sink.emitError(new Error('bad'), on));
      b.do((on) => r.request(1, on));
      expect([r.values, r.end]).toEqual([values, end]);
      expect(b.emit(sink, 3)).toEqual(['terminated']);
      expect(b.join(sink.asFlux()).end).toBe(end);
    }
  });

  test('with autoCancel closes when the last has left, and cancels its upstream; without it waits for the next', () => {
    for (const auto of [true, false]) {
      const b = new Bench();
      const hand = new Hand();
      const processor = new EmitterProcessor<number>(4, auto);
      b.do((on) => hand.subscribe(processor, on));
      const r = b.join(processor);
      b.do((on) => r.cancel(on));
      expect(hand.cancelled).toBe(auto ? 1 : 0);
      let result: EmitResult = 'ok';
      b.do(function* (on) {
        result = yield* processor.tryEmitNext(7, on);
      });
      expect(result).toBe(auto ? 'cancelled' : 'ok');
      const next = b.join(processor);
      expect([next.values, next.end]).toEqual(auto ? [[], 'complete'] : [[7], null]);
    }
  });

  test('asks its upstream for its buffer, then for as many as it has given to all', () => {
    const b = new Bench();
    const hand = new Hand(20);
    const processor = new EmitterProcessor<number>(4);
    b.do((on) => hand.subscribe(processor, on));
    expect(hand.asked).toEqual([4]);
    const r = b.join(processor, { first: 3 });
    expect([r.values, hand.asked]).toEqual([
      [0, 1, 2],
      [4, 3],
    ]);
  });

  test('fails when its upstream gives more than was asked for', () => {
    const b = new Bench();
    const hand = new Hand();
    const processor = new EmitterProcessor<number>(2);
    b.do((on) => hand.subscribe(processor, on));
    const r = b.join(processor, { first: 0 });
    for (const v of [1, 2, 3]) b.do((on) => hand.subscriber!.onNext(v, on));
    expect([r.end, hand.cancelled]).toEqual(['error: more came than was requested', 1]);
  });
});

describe('a unicast sink', () => {
  test('keeps everything for its one subscriber; a second is told so', () => {
    const b = new Bench();
    const sink = Sinks.many().unicast().onBackpressureBuffer<number>();
    expect(b.emit(sink, 1, 2, 3)).toEqual(['ok', 'ok', 'ok']);
    const r = b.join(sink.asFlux(), { first: 2 });
    expect(r.values).toEqual([1, 2]);
    expect(b.join(sink.asFlux()).end).toMatch(/^error: .*single Subscriber/);
    b.do((on) => sink.emitComplete(on));
    expect(r.end).toBe(null);
    b.do((on) => r.request(1, on));
    expect([r.values, r.end]).toEqual([[1, 2, 3], 'complete']);
  });

  test('with a bound says when it is reached, and whether anybody is there', () => {
    const b = new Bench();
    const sink = Sinks.many().unicast().onBackpressureBuffer<number>(1);
    expect(b.emit(sink, 1, 2)).toEqual(['ok', 'zero-subscriber']);
    const r = b.join(sink.asFlux(), { first: 0 });
    expect(b.emit(sink, 3)).toEqual(['overflow']);
    b.do((on) => r.cancel(on));
    expect(b.emit(sink, 4)).toEqual(['cancelled']);
  });
});

describe('a replay sink', () => {
  test('gives who comes later the latest elements, each at its own pace', () => {
    const b = new Bench();
    const sink = Sinks.many().replay().limit<number>(2);
    const slow = b.join(sink.asFlux(), { first: 1 });
    b.emit(sink, 1, 2, 3, 4);
    expect(b.join(sink.asFlux()).values).toEqual([3, 4]);
    b.do((on) => slow.request(9, on));
    expect(slow.values).toEqual([1, 2, 3, 4]);
    b.do((on) => sink.emitError(new Error('bad'), on));
    const late = b.join(sink.asFlux());
    expect([late.values, late.end]).toEqual([[3, 4], 'error: bad']);
  });

  test('latest remembers one, all everything', () => {
    const b = new Bench();
    const latest = Sinks.many().replay().latest<number>();
    const all = Sinks.many().replay().all<number>();
    b.emit(latest, 1, 2, 3);
    b.emit(all, 1, 2, 3);
    expect([b.join(latest.asFlux()).values, b.join(all.asFlux()).values]).toEqual([[3], [1, 2, 3]]);
  });

  test('of one: a Mono that remembers', () => {
    const b = new Bench();
    const sink = Sinks.one<number>();
    const early = b.join(sink.asMono());
    b.do((on) => sink.tryEmitValue(7, on));
    const late = b.join(sink.asMono());
    expect([early.values, early.end, late.values, late.end]).toEqual([
      [7],
      'complete',
      [7],
      'complete',
    ]);
  });
});

test('two threads that emit at once: the second is refused (SinkManySerialized)', () => {
  const b = new Bench();
  const sink = Sinks.many().multicast().onBackpressureBuffer<string>();
  const r = new Recorder<string>({
    first: 9,
    *next(v, _r, on) {
      // The same thread may, from within.
      if (v === 'a') results.push(yield* sink.tryEmitNext('nested', on));
      yield on.sys.compute(10);
    },
  });
  const results: EmitResult[] = [];
  b.do((on) => sink.asFlux().subscribe(r, on));
  b.machine.start('a', function* (on) {
    results.push(yield* sink.tryEmitNext('a', on));
  });
  b.machine.start('b', function* (on) {
    yield on.sys.nanosleep(5);
    results.push(yield* sink.tryEmitNext('b', on));
  });
  b.machine.run();
  expect(results).toEqual(['ok', 'non-serialized', 'ok']);
  expect(r.values).toEqual(['a', 'nested']);
});

describe('share', () => {
  test('subscribes once for all, cancels when all have left, and begins anew for the next (FluxRefCount)', () => {
    const b = new Bench();
    const seen: string[] = [];
    const shared = Flux.range(0, 3)
      .concatWith(Flux.never())
      .doOnSubscribe(() => void seen.push('subscribe'))
      .doOnCancel(() => void seen.push('cancel'))
      .share();
    const first = b.join(shared);
    const second = b.join(shared);
    // Who comes later has missed what came before.
    expect([first.values, second.values]).toEqual([[0, 1, 2], []]);
    b.do((on) => first.cancel(on));
    expect(seen).toEqual(['subscribe']);
    b.do((on) => second.cancel(on));
    expect(seen).toEqual(['subscribe', 'cancel']);
    expect(b.join(shared).values).toEqual([0, 1, 2]);
    expect(seen).toEqual(['subscribe', 'cancel', 'subscribe']);
  });

  test('publish does nothing before it is connected; dispose tells who is there', () => {
    const b = new Bench();
    const shared = Flux.range(0, 2).concatWith(Flux.never()).publish();
    const both = [b.join(shared), b.join(shared)];
    expect(both.map((r) => r.values)).toEqual([[], []]);
    b.do(function* (on) {
      const connection = yield* shared.connect(on);
      expect(both.map((r) => r.values)).toEqual([
        [0, 1],
        [0, 1],
      ]);
      yield* connection.dispose(on);
    });
    expect(both.map((r) => r.end)).toEqual(['error: disconnected', 'error: disconnected']);
  });

  test('publish drops what comes when nobody has subscribed, and keeps it when all have left (INIT, CANCELLED)', () => {
    const b = new Bench();
    const hand = new Hand();
    const shared = Flux.from(hand).publish(4);
    b.do((on) => shared.connect(on));
    b.do((on) => hand.subscriber!.onNext(1, on));
    const r = b.join(shared);
    b.do((on) => hand.subscriber!.onNext(2, on));
    b.do((on) => r.cancel(on));
    b.do((on) => hand.subscriber!.onNext(3, on));
    expect([r.values, b.join(shared).values]).toEqual([[2], [3]]);
  });

  test('refCount(2) waits for two, autoConnect stays connected', () => {
    const b = new Bench();
    let cancelled = 0;
    const source = Flux.range(0, 2)
      .concatWith(Flux.never())
      .doOnCancel(() => void cancelled++);
    const two = source.publish().refCount(2);
    const first = b.join(two);
    expect(first.values).toEqual([]);
    b.join(two);
    expect(first.values).toEqual([0, 1]);
    const r = b.join(source.publish().autoConnect());
    b.do((on) => r.cancel(on));
    expect([r.values, cancelled]).toEqual([[0, 1], 0]);
  });
});
