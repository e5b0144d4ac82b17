import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BILL_SWITCH, BILL_SYSTEM, BILL_USER } from '../../../src/kernel/cpu.ts';
import { SLEEPING } from '../../../src/kernel/sched.ts';
import { Futex, type Sys, type ThreadBody } from '../../../src/kernel/syscall.ts';
import type { Thread } from '../../../src/kernel/thread.ts';
import { prop } from '../../support/prop.ts';
import { Steps, World } from './support.ts';

const SLICE = 1000;
const sched = { slice: SLICE, migrationCost: 0, hrtick: true };

function busy(ns: number, ends?: number[], w?: World) {
  return function* (sys: Sys): ThreadBody {
    yield sys.compute(ns);
    if (ends !== undefined) ends.push(w!.engine.now);
  };
}

describe('virtual runtime', () => {
  it('threads that compute all the time share a core to within one slice, at any instant', () => {
    const shares = (t: number, n: number, broken: boolean): number[] => {
      const w = new World();
      const host = w.host({ sched, costs: { contextSwitch: 3 } });
      const threads: Thread[] = [];
      for (let i = 0; i < n; i++) threads.push(host.process(`p${i}`).spawn(busy(1e9)));
      if (broken) threads[0]!.vruntime -= 50 * SLICE; // mutant: one is not charged for its time
      w.run(t);
      host.cores[0]!.poke(); // bills what runs
      return threads.map((x) => x.cpuTime);
    };
    const spread = (xs: number[]): number => Math.max(...xs) - Math.min(...xs);
    prop([fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 2, max: 6 })], (t, n) => {
      expect(spread(shares(t, n, false))).toBeLessThanOrEqual(SLICE);
    });
    expect(spread(shares(30_000, 3, true))).toBeGreaterThan(SLICE);
  });

  it('one that runs out its slice is switched from involuntarily, one that sleeps voluntarily', () => {
    const w = new World();
    const host = w.host({ sched });
    const ends: number[] = [];
    const a = host.process('a').spawn(busy(2400, ends, w));
    const b = host.process('b').spawn(busy(2400, ends, w));
    const c = host.process('c').spawn(function* (sys): ThreadBody {
      yield sys.nanosleep(100_000);
    });
    w.run();
    // First slices are half ones: a 0–500, b –1000, (c goes to sleep), a –2000, b –3000, a –3900, b –4800
    expect(ends).toEqual([3900, 4800]);
    expect([a.nivcsw, b.nivcsw, c.nivcsw]).toEqual([2, 2, 0]);
    expect([a.nvcsw, b.nvcsw, c.nvcsw]).toEqual([0, 0, 1]);
    expect(host.counters.contextSwitches).toBe(3 + 4 + 1);
  });

  it('a slice that began alone ends when another thread comes and it is used up', () => {
    const w = new World();
    const host = w.host({ sched, costs: { contextSwitch: 10 } });
    const first: number[] = [];
    host.process('a').spawn(busy(10_000));
    const b = host.process('b');
    w.when(400, () => void b.spawn(busy(5, first, w)));
    w.run();
    expect(first).toEqual([10 + SLICE / 2 + 10 + 5]); // a first slice is half of one
  });

  it('sched_yield lets the other run first', () => {
    const w = new World();
    const host = w.host({ sched });
    const order: string[] = [];
    const body = (name: string) =>
      function* (sys: Sys): ThreadBody {
        for (let i = 0; i < 3; i++) {
          yield sys.compute(10);
          order.push(name);
          yield sys.schedYield();
        }
      };
    host.process('a').spawn(body('a'));
    host.process('b').spawn(body('b'));
    w.run();
    expect(order.join('')).toBe('ababab');
  });
});

describe('wake-ups', () => {
  /** A thread computes; another one sleeps, is owed time, and is woken at 500. When does it run? */
  const latency = (sync: boolean): number => {
    const w = new World();
    const host = w.host({ sched });
    const word = new Futex(0);
    let ran = -1;
    host.process('hog').spawn(busy(5000));
    host.process('sleeper').spawn(function* (sys): ThreadBody {
      yield sys.futexWait(word, 0);
      ran = w.engine.now;
    });
    // The sleeper's first turn comes at 1000. It leaves the hog owing: its lag is 500.
    w.when(1500, () => {
      host.executing = null;
      word.waiters.wake(0, 1, sync);
    });
    w.run();
    return ran;
  };

  it('pre-empt a thread that had more than its share, at its next return to user mode', () => {
    expect(latency(false)).toBe(1500);
  });

  it('and do so even when the waker is about to sleep: WF_SYNC stops nobody [check_preempt_wakeup_fair(), 6.18]', () => {
    expect(latency(true)).toBe(1500);
  });

  it('leave one alone that is not ahead of the average, though it is ahead of the one that wakes [RUN_TO_PARITY]', () => {
    const woken = (lag: number): number[] => {
      const w = new World();
      const host = w.host({ sched });
      const ran: number[] = [];
      const words = [new Futex(0), new Futex(0)];
      const [s, t] = words.map((word, i) =>
        host.process(`t${i}`).spawn(function* (sys): ThreadBody {
          yield sys.futexWait(word, 0);
          ran.push(w.engine.now);
          yield sys.compute(1e6);
        }),
      );
      for (const name of ['a', 'b']) host.process(name).spawn(busy(1e6));
      const wake = (at: number, i: number, task: Thread, owed: number): void =>
        w.when(at, () => {
          task.vlag = owed;
          words[i]!.waiters.wake(0, 1, false);
        });
      wake(2500, 0, s!, lag);
      wake(2600, 1, t!, 1500);
      w.run(10_000);
      return ran;
    };
    // The first comes at once. It is behind the average for its whole slice, and the second, far behind, waits for that.
    expect(woken(1200)).toEqual([2500, 3500]);
    // Owed little, it waits; the second comes at once.
    expect(woken(10)).toEqual([2600, 5000]);
  });

  /**
   * A sleeper shares a core with two others that compute. It is woken after `pause`, `ahead` ns ahead of their average or,
   * when below 0, behind it: how long until it runs?
   */
  const owed = (used: number, pause: number): { lag: number; wait: number } => {
    const w = new World();
    const host = w.host({ sched });
    const word = new Futex(0);
    let ran = -1;
    const t = host.process('sleeper').spawn(function* (sys): ThreadBody {
      yield sys.compute(used);
      yield sys.futexWait(word, 0);
      ran = w.engine.now;
    });
    for (const name of ['a', 'b']) host.process(name).spawn(busy(1e6));
    let slept = -1;
    const look = (): void => {
      if (t.state !== SLEEPING) return w.when(w.engine.now + 1, look);
      slept = w.engine.now;
      w.when(slept + pause, () => void word.waiters.wake(0, 1, false));
    };
    w.when(1, look);
    w.run();
    return { lag: t.vlag, wait: ran - slept - pause };
  };

  it('of one that had more than its share wait until the others have caught up, and no longer [DELAY_DEQUEUE]', () => {
    // It ran for 900 while the two had nothing: it is 600 ahead of the average of three.
    const soon = owed(900, 1);
    expect(soon.wait).toBeGreaterThan(500);
    // 5 ms later the others are far ahead of it, and what it had taken is forgotten: it waits as a new one would.
    const late = owed(900, 5000);
    expect(late.wait).toBeLessThanOrEqual(SLICE);
    expect(soon.wait).toBeGreaterThan(late.wait);
  });

  it('keep the lag that a task is owed, of any size up to two slices, with the weight of the task counted [place_entity()]', () => {
    prop(
      [fc.integer({ min: 0, max: 2 * SLICE }), fc.integer({ min: 1, max: 6 })],
      (lag, others) => {
        const w = new World();
        const host = w.host({ sched });
        const word = new Futex(0);
        const t = host.process('t').spawn(function* (sys): ThreadBody {
          yield sys.futexWait(word, 0);
        });
        for (let i = 0; i < others; i++) host.process(`p${i}`).spawn(busy(1e6));
        w.run(777);
        host.cores[0]!.poke(); // bills what runs
        t.vlag = lag;
        host.cores[0]!.rq.enqueue(t, false);
        const all = host.processes.map((p) => p.threads[0]!.vruntime);
        const average = all.reduce((a, b) => a + b, 0) / all.length;
        expect(Math.abs(average - t.vruntime - lag)).toBeLessThanOrEqual(2); // rounding
      },
    );
  });

  it("go to the waker's core when none is idle, it is alone there and about to sleep [wake_affine_idle()]", () => {
    const where = (sync: boolean): number => {
      const w = new World();
      const host = w.host({ cpus: 2, sched });
      const word = new Futex(0);
      const t = host.process('t').spawn(function* (sys): ThreadBody {
        yield sys.futexWait(word, 0);
      });
      const waker = new Steps([0], () => void word.waiters.wake(0, 1, sync));
      w.when(10, () => {
        for (const core of [0, 1]) host.process(`hog${core}`).spawn(busy(100_000), '', 1 << core);
      });
      w.when(100, () => host.cores[1]!.raiseIrq(waker));
      w.run(101);
      return t.core.index;
    };
    expect(where(false)).toBe(0); // where it ran before
    expect(where(true)).toBe(1);
  });

  it('go to the core it ran on if that is idle, else to an idle one, else back', () => {
    const w = new World();
    const host = w.host({ cpus: 3, sched });
    const cores: number[] = [];
    const word = new Futex(0);
    const t = host.process('t').spawn(function* (sys): ThreadBody {
      for (let i = 0; i < 3; i++) {
        yield sys.futexWait(word, 0);
        cores.push(t.core.index);
      }
    });
    const hog = (core: number): void => {
      host.process(`hog${core}`).spawn(busy(100_000), '', 1 << core);
    };
    const wake = (): void => void word.waiters.wake(0, 1, true);
    w.when(10, wake); // core 0 is idle
    w.when(20, () => hog(0));
    w.when(30, wake); // core 1 is the first idle one
    w.when(40, () => {
      hog(1);
      hog(2);
    });
    w.when(50, wake); // all are busy: back to core 1
    w.run();
    expect(cores).toEqual([0, 1, 1]);
  });

  it('of another core cost it an interrupt; of its own none', () => {
    const w = new World();
    const host = w.host({ cpus: 2, costs: { ipi: 100, contextSwitch: 10 } });
    const word = new Futex(0);
    const ran: number[] = [];
    for (const core of [0, 1]) {
      host.process(`t${core}`).spawn(
        function* (sys): ThreadBody {
          yield sys.futexWait(word, 0);
          ran.push(core, w.engine.now);
        },
        '',
        1 << core,
      );
    }
    host.process('waker').spawn(
      function* (sys): ThreadBody {
        yield sys.nanosleep(1000);
        yield sys.futexWake(word, 2);
      },
      '',
      1,
    );
    w.run();
    // Core 0: threads t0 and waker are switched to at 10 and 20, so the sleep ends at 1020 and the waker runs at 1030.
    expect(ran).toEqual([0, 1040, 1, 1140]);
    expect(host.cores[1]!.spent(0)).toBe(100);
  });
});

describe('several cores', () => {
  it('run threads in parallel', () => {
    const w = new World();
    const host = w.host({ cpus: 2 });
    const ends: number[] = [];
    host.process('a').spawn(busy(1000, ends, w));
    host.process('b').spawn(busy(700, ends, w));
    w.run();
    expect(ends).toEqual([700, 1000]);
    expect(host.cores.map((c) => c.spent(BILL_USER))).toEqual([1000, 700]);
  });

  it('a core that goes idle pulls a thread that waits elsewhere, unless it is cache-hot', () => {
    const second = (migrationCost: number): number => {
      const w = new World();
      const host = w.host({ cpus: 2, sched: { ...sched, migrationCost } });
      const ends: number[] = [];
      host.process('short').spawn(busy(500), '', 2);
      host.process('a').spawn(busy(10_000, ends, w));
      host.process('b').spawn(busy(10_000, ends, w), '', 1).affinity = 3;
      w.run();
      return ends[1]!;
    };
    expect(second(0)).toBe(10_500); // pulled at 500
    expect(second(1_000_000)).toBe(20_000); // it never cools down: both stay
  });

  it('affinity holds', () => {
    prop([fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 })], (masks) => {
      const w = new World();
      const host = w.host({ cpus: 3, sched: { ...sched, slice: 50 } });
      masks.forEach((mask, i) => {
        host.process(`p${i}`).spawn(
          function* (sys): ThreadBody {
            for (let k = 0; k < 4; k++) {
              yield sys.compute(70);
              const t = host.processes[i]!.threads[0]!;
              expect((mask >> t.core.index) & 1).toBe(1);
              yield sys.nanosleep(30);
            }
          },
          '',
          mask,
        );
      });
      w.run();
      expect([...host.threads()]).toEqual([]);
    });
  });

  it('the area under a run queue is the time its tasks waited, exactly [validation Q8]', () => {
    prop(
      [fc.array(fc.nat(3000), { minLength: 1, maxLength: 6 }), fc.nat(40)],
      (work, contextSwitch) => {
        const w = new World();
        const host = w.host({ cpus: 2, sched, costs: { contextSwitch } });
        const threads = work.map((ns, i) => host.process(`p${i}`).spawn(busy(ns)));
        w.run();
        const area = host.cores.reduce((sum, c) => sum + c.rq.meter.area(w.engine.now), 0);
        expect(threads.reduce((sum, t) => sum + t.waitTime, 0)).toBe(area);
      },
    );
  });

  it('a context switch is billed as such', () => {
    const w = new World();
    const host = w.host({ costs: { contextSwitch: 25 }, sched });
    host.process('a').spawn(busy(1400));
    host.process('b').spawn(busy(1400));
    w.run();
    expect(host.cores[0]!.spent(BILL_SWITCH)).toBe(4 * 25);
  });
});

describe('cold caches', () => {
  const REFILL = 700;

  /** Two threads on one core hand a token back and forth `n` times by futex; ns in all, and the bills of the core. */
  const pingPong = (n: number, cpus: number, cacheRefill: number): Record<string, number> => {
    const w = new World();
    const host = w.host({ cpus, sched, costs: { contextSwitch: 100, cacheRefill } });
    const turn = [new Futex(0), new Futex(0)];
    const p = host.process('p');
    for (const me of [0, 1])
      p.spawn(
        function* (sys): ThreadBody {
          for (let i = 0; i < n; i++) {
            if (me === 1 || i > 0)
              while (turn[me]!.value <= i - (1 - me))
                yield sys.futexWait(turn[me]!, turn[me]!.value);
            turn[1 - me]!.value++;
            yield sys.futexWake(turn[1 - me]!, 1);
          }
        },
        `t${me}`,
        1 << (me % cpus),
      );
    w.run();
    expect([...host.threads()]).toEqual([]);
    const switches = host.cores[0]!.spent(BILL_SWITCH) / 100;
    return {
      switches,
      system: host.cores[0]!.spent(BILL_SYSTEM),
      user: host.cores[0]!.spent(BILL_USER),
    };
  };

  it('cost each switch to another thread on the core, and nothing where a thread has it to itself [closed form]', () => {
    for (const n of [1, 5, 20]) {
      const shared = pingPong(n, 1, REFILL);
      // Neither pays for its first turn.
      expect(shared['system']! + shared['user']!).toBe((shared['switches']! - 2) * REFILL);
      expect(shared['switches']).toBeGreaterThan(n);
      const alone = pingPong(n, 2, REFILL);
      expect([alone['system'], alone['user']]).toEqual([0, 0]);
    }
  });

  it('are spent before the call that it slept in goes on, and are part of its own time', () => {
    const w = new World();
    const host = w.host({ sched, costs: { contextSwitch: 100, cacheRefill: REFILL } });
    const woke: number[] = [];
    const t = host.process('t').spawn(function* (sys): ThreadBody {
      for (let i = 0; i < 2; i++) {
        yield sys.nanosleep(10_000);
        woke.push(w.engine.now);
      }
    });
    // Another thread is there between the first sleep and its end, and not during the second.
    const other = host.process('other');
    w.when(5000, () => void other.spawn(busy(100)));
    w.run();
    expect(woke).toEqual([10_100 + 100 + REFILL, 20_900 + 100]);
    expect(t.cpuTime).toBe(REFILL);
    expect(host.cores[0]!.spent(BILL_SYSTEM)).toBe(REFILL);
  });

  it('stretch user time that was pre-empted: each turn after the first costs so much more', () => {
    const w = new World();
    const host = w.host({
      sched: { ...sched, slice: 10_000 },
      costs: { cacheRefill: REFILL },
    });
    const a = host.process('a').spawn(busy(25_000));
    const b = host.process('b').spawn(busy(25_000));
    w.run();
    for (const t of [a, b]) {
      const turns = t.nivcsw + 1;
      expect(turns).toBe(4); // the first is half a slice
      expect(t.cpuTime).toBe(25_000 + (turns - 1) * REFILL);
    }
    expect(host.cores[0]!.spent(BILL_USER)).toBe(a.cpuTime + b.cpuTime);
  });

  it('cost a thread that moves to another core', () => {
    const w = new World();
    const host = w.host({ cpus: 2, sched, costs: { cacheRefill: REFILL } });
    const word = new Futex(0);
    const t = host.process('t').spawn(function* (sys): ThreadBody {
      yield sys.futexWait(word, 0);
      yield sys.futexWait(word, 0);
    });
    w.when(10, () => void word.waiters.wake(0, 1, true)); // back to core 0, where nobody was
    w.when(20, () => void host.process('hog').spawn(busy(1e6), '', 1));
    w.when(5000, () => void word.waiters.wake(0, 1, true));
    w.run();
    expect(t.core.index).toBe(1);
    expect(t.cpuTime).toBe(REFILL);
  });

  it('[mutant] that everybody pays for at every switch break the form', () => {
    const alone = (always: boolean): number => {
      const w = new World();
      const host = w.host({ sched, costs: { cacheRefill: REFILL } });
      const t = host.process('t').spawn(function* (sys): ThreadBody {
        for (let i = 0; i < 5; i++) yield sys.nanosleep(1000);
      });
      const rq = host.cores[0]!.rq as unknown as { refillOf: () => number };
      if (always) rq.refillOf = () => REFILL;
      w.run();
      return 0 + t.cpuTime; // −0 as long as it has had none
    };
    expect(alone(false)).toBe(0);
    expect(alone(true)).toBe(6 * REFILL);
  });
});
