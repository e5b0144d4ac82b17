import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ConnectionQueue } from '../../src/app/blocking/pool.ts';
import type { Sub } from '../../src/app/setup.ts';
import type { Sys, ThreadBody } from '../../src/kernel/syscall.ts';
import { prop } from '../support/prop.ts';
import { FakeProbe, FutexKernel } from './driver.ts';

/** Mutant: sem_post without the wake. */
class Forgets extends ConnectionQueue {
  override *put(sys: Sys, fd: number): Sub<number> {
    this['itemWaiters'] = 0;
    return yield* super.put(sys, fd);
  }
}

/** Mutant: takes a wake-up for a promise and does not look again, so another worker may have been faster. */
class LooksOnce extends ConnectionQueue {
  override *take(sys: Sys): Sub<number> {
    if (this['items'].value === 0) {
      this['itemWaiters']++;
      yield sys.futexWait(this['items'], 0);
      this['itemWaiters']--;
    }
    this['items'].value--;
    const fd = this['ring'].shift() ?? 0;
    this['room'].value++;
    if (this['roomWaiters'] > 0) yield sys.futexWake(this['room'], 1);
    return fd;
  }
}

/** Producers put n connections, workers take until they have had `-1`; the order of all steps is drawn. */
function served(
  make: (probe: FakeProbe) => ConnectionQueue,
  n: number,
  workers: number,
  turns: number[],
): { got: number[]; waiting: number; peak: number } {
  const probe = new FakeProbe();
  const queue = make(probe);
  let turn = 0;
  const kernel = new FutexKernel((m) => (turns[turn++ % turns.length] ?? 0) % m);
  const got: number[] = [];
  kernel.spawn(function* (sys): ThreadBody {
    for (let i = 0; i < n + workers; i++) yield* queue.put(sys, i < n ? i : -1);
  });
  for (let w = 0; w < workers; w++) {
    kernel.spawn(function* (sys): ThreadBody {
      for (;;) {
        const fd = yield* queue.take(sys);
        yield sys.compute(1);
        if (fd < 0) return;
        got.push(fd);
      }
    });
  }
  const waiting = kernel.run();
  return { got: got.toSorted((a, b) => a - b), waiting, peak: probe.meters[0]!.peak };
}

const world: [
  fc.Arbitrary<number>,
  fc.Arbitrary<number>,
  fc.Arbitrary<number>,
  fc.Arbitrary<number[]>,
] = [
  fc.integer({ min: 0, max: 30 }),
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 4 }),
  fc.array(fc.nat(100), { minLength: 1, maxLength: 40 }),
];

const holds =
  (make: (bound: number, probe: FakeProbe) => ConnectionQueue) =>
  (n: number, workers: number, bound: number, turns: number[]): boolean => {
    const r = served((probe) => make(bound, probe), n, workers, turns);
    return (
      r.waiting === 0 && r.peak <= bound && r.got.length === n && r.got.every((fd, i) => fd === i)
    );
  };

it('hands every connection to one worker, once, and never holds more than its bound, whatever the schedule [sem_overview(7)]', () => {
  prop(
    world,
    holds((bound, probe) => new ConnectionQueue(bound, probe)),
  );
});

it('fails that when put() does not wake a sleeping worker', () => {
  expect(() =>
    prop(
      world,
      holds((bound, probe) => new Forgets(bound, probe)),
    ),
  ).toThrow('Property failed');
});

it('fails that when a woken worker does not look again', () => {
  expect(() =>
    prop(
      world,
      holds((bound, probe) => new LooksOnce(bound, probe)),
    ),
  ).toThrow('Property failed');
});

it('makes no system call when nobody sleeps', () => {
  const probe = new FakeProbe();
  const queue = new ConnectionQueue(2, probe);
  const kernel = new FutexKernel(() => 0);
  kernel.spawn(function* (sys): ThreadBody {
    yield* queue.put(sys, 7);
    expect(yield* queue.take(sys)).toBe(7);
  });
  expect(kernel.run()).toBe(0);
  expect(kernel.steps).toBe(1);
});
