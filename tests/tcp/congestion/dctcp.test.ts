/** DCTCP: the sender's α and cuts, the receiver's echo, and what it does without ECN. */
import { describe, expect, it } from 'vitest';
import { Dctcp } from '../../../src/tcp/congestion/dctcp.ts';
import { ECN_NEEDED } from '../../../src/tcp/connection.ts';
import {
  ACK,
  CWR,
  ECE,
  ecnField,
  PSH,
  seqAdd,
  setKeepAlive,
  SYN,
  type Segment,
} from '../../../src/tcp/index.ts';
import { Dumbbell, MS, SEC } from '../../validation/dumbbell.ts';
import { Pair, reads, writes } from '../pair.ts';

const DCTCP = { congestionControl: 'dctcp' } as const;

describe('a bottleneck that marks above k packets [RFC 8257]', () => {
  // 20 Mbit/s, 20 ms: 33 packets.
  const nsPerByte = 400;
  const bdp = 33;
  const run = (markAbove: number, options = {}) => {
    const d = new Dumbbell({ nsPerByte, limit: 10 * bdp, markAbove }, [
      { rttNs: 20 * MS, options: { ...DCTCP, ...options } },
    ]);
    d.run(3 * SEC);
    const before = d.flows[0]!.received;
    d.peak = 0;
    d.run(13 * SEC);
    const used = (((d.flows[0]!.received - before) / 1448) * 1500 * nsPerByte) / (10 * SEC);
    return { d, c: d.flows[0]!.c!, used };
  };

  it('keeps the link full with a short queue and no loss', () => {
    const { d, c, used } = run(10);
    expect(used).toBeGreaterThan(0.99);
    expect(d.peak).toBeLessThan(20);
    expect(d.dropped).toBe(0);
    expect(c.totalRetrans).toBe(0);
  });

  it('has an α of about √(2/W) [Alizadeh 2011, §3]', () => {
    const { c } = run(10);
    const w = bdp + 10;
    const alpha = (c.congestion as Dctcp).alpha / 1024;
    expect(alpha / Math.sqrt(2 / w)).toBeGreaterThan(0.5);
    expect(alpha / Math.sqrt(2 / w)).toBeLessThan(1.6);
  });

  it('[mutant] where nothing is marked the queue fills until it drops', () => {
    const { d } = run(Infinity);
    expect(d.peak).toBeGreaterThan(5 * bdp);
    expect(d.dropped).toBeGreaterThan(0);
  });

  it('[mutant] Reno with ECN halves at each mark and leaves the link idle', () => {
    const { used } = run(5, { congestionControl: 'reno', ecn: 1 });
    expect(used).toBeLessThan(run(5).used - 0.01);
  });
});

describe('its handshake', () => {
  const flags = (client: object, server: object): { sent: Segment[]; p: Pair } => {
    const p = new Pair({ client, server, wire: { delayNs: 10 * MS } });
    const sent: Segment[] = [];
    p.onWire = (_, s) => {
      const copy = Object.assign(Object.create(Object.getPrototypeOf(s) as object) as Segment, s);
      sent.push(copy);
    };
    p.establish();
    return { sent, p };
  };

  it('asks for ECN whatever tcp_ecn says, and puts ECT on SYN and ACK too [tcp_dctcp.c TCP_CONG_NEEDS_ECN]', () => {
    const { sent, p } = flags({ ...DCTCP, ecn: 0 }, { ...DCTCP, ecn: 0 });
    expect(sent.slice(0, 3).map((s) => [s.flags & (SYN | ECE | CWR), ecnField(s)])).toEqual([
      [SYN | ECE | CWR, 2],
      [SYN | ECE, 2],
      [0, 2],
    ]);
    expect(p.client.c!.ecn & ECN_NEEDED).not.toBe(0);
    expect(p.server.c!.congestion).toBeInstanceOf(Dctcp);
  });

  it('is Reno where the peer does not agree, and sends no ECT any more', () => {
    const { p } = flags(DCTCP, { ecn: 0 });
    const { c } = p.client;
    expect(c!.congestion).not.toBeInstanceOf(Dctcp);
    expect(c!.congestion.name).toBe('dctcp');
    c!.cwnd = 100;
    expect(c!.congestion.ssthresh(c!)).toBe(50);
    expect(c!.ecn).toBe(0);
  });
});

describe('the receiver’s echo [RFC 8257 §3.2]', () => {
  /** ACKs of 60 segments of which those in [from, to) are marked: what each says and whether it echoes. */
  const acks = (from: number, to: number): [acked: number, echo: boolean][] => {
    const p = new Pair({ client: DCTCP, server: DCTCP, wire: { delayNs: 10 * MS, nsPerByte: 10 } });
    const seen: [number, boolean][] = [];
    let n = 0;
    const start = p.client.isn + 1;
    p.onWire = (end, s) => {
      if (end === p.client && s.len > 0) {
        n++;
        if (n > from && n <= to) s.ce = true;
      } else if (end === p.server && s.len === 0 && (s.flags & SYN) === 0)
        seen.push([((s.ack as unknown as number) - start) / 1448, (s.flags & ECE) !== 0]);
    };
    p.server.app = reads();
    p.client.app = writes(60 * 1448, 60 * 1448, false);
    p.open();
    p.run(2 * SEC);
    expect(p.server.received).toBe(60 * 1448);
    return seen;
  };

  it('says of every segment whether it was marked: each change is acknowledged on its own', () => {
    for (const [from, to] of [
      [31, 40],
      [32, 41],
      [33, 34],
    ] as const) {
      const echoed = acks(from, to);
      let before = 0;
      let marked = 0;
      for (const [acked, echo] of echoed) {
        if (echo) marked += acked - before;
        before = Math.max(before, acked);
      }
      expect(marked, `${from} to ${to}`).toBe(to - from);
    }
  });

  it('[mutant] RFC 3168’s echo does not count: it goes on until CWR', () => {
    const p = new Pair({
      client: { ecn: 1, congestionControl: 'reno' },
      server: {},
      wire: { delayNs: 10 * MS, nsPerByte: 10 },
    });
    let n = 0;
    let echoes = 0;
    p.onWire = (end, s) => {
      if (end === p.client && s.len > 0 && ++n === 33) s.ce = true;
      if (end === p.server && s.flags & ECE && (s.flags & SYN) === 0) echoes++;
    };
    p.server.app = reads();
    p.client.app = writes(60 * 1448, 60 * 1448, false);
    p.open();
    p.run(2 * SEC);
    expect(echoes).toBeGreaterThan(2);
  });
});

describe('α [RFC 8257 §3.3]', () => {
  it('is an average over round trips with a gain of 1/16, from 1 down', () => {
    const d = new Dumbbell({}, [{ rttNs: 10 * MS, options: DCTCP }]);
    const alphas: number[] = [];
    d.run(150 * MS, () => {
      const a = d.flows[0]!.c?.congestion;
      if (a instanceof Dctcp && a.alpha !== alphas.at(-1)) alphas.push(a.alpha);
    });
    let alpha = 1024;
    for (const a of alphas) {
      expect(a).toBe(alpha);
      alpha -= alpha >> 4;
    }
    expect(alphas.length).toBeGreaterThan(8);
  });

  /** α after ten segments either way and after the answers to five keepalive probes, or to none. */
  const idle = (keepalive: boolean): { before: number; after: number } => {
    const options = { ...DCTCP, keepaliveTimeS: 1, keepaliveIntvlS: 1 };
    const p = new Pair({ client: options, server: DCTCP, wire: { delayNs: 10 * MS } });
    p.server.app = reads();
    p.client.app = writes(14_480, 14_480, false);
    p.open();
    p.run(900 * MS);
    const { c } = p.client;
    const alpha = (): number => (c!.congestion as Dctcp).alpha;
    const before = alpha();
    setKeepAlive(c!, keepalive, p.now);
    p.run(6.5 * SEC);
    return { before, after: alpha() };
  };

  it('falls with each ACK while nothing is out, as answers to keepalive probes are [tcp_ack: no_queue]', () => {
    const { before, after } = idle(true);
    let alpha = before;
    for (let i = 0; i < 5; i++) alpha -= alpha >> 4;
    expect(after).toBe(alpha);
    expect(after).toBeLessThan(before);
  });
  it('and stays as it is without any', () => {
    const { before, after } = idle(false);
    expect(after).toBe(before);
  });

  it('falls with data that header prediction does not take, too: out of order, or with another window [tcp_rcv_established]', () => {
    /** α of one that has nothing out, before and after `bytes` that come at `seq`, in a window of its peer of `window`. */
    const change = (seq: number, flags: number, window: number): number => {
      const p = new Pair({ client: DCTCP, server: DCTCP, wire: { delayNs: MS } });
      p.establish();
      p.pass(10 * MS);
      const c = p.client.c!;
      const control = c.congestion as Dctcp;
      const before = control.alpha;
      c.sndWnd = 100 << c.sndWscale;
      p.inject(p.client, (s) => {
        s.flags = ACK | flags;
        s.seq = seqAdd(c.rcvNxt, seq);
        s.len = 1000;
        s.off = seq;
        s.ack = c.sndNxt;
        s.window = 100 + window;
        s.hasTs = true;
        s.tsVal = c.tsRecent;
      });
      return control.alpha - before;
    };
    expect(change(0, 0, 0)).toBe(0);
    expect(change(0, PSH, 0)).toBe(0);
    const round = -(1024 >> 4);
    expect([change(1000, 0, 0), change(0, CWR, 0), change(0, 0, 1)]).toEqual([round, round, round]);
  });

  it('does not soften a loss: that halves [§3.5]', () => {
    let lost = false;
    const lose = (): boolean => {
      if (lost || (d.flows[0]!.c?.cwnd ?? 0) < 100) return false;
      return (lost = true);
    };
    const d: Dumbbell = new Dumbbell({ lose }, [{ rttNs: 10 * MS, options: DCTCP }]);
    const f = d.flows[0]!;
    d.run(15 * MS);
    f.c!.ssthresh = 100;
    d.run(300 * MS);
    expect(lost).toBe(true);
    expect(f.c!.ssthresh).toBe(f.c!.sender!.priorCwnd >> 1);
  });
});
