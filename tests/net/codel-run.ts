// Frames through a link whose queue decides at its head: what the tests of CoDel and of the device behind it have in common.
import fc from 'fast-check';
import { CODEL_DEFAULTS, type CodelOptions } from '../../src/base/codel.ts';
import type { DqlOptions } from '../../src/base/dql.ts';
import type { Ingress } from '../../src/base/train.ts';
import { type Instant, ms } from '../../src/base/units.ts';
import { type Engine, APP } from '../../src/engine/engine.ts';
import { CodelLink } from '../../src/sim/net/codel-link.ts';
import type { LinkOptions } from '../../src/sim/net/options.ts';
import { Sink, frame, newEngine, options } from './support.ts';
import { Recorder } from './worlds.ts';

export const MS = 1_000_000;

/** 1,000 B take 1 ms, and the queue never fills. */
export const SLOW: Partial<LinkOptions> = {
  rate: 8e6,
  delay: ms(1),
  overhead: 0,
  limit: { unit: 'packets', count: 10_000 },
};

export interface Arrival {
  readonly at: number;
  readonly bytes: number;
}

export interface Run {
  readonly link: CodelLink;
  readonly sink: Sink;
  /** [frame, when]. */
  readonly drops: [id: number, at: number][];
  readonly delivered: { id: number; mark: number; arrival: number }[];
}

/** Sends the frames through a link with CoDel; `look` reads its queue in between, which must change nothing. */
export function run(
  arrivals: readonly Arrival[],
  codel: Partial<CodelOptions> = {},
  how: {
    readonly tos?: number;
    readonly limit?: LinkOptions['limit'];
    readonly look?: readonly number[];
    readonly bql?: DqlOptions | null;
    readonly make?: (engine: Engine, o: LinkOptions, to: Ingress) => CodelLink;
  } = {},
): Run {
  const engine = newEngine();
  const sink = new Sink();
  const o = options({
    ...SLOW,
    ...(how.limit === undefined ? {} : { limit: how.limit }),
    codel: { ...CODEL_DEFAULTS, ...codel },
    bql: how.bql ?? null,
  });
  const make = how.make ?? ((e, p, to) => new CodelLink(e, 'a->b', p, to));
  const link = make(engine, o, sink);
  const tap = new Recorder();
  link.tap = tap;
  const send = engine.define('send', APP, (i) => {
    const { tos = 0 } = how;
    link.transmit(frame(i, arrivals[i]!.bytes, { tos }), engine.now);
  });
  const look = engine.define('look', APP, () => link.sync(engine.now));
  arrivals.forEach((a, i) => engine.at(a.at as Instant, send, i, 0));
  for (const t of how.look ?? []) engine.at(t as Instant, look, 0, 0);
  engine.run(1e15 as Instant);
  link.sync(1e15 as Instant);
  const drops = tap.drops.map(([at, id]): [number, number] => [id, at]);
  return { link, sink, drops, delivered: sink.take() };
}

export const laws: fc.Arbitrary<CodelOptions> = fc.record({
  target: fc.integer({ min: 1, max: 4 * MS }),
  interval: fc.integer({ min: 4 * MS, max: 20 * MS }),
  ecn: fc.boolean(),
  ceThreshold: fc.oneof(fc.constant(Infinity), fc.integer({ min: MS, max: 50 * MS })),
});

export const devices: fc.Arbitrary<DqlOptions> = fc.record({
  holdTime: fc.nat(20 * MS),
  limitMin: fc.nat(3000),
  limitMax: fc.integer({ min: 3000, max: 20_000 }),
});
