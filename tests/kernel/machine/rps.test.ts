// Receive packet steering: which core takes a packet, what that costs where, and that none overtakes another.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BILL_IRQ, BILL_SOFTIRQ } from '../../../src/kernel/cpu.ts';
import type { HostOptions } from '../../../src/kernel/host.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import type { NicOptions } from '../../../src/kernel/profile.ts';
import { FlowLimit, SockFlows } from '../../../src/kernel/rps.ts';
import type { Skb } from '../../../src/kernel/skb.ts';
import { prop } from '../../support/prop.ts';
import { at, Sink, World } from './support.ts';

const AT_ONCE = { coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 0, txFrames: 1 } };
const COSTS = { irq: 100, rxFrame: 10, rxSkb: 1000, rps: 7, ipi: 50 };

interface Arrival {
  readonly t: number;
  readonly flow: number;
}

function bench(
  options: Partial<NicOptions>,
  arrivals: readonly Arrival[],
  machine: Partial<HostOptions> = {},
) {
  const w = new World();
  const host = w.host({ cpus: 4, costs: COSTS, ...machine });
  const sink = new Sink();
  host.handler = sink;
  const nic = new Nic(host, 'eth0', { ...AT_ONCE, ...options });
  arrivals.forEach(({ t, flow }, i) => {
    const skb = Object.assign(w.frame(1000, flow), { ordinal: i });
    nic.ingress.flight.insert(skb, 0, 0, at(t));
    nic.ingress.onAppend(at(t));
  });
  return { w, host, nic, sink };
}

const burst = (n: number, flow: (i: number) => number, t = 1000): Arrival[] =>
  Array.from({ length: n }, (_, i) => ({ t, flow: flow(i) }));

describe('RPS [get_rps_cpu]', () => {
  it('pays for the frame where it is polled and for the rest where it goes, told by one interrupt', () => {
    const b = bench(
      { rps: [0b0100] },
      burst(3, () => 1),
    );
    b.w.run();
    // Interrupt 100; three frames at 17 each; then the other core's interrupt 50, and 1000 for each.
    const begin = 1000 + 100 + 3 * 17 + 50;
    expect(b.sink.frames.map((f) => [f.at, f.core])).toEqual([
      [begin + 1000, 2],
      [begin + 2000, 2],
      [begin + 3000, 2],
    ]);
    const [polls, , works] = b.host.cores;
    expect([polls!.spent(BILL_SOFTIRQ), works!.spent(BILL_SOFTIRQ)]).toEqual([3 * 17, 3000]);
    expect([polls!.spent(BILL_IRQ), works!.spent(BILL_IRQ)]).toEqual([100, 50]);
    expect(b.host.counters).toMatchObject({ received_rps: 1, softnet_dropped: 0 });
    expect(b.w.pool.live).toBe(0);
  });

  it('keeps a connection on one core, and spreads connections over those of the mask', () => {
    const b = bench(
      { rps: [0b1110] },
      burst(300, (i) => i % 30),
    );
    b.w.run();
    const coreOf = new Map<number, number>();
    for (const f of b.sink.frames) {
      expect(coreOf.get(f.seq % 30) ?? f.core).toBe(f.core);
      coreOf.set(f.seq % 30, f.core);
    }
    expect(new Set(coreOf.values())).toEqual(new Set([1, 2, 3]));
    // Three cores at work at once: a third of the time, give or take the hash.
    expect(b.w.engine.now).toBeLessThan(300 * 1000 * 0.6);
  });

  it('takes its own core by way of the backlog, without an interrupt', () => {
    const b = bench(
      { rps: [0b0001] },
      burst(2, () => 1),
    );
    b.w.run();
    expect(b.sink.frames.map((f) => [f.at, f.core])).toEqual([
      [1000 + 100 + 2 * 17 + 1000, 0],
      [1000 + 100 + 2 * 17 + 2000, 0],
    ]);
    expect(b.host.counters.received_rps).toBe(0);
  });

  it('is for the queues whose mask is not 0', () => {
    const b = bench(
      { queues: 2, rps: [0, 0b1000] },
      burst(40, (i) => i),
    );
    b.w.run();
    expect(new Set(b.sink.frames.map((f) => f.core))).toEqual(new Set([0, 3]));
  });

  it('drops what finds the other core’s backlog full [netdev_max_backlog]', () => {
    const b = bench(
      { rps: [0b0010] },
      burst(300, () => 1),
      { softnet: { maxBacklog: 20 } },
    );
    b.w.run();
    const { softnet_dropped } = b.host.counters;
    expect(softnet_dropped).toBeGreaterThan(200);
    expect(b.sink.frames.length + softnet_dropped).toBe(300);
    expect(b.host.cores[1]!.softirq.backlog.meter.peak).toBe(21);
    expect(b.w.pool.live).toBe(0);
  });

  it('heeds a limit that is written while it runs: more room at once, and less', () => {
    const b = bench(
      { rps: [0b0010] },
      burst(300, () => 1),
      { softnet: { maxBacklog: 20 } },
    );
    const { backlog } = b.host.cores[1]!.softirq;
    b.host.softnet = { ...b.host.softnet, maxBacklog: 1000 };
    b.w.run();
    expect([b.sink.frames.length, b.host.counters.softnet_dropped]).toEqual([300, 0]);
    expect(backlog.meter.bound).toBe(1001);
    b.host.softnet = { ...b.host.softnet, maxBacklog: 0 };
    const skb = (): Skb => b.w.frame(1, 1);
    expect([backlog.enqueue(skb()), backlog.enqueue(skb())]).toEqual([true, false]);
    expect(backlog.meter.bound).toBe(1001);
  });

  it('works for a driver without NAPI too', () => {
    const b = bench(
      { rps: [0b0010], napi: false },
      burst(5, () => 1),
    );
    b.w.run();
    expect(b.sink.frames.map((f) => f.core)).toEqual([1, 1, 1, 1, 1]);
  });

  it('and where a thread polls', () => {
    const b = bench(
      { rps: [0b0010], threaded: true },
      burst(5, () => 1),
    );
    b.w.run();
    expect(b.sink.frames.map((f) => f.core)).toEqual([1, 1, 1, 1, 1]);
  });

  it('mutant: without the interrupt nobody takes what is in the other core’s backlog', () => {
    const b = bench(
      { rps: [0b0010] },
      burst(3, () => 1),
    );
    b.host.rpsIpi.send = () => {};
    b.w.run();
    expect(b.sink.frames).toEqual([]);
    expect(b.w.pool.live).toBe(3);
  });
});

describe('the flow limit [skb_flow_limit]', () => {
  const flood = (flowLimitCpus: number) => {
    // One connection sends nine of ten; the rest has a connection for each.
    const b = bench(
      { rps: [0b0010], rxRing: 2048 },
      burst(1200, (i) => (i % 10 === 0 ? 1000 + i : 1)),
      { softnet: { maxBacklog: 300, flowLimitCpus } },
    );
    b.w.run();
    const small = b.sink.frames.filter((f) => f.seq % 10 === 0).length;
    return { small, all: b.sink.frames.length, counters: b.host.counters };
  };

  it('keeps the greedy one out of the second half of a backlog, where the small ones find room', () => {
    const [off, on] = [flood(0), flood(0b0001)];
    expect(off.counters.flow_limit_count).toBe(0);
    expect(on.counters.flow_limit_count).toBeGreaterThan(100);
    expect(on.small).toBeGreaterThan(2 * off.small);
    expect(flood(0b0010).small).toBe(off.small); // it is the sending core that heeds it
  });

  it('holds for what a driver without NAPI gives its own core, too [enqueue_to_backlog]', () => {
    const counts = (flowLimitCpus: number): number[] => {
      const b = bench({}, [], { softnet: { maxBacklog: 200, flowLimitCpus } });
      const { backlog } = b.host.cores[0]!.softirq;
      for (let i = 0; i < 201; i++) backlog.enqueue(b.w.frame(100, 1));
      const { flow_limit_count, softnet_dropped } = b.host.counters;
      return [flow_limit_count, softnet_dropped];
    };
    expect(counts(0)).toEqual([0, 0]);
    expect(counts(0b0001)).toEqual([37, 37]); // 100 come without being asked, then 64
  });

  it('lets a flow have half of the last 128 packets', () => {
    const limit = new FlowLimit();
    const refused = Array.from({ length: 70 }, () => limit.exceeded(1)).indexOf(true);
    expect(refused).toBe(64);
    expect(Array.from({ length: 300 }, (_, i) => limit.exceeded(i % 3)).slice(128)).not.toContain(
      true,
    );
  });
});

describe('RFS [rps_sock_flow_table, rps_dev_flow_table]', () => {
  const RFS: Partial<HostOptions> = { softnet: { rpsSockFlows: 1024 } };

  it('goes where the connection was read last, and by the mask where nobody has read it', () => {
    const b = bench(
      { rps: [0b0001], rpsFlows: 256 },
      [
        { t: 1000, flow: 1 },
        { t: 9000, flow: 1 },
        { t: 9000, flow: 2 },
        { t: 20_000, flow: 1 },
      ],
      RFS,
    );
    b.w.when(5000, () => b.host.sockFlows!.record(1, b.host.cores[3]!));
    b.w.when(15_000, () => b.host.sockFlows!.record(1, b.host.cores[1]!));
    b.w.run();
    expect(b.sink.frames.map((f) => [f.seq, f.core])).toEqual(
      expect.arrayContaining([
        [0, 0],
        [1, 3],
        [2, 0],
        [3, 1],
      ]),
    );
  });

  /** A connection whose reader wanders while its packets come. */
  const order = (moves: readonly { gap: number; core: number }[], mutant: boolean): number[] => {
    let t = 1000;
    const b = bench(
      { rps: [0b1111], rpsFlows: 256, rxRing: 1024 },
      moves.map(({ gap }) => ({ t: (t += gap), flow: 1 })),
      RFS,
    );
    t = 1000;
    for (const { gap, core } of moves) {
      t += gap;
      b.w.when(t - 1, () => b.host.sockFlows!.record(1, b.host.cores[core]!));
    }
    if (mutant)
      for (const core of b.host.cores)
        Object.defineProperty(core.softirq.backlog, 'head', { get: () => Infinity, set: () => {} });
    b.w.run();
    expect(b.sink.frames.length).toBe(moves.length);
    return b.sink.frames.map((f) => f.seq);
  };
  const sorted = (list: readonly number[]): boolean =>
    list.every((x, i) => i === 0 || x > list[i - 1]!);

  it('lets no packet overtake another of its connection, however its reader wanders', () => {
    const move = fc.record({ gap: fc.integer({ min: 2, max: 3000 }), core: fc.nat(3) });
    prop([fc.array(move, { maxLength: 60 })], (moves) => {
      expect(sorted(order(moves, false))).toBe(true);
    });
  });

  it('mutant: it does when nobody looks at what the old core still has', () => {
    const moves = Array.from({ length: 8 }, (_, i) => ({ gap: 200, core: i < 4 ? 1 : 2 }));
    expect(sorted(order(moves, true))).toBe(false);
    expect(sorted(order(moves, false))).toBe(true);
  });

  it('tells connections of one slot apart', () => {
    const table = new SockFlows(1);
    const host = new World().host({ cpus: 2 });
    table.record(1, host.cores[1]!);
    expect(table.coreOf(12_345)).toBe(-1);
  });
});
