// ICMP errors, path MTU and the search for it, on two sans-IO ends.
import { describe, expect, it } from 'vitest';
import { EHOSTUNREACH, EMSGSIZE } from '../../src/base/errno.ts';
import { FastOpen } from '../../src/tcp/fastopen-state.ts';
import * as tcp from '../../src/tcp/index.ts';
import { Pair, reads, writes, type PairOptions } from './pair.ts';
import { SenderEnd } from './sender-end.ts';

const MS = 1e6;
const SEC = 1e9;

/** A connection of which nothing arrives any more. */
function cutOff(options: Partial<PairOptions> = {}): {
  p: Pair;
  c: tcp.Connection;
  sent: number[];
} {
  let cut = false;
  const p = new Pair({
    wire: { delayNs: 10 * MS, fate: () => (cut ? { drop: true } : null) },
    ...options,
  });
  p.establish();
  p.pass(100 * MS);
  cut = true;
  const sent: number[] = [];
  p.onWire = (from, _s, now) => void (from === p.client && sent.push(now / MS));
  return { p, c: p.client.c!, sent };
}

describe('an ICMP error "host unreachable"', () => {
  it('ends a connection that does not stand yet, with its errno [RFC 1122 §4.2.3.9]', () => {
    const p = new Pair({ wire: { delayNs: MS, fate: () => ({ drop: true }) } });
    p.open();
    const c = p.client.c!;
    expect(tcp.quotesCurrent(c, c.iss)).toBe(true);
    tcp.onIcmpError(c, EHOSTUNREACH, false, false, p.now);
    expect([c.state, c.error]).toEqual(['CLOSED', EHOSTUNREACH]);
  });

  it('ends a client of Fast Open whose SYN crossed the peer’s; one that a SYN has made and accept() handed out it does not [tcp_v4_err]', () => {
    const crossed = (how: (c: tcp.Connection) => void): [string, number, number] => {
      const p = new Pair({ wire: { delayNs: MS, fate: () => ({ drop: true }) }, serverIsn: 0 });
      p.open();
      p.inject(p.client, (s) => {
        s.flags = tcp.SYN;
        s.mss = 1460;
        s.window = 10_000;
      });
      const c = p.client.c!;
      expect(c.state).toBe('SYN-RECEIVED');
      c.fastOpen = new FastOpen();
      how(c);
      tcp.onIcmpError(c, EHOSTUNREACH, false, false, p.now);
      return [c.state, c.error, c.sender?.softError ?? 0];
    };
    expect(crossed(() => {})).toEqual(['CLOSED', EHOSTUNREACH, 0]);
    // A child waits for the ACK of its SYN-ACK. Before accept() it ends too.
    const child = (c: tcp.Connection): void => void (c.fastOpen!.request = {} as tcp.Request);
    expect(crossed(child)).toEqual(['SYN-RECEIVED', 0, EHOSTUNREACH]);
    const waiting = (c: tcp.Connection): void => {
      child(c);
      c.accepted = false;
    };
    expect(crossed(waiting)).toEqual(['CLOSED', EHOSTUNREACH, 0]);
  });

  it('is only kept in mind by one that stands: it becomes the reason if the connection dies, and is forgotten if it lives', () => {
    const death = (told: boolean): number => {
      const { p, c } = cutOff({ client: { retries2: 3 } });
      tcp.write(c, 100, p.now);
      p.pump(p.client);
      if (told) tcp.onIcmpError(c, EHOSTUNREACH, false, false, p.now);
      expect([c.state, c.error]).toEqual(['ESTABLISHED', 0]);
      p.run(p.now + 100 * SEC);
      expect(c.state).toBe('CLOSED');
      return c.error;
    };
    expect(death(true)).toBe(EHOSTUNREACH);
    expect(death(false)).toBe(110); // ETIMEDOUT

    const p = new Pair({ wire: { delayNs: MS } });
    p.establish();
    const c = p.client.c!;
    tcp.write(c, 100, p.now);
    p.pump(p.client);
    tcp.onIcmpError(c, EHOSTUNREACH, false, false, p.now);
    expect(c.sender!.softError).toBe(EHOSTUNREACH);
    p.pass(100 * MS);
    expect(tcp.takeSoftError(c)).toBe(0);
  });

  it('is told at once to an application that asked for it, which then goes on [IP_RECVERR]', () => {
    const { p, c } = cutOff();
    tcp.onIcmpError(c, EHOSTUNREACH, true, false, p.now);
    expect([c.state, c.error]).toEqual(['ESTABLISHED', EHOSTUNREACH]);
  });

  it('counts only if it quotes what is between SND.UNA and SND.NXT [RFC 5927 §4.1]', () => {
    const { p, c } = cutOff();
    tcp.write(c, 1000, p.now);
    p.pump(p.client);
    const quoted = (n: number): boolean => tcp.quotesCurrent(c, tcp.seqAdd(c.sndUna, n));
    expect([-1, 0, 999, 1000, 1001].map(quoted)).toEqual([false, true, true, true, false]);
  });

  it('takes one doubling of the RTO back, and sends again when the shorter time is over [RFC 6069 §4]', () => {
    const schedule = (revert: boolean): number[] => {
      const { p, c, sent } = cutOff({ client: { hz: 'exact', earlyRetrans: 0 } });
      tcp.write(c, 100, p.now);
      p.pump(p.client);
      const start = p.now / MS;
      p.run(p.now + 700 * MS);
      // The RTO is 220 ms: sent again after 220 and 660 ms; the next would be after 1540.
      if (revert) tcp.revertBackoff(c, c.sndUna, p.now);
      p.pump(p.client);
      p.run(p.now + SEC);
      return sent.map((t) => Math.round(t - start));
    };
    const normal = schedule(false);
    const reverted = schedule(true);
    expect(normal.slice(0, 4)).toEqual([0, 220, 660, 1540]);
    expect(reverted.slice(0, 4)).toEqual([0, 220, 660, 1100]);
  });
});

describe('an ICMP error "fragmentation needed"', () => {
  const reduced = (
    mtu: number,
    heeds: boolean,
  ): { lines: string[]; c: tcp.Connection; p: Pair } => {
    const p = new Pair({ client: { timestamps: false }, wire: { delayNs: 10 * MS } });
    p.establish();
    p.pass(50 * MS);
    const c = p.client.c!;
    tcp.write(c, 2920, p.now);
    p.pump(p.client);
    p.keepLog = true;
    const path = tcp.pathOptions({ ...p.client.path, mtu: Math.max(mtu, 552) });
    tcp.onMtuReduced(c, path, mtu, heeds, p.now);
    p.pump(p.client);
    return { lines: p.log.filter((l) => l.from === 'client').map((l) => l.line), c, p };
  };

  it('has what is out and too big sent again at once in smaller pieces; the window stays as it is [RFC 1191 §6.3]', () => {
    const { lines, c, p } = reduced(1000, true);
    expect(lines.map((l) => l.split(' ').slice(0, 2).join(' '))).toEqual([
      '. 1:961(960)',
      '. 961:1461(500)',
      '. 1461:2421(960)',
      'P. 2421:2921(500)',
    ]);
    expect([c.mssCache, c.cwnd, c.ssthresh]).toEqual([960, 10, tcp.INFINITE_SSTHRESH]);
    p.pass(SEC);
    expect(c.sndUna).toBe(c.sndNxt);
    expect([c.cwnd >= 10, c.context.mib.TCPTimeouts]).toEqual([true, 0]);
  });

  it('sends again what is alone out, however much stands in front of the device [tcp_small_queue_check]', () => {
    const again = (bytes: number): string[] => {
      const p = new Pair({ client: { timestamps: false }, wire: { delayNs: 10 * MS } });
      p.establish();
      p.pass(50 * MS);
      const c = p.client.c!;
      tcp.write(c, bytes, p.now);
      p.pump(p.client);
      p.keepLog = true;
      c.wmemAlloc = 1e9;
      tcp.onMtuReduced(c, tcp.pathOptions({ ...p.client.path, mtu: 700 }), 700, true, p.now);
      p.pump(p.client);
      return p.log.map((l) => l.line.split(' ').slice(0, 2).join(' '));
    };
    // What is cut off it is not alone any more; nor is one of two.
    expect(again(1000)).toEqual(['. 1:661(660)']);
    expect(again(2920)).toEqual([]);
  });

  it('changes nothing for a socket that does not go by it [IP_PMTUDISC_DONT], nor when it says nothing new', () => {
    expect(reduced(1000, false).lines).toEqual([]);
    expect(reduced(1500, true).lines).toEqual([]);
  });

  it('is remembered as the reason when it asks for less than is ever sent', () => {
    const { c } = reduced(300, true);
    expect(c.sender!.softError).toBe(EMSGSIZE);
    expect(c.mssCache).toBe(512);
  });
});

describe('the search for the path MTU [RFC 4821]', () => {
  /** A path that takes packets of at most `most` bytes, and says nothing about it. */
  function transfer(client: Partial<tcp.TcpOptions>, most: number): { p: Pair; largest: number } {
    let largest = 0;
    const p = new Pair({
      client: { timestamps: false, ...client },
      clientPath: { mtu: 9000 },
      serverPath: { mtu: 9000 },
      wire: {
        delayNs: 5 * MS,
        fate: (s) =>
          s.headerLen + (s.segs > 1 ? s.segSize : s.len) > most ? { drop: true } : null,
      },
      back: { delayNs: 5 * MS },
    });
    p.onWire = (from, s) => {
      if (from === p.client && s.headerLen + s.len <= most) largest = Math.max(largest, s.len);
    };
    p.establish();
    p.client.app = writes(2_000_000);
    p.server.app = reads();
    p.client.app(p.client, p.now);
    p.pump(p.client);
    p.run(p.now + 200 * SEC, () => p.server.eof);
    return { p, largest };
  }

  it('comes close to what the path takes, from tcp_base_mss upwards, and loses no window by the probes that were too large', () => {
    const { p, largest } = transfer({ mtuProbing: 2, baseMss: 1000, probeThreshold: 8 }, 4000);
    expect(p.server.received).toBe(2_000_000);
    expect(largest).toBeGreaterThan(3900);
    expect(largest).toBeLessThanOrEqual(3960);
    const { mib } = p.client.context;
    expect(mib.TCPMTUPSuccess).toBeGreaterThan(3);
    expect(mib.TCPMTUPFail).toBeGreaterThan(1);
    expect(mib.TCPTimeouts).toBe(0);
  });

  it('gets through a black hole that swallows large segments, with tcp_mtu_probing 1; without it nothing does', () => {
    const found = transfer({ mtuProbing: 1 }, 1500);
    expect(found.p.server.received).toBe(2_000_000);
    expect(found.p.client.context.mib.TCPTimeouts).toBeGreaterThan(2);
    const lost = transfer({ mtuProbing: 0 }, 1500);
    expect(lost.p.server.received).toBe(0);
  });

  /** An MTU probe is out, and data behind it, and nothing comes back. */
  const probing = (options: Partial<tcp.TcpOptions>): SenderEnd => {
    const e = new SenderEnd({
      options: { mtuProbing: 2, baseMss: 400, ...options },
      path: { initCwnd: 20 },
    });
    e.write(6000);
    return e;
  };

  it('keeps F-RTO out of a time-out while a probe is out [tcp_enter_loss]', () => {
    const frto = (mtuProbing: 0 | 2): readonly [number, number, boolean] => {
      const e = probing({ mtuProbing, earlyRetrans: 0 }).pass(500);
      return [e.take()[0]!.end, e.mib.TCPTimeouts, e.c.sender!.frto];
    };
    expect(frto(2)).toEqual([701, 1, false]);
    expect(frto(0)).toEqual([1001, 1, true]);
  });

  it('learns nothing from a probe once anything is sent again, be it by a tail loss probe [__tcp_retransmit_skb]', () => {
    const e = probing({});
    expect([e.c.sender!.mtuProbe!.size, e.mib.TCPLossProbes]).toEqual([740, 0]);
    e.pass(250);
    expect([e.c.sender!.mtuProbe!.size, e.mib.TCPLossProbes]).toEqual([0, 1]);
    // The answer covers the probe as well: it counts neither for it nor against it.
    e.ack(6001);
    expect([e.mib.TCPMTUPSuccess, e.mib.TCPMTUPFail]).toEqual([0, 0]);
  });
});
