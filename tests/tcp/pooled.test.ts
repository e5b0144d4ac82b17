/**
 * Segments are pooled: TCP is given a record that still says what it said last, and writes all of it. So are send queues with their
 * records.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadStream } from '../../src/base/payload.ts';
import * as tcp from '../../src/tcp/index.ts';
import { EVER_RETRANS, LOST, SACKED, SendQueue, Tx } from '../../src/tcp/send-queue.ts';
import { prop } from '../support/prop.ts';
import { both, MS, Pair, reads, SEC, writes, type End } from './pair.ts';

/** What a record may say from its last use. */
function soil(s: tcp.Segment): void {
  s.mss = 900;
  s.wscale = 5;
  s.sackOk = true;
  s.urgent = 3;
  s.seq = tcp.seq(77);
  s.ack = tcp.seq(78);
  s.flags = tcp.FIN | tcp.URG;
  s.window = 79;
  s.hasTs = true;
  s.tsVal = 80;
  s.tsEcr = 81;
  s.nsack = 2;
  s.sacks = Int32Array.from([1, 2, 3, 4, 0, 0, 0, 0]);
  s.headerLen = 60;
  s.stream = new PayloadStream(9);
  s.off = 82;
  s.len = 83;
  s.segs = 4;
  s.segSize = 84;
  s.truesize = 85;
  s.tailroom = 86;
  s.mergeable = 87;
  s.pages = 2;
  s.cloned = true;
  s.tos = 3;
  s.ce = true;
  s.src = s.dst = s.sport = s.dport = 88;
  s.flow = 89;
  s.ordinal = 90;
}

/** All that a segment says: an acknowledgment number only with the flag, and of the room for SACK blocks what is used. */
function saysOf(s: tcp.Segment): Record<string, unknown> {
  const { sacks, stream, ack, ...rest } = s;
  return {
    ...rest,
    ack: s.flags & tcp.ACK ? ack : null,
    sacks: Array.from(sacks.slice(0, 2 * s.nsack)),
    stream: stream?.id ?? null,
  };
}

const world = fc.record({
  bytes: fc.integer({ min: 1, max: 30_000 }),
  back: fc.integer({ min: 0, max: 10_000 }),
  faults: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 30 }),
  sack: fc.boolean(),
  timestamps: fc.boolean(),
  ecn: fc.constantFrom(0 as const, 1 as const),
  gsoMaxSegs: fc.constantFrom(1, 16),
  reset: fc.boolean(),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

type Change = (s: tcp.Segment) => void;
const nothing: Change = () => {};

/** Every segment that leaves in a world in which each record was given to TCP as `before` had made it, and `after` changes it. */
function sent(
  w: World,
  before: Change,
  after: Change = nothing,
  prepare: (e: End) => void = () => {},
): Record<string, unknown>[] {
  const options = { sack: w.sack, timestamps: w.timestamps, ecn: w.ecn };
  const path = { gsoMaxSegs: w.gsoMaxSegs };
  const fate = (_: tcp.Segment, n: number): { drop: true } | null =>
    n < 300 && w.faults[n % w.faults.length] === 0 && n % 3 > 0 ? { drop: true } : null;
  const wire = { delayNs: 5 * MS, nsPerByte: 80, fate };
  const pair = new Pair({
    client: options,
    server: options,
    clientPath: path,
    serverPath: path,
    wire,
  });
  prepare(pair.client);
  prepare(pair.server);
  const of = pair as unknown as { poll(e: End, out: tcp.Segment): boolean };
  const poll = of.poll.bind(pair);
  of.poll = (e, out) => {
    before(out);
    const any = poll(e, out);
    after(out);
    return any;
  };
  const all: Record<string, unknown>[] = [];
  pair.onWire = (_, s) => void all.push(saysOf(s));
  pair.client.app = both(reads(), writes(w.bytes));
  pair.server.app = both(reads(3000), writes(w.back));
  pair.open();
  pair.run(300 * MS);
  if (w.reset && pair.server.c !== null) {
    tcp.abort(pair.server.c, pair.now);
    pair.pump(pair.server);
  }
  pair.run(20 * SEC);
  return all;
}

describe('a record that is used again', () => {
  it('says nothing of what it said before, whatever leaves in it', () => {
    prop(
      [world],
      (w) => {
        expect(sent(w, soil)).toEqual(sent(w, nothing));
      },
      { numRuns: 60 },
    );
  });

  it('[mutant] does where one field is not written', () => {
    const w = fc.sample(world, { numRuns: 1, seed: 3 })[0]!;
    const dirty = new tcp.Segment();
    soil(dirty);
    const clean = sent(w, nothing);
    for (const field of ['tailroom', 'nsack', 'off', 'segs', 'ce', 'window', 'extras'] as const) {
      const unwritten: Change = (s) => void Object.assign(s, { [field]: dirty[field] });
      expect(sent(w, soil, unwritten)).not.toEqual(clean);
    }
  });
});

/** A send queue whose connection was aborted: what it was, and records that were lost, received or sent again. */
function usedQueue(): SendQueue {
  const q = new SendQueue();
  for (let i = 0; i < 40; i++) {
    const t = new Tx();
    t.seq = tcp.seq(1000 + i);
    t.end = tcp.seq(2000 + i);
    t.len = 100 + i;
    t.flags = tcp.FIN | tcp.PSH;
    t.eor = true;
    t.segs = 3;
    t.sacked = LOST | SACKED | EVER_RETRANS;
    t.truesize = 5000;
    q.give(t);
  }
  q.sent = 7;
  return q;
}

describe('a send queue that is used again', () => {
  it('sends what a new one sends', () => {
    prop(
      [world],
      (w) => {
        const again = (e: End): void => e.context.giveSendQueue(usedQueue());
        expect(sent(w, nothing, nothing, again)).toEqual(sent(w, nothing));
      },
      { numRuns: 60 },
    );
  });

  it('[mutant] does not where it still counts what it had sent', () => {
    const w = fc.sample(world, { numRuns: 1, seed: 3 })[0]!;
    const stale = (e: End): void => {
      const q = usedQueue();
      const { sent: before } = q;
      e.context.giveSendQueue(q);
      q.sent = before;
    };
    const outcome = (): unknown => {
      try {
        return sent(w, nothing, nothing, stale);
      } catch {
        return 'broken';
      }
    };
    expect(outcome()).not.toEqual(sent(w, nothing));
  });
});
