import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DelayQueue } from '../../../src/app/reactive/delay-queue.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { Schedulers } from '../../../src/app/reactive/schedulers.ts';
import { LambdaSubscriber } from '../../../src/app/reactive/subscriber.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Cancellable, Task, Worker } from '../../../src/app/worker.ts';
import { prop } from '../../support/prop.ts';
import { Recorder } from './checked.ts';
import { Machine } from './machine.ts';

const ms = 1_000_000;

describe('the queue of delayed tasks', () => {
  const op = fc.oneof(
    // Mostly put, so that the heap gets deep.
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), due: fc.nat(30) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('remove' as const), which: fc.nat(40) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('first' as const) }) },
  );
  type Op = typeof op extends fc.Arbitrary<infer T> ? T : never;

  /** The queue beside a list that is sorted each time. @returns what differed, or null */
  function difference(ops: readonly Op[], queue: DelayQueue): string | null {
    const all: { item: ReturnType<DelayQueue['put']>; due: number }[] = [];
    let list: typeof all = [];
    for (const o of ops) {
      if (o.kind === 'put') {
        all.push({ item: queue.put(nothing, o.due), due: o.due });
        // A stable sort: those that are due together stay in the order they came in.
        list = [...list, all.at(-1)!].toSorted((a, b) => a.due - b.due);
      } else {
        const one = o.kind === 'first' ? list[0] : all[o.which];
        if (one === undefined) continue;
        if (queue.remove(one.item) !== list.includes(one)) return `${o.kind}: was it there?`;
        list = list.filter((x) => x !== one);
      }
      if (queue.peek() !== list[0]?.item) return `${o.kind}: another is the first`;
      if (queue.length !== list.length) return `${o.kind}: another length`;
    }
    for (const { item } of list) {
      if (queue.peek() !== item) return 'at the end: another order';
      queue.remove(item);
    }
    return null;
  }

  test('gives what is due first, then what came first, whatever is taken out meanwhile', () => {
    prop(
      [fc.array(op, { minLength: 30, maxLength: 90 })],
      (ops) => difference(ops, new DelayQueue()) === null,
      {
        numRuns: 1_000,
      },
    );
  });

  test('is seen to give the last that came first [mutant]', () => {
    class LastInFirstOut extends DelayQueue {
      private puts = 0;
      override put(task: Task, due: number): ReturnType<DelayQueue['put']> {
        return super.put(task, due - ++this.puts / 1_000);
      }
    }
    expect(() =>
      prop(
        [fc.array(op, { maxLength: 60 })],
        (ops) => difference(ops, new LastInFirstOut()) === null,
      ),
    ).toThrow('Property failed');
  });
});

/** What a test says to a machine with the pool, and the trail that tasks leave. */
function onMain(part: (on: Worker, note: (what: string) => Task, m: Machine) => Sub<void>): {
  trail: string[];
  machine: Machine;
  left: string[];
} {
  const trail: string[] = [];
  const machine = new Machine();
  const note =
    (what: string): Task =>
    (on) => {
      trail.push(`${what} on ${on.name} at ${machine.now / ms}`);
      return nothing();
    };
  const left = machine.go((on) => part(on, note, machine));
  return { trail, machine, left };
}

describe('Schedulers.parallel', () => {
  test('gives its threads in turn, and makes each when it is first used', () => {
    const { trail, machine, left } = onMain(function* (on, note, m) {
      for (const what of ['a', 'b', 'c']) {
        const worker = yield* m.parallel.worker(on);
        expect(m.calls['clone']).toBe(what === 'a' ? 1 : 2);
        expect(yield* worker.execute(on, note(what))).toBe(true);
      }
    });
    expect(trail.toSorted()).toEqual([
      'a on parallel-1 at 0',
      'b on parallel-2 at 0',
      'c on parallel-1 at 0',
    ]);
    expect(machine.calls['clone']).toBe(2);
    expect(left).toEqual(['parallel-1', 'parallel-2']);
  });

  test('runs tasks when they are due, in order, one at a time', () => {
    const { trail } = onMain(function* (on, note, m) {
      const worker = yield* m.parallel.worker(on);
      yield* worker.schedule(on, note('later'), 5 * ms);
      yield* worker.schedule(on, note('soon'), 2 * ms);
      yield* worker.schedule(on, note('later, too'), 5 * ms);
      yield* worker.execute(on, function* (by) {
        yield by.sys.compute(3 * ms);
      });
      yield* worker.execute(on, note('behind the computation'));
    });
    expect(trail).toEqual([
      'behind the computation on parallel-1 at 3',
      'soon on parallel-1 at 3',
      'later on parallel-1 at 5',
      'later, too on parallel-1 at 5',
    ]);
  });

  test('wakes its thread only when it sleeps, and only for what is due first (DelayedWorkQueue)', () => {
    const wakes = (delays: number[], gap = 1_000): number => {
      const { machine, trail } = onMain(function* (on, note, m) {
        const worker = yield* m.parallel.worker(on);
        yield on.sys.nanosleep(ms);
        for (const delay of delays) {
          yield* worker.schedule(on, note('task'), delay);
          if (gap > 0) yield on.sys.nanosleep(gap);
        }
      });
      expect(trail.length).toBe(delays.length);
      return machine.calls['futex_wake'] ?? 0;
    };
    expect(wakes([])).toBe(0);
    expect(wakes([5 * ms])).toBe(1);
    expect(wakes([5 * ms, 6 * ms, 7 * ms])).toBe(1);
    expect(wakes([7 * ms, 6 * ms, 5 * ms])).toBe(3);
    // It has been woken already, and has not had its turn.
    expect(wakes([7 * ms, 6 * ms, 5 * ms], 0)).toBe(1);
  });

  test('wakes nobody while its thread is at work', () => {
    const { machine, trail } = onMain(function* (on, note, m) {
      const worker = yield* m.parallel.worker(on);
      yield on.sys.nanosleep(ms);
      yield* worker.execute(on, function* (by) {
        yield by.sys.compute(5 * ms);
      });
      yield on.sys.nanosleep(ms);
      for (const what of ['a', 'b', 'c']) yield* worker.execute(on, note(what));
    });
    expect(trail.length).toBe(3);
    expect(machine.calls['futex_wake']).toBe(1);
  });

  test('forgets a task that is cancelled before it is due: nothing wakes for it (setRemoveOnCancelPolicy)', () => {
    const { trail, machine } = onMain(function* (on, note, m) {
      const worker = yield* m.parallel.worker(on);
      const tasks: Cancellable[] = [];
      for (const delay of [5, 6, 7])
        tasks.push(yield* worker.schedule(on, note(`${delay}`), delay * ms));
      tasks[1]!.cancel();
      tasks[2]!.cancel();
      tasks[2]!.cancel();
    });
    expect(trail).toEqual(['5 on parallel-1 at 5']);
    expect(machine.now).toBe(5 * ms);
  });

  test('loses no task and delays none, whoever gives it when: random times and turns', () => {
    prop(
      [
        fc.array(fc.record({ after: fc.nat(4), delay: fc.nat(9) }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 1_000_000 }),
      ],
      (tasks, turns) => {
        let x = turns;
        const machine = new Machine((n) => (x = (x * 48_271) % 2_147_483_647) % n);
        let ran = 0;
        tasks.forEach(({ after, delay }, i) =>
          machine.start(`gives-${i}`, function* (on) {
            yield on.sys.nanosleep(after);
            const worker = yield* machine.parallel.worker(on);
            const task: Task = function* (by) {
              yield by.sys.schedYield();
              // Nothing here takes time, so it runs when it is due and not later.
              if (machine.now === after + delay) ran++;
            };
            if (delay === 0) yield* worker.execute(on, task);
            else yield* worker.schedule(on, task, delay);
          }),
        );
        machine.run();
        expect(ran).toBe(tasks.length);
      },
      { numRuns: 2_000 },
    );
  });

  test('ends its threads whenever it is disposed of; each task has run by then, or was refused, or waited', () => {
    const item = fc.record({ after: fc.nat(4), delay: fc.nat(4) });
    prop(
      [fc.array(item, { maxLength: 8 }), fc.nat(6), fc.integer({ min: 1, max: 1_000_000 })],
      (tasks, disposed, turns) => {
        let x = turns;
        const machine = new Machine((n) => (x = (x * 48_271) % 2_147_483_647) % n);
        let ran = 0;
        for (const { after, delay } of tasks)
          machine.start('gives', function* (on) {
            yield on.sys.nanosleep(after);
            yield* Mono.delay(delay, machine.parallel).subscribe(
              new LambdaSubscriber({ next: () => void ran++, error() {} }),
              on,
            );
          });
        machine.start('disposes', function* (on) {
          yield on.sys.nanosleep(disposed);
          yield* machine.parallel.dispose(on);
        });
        expect(machine.run()).toEqual([]);
        // At once: no thread sleeps on until what it waited for would have been due.
        expect(machine.now).toBe(Math.max(disposed, ...tasks.map(({ after }) => after)));
        const before = tasks.filter(({ after, delay }) => after + delay < disposed).length;
        expect(ran).toBeGreaterThanOrEqual(before);
      },
      { numRuns: 2_000 },
    );
  });

  test('ends its threads when it is disposed of, and refuses work then', () => {
    const machine = new Machine();
    const worked = new Recorder<number>();
    const left = machine.go(function* (on) {
      yield* Mono.delay(ms, machine.parallel).subscribe(worked, on);
      yield on.sys.nanosleep(2 * ms);
      yield* machine.parallel.dispose(on);
    });
    expect([worked.end, left]).toEqual(['complete', []]);
    for (const refused of [
      Mono.delay(ms, machine.parallel),
      Flux.range(0, 3).publishOn(machine.parallel),
      Flux.range(0, 3).subscribeOn(machine.parallel),
    ]) {
      const r = new Recorder<number>();
      machine.go((on) => refused.subscribe(r, on));
      expect(r.end).toMatch(/^error: parallel-\d has been shut down$/);
    }
  });
});

describe('Schedulers.immediate', () => {
  test('runs what it is given at once, on the thread that gives it', () => {
    const machine = new Machine();
    const r = new Recorder<number>();
    machine.go((on) => Flux.range(0, 3).publishOn(Schedulers.immediate()).subscribe(r, on));
    expect([r.values, r.threads]).toEqual([
      [0, 1, 2],
      ['main', 'main', 'main'],
    ]);
  });

  test('cannot wait, and says so', () => {
    const r = new Recorder<number>();
    new Machine().go((on) => Mono.delay(1, Schedulers.immediate()).subscribe(r, on));
    expect(r.end).toContain('cannot wait');
  });
});
