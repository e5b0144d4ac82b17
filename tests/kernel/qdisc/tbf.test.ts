// Token bucket (net/sched/sch_tbf.c): rate, burst, latency, peak rate.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QdiscOptions, TbfOptions } from '../../../src/kernel/qdisc/options.ts';
import { prop } from '../../support/prop.ts';
import { type Left, line, MS, stream } from './support.ts';

const tbf = (o: Partial<TbfOptions>): QdiscOptions => ({
  kind: 'tbf',
  rate: 1e7,
  burst: 10_000,
  limit: 1_000_000,
  latency: 0,
  peakrate: Infinity,
  mtu: 0,
  ...o,
});

/** The most by which what left in any interval is above `burst` + rate · t, bytes; below 0: never above. */
function excess(left: readonly Left[], rate: number, burst: number): number {
  let worst = -Infinity;
  for (let i = 0; i < left.length; i++) {
    let bytes = 0;
    for (let j = i; j < left.length; j++) {
      bytes += left[j]!.bytes;
      const t = left[j]!.at - left[i]!.at;
      worst = Math.max(worst, bytes - burst - (rate / 8e9) * t);
    }
  }
  return worst;
}

const arrivals = fc.array(
  fc.record({
    gap: fc.constantFrom(0, 0, 10_000, 400_000, 20 * MS),
    bytes: fc.integer({ min: 60, max: 1514 }),
    segs: fc.constantFrom(1, 1, 1, 10),
  }),
  { minLength: 1, maxLength: 60 },
);
const timed = <T extends { gap: number }>(drawn: readonly T[]): (T & { at: number })[] => {
  let at = 0;
  return drawn.map((p) => ({ ...p, at: (at += p.gap) }));
};

describe('tbf', () => {
  it('lets at most burst + rate · t bytes leave in any time t [validation L3]', () => {
    const rates = fc.constantFrom(1e6, 1e7, 123_456_789);
    prop([arrivals, rates, fc.integer({ min: 1514, max: 30_000 })], (drawn, rate, burst) => {
      const { left } = line(tbf({ rate, burst }), timed(drawn), { txRing: 1000 });
      expect(left.length > 0).toBe(drawn.length > 0);
      expect(excess(left, rate, burst)).toBeLessThanOrEqual(1e-6);
    });
  });

  it('and with a peak rate at most mtu + peakrate · t as well', () => {
    prop([arrivals], (drawn) => {
      const peak = { peakrate: 2e7, mtu: 2000 };
      const { left } = line(tbf({ rate: 1e7, burst: 30_000, ...peak }), timed(drawn), {
        txRing: 1000,
      });
      expect(left.length > 0).toBe(drawn.length > 0);
      expect(excess(left, 2e7, 2000)).toBeLessThanOrEqual(1e-6);
      expect(excess(left, 1e7, 30_000)).toBeLessThanOrEqual(1e-6);
    });
  });

  it('mutant: a queue without a bucket breaks both', () => {
    const list = stream(50, 0, { bytes: 1514 });
    const { left } = line({ kind: 'bfifo', limit: 1e9 }, list, { txRing: 1000 });
    expect(excess(left, 1e7, 10_000)).toBeGreaterThan(10_000);
    expect(excess(left, 2e7, 2000)).toBeGreaterThan(10_000);
  });

  it('uses all of it: what always has something to send gets burst and rate to a packet', () => {
    const { left } = line(tbf({}), stream(200, 0, { bytes: 1000 }), { txRing: 1000 });
    expect(left.slice(0, 10).map((l) => l.at)).toEqual(new Array<number>(10).fill(0));
    // 1000 B at 10 Mbit/s: 0.8 ms.
    expect(left.slice(10).map((l) => l.at)).toEqual(
      Array.from({ length: 190 }, (_, i) => (i + 1) * 800_000),
    );
  });

  it('holds as many bytes as take `latency`, beside the bucket; more are dropped at the tail', () => {
    const o = line(tbf({ limit: 0, latency: 8 * MS }), stream(100, 0, { bytes: 1000 }), {
      txRing: 1000,
    });
    // 10 Mbit/s · 8 ms = 10,000 B, and the burst of 10,000; ten more have left at once.
    expect(o.nic.qdisc.meter.bound).toBe(20_000);
    expect(o.left.length).toBe(30);
    expect(o.drops.every((d) => d.why === 'overlimit')).toBe(true);
    expect(Math.max(...o.left.map((l) => l.at))).toBe(16 * MS);
  });

  it('drops a frame that its bucket, in whole nanoseconds, is too small for, and does not wait for it for ever', () => {
    // 1514 B at 3 Mbit/s take 4,037,333.3 ns.
    for (const o of [
      { rate: 3e6, burst: 1514 },
      { rate: 1e6, burst: 10_000, peakrate: 3e6, mtu: 1514 },
    ]) {
      const { left, drops } = line(tbf(o), [
        { at: 0, bytes: 1514 },
        { at: 1, bytes: 1000 },
      ]);
      expect(drops.map((d) => d.why)).toEqual(['too_long']);
      expect(left.map((l) => l.bytes)).toEqual([1000]);
    }
  });

  it('cuts what is larger than the bucket into its frames; a frame that is larger is dropped', () => {
    const list = [{ at: 0, bytes: 1514, segs: 10 }];
    const whole = line(tbf({ burst: 20_000 }), list);
    expect(whole.left.map((l) => l.segs)).toEqual([10]);
    const cut = line(tbf({ burst: 5000 }), list);
    expect(cut.left.map((l) => [l.segs, l.bytes])).toEqual(new Array<number[]>(10).fill([1, 1514]));
    expect(cut.freed).toBe(1000); // once, with the last of them
    const none = line(tbf({ burst: 1500 }), list);
    expect(none.drops.map((d) => d.why)).toEqual(['too_long']);
    expect(none.results).toEqual([1]);
  });
});

it('a bfifo of less than a full packet lets none pass, also when it is empty [fifo_init]', () => {
  const through = (limit: number): number =>
    line({ kind: 'bfifo', limit }, stream(3, 10 * MS, { bytes: 1514 }), { txRing: 1000 }).left
      .length;
  expect([through(1000), through(1514)]).toEqual([0, 3]);
});
