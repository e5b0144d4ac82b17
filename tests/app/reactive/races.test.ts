// What comes at the wrong moment: an end in the middle of an element, a cancel while something is being handed over.
import { describe, expect, test } from 'vitest';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import type { Scheduler } from '../../../src/app/reactive/scheduler.ts';
import type { Publisher, Subscriber } from '../../../src/app/reactive/streams.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Worker } from '../../../src/app/worker.ts';
import { Checked, Findings, Recorder } from './checked.ts';
import { Hand } from './hand.ts';
import { Machine } from './machine.ts';

describe('an end that comes while an element is being given waits until that is over (§1.3)', () => {
  type Chain = (source: Hand, machine: Machine) => Publisher<unknown>;
  const CHAINS: readonly [string, Chain][] = [
    ['concatMap', (s, m) => Flux.from(s).concatMap(() => Mono.delay(5, m.parallel))],
    ['concatMap, prefetch 4', (s, m) => Flux.from(s).concatMap(() => Mono.delay(5, m.parallel), 4)],
    ['flatMap', (s, m) => Flux.from(s).flatMap(() => Mono.delay(5, m.parallel))],
    ['zip', (s, m) => Flux.zip([s, Mono.delay(5, m.parallel)], () => 0)],
    ['publishOn', (s, m) => Flux.from(s).publishOn(m.parallel)],
    ['merge', (s, m) => Flux.merge([s, Mono.delay(5, m.parallel)])],
  ];

  test.each(CHAINS)('%s', (_name, chain) => {
    const machine = new Machine();
    const findings = new Findings();
    const source = new Hand(1);
    const times: [string, number][] = [];
    const recorder = new Recorder<unknown>({
      first: 10,
      *next(_v, _r, on) {
        yield on.sys.compute(100);
        times.push(['element', machine.now]);
      },
    });
    machine.start('main', function* (on) {
      yield* new Checked(chain(source, machine), findings, 'end').subscribe(recorder, on);
      yield on.sys.nanosleep(20);
      yield* source.subscriber!.onError(new Error('upstream'), on);
    });
    machine.run();
    expect(findings.broken).toEqual([]);
    expect(recorder.end).toBe('error: upstream');
    expect(times[0]![1]).toBeGreaterThanOrEqual(100);
  });

  test.each<[string, Chain]>([
    ...CHAINS,
    ['thenMany', (s) => Flux.empty().thenMany(s)],
    ['subscribeOn', (s, m) => Flux.from(s).subscribeOn(m.parallel)],
    ['onErrorResume', (s) => Flux.from(s).onErrorResume(() => Flux.never())],
    ['onBackpressureBuffer', (s) => Flux.from(s).onBackpressureBuffer()],
    [
      'doOnRequest',
      (s) =>
        Flux.from(s).doOnRequest((n) => {
          if (n === -1) throw new RangeError('hook §3.9');
        }),
    ],
  ])('when it is a request against §3.9 by another thread: %s', (_name, chain) => {
    const machine = new Machine();
    const findings = new Findings();
    let during = 'nothing';
    const recorder: Recorder<unknown> = new Recorder<unknown>({
      first: 10,
      *next(_v, _r, on) {
        yield on.sys.compute(100);
        during = recorder.end ?? 'nothing';
      },
    });
    machine.start('main', (on) =>
      new Checked(chain(new Hand(1), machine), findings, 'end').subscribe(recorder, on),
    );
    machine.start('other', function* (on) {
      yield on.sys.nanosleep(20);
      yield* recorder.request(-1, on);
    });
    machine.run();
    expect(findings.broken).toEqual([]);
    expect(during).toBe('nothing');
    expect(recorder.end).toMatch(/error: .*§3\.9/);
  });
});

/** A source that takes its time before it gives the subscription. */
class Slow implements Publisher<number> {
  readonly hand = new Hand(3);
  subscribed = 0;

  *subscribe(s: Subscriber<number>, on: Worker): Sub<void> {
    this.subscribed++;
    yield on.sys.nanosleep(20);
    yield* this.hand.subscribe(s, on);
  }
}

describe('a cancel that comes while a source is being subscribed to reaches it (§2.5, §3.12)', () => {
  test.each<[string, (slow: Slow, machine: Machine) => Publisher<number>]>([
    ['flatMap', (s) => Flux.range(0, 3).flatMap(() => s)],
    ['concatMap', (s) => Flux.range(0, 3).concatMap(() => s)],
    ['concatMap, prefetch 2', (s) => Flux.range(0, 3).concatMap(() => s, 2)],
    ['subscribeOn', (s, m) => Flux.from(s).subscribeOn(m.parallel)],
    ['andThen', (s) => Flux.empty().thenMany(s)],
    ['retry', (s) => Flux.from(s).retry()],
    ['concat', (s) => Flux.concat([s, s])],
    ['zip', (s) => Flux.zip([s, s], () => 0)],
  ])('%s', (_name, chain) => {
    const machine = new Machine();
    const slow = new Slow();
    const recorder = new Recorder<number>();
    machine.start('main', (on) => chain(slow, machine).subscribe(recorder, on));
    machine.start('other', function* (on) {
      yield on.sys.nanosleep(10);
      yield* recorder.cancel(on);
    });
    machine.run();
    expect([recorder.values, recorder.end]).toEqual([[], null]);
    // One may have been subscribed to, and that one has been cancelled; nothing was asked of it.
    expect([slow.subscribed, slow.hand.cancelled, slow.hand.asked]).toEqual([1, 1, []]);
  });
});

describe('a cancel that comes while a mapper runs: what it gives is not subscribed to', () => {
  test.each<[string, (f: Flux<number>, mapper: () => Sub<Publisher<number>>) => Flux<unknown>]>([
    ['zip', (f, mapper) => Flux.zip([f], mapper)],
    ['flatMap', (f, mapper) => f.flatMap(mapper)],
    ['concatMap', (f, mapper) => f.concatMap(mapper)],
    ['concatMap, prefetch 2', (f, mapper) => f.concatMap(mapper, 2)],
  ])('%s', (_name, chain) => {
    const machine = new Machine();
    const slow = new Slow();
    const recorder = new Recorder<unknown>();
    machine.start('main', function* (on) {
      function* mapper(): Sub<Publisher<number>> {
        yield on.sys.compute(20);
        return slow;
      }
      yield* chain(Flux.range(0, 3), mapper).subscribe(recorder, on);
    });
    machine.start('other', function* (on) {
      yield on.sys.nanosleep(10);
      yield* recorder.cancel(on);
    });
    machine.run();
    expect([slow.subscribed, recorder.values, recorder.end]).toEqual([0, [], null]);
  });
});

describe('a delay that is cancelled', () => {
  test('leaves nothing to wait for', () => {
    const machine = new Machine();
    const r = new Recorder<number>();
    machine.go(function* (on) {
      yield* Mono.delay(50, machine.parallel).subscribe(r, on);
      yield* r.cancel(on);
    });
    expect([machine.now, r.end]).toEqual([0, null]);
  });

  test.each<[string, (late: Scheduler) => Publisher<number>]>([
    ['a delay', (late) => Mono.delay(50, late)],
    ['a timeout', (late) => Flux.range(0, 3).timeout(50, late)],
  ])('while it is being handed over leaves nothing to wait for, either: %s', (_name, chain) => {
    const machine = new Machine();
    // Its thread is only made when the cancel has come.
    const late: Scheduler = {
      name: 'late',
      *worker(on) {
        yield on.sys.nanosleep(20);
        return yield* machine.parallel.worker(on);
      },
    };
    const r = new Recorder<number>();
    machine.start('main', (on) => chain(late).subscribe(r, on));
    machine.start('other', function* (on) {
      yield on.sys.nanosleep(10);
      yield* r.cancel(on);
    });
    machine.run();
    expect([machine.now, r.values, r.end]).toEqual([20, [], null]);
  });
});

test('flatMap goes on with the stream at which demand ran out, though an earlier slot is full again (lastIndex)', () => {
  const machine = new Machine();
  const recorder = new Recorder<string>({ first: 0 });
  const named = (name: string, n: number): Flux<string> =>
    Flux.range(0, n).map((i) => `${name}${i}`);
  const streams = [named('a', 1), named('b', 4), named('c', 2)];
  machine.go(function* (on) {
    yield* Flux.fromIterable(streams)
      .flatMap((s) => s, 2)
      .subscribe(recorder, on);
    yield* recorder.request(3, on);
    yield* recorder.request(2, on);
  });
  // c has the slot that a had.
  expect(recorder.values).toEqual(['a0', 'b0', 'b1', 'b2', 'b3']);
});

test('what has been cancelled does not go on with another stream, though the first one ends (§2.8)', () => {
  const machine = new Machine();
  const [first, second] = [new Hand(), new Slow()];
  const r = new Recorder<number>();
  machine.go(function* (on) {
    yield* Flux.concat<number>([first, second]).subscribe(r, on);
    yield* r.cancel(on);
    yield* first.subscriber!.onComplete(on);
  });
  expect(second.subscribed).toBe(0);
});
