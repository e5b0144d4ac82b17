/**
 * A receive path that is slower than its wire: the table of Linux's NAPI_HOWTO, reproduced with one constant, and the budgets
 * of a softirq pass. Both as whole machines see them: frames come from a wire, interrupts from the device.
 */
import { describe, expect, it } from 'vitest';
import type { HostOptions } from '../../src/kernel/host.ts';
import { Nic } from '../../src/kernel/nic.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';
import { at, Sink, World } from '../kernel/machine/support.ts';

/** The ring's 1,024 frames are still to come when the source ends: one point of so many. */
const COUNT = 100_000;
/** What one packet costs: 350,000 a second. The only constant that is fitted; all six rows share it. */
const C = 2857;

interface Machine {
  readonly costNs?: number;
  readonly napi?: 'on' | 'off';
  readonly rxUsecs?: number;
}

/** Shares of the frames sent: delivered, and interrupts. The table's sizes are Ethernet frames, 14 bytes of them header. */
function flood(frame: number, rate: number, m: Machine = {}): { delivered: number; irqs: number } {
  const { costNs = C, napi = 'on', rxUsecs = 0 } = m;
  const nic = `{ napi: ${napi}, coalesce: { rx-usecs: ${rxUsecs}, rx-frames: ${rxUsecs > 0 ? 0 : 1} } }`;
  const costs = `{ rxFrame: ${costNs} ns, rxSkb: 0 ns, softirq: 0 ns, irq: 0 ns, rxComplete: 0 ns }`;
  const text = `version: 1
scenarios:
  flood:
    shows: Frames without TCP, and a core that takes 350 000 of them a second.
    hosts: { src: {}, dst: { nic: ${nic}, costs: ${costs} } }
    links: [ { between: [src, dst], rate: 1 Gbit/s, delay: 50 us } ]
    apps: { frames: { host: src, model: raw, to: dst, bytes: ${frame - 14} B, rate: ${rate} /s, count: ${COUNT}, arrivals: fixed } }
    stop: { limit: 10 s }
`;
  const r = runScenario(load(text, { file: 'flood.yaml' })[0]!);
  expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  return {
    delivered: r.counters['dst']!['InUnknownProtos']! / COUNT,
    irqs: r.metrics['dst.irq']! / COUNT,
  };
}

/** Frame bytes, frames a second, delivered of a million. Documentation/networking/NAPI_HOWTO.txt, table of §"an example". */
const ROWS: readonly (readonly [frame: number, rate: number, delivered: number])[] = [
  [60, 890_000, 409_362],
  [128, 758_150, 464_364],
  [256, 445_632, 774_646],
  [512, 232_666, 994_445],
  [1024, 119_061, 1_000_003],
  [1440, 85_193, 1_000_003],
];
const POINTS = 0.03;
const isOverload = (rate: number): boolean => rate * C > 1e9;
const off = (delivered: number, ofMillion: number): number => Math.abs(delivered - ofMillion / 1e6);

describe('the NAPI table, one cost per packet [validation N1; NAPI_HOWTO]', () => {
  it.each(ROWS)(
    'frames of %i B at %i/s: %i of a million are delivered',
    (frame, rate, ofMillion) => {
      const { delivered, irqs } = flood(frame, rate);
      expect(off(delivered, ofMillion)).toBeLessThanOrEqual(POINTS);
      // 17, 21 and 42 interrupts of a million under overload; .24, .87 and .95 a packet below capacity.
      const asTheTable = isOverload(rate) ? irqs * 1e6 < 100 : irqs > 0.2;
      expect(asTheTable, `${irqs} interrupts a frame`).toBe(true);
    },
  );

  it.each(ROWS)(
    '[mutant] frames of %i B at %i/s: a core five times slower is off',
    (frame, rate, ofMillion) => {
      expect(off(flood(frame, rate, { costNs: 5 * C }).delivered, ofMillion)).toBeGreaterThan(
        POINTS,
      );
    },
  );

  it('[mutant] an interrupt per packet is not what an overloaded NAPI has', () => {
    expect(flood(60, 890_000, { napi: 'off' }).irqs * 1e6).toBeGreaterThan(100);
  });

  it('[mutant] moderation leaves fewer interrupts below capacity than the table has', () => {
    expect(flood(1440, 85_193, { rxUsecs: 100 }).irqs).toBeLessThan(0.2);
  });
});

/** Frames that all wait at once, 64 in each of six rings of one core: turns in order, and the round each frame was taken in. */
function pass(
  costNs: number,
  machine: Partial<HostOptions> = {},
): { turns: number[]; rounds: number[]; squeezes: number } {
  const w = new World();
  const host = w.host({ costs: { rxFrame: costNs }, ...machine });
  const sink = new Sink();
  host.handler = sink;
  const queues = 6;
  const nic = new Nic(host, 'eth0', {
    coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 0, txFrames: 1 },
    queues,
    irqAffinity: Array.from({ length: queues }, () => 0),
  });
  const spread = nic.ingress.flight as unknown as { queueOf(skb: object): number };
  const turns: number[] = [];
  const rounds: number[] = [];
  let last = -1;
  let polls = 0;
  sink.onReceive = (skb) => {
    const { counters } = host;
    const queue = spread.queueOf(skb);
    if (queue !== last || counters.polls !== polls) turns.push(0);
    last = queue;
    polls = counters.polls;
    turns[turns.length - 1]!++;
    rounds[counters.time_squeeze] = (rounds[counters.time_squeeze] ?? 0) + 1;
  };
  const flows: number[] = [];
  for (let flow = 0; flows.length < queues; flow++) {
    const skb = w.frame(1, flow);
    if (spread.queueOf(skb) === flows.length) flows.push(flow);
    skb.drop(1);
  }
  for (let i = 0; i < queues * 100; i++) {
    const skb = w.frame(1, flows[i % queues]);
    nic.ingress.flight.insert(skb, 0, 0, at(1000));
  }
  nic.ingress.onAppend(at(1000));
  w.run();
  expect(w.pool.live).toBe(0);
  return { turns, rounds, squeezes: host.counters.time_squeeze };
}

describe('budgets of a softirq pass [validation N5; sysctl/net.rst]', () => {
  it('at most 64 packets a poll and netdev_budget in all; time_squeeze counts each stop with work left', () => {
    const { turns, rounds, squeezes } = pass(1);
    // 600 frames: 300, then 300. What was not reached comes first, then those whom their weight interrupted.
    expect(rounds).toEqual([300, 300]);
    expect(turns).toEqual([64, 64, 64, 64, 44, 64, 36, 36, 36, 36, 56, 36]);
    expect(squeezes).toBe(1);
  });

  it('netdev_budget_usecs ends it earlier, looked at after each poll: 2 jiffies by default', () => {
    // 64 packets of 50 us are 3.2 ms: the third poll passes 8 ms.
    const { rounds, squeezes } = pass(50_000);
    expect(rounds.slice(0, 2)).toEqual([192, 192]);
    expect(Math.max(...rounds)).toBeLessThanOrEqual(300);
    expect(squeezes).toBe(rounds.length - 1);
  });

  it.each([
    ['a weight of 65', { weight: 65 }],
    ['a budget of 320', { budget: 320 }],
  ])('[mutant] %s gives other turns', (_name, softnet) => {
    const one = pass(1, { softnet });
    expect([Math.max(...one.turns), one.rounds[0]]).not.toEqual([64, 300]);
  });

  it('[mutant] a budget of 4 jiffies gives longer rounds', () => {
    expect(pass(50_000, { softnet: { budgetNs: 16_000_000 } }).rounds[0]).not.toBe(192);
  });

  it('a round that ends with its last packet is not squeezed', () => {
    expect(pass(1, { softnet: { budget: 600 } }).squeezes).toBe(0);
  });
});
