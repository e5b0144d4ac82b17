import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../src/base/units.ts';
import { type EventClass, Engine } from '../../../src/engine/engine.ts';
import { BILL_NAMES } from '../../../src/kernel/cpu.ts';
import type { Host } from '../../../src/kernel/host.ts';
import type { Sys, ThreadBody } from '../../../src/kernel/syscall.ts';
import { prop } from '../../support/prop.ts';
import { NeverAhead, Steps, World } from './support.ts';

function bills(host: Host, core = 0): Record<string, number> {
  return Object.fromEntries(BILL_NAMES.map((name, i) => [name, host.cores[core]!.spent(i)]));
}

function* compute(sys: Sys, ns: number): ThreadBody {
  yield sys.compute(ns);
}

describe('levels', () => {
  it('an interrupt takes what has run from a step, which ends so much later', () => {
    const w = new World();
    const host = w.host();
    const [core] = host.cores;
    const soft = new Steps([1000]);
    const hard = new Steps([300]);
    w.when(0, () => core!.raiseSoftirq(soft));
    w.when(400, () => core!.raiseIrq(hard));
    w.when(2000, () => {});
    w.run();
    expect(hard.done).toEqual([700]);
    expect(soft.done).toEqual([1300]);
    expect(bills(host)).toEqual({
      irq: 300,
      softirq: 1000,
      system: 0,
      user: 0,
      switch: 0,
      idle: 700,
      steal: 0,
    });
  });

  it('hard interrupts run over softirqs over tasks; equal levels in the order they were raised', () => {
    const w = new World();
    const host = w.host();
    const core = host.cores[0]!;
    const order: string[] = [];
    const note = (name: string) => () => void order.push(`${name}@${w.engine.now}`);
    host.process('p').spawn((sys) => compute(sys, 100));
    w.when(10, () => {
      core.raiseSoftirq(new Steps([20, 20], note('soft')));
      core.raiseIrq(new Steps([5], note('irq a')));
      core.raiseIrq(new Steps([5], note('irq b')));
    });
    w.when(32, () => core.raiseIrq(new Steps([5], note('irq c'))));
    w.run(1000);
    expect(order).toEqual(['irq a@15', 'irq b@20', 'irq c@37', 'soft@45', 'soft@65']);
    expect(bills(host).user).toBe(100);
  });

  it('what an effect asks to follow runs before its level goes on', () => {
    const w = new World();
    const core = w.host().cores[0]!;
    const order: string[] = [];
    const acks = new Steps([7, 7], (i) => order.push(`ack ${i}@${w.engine.now}`));
    const poll = new Steps([10, 10], (i, c) => {
      order.push(`frame ${i}@${w.engine.now}`);
      if (i === 0) c.follow(acks);
    });
    w.when(0, () => core.raiseSoftirq(poll));
    w.run(100);
    expect(order).toEqual(['frame 0@10', 'ack 0@17', 'ack 1@24', 'frame 1@34']);
  });

  it('user time is stretched by interrupts, to the nanosecond', () => {
    const w = new World();
    const host = w.host();
    const ends: number[] = [];
    host.process('p').spawn(function* (sys): ThreadBody {
      yield sys.compute(1000);
      ends.push(w.engine.now);
    });
    for (const t of [0, 100, 999]) w.when(t, () => host.cores[0]!.raiseIrq(new Steps([50])));
    w.when(5000, () => {});
    w.run();
    expect(ends).toEqual([1150]);
    expect(bills(host)).toMatchObject({ irq: 150, user: 1000, idle: 3850 });
  });
});

/** A world of random interrupts, softirqs and computing threads. */
interface Load {
  readonly cores: number;
  readonly irqs: readonly { t: number; core: number; cost: number }[];
  readonly softs: readonly { t: number; core: number; costs: readonly number[] }[];
  readonly threads: readonly (readonly [number, number])[];
  /** Cores are taken away, and processes are stopped. */
  readonly steals: readonly { t: number; core: number; ns: number }[];
  readonly stops: readonly { t: number; ns: number }[];
}

const load: fc.Arbitrary<Load> = fc.record({
  cores: fc.integer({ min: 1, max: 3 }),
  irqs: fc.array(fc.record({ t: fc.nat(3000), core: fc.nat(2), cost: fc.nat(200) }), {
    maxLength: 12,
  }),
  softs: fc.array(
    fc.record({ t: fc.nat(3000), core: fc.nat(2), costs: fc.array(fc.nat(150), { maxLength: 4 }) }),
    { maxLength: 8 },
  ),
  threads: fc.array(fc.tuple(fc.nat(700), fc.nat(400)), { maxLength: 6 }),
  steals: fc.array(fc.record({ t: fc.nat(3000), core: fc.nat(2), ns: fc.nat(900) }), {
    maxLength: 4,
  }),
  stops: fc.array(fc.record({ t: fc.nat(3000), ns: fc.nat(900) }), { maxLength: 3 }),
});

function build(w: World, l: Load, log: string[] = []): Host {
  const host = w.host({
    cpus: l.cores,
    machine: 'linux',
    costs: { contextSwitch: 13, syscall: 5, irq: 9, ipi: 4, softirq: 3, hrtimer: 2 },
    sched: { slice: 150, migrationCost: 0, hrtick: true },
  });
  const note = (what: string) => (i: number) => void log.push(`${what}.${i}@${w.engine.now}`);
  l.irqs.forEach(({ t, core, cost }, n) => {
    w.when(t, () => host.cores[core % l.cores]!.raiseIrq(new Steps([cost], note(`irq${n}`))));
  });
  l.softs.forEach(({ t, core, costs }, n) => {
    w.when(t, () => host.cores[core % l.cores]!.raiseSoftirq(new Steps(costs, note(`soft${n}`))));
  });
  const p = host.process('p');
  for (const { t, core, ns } of l.steals)
    w.when(t, () => host.cores[core % l.cores]!.steal((t + ns) as Instant));
  for (const { t, ns } of l.stops) {
    w.when(t, () => p.stop());
    w.when(t + ns, () => p.cont());
  }
  l.threads.forEach(([work, sleep], n) => {
    p.spawn(function* (sys): ThreadBody {
      for (let i = 0; i < 3; i++) {
        yield sys.compute(work);
        note(`thread${n}`)(i);
        yield sys.nanosleep(sleep);
      }
    }, `t${n}`);
  });
  return host;
}

function conserved(host: Host, broken = 0): boolean {
  return host.cores.every((core) => {
    const sum = BILL_NAMES.reduce((s, _, i) => s + core.spent(i), 0);
    return sum + broken === host.engine.now;
  });
}

describe('billing', () => {
  it('every core bills each nanosecond exactly once, at any instant', () => {
    prop([load, fc.array(fc.nat(4000), { maxLength: 5 })], (l, looks) => {
      const w = new World();
      const host = build(w, l);
      for (const t of [...looks].sort((a, b) => a - b)) {
        w.run(t);
        expect(conserved(host)).toBe(true);
      }
      w.run(100_000);
      expect(conserved(host)).toBe(true);
      expect(conserved(host, 1)).toBe(false); // the law bites
      const user = host.cores.reduce((s, c) => s + c.spent(3), 0);
      expect(user).toBe(l.threads.reduce((s, [work]) => s + 3 * work, 0));
    });
  });
});

/** A wrong one: runs ahead of what is due before. */
class Hasty extends Engine {
  override comesNext(t: Instant, cls: EventClass): boolean {
    return super.comesNext(t, cls) || (t - this.now <= 60 && this.nextTime() >= this.now);
  }
}

describe('tryAdvance', () => {
  const outcome = (make: () => Engine, l: Load): string => {
    const w = new World(make());
    const log: string[] = [];
    const host = build(w, l, log);
    w.run(100_000);
    return [w.engine.fingerprint(), JSON.stringify(bills(host)), ...log].join(' ');
  };
  const fast = (): Engine => new Engine({ seed: 'x' });

  it('runs the same steps at the same instants as one event per step does [data path §2]', () => {
    prop([load], (l) => {
      expect(outcome(fast, l)).toBe(outcome(() => new NeverAhead({ seed: 'x' }), l));
    });
  });

  it('and the comparison notices an engine that runs ahead of what is due', () => {
    let differ = 0;
    prop([load], (l) => {
      let hasty = 'threw';
      try {
        hasty = outcome(() => new Hasty({ seed: 'x' }), l);
      } catch {
        // an event in the past: noticed as well
      }
      if (hasty !== outcome(fast, l)) differ++;
    });
    expect(differ).toBeGreaterThan(10);
  });
});
