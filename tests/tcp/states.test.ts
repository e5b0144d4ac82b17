/** What a connection does in each state; see bench.ts. */
import { describe, expect, it } from 'vitest';
import * as tcp from '../../src/tcp/index.ts';
import { NEXT } from '../../src/tcp/state.ts';
import { bench, Bench } from './bench.ts';
import { MS, Pair, SEC } from './pair.ts';

const { ACK, FIN, PSH, RST, SYN } = tcp;

const closed = (b: Bench): Bench => {
  tcp.close(b.c, b.pair.now);
  return b.pump();
};

describe('the state table [RFC 9293 §3.3.2]', () => {
  it('leads to CLOSED from every state that a connection can be in', () => {
    const stuck = (Object.keys(NEXT) as tcp.TcpState[]).filter((s) => !NEXT[s].includes('CLOSED'));
    expect(stuck).toEqual(['CLOSED', 'LISTEN']);
  });
});

describe('ESTABLISHED', () => {
  it('acknowledges data and gives it to the reader', () => {
    const b = bench().send(ACK | PSH, 1, 100, 1);
    expect(b.out()).toEqual(['. 1:1(0) ack 101']);
    expect(tcp.read(b.c, 1000, null, b.pair.now)).toBe(100);
  });
  it('keeps data behind a hole and reports it [RFC 2018 §4]', () => {
    const b = bench().send(ACK, 101, 100, 1);
    expect(b.full()[0]).toMatch(/ack 1 .*sack 101:201/);
    b.send(ACK, 1, 100, 1);
    expect(b.out()).toEqual(['. 1:1(0) ack 201']);
    expect(tcp.inq(b.c)).toBe(200);
  });
  it('reports a duplicate by D-SACK [RFC 2883 §4]', () => {
    const b = bench().send(ACK, 1, 100, 1);
    b.out();
    expect(b.send(ACK, 1, 100, 1).full()[0]).toMatch(/ack 101 .*sack 1:101/);
  });
  it('is reset by a RST with the exact number [RFC 5961 §3.2]', () => {
    const b = bench().send(RST, 1, 0, 0);
    expect([b.state, b.c.error, b.out()]).toEqual(['CLOSED', 104, []]);
  });
  it('challenges a RST elsewhere in the window [RFC 5961 §3.2]', () => {
    const b = bench().send(RST, 50, 0, 0);
    expect([b.state, b.out()]).toEqual(['ESTABLISHED', ['. 1:1(0) ack 1']]);
  });
  it('ignores a RST outside the window [RFC 9293 §3.10.7.4]', () => {
    const b = bench().send(RST, 500_000, 0, 0);
    expect([b.state, b.out()]).toEqual(['ESTABLISHED', []]);
  });
  it('challenges a SYN [RFC 5961 §4.2]', () => {
    const b = bench().send(SYN, 1, 0, 0);
    expect([b.state, b.out()]).toEqual(['ESTABLISHED', ['. 1:1(0) ack 1']]);
  });
  it('drops data that acknowledges what was never sent [RFC 9293 §3.10.7.4]', () => {
    const b = bench().send(ACK, 1, 100, 5000);
    expect(tcp.inq(b.c)).toBe(0);
  });
  it('answers out-of-window segments without data at most every 500 ms [RFC 5961 §7; tcp_invalid_ratelimit]', () => {
    const b = bench().send(ACK, 0, 0, 1).send(ACK, 0, 0, 1);
    expect(b.out()).toHaveLength(1);
    b.pair.pass(501 * MS);
    expect(b.send(ACK, 0, 0, 1).out()).toHaveLength(1);
  });
  it('drops a segment that PAWS finds too old, and answers [RFC 7323 §5.3]', () => {
    const stamp = (v: number) => (s: tcp.Segment) => {
      s.hasTs = true;
      s.tsVal = v;
    };
    const b = bench({ timestamps: true });
    b.send(ACK, 1, 100, 1, 10_000, stamp(5000)).out();
    b.send(ACK, 101, 100, 1, 10_000, stamp(4000));
    expect([tcp.inq(b.c), b.c.context.mib.PAWSEstab]).toEqual([100, 1]);
    expect(b.out()).toEqual(['. 1:1(0) ack 101']);
  });
});

describe('what an end remembers', () => {
  it('of receiving comes with the first data, of sending with the first write: an idle one has neither', () => {
    const b = bench();
    expect([b.c.receiver, b.c.sender]).toEqual([null, null]);
    b.send(ACK, 1, 100, 1);
    expect([b.c.receiver === null, b.c.sender]).toEqual([false, null]);
    tcp.write(b.c, 10, b.pair.now);
    expect(b.c.sender).not.toBeNull();
  });
  it('is begun by a D-SACK too, which a repeated SYN-ACK may draw before any data [RFC 2883 §4]', () => {
    const b = bench();
    b.c.totalRetrans = 1;
    b.send(ACK, 1, 0, 1, 60_000, (s) => {
      s.nsack = 1;
      tcp.sackRoom(s).set([0, 1]);
    });
    expect([b.state, b.c.sender?.dsackDups, b.out()]).toEqual(['ESTABLISHED', 1, []]);
  });
});

describe('closing', () => {
  it('goes FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT [RFC 9293 §3.6, Figure 12]', () => {
    const b = bench();
    tcp.shutdownWrite(b.c, b.pair.now);
    expect([b.pump().out(), b.state]).toEqual([['F. 1:1(0) ack 1'], 'FIN-WAIT-1']);
    expect(b.send(ACK, 1, 0, 2).state).toBe('FIN-WAIT-2');
    b.send(ACK | FIN, 1, 0, 2);
    expect([b.out(), b.state]).toEqual([['. 2:2(0) ack 2'], 'TIME-WAIT']);
    expect(b.pair.server.timeWait!.deadline).toBe(b.pair.now + 60 * SEC);
  });
  it('goes CLOSING, TIME-WAIT when both FINs cross [Figure 13]', () => {
    const b = closed(bench());
    b.out();
    b.send(ACK | FIN, 1, 0, 1);
    expect([b.out(), b.state]).toEqual([['. 2:2(0) ack 2'], 'CLOSING']);
    expect(b.send(ACK, 2, 0, 2).state).toBe('TIME-WAIT');
  });
  it('goes CLOSE-WAIT, LAST-ACK, CLOSED [Figure 12]', () => {
    const b = bench().send(ACK | FIN, 1, 0, 1);
    expect(b.state).toBe('CLOSE-WAIT');
    b.out();
    expect([closed(b).out(), b.state]).toEqual([['F. 1:1(0) ack 2'], 'LAST-ACK']);
    expect(b.send(ACK, 2, 0, 2).state).toBe('CLOSED');
  });
  it('sends a RST when data was not read [RFC 2525 §2.17]', () => {
    const b = bench().send(ACK, 1, 100, 1);
    b.out();
    expect([closed(b).out(), b.state]).toEqual([['R. 1:1(0) ack 101'], 'CLOSED']);
  });
  it('resets data that comes for nobody [RFC 9293 §3.10.4, RFC 1122 §4.2.2.13]', () => {
    const b = closed(bench());
    b.out();
    b.send(ACK, 1, 100, 1);
    expect([b.out(), b.state]).toEqual([['R 1:1(0)'], 'CLOSED']);
  });
  it('gives up an orphan in FIN-WAIT-2 after tcp_fin_timeout', () => {
    const b = closed(bench({ finTimeoutS: 2 }));
    b.send(ACK, 1, 0, 2);
    expect(b.pair.server.timeWait!.substate).toBe('FIN-WAIT-2');
    b.pair.pass(2.1 * SEC);
    expect(b.pair.server.timeWait).toBeNull();
  });
  it('lets a write after the FIN fail with EPIPE, and a read at the end return 0', () => {
    const b = bench().send(ACK | FIN, 1, 0, 1);
    expect(tcp.read(b.c, 10, null, b.pair.now)).toBe(0);
    tcp.shutdownWrite(b.c, b.pair.now);
    expect(tcp.write(b.c, 10, b.pair.now)).toBe(-32);
  });
});

describe('TIME-WAIT', () => {
  const timeWait = (options: Partial<tcp.TcpOptions> = {}): Bench => {
    const b = closed(bench(options))
      .send(ACK, 1, 0, 2)
      .send(ACK | FIN, 1, 0, 2);
    b.out();
    return b;
  };
  it('acknowledges a repeated FIN, not a duplicate ACK', () => {
    const b = timeWait();
    expect(b.send(ACK | FIN, 1, 0, 2).out()).toEqual(['. 2:2(0) ack 2']);
    expect(b.send(ACK, 2, 0, 2).out()).toEqual([]);
  });
  it('is ended by a RST, unless tcp_rfc1337 is set [RFC 1337]', () => {
    expect(timeWait().send(RST, 2, 0, 0).pair.server.timeWait).toBeNull();
    expect(timeWait({ rfc1337: true }).send(RST, 2, 0, 0).pair.server.timeWait).not.toBeNull();
  });
});

describe('opening', () => {
  it('answers crossing SYNs by SYN-ACK with the same number [RFC 9293 §3.5, Figure 8]', () => {
    const p = new Pair({
      wire: { delayNs: 10 * MS },
      client: { timestamps: false },
      server: { timestamps: false },
    });
    p.server.c = tcp.connect(p.args(p.server), p.now);
    p.keepLog = true;
    p.pump(p.server);
    p.open();
    p.run(SEC);
    expect([p.client.c!.state, p.server.c.state]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(p.log.filter((l) => l.line.startsWith('S.'))).toHaveLength(2);
  });
  it('ends with ECONNREFUSED when a RST answers the SYN [RFC 9293 §3.10.7.3]', () => {
    const p = new Pair({ wire: { delayNs: MS } });
    p.client.c = tcp.connect(p.args(p.client), p.now);
    p.pump(p.client);
    p.run(SEC);
    expect([p.client.c.state, p.client.c.error]).toEqual(['CLOSED', 111]);
  });
  it('answers a wrong ACK in SYN-RECEIVED by RST, and stays [RFC 9293 §3.10.7.4]', () => {
    const b = new Bench();
    b.pair.server.listener = {
      context: b.pair.server.context,
      path: b.pair.server.path,
      settings: b.pair.server.settings,
    };
    b.send(SYN, 0, 0, 0);
    expect(b.out()).toEqual(['S. 0:0(0) ack 1']);
    expect(b.send(ACK, 1, 0, 1000).out()).toEqual(['R 1000:1000(0)']);
    expect(b.send(ACK, 1, 0, 1).state).toBe('ESTABLISHED');
  });
  it('takes the data that rides on the handshake ACK', () => {
    const b = new Bench();
    b.pair.server.listener = {
      context: b.pair.server.context,
      path: b.pair.server.path,
      settings: b.pair.server.settings,
    };
    b.send(SYN, 0, 0, 0).send(ACK | PSH, 1, 300, 1);
    expect([b.state, tcp.inq(b.c)]).toEqual(['ESTABLISHED', 300]);
  });
});

describe('a segment without a connection [RFC 9293 §3.10.7.1]', () => {
  const answer = (flags: number): string | null => {
    const s = new tcp.Segment();
    s.flags = flags;
    s.seq = tcp.seq(10);
    s.ack = tcp.seq(77);
    s.len = flags & RST ? 0 : 5;
    const out = new tcp.Segment();
    return tcp.replyToOrphan(s, out) ? tcp.describeSegment(out) : null;
  };
  it('with an ACK draws a RST with that number', () =>
    expect(answer(ACK)).toMatch(/^R 77:77\(0\)/));
  it('without one a RST that acknowledges it', () =>
    expect(answer(SYN)).toMatch(/^R\. 0:0\(0\) ack 16/));
  it('that is a RST draws nothing', () => expect(answer(RST)).toBeNull());
});

describe('retransmission', () => {
  /** The server writes `n` full segments to a peer with much room. */
  const sending = (n: number, options: Partial<tcp.TcpOptions> = {}): Bench => {
    const b = bench(options);
    tcp.write(b.c, n * 1460, b.pair.now);
    b.pump();
    b.out();
    return b;
  };
  it('takes the first segment after the RTO, with a window of one, and doubles [RFC 6298 §5, RFC 5681 §3.1]', () => {
    const b = sending(4, { earlyRetrans: 0 });
    const times: number[] = [];
    b.pair.onWire = (_f, s, now) => void (s.len > 0 && times.push(now));
    const start = b.pair.now;
    b.pair.pass(2 * SEC);
    const rto = times[0]! - start;
    expect(times.map((t) => (t - start) / rto)).toEqual([1, 3, 7]);
    expect([b.c.cwnd, b.c.ssthresh]).toEqual([1, 7]);
  });
  it('backs off until a new segment is acknowledged, then not at all [RFC 6298 §5.7]', () => {
    const b = sending(1, { earlyRetrans: 0 });
    const rto = b.c.rto;
    b.pair.pass(SEC);
    expect(b.c.rto).toBe(4 * rto);
    // Karn: the ACK of a segment sent twice says nothing of the RTT …
    b.send(ACK, 1, 0, 1461, 60_000);
    expect(b.c.backoff).toBeGreaterThan(0);
    tcp.write(b.c, 1460, b.pair.now);
    b.pump();
    // … that of the next does.
    b.send(ACK, 1, 0, 2921, 60_000);
    expect([b.c.backoff, b.c.rto]).toEqual([0, rto]);
  });
  const dupack = (b: Bench, blocks: readonly [number, number][] = []): Bench =>
    b.send(ACK, 1, 0, 1, 60_000, (s) => {
      s.nsack = blocks.length;
      blocks.forEach(([l, r], i) => {
        tcp.sackRoom(s).set([l, r], 2 * i);
      });
    });
  it('comes at the third duplicate ACK without SACK, and a partial ACK repeats the next hole [RFC 6582 §3.2]', () => {
    const b = sending(8, { sack: false });
    dupack(dupack(b));
    expect(b.out()).toEqual([]);
    expect(dupack(b).out()).toEqual(['. 1:1461(1460) ack 1']);
    b.send(ACK, 1, 0, 4381, 60_000);
    expect(b.out()).toEqual(['. 4381:5841(1460) ack 1']);
  });
  it('repeats only the holes that SACK shows [RFC 6675, RFC 8985]', () => {
    const b = sending(8);
    dupack(b, [[1461, 5841]]);
    expect(b.out()).toEqual(['. 1:1461(1460) ack 1']);
    b.send(ACK, 1, 0, 5841, 60_000);
    b.send(ACK, 1, 0, 11_681, 60_000);
    expect([b.c.caState, b.c.totalRetrans, b.c.sendQueue]).toEqual([tcp.CA_OPEN, 1, null]);
  });
});
