import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { QueueMeter } from '../../src/base/queue-meter.ts';
import type { Instant } from '../../src/base/units.ts';
import { prop } from '../support/prop.ts';

const t = (n: number): Instant => n as Instant;

/** Customers by arrival and service; they go through one server in order. */
const customers = fc.array(
  fc.tuple(fc.nat(2 ** 40), fc.nat(2 ** 41), fc.integer({ min: 1, max: 1e6 })),
  {
    minLength: 1,
    size: 'max',
    maxLength: 60,
  },
);

/** Plays a queue into a meter; Σ n·(time in the queue up to `end`), by each customer's own clock. */
function serve(meter: QueueMeter, list: readonly [number, number, number][], end: number): bigint {
  const events: { at: number; n: number }[] = [];
  let arrival = 0;
  let free = 0;
  let sojourns = 0n;
  for (const [gap, service, n] of list) {
    arrival += gap;
    free = Math.max(arrival, free) + service;
    events.push({ at: arrival, n }, { at: free, n: -n });
    sojourns += BigInt(n) * BigInt(Math.max(0, Math.min(free, end) - arrival));
  }
  // Entering before leaving at one instant: nobody leaves before he came.
  events.sort((x, y) => x.at - y.at || y.n - x.n);
  for (const e of events) {
    if (e.at > end) break;
    if (e.n > 0) meter.enter(t(e.at), e.n);
    else meter.leave(t(e.at), -e.n);
  }
  return sojourns;
}

class LowWordOnly extends QueueMeter {
  override exactArea(now: Instant): bigint {
    return BigInt(this.area(now));
  }
}
class CountsAfterwards extends QueueMeter {
  override enter(now: Instant, n = 1): void {
    super.enter(now, n);
    super.enter(t(now + 1), 0);
  }
  override leave(now: Instant, n = 1): void {
    super.enter(t(now + 1), 0);
    super.leave(t(now + 1), n);
  }
}

describe('queue meter', () => {
  it('obeys Little’s law to the item·nanosecond, items still in the queue included [Q8; mutants: area in one double, a nanosecond late]', () => {
    const holds = (make: () => QueueMeter, sizes = customers): void =>
      prop([sizes, fc.double({ min: 0, max: 1, noNaN: true })], (list, share) => {
        const total = list.reduce((sum, [gap, service]) => sum + gap + service, 0);
        const end = Math.floor(total * share);
        const reached = list.filter(
          (_, i) => list.slice(0, i + 1).reduce((s, [g]) => s + g, 0) <= end,
        );
        const meter = make();
        const sojourns = serve(meter, list, end);
        return (
          meter.exactArea(t(end)) === sojourns &&
          meter.entered === reached.reduce((s, [, , n]) => s + n, 0) &&
          meter.entered - meter.left === meter.depth
        );
      });
    holds(() => new QueueMeter('q', Infinity));
    expect(() => holds(() => new LowWordOnly('q', Infinity))).toThrow(/Counterexample/);
    expect(() => holds(() => new CountsAfterwards('q', Infinity))).toThrow(/Counterexample/);
  });

  it('knows depth, peak, bound and how many came and went', () => {
    const q = new QueueMeter('rx ring', 4);
    q.enter(t(10), 3);
    q.leave(t(20), 2);
    q.enter(t(30));
    expect(q).toMatchObject({ name: 'rx ring', bound: 4, depth: 2, peak: 3, entered: 4, left: 2 });
    expect(q.area(t(40))).toBe(3 * 10 + 1 * 10 + 2 * 10);
    expect(q.area(t(40))).toBe(60);
    expect(q.exactArea(t(50))).toBe(80n);
  });

  it('notes a peak above its bound: to judge it is for the invariants', () => {
    const q = new QueueMeter('q', 1);
    q.enter(t(0), 2);
    expect(q.peak).toBe(2);
  });

  it('keeps the widest bound it was given', () => {
    const q = new QueueMeter('q', 2);
    q.widen(5);
    q.widen(3);
    expect(q.bound).toBe(5);
  });

  it('refuses to run backwards, and that more leaves than came', () => {
    const q = new QueueMeter('q', 1);
    q.enter(t(10));
    expect(() => q.enter(t(9))).toThrow(InvariantError);
    expect(() => q.area(t(Infinity))).toThrow(InvariantError);
    expect(() => q.leave(t(10), 2)).toThrow(/more left than entered: q at 10: depth -1/);
  });
});
