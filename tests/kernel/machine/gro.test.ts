// Generic receive offload against the rules of tcp_gro_receive, frame by frame and one after the other; and what each rule is for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MARK_CE } from '../../../src/base/train.ts';
import { Gro } from '../../../src/kernel/gro.ts';
import { type Skb, SkbPool } from '../../../src/kernel/skb.ts';
import { ACK, CWR, FIN, PSH, RST, SYN, URG } from '../../../src/tcp/segment.ts';
import { seq } from '../../../src/tcp/seq.ts';
import { prop } from '../../support/prop.ts';

const TRUESIZE = 2304;
const HEADER = 52;

/** What an skb is to the stack. */
interface Seen {
  flow: number;
  from: number;
  len: number;
  segs: number;
  flags: number;
  ts: number;
  ce: boolean;
  truesize: number;
}

/** One run of frames of a train. */
interface Run {
  readonly flow: number;
  readonly from: number;
  readonly segs: number;
  readonly segSize: number;
  readonly len: number;
  readonly flags: number;
  readonly ack: number;
  readonly window: number;
  readonly ts: number;
  readonly first: number;
  readonly count: number;
  readonly ce: boolean;
  /** The wire has made a copy, which comes later. */
  readonly copied: boolean;
}

interface Frame extends Seen {
  ack: number;
  window: number;
}

const frameOf = (r: Run, i: number): Frame => {
  const last = i === r.segs - 1;
  return {
    flow: r.flow,
    from: r.from + i * r.segSize,
    len: last ? r.len - i * r.segSize : r.segSize,
    segs: 1,
    flags: r.flags & ~(last ? 0 : FIN | PSH) & ~(i > 0 ? CWR : 0),
    ts: r.ts,
    ce: r.ce,
    truesize: TRUESIZE,
    ack: r.ack,
    window: r.window,
  };
};

/** The rules, one frame after the other, in the order of the kernel's function. @returns what the stack gets, in order */
function reference(runs: readonly Run[]): Seen[] {
  const out: Seen[] = [];
  let held: (Frame & { mss: number })[] = [];
  const give = (f: Frame): void => {
    const { flow, from, len, segs, flags, ts, ce, truesize } = f;
    out.push({ flow, from, len, segs, flags, ts, ce, truesize });
  };
  const complete = (f: Frame): void => {
    held = held.filter((h) => h !== f);
    give(f);
  };
  for (const r of runs)
    for (let i = r.first; i < r.first + r.count; i++) {
      const f = frameOf(r, i);
      const p = held.find((h) => h.flow === f.flow);
      let joined = false;
      if (p !== undefined) {
        const flush =
          (f.flags & CWR) !== 0 ||
          ((f.flags ^ p.flags) & ~(FIN | PSH)) !== 0 ||
          f.ack !== p.ack ||
          f.window !== p.window ||
          f.ts !== p.ts ||
          f.ce !== p.ce ||
          f.len === 0 ||
          f.len > p.mss ||
          p.from + p.len !== f.from ||
          HEADER + p.len + f.len >= 65_536;
        if (!flush) {
          joined = true;
          p.truesize += p.segs % 18 === 0 ? TRUESIZE : TRUESIZE - 256;
          p.len += f.len;
          p.segs++;
          p.flags |= f.flags & (FIN | PSH);
        }
      }
      const ends = f.len < (joined ? p!.mss : 1) || (f.flags & (URG | PSH | RST | SYN | FIN)) !== 0;
      if (p !== undefined && (!joined || ends)) complete(p);
      if (joined) continue;
      if (ends) give(f);
      else {
        const bucket = held.filter((h) => (h.flow & 7) === (f.flow & 7));
        if (bucket.length === 8) complete(bucket[0]!);
        held.push({ ...f, mss: f.len });
      }
    }
  const rest = held.map((h, i) => ({ h, i }));
  // The flush goes by bucket.
  rest.sort((a, b) => (a.h.flow & 7) - (b.h.flow & 7) || a.i - b.i);
  for (const { h } of rest) give(h);
  return out;
}

/** What a wire that has frames of it reads. */
/** How many skbs it has. */
function skbsOf(gro: Gro): number {
  let n = 0;
  gro.each(() => n++);
  return n;
}

const says = (skb: Skb): number[] => [skb.off, skb.len, skb.segs, skb.flags];

function real(runs: readonly Run[], make: () => Gro = () => new Gro(TRUESIZE)): Seen[] {
  const pool = new SkbPool();
  const gro = make();
  const out: Seen[] = [];
  const take = (): void => {
    for (let skb = gro.take(); skb !== null; skb = gro.take()) {
      const { flow, off: from, len, segs, flags, tsVal: ts, ce, truesize } = skb;
      out.push({ flow, from, len, segs, flags, ts, ce, truesize });
      skb.drop(skb.segs);
    }
  };
  const copies: { skb: Skb; says: number[] }[] = [];
  for (const r of runs) {
    const skb = pool.take();
    const { flow, segs, segSize, len, flags, window, from: off } = r;
    Object.assign(skb, { flow, segs, segSize, len, flags, window, off, sport: flow });
    Object.assign(skb, { hasTs: true, tsVal: r.ts, seq: seq(off), ack: seq(r.ack) });
    skb.headerLen = HEADER;
    skb.outstanding = r.count;
    if (r.copied) {
      skb.hold(1);
      copies.push({ skb, says: says(skb) });
    }
    gro.receive(skb, r.first, r.count, r.ce ? MARK_CE : 0);
    take();
  }
  gro.flush();
  take();
  expect(skbsOf(gro)).toBe(0);
  for (const copy of copies) {
    expect(says(copy.skb)).toEqual(copy.says);
    copy.skb.drop(1);
  }
  expect(pool.live).toBe(0);
  return out;
}

/** `usual` as a rule: what belongs together is to be joined, mostly. */
const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 7, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

/** Trains of a few flows, mostly in order, cut by loss and marks as a wire cuts them. */
const runs: fc.Arbitrary<Run[]> = fc
  .array(
    fc.record({
      flow: mostly(1, 2, 9, 17),
      segs: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 44 })),
      segSize: mostly(1448, 500, 1460),
      short: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(1447)),
      flags: fc.constantFrom(0, 0, 0, 0, PSH, PSH, FIN | PSH, CWR, URG),
      empty: mostly(false, true),
      ack: mostly(7, 8),
      window: mostly(9, 10),
      ts: mostly(1, 2),
      ce: mostly(false, true),
      copied: fc.boolean(),
      cut: mostly(null, 1, 5, 20, 40),
      lost: fc.boolean(),
    }),
    { maxLength: 20 },
  )
  .map((list) => {
    const at = new Map<number, number>();
    return list.flatMap((t): Run[] => {
      const from = at.get(t.flow) ?? 0;
      const segs = t.empty ? 1 : t.segs;
      const len = t.empty ? 0 : segs * t.segSize - Math.min(t.short, t.segSize - 1);
      at.set(t.flow, from + len);
      const { flow, segSize, ack, window, ts, ce, copied } = t;
      const run = { flow, from, segs, segSize, len, flags: ACK | t.flags, ack, window, ts, copied };
      const cut = t.cut === null ? segs : t.cut % segs;
      const parts: Run[] = [];
      if (cut > 0) parts.push({ ...run, first: 0, count: cut, ce });
      const next = cut + (t.lost ? 1 : 0);
      if (next < segs) parts.push({ ...run, first: next, count: segs - next, ce: false });
      return parts;
    });
  });

/** What mutants take hold of. */
interface Inner {
  joinable(skb: Skb, i: number, count: number, mark: number): number;
  receiveOne(skb: Skb, i: number, mark: number): void;
  mayJoin(): boolean;
  extend(p: Skb, bytes: number, frames: number): void;
}

describe('joining frames by run gives what joining them one by one gives [tcp_gro_receive]', () => {
  it('over random trains, cut by loss and marks', () => {
    const agrees = (list: Run[]): void => {
      expect(real(list)).toEqual(reference(list));
    };
    prop([runs], agrees, { numRuns: 2000 });
  });

  /** Rules that are left out, one at a time: what joins a run as a matter of course, and what one frame may join. */
  const MUTANTS: Readonly<Record<string, (gro: Inner) => void>> = {
    'takes the last frame of a train for one like the others': (gro) => {
      const joinable = gro.joinable.bind(gro);
      gro.joinable = (skb: Skb, i: number, count: number, mark: number): number => {
        const n = joinable(skb, i, count, mark);
        return n > 0 && n === count - 1 ? count : n;
      };
    },
    'forgets the limit of 64 KiB': (gro) => {
      const joinable = gro.joinable.bind(gro);
      gro.joinable = (skb: Skb, i: number, count: number, mark: number): number =>
        joinable(skb, i, count, mark) > 0 ? count - 1 : 0;
    },
    'joins whatever one frame says': (gro) => {
      gro.mayJoin = (): boolean => true;
    },
    'charges every frame alike': (gro) => {
      const extend = gro.extend.bind(gro);
      gro.extend = (p: Skb, bytes: number, frames: number): void => {
        const { truesize } = p;
        extend(p, bytes, frames);
        p.truesize = truesize + frames * TRUESIZE;
      };
    },
    'writes into an skb of which the wire has a copy': (gro) => {
      const receiveOne = gro.receiveOne.bind(gro);
      gro.receiveOne = (skb: Skb, i: number, mark: number): void => {
        skb.owned = () => skb;
        receiveOne(skb, i, mark);
      };
    },
  };
  it.each(Object.keys(MUTANTS))('[mutant] differs when it %s', (name) => {
    const broken = fc.sample(runs, { numRuns: 400, seed: 7 }).filter((list) => {
      try {
        const mutant = (): Gro => {
          const gro = new Gro(TRUESIZE);
          MUTANTS[name]!(gro as unknown as Inner);
          return gro;
        };
        expect(real(list, mutant)).toEqual(reference(list));
        return false;
      } catch {
        return true;
      }
    });
    expect(broken.length).toBeGreaterThan(0);
  });
});

describe('what goes to the stack, and when', () => {
  const train = (pool: SkbPool, segs: number, flags = ACK | PSH): Skb => {
    const skb = pool.take();
    Object.assign(skb, { segs, segSize: 1000, len: 1000 * segs, flags, outstanding: segs });
    return skb;
  };

  it('a complete skb waits for a list of eight frames, or for the end of the poll [gro_normal_batch]', () => {
    const pool = new SkbPool();
    const gro = new Gro(TRUESIZE);
    gro.receive(train(pool, 3), 0, 3, 0);
    expect([gro.ready, gro.take()]).toEqual([false, null]);
    gro.receive(train(pool, 5), 0, 5, 0);
    expect(gro.ready).toBe(true);
    expect([gro.take()?.segs, gro.take()?.segs, gro.take()]).toEqual([3, 5, null]);
  });

  it('what PSH has not ended is held until the poll ends', () => {
    const pool = new SkbPool();
    const gro = new Gro(TRUESIZE);
    gro.receive(train(pool, 40, ACK), 0, 40, 0);
    expect([gro.ready, skbsOf(gro)]).toEqual([false, 1]);
    gro.flush();
    expect([gro.ready, gro.take()?.segs, skbsOf(gro)]).toEqual([true, 40, 0]);
  });
});
