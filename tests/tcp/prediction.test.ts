/**
 * Header prediction leaves out steps that would do nothing: whatever the state of a connection and whatever comes, a predicted
 * segment leaves behind what all the steps leave behind. Checked on copies of a connection, at each segment that arrives in random
 * worlds, for that segment and for others that differ from it in one thing.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';
import { bySteps, predicted } from '../../src/tcp/input.ts';
import { isPredicted } from '../../src/tcp/predict.ts';
import { RateSampler } from '../../src/tcp/rate.ts';
import { senderOf } from '../../src/tcp/sender.ts';
import { prop } from '../support/prop.ts';
import { both, MS, Pair, reads, SEC, writes, type End } from './pair.ts';

// ---- Copies

/** A copy of all that can be reached from `x`. */
function copyOf<T>(x: T, seen: Map<unknown, unknown> = new Map()): T {
  if (typeof x !== 'object' || x === null) return x;
  const known = seen.get(x);
  if (known !== undefined) return known as T;
  if (ArrayBuffer.isView(x)) return (x as unknown as Int32Array).slice() as unknown as T;
  const to = (Array.isArray(x) ? [] : Object.create(Object.getPrototypeOf(x))) as T;
  seen.set(x, to);
  for (const key of Object.keys(x)) {
    const value = (x as Record<string, unknown>)[key];
    (to as Record<string, unknown>)[key] = copyOf(value, seen);
  }
  return to;
}

/** Scratch of one call, and an answer that is kept because it is asked for often. */
const NO_STATE: readonly string[] = ['ackState', 'tick'];

/** Where two copies differ; null: nowhere. */
function difference(a: unknown, b: unknown, path: string, seen: Set<unknown>): string | null {
  if (Object.is(a, b)) return null;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return `${path}: ${String(a)} and ${String(b)}`;
  if (seen.has(a)) return null;
  seen.add(a);
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (NO_STATE.includes(key)) continue;
    const [x, y] = [a, b].map((of) => (of as Record<string, unknown>)[key]);
    const found = difference(x, y, `${path}.${key}`, seen);
    if (found !== null) return found;
  }
  return null;
}

// ---- Segments

type Change = (s: tcp.Segment, c: tcp.Connection) => void;

/** What else could have come in its place. */
const VARIANTS: readonly Change[] = [
  () => {},
  (s) => void (s.window += 1),
  (s) => void (s.window = Math.max(s.window - 1, 0)),
  (s, c) => void (s.window = c.sndWnd >> c.sndWscale),
  (s) => void (s.flags |= tcp.PSH),
  (s) => void (s.flags |= tcp.FIN),
  (s) => void (s.flags |= tcp.ECE),
  (s) => void (s.flags |= tcp.CWR),
  (s) => void ((s.flags |= tcp.URG), (s.urgent = 1)),
  (s) => void (s.flags |= tcp.RST),
  (s) => void (s.flags &= ~tcp.ACK),
  (s) => void (s.tsVal -= 1),
  (s) => void (s.tsVal -= 100_000),
  (s) => void (s.hasTs = !s.hasTs),
  (s) => void (s.seq = tcp.seqAdd(s.seq, -1)),
  (s) => void (s.seq = tcp.seqAdd(s.seq, 10)),
  (s) => void (s.ack = tcp.seqAdd(s.ack, -1)),
  (s) => void (s.ack = tcp.seqAdd(s.ack, 1)),
  (s, c) => void (s.ack = c.sndNxt),
  (s) => void (s.len += 100_000),
  (s) => void ((s.len = 0), (s.segSize = 0)),
  (s) => void (s.ce = true),
  (s, c) => {
    s.nsack = 1;
    const block = [tcp.seqAdd(c.sndUna, -2), tcp.seqAdd(c.sndUna, -1)];
    s.sacks = Int32Array.from([...(block as unknown[] as number[]), 0, 0, 0, 0, 0, 0]);
  },
];

/** What else could have come before it. */
const PASTS: readonly Change[] = [
  // Data further on, which found no room.
  (s, c) => void (c.sndWl1 = tcp.seqAdd(s.seq, 1000)),
  // Probes without an answer, and bad news from ICMP.
  (_, c) => void ((c.probesOut = 3), (senderOf(c).softError = 113)),
  // A tail loss probe, whose data has been acknowledged, and by itself or not.
  (_, c) => void ((senderOf(c).tlpActive = true), (senderOf(c).tlpHighSeq = c.sndUna)),
  (_, c) => {
    const snd = senderOf(c);
    snd.rate = new RateSampler();
    snd.rate.rttUs = 5;
  },
];

type Predicate = (c: tcp.Connection, seg: tcp.Segment) => boolean;
type Short = typeof predicted;

/** Is `seg` taken the same by the short way as by all the steps? A connection that is not predicted has no short way. */
class Twin {
  broken: string | null = null;
  short = 0;
  private readonly predicate: Predicate;
  private readonly way: Short;

  constructor(predicate: Predicate, way: Short) {
    this.predicate = predicate;
    this.way = way;
  }

  compare(c: tcp.Connection, seg: tcp.Segment, now: Instant): void {
    for (const change of VARIANTS) {
      const changed = new tcp.Segment();
      tcp.copySegment(seg, changed);
      change(changed, c);
      this.broken ??= this.oneSegment(c, changed, now);
    }
    for (const change of PASTS) {
      const past = copyOf(c);
      change(seg, past);
      this.broken ??= this.oneSegment(past, seg, now);
    }
  }

  private oneSegment(c: tcp.Connection, seg: tcp.Segment, now: Instant): string | null {
    if (!this.predicate(c, seg)) return null;
    this.short++;
    const [long, short] = [copyOf({ c, seg }), copyOf({ c, seg })];
    bySteps(long.c, long.seg, now);
    try {
      this.way(short.c, short.seg, now);
    } catch (e) {
      return String(e);
    }
    const found = difference(long.c, short.c, 'c', new Set());
    return found === null ? null : `${tcp.describeSegment(seg)}: ${found}`;
  }
}

// ---- Worlds

const world = fc.record({
  bytes: fc.integer({ min: 1, max: 60_000 }),
  back: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20_000 })),
  rcvbuf: fc.constantFrom(0, 6000, 20_000, 200_000),
  faults: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 40 }),
  sack: fc.boolean(),
  timestamps: fc.boolean(),
  ecn: fc.constantFrom(0 as const, 1 as const),
  congestion: fc.constantFrom('cubic' as const, 'dctcp' as const, 'bbr' as const),
  chunk: fc.constantFrom(100, 3000, 65_536),
  pauseMs: fc.constantFrom(0, 0, 40, 600),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

function twinOf(w: World, predicate: Predicate, way: Short): Twin {
  const options = {
    sack: w.sack,
    timestamps: w.timestamps,
    ecn: w.ecn,
    congestionControl: w.congestion,
  };
  const pair = new Pair({
    client: options,
    server: options,
    wire: {
      delayNs: 5 * MS,
      nsPerByte: 80,
      fate: (s, n, now) => {
        const x = now > 4 * SEC ? 9 : w.faults[(n * 7 + (n >> 3)) % w.faults.length]!;
        if (x === 2 && tcp.ecnField(s) !== 0) s.ce = true;
        if (x === 1) return { extraDelay: 3 * MS };
        return x === 0 ? { drop: true } : null;
      },
    },
  });
  const twin = new Twin(predicate, way);
  const nothing = (): void => {};
  for (const e of [pair.client, pair.server]) {
    if (w.rcvbuf > 0) e.settings.setRcvbuf(e.context.options, w.rcvbuf);
    e.context.observer = {
      onReceived(c: tcp.Connection, seg: tcp.Segment): void {
        // The copies have nobody who looks on.
        e.context.observer = null;
        twin.compare(c, seg, pair.now);
        e.context.observer = this;
      },
      onSent: nothing,
      onWritten: nothing,
      onRead: nothing,
      onQueued: nothing,
      onState: nothing,
      onWindow: nothing,
    };
  }
  const read = reads(w.chunk);
  const late = (e: End, now: Instant): void => {
    if (w.pauseMs === 0 || Math.floor(now / (w.pauseMs * MS)) % 2 === 1) read(e, now);
  };
  pair.client.app = both(reads(), writes(w.bytes, w.chunk));
  // One that closes its side is in other states from then on.
  pair.server.app = both(late, writes(w.back, w.chunk, w.back % 4 === 1));
  pair.open();
  pair.run(8 * SEC, () => twin.broken !== null);
  return twin;
}

describe('a predicted segment', () => {
  it('leaves behind what all the steps leave behind [RFC 9293 §3.10.7.4; Linux tcp_rcv_established()]', () => {
    let short = 0;
    prop(
      [world],
      (w) => {
        const twin = twinOf(w, isPredicted, predicted);
        expect(twin.broken).toBeNull();
        short += twin.short;
      },
      { numRuns: 150 },
    );
    expect(short).toBeGreaterThan(10_000);
  }, 60_000);
});

/** What is found wrong over a fixed set of worlds. */
function caught(predicate: Predicate, way: Short = predicted): string | null {
  for (const w of fc.sample(world, { numRuns: 60, seed: 11 })) {
    const { broken } = twinOf(w, predicate, way);
    if (broken !== null) return broken;
  }
  return null;
}

/** A prediction that does not look at what `alter` has made look as it should. */
const blindTo =
  (alter: Change): Predicate =>
  (c, seg) => {
    const look = copyOf({ c, seg });
    alter(look.seg, look.c);
    return c.state !== 'SYN-SENT' && isPredicted(look.c, look.seg);
  };

describe('the comparison notices a prediction that does not look', () => {
  const blind: readonly [string, Change][] = [
    ['whether the window is the same', (s, c) => void (s.window = c.sndWnd >> c.sndWscale)],
    ['at the flags', (s) => void (s.flags = tcp.ACK)],
    ['for SACK blocks', (s) => void (s.nsack = 0)],
    ['at the sequence number', (s, c) => void (s.seq = c.rcvNxt)],
    ['at the acknowledgment number', (s, c) => void (s.ack = c.sndUna)],
    ['at the timestamp', (s, c) => void ((s.tsVal = c.tsRecent), (s.hasTs = true))],
    ['whether the window takes it', (s) => void (s.len = Math.min(s.len, 1))],
    ['whether it has data', (s) => void (s.len = Math.max(s.len, 1))],
    ['at what is out', (_, c) => void (c.sendQueue = null)],
    ['whether a rate is sampled', (_, c) => void (c.sender !== null && (c.sender.rate = null))],
    ['for a probe', (_, c) => void (c.sender !== null && (c.sender.tlpActive = false))],
    ['at the state', (_, c) => void (c.state = 'ESTABLISHED')],
  ];
  for (const [what, alter] of blind)
    it(
      what,
      () => {
        expect(caught(blindTo(alter))).not.toBeNull();
      },
      60_000,
    );

  const afterwards =
    (wrong: (c: tcp.Connection, seg: tcp.Segment) => void): Short =>
    (c, seg, now) => {
      predicted(c, seg, now);
      wrong(c, seg);
    };
  it('and one that takes TS.Recent from beyond the last ACK, or SND.WL1 from an old number', () => {
    const recent = afterwards((c, seg) => void (c.tsRecent = seg.tsVal));
    expect(caught(isPredicted, recent)).toMatch(/tsRecent/);
    const wl1 = afterwards((c, seg) => void (c.sndWl1 = seg.seq));
    expect(caught(isPredicted, wl1)).toMatch(/sndWl1/);
  }, 60_000);
});
