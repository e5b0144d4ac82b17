// A queue that decides at its head: when it drops, what it marks, and that deciding late changes nothing.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScenarioError } from '../../src/base/assert.ts';
import { CODEL_DEFAULTS } from '../../src/base/codel.ts';
import { MARK_CE, type Ingress } from '../../src/base/train.ts';
import { type Instant, ms, us } from '../../src/base/units.ts';
import { type Engine, APP } from '../../src/engine/engine.ts';
import { CodelLink } from '../../src/sim/net/codel-link.ts';
import type { LinkOptions } from '../../src/sim/net/options.ts';
import { Router } from '../../src/sim/net/router.ts';
import { Link } from '../../src/sim/net/link.ts';
import { prop } from '../support/prop.ts';
import { type Arrival, devices, laws, MS, run, type Run, SLOW } from './codel-run.ts';
import { Sink, frame, newEngine, options } from './support.ts';
import { traffic } from './traffic.ts';

/** A frame of 1,000 B every `gap` ns. */
const steady = (n: number, gap: number): Arrival[] =>
  Array.from({ length: n }, (_, i) => ({ at: i * gap, bytes: 1000 }));

describe('sustained overload [validation L4, RFC 8289: 100/√n ms]', () => {
  // Twice what the link carries: the wait grows by half a millisecond with each frame served.
  const { drops } = run(steady(4000, MS / 2));
  const times = drops.map(([, at]) => at / MS);
  const expected = [100, 70.7, 57.7, 50, 44.7, 40.8];

  it('the first drop comes 100 ms after the wait first exceeded 5 ms', () => {
    // Frame n waits n/2 ms: number 10 is the first at 5 ms, and is served at 10 ms.
    expect(times[0]).toBeGreaterThanOrEqual(110);
    expect(times[0]).toBeLessThanOrEqual(112);
  });

  it('and the next ones ever sooner', () => {
    const gaps = times.slice(1, 7).map((t, i) => t - times[i]!);
    expect(gaps).toHaveLength(6);
    gaps.forEach((gap, i) => expect(Math.abs(gap - expected[i]!)).toBeLessThanOrEqual(1));
  });

  it('[mutant] a law that does not count drops at a steady pace', () => {
    const make = (e: Engine, o: LinkOptions, to: Ingress): CodelLink => {
      const link = new CodelLink(e, 'a->b', o, to);
      const { law } = link as unknown as { law: object };
      Object.defineProperty(law, 'count', { get: () => 1, set: () => {} });
      return link;
    };
    const steps = run(steady(4000, MS / 2), {}, { make }).drops.map(([, at]) => at / MS);
    expect(steps[3]! - steps[2]!).toBeGreaterThan(95);
  });
});

describe('no drop', () => {
  it('while the wait stays below the target, however many frames stand in the queue', () => {
    const standing = [...steady(50, 0), ...steady(300, MS)];
    expect(run(standing, { target: 60 * MS }).drops).toEqual([]);
    expect(run(standing).drops.length).toBeGreaterThan(0);
  });

  it('when the burst is over before the interval is', () => {
    expect(run(steady(90, 0)).drops).toEqual([]);
    expect(run(steady(130, 0)).drops.length).toBeGreaterThan(0);
  });

  it('for a queue of one frame, however long that waits [codel_should_drop: backlog <= mtu]', () => {
    const big = Array.from({ length: 400 }, (_, i) => ({ at: i * MS, bytes: 1000 }));
    expect(run([{ at: 0, bytes: 1500 }, ...big], { target: 1, interval: 1 }).drops).toEqual([]);
  });
});

describe('marks [RFC 3168]', () => {
  const marked = (r: Run): number => r.delivered.filter((f) => (f.mark & MARK_CE) !== 0).length;

  it('go to frames that can carry one, in place of drops', () => {
    const capable = run(steady(2000, MS / 2), { ecn: true }, { tos: 2 });
    const not = run(steady(2000, MS / 2), { ecn: true }, { tos: 0 });
    expect(capable.drops).toEqual([]);
    expect(marked(capable)).toBeGreaterThan(5);
    expect(capable.link.counters.marked).toBe(marked(capable));
    expect([marked(not), not.drops.length > 5]).toEqual([0, true]);
  });

  it('above ce_threshold go to every frame that waited longer', () => {
    const r = run(steady(10, 0), { ceThreshold: 3 * MS }, { tos: 1 });
    expect(r.delivered.map((f) => (f.mark & MARK_CE) !== 0)).toEqual(
      Array.from({ length: 10 }, (_, i) => i > 3),
    );
  });
});

const maybe = fc.option(devices);

describe('over random traffic, with a device behind the queue or without', () => {
  it('every frame is delivered in order, dropped, or counted as waiting', () => {
    prop([traffic, laws, fc.integer({ min: 1, max: 60 }), maybe], (arrivals, law, count, bql) => {
      const how = { limit: { unit: 'packets', count }, bql } as const;
      const { link, delivered, drops } = run(arrivals, law, how);
      const ids = delivered.map((f) => f.id);
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      expect(delivered.length + drops.length).toBe(arrivals.length);
      expect(link.ledger()).toMatchObject({ missing: 0, inFlight: 0 });
      expect(link.queue.depth).toBe(0);
    });
  });

  it('who looks at the queue in between changes nothing', () => {
    prop([traffic, laws, fc.array(fc.nat(400 * MS)), maybe], (arrivals, law, look, bql) => {
      const [a, b] = [run(arrivals, law, { bql }), run(arrivals, law, { look, bql })];
      expect(b.delivered).toEqual(a.delivered);
      expect(b.drops).toEqual(a.drops);
    });
  });

  it('frames that a router hands over late are judged as those that a host hands over in time', () => {
    prop([traffic, laws, maybe], (arrivals, law, bql) => {
      const direct = run(
        arrivals.map((a) => ({ ...a, at: a.at + MS })),
        law,
        { bql },
      );
      const engine = newEngine();
      const sink = new Sink();
      const router = new Router(engine, 'r');
      const [inner, outer] = [router.addPort(), router.addPort()];
      const o = options({ ...SLOW, codel: { ...CODEL_DEFAULTS, ...law }, bql });
      const out = new CodelLink(engine, 'r->b', o, sink);
      router.connect(outer, out);
      router.route(1, outer);
      // No serialisation: a frame reaches the router a millisecond after it was sent.
      const way = new Link(engine, 'a->r', options({ delay: ms(1) }), inner);
      const send = engine.define('send', APP, (i) => {
        way.transmit(frame(i, arrivals[i]!.bytes, { dst: 1 }), engine.now);
      });
      arrivals.forEach((a, i) => engine.at(a.at as Instant, send, i, 0));
      engine.run(1e15 as Instant);
      expect(sink.take()).toEqual(direct.delivered);
    });
  });
});

it('needs a queue', () => {
  const o = options({ ...SLOW, limit: null, codel: CODEL_DEFAULTS });
  expect(() => new CodelLink(newEngine(), 'a->b', o, new Sink())).toThrow(ScenarioError);
});

it('that goes down drops what waits, and carries on when it is up again', () => {
  const engine = newEngine();
  const sink = new Sink();
  const o = options({ ...SLOW, codel: CODEL_DEFAULTS });
  const link = new CodelLink(engine, 'a->b', o, sink);
  for (let i = 0; i < 5; i++) link.transmit(frame(i, 1000), 0 as Instant);
  engine.run(us(2500) as unknown as Instant);
  link.takeDown(us(2500) as unknown as Instant);
  expect(link.counters.dropDown).toBe(2);
  link.bringUp(us(2600) as unknown as Instant);
  link.transmit(frame(9, 1000), us(3000) as unknown as Instant);
  engine.run(1e12 as Instant);
  expect(sink.take().map((f) => f.id)).toEqual([0, 1, 2, 9]);
  expect(link.ledger().missing).toBe(0);
});
