/** The executor by itself: whatever the order in which its threads and its callers run, and whenever idle threads lose patience. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TOMCAT_DEFAULTS } from '../../../src/app/options.ts';
import type { Sub } from '../../../src/app/setup.ts';
import { Executor } from '../../../src/app/tomcat/executor.ts';
import { TomcatMeters } from '../../../src/app/tomcat/meters.ts';
import type { Sys, ThreadBody } from '../../../src/kernel/syscall.ts';
import { prop } from '../../support/prop.ts';
import { FakeProbe, FutexKernel } from '../driver.ts';

interface Limits {
  readonly minSpareThreads: number;
  readonly maxThreads: number;
  readonly maxQueueSize: number | null;
}

/** What has become of `tasks` given by two threads, and what is left in the end. */
function served(
  limits: Limits,
  tasks: number,
  turns: readonly number[],
  Pool = Executor,
): {
  ran: number[];
  refused: number[];
  threads: number;
  waiting: number;
  peaks: number[];
  queued: number;
} {
  const o = { ...TOMCAT_DEFAULTS, listen: 80, ...limits };
  const meters = new TomcatMeters(o, new FakeProbe());
  const pool = new Pool(o, meters, null);
  let turn = 0;
  const kernel = new FutexKernel((m) => (turns[turn++ % turns.length] ?? 0) % m);
  const ran: number[] = [];
  const refused: number[] = [];
  kernel.spawn(function* (sys): ThreadBody {
    yield* pool.prestart(sys);
  });
  for (const half of [0, 1]) {
    kernel.spawn(function* (sys): ThreadBody {
      for (let i = half; i < tasks; i += 2) {
        yield sys.schedYield();
        const taken = yield* pool.execute(sys, function* (on) {
          yield on.sys.compute(1);
          ran.push(i);
        });
        if (!taken) refused.push(i);
      }
    });
  }
  const waiting = kernel.run();
  return {
    ran: ran.toSorted((a, b) => a - b),
    refused,
    threads: meters.threads.depth,
    waiting,
    peaks: [meters.threads.peak, meters.queue.peak, meters.busy.peak],
    queued: meters.queue.depth,
  };
}

const limits = fc
  .record({
    core: fc.integer({ min: 1, max: 3 }),
    more: fc.integer({ min: 0, max: 3 }),
    maxQueueSize: fc.option(fc.integer({ min: 1, max: 3 })),
  })
  .map((l) => ({
    minSpareThreads: l.core,
    maxThreads: l.core + l.more,
    maxQueueSize: l.maxQueueSize,
  }));
const world: [fc.Arbitrary<Limits>, fc.Arbitrary<number>, fc.Arbitrary<number[]>] = [
  limits,
  fc.integer({ min: 0, max: 25 }),
  fc.array(fc.nat(100), { minLength: 1, maxLength: 40 }),
];

const holds =
  (Pool: typeof Executor) =>
  (l: Limits, tasks: number, turns: number[]): void => {
    const r = served(l, tasks, turns, Pool);
    expect([...r.ran, ...r.refused].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: tasks }, (_, i) => i),
    );
    expect(r.queued).toBe(0);
    expect(r.peaks[0]).toBeLessThanOrEqual(l.maxThreads);
    expect(r.peaks[1]).toBeLessThanOrEqual(l.maxQueueSize ?? Infinity);
    expect(r.peaks[2]).toBeLessThanOrEqual(r.peaks[0]!);
    if (l.maxQueueSize === null) expect(r.refused).toEqual([]);
    // Those above the core have lost patience; the others wait for ever.
    expect([r.threads, r.waiting]).toEqual([l.minSpareThreads, l.minSpareThreads]);
  };

it('runs every task that it has taken, once; threads, queue and idle threads keep their bounds, in any order', () => {
  prop(world, holds(Executor), { numRuns: 300 });
});

/** Mutant: a task is queued, and nobody is woken. */
class Forgets extends Executor {
  override *execute(sys: Sys, task: Parameters<Executor['execute']>[1]): Sub<boolean> {
    this['idle'] = 0;
    return yield* super.execute(sys, task);
  }
}
// oxlint-disable-next-line require-yield -- it only refuses
function* refuse(): Sub<boolean> {
  return false;
}

/** Mutant: refuses when its threads are busy, although the queue has room (TaskQueue without force()). */
class Timid extends Executor {
  private readonly real: (sys: Sys, task: Parameters<Executor['execute']>[1]) => Sub<boolean> =
    this['offer'].bind(this);
  override *execute(sys: Sys, task: Parameters<Executor['execute']>[1]): Sub<boolean> {
    const busy = this.active === this['poolSize'];
    this['offer'] = busy ? refuse : this.real;
    return yield* super.execute(sys, task);
  }
}

it.each([
  ['that forgets to wake', Forgets],
  ['that refuses what it could queue', Timid],
])('[mutant] one %s is found', (_, Pool) => {
  expect(() => prop(world, holds(Pool), { numRuns: 300 })).toThrow(/replay/);
});
