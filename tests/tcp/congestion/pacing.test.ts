/** Pacing and the delivery rate: gaps between segments, SO_MAX_PACING_RATE, what is measured and what limits it. */
import { describe, expect, it } from 'vitest';
import {
  deliveryRate,
  setCongestion,
  setMaxPacingRate,
  type TcpOptions,
} from '../../../src/tcp/index.ts';
import type { Instant } from '../../../src/base/units.ts';
import { windowRate } from '../../../src/tcp/mss.ts';
import { Pair, reads, writes } from '../pair.ts';
import { Dumbbell, MS, SEC } from '../../validation/dumbbell.ts';

/** When each data segment left, ns, of a flow whose rate is bounded from the first ACK on. */
function departures(
  bytesPerSec: number,
  options: Partial<TcpOptions> = {},
): { at: number[]; d: Dumbbell } {
  const at: number[] = [];
  const jitter = (): number => {
    at.push(d.now);
    return 0;
  };
  const d: Dumbbell = new Dumbbell({ nsPerByte: 80, limit: 100 }, [
    { rttNs: 50 * MS, options, jitter },
  ]);
  d.run(1);
  setMaxPacingRate(d.flows[0]!.c!, bytesPerSec);
  d.run(2 * SEC);
  return { at, d };
}

describe('SO_MAX_PACING_RATE [tcp_pacing_check]', () => {
  it('spaces segments by their size at that rate, whatever the congestion control', () => {
    for (const congestionControl of ['cubic', 'reno', 'bbr'] as const) {
      const { at } = departures(1_448_000, { congestionControl });
      // One millisecond each, once the first ten are out; what waited for an ACK makes up for half of it at most.
      const gaps = at.slice(20).map((t, i) => t - at[19 + i]!);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.5 * MS - 1);
      const late = gaps.slice(-1000);
      expect(late.reduce((a, b) => a + b, 0) / 1000 / MS).toBeCloseTo(1, 2);
    }
  });
  it('lets the first ten segments go at once, as fq does', () => {
    const { at } = departures(1_448_000);
    expect(new Set(at.slice(0, 10)).size).toBe(1);
    expect(at[12]! - at[11]!).toBeGreaterThanOrEqual(1 * MS - 1);
  });
  it('[mutant] without a bound a window goes at once', () => {
    const { at } = departures(Infinity);
    const gaps = at.slice(20).map((t, i) => t - at[19 + i]!);
    expect(Math.min(...gaps)).toBe(0);
  });
});

describe('the pacing rate of a window [tcp_update_pacing_rate]', () => {
  it('is twice the window per SRTT in slow start and 1.2 times after it', () => {
    const { d } = departures(1e7);
    const c = d.flows[0]!.c!;
    const perSrtt = (c.cwnd * c.mssCache * 8e6) / c.srttUs;
    c.ssthresh = 4 * c.cwnd;
    expect(windowRate(c)).toBeCloseTo(2 * perSrtt, -1);
    c.ssthresh = c.cwnd;
    expect(windowRate(c)).toBeCloseTo(1.2 * perSrtt, -1);
  });
});

describe('a queue of the kind fq in front of the device [SK_PACING_FQ]', () => {
  /** Shortest gap between two segments after the first second, ns: 12 Mbit/s, a window of 40 at an RTT of 40 ms. */
  const shortest = (fq: boolean, congestionControl: 'reno' | 'cubic'): number => {
    const at: number[] = [];
    const lose = (): boolean => {
      at.push(d.now);
      return false;
    };
    const d: Dumbbell = new Dumbbell({ lose }, [
      { rttNs: 40 * MS, options: { congestionControl }, path: { fq } },
    ]);
    d.run(50 * MS);
    d.flows[0]!.c!.ssthresh = 40;
    d.run(2 * SEC);
    const late = at.filter((t) => t > SEC);
    return Math.min(...late.slice(1).map((t, i) => t - late[i]!));
  };
  it('has every congestion control paced, Reno too, which keeps nothing of its own', () => {
    for (const name of ['reno', 'cubic'] as const) expect(shortest(true, name)).toBeGreaterThan(0);
  });
  it('[mutant] without it a window’s growth goes at once', () => {
    expect(shortest(false, 'reno')).toBe(0);
  });
});

describe('the delivery rate [net/ipv4/tcp_rate.c]', () => {
  const measured = (options: Partial<TcpOptions>): number => {
    // 8 Mbit/s of IP packets: 1448 of 1500 bytes are data.
    const d = new Dumbbell({ nsPerByte: 1000, limit: 100 }, [{ rttNs: 40 * MS, options }]);
    d.run(5 * SEC);
    return deliveryRate(d.flows[0]!.c!);
  };
  it('is the rate of the bottleneck', () => {
    const expected = (1e6 * 1448) / 1500;
    const reno = measured({ congestionControl: 'reno', deliveryRate: true });
    expect(Math.abs(reno / expected - 1)).toBeLessThan(0.03);
    expect(Math.abs(measured({ deliveryRate: true }) / expected - 1)).toBeLessThan(0.03);
    // BBR's may be of a phase in which it drains its queue.
    expect(Math.abs(measured({ congestionControl: 'bbr' }) / expected - 1)).toBeLessThan(0.1);
  });
  it('is not measured unless somebody asks', () => {
    expect(measured({})).toBe(0);
  });

  it('is marked as limited by the application where that had nothing to send', () => {
    const limited = (total: number): boolean => {
      const p = new Pair({
        client: { congestionControl: 'bbr' },
        wire: { delayNs: 10 * MS, nsPerByte: 400 },
      });
      p.client.app = writes(total, total, false);
      p.server.app = reads();
      p.open();
      p.run(1 * SEC);
      const rate = p.client.c!.sender!.rate!;
      // The next write finds an empty queue and an idle device.
      writes(total + 1000, 1000, false)(p.client, p.now);
      return rate.appLimited > 0;
    };
    expect(limited(1448)).toBe(true);
    expect(limited(1e8)).toBe(false);
  });
});

describe('TCP_CONGESTION on a connection [tcp_reinit_congestion_control]', () => {
  it('hands the window over to the new control, whose state begins afresh', () => {
    const d = new Dumbbell({ nsPerByte: 400, limit: 50 }, [{ rttNs: 20 * MS }]);
    d.run(1 * SEC);
    const c = d.flows[0]!.c!;
    const { cwnd } = c;
    setCongestion(c, 'bbr', d.now as Instant);
    expect(c.congestion.name).toBe('bbr');
    expect(c.cwnd).toBe(cwnd);
    expect(c.sender!.pacing).not.toBeNull();
    d.run(3 * SEC);
    d.peak = 0;
    d.run(5 * SEC);
    expect(d.peak).toBeLessThan(50);
    setCongestion(c, 'cubic', d.now as Instant);
    d.run(10 * SEC);
    expect(d.peak).toBe(50);
  });
});
