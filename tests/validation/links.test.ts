/**
 * A link is a queue with one server: M/M/1, M/G/1 and M/M/1/K where a frame's size is its service time. At 8 Gbit/s a byte
 * takes a nanosecond.
 */
import { describe, expect, it } from 'vitest';
import { Flight, type Ingress } from '../../src/base/train.ts';
import type { Instant } from '../../src/base/units.ts';
import { Link } from '../../src/sim/net/link.ts';
import type { LinkTap } from '../../src/sim/net/observe.ts';
import { newEngine, options, TestTrain } from '../net/support.ts';
import {
  average,
  blocking,
  CERTAIN,
  controlled,
  exponential,
  fixed,
  hyperExponential,
  mean,
  off,
  outside,
  regression,
  S,
  SEEDS,
  type Service,
  Workload,
} from './queueing.ts';

const WARM_UP = 10_000;

/** Forgets all frames as they come. */
class Drain implements Ingress {
  readonly flight: Flight = new Flight();
  onAppend(): void {
    while (!this.flight.empty) this.flight.take(this.flight.headCount());
  }
}

/** One frame that is sent again and again, each time with another size. */
class Reused extends TestTrain {
  constructor() {
    super(0, { segs: 1, headerLen: 40 });
  }
  override drop(): void {}
  size(bytes: number): this {
    this.len = this.segSize = bytes - this.headerLen;
    return this;
  }
}

interface Queue {
  readonly rho: number;
  readonly service: Service;
  readonly customers: number;
  /** Frames that the link takes; more are dropped. */
  readonly limit?: number;
  readonly rate?: number;
}

interface Seen {
  /** Mean wait before service, and the 99th percentile of the whole stay, in service times. */
  readonly wait: number;
  readonly p99: number;
  /** Share of the frames that were dropped. */
  readonly dropped: number;
  /** Share that would have found `limit` before them in a queue without one: ρ^limit in M/M/1. */
  readonly wouldFind: number;
}

/** Offers `customers` frames after a warm-up. */
function run(q: Queue, seed: number): Seen {
  const { rho, service, customers, limit = 1e9, rate = 8e9 } = q;
  const link = new Link(
    newEngine(String(seed)),
    'a->b',
    options({ rate, overhead: 0, mtu: 2 ** 30, limit: { unit: 'packets', count: limit } }),
    new Drain(),
  );
  const frame = new Reused();
  const load = new Workload(seed, rho, service);
  const stays = new Float64Array(customers);
  let n = 0;
  let wait = 0;
  let dropped = 0;
  link.tap = {
    onFrame(_t, _i, _m, start, departure) {
      if (n < 0) return;
      wait += start - load.at;
      stays[n - dropped] = departure - load.at;
    },
    onDrop() {
      if (n >= 0) dropped++;
    },
  } satisfies LinkTap;
  // The departures of a queue without a limit, for those still in it.
  const pending = new Float64Array(1 << 16);
  let head = 0;
  let tail = 0;
  let free = 0;
  let would = 0;
  for (n = -WARM_UP; n < customers; n++) {
    const bytes = Math.max(40, load.next());
    link.transmit(frame.size(bytes), load.at as Instant);
    if (limit >= 1e9) continue;
    while (head < tail && pending[head & 0xffff]! <= load.at) head++;
    if (n >= 0 && tail - head >= limit) would++;
    free = Math.max(free, load.at) + bytes;
    pending[tail++ & 0xffff] = free;
  }
  const served = stays.subarray(0, customers - dropped).toSorted();
  return {
    wait: wait / served.length / S,
    p99: served[Math.floor(0.99 * served.length)]! / S,
    dropped: dropped / customers,
    wouldFind: would / customers,
  };
}

/** Share that M/M/1/K drops, customer by customer (Lindley 1952, with a bound). */
function recursion(rho: number, k: number, customers: number, seed: number): number {
  const load = new Workload(seed, rho, exponential);
  const departures = new Float64Array(1 << 7);
  const last = departures.length - 1;
  let [head, tail, free, dropped] = [0, 0, 0, 0];
  for (let n = -WARM_UP; n < customers; n++) {
    const bytes = Math.max(40, load.next());
    while (head < tail && departures[head & last]! <= load.at) head++;
    if (tail - head < k) departures[tail++ & last] = free = Math.max(free, load.at) + bytes;
    else if (n >= 0) dropped++;
  }
  return dropped / customers;
}

const FULL = 300_000;
/** Customers that show a mutant. */
const FEW = FULL / 10;

describe('M/M/1: exponential sizes [validation Q1]', () => {
  const cases: [rho: number, wait: number, p99: number, tolerance: number][] = [
    [0.5, 1, 9.21, 0.01],
    [0.8, 4, 23.03, 0.02],
    [0.9, 9, 46.05, 0.03],
  ];
  it.each(cases)(
    'at ρ = %d the mean wait is %d service times, and 99 of 100 are through after %d',
    (rho, wait, p99, tolerance) => {
      const all = SEEDS.map((seed) => run({ rho, service: exponential, customers: FULL }, seed));
      expect(off(mean(all.map((s) => s.wait)), wait)).toBeLessThan(tolerance);
      expect(off(mean(all.map((s) => s.p99)), p99)).toBeLessThan(tolerance);
    },
  );

  it.each(cases)(
    '[mutant] at ρ = %d (%d, %d, ±%d) frames of one size wait half as long',
    (rho, ...expected) => {
      const [wait, , tolerance] = expected;
      const q = { rho, service: fixed, customers: FULL };
      const measured = mean(SEEDS.map((seed) => run(q, seed).wait));
      expect(off(measured, wait)).toBeGreaterThan(0.4);
      expect(off(measured, wait / 2)).toBeLessThan(tolerance);
    },
  );

  it.each(cases)(
    '[mutant] at ρ = %d (%d, %d, ±%d) a wire that is faster by a twentieth',
    (rho, ...expected) => {
      const [wait, p99, tolerance] = expected;
      const q = { rho, service: exponential, customers: FEW, rate: 8.4e9 };
      const all = SEEDS.map((seed) => run(q, seed));
      const waits = average(all.map((s) => s.wait));
      const stays = average(all.map((s) => s.p99));
      expect(outside(waits, wait, tolerance)).toBeGreaterThan(CERTAIN);
      expect(outside(stays, p99, tolerance)).toBeGreaterThan(CERTAIN);
    },
  );
});

describe('M/G/1: hyper-exponential sizes, C² = 4 [validation Q3; Pollaczek–Khinchine]', () => {
  const waits = (c2: number, customers: number): number[] =>
    SEEDS.map((seed) => run({ rho: 0.5, service: hyperExponential(c2), customers }, seed).wait);

  it('at ρ = .5 the mean wait is 2.5 service times', () => {
    expect(off(mean(waits(4, FULL)), 2.5)).toBeLessThan(0.02);
  });

  it.each([1.0001, 10])('[mutant] with C² = %d it is another', (c2) => {
    const other = average(waits(c2, FULL / 3));
    expect(outside(other, 2.5, 0.02)).toBeGreaterThan(CERTAIN);
    expect(off(other.value, (1 + c2) / 2)).toBeLessThan(0.1);
  });
});

describe('M/M/1/K: a link that holds K frames drops [validation Q5]', () => {
  /** Dropped share over the seeds, controlled by what the same frames would do in a queue without limit. */
  function dropped(rho: number, k: number, customers: number): number {
    const all = SEEDS.map((seed) => run({ rho, service: exponential, customers, limit: k }, seed));
    const shares = all.map((s) => s.dropped);
    if (rho >= 1) return mean(shares);
    return controlled(
      shares,
      all.map((s) => s.wouldFind),
      rho ** k,
    );
  }
  const cases: [rho: number, k: number, share: number, tolerance: number, customers: number][] = [
    [0.9, 5, 0.126, 0.03, FULL / 3],
    [0.9, 10, 0.0508, 0.03, FULL / 3],
    [0.9, 64, 1.18e-4, 0.15, FULL],
    [1, 10, 1 / 11, 0.03, FULL / 3],
    [1.2, 10, 0.1926, 0.03, FULL / 3],
  ];
  it.each(cases)('at ρ = %d and K = %i it is %d', (rho, k, share, tolerance, customers) => {
    expect(off(blocking(rho, k), share)).toBeLessThan(0.005);
    expect(off(dropped(rho, k, customers), share)).toBeLessThan(tolerance);
  });

  it.each(cases)('at ρ = %d and K = %i (%d) it drops as many as the recursion', (rho, k) => {
    for (const seed of [1, 2, 3]) {
      const q = { rho, service: exponential, customers: FEW, limit: k };
      expect(run(q, seed).dropped).toBe(recursion(rho, k, FEW, seed));
    }
  });

  // Controlled by what the recursion with K drops of the same frames, which on average is the closed form.
  it.each(cases)(
    '[mutant] at ρ = %d and K = %i (%d) with room for a fifth more',
    (rho, k, share, tolerance, customers) => {
      const n = Math.max(FEW, customers / 3);
      const q = { rho, service: exponential, customers: n, limit: Math.ceil(1.2 * k) };
      const seen = regression(
        SEEDS.map((seed) => run(q, seed).dropped),
        SEEDS.map((seed) => recursion(rho, k, n, seed)),
        blocking(rho, k),
      );
      expect(outside(seen, share, tolerance)).toBeGreaterThan(CERTAIN);
    },
  );
});
