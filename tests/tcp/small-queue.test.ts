// Where exactly a segment has to wait for the device (net/ipv4/tcp_output.c tcp_small_queue_check).
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/tcp/connection.ts';
import type { SendQueue } from '../../src/tcp/send-queue.ts';
import { smallQueueFull } from '../../src/tcp/small-queue.ts';

const TRUESIZE = 2304;
const LIMIT = 65_536;

interface Case {
  /** Bytes charged, sk_pacing_rate in bytes/s, records out. */
  alloc: number;
  rate?: number;
  paces?: boolean;
  sent?: number;
  factor?: 1 | 2;
}

/** A connection of 10 segments at 10 ms, 1.2 · 1 448 000 bytes/s, unless it paces at `rate`. */
function full({ alloc, rate = 0, paces = rate > 0, sent = 10, factor = 1 }: Case): boolean {
  const c = {
    wmemAlloc: alloc,
    tsqThrottled: false,
    srttUs: 80_000,
    cwnd: 10,
    ssthresh: 10,
    packetsOut: 0,
    mssCache: 1448,
    context: { options: { limitOutputBytes: LIMIT, pacingCaRatio: 120, pacingSsRatio: 200 } },
    sender: { pacing: paces ? { rate } : null },
  } as unknown as Connection;
  const answer = smallQueueFull(c, { sent } as unknown as SendQueue, TRUESIZE, factor);
  expect(c.tsqThrottled).toBe(answer); // a completion will wake it, if it waits
  return answer;
}

/** The charge at which a segment has to wait first. */
function threshold(c: Omit<Case, 'alloc'>): number {
  let [lo, hi] = [0, 1 << 24];
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (full({ ...c, alloc: mid })) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}

describe('tcp_small_queue_check', () => {
  it('lets two packets be out where the rate is low: a third waits, as sk_wmem_alloc begins at 1', () => {
    expect(threshold({})).toBe(2 * TRUESIZE);
    expect(threshold({ rate: 1_000_000 })).toBe(2 * TRUESIZE);
  });
  it('lets a millisecond at the pacing rate be out where it is high', () => {
    expect(threshold({ rate: 40_960_000 })).toBe(40_000);
  });
  it('asks tcp_limit_output_bytes only where nobody paces', () => {
    expect(threshold({ rate: 1_024_000_000 })).toBe(1_000_000);
    expect(threshold({ rate: Infinity, paces: true })).toBe(1 << 24);
  });
  it('lets twice as much of what is sent again be out', () => {
    expect(threshold({ factor: 2 })).toBe(4 * TRUESIZE);
    expect(threshold({ factor: 2, rate: 40_960_000 })).toBe(80_000);
  });
  it('always lets a segment go when none or one is out: no completion may come', () => {
    for (const sent of [0, 1]) expect(full({ alloc: 1 << 23, sent })).toBe(false);
    expect(full({ alloc: 1 << 23, sent: 2 })).toBe(true);
  });
});
