// Cores that sleep: what wakes them waits, and nothing is lost or billed twice.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BILL_IDLE, BILL_NAMES } from '../../../src/kernel/cpu.ts';
import type { IdleOptions } from '../../../src/kernel/profile.ts';
import type { HostOptions } from '../../../src/kernel/host.ts';
import type { ThreadBody } from '../../../src/kernel/syscall.ts';
import { Tun } from '../../../src/kernel/tun.ts';
import { prop } from '../../support/prop.ts';
import { Steps, World } from './support.ts';

const idle: IdleOptions = { after: 1000, latency: 50, spread: 0 };

/** When interrupts of 5 ns, raised at these instants, have had their effect. */
function interrupts(times: readonly number[], options: Partial<HostOptions> = { idle }): number[] {
  const w = new World();
  const core = w.host(options).cores[0]!;
  const done: number[] = [];
  for (const t of times)
    w.when(t, () => core.raiseIrq(new Steps([5], () => void done.push(w.engine.now))));
  w.run();
  return done;
}

describe('a core that has been idle [drivers/cpuidle]', () => {
  it('for up to `after` is there at once, for longer so much later', () => {
    expect(interrupts([1000])).toEqual([1005]);
    expect(interrupts([1001])).toEqual([1056]);
    expect(interrupts([1001], { idle: { ...idle, latency: 0 } })).toEqual([1006]); // the mutant: it never sleeps
  });

  it('counts from the end of what it did last', () => {
    expect(interrupts([900, 1905, 2911])).toEqual([905, 1910, 2966]);
  });

  it('takes everything that came while it woke up, in order, and wakes up once', () => {
    expect(interrupts([2000, 2010, 2049, 2050])).toEqual([2055, 2060, 2065, 2070]);
  });

  it('is billed the way back as idle time', () => {
    const w = new World();
    const host = w.host({ idle });
    const core = host.cores[0]!;
    w.when(2000, () => core.raiseIrq(new Steps([300])));
    w.when(5000, () => {});
    w.run();
    expect(core.spent(BILL_IDLE)).toBe(4700);
  });

  it('takes between latency and latency + spread, drawn from a stream of its own', () => {
    const draws: string[] = [];
    const w = new World();
    const core = w.host({ idle: { ...idle, spread: 20 } }).cores[0]!;
    w.engine.random.log = (name) => void draws.push(name);
    const late: number[] = [];
    for (let t = 10_000; t < 1_000_000; t += 10_000)
      w.when(t, () => core.raiseIrq(new Steps([5], () => void late.push(w.engine.now - t - 5))));
    w.run();
    expect([Math.min(...late), Math.max(...late)]).toEqual([50, 70]);
    expect(new Set(draws)).toEqual(new Set(['h/cpu0/idle']));
    expect(draws).toHaveLength(late.length);
  });

  it('its time adds up whatever wakes it', () => {
    prop([fc.array(fc.nat(9000), { maxLength: 12 }), fc.nat(400)], (times, spread) => {
      const w = new World();
      const host = w.host({ cpus: 2, idle: { after: 300, latency: 40, spread } });
      times.forEach((t, i) => w.when(t, () => host.cores[i % 2]!.raiseIrq(new Steps([20, 0, 30]))));
      w.when(20_000, () => {});
      w.run();
      for (const core of host.cores)
        expect(BILL_NAMES.reduce((sum, _, bill) => sum + core.spent(bill), 0)).toBe(20_000);
    });
  });
});

describe('a thread that waits for a core to wake up', () => {
  it('is not pulled away by one that goes idle meanwhile: a queue of one is no overload [sched_newidle_balance]', () => {
    const w = new World();
    const sched = { migrationCost: 0 };
    const idle = { after: 0, latency: 500, spread: 0 };
    const host = w.host({ cpus: 2, idle, sched, costs: { ipi: 10 } });
    const thread = host.process('p').spawn(function* (sys): ThreadBody {
      yield sys.nanosleep(1_000_000);
    });
    // The other core wakes it, and goes idle while the first one is still asleep.
    const waker = new Steps([10, 90], (i) => void (i === 0 && thread.wake(false)));
    w.when(9500, () => host.cores[1]!.raiseIrq(waker));
    w.run(20_000);
    expect(waker.done).toEqual([10_010, 10_100]);
    expect([thread.core.index, thread.wakeups]).toEqual([0, 1]);
  });

  it('is put on another core than that on which the program behind a tun device runs [select_idle_sibling]', () => {
    const woken = (withTun: boolean): number => {
      const w = new World();
      const host = w.host({ cpus: 2 });
      if (withTun) new Tun(host, 'tun0');
      const thread = host.process('p').spawn(function* (sys): ThreadBody {
        yield sys.nanosleep(5000);
      });
      w.when(1000, () =>
        host.cores[0]!.raiseSoftirq(new Steps([10], () => void thread.wake(true))),
      );
      w.run();
      return thread.core.index;
    };
    expect([woken(false), woken(true)]).toEqual([0, 1]);
  });
});
