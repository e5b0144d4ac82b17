// A device behind the queue: how far it reads ahead of its wire, and what the queue then no longer sees.
import { describe, expect, it } from 'vitest';
import { ScenarioError } from '../../src/base/assert.ts';
import { MARK_CE } from '../../src/base/train.ts';
import { type Instant, us } from '../../src/base/units.ts';
import { Dql, DQL_DEFAULTS, type DqlOptions } from '../../src/base/dql.ts';
import { CODEL_DEFAULTS, type CodelOptions, Codel, type CodelQueue } from '../../src/base/codel.ts';
import { CodelLink } from '../../src/sim/net/codel-link.ts';
import type { LinkOptions } from '../../src/sim/net/options.ts';
import { prop } from '../support/prop.ts';
import { type Arrival, devices, laws, MS, run, SLOW } from './codel-run.ts';
import { Sink, frame, newEngine, options } from './support.ts';
import { traffic } from './traffic.ts';

/** Frames of one size without end over a wire that takes `frameNs` for each: the limit after each one, in frames. */
function limits(bql: Partial<DqlOptions>, n: number, frameNs = 240_320): number[] {
  const device = new Dql({ ...DQL_DEFAULTS, ...bql });
  const found: number[] = [];
  for (let i = 1; i <= n; i++) {
    while (device.avail >= 0) device.queued(1502);
    device.completed(1502, (i * frameNs) as Instant);
    found.push(device.limit / 1502);
  }
  return found;
}

describe('the limit of a device with an interrupt for each frame [lib/dynamic_queue_limits.c]', () => {
  it('settles at two frames', () => {
    expect(limits({}, 3000).slice(2)).toEqual(new Array<number>(2998).fill(2));
  });

  // The same in a simulation of ns-3’s DynamicQueueLimits (3.37) at 50 Mbit/s: 1,502 and 3,004 bytes in turn every 1.68 ms.
  it('swings between one and two, seven frames to a period, when it may go down after a millisecond', () => {
    const period = [1, 1, 2, 2, 2, 2, 2];
    expect(limits({ holdTime: MS }, 70)).toEqual(new Array(10).fill(period).flat());
    expect(limits({ holdTime: 2 * MS }, 70)).not.toEqual(new Array(10).fill(period).flat());
  });

  it('stays between limit_min and limit_max', () => {
    expect(limits({ limitMin: 15_020 }, 100).slice(1)).toEqual(new Array<number>(99).fill(10));
    expect(limits({ limitMax: 1502 }, 100)).toEqual(new Array<number>(100).fill(1));
  });

  it('grows by what an interrupt is late by, and comes down when it no longer is', () => {
    const device = new Dql({ ...DQL_DEFAULTS, holdTime: MS });
    let held = 0;
    // A frame each millisecond, an interrupt for every `frames` of them.
    const interrupts = (from: number, until: number, frames: number): number => {
      for (let t = from; t < until; t += frames) {
        for (; device.avail >= 0; held++) device.queued(1000);
        const sent = Math.min(held, frames);
        held -= sent;
        device.completed(1000 * sent, (t * MS) as Instant);
      }
      return device.limit;
    };
    const many = interrupts(0, 400, 8);
    expect(many).toBeGreaterThanOrEqual(8000);
    expect(interrupts(400, 800, 1)).toBeLessThanOrEqual(2000);
  });
});

const held = (link: CodelLink): number => (link as unknown as { device: Dql }).device.inflight;

interface Delivery {
  readonly id: number;
  readonly marked: boolean;
  readonly arrival: number;
}

const deliveries = (
  arrivals: readonly Arrival[],
  codel: CodelOptions,
  bql: DqlOptions | null,
): Delivery[] =>
  run(arrivals, codel, { tos: 2, bql }).delivered.map(({ id, mark, arrival }) => ({
    id,
    marked: (mark & MARK_CE) !== 0,
    arrival,
  }));

/** The same by one event after the other: what the device has sent, what comes in, and the queue runs after each. */
function naive(arrivals: readonly Arrival[], codel: CodelOptions, bql: DqlOptions): Delivery[] {
  const law = new Codel(codel, 1500);
  const device = new Dql(bql);
  const waiting: number[] = [];
  const sending: { bytes: number; until: number }[] = [];
  const delivered: Delivery[] = [];
  let free = 0;
  let next = 0;
  let now = 0;
  let head = { id: -1, marked: false };
  const queue: CodelQueue = {
    dequeue() {
      const id = waiting.shift();
      if (id === undefined) return -1;
      head = { id, marked: false };
      return now - arrivals[id]!.at;
    },
    get bytes() {
      return waiting.reduce((sum, id) => sum + arrivals[id]!.bytes, 0);
    },
    mark() {
      head.marked = true;
      return true;
    },
    drop() {},
  };
  while (next < arrivals.length || sending.length > 0) {
    const sent = sending[0]?.until ?? Infinity;
    const came = arrivals[next]?.at ?? Infinity;
    now = Math.min(sent, came);
    if (sent <= came) device.completed(sending.shift()!.bytes, now as Instant);
    else waiting.push(next++);
    while (device.avail >= 0 && waiting.length > 0) {
      if (!law.dequeue(queue, now)) continue;
      const { bytes } = arrivals[head.id]!;
      free = Math.max(free, now) + 1000 * bytes;
      device.queued(bytes);
      sending.push({ bytes, until: free });
      delivered.push({ ...head, arrival: free + MS });
    }
  }
  return delivered;
}

describe('a link with such a device', () => {
  it('sends the same frames at the same times as one that has an event for everything', () => {
    prop([traffic, laws, devices], (arrivals, law, bql) => {
      expect(deliveries(arrivals, law, bql)).toEqual(naive(arrivals, law, bql));
    });
  });

  it('never makes the wire wait: without drops each frame arrives when it would without a device', () => {
    prop([traffic, devices], (arrivals, bql) => {
      const idle = { ...CODEL_DEFAULTS, target: 1e12, interval: 1e12 };
      expect(deliveries(arrivals, idle, bql)).toEqual(deliveries(arrivals, idle, null));
    });
  });

  it('marks later by what waits behind the queue, and not at all what a large device holds', () => {
    const burst = Array.from({ length: 20 }, (_, i) => ({ at: i, bytes: 1000 }));
    const marks = (bql: DqlOptions | null): number =>
      deliveries(burst, { ...CODEL_DEFAULTS, ceThreshold: 3 * MS }, bql).filter((f) => f.marked)
        .length;
    expect(marks(null)).toBe(16);
    expect(marks(DQL_DEFAULTS)).toBe(14);
    // The first interrupt comes only when the first frame has left.
    expect(marks({ ...DQL_DEFAULTS, limitMin: 100_000 })).toBe(0);
  });

  it('that goes down forgets what it held but for the frame in service, and goes on', () => {
    const engine = newEngine();
    const sink = new Sink();
    const o = options({ ...SLOW, codel: CODEL_DEFAULTS, bql: DQL_DEFAULTS });
    const link = new CodelLink(engine, 'a->b', o, sink);
    for (let i = 0; i < 8; i++) link.transmit(frame(i, 1000), 0 as Instant);
    engine.run(us(3500) as unknown as Instant);
    link.takeDown(us(3500) as unknown as Instant);
    expect(link.counters.dropDown).toBe(4);
    link.bringUp(us(3600) as unknown as Instant);
    for (let i = 10; i < 18; i++) link.transmit(frame(i, 1000), us(5000) as unknown as Instant);
    engine.run(1e12 as Instant);
    expect(sink.take().map((f) => f.id)).toEqual([0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17]);
    expect(link.ledger().missing).toBe(0);
  });

  it('and what it forgot no longer counts, however often', () => {
    const engine = newEngine();
    const sink = new Sink();
    const bql = { ...DQL_DEFAULTS, limitMax: 2000 };
    const o = options({ ...SLOW, codel: CODEL_DEFAULTS, bql });
    const link = new CodelLink(engine, 'a->b', o, sink);
    for (let k = 0; k < 5; k++) {
      const t = (k * 20 * MS) as Instant;
      for (let i = 0; i < 8; i++) link.transmit(frame(8 * k + i, 1000), t);
      engine.run((t + 3.5 * MS) as Instant);
      link.takeDown((t + 3.5 * MS) as Instant);
      link.bringUp((t + 3.5 * MS) as Instant);
    }
    link.transmit(frame(99, 1000), (100 * MS) as Instant);
    engine.run(1e12 as Instant);
    expect(sink.take()).toHaveLength(5 * 4 + 1);
    link.sync(1e12 as Instant);
    expect(held(link)).toBe(0);
    expect(link.ledger()).toMatchObject({ missing: 0, inFlight: 0 });
  });

  it('without a rate holds nothing back', () => {
    const engine = newEngine();
    const sink = new Sink();
    const o = options({ ...SLOW, rate: Infinity, codel: CODEL_DEFAULTS, bql: DQL_DEFAULTS });
    const link = new CodelLink(engine, 'a->b', o, sink);
    for (let i = 0; i < 30; i++) link.transmit(frame(i, 1000), (i >> 2) as Instant);
    engine.run(1e12 as Instant);
    expect(sink.take().map((f) => f.arrival - MS)).toEqual(
      Array.from({ length: 30 }, (_, i) => i >> 2),
    );
    link.sync(1e12 as Instant);
    expect(held(link)).toBe(0);
  });

  it('that becomes faster sends what the device holds at the new rate', () => {
    const engine = newEngine();
    const sink = new Sink();
    const o = options({ ...SLOW, codel: CODEL_DEFAULTS, bql: DQL_DEFAULTS });
    const link = new CodelLink(engine, 'a->b', o, sink);
    for (let i = 0; i < 6; i++) link.transmit(frame(i, 1000), 0 as Instant);
    engine.run(us(2500) as unknown as Instant);
    link.reconfigure({ rate: 80e6 }, us(2500) as unknown as Instant);
    engine.run(1e12 as Instant);
    const arrivals = sink.take().map((f) => f.arrival / MS);
    expect(arrivals).toEqual([2, 3, 4, 4.1, 4.2, 4.3]);
  });

  it('needs CoDel in front of it, and limits in order', () => {
    const refused = (o: Partial<LinkOptions>): (() => void) => {
      return () => void new CodelLink(newEngine(), 'a->b', options({ ...SLOW, ...o }), new Sink());
    };
    expect(refused({ bql: DQL_DEFAULTS })).toThrow(ScenarioError);
    const bql = { ...DQL_DEFAULTS, limitMin: 3000, limitMax: 2000 };
    expect(refused({ codel: CODEL_DEFAULTS, bql })).toThrow(/limit_min/);
    expect(refused({ codel: CODEL_DEFAULTS, bql: DQL_DEFAULTS })).not.toThrow();
  });
});
