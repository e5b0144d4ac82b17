// Random worlds of one link and one receiver, biased to small rings, short queues and slow service, and the two ways to run
// them: the link with a pull receiver, and the naive twin.
import fc from 'fast-check';
import type { Ingress, Train } from '../../src/base/train.ts';
import type { Instant } from '../../src/base/units.ts';
import { APP, type Engine } from '../../src/engine/engine.ts';
import { Link, type LinkChange } from '../../src/sim/net/link.ts';
import type { DropReason, LinkLedger, LinkTap } from '../../src/sim/net/observe.ts';
import { type LinkOptions, type Pick, checkLink } from '../../src/sim/net/options.ts';
import { type LinkLog, NaiveLink } from './naive.ts';
import { NaiveReceiver, PullReceiver, type ReceiverLog, type ReceiverSpec } from './receiver.ts';
import { TestTrain, type TrainSpec, idOf, newEngine, options } from './support.ts';

export interface World {
  link: LinkOptions;
  receiver: ReceiverSpec;
  trains: (TrainSpec & { at: number })[];
  /** In order of time. */
  changes: { at: number; change: LinkChange | 'down' | 'up' }[];
  /** When somebody looks at meters and ring without need. */
  peeks: number[];
}

export interface Outcome {
  receiver: ReceiverLog;
  link: LinkLog;
  events: number;
}

// ── worlds ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const rate = fc.constantFrom(10e6, 33_333_333, 100e6, 999_999_937, 1e9, 3e9, 10e9, Infinity);
const share = fc.constantFrom(0.02, 0.1, 0.5);
const pick: fc.Arbitrary<Pick> = fc.oneof(
  share.map((probability): Pick => ({ kind: 'random', probability })),
  fc
    .record({ every: fc.integer({ min: 1, max: 9 }), per: fc.constantFrom('link', 'flow') })
    .map((p): Pick => ({ kind: 'every', ...p })),
  fc
    .record({
      frames: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }),
      per: fc.constantFrom('link', 'flow'),
    })
    .map((p): Pick => ({ kind: 'list', ...p })),
);
const gemodel = fc
  .record({ p: share, r: share })
  .map(({ p, r }) => ({ kind: 'gemodel' as const, p, r, lossInBad: 1, lossInGood: 0.01 }));
const maybe = <T>(a: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(a, { freq: 2 });

export const limits: fc.Arbitrary<LinkOptions['limit']> = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 1, max: 50 }).map((count) => ({ unit: 'packets' as const, count })),
  fc.integer({ min: 1, max: 30_000 }).map((count) => ({ unit: 'bytes' as const, count })),
);

const plain = fc
  .record({
    rate,
    delay: fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: 1, max: 1_000_000 })),
    overhead: fc.constantFrom(0, 38),
    limit: limits,
  })
  .map((o) => options(o as Partial<LinkOptions>));

const loss = fc.oneof(pick, gemodel);
const corrupt = fc.record({ pick, undetected: fc.boolean() });
const faulty = fc
  .tuple(plain, maybe(loss), maybe(corrupt), maybe(pick), fc.nat(300_000), fc.boolean())
  .map(([o, l, c, d, window, ends]): LinkOptions => {
    const until = ends ? (window as Instant) : o.until;
    return { ...o, loss: l, corrupt: c, duplicate: d, until };
  });

const wobbly = fc
  .tuple(
    faulty,
    maybe(
      fc.record({
        pick,
        extra: maybe(fc.integer({ min: 1, max: 90_000 })),
        gap: fc.integer({ min: 1, max: 4 }),
      }),
    ),
    maybe(fc.tuple(fc.nat(100), fc.boolean(), fc.boolean())),
  )
  .map(([o, reorder, jitter]): LinkOptions => {
    // Skipping the delay needs a wire that takes time.
    const early = reorder !== null && reorder.extra === null && o.rate === Infinity;
    const amount = jitter === null ? 0 : Math.floor(((o.delay - 1) * jitter[0]) / 100);
    return options({
      ...o,
      reorder: early ? null : (reorder as LinkOptions['reorder']),
      jitter:
        jitter === null
          ? null
          : {
              distribution: jitter[1] ? 'uniform' : 'exponential',
              amount: amount as LinkOptions['delay'],
              keepOrder: jitter[2],
            },
    });
  });

const receiver: fc.Arbitrary<ReceiverSpec> = fc
  .record({
    ring: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }) },
      { weight: 1, arbitrary: fc.integer({ min: 9, max: 64 }) },
    ),
    batch: fc.constantFrom(1, 4, 16),
    irqNs: fc.constantFrom(0, 400, 3000),
    frameNs: fc.constantFrom(0, 100, 1500, 9000),
    unmaskNs: fc.constantFrom(0, 300, 5000),
    rxNs: fc.constantFrom(0, 0, 1000, 20_000, 100_000),
    rxFrames: fc.integer({ min: 1, max: 64 }),
  })
  .map((r) => ({ ...r, rxFrames: Math.min(r.rxFrames, r.ring) }));

const train = fc.record({
  gap: fc.oneof(fc.constant(0), fc.nat(3000), fc.nat(200_000)),
  segs: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 44 })),
  segSize: fc.oneof(fc.constant(1448), fc.integer({ min: 1, max: 1448 })),
  short: fc.nat(1447),
  flow: fc.nat(4),
  dst: fc.nat(3),
});

/** Trains in order of time; each knows its place among those of its flow. */
export const trains = (max: number): fc.Arbitrary<World['trains']> =>
  fc.array(train, { minLength: 1, maxLength: max }).map((list) => {
    let at = 0;
    const next = new Map<number, number>();
    return list.map(({ gap, segs, segSize, short, flow, dst }) => {
      at += gap;
      const ordinal = next.get(flow) ?? 0;
      next.set(flow, ordinal + segs);
      const len = segs * segSize - Math.min(short, segSize - 1);
      return { at, segs, segSize, len, headerLen: 52, flow, ordinal, dst };
    });
  });

const change = fc
  .tuple(
    fc.nat(400_000),
    fc.oneof(
      fc.record({ rate: fc.constantFrom(20e6, 50_000_017, 1e9, 7e9) }),
      fc.record({ delay: fc.integer({ min: 1, max: 300_000 }) }),
      fc.record({ rate, delay: fc.constantFrom(1, 50_000) }),
      fc.record({ loss: maybe(pick) }),
      fc.record({
        jitter: maybe(
          fc.record({
            distribution: fc.constant('exponential'),
            amount: fc.nat(9000),
            keepOrder: fc.boolean(),
          }),
        ),
      }),
      fc.constantFrom('down' as const, 'up' as const, 'up' as const),
    ),
  )
  .map(([at, c]) => ({ at, change: c as LinkChange | 'down' | 'up' }));

const none = fc.constant<never[]>([]);
const world = (
  link: fc.Arbitrary<LinkOptions>,
  changes: fc.Arbitrary<World['changes']>,
  peeks: fc.Arbitrary<number[]>,
): fc.Arbitrary<World> => fc.record({ link, receiver, trains: trains(12), changes, peeks });

/** Rate, delay, queue, ring and interrupt only. */
export const plainWorlds: fc.Arbitrary<World> = world(plain, none, none);
/** … with loss, copies, corruption, and faults that end. */
export const faultyWorlds: fc.Arbitrary<World> = world(faulty, none, none);
/** … with reordering and jitter. */
export const wobblyWorlds: fc.Arbitrary<World> = world(wobbly, none, none);
/** … with changes of the link while it runs. */
export const changingWorlds: fc.Arbitrary<World> = world(
  wobbly,
  fc.array(change, { minLength: 1, maxLength: 5 }),
  none,
).map((w) => {
  // A frame held back by `reorder` is order to keep once a change takes frames back (pipe.ts): not both at once.
  const ordered = w.link.jitter?.keepOrder === true || w.changes.some((c) => keepsOrder(c.change));
  const link = ordered ? { ...w.link, reorder: null } : w.link;
  const changes: World['changes'] = [];
  let latest = link;
  for (const c of w.changes.toSorted((x, y) => x.at - y.at)) {
    const next = typeof c.change === 'string' ? latest : { ...latest, ...c.change };
    if (!isPossible(next)) continue;
    latest = next;
    changes.push(c);
  }
  return { ...w, link, changes };
});

const keepsOrder = (change: World['changes'][number]['change']): boolean =>
  typeof change !== 'string' && change.jitter?.keepOrder === true;

function isPossible(o: LinkOptions): boolean {
  try {
    checkLink(o, []);
    return true;
  } catch {
    return false;
  }
}
/** … with looks at everything, at any time. */
export const peekedWorlds: fc.Arbitrary<World> = world(
  faulty,
  none,
  fc.array(fc.nat(500_000), { minLength: 1, maxLength: 60 }),
);

// ── the two ways ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a test may put in place of a part: mutants. */
export interface Parts {
  link(engine: Engine, o: LinkOptions, to: Ingress): Link;
  receiver(engine: Engine, spec: ReceiverSpec): PullReceiver;
}

export const REAL: Parts = {
  link: (engine, o, to) => new Link(engine, 'a->b', o, to),
  receiver: (engine, spec) => new PullReceiver(engine, spec),
};

/** Writes down what the tap is told, and forgets what it takes back. */
export class Recorder implements LinkTap {
  /** [start, departure, arrival, train, frame, mark] of each frame; a copy of a copy is equal to the copy. */
  readonly frames: number[][] = [];
  readonly drops: LinkLog['drops'] = [];

  onFrame(
    t: Train,
    index: number,
    mark: number,
    start: number,
    departure: number,
    arrival: number,
  ): void {
    this.frames.push([start, departure, arrival, idOf(t), index, mark]);
  }

  onDrop(t: Train, index: number, why: DropReason, at: number): void {
    this.drops.push([at, idOf(t), index, why]);
  }

  onRetract(t: Train, index: number, mark: number, arrival: number): void {
    const told = [arrival, idOf(t), index, mark].join();
    const at = this.frames.findLastIndex((f) => f.slice(2).join() === told);
    if (at < 0) throw new Error(`taken back, but never told: ${told}`);
    this.frames.splice(at, 1);
  }
}

const schedule = (engine: Engine, times: number[], what: (i: number) => void): void => {
  const kind = engine.define('world', APP, (i) => what(i));
  times.forEach((t, i) => engine.at(t as Instant, kind, i, 0));
};

const END = 1e15 as Instant;
const byTime = (a: unknown[], b: unknown[]): number => {
  for (let i = 0; i < a.length; i++)
    if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number) ? -1 : 1;
  return 0;
};
/** The order in which drops become known is not part of the world. */
const sorted = (log: ReceiverLog): ReceiverLog => ({ ...log, missed: log.missed.toSorted(byTime) });

export function runPull(world: World, parts: Parts = REAL): Outcome & { ledger: LinkLedger } {
  const engine = newEngine();
  const nic = parts.receiver(engine, world.receiver);
  const link = parts.link(engine, world.link, nic);
  const tap = new Recorder();
  link.tap = tap;
  const all = world.trains.map((spec, id) => new TestTrain(id, spec));
  schedule(
    engine,
    world.trains.map((t) => t.at),
    (i) => link.transmit(all[i]!, engine.now),
  );
  schedule(
    engine,
    world.changes.map((c) => c.at),
    (i) => {
      const { change } = world.changes[i]!;
      if (change === 'down') link.takeDown(engine.now);
      else if (change === 'up') link.bringUp(engine.now);
      else link.reconfigure(change, engine.now);
    },
  );
  schedule(engine, world.peeks, () => {
    nic.sync();
    link.sync(engine.now);
    link.queue.area(engine.now);
  });
  engine.run(END);
  link.sync(END);
  return {
    receiver: sorted(nic.log),
    link: {
      frames: tap.frames.toSorted(byTime),
      drops: tap.drops.toSorted(byTime),
      sojourn: link.queue.exactArea(END),
    },
    ledger: link.ledger(),
    events: engine.stats.events,
  };
}

export function runNaive(world: World): Outcome {
  const engine = newEngine();
  const nic = new NaiveReceiver(engine, world.receiver);
  const link = new NaiveLink(engine, 'a->b', world.link, nic);
  const all = world.trains.map((spec, id) => new TestTrain(id, spec));
  schedule(
    engine,
    world.trains.map((t) => t.at),
    (i) => link.transmit(all[i]!),
  );
  schedule(
    engine,
    world.changes.map((c) => c.at),
    (i) => {
      const { change } = world.changes[i]!;
      if (change === 'down') link.takeDown();
      else if (change === 'up') link.bringUp();
      else link.reconfigure(change);
    },
  );
  engine.run(END);
  return {
    receiver: sorted(nic.log),
    link: {
      frames: link.log.frames.toSorted(byTime),
      drops: link.log.drops.toSorted(byTime),
      sojourn: link.log.sojourn,
    },
    events: engine.stats.events,
  };
}
