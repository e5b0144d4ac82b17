import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BILL_SYSTEM, BILL_USER } from '../../../src/kernel/cpu.ts';
import {
  EAGAIN,
  EINTR,
  EMFILE,
  ETIMEDOUT,
  Futex,
  NR_FUTEX_WAIT,
  NR_RECV,
  NR_SEND,
  type Sys,
  type ThreadBody,
} from '../../../src/kernel/syscall.ts';
import type { Syscall, Thread } from '../../../src/kernel/thread.ts';
import { WaitQueue } from '../../../src/kernel/wait-queue.ts';
import { prop } from '../../support/prop.ts';
import { World } from './support.ts';

describe('the protocol of a system call', () => {
  it('costs its entry, then each phase, billed as system; the result comes when all is spent', () => {
    const w = new World();
    const phases: number[] = [];
    const call: Syscall = (t, trap) => {
      phases.push(w.engine.now);
      if (trap.phase < 2) return 100 * ++trap.phase;
      return t.done(trap.a + 1);
    };
    const host = w.host({ costs: { syscall: 10, contextSwitch: 1 } }, [[NR_RECV, call]]);
    const results: number[] = [];
    host.process('p').spawn(function* (sys): ThreadBody {
      results.push(yield sys.recv(3, 41, 0), w.engine.now);
    });
    w.run();
    expect(phases).toEqual([11, 111, 311]);
    expect(results).toEqual([42, 311]);
    expect(host.cores[0]!.spent(BILL_SYSTEM)).toBe(310 + 10); // exit(2) too
  });

  it('a blocked call is tried again from phase 0, and keeps what its trap remembers', () => {
    const w = new World();
    const queue = new WaitQueue();
    const seen: string[] = [];
    const call: Syscall = (t, trap) => {
      seen.push(`phase ${trap.phase} progress ${trap.progress}`);
      if (trap.phase === 0) {
        trap.phase = 1;
        return 5;
      }
      trap.progress += 10;
      return trap.progress < 30 ? t.waitOn(queue, true) : t.done(trap.progress);
    };
    const host = w.host({}, [[NR_RECV, call]]);
    const t = host.process('p').spawn(function* (sys): ThreadBody {
      expect(yield sys.recv(0, 1, 0)).toBe(30);
    });
    w.when(100, () => void queue.wake(0, 1, false));
    w.when(200, () => void queue.wake(0, 1, false));
    w.run();
    expect(seen).toEqual([
      'phase 0 progress 0',
      'phase 1 progress 0',
      'phase 0 progress 10',
      'phase 1 progress 10',
      'phase 0 progress 20',
      'phase 1 progress 20',
    ]);
    expect(t.dead).toBe(true);
    expect(t.nvcsw).toBe(2);
  });

  it('says which thread yields something else, yields nothing new, or forgets to yield', () => {
    const run = (body: (sys: Sys) => ThreadBody): (() => void) => {
      const w = new World();
      w.host().process('worker-7').spawn(body);
      return () => void w.run();
    };
    expect(
      run(function* () {
        yield 5 as never;
      }),
    ).toThrow(/thread worker-7: yielded something that is not a system call/);
    expect(
      run(function* (sys) {
        sys.schedYield();
        yield sys.read(0, 1);
      }),
    ).toThrow(/worker-7: sys.read was called before the frame of sys.sched_yield was yielded/);
    expect(
      run(function* (sys) {
        const trap = sys.schedYield();
        yield trap;
        yield trap;
      }),
    ).toThrow(/worker-7: yielded its trap frame without a system call in it/);
  });

  it('goes on with the body that its body returns: the same calls, no exit between, and its finally blocks', () => {
    const w = new World();
    const host = w.host({ costs: { syscall: 10, exit: 100 } });
    const seen: string[] = [];
    function* last(sys: Sys): ThreadBody {
      try {
        yield sys.nanosleep(50);
        seen.push(`slept until ${w.engine.now}`);
        yield sys.nanosleep(1_000);
      } finally {
        seen.push('finally');
      }
    }
    function* second(sys: Sys): ThreadBody {
      seen.push(`second at ${w.engine.now}`);
      if (seen.length > 1) yield sys.nanosleep(0);
      return last(sys);
    }
    function* first(sys: Sys): ThreadBody {
      yield sys.nanosleep(50);
      return second(sys);
    }
    const t = host.process('p').spawn(first);
    w.when(500, () => t.kill());
    w.run();
    expect(seen).toEqual(['second at 60', 'slept until 120', 'finally']);
    expect(t.dead).toBe(true);
    // Two calls, the interrupted third, and exit(2).
    expect(host.cores[0]!.spent(BILL_SYSTEM)).toBe(3 * 10 + 10 + 100);
  });

  it('says who waits for what when a run ends idle', () => {
    const w = new World();
    const host = w.host();
    const word = new Futex(1);
    host.process('p').spawn(function* (sys): ThreadBody {
      yield sys.compute(250);
      yield sys.futexWait(word, 1);
    });
    expect(w.run()).toBe('idle');
    expect(host.waiting()).toEqual(['h: p: futex_wait() since 250 ns']);
  });

  it('puts each completed call into the lane of its thread: time, call, result', () => {
    const lanes = [0, 1].map((d) => {
      const w = new World();
      const t = w
        .host()
        .process('p')
        .spawn(function* (sys): ThreadBody {
          yield sys.nanosleep(1000 + d);
          yield sys.clockGettime();
        });
      w.run();
      return t.lane;
    });
    expect(lanes[0]!.words).toBe(3 * 5);
    expect([lanes[0]!.a, lanes[0]!.b]).not.toEqual([lanes[1]!.a, lanes[1]!.b]);
  });
});

describe('sleeping', () => {
  it('nanosleep ends exactly, plus what waking costs; its deadline is taken once', () => {
    prop([fc.nat(10_000), fc.nat(50), fc.nat(50)], (d, hrtimer, contextSwitch) => {
      const w = new World();
      const host = w.host({ costs: { hrtimer, contextSwitch } });
      let woke = -1;
      host.process('p').spawn(function* (sys): ThreadBody {
        yield sys.nanosleep(d);
        woke = w.engine.now;
      });
      w.run();
      expect(woke).toBe(contextSwitch + (d === 0 ? 0 : d + hrtimer + contextSwitch));
    });
  });

  it('a spurious wake-up does not shorten or lengthen a timed call', () => {
    const w = new World();
    const host = w.host();
    const word = new Futex(0);
    const out: number[] = [];
    const t = host.process('p').spawn(function* (sys): ThreadBody {
      out.push(yield sys.futexWait(word, 0, 1000), w.engine.now);
      out.push(yield sys.futexWait(word, 5, 1000));
    });
    for (const at of [300, 301, 900]) w.when(at, () => void t.wake(false));
    w.run();
    expect(out).toEqual([-ETIMEDOUT, 1000, -EAGAIN]);
  });

  it('a timerfd expires exactly an interval apart and counts what nobody read', () => {
    const w = new World();
    const host = w.host();
    const out: number[] = [];
    host.process('p').spawn(function* (sys): ThreadBody {
      const fd = yield sys.timerfd();
      const buf = new Uint8Array(8);
      yield sys.timerfdSettime(fd, 1000, 300);
      for (const nap of [0, 0, 1000, 0]) {
        yield sys.nanosleep(nap);
        yield sys.read(fd, 8, buf);
        out.push(w.engine.now, buf[0]!);
      }
      yield sys.timerfdSettime(fd, 0, 0);
      yield sys.setNonblock(fd, true);
      out.push(yield sys.read(fd, 8));
    });
    w.run();
    // 1000, 1300, then 1600 … 2200 (three) read at 2300, then 2500.
    expect(out).toEqual([1000, 1, 1300, 1, 2300, 3, 2500, 1, -EAGAIN]);
  });
});

describe('hand-overs', () => {
  it('an eventfd gives its sum to one reader, or one at a time as a semaphore', () => {
    const w = new World();
    const host = w.host();
    const out: string[] = [];
    const p = host.process('p');
    p.spawn(function* (sys): ThreadBody {
      const sum = yield sys.eventfd(0);
      const sem = yield sys.eventfd(0, 1);
      for (let i = 0; i < 2; i++) {
        yield sys.spawn(function* (s): ThreadBody {
          const buf = new Uint8Array(8);
          yield s.read(sem, 8, buf);
          out.push(`sem ${i} got ${buf[0]}`);
        });
      }
      yield sys.spawn(function* (s): ThreadBody {
        const buf = new Uint8Array(8);
        yield s.read(sum, 8, buf);
        out.push(`sum got ${buf[0]! + 256 * buf[1]!}`);
      });
      yield sys.write(sum, 300);
      yield sys.write(sum, 7);
      yield sys.nanosleep(1000);
      yield sys.write(sem, 2);
    });
    w.run();
    expect(out).toEqual(['sum got 307', 'sem 0 got 1', 'sem 1 got 1']);
    expect([...host.threads()]).toEqual([]);
  });

  it('a pipe hands over every byte once, in order, whatever the sizes [pipe(7)]', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 6 });
    prop(
      [sizes, fc.integer({ min: 1, max: 70_000 })],
      (writes, max) => {
        const w = new World();
        const host = w.host({ costs: { copyPerKiB: 100, pipe: 10 } });
        const total = writes.reduce((a, b) => a + b, 0);
        let got = 0;
        let wrong = 0;
        host.process('p').spawn(function* (sys): ThreadBody {
          const fds = [0, 0];
          yield sys.pipe(fds);
          yield sys.spawn(function* (s): ThreadBody {
            let n = 0;
            for (const size of writes) {
              const bytes = new Uint8Array(size).map(() => n++ % 251);
              expect(yield s.write(fds[1]!, bytes)).toBe(size);
            }
            yield s.close(fds[1]!);
          });
          const buf = new Uint8Array(max);
          for (;;) {
            const n = yield sys.read(fds[0]!, max, buf);
            if (n === 0) break;
            for (let i = 0; i < n; i++) if (buf[i] !== (got + i) % 251) wrong++;
            got += n;
          }
        });
        expect(w.run()).toBe('idle');
        expect(host.waiting()).toEqual([]);
        expect(got).toBe(total);
        expect(wrong).toBe(0);
      },
      { numRuns: 25 },
    );
  });

  it('descriptors are the lowest free ones, and end at the limit with EMFILE', () => {
    const w = new World();
    const host = w.host({ nofile: 3 });
    const out: number[] = [];
    host.process('p').spawn(function* (sys): ThreadBody {
      for (let i = 0; i < 4; i++) out.push(yield sys.eventfd(0));
      yield sys.close(1);
      out.push(yield sys.eventfd(0), yield sys.pipe([0, 0]));
    });
    w.run();
    expect(out).toEqual([0, 1, 2, -EMFILE, 1, -EMFILE]);
  });
});

/** A bounded job of workers that take items handed over by a futex word, as a thread pool does. */
function pool(
  workers: number,
  items: readonly number[],
  cpus: number,
  waitCall: [number, Syscall] | null = null,
  kill: { after: number; forget: boolean } | null = null,
): { done: number[]; left: number; waiting: string[]; results: number[] } {
  const w = new World();
  const costs = { contextSwitch: 20, syscall: 3, futex: 7, ipi: 4 };
  const host = w.host({ cpus, costs }, waitCall === null ? [] : [waitCall]);
  const p = host.process('pool');
  const word = new Futex(0);
  const queue: number[] = [];
  const done: number[] = [];
  const results: number[] = [];
  const threads: Thread[] = [];
  /** Kills the worker that is on its way to the last item, if there is one. */
  const strike = (forget: boolean): void => {
    const t = threads.find((x) => x.wokenBy !== null) ?? threads[0]!;
    if (forget) t.wokenBy = null;
    t.kill();
  };
  for (let i = 0; i < workers; i++) {
    threads.push(
      p.spawn(function* (sys): ThreadBody {
        for (;;) {
          while (queue.length === 0) results.push(yield sys.futexWait(word, word.value));
          const item = queue.shift()!;
          yield sys.compute(item % 50);
          done.push(item);
        }
      }, `worker-${i}`),
    );
  }
  p.spawn(function* (sys): ThreadBody {
    for (const item of items) {
      yield sys.nanosleep(item);
      queue.push(item);
      word.value++;
      yield sys.futexWake(word, 1);
    }
    if (kill !== null) w.when(w.engine.now + kill.after, () => strike(kill.forget));
  }, 'producer');
  w.run();
  return { done, left: queue.length, waiting: host.waiting(), results };
}

const items = fc.array(fc.nat(120), { maxLength: 20 });

/** Mutant: looks at the word, then spends time, then sleeps without looking again. */
const sleepsBlindly: [number, Syscall] = [
  NR_FUTEX_WAIT,
  (t, trap) => {
    const word = trap.obj as Futex;
    if (t.wokenBy === word.waiters) return t.done(0);
    if (trap.phase === 0) {
      if (word.value !== trap.a) return t.done(-EAGAIN);
      trap.phase = 1;
      return 300;
    }
    return t.waitOn(word.waiters, true);
  },
];

describe('a queue handed over by a futex', () => {
  it('serves every item once and leaves nobody asleep beside one, whatever the arrivals', () => {
    prop([fc.integer({ min: 1, max: 4 }), items, fc.integer({ min: 1, max: 3 })], (n, xs, cpus) => {
      const r = pool(n, xs, cpus);
      expect(r.left).toBe(0);
      expect([...r.done].sort((a, b) => a - b)).toEqual([...xs].sort((a, b) => a - b));
    });
  });

  it('and loses one when the wait sleeps without looking again (mutant)', () => {
    let lost = 0;
    prop(
      [fc.integer({ min: 1, max: 4 }), items, fc.integer({ min: 1, max: 3 })],
      (n, xs, cpus) => {
        if (pool(n, xs, cpus, sleepsBlindly).left > 0) lost++;
      },
      { numRuns: 300 },
    );
    expect(lost).toBeGreaterThan(2);
  });

  it('wakes in order of arrival, one at a time', () => {
    const w = new World();
    const host = w.host();
    const word = new Futex(0);
    const woken: string[] = [];
    const p = host.process('p');
    for (const name of ['a', 'b', 'c']) {
      p.spawn(function* (sys): ThreadBody {
        expect(yield sys.futexWait(word, 0)).toBe(0);
        woken.push(`${name}@${w.engine.now}`);
      }, name);
    }
    p.spawn(function* (sys): ThreadBody {
      yield sys.nanosleep(10);
      expect(yield sys.futexWake(word, 1)).toBe(1);
      yield sys.nanosleep(10);
      expect(yield sys.futexWake(word, 9)).toBe(2);
      expect(yield sys.futexWake(word, 9)).toBe(0);
    }, 'waker');
    w.run();
    expect(woken).toEqual(['a@10', 'b@20', 'c@20']);
  });
});

describe('kill', () => {
  it('ends the call with EINTR, runs finally (which may make calls), and closes what the process had open', () => {
    const w = new World();
    const host = w.host();
    const word = new Futex(0);
    const log: string[] = [];
    const p = host.process('p');
    const t = p.spawn(function* (sys): ThreadBody {
      const fd = yield sys.eventfd(0);
      try {
        yield sys.futexWait(word, 0);
        log.push('not reached');
      } finally {
        log.push(`finally, close: ${yield sys.close(fd)}`);
        yield sys.eventfd(0);
      }
    });
    w.when(500, () => t.kill());
    w.run();
    expect(log).toEqual(['finally, close: 0']);
    expect(t.dead).toBe(true);
    expect(p.fds.open).toBe(0);
    expect(word.waiters.empty).toBe(true);
    expect(EINTR).toBe(4);
  });

  it('of a computing thread takes effect at once, of one in a call when the call is over', () => {
    const w = new World();
    const ends: number[] = [];
    const call: Syscall = (t, trap) => (trap.phase++ === 0 ? 1000 : t.done(0));
    const host = w.host({ cpus: 2 }, [[NR_SEND, call]]);
    const body = function* (sys: Sys): ThreadBody {
      try {
        yield sys.compute(5000);
        yield sys.send(0, 1, 0);
      } finally {
        ends.push(w.engine.now);
      }
    };
    const a = host.process('a').spawn(body);
    const b = host.process('b').spawn(body);
    w.when(300, () => a.kill());
    w.when(5200, () => b.kill());
    w.run();
    expect(ends).toEqual([300, 6000]);
    expect(host.cores[0]!.spent(BILL_USER) + host.cores[1]!.spent(BILL_USER)).toBe(5300);
  });

  it('passes on the wake-up that only the killed thread had got; forgetting it leaves an item behind (mutant)', () => {
    // The producer wakes worker 0 and exits; worker 0 is killed while it is being switched to.
    const good = pool(2, [10], 1, null, { after: 12, forget: false });
    const bad = pool(2, [10], 1, null, { after: 12, forget: true });
    expect(good.done).toEqual([10]);
    expect(good.left).toBe(0);
    expect(bad.done).toEqual([]);
    expect(bad.left).toBe(1);
  });

  it('at any moment leaves no item that another worker could take; forgetting leaves some (mutant)', () => {
    let stranded = 0;
    const workers = fc.integer({ min: 2, max: 4 });
    prop([items, workers, fc.nat(60), fc.integer({ min: 1, max: 2 })], (xs, n, after, cpus) => {
      const r = pool(n, xs, cpus, null, { after, forget: false });
      expect(r.left).toBe(0);
      expect(r.done.length).toBeGreaterThanOrEqual(xs.length - 1); // it may have died with one in hand
      if (pool(n, xs, cpus, null, { after, forget: true }).left > 0) stranded++;
    });
    expect(stranded).toBeGreaterThan(3);
  });

  it('before a thread ever ran runs nothing of it', () => {
    const w = new World();
    const t = w
      .host()
      .process('p')
      .spawn(function* (sys): ThreadBody {
        yield sys.compute(1);
        throw new Error('ran');
      });
    t.kill();
    w.run();
    expect(t.dead).toBe(true);
  });
});
