// What a poll may put off: GRO's skbs, interrupts, and itself, to a thread.
import { describe, expect, it } from 'vitest';
import { BILL_SOFTIRQ, BILL_SYSTEM, BILL_USER } from '../../../src/kernel/cpu.ts';
import type { Host, HostOptions } from '../../../src/kernel/host.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import type { NicOptions } from '../../../src/kernel/profile.ts';
import type { ThreadBody } from '../../../src/kernel/syscall.ts';
import { ACK } from '../../../src/tcp/segment.ts';
import { seq } from '../../../src/tcp/seq.ts';
import { at, Sink, World } from './support.ts';

const AT_ONCE = { coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 0, txFrames: 1 } };

interface Bench {
  readonly w: World;
  readonly host: Host;
  readonly nic: Nic;
  readonly sink: Sink;
}

/** Frames of 1000 B of one connection, one after the other in its stream, arriving at `times`. */
function bench(
  options: Partial<NicOptions>,
  times: readonly number[],
  machine: Partial<HostOptions> = {},
): Bench {
  const w = new World();
  const host = w.host({ costs: { irq: 100, rxFrame: 10, rxSkb: 20 }, ...machine });
  const sink = new Sink();
  host.handler = sink;
  const nic = new Nic(host, 'eth0', { ...AT_ONCE, gro: true, ...options });
  times.forEach((t, i) => {
    const skb = Object.assign(w.frame(1000), { ordinal: i, seq: seq(1000 * i), off: 1000 * i });
    skb.flags = ACK;
    nic.ingress.flight.insert(skb, 0, 0, at(t));
    nic.ingress.onAppend(at(t));
  });
  return { w, host, nic, sink };
}

const seen = ({ sink }: Bench): [number, number][] => sink.frames.map((f) => [f.at, f.segs]);

describe('gro_flush_timeout', () => {
  it('lets frames of several polls become one skb, which goes to the stack when the time is up', () => {
    const b = bench({ groFlushTimeout: 5000 }, [1000, 2000, 3000]);
    b.w.run();
    // Interrupt 100 and frame 10; the timer 5000 after the last poll, from which on it finds nothing new.
    expect(seen(b)).toEqual([[3110 + 5000 + 20, 3]]);
    expect([b.nic.counters.interrupts, b.w.pool.live]).toEqual([3, 0]);
  });

  it('[mutant] of 0 gives each poll’s frames away at its end', () => {
    const b = bench({}, [1000, 2000, 3000]);
    b.w.run();
    expect(seen(b)).toEqual([
      [1130, 1],
      [2130, 1],
      [3130, 1],
    ]);
  });

  it('holds nothing for longer than a jiffy, however often polls go on [napi_gro_flush: flush_old]', () => {
    // A frame every 100 us, for 12 ms: less than 64 KiB in a jiffy.
    const b = bench(
      { groFlushTimeout: 1_000_000 },
      Array.from({ length: 120 }, (_, i) => 100_000 * (i + 1)),
    );
    b.w.run();
    expect(seen(b).map(([, segs]) => segs)).toEqual([40, 40, 40]);
    // Ticks of 1 ms hold a quarter as many; without ticks it is as with 250 a second.
    const ticks = (hz: number | 'exact'): number[] => {
      const c = bench(
        { groFlushTimeout: 1_000_000 },
        Array.from({ length: 120 }, (_, i) => 100_000 * (i + 1)),
        { hz },
      );
      c.w.run();
      return seen(c).map(([, segs]) => segs);
    };
    expect(ticks(1000)).toEqual(new Array<number>(12).fill(10));
    expect(ticks(250)).toEqual([40, 40, 40]);
    expect(ticks('exact')).toEqual([40, 40, 40]);
  });
});

describe('napi_defer_hard_irqs', () => {
  const deferred = (deferHardIrqs: number, groFlushTimeout: number): Bench => {
    const b = bench({ deferHardIrqs, groFlushTimeout, gro: false }, [1000, 4000, 6500, 40_000]);
    b.w.run();
    return b;
  };

  it('polls by the timer, and arms the interrupt again after so many polls without a frame', () => {
    const b = deferred(2, 3000);
    // One interrupt; polls at 4.1, 7.1 us; then two without a frame, so that 40 us interrupts again.
    expect(b.nic.counters.interrupts).toBe(2);
    expect(seen(b).map(([t]) => t)).toEqual([1130, 4160, 7190, 40_130]);
  });

  it('does nothing without a timer, as in Linux', () => {
    expect(deferred(2, 0).nic.counters.interrupts).toBe(4);
  });
});

describe('threaded NAPI', () => {
  const overload = Array.from({ length: 3000 }, (_, i) => 1000 + i * 1000);
  const run = (
    threaded: boolean,
  ): { user: number; soft: number; system: number; frames: number } => {
    const b = bench({ threaded, gro: false, rxRing: 256 }, overload, {
      costs: { rxFrame: 1500, contextSwitch: 100 },
      sched: { slice: 100_000, migrationCost: 0, hrtick: true },
    });
    b.host.process('app').spawn(function* (sys): ThreadBody {
      for (;;) yield sys.compute(10_000);
    });
    b.w.run(3_000_000);
    const [core] = b.host.cores;
    return {
      user: core!.spent(BILL_USER),
      soft: core!.spent(BILL_SOFTIRQ),
      system: core!.spent(BILL_SYSTEM),
      frames: b.sink.frames.length,
    };
  };

  it('shares its core with an application, where softirqs leave it to ksoftirqd late', () => {
    const threaded = run(true);
    expect(threaded.soft).toBe(0);
    expect(threaded.user / 3_000_000).toBeGreaterThan(0.4);
    expect(threaded.system / 3_000_000).toBeGreaterThan(0.4);
    expect(threaded.frames * 1500).toBeLessThanOrEqual(threaded.system);
    const soft = run(false);
    expect(soft.soft).toBeGreaterThan(threaded.system);
    expect(soft.user).toBeLessThan(threaded.user);
  });

  it('loses no frame and gives each to the stack once', () => {
    const b = bench({ threaded: true }, [10, 2000, 2000, 9000], { cpus: 2 });
    b.w.run();
    expect(b.sink.frames.reduce((n, f) => n + f.segs, 0)).toBe(4);
    expect(b.w.pool.live).toBe(0);
    expect(b.host.cores[0]!.spent(BILL_SOFTIRQ)).toBe(0);
  });
});
