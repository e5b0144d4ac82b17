import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Mutex } from '../../src/app/mutex.ts';
import type { Sub } from '../../src/app/setup.ts';
import type { Sys, ThreadBody } from '../../src/kernel/syscall.ts';
import { prop } from '../support/prop.ts';
import { FutexKernel } from './driver.ts';

/** Mutant: gives the lock back without a word. */
class Forgets extends Mutex {
  override *unlock(sys: Sys): Sub<void> {
    this['word'].value = 0;
    yield sys.compute(1);
  }
}

/** Mutant: takes a wake-up for the lock itself. */
class LooksOnce extends Mutex {
  override *lock(sys: Sys): Sub<number> {
    const word = this['word'];
    if (word.value !== 0) {
      word.value = 2;
      yield sys.futexWait(word, 2);
    }
    word.value = 2;
    return 0;
  }
}

/** Mutant: after a sleep it forgets that others may sleep too. */
class WakesOne extends Mutex {
  override *lock(sys: Sys): Sub<number> {
    const r = yield* super.lock(sys);
    this['word'].value = 1;
    return r;
  }
}

/** `n` threads go through the lock `rounds` times each, in an order that is drawn. */
function through(
  mutex: Mutex,
  n: number,
  rounds: number,
  turns: readonly number[],
): { most: number; done: number; waiting: number } {
  let turn = 0;
  let inside = 0;
  let most = 0;
  let done = 0;
  const kernel = new FutexKernel((m) => (turns[turn++ % turns.length] ?? 0) % m);
  for (let i = 0; i < n; i++) {
    kernel.spawn(function* (sys): ThreadBody {
      for (let k = 0; k < rounds; k++) {
        yield sys.compute(1);
        yield* mutex.lock(sys);
        most = Math.max(most, ++inside);
        yield sys.compute(1);
        inside--;
        yield* mutex.unlock(sys);
        done++;
      }
    });
  }
  return { waiting: kernel.run(), most, done };
}

const worlds: [fc.Arbitrary<number>, fc.Arbitrary<number>, fc.Arbitrary<number[]>] = [
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 6 }),
  fc.array(fc.nat(100), { minLength: 1, maxLength: 40 }),
];
const holds =
  (make: () => Mutex) =>
  (n: number, rounds: number, turns: number[]): void => {
    expect(through(make(), n, rounds, turns)).toEqual({ most: 1, done: n * rounds, waiting: 0 });
  };

it('lets one thread in at a time, and in the end all, whatever the schedule [Drepper, mutex2]', () => {
  prop(
    worlds,
    holds(() => new Mutex()),
  );
});

it.each([
  ['wakes nobody', Forgets],
  ['takes a wake-up for the lock', LooksOnce],
  ['forgets the others after a sleep', WakesOne],
])('[mutant] a lock that %s is found', (_name, M) => {
  expect(() =>
    prop(
      worlds,
      holds(() => new M()),
    ),
  ).toThrow('Property failed');
});

it('costs no system call while nobody else wants it', () => {
  const mutex = new Mutex();
  const kernel = new FutexKernel(() => 0);
  kernel.spawn(function* (sys): ThreadBody {
    for (let i = 0; i < 3; i++) {
      expect(yield* mutex.lock(sys)).toBe(0);
      yield* mutex.unlock(sys);
    }
  });
  expect([kernel.run(), kernel.steps]).toEqual([0, 1]);
});
