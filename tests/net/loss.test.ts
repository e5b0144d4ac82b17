// Which frames a wire harms: rules, counting, draws that belong to a frame and not to a moment.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MARK_CORRUPT, MARK_DUPLICATE, MARK_UNDETECTED } from '../../src/base/train.ts';
import { type Instant, ms, us } from '../../src/base/units.ts';
import { Faults } from '../../src/sim/net/faults.ts';
import { Link } from '../../src/sim/net/link.ts';
import type { LinkOptions, Pick } from '../../src/sim/net/options.ts';
import { prop } from '../support/prop.ts';
import { Sink, TestTrain, frame, newEngine, options } from './support.ts';

const wire = options({ rate: 1e9, delay: ms(1) });
const now = 0 as Instant;

/** Sends single frames of these flows, in this order; each knows its place in its flow. */
function sendFlows(
  o: Partial<LinkOptions>,
  flows: number[],
): { sink: Sink; link: Link; draws: string[] } {
  const sink = new Sink();
  const engine = newEngine();
  const draws: string[] = [];
  engine.random.log = (name, key, value) => void draws.push(`${name} ${key} ${value}`);
  const link = new Link(engine, 'a->b', { ...wire, ...o }, sink);
  const next = new Map<number, number>();
  flows.forEach((flow, i) => {
    const ordinal = next.get(flow) ?? 0;
    next.set(flow, ordinal + 1);
    link.transmit(frame(i, 1000, { flow, ordinal }), now);
  });
  return { sink, link, draws };
}
const survivors = (o: Partial<LinkOptions>, flows: number[]): number[] =>
  sendFlows(o, flows)
    .sink.take()
    .map((f) => f.id);

describe('a pick', () => {
  const eight = [1, 1, 2, 1, 2, 1, 2, 1];
  it('of every n-th frame counts those of the link, or of each connection', () => {
    expect(survivors({ loss: { kind: 'every', every: 3, per: 'link' } }, eight)).toEqual([
      0, 1, 3, 4, 6, 7,
    ]);
    expect(survivors({ loss: { kind: 'every', every: 3, per: 'flow' } }, eight)).toEqual([
      0, 1, 2, 4, 5, 7,
    ]);
  });

  it('of a list counts from 1, on the link or in each connection', () => {
    expect(survivors({ loss: { kind: 'list', frames: [1, 4], per: 'link' } }, eight)).toEqual([
      1, 2, 4, 5, 6, 7,
    ]);
    expect(survivors({ loss: { kind: 'list', frames: [1, 4], per: 'flow' } }, eight)).toEqual([
      1, 3, 4, 6, 7,
    ]);
  });

  it('goes by frame, not by train: a train of four is four frames', () => {
    const sink = new Sink();
    const loss: Pick = { kind: 'list', frames: [2, 4], per: 'link' };
    const link = new Link(newEngine(), 'a->b', { ...wire, loss }, sink);
    link.transmit(new TestTrain(0, { segs: 4 }), now);
    expect(sink.take().map((f) => f.index)).toEqual([0, 2]);
    expect(link.counters).toMatchObject({ offered: 4, frames: 4, dropLoss: 2 });
  });

  it('does not count what found no room in the queue', () => {
    const limit = { unit: 'packets', count: 2 } as const;
    const loss: Pick = { kind: 'list', frames: [3], per: 'link' };
    const sink = new Sink();
    const link = new Link(newEngine(), 'a->b', { ...wire, loss, limit }, sink);
    for (const at of [0, 0, 0, us(50)]) link.transmit(frame(at, 1000), at as Instant);
    expect(link.counters).toMatchObject({ dropLimit: 1, dropLoss: 1, frames: 3 });
  });
});

const fates: fc.Arbitrary<Partial<LinkOptions>> = fc.constantFrom<Partial<LinkOptions>>(
  { loss: { kind: 'random', probability: 0.3 } },
  { duplicate: { kind: 'random', probability: 0.3 } },
  { corrupt: { pick: { kind: 'random', probability: 0.3 }, undetected: false } },
  { jitter: { distribution: 'uniform', amount: us(500), keepOrder: false } },
  { jitter: { distribution: 'exponential', amount: us(500), keepOrder: false } },
);

/** What befell each frame of flow 1 on top of its time on the wire, by its place in the flow. */
function fatesOfFlow1(o: Partial<LinkOptions>, flows: number[]): string[] {
  const { link } = { link: new Link(newEngine(), 'a->b', { ...wire, ...o }, new Sink()) };
  const seen: string[] = [];
  link.tap = {
    onFrame(t, _i, mark, _s, departure, arrival) {
      if (t.flow === 1) seen.push(`${t.ordinal}: ${mark} ${arrival - departure}`);
    },
    onDrop(t, _i, why) {
      if (t.flow === 1) seen.push(`${t.ordinal}: ${why}`);
    },
  };
  const next = new Map<number, number>();
  flows.forEach((flow, i) => {
    const ordinal = next.get(flow) ?? 0;
    next.set(flow, ordinal + 1);
    link.transmit(frame(i, 1000, { flow, ordinal }), now);
  });
  return seen;
}

describe('draws are keyed by connection and frame [DESIGN §2]', () => {
  const flows = fc.array(fc.nat(3), { maxLength: 60 });

  it('so what befalls frame n of a connection does not depend on other connections', () => {
    prop([fates, flows], (o, list) => {
      const alone = list.filter((f) => f === 1);
      expect(fatesOfFlow1(o, list)).toEqual(fatesOfFlow1(o, alone));
    });
  });

  it('and the check notices draws in order of time: a Gilbert–Elliott chain is one for all', () => {
    const loss = { kind: 'gemodel', p: 0.3, r: 0.3, lossInBad: 1, lossInGood: 0 } as const;
    const list = Array.from({ length: 60 }, (_, i) => i % 2);
    expect(fatesOfFlow1({ loss }, list)).not.toEqual(
      fatesOfFlow1(
        { loss },
        list.filter((f) => f === 1),
      ),
    );
  });

  it('so two variants draw the same for a connection, frame by frame', () => {
    const o: Partial<LinkOptions> = { loss: { kind: 'random', probability: 0.3 } };
    const of1 = (draws: string[]): string[] =>
      draws.filter((d) => d.startsWith('link/a->b/loss 1/'));
    const a = of1(sendFlows(o, [1, 1, 1, 2, 2, 1]).draws);
    const b = of1(sendFlows(o, [2, 1, 3, 1, 1, 3, 1]).draws);
    expect(a).toHaveLength(4);
    expect(b).toEqual(a);
  });

  it('and a mechanism that is switched on moves no draw of another', () => {
    const loss: Pick = { kind: 'random', probability: 0.3 };
    const flows1 = Array<number>(100).fill(1);
    const both = { loss, duplicate: loss, corrupt: { pick: loss, undetected: false } };
    const ids = (o: Partial<LinkOptions>): number[] => [...new Set(survivors(o, flows1))];
    expect(ids(both)).toEqual(ids({ loss }));
    const copied = (o: Partial<LinkOptions>): number[] =>
      sendFlows(o, flows1)
        .sink.take()
        .filter((f) => (f.mark & MARK_DUPLICATE) !== 0)
        .map((f) => f.id);
    const alone = copied({ duplicate: loss });
    const alive = new Set(ids({ loss }));
    expect(copied(both)).toEqual(alone.filter((id) => alive.has(id)));
  });

  it('a link whose mechanisms are off draws nothing', () => {
    expect(sendFlows({}, [1, 2, 3]).draws).toEqual([]);
    expect(Faults.of('a->b', wire, newEngine().random)).toBeNull();
  });
});

describe('a fault', () => {
  it('takes the time of a lost frame on the wire', () => {
    const loss: Pick = { kind: 'list', frames: [1], per: 'link' };
    const { sink } = sendFlows({ loss, overhead: 0 }, [1, 1]);
    expect(sink.take()).toEqual([{ id: 1, index: 0, mark: 0, arrival: 2 * 8000 + 1_000_000 }]);
  });

  it('puts a copy right behind its original, and takes no time on the wire for it', () => {
    const duplicate: Pick = { kind: 'list', frames: [1], per: 'link' };
    const { sink, link } = sendFlows({ duplicate, overhead: 0 }, [1, 1]);
    expect(sink.take()).toEqual([
      { id: 0, index: 0, mark: 0, arrival: 1_008_000 },
      { id: 0, index: 0, mark: MARK_DUPLICATE, arrival: 1_008_000 },
      { id: 1, index: 0, mark: 0, arrival: 1_016_000 },
    ]);
    expect(link.counters).toMatchObject({ offered: 2, frames: 2, duplicated: 1 });
  });

  it('marks corruption as the checksum sees it', () => {
    const pick: Pick = { kind: 'list', frames: [2], per: 'link' };
    const marks = (undetected: boolean): number[] =>
      sendFlows({ corrupt: { pick, undetected } }, [1, 1])
        .sink.take()
        .map((f) => f.mark);
    expect(marks(false)).toEqual([0, MARK_CORRUPT]);
    expect(marks(true)).toEqual([0, MARK_UNDETECTED]);
  });

  it('holds a frame back, or lets it skip the delay as netem does', () => {
    const pick: Pick = { kind: 'list', frames: [2], per: 'link' };
    const order = (extra: LinkOptions['delay'] | null): number[] =>
      survivors({ reorder: { pick, extra, gap: 1 } }, [1, 1, 1, 1]);
    expect(order(us(20))).toEqual([0, 2, 3, 1]);
    expect(order(null)).toEqual([1, 0, 2, 3]);
  });

  it('displaces a frame only when gap − 1 before it were not [sch_netem.c netem_enqueue()]', () => {
    const pick: Pick = { kind: 'random', probability: 1 };
    const { sink, link } = sendFlows(
      { reorder: { pick, extra: ms(1), gap: 3 } },
      Array<number>(9).fill(1),
    );
    expect(sink.take().map((f) => f.id)).toEqual([0, 1, 3, 4, 6, 7, 2, 5, 8]);
    expect(link.counters.reordered).toBe(3);
  });

  it('varies the delay by ± amount, or by a tail of mean amount', () => {
    const delays = (distribution: 'uniform' | 'exponential'): number[] => {
      const jitter = { distribution, amount: us(200), keepOrder: false };
      const seen: number[] = [];
      const link = new Link(newEngine(), 'a->b', { ...wire, jitter }, new Sink());
      link.tap = { onFrame: (_t, _i, _m, _s, d, a) => void seen.push(a - d), onDrop() {} };
      for (let i = 0; i < 4000; i++) link.transmit(frame(i, 1000), now);
      return seen;
    };
    const mean = (list: number[]): number => list.reduce((a, b) => a + b) / list.length;
    const uniform = delays('uniform');
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(800_000);
    expect(Math.min(...uniform)).toBeLessThan(801_000);
    expect(Math.max(...uniform)).toBeLessThanOrEqual(1_200_000);
    expect(Math.max(...uniform)).toBeGreaterThan(1_199_000);
    expect(Math.abs(mean(uniform) - 1_000_000)).toBeLessThan(6000);
    const tail = delays('exponential');
    expect(Math.min(...tail)).toBeGreaterThanOrEqual(1_000_000);
    expect(Math.abs(mean(tail) - 1_200_000)).toBeLessThan(10_000);
    expect(tail.filter((d) => d > 1_000_000 + 200_000).length / 4000).toBeCloseTo(Math.exp(-1), 1);
  });

  it('keeps the order when jitter is told to', () => {
    const jitter = { distribution: 'exponential', amount: us(200), keepOrder: true } as const;
    const ids = survivors({ jitter }, Array<number>(200).fill(1));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    const loose = survivors(
      { jitter: { ...jitter, keepOrder: false } },
      Array<number>(200).fill(1),
    );
    expect(loose).not.toEqual(ids);
  });

  it('meets frames handed over in its time only', () => {
    const loss: Pick = { kind: 'random', probability: 1 };
    const sink = new Sink();
    const until = us(20) as number as Instant;
    const from = us(10) as number as Instant;
    const link = new Link(newEngine(), 'a->b', { ...wire, loss, from, until }, sink);
    [0, us(10) - 1, us(10), us(20) - 1, us(20)].forEach((at, i) =>
      link.transmit(frame(i, 1000), at as Instant),
    );
    expect(sink.take().map((f) => f.id)).toEqual([0, 1, 4]);
  });
});
