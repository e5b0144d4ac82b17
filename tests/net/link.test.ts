// One link: its queue, its books, its fingerprint, and changes while it runs.
import { describe, expect, it } from 'vitest';
import { InvariantError, ScenarioError } from '../../src/base/assert.ts';
import { Flight } from '../../src/base/train.ts';
import { type Instant, ms, us } from '../../src/base/units.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { Link } from '../../src/sim/net/link.ts';
import type { LinkOptions } from '../../src/sim/net/options.ts';
import { Sink, TestTrain, frame, newEngine, options } from './support.ts';
import { Recorder } from './worlds.ts';

/** 1,000 B take 8 µs, and 10 µs of way. */
const wire = options({ rate: 1e9, delay: us(10), overhead: 0 });
const at = (t: number): Instant => t as Instant;

function setUp(o: Partial<LinkOptions> = {}): {
  link: Link;
  sink: Sink;
  engine: Engine;
  tap: Recorder;
} {
  const sink = new Sink();
  const engine = newEngine();
  const link = new Link(engine, 'a->b', { ...wire, ...o }, sink);
  const tap = new Recorder();
  link.tap = tap;
  return { link, sink, engine, tap };
}
const arrivals = (sink: Sink): number[] => sink.take().map((f) => f.arrival);

describe('without a limit', () => {
  it('the sender waits: transmit tells when the last frame departs', () => {
    const { link, sink } = setUp();
    expect(link.transmit(new TestTrain(0, { segs: 3, segSize: 948, headerLen: 52 }), at(0))).toBe(
      24_000,
    );
    expect(link.transmit(frame(1, 1000), at(0))).toBe(32_000);
    expect(link.transmit(frame(2, 1000), at(50_000))).toBe(58_000);
    expect(sink.appended).toEqual([18_000, 42_000, 68_000]);
    expect(arrivals(sink)).toEqual([18_000, 26_000, 34_000, 42_000, 68_000]);
    expect(link.queue.entered).toBe(0);
  });
});

describe('with a limit', () => {
  it('the sender is done at once, and frames beyond the limit are dropped', () => {
    const { link, sink, tap } = setUp({ limit: { unit: 'packets', count: 2 } });
    expect(link.transmit(new TestTrain(0, { segs: 3, segSize: 948, headerLen: 52 }), at(0))).toBe(
      0,
    );
    expect(arrivals(sink)).toHaveLength(2);
    expect(tap.drops).toEqual([[0, 0, 2, 'limit']]);
    expect(link.queue).toMatchObject({ bound: 2, peak: 2, depth: 2 });
  });

  it('the frame in service counts until it departs, and one that departs now has gone', () => {
    const { link } = setUp({ limit: { unit: 'packets', count: 1 } });
    link.transmit(frame(0, 1000), at(0));
    link.transmit(frame(1, 1000), at(7_999));
    link.transmit(frame(2, 1000), at(8_000));
    expect(link.counters).toMatchObject({ offered: 3, frames: 2, dropLimit: 1 });
  });

  it('in bytes drops a frame when the backlog before it exceeds the limit [measured transfers]', () => {
    const { link } = setUp({ limit: { unit: 'bytes', count: 2000 } });
    for (let i = 0; i < 5; i++) link.transmit(frame(i, 1000), at(0));
    // 0, 1000 and 2000 bytes do not exceed 2000; 3000 do.
    expect(link.counters).toMatchObject({ frames: 3, dropLimit: 2 });
    expect(link.queue.peak).toBe(3000);
    expect(link.queue.peak).toBeLessThanOrEqual(link.queue.bound);
  });

  it('its meter knows each departure at its own time once it is asked', () => {
    const { link } = setUp({ limit: { unit: 'packets', count: 9 } });
    link.transmit(new TestTrain(0, { segs: 3, segSize: 948, headerLen: 52 }), at(0));
    link.sync(at(20_000));
    expect(link.queue.depth).toBe(1);
    expect(link.queue.area(at(20_000))).toBe(8_000 + 16_000 + 20_000);
  });
});

it('refuses frames larger than the MTU, and a sender whose time goes back', () => {
  const { link } = setUp();
  expect(() => link.transmit(frame(0, 1501), at(0))).toThrow(InvariantError);
  link.transmit(frame(1, 1500), at(10));
  expect(() => link.transmit(frame(2, 1500), at(9))).toThrow(InvariantError);
});

it('stops at the end of exact time', () => {
  const { link } = setUp({ rate: 1, delay: us(1) });
  expect(() => {
    for (let i = 0; i < 1e6; i++) link.transmit(frame(i, 1500), at(0));
  }).toThrow('past 2^53 ns');
});

describe('books', () => {
  const faulty: Partial<LinkOptions> = {
    loss: { kind: 'random', probability: 0.2 },
    duplicate: { kind: 'random', probability: 0.2 },
    limit: { unit: 'packets', count: 30 },
  };
  const use = (link: Link): void => {
    for (let i = 0; i < 20; i++)
      link.transmit(new TestTrain(i, { segs: 5, segSize: 948 }), at(i * 20_000));
  };

  it('close: offered + duplicated = delivered + dropped + in flight, at any time', () => {
    const { link, sink } = setUp(faulty);
    use(link);
    for (const now of [0, 100_000, 300_000, Infinity]) {
      sink.take(now);
      const l = link.ledger();
      expect(l.missing).toBe(0);
      expect(l.offered + l.duplicated).toBe(l.delivered + l.dropped + l.inFlight);
    }
    expect(link.ledger()).toMatchObject({ offered: 100, inFlight: 0 });
    expect(link.counters.dropLimit).toBeGreaterThan(0);
    expect(link.counters.dropLoss).toBeGreaterThan(0);
    expect(link.counters.duplicated).toBeGreaterThan(0);
  });

  it('do not close when a frame vanishes, or comes from nowhere', () => {
    class Swallows extends Flight {
      override push(...run: Parameters<Flight['push']>): void {
        if (run[0].wireSeq !== 7) super.push(...run);
      }
    }
    const swallowing = new Sink(new Swallows());
    const link = new Link(newEngine(), 'a->b', wire, swallowing);
    link.transmit(frame(0, 100), at(0));
    expect(link.ledger().missing).toBe(0);
    link.transmit(Object.assign(frame(1, 100), { wireSeq: 7 }), at(0));
    expect(link.ledger().missing).toBe(1);
    swallowing.flight.push(frame(2, 100), 0, 2, 0, 0, 0, 0, 1, at(1e9));
    expect(link.ledger().missing).toBe(-1);
  });
});

describe('the fingerprint', () => {
  const print = (
    use: (link: Link, sink: Sink) => void,
    o: Partial<LinkOptions> = {},
    tap = true,
  ): string => {
    const { link, sink, engine } = setUp(o);
    if (!tap) link.tap = null;
    use(link, sink);
    return engine.fingerprint();
  };
  const send = (link: Link): void => {
    for (let i = 0; i < 5; i++) link.transmit(frame(i, 1000), at(i * 100));
  };

  it('does not depend on taps, on when the receiver looks, or on who reads the meters', () => {
    const plain = print(send, {}, false);
    expect(print(send)).toBe(plain);
    const looks = (link: Link, sink: Sink): void => {
      for (let i = 0; i < 5; i++) {
        link.transmit(frame(i, 1000), at(i * 100));
        sink.take(i * 100);
        link.sync(at(i * 100));
      }
    };
    expect(print(looks)).toBe(plain);
  });

  it.each<[string, (link: Link) => void, Partial<LinkOptions>]>([
    ['a frame at another time', (l) => void l.transmit(frame(0, 1000), at(1)), {}],
    ['a frame of another length', (l) => void l.transmit(frame(0, 1001), at(0)), {}],
    [
      'another sequence number',
      (l) => void l.transmit(Object.assign(frame(0, 1000), { wireSeq: 7 }), at(0)),
      {},
    ],
    [
      'another acknowledgement',
      (l) => void l.transmit(Object.assign(frame(0, 1000), { wireAck: 7 }), at(0)),
      {},
    ],
    [
      'other flags',
      (l) => void l.transmit(Object.assign(frame(0, 1000), { flags: 17 }), at(0)),
      {},
    ],
    [
      'another window',
      (l) => void l.transmit(Object.assign(frame(0, 1000), { window: 7 }), at(0)),
      {},
    ],
    [
      'a loss',
      (l) => void l.transmit(frame(0, 1000), at(0)),
      { loss: { kind: 'every', every: 1, per: 'link' } },
    ],
    [
      'a copy',
      (l) => void l.transmit(frame(0, 1000), at(0)),
      { duplicate: { kind: 'every', every: 1, per: 'link' } },
    ],
    ['a link that is down', (l) => (l.takeDown(at(0)), void l.transmit(frame(0, 1000), at(0))), {}],
  ])('tells %s', (_what, use, o) => {
    expect(print(use, o)).not.toBe(print((l) => void l.transmit(frame(0, 1000), at(0))));
  });
});

describe('a change in mid-run', () => {
  const four = (link: Link): void => {
    for (let i = 0; i < 4; i++) link.transmit(frame(i, 1000), at(0));
  };

  it('of the rate leaves the frame in service as it is, and gives those behind it new times', () => {
    const { link, sink, tap } = setUp();
    four(link);
    link.reconfigure({ rate: 2e9 }, at(9_000));
    // In service from 8 to 16 µs; then 4 µs each.
    expect(tap.frames.map((f) => f[1])).toEqual([8_000, 16_000, 20_000, 24_000]);
    expect(arrivals(sink)).toEqual([18_000, 26_000, 30_000, 34_000]);
    expect(sink.retimed).toBe(1);
    expect(link.transmit(frame(4, 1000), at(9_000))).toBe(28_000);
  });

  it('catches a frame whose service would start now', () => {
    const { link, sink } = setUp();
    four(link);
    link.reconfigure({ rate: 2e9 }, at(8_000));
    expect(arrivals(sink)).toEqual([18_000, 22_000, 26_000, 30_000]);
  });

  it('to a shorter delay lets frames overtake those on the wire', () => {
    const { link, sink } = setUp({ delay: us(100) });
    four(link);
    link.reconfigure({ delay: us(10) }, at(9_000));
    expect(sink.take().map((f) => [f.id, f.arrival])).toEqual([
      [2, 34_000],
      [3, 42_000],
      [0, 108_000],
      [1, 116_000],
    ]);
  });

  it('keeps what was drawn for a frame', () => {
    const { link, sink } = setUp({ loss: { kind: 'list', frames: [3], per: 'link' } });
    four(link);
    link.reconfigure({ rate: 2e9, loss: null }, at(1_000));
    expect(sink.take().map((f) => [f.id, f.arrival])).toEqual([
      [0, 18_000],
      [1, 22_000],
      [3, 30_000],
    ]);
    expect(link.counters.dropLoss).toBe(1);
  });

  it('tells the sender that waits for the wire', () => {
    const { link } = setUp();
    const told: [number, number][] = [];
    link.sender = { onRetimed: (n, departure) => void told.push([n, departure]) };
    four(link);
    link.reconfigure({ rate: 2e9 }, at(9_000));
    expect(told).toEqual([
      [2, 20_000],
      [3, 24_000],
    ]);
  });

  it('to an impossible link is refused, and changes nothing', () => {
    const { link, sink } = setUp();
    four(link);
    expect(() => link.reconfigure({ rate: -1 }, at(9_000))).toThrow(ScenarioError);
    expect(arrivals(sink)).toEqual([18_000, 26_000, 34_000, 42_000]);
  });

  it('down drops the queue and what comes, lets what is on the wire arrive, and ends', () => {
    const { link, sink, tap } = setUp({ limit: { unit: 'packets', count: 9 } });
    four(link);
    link.takeDown(at(9_000));
    expect(link.up).toBe(false);
    link.transmit(frame(4, 1000), at(10_000));
    link.bringUp(at(30_000));
    link.transmit(frame(5, 1000), at(30_000));
    expect(sink.take().map((f) => [f.id, f.arrival])).toEqual([
      [0, 18_000],
      [1, 26_000],
      [5, 48_000],
    ]);
    expect(link.counters).toMatchObject({ offered: 6, frames: 3, bytes: 3000, dropDown: 3 });
    expect(tap.drops.map((d) => [d[0], d[1]])).toEqual([
      [9_000, 2],
      [9_000, 3],
      [10_000, 4],
    ]);
    link.sync(at(ms(1)));
    expect(link.queue).toMatchObject({ depth: 0, entered: 5, left: 5 });
  });
});
