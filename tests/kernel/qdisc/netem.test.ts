// Network emulation in front of a device (tc-netem(8), net/sched/sch_netem.c).
import { describe, expect, it } from 'vitest';
import {
  NETEM_DEFAULTS,
  type NetemOptions,
  type QdiscOptions,
} from '../../../src/kernel/qdisc/options.ts';
import { line, MS, type Outcome, stream } from './support.ts';

const netem = (o: Partial<NetemOptions>): QdiscOptions => ({
  kind: 'netem',
  ...NETEM_DEFAULTS,
  limit: 100_000,
  ...o,
});
const N = 4000;
const GAP = MS;
/** A packet each millisecond, to a wire that takes no time. */
const run = (o: Partial<NetemOptions>, tos = 0): Outcome =>
  line(netem(o), stream(N, GAP, { bytes: 500, tos }), { txRing: 1000 });
const waits = (o: Outcome): number[] => o.left.map((l) => l.at - l.id * GAP);

/** Is a count of N trials with probability p within four standard deviations? */
const likely = (count: number, p: number): boolean =>
  Math.abs(count - N * p) <= 4 * Math.sqrt(N * p * (1 - p));

describe('netem', () => {
  it('delays each packet by just as much', () => {
    expect(new Set(waits(run({ delay: 7 * MS })))).toEqual(new Set([7 * MS]));
  });

  it('or by delay ± jitter, uniformly: packets overtake each other', () => {
    const o = run({ delay: 10 * MS, jitter: 4 * MS });
    const w = waits(o);
    expect(Math.min(...w)).toBeGreaterThanOrEqual(6 * MS);
    expect(Math.max(...w)).toBeLessThan(14 * MS);
    const mean = w.reduce((a, b) => a + b, 0) / N;
    // Uniform of width 8 ms: standard deviation 8/√12 ms.
    expect(Math.abs(mean - 10 * MS)).toBeLessThan((4 * 8 * MS) / Math.sqrt(12 * N));
    expect(w.filter((x) => x < 8 * MS).length / N).toBeCloseTo(0.25, 1);
    expect(o.left.some((l, i) => i > 0 && l.id < o.left[i - 1]!.id)).toBe(true);
  });

  it('loses, doubles and damages as many as it is told', () => {
    const lost = run({ loss: 0.1 });
    expect(likely(lost.drops.length, 0.1)).toBe(true);
    expect(lost.left.length + lost.drops.length).toBe(N);
    // The sender does not hear of it.
    expect(new Set(lost.results)).toEqual(new Set([0]));
    const doubled = run({ duplicate: 0.2 });
    expect(likely(doubled.left.length - N, 0.2)).toBe(true);
    const damaged = run({ corrupt: 0.05 }).left.filter((l) => l.damaged).length;
    expect(likely(damaged, 0.05)).toBe(true);
    expect(likely(damaged, 0.1)).toBe(false);
  });

  it('cuts a large packet up to damage one frame of it', () => {
    const list = stream(50, GAP, { bytes: 1000, segs: 4 });
    const { left } = line(netem({ corrupt: 1 }), list, { txRing: 1000 });
    expect(left.length).toBe(200);
    expect(left.every((l) => l.segs === 1 && l.damaged)).toBe(true);
  });

  it('marks what it would lose, if it can', () => {
    const o = run({ loss: 0.1, ecn: true }, 2);
    expect(o.drops).toEqual([]);
    expect(likely(o.left.filter((l) => l.ce).length, 0.1)).toBe(true);
  });

  it('lets some go at once, in front of those that are delayed; `gap`: the n-th at most', () => {
    const early = (o: Partial<NetemOptions>): number[] =>
      run({ delay: 20 * MS, ...o }).left.flatMap((l) => (l.at === l.id * GAP ? [l.id] : []));
    expect(likely(early({ reorder: 0.25 }).length, 0.25)).toBe(true);
    expect(early({ reorder: 1, gap: 5 })).toEqual(
      Array.from({ length: N / 5 }, (_, i) => 4 + 5 * i),
    );
  });

  it('takes time to send at `rate`, one packet after the other', () => {
    // 500 B at 2 Mbit/s: 2 ms, twice the gap between them.
    const { left } = line(netem({ rate: 2e6, delay: 3 * MS }), stream(50, GAP, { bytes: 500 }), {
      txRing: 1000,
    });
    expect(left.map((l) => l.at)).toEqual(
      Array.from({ length: 50 }, (_, i) => 3 * MS + (i + 1) * 2 * MS),
    );
  });

  it('drops at the tail beyond `limit`, and says so', () => {
    const o = line(netem({ delay: MS, limit: 10 }), stream(15, 0, { bytes: 500 }));
    expect(o.results.filter((r) => r === 1).length).toBe(5);
  });

  it('looks for room for a packet before its copy comes in: neither takes a place from the other [netem_enqueue]', () => {
    const twice = (n: number): Outcome =>
      line(netem({ delay: MS, limit: 4, duplicate: 1 }), stream(n, 0, { bytes: 500 }));
    const room = twice(2);
    expect([room.results, room.left.map((l) => l.id), room.drops]).toEqual([
      [0, 0],
      [0, 0, 1, 1],
      [],
    ]);
    const odd = line(netem({ delay: MS, limit: 3, duplicate: 1 }), stream(3, 0, { bytes: 500 }));
    // The second takes the last place with its copy, and goes in all the same; the third is dropped, and no copy is made of it.
    expect(odd.results).toEqual([0, 0, 1]);
    expect(odd.left.map((l) => l.id)).toEqual([0, 0, 1, 1]);
    expect(odd.drops.map((d) => d.id)).toEqual([2]);
    expect([odd.nic.qdisc.copies, odd.nic.qdisc.meter.peak, odd.nic.qdisc.meter.bound]).toEqual([
      2, 4, 4,
    ]);
  });

  it('draws for each packet alone: another loss leaves the delays of those that are left alone', () => {
    const o = { delay: 10 * MS, jitter: 4 * MS };
    const all = new Map(run(o).left.map((l) => [l.id, l.at]));
    const some = run({ ...o, loss: 0.3 }).left;
    expect(likely(N - some.length, 0.3)).toBe(true);
    for (const l of some) expect(l.at).toBe(all.get(l.id));
  });

  it('does not charge the sender for what it delays, and does for what it does not (skb_orphan_partial)', () => {
    const list = stream(5, 0, { bytes: 500 });
    expect(line(netem({ delay: 100 * MS }), list, { until: 50 * MS }).freed).toBe(5000);
    const waiting = line(netem({}), list, { rate: 1e4, until: 50 * MS });
    expect(waiting.freed).toBe(0);
  });
});
