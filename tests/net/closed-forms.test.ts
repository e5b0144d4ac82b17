// What a link must give by arithmetic or by queueing theory, each with a mutant that gives something else.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Flight, type Ingress, type Train } from '../../src/base/train.ts';
import { type Instant, ms, us } from '../../src/base/units.ts';
import { Link } from '../../src/sim/net/link.ts';
import type { LinkTap } from '../../src/sim/net/observe.ts';
import type { LinkOptions } from '../../src/sim/net/options.ts';
import { prop } from '../support/prop.ts';
import { Sink, TestTrain, frame, newEngine, options } from './support.ts';
import { limits, trains } from './worlds.ts';

type LinkClass = new (...args: ConstructorParameters<typeof Link>) => Link;

/** Forgets all frames as they come. */
class Drain implements Ingress {
  readonly flight: Flight = new Flight();
  onAppend(): void {
    while (!this.flight.empty) this.flight.take(this.flight.headCount());
  }
}

/** A packet of 1,500 B that is used again and again. */
const packet = (ip: number): TestTrain => {
  const train = frame(0, ip);
  train.drop = (): void => {};
  return train;
};

const PLENTY = { unit: 'packets', count: 1e9 } as const;

describe('Q2: a link with Poisson arrivals is M/D/1', () => {
  const S = 1_200_000;
  /** Mean wait before service, in ns, of 300,000 packets after 10,000. */
  function meanWait(utilisation: number, seed: number, C: LinkClass): number {
    const engine = newEngine(String(seed));
    const link = new C(
      engine,
      'a->b',
      options({ rate: 10e6, overhead: 0, limit: PLENTY }),
      new Drain(),
    );
    const arrivals = engine.random.stream('source/arrivals');
    const train = packet(1500);
    let at = 0;
    let n = 0;
    let wait = 0;
    link.tap = {
      onFrame(_t, _i, _m, start) {
        if (++n > 10_000) wait += start - at;
      },
      onDrop() {},
    } satisfies LinkTap;
    for (let t = 0; n < 310_000;) {
      t += arrivals.exponential(S / utilisation);
      at = Math.floor(t);
      link.transmit(train, at as Instant);
    }
    return wait / 300_000;
  }
  const mean = (utilisation: number, seeds: number, C: LinkClass): number => {
    let sum = 0;
    for (let seed = 1; seed <= seeds; seed++) sum += meanWait(utilisation, seed, C);
    return sum / seeds;
  };
  const cases: [rho: number, waitMs: number, tolerance: number][] = [
    [0.5, 0.6, 0.01],
    [0.8, 2.4, 0.02],
    [0.9, 5.4, 0.02],
  ];
  const error = (wait: number, expectedMs: number): number =>
    Math.abs(wait / (expectedMs * 1e6) - 1);

  it.each(cases)(
    'at ρ = %d the mean wait is %d ms [Pollaczek–Khinchine]',
    (rho, wait, tolerance) => {
      expect(error(mean(rho, 10, Link), wait)).toBeLessThan(tolerance);
    },
  );

  class NeverWaits extends Link {
    override transmit(train: Train, at: Instant): Instant {
      this.pipe.free = at;
      return super.transmit(train, at);
    }
  }
  it.each(cases)(
    'at ρ = %d (%d ms) it notices a frame that does not wait for the one before',
    (rho, wait, tolerance) => {
      expect(error(mean(rho, 1, NeverWaits), wait)).toBeGreaterThan(tolerance);
    },
  );
});

describe('Q8: the area under the queue is the sum of the times spent in it, to the nanosecond [L = λW]', () => {
  /** [area, Σ sojourn] at `end`, which may lie in mid-run; the second from stamps of hand-over and departure. */
  function littles(
    o: LinkOptions,
    list: (ConstructorParameters<typeof TestTrain>[1] & { at: number })[],
    end: number,
    late = false,
  ): bigint[] {
    const link = new Link(newEngine(), 'a->b', o, new Sink());
    let at = 0;
    let sojourn = 0n;
    const weigh = o.limit!.unit === 'bytes';
    link.tap = {
      onFrame(t, j, _m, _start, departure) {
        const bytes = t.headerLen + (j < t.segs - 1 ? t.segSize : t.len - (t.segs - 1) * t.segSize);
        const spent = Math.min(departure, end) - at;
        sojourn += BigInt(spent) * BigInt(weigh ? bytes + o.overhead : 1);
      },
      onDrop() {},
    } satisfies LinkTap;
    if (late) {
      // A mutant: what has departed leaves the meter when somebody looks, not at its own time.
      const leave = link.queue.leave.bind(link.queue);
      link.queue.leave = (t, n): void => leave(Math.max(t, Math.min(at, end)) as Instant, n);
    }
    list.forEach((spec, id) => {
      if (spec.at > end) return;
      at = spec.at;
      link.transmit(new TestTrain(id, spec), at as Instant);
    });
    at = end;
    link.sync(end as Instant);
    return [link.queue.exactArea(end as Instant), sojourn];
  }
  const link = fc
    .record({
      rate: fc.constantFrom(10e6, 999_999_937, 10e9),
      overhead: fc.constantFrom(0, 38),
      limit: limits.filter((l) => l !== null),
    })
    .map((o) => options(o));

  it('in packets and in bytes, with drops, up to any time', () => {
    prop(
      [link, trains(12), fc.nat(3_000_000)],
      (o, list, end) => {
        const [area, sojourn] = littles(o, list, end);
        expect(area).toBe(sojourn);
      },
      { numRuns: 400 },
    );
  });

  it('and the check notices a meter that is told late', () => {
    const list = [0, 1000, 100_000].map((at) => ({ at, segs: 3 }));
    const o = options({ rate: 1e9, limit: PLENTY });
    const [area, sojourn] = littles(o, list, 200_000);
    expect(area).toBe(sojourn);
    const [lateArea] = littles(o, list, 200_000, true);
    expect(lateArea).not.toBe(sojourn);
  });
});

describe('L1: line rate', () => {
  /** Frames that depart in the first `span` ns of a wire that is never idle. */
  function perSpan(o: Partial<LinkOptions>, ip: number, span: number, C: LinkClass = Link): number {
    const link = new C(newEngine(), 'a->b', options({ delay: us(1), ...o }), new Drain());
    const train = packet(ip);
    let n = 0;
    while (link.transmit(train, 0 as Instant) <= span) n++;
    return n;
  }
  const SECOND = 1e9;

  it('of 1 Gbit/s Ethernet is 1,488,095 frames of 64 B, or 81,274 packets of 1,500 B, a second', () => {
    expect(Math.abs(perSpan({ rate: 1e9 }, 46, SECOND) - 1_488_095)).toBeLessThanOrEqual(1);
    expect(Math.abs(perSpan({ rate: 1e9 }, 1500, SECOND) - 81_274)).toBeLessThanOrEqual(1);
  });

  it('gives TCP 941.48 Mbit/s with timestamps, 949.28 without', () => {
    const frames = perSpan({ rate: 1e9 }, 1500, SECOND);
    expect((frames * 1448 * 8) / 1e6).toBeCloseTo(941.48, 1);
    expect((frames * 1460 * 8) / 1e6).toBeCloseTo(949.28, 1);
  });

  it('notices a wire without preamble and gap', () => {
    const bare = { rate: 1e9, overhead: 18 };
    expect(Math.abs(perSpan(bare, 1500, SECOND) - 81_274)).toBeGreaterThan(1);
  });

  class RoundsEachFrame extends Link {
    override transmit(train: Train, at: Instant): Instant {
      const done = super.transmit(train, at);
      this.pipe.rem = 0;
      return done;
    }
  }
  it('of 100 Gbit/s, 6.72 ns a frame of 64 B, is exact too, and frames rounded one by one are not', () => {
    const expected = 148_809;
    expect(Math.abs(perSpan({ rate: 100e9 }, 46, 1e6) - expected)).toBeLessThanOrEqual(1);
    const rounded = perSpan({ rate: 100e9 }, 46, 1e6, RoundsEachFrame);
    expect(Math.abs(rounded - expected)).toBeGreaterThan(1);
  });
});

describe('L2: latency is not capacity', () => {
  /** The arrival of the last of 1,000 messages of 1,000 B, handed over at once. */
  function lastArrival(C: LinkClass): number {
    const sink = new Sink();
    const link = new C(
      newEngine(),
      'a->b',
      options({ rate: 1e9, delay: ms(100), overhead: 0 }),
      sink,
    );
    for (let i = 0; i < 1000; i++) link.transmit(frame(i, 1000), 0 as Instant);
    return sink.take().at(-1)!.arrival;
  }

  it('1,000 messages back to back take 100 ms and 1,000 serialisations [bug class of toxiproxy#47]', () => {
    expect(lastArrival(Link)).toBe(100_000_000 + 1000 * 8000);
  });

  class SleepsPerMessage extends Link {
    override transmit(train: Train, at: Instant): Instant {
      super.transmit(train, at);
      return (this.pipe.free += 100_000_000) as Instant;
    }
  }
  it('notices a wire that carries one message at a time', () => {
    expect(lastArrival(SleepsPerMessage)).not.toBe(100_000_000 + 1000 * 8000);
  });
});

describe('L5: Gilbert–Elliott with p = 0.01, r = 0.1 loses 9.09 % in bursts of 10 [netem gemodel]', () => {
  function losses(loss: LinkOptions['loss'], seed: string): { mean: number; burst: number } {
    const link = new Link(newEngine(seed), 'a->b', options({ rate: 1e9, loss }), new Drain());
    const train = packet(100);
    let lost = 0;
    let bursts = 0;
    let before = false;
    for (let i = 0; i < 1_000_000; i++) {
      train.ordinal = i;
      link.transmit(train, 0 as Instant);
      const isLost = link.counters.dropLoss > lost;
      if (isLost && !before) bursts++;
      if (isLost) lost++;
      before = isLost;
    }
    return { mean: lost / 1_000_000, burst: lost / bursts };
  }
  const model = { kind: 'gemodel', lossInBad: 1, lossInGood: 0 } as const;
  const off = (x: number, expected: number): number => Math.abs(x / expected - 1);

  it('over a million frames', () => {
    const { mean, burst } = losses({ ...model, p: 0.01, r: 0.1 }, '1');
    expect(off(mean, 1 / 11)).toBeLessThan(0.03);
    expect(off(burst, 10)).toBeLessThan(0.03);
  });

  it('and the check notices losses that are independent, and a chain whose arrows are swapped', () => {
    const independent = losses({ kind: 'random', probability: 1 / 11 }, '1');
    expect(off(independent.mean, 1 / 11)).toBeLessThan(0.03);
    expect(off(independent.burst, 10)).toBeGreaterThan(0.03);
    const swapped = losses({ ...model, p: 0.1, r: 0.01 }, '1');
    expect(off(swapped.mean, 1 / 11)).toBeGreaterThan(0.03);
  });
});

describe('L6: a full queue of 1,000 packets of 1,514 B adds', () => {
  /** The longest time from hand-over to departure when far more is offered than fits. */
  function addedDelay(rate: number, C: LinkClass): number {
    const limit = { unit: 'packets', count: 1000 } as const;
    const link = new C(
      newEngine(),
      'a->b',
      options({ rate, overhead: 14, delay: us(1), limit }),
      new Drain(),
    );
    let longest = 0;
    link.tap = {
      onFrame(_t, _i, _m, _s, departure) {
        longest = Math.max(longest, departure);
      },
      onDrop() {},
    } satisfies LinkTap;
    for (let i = 0; i < 40; i++) {
      link.transmit(new TestTrain(i, { segs: 44, segSize: 1448, headerLen: 52 }), 0 as Instant);
    }
    return longest;
  }
  const rates: [name: string, mbit: number, ns: number][] = [
    ['12.1 s at 1 Mbit/s', 1, 12.112e9],
    ['1.211 s at 10 Mbit/s', 10, 1.2112e9],
    ['121 ms at 100 Mbit/s', 100, 0.12112e9],
  ];
  const packetNs = (mbit: number): number => (1514 * 8000) / mbit;

  it.each(rates)('%s [B/C; ATC#60]', (_name, mbit, ns) => {
    expect(Math.abs(addedDelay(mbit * 1e6, Link) - ns)).toBeLessThanOrEqual(packetNs(mbit));
  });

  class TakesTrainsWhole extends Link {
    protected override admit(train: Train, first: number, count: number, at: Instant): number {
      const n = super.admit(train, first, count, at);
      if (n > 0 && n < count) this.queue.enter(at, count - n);
      return n > 0 ? count : 0;
    }
  }
  it.each(rates)('%s, and the check notices a queue that takes trains whole', (_name, mbit, ns) => {
    expect(Math.abs(addedDelay(mbit * 1e6, TakesTrainsWhole) - ns)).toBeGreaterThan(packetNs(mbit));
  });
});
