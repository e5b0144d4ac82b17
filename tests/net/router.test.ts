// Where several wires meet: routers against their naive twin, in chains and with ties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ingress } from '../../src/base/train.ts';
import { ScenarioError } from '../../src/base/assert.ts';
import { type Instant, us } from '../../src/base/units.ts';
import { ArrivalHeap } from '../../src/sim/net/arrival-heap.ts';
import { APP, type Engine } from '../../src/engine/engine.ts';
import { Link, type LinkChange } from '../../src/sim/net/link.ts';
import type { LinkOptions } from '../../src/sim/net/options.ts';
import { type Port, Router } from '../../src/sim/net/router.ts';
import { SEED, prop } from '../support/prop.ts';
import { NaiveLink, NaiveRouter } from './naive.ts';
import { NaiveReceiver, PullReceiver, type ReceiverLog, type ReceiverSpec } from './receiver.ts';
import { Sink, TestTrain, frame, newEngine, options } from './support.ts';
import { Recorder, type World, trains } from './worlds.ts';

// ── worlds: sources → router 0 → router 1 → sinks; some sources and sinks at each router ─────────────────────────────

interface Source {
  router: 0 | 1;
  link: LinkOptions;
  trains: World['trains'];
}
interface Destination {
  router: 0 | 1;
  link: LinkOptions;
  receiver: ReceiverSpec;
}
interface Network {
  sources: Source[];
  /** Address d is destination d. The last address of all has no route. */
  destinations: Destination[];
  /** From router 0 to router 1, and back. */
  trunk: [LinkOptions, LinkOptions];
  /** Of links that leave a router: the trunk's two, then those to the destinations. */
  changes: { at: number; link: number; change: LinkChange | 'down' | 'up' }[];
}

const link = (limit: fc.Arbitrary<LinkOptions['limit']>): fc.Arbitrary<LinkOptions> =>
  fc
    .record({
      rate: fc.constantFrom(100e6, 1e9, 3e9, Infinity, Infinity),
      delay: fc.constantFrom(1000, 1000, 1000, 1, 20_000),
      overhead: fc.constant(0),
      limit,
      loss: fc.constantFrom(null, null, { kind: 'random' as const, probability: 0.05 }),
      duplicate: fc.constantFrom(null, null, { kind: 'random' as const, probability: 0.05 }),
      jitter: fc.constantFrom(null, null, null, null, null, {
        distribution: 'exponential' as const,
        amount: 5000,
        keepOrder: false,
      }),
    })
    .map((o) => options(o as Partial<LinkOptions>));
const queue = fc.constantFrom(2, 5, 20, 100).map((count) => ({ unit: 'packets' as const, count }));
const receiver = fc.record({
  ring: fc.integer({ min: 2, max: 8 }),
  batch: fc.constantFrom(1, 4),
  irqNs: fc.constantFrom(0, 400),
  frameNs: fc.constantFrom(100, 5000),
  unmaskNs: fc.constant(300),
  rxNs: fc.constantFrom(0, 10_000),
  rxFrames: fc.integer({ min: 1, max: 2 }),
});
const change = fc.record({
  at: fc.nat(100).map((us) => us * 1000),
  link: fc.nat(2),
  change: fc.constantFrom<LinkChange | 'down' | 'up'>(
    { rate: 2e9 },
    { rate: 70_000_001 },
    { delay: us(1) },
    { delay: us(30) },
    'down',
    'up',
  ),
});
const router = fc.constantFrom<(0 | 1)[]>(0, 1);
const small = trains(5).map((list) =>
  list.map((t) => {
    const segs = Math.min(t.segs, 6);
    return { ...t, at: Math.floor(t.at / 4), segs, len: segs * t.segSize };
  }),
);
const network = (
  wire: (limit: fc.Arbitrary<LinkOptions['limit']>) => fc.Arbitrary<LinkOptions>,
  sent: fc.Arbitrary<World['trains']>,
  changes: fc.Arbitrary<Network['changes']>,
): fc.Arbitrary<Network> =>
  fc.record({
    sources: fc.array(fc.record({ router, link: wire(fc.constant(null)), trains: sent }), {
      minLength: 2,
      maxLength: 4,
    }),
    destinations: fc.array(fc.record({ router, link: wire(queue), receiver }), {
      minLength: 1,
      maxLength: 3,
    }),
    trunk: fc.tuple(wire(queue), wire(queue)),
    changes,
  });
const networks = network(
  link,
  small,
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<never[]>([]) },
    { weight: 1, arbitrary: fc.array(change, { minLength: 1, maxLength: 4 }) },
  ),
);
/** All frames arrive on the same few instants. */
const tiedNetworks = network(
  (limit) => limit.map((l) => options({ delay: us(1), limit: l })),
  small.map((list) =>
    list.map((t) => ({ ...t, at: Math.floor(t.at / 8000) * 1000, dst: t.dst % 2 })),
  ),
  fc.constant<never[]>([]),
);

interface Seen {
  received: ReceiverLog[];
  /** Of each link that leaves a router: frames with their times, and drops. */
  egress: { frames: number[][]; drops: unknown[][] }[];
  noRoute: number[];
}

const END = 1e15 as Instant;
const QUEUE = { unit: 'packets', count: 100 } as const;
const sortAny = <T extends unknown[]>(list: T[]): T[] =>
  list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
const sorted = (log: ReceiverLog): ReceiverLog => ({ ...log, missed: sortAny(log.missed) });

/** Trains of all sources: flows are kept apart. */
const build = (n: Network): TestTrain[][] =>
  n.sources.map((s, i) =>
    s.trains.map((t, k) => new TestTrain(1000 * i + k, { ...t, flow: 10 * i + t.flow })),
  );

function send(
  engine: Engine,
  n: Network,
  transmit: (source: number, train: TestTrain) => void,
): void {
  const all = build(n);
  const kind = engine.define('send', APP, (i, k) => transmit(i, all[i]![k]!));
  n.sources.forEach((s, i) => s.trains.forEach((t, k) => engine.at(t.at as Instant, kind, i, k)));
}

function schedule<T extends { at: number }>(engine: Engine, list: T[], what: (x: T) => void): void {
  const kind = engine.define('change', APP, (i) => what(list[i]!));
  list.forEach((x, i) => engine.at(x.at as Instant, kind, i, 0));
}

type RouterClass = new (...args: ConstructorParameters<typeof Router>) => Router;

function runPull(n: Network, C: RouterClass = Router, peeks: number[] = []): Seen {
  const engine = newEngine();
  const routers = [new C(engine, 'r0'), new C(engine, 'r1')];
  const taps: Recorder[] = [];
  const egress: Link[] = [];
  const connect = (r: Router, port: Port, name: string, o: LinkOptions, to: Ingress): void => {
    const l = new Link(engine, name, o, to);
    taps.push((l.tap = new Recorder()));
    egress.push(l);
    r.connect(port, l);
  };
  const trunk = routers.map((r) => r.addPort());
  const inputs = n.sources.map(
    (s, i) => new Link(engine, `in${i}`, s.link, routers[s.router]!.addPort()),
  );
  connect(routers[0]!, trunk[0]!, 'trunk0', n.trunk[0], trunk[1]!);
  connect(routers[1]!, trunk[1]!, 'trunk1', n.trunk[1], trunk[0]!);
  const nics = n.destinations.map((d, i) => {
    const nic = new PullReceiver(engine, d.receiver);
    const port = routers[d.router]!.addPort();
    connect(routers[d.router]!, port, `out${i}`, d.link, nic);
    routers[d.router]!.route(i, port);
    routers[1 - d.router]!.route(i, trunk[1 - d.router]!);
    return nic;
  });
  send(engine, n, (i, train) => inputs[i]!.transmit(train, engine.now));
  schedule(engine, n.changes, (c) => {
    const l = egress[c.link]!;
    if (c.change === 'down') l.takeDown(engine.now);
    else if (c.change === 'up') l.bringUp(engine.now);
    else l.reconfigure(c.change, engine.now);
  });
  const peek = engine.define('peek', APP, () => {
    for (const l of egress) l.sync(engine.now);
  });
  for (const t of peeks) engine.at(t as Instant, peek, 0, 0);
  engine.run(END);
  for (const l of [...inputs, ...egress])
    expect(l.ledger()).toMatchObject({ missing: 0, inFlight: 0 });
  return {
    received: nics.map((nic) => sorted(nic.log)),
    egress: taps.map((t) => ({ frames: sortAny(t.frames), drops: sortAny(t.drops) })),
    noRoute: routers.map((r) => r.dropNoRoute),
  };
}

function runNaive(n: Network): Seen {
  const engine = newEngine();
  const routers = [new NaiveRouter(engine, 'r0'), new NaiveRouter(engine, 'r1')];
  const ports = [1, 1];
  const links: NaiveLink[] = [];
  const add = (l: NaiveLink): NaiveLink => links[links.push(l) - 1]!;
  const inputs = n.sources.map(
    (s, i) =>
      new NaiveLink(engine, `in${i}`, s.link, routers[s.router]!.ingress(ports[s.router]!++)),
  );
  routers[0]!.egress[0] = add(new NaiveLink(engine, 'trunk0', n.trunk[0], routers[1]!.ingress(0)));
  routers[1]!.egress[0] = add(new NaiveLink(engine, 'trunk1', n.trunk[1], routers[0]!.ingress(0)));
  const nics = n.destinations.map((d, i) => {
    const nic = new NaiveReceiver(engine, d.receiver);
    const port = ports[d.router]!++;
    routers[d.router]!.egress[port] = add(new NaiveLink(engine, `out${i}`, d.link, nic));
    routers[d.router]!.routes.set(i, port);
    routers[1 - d.router]!.routes.set(i, 0);
    return nic;
  });
  send(engine, n, (i, train) => inputs[i]!.transmit(train));
  schedule(engine, n.changes, (c) => {
    const l = links[c.link]!;
    if (c.change === 'down') l.takeDown();
    else if (c.change === 'up') l.bringUp();
    else l.reconfigure(c.change);
  });
  engine.run(END);
  return {
    received: nics.map((nic) => sorted(nic.log)),
    egress: links.map((l) => ({ frames: sortAny(l.log.frames), drops: sortAny(l.log.drops) })),
    noRoute: routers.map((r) => r.noRoute),
  };
}

/** What must be equal, as text. Where a link changes, when a lost frame was lost is not told again. */
function visible(seen: Seen, n: Network): string {
  const egress = seen.egress.map(({ frames, drops }) => ({
    frames,
    drops: drops.filter((d) => n.changes.length === 0 || d[3] !== 'loss'),
  }));
  return JSON.stringify({ ...seen, egress });
}

describe('a router', () => {
  it('gives the frames, drops and times of an event per arrival, in chains, with ties [data path §1]', () => {
    prop(
      [fc.oneof(networks, tiedNetworks)],
      (n) => {
        expect(visible(runPull(n), n)).toBe(visible(runNaive(n), n));
      },
      { numRuns: 500 },
    );
  });

  it('may be looked at by whom and when you like [data path §1, rule 2]', () => {
    prop(
      [networks, fc.array(fc.nat(400_000), { maxLength: 40 })],
      (n, peeks) => visible(runPull(n), n) === visible(runPull(n, Router, peeks), n),
      { numRuns: 100 },
    );
  });

  it('drops a frame that has no route or does not fit, under a name', () => {
    const engine = newEngine();
    const r = new Router(engine, 'r');
    const into = new Link(engine, 'in', options({ rate: 1e9 }), r.addPort());
    const sink = new Sink();
    const p = r.addPort();
    const out = new Link(engine, 'out', options({ rate: 1e9, limit: QUEUE, mtu: 600 }), sink);
    r.connect(p, out);
    r.route(1, p);
    [frame(0, 100, { dst: 1 }), frame(1, 601, { dst: 1 }), frame(2, 100, { dst: 7 })].forEach((t) =>
      into.transmit(t, engine.now),
    );
    engine.run(END);
    expect(sink.take().map((f) => f.id)).toEqual([0]);
    expect(out.counters).toMatchObject({ offered: 2, frames: 1, dropMtu: 1 });
    expect(r).toMatchObject({ forwarded: 2, dropNoRoute: 1 });
  });

  it('wants a queue on the links that leave it', () => {
    const engine = newEngine();
    const r = new Router(engine, 'r');
    const link = new Link(engine, 'out', options({ rate: 1e9 }), new Sink());
    expect(() => r.connect(r.addPort(), link)).toThrow(ScenarioError);
  });

  it('needs one event for all that arrives within the latency of its links', () => {
    const engine = newEngine();
    const r = new Router(engine, 'r');
    const into = new Link(engine, 'in', options({ rate: 1e9 }), r.addPort());
    const p = r.addPort();
    r.connect(
      p,
      new Link(engine, 'out', options({ rate: 1e9, delay: us(5000), limit: QUEUE }), new Sink()),
    );
    r.route(1, p);
    into.transmit(new TestTrain(0, { segs: 40, dst: 1 }), engine.now);
    engine.run(END);
    expect(r.forwarded).toBe(40);
    expect(engine.stats.events).toBe(1);
  });
});

// ── mutants ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Chains the times of the second wire at the first transmit, as one link does. */
class ForwardsAtAppend extends Router {
  override onAppend(port: number, first: Instant): void {
    super.onAppend(port, first);
    this.sync(END);
  }
}
class DecidesTooEarly extends Router {
  protected override onTimer(): void {
    this.sync(this.engine.now);
    this.plan();
  }
}
class LooksTooLate extends Router {
  override onLinkChange(): void {
    super.onLinkChange();
    this.lookAhead += 2000;
    this.plan();
  }
}
class LastPortFirst extends ArrivalHeap {
  protected override before(a: number, b: number): boolean {
    const difference = this.arrival[a]! - this.arrival[b]!;
    return difference < 0 || (difference === 0 && a > b);
  }
}
class PrefersTheLastPort extends Router {
  protected override readonly heads: ArrivalHeap = new LastPortFirst();
}

describe('the comparison of routers notices', () => {
  it.each<[string, fc.Arbitrary<Network>, RouterClass]>([
    ['times chained at transmit, as if nothing else came in', networks, ForwardsAtAppend],
    ['a decision about an instant that is not over', tiedNetworks, DecidesTooEarly],
    ['a look that comes too late', networks, LooksTooLate],
    ['ties that go to the last port', tiedNetworks, PrefersTheLastPort],
  ])('%s', (_name, worlds, C) => {
    const differing = fc.sample(worlds, { numRuns: 500, seed: SEED }).filter((n) => {
      try {
        return visible(runPull(n, C), n) !== visible(runNaive(n), n);
      } catch {
        return true;
      }
    });
    expect(differing.length).toBeGreaterThan(0);
  });
});
