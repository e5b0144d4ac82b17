import { describe, expect, it } from 'vitest';
import {
  ACK,
  CWR,
  describeSegment,
  ECE,
  ecnField,
  seq,
  SYN,
  type Segment,
} from '../../../src/tcp/index.ts';
import { ECN_OK } from '../../../src/tcp/connection.ts';
import { MS, Pair, reads, SEC, writes, type Fate, type PairOptions } from '../pair.ts';

const DELAY = 10 * MS;

/** What one end put on the wire, with its ECN field. */
interface Sent {
  from: string;
  line: string;
  flags: number;
  len: number;
  ecn: number;
}

function pair(
  o: Partial<PairOptions> = {},
  mark: (s: Segment, n: number) => boolean = () => false,
) {
  const p = new Pair({ wire: { delayNs: DELAY }, ...o });
  const sent: Sent[] = [];
  const count = new Map<string, number>();
  p.onWire = (from, s) => {
    const n = s.len > 0 ? (count.get(from.name) ?? 0) : -1;
    if (s.len > 0) count.set(from.name, n + 1);
    const line = describeSegment(s, seq(from.isn), seq(p.peer(from).isn));
    sent.push({ from: from.name, line, flags: s.flags, len: s.len, ecn: ecnField(s) });
    if (mark(s, n) && ecnField(s) !== 0) s.ce = true;
  };
  return { p, sent };
}

const ON = { ecn: 1 } as const;
const OFF = { ecn: 0 } as const;
const PASSIVE = { ecn: 2 } as const;

describe('the handshake [RFC 3168 §6.1.1]', () => {
  const flagsOf = (client: 0 | 1 | 2, server: 0 | 1 | 2) => {
    const { p, sent } = pair({ client: { ecn: client }, server: { ecn: server } });
    p.establish();
    const syn = sent[0]!.flags & (ECE | CWR);
    const synAck = sent[1]!.flags & (ECE | CWR);
    const agreed = (p.client.c!.ecn & p.server.c!.ecn & ECN_OK) !== 0;
    return {
      syn: syn === (ECE | CWR),
      synAck: synAck === ECE,
      agreed,
      ecn: sent.map((s) => s.ecn),
    };
  };

  it.each([
    [1, 1, true],
    [1, 2, true],
    [1, 0, false],
    [2, 1, false],
    [2, 2, false],
    [0, 1, false],
  ] as const)(
    'with tcp_ecn %i at the client and %i at the server is ECN agreed: %s',
    (c, s, yes) => {
      const got = flagsOf(c, s);
      expect(got.syn).toBe(c === 1);
      expect(got.synAck).toBe(yes);
      expect(got.agreed).toBe(yes);
      // Neither SYN nor pure ACK is ECN-capable, §6.1.1 and §6.1.4.
      expect(got.ecn).toEqual(got.ecn.map(() => 0));
    },
  );

  it('asks no more in a SYN that is sent again, unless tcp_ecn_fallback is 0 [§6.1.1.1]', () => {
    for (const ecnFallback of [true, false]) {
      const lost = (_: Segment, n: number): Fate | null => (n === 0 ? { drop: true } : null);
      const client = { ...ON, ecnFallback };
      const { p, sent } = pair({
        client,
        server: PASSIVE,
        wire: { delayNs: DELAY, fate: lost },
        back: { delayNs: DELAY },
      });
      p.establish();
      const syns = sent.filter((s) => (s.flags & (SYN | ACK)) === SYN);
      expect(syns.map((s) => (s.flags & ECE) !== 0)).toEqual([true, !ecnFallback]);
      expect((p.client.c!.ecn & ECN_OK) !== 0).toBe(!ecnFallback);
    }
  });

  it('does not agree to a SYN that is ECN-capable itself: that is not RFC 3168', () => {
    const { p } = pair({ client: ON, server: ON });
    const seen = p.onWire!;
    p.onWire = (from, s, now) => {
      if ((s.flags & (SYN | ACK)) === SYN) s.tos |= 2;
      seen(from, s, now);
    };
    p.establish();
    expect(p.server.c!.ecn & ECN_OK).toBe(0);
    expect(p.client.c!.ecn & ECN_OK).toBe(0);
  });
});

/** A transfer of 60 segments from the client, whose data segments with these numbers are marked. */
function transfer(
  marked: readonly number[],
  o: Partial<PairOptions> = {},
  mutate?: (s: Segment) => void,
) {
  const run = pair(
    { client: { ...ON, congestionControl: 'reno' }, server: PASSIVE, ...o },
    (_, n) => marked.includes(n),
  );
  const { p } = run;
  if (mutate !== undefined) {
    const seen = p.onWire!;
    p.onWire = (from, s, now) => {
      seen(from, s, now);
      mutate(s);
    };
  }
  p.server.app = reads();
  p.client.app = writes(60 * 1448, 60 * 1448);
  p.open();
  p.run(5 * SEC);
  expect(p.server.received).toBe(60 * 1448);
  const acks = run.sent.filter((s) => s.from === 'server' && s.len === 0 && (s.flags & SYN) === 0);
  const data = run.sent.filter((s) => s.from === 'client' && s.len > 0);
  return { ...run, acks, data };
}

describe('what leaves and what comes back', () => {
  it('marks new data ECT(0), and neither pure ACKs nor retransmissions [RFC 3168 §6.1.4, §6.1.5]', () => {
    let dropped = false;
    const fate = (s: Segment): Fate | null => {
      if (s.len === 0 || dropped) return null;
      dropped = true;
      return { drop: true };
    };
    const { data, acks } = transfer([], {
      wire: { delayNs: DELAY, fate },
      back: { delayNs: DELAY },
    });
    const first = data[0]!.line.split(' ')[1]!;
    const copies = data.filter((s) => s.line.split(' ')[1] === first);
    expect(copies.map((s) => s.ecn)).toEqual([2, 0]);
    expect(new Set(data.filter((s) => s !== copies[1]).map((s) => s.ecn))).toEqual(new Set([2]));
    expect(new Set(acks.map((s) => s.ecn))).toEqual(new Set([0]));
  });

  it('echoes a mark in every ACK until the peer’s CWR, and cuts the window once [RFC 3168 §6.1.2, §6.1.3]', () => {
    const { p, acks, data } = transfer([4]);
    const echoes = acks.map((s) => (s.flags & ECE) !== 0);
    const from = echoes.indexOf(true);
    const until = echoes.lastIndexOf(true);
    expect(from).toBeGreaterThan(0);
    // One unbroken row, which ends.
    expect(echoes.slice(from, until + 1)).not.toContain(false);
    expect(until).toBeLessThan(echoes.length - 1);
    const cwrs = data.filter((s) => (s.flags & CWR) !== 0);
    expect(cwrs).toHaveLength(1);
    expect(p.client.c!.ssthresh).toBeLessThan(20);
    expect(p.client.c!.totalRetrans).toBe(0);
    expect(p.client.c!.sender!.deliveredCe).toBeGreaterThan(1);
  });

  it('cuts again for a mark of the next window', () => {
    const { data } = transfer([4, 40]);
    expect(data.filter((s) => (s.flags & CWR) !== 0)).toHaveLength(2);
  });

  it('[mutant] without CWR the echo never ends', () => {
    const { acks } = transfer([4], {}, (s) => {
      if (s.len > 0) s.flags &= ~CWR;
    });
    const echoes = acks.map((s) => (s.flags & ECE) !== 0);
    expect(echoes.slice(echoes.indexOf(true))).not.toContain(false);
  });

  it('[mutant] an ACK whose echo is lost on the way back does not cut', () => {
    const { p, data } = transfer([4], {}, (s) => {
      if (s.len === 0 && (s.flags & SYN) === 0) s.flags &= ~ECE;
    });
    expect(data.filter((s) => (s.flags & CWR) !== 0)).toHaveLength(0);
    expect(p.client.c!.ssthresh).toBe(0x7fff_ffff);
  });

  it('leaves everything as it was where ECN was not agreed', () => {
    const { acks, data } = transfer([4], { server: OFF });
    expect(new Set([...acks, ...data].map((s) => s.ecn | (s.flags & (ECE | CWR))))).toEqual(
      new Set([0]),
    );
  });
});
