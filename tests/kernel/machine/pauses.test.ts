// Cores that the hypervisor takes away, and processes that are stopped: what waits, for how long, and who is billed.
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Instant } from '../../../src/base/units.ts';
import { BILL_NAMES, Core } from '../../../src/kernel/cpu.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { Futex, NR_NANOSLEEP, type Sys, type ThreadBody } from '../../../src/kernel/syscall.ts';
import { sysNanosleep } from '../../../src/kernel/syscalls/time.ts';
import { prop } from '../../support/prop.ts';
import { Steps, World } from './support.ts';

const at = (t: number): Instant => t as Instant;
afterEach(() => void vi.restoreAllMocks());

/** Non-zero bills of a core. */
function bills(host: Host): Record<string, number> {
  const all = BILL_NAMES.map((name, i) => [name, host.cores[0]!.spent(i)] as const);
  return Object.fromEntries(all.filter(([, ns]) => ns !== 0));
}

/** Computes, then notes when it was through. */
const busy = (w: World, ns: number, ends: number[]) =>
  function* (sys: Sys): ThreadBody {
    yield sys.compute(ns);
    ends.push(w.engine.now);
  };

describe('a core that is taken away', () => {
  it('goes on with what it did, so much later', () => {
    const w = new World();
    const host = w.host();
    const ends: number[] = [];
    host.process('p').spawn(busy(w, 1000, ends));
    w.when(400, () => host.cores[0]!.steal(at(700)));
    w.when(2000, () => {});
    w.run();
    expect(ends).toEqual([1300]);
    expect(bills(host)).toEqual({ user: 1000, idle: 700, steal: 300 });
    expect(host.cores[0]!.timeStolen).toBe(300);
  });

  it('takes interrupts when it is back, and timers', () => {
    const w = new World();
    const host = w.host();
    const irq = new Steps([50]);
    const woke: number[] = [];
    host.process('p').spawn(function* (sys): ThreadBody {
      yield sys.nanosleep(500);
      woke.push(w.engine.now);
    });
    w.when(400, () => host.cores[0]!.steal(at(700)));
    w.when(450, () => host.cores[0]!.raiseIrq(irq));
    w.run(1000);
    expect(irq.done).toEqual([750]);
    expect(woke).toEqual([750]);
  });

  it('is billed as stolen only while there is something to do [account_steal_time()]', () => {
    const w = new World();
    const host = w.host();
    w.when(400, () => host.cores[0]!.steal(at(700)));
    w.when(500, () => host.cores[0]!.raiseIrq(new Steps([50])));
    w.when(1000, () => {});
    w.run();
    expect(bills(host)).toEqual({ irq: 50, idle: 750, steal: 200 });
    expect(host.cores[0]!.timeStolen).toBe(300);
  });

  it('may be taken for longer before it is back, and not for shorter', () => {
    const w = new World();
    const host = w.host();
    const ends: number[] = [];
    host.process('p').spawn(busy(w, 1000, ends));
    w.when(400, () => host.cores[0]!.steal(at(700)));
    w.when(500, () => host.cores[0]!.steal(at(800)));
    w.when(600, () => host.cores[0]!.steal(at(650)));
    w.run();
    expect(ends).toEqual([1400]);
    expect(host.cores[0]!.timeStolen).toBe(400);
  });

  it('obeys a pre-emption that became due meanwhile', () => {
    const w = new World();
    const host = w.host({ sched: { slice: 1000, migrationCost: 0, hrtick: true } });
    const [hog, woken]: number[][] = [[], []];
    const word = new Futex(0);
    host.process('hog').spawn(busy(w, 5000, hog!));
    host.process('sleeper').spawn(function* (sys): ThreadBody {
      yield sys.futexWait(word, 0);
      woken!.push(w.engine.now);
    });
    // The sleeper's first turn comes at 1000; the hog then owes it time.
    w.when(1500, () => host.cores[0]!.steal(at(1800)));
    w.when(1600, () => void word.waiters.wake(0, 1, false));
    w.run();
    expect(woken).toEqual([1800]);
    expect(hog).toEqual([5300]);
  });

  it('delays a lone computation by exactly the time that it is away [property, with a mutant]', () => {
    const windows = fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 500 })), {
      maxLength: 5,
    });
    const late = (taken: readonly (readonly [number, number])[]): number => {
      const w = new World();
      const host = w.host();
      const ends: number[] = [];
      host.process('p').spawn(busy(w, 20_000, ends));
      for (const [t, ns] of taken) w.when(t, () => host.cores[0]!.steal(at(t + ns)));
      w.run();
      return ends[0]! - 20_000 - host.cores[0]!.timeStolen;
    };
    prop([windows], (taken) => {
      expect(late(taken)).toBe(0);
    });
    // The mutant: the core works while it is away.
    vi.spyOn(Core.prototype, 'poke').mockImplementation(() => {});
    expect(late([[100, 200]])).not.toBe(0);
  });
});

describe('a stopped process', () => {
  /** Two processes on one core, of which the first is stopped from 400 to 700. */
  const pair = (): { first: number[]; second: number[] } => {
    const w = new World();
    const host = w.host({ sched: { slice: 10_000, migrationCost: 0, hrtick: true } });
    const [first, second]: number[][] = [[], []];
    const p = host.process('first');
    p.spawn(busy(w, 1000, first!));
    w.when(400, () => p.stop());
    w.when(400, () => void host.process('second').spawn(busy(w, 100, second!)));
    w.when(700, () => p.cont());
    w.run();
    expect(p.timeStopped).toBe(300);
    return { first: first!, second: second! };
  };

  it('gives its core to others, and goes on where it was', () => {
    expect(pair()).toEqual({ first: [1300], second: [500] });
  });

  it('ends a system call that is under way, and returns from it when it goes on', () => {
    const w = new World();
    const host = w.host({ costs: { syscall: 200, futex: 300 } });
    const word = new Futex(0);
    const seen: number[] = [];
    const p = host.process('p');
    p.spawn(function* (sys): ThreadBody {
      yield sys.futexWake(word, 1);
      seen.push(w.engine.now);
    });
    w.when(100, () => p.stop());
    w.when(2000, () => p.cont());
    w.run(1999);
    expect(p.threads[0]!.waitingFor()).toBe('p: stopped since 500 ns');
    expect(host.counters.syscalls.reduce((a, b) => a + b, 0)).toBe(1);
    w.run();
    expect(seen).toEqual([2000]);
  });

  it('sleeps on in a system call, whose end it sees when it goes on', () => {
    const w = new World();
    const host = w.host();
    const woke: number[] = [];
    const p = host.process('p');
    for (const ns of [300, 500, 900])
      p.spawn(function* (sys): ThreadBody {
        yield sys.nanosleep(ns);
        woke.push(w.engine.now);
      }, `t${ns}`);
    w.when(400, () => p.stop());
    w.when(700, () => p.cont());
    w.run();
    expect(woke).toEqual([300, 700, 900]);
  });

  it('goes on when the last of several stops is over', () => {
    const w = new World();
    const host = w.host();
    const ends: number[] = [];
    const p = host.process('p');
    p.spawn(busy(w, 1000, ends));
    w.when(100, () => p.stop());
    w.when(200, () => p.stop());
    w.when(300, () => p.cont());
    w.when(600, () => p.cont());
    w.run();
    expect(ends).toEqual([1500]);
    expect(p.timeStopped).toBe(500);
    expect(() => p.cont()).toThrow('not stopped');
  });

  it('can be killed', () => {
    const w = new World();
    const host = w.host();
    let cleaned = -1;
    const p = host.process('p');
    const t = p.spawn(function* (sys): ThreadBody {
      try {
        yield sys.compute(1000);
      } finally {
        cleaned = w.engine.now;
      }
    });
    w.when(100, () => p.stop());
    w.when(300, () => t.kill());
    w.when(600, () => p.cont());
    w.run();
    expect(cleaned).toBe(300);
    expect(t.dead).toBe(true);
  });

  /** Returns to user mode of a stopped process; `early`: some calls come back without looking (the mutant). */
  const trespasses = (stops: readonly (readonly [number, number])[], early: boolean): number => {
    const w = new World();
    const host = w.host({ cpus: 2, machine: 'linux' }, [
      [
        NR_NANOSLEEP,
        (t, trap) => {
          if (early) vi.spyOn(t.process, 'stopped', 'get').mockReturnValue(false);
          return sysNanosleep(t, trap);
        },
      ],
    ]);
    const p = host.process('p');
    let [depth, wrong] = [0, 0];
    for (let i = 0; i < 3; i++)
      p.spawn(function* (sys): ThreadBody {
        for (let n = 0; n < 6; n++) {
          if (depth > 0) wrong++;
          yield n % 2 === 0 ? sys.compute(3000) : sys.nanosleep(2000);
        }
      }, `t${i}`);
    for (const [t, ns] of stops) {
      w.when(t, () => {
        p.stop();
        depth++;
      });
      w.when(t + ns, () => {
        depth--;
        p.cont();
      });
    }
    w.run();
    expect([...host.threads()]).toEqual([]);
    return wrong;
  };

  it('never runs user code, and comes to its end all the same [property, with a mutant]', () => {
    const windows = fc.array(fc.tuple(fc.nat(60_000), fc.integer({ min: 1, max: 9000 })), {
      maxLength: 5,
    });
    prop([windows], (stops) => {
      expect(trespasses(stops, false)).toBe(0);
    });
    expect(trespasses([[13_000, 9000]], true)).toBeGreaterThan(0);
  });
});
