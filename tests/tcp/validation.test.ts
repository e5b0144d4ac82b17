/** Which segments are looked at, and what answers the others: PAWS, sequence numbers, RFC 5961 [R8]. */
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';
import { bench, type Bench } from './bench.ts';
import { MS, Pair, SEC } from './pair.ts';

const { ACK, FIN, RST, SYN } = tcp;

describe('a segment out of the window', () => {
  const silent = (b: Bench): void => expect(b.out()).toEqual([]);
  const answered = (b: Bench): void => expect(b.out()).toEqual(['. 1:1(0) ack 1']);

  it('is answered when it carries data, every time [RFC 9293 §3.10.7.4]', () => {
    const b = bench();
    for (let i = 0; i < 3; i++) answered(b.send(ACK, 100_000, 10, 1));
    expect(b.c.context.mib.TCPBeyondWindow).toBe(3);
  });
  it('is answered once in 500 ms when it carries none [tcp_invalid_ratelimit]', () => {
    const b = bench();
    answered(b.send(ACK, 100_000, 0, 1));
    silent(b.send(ACK, 100_000, 0, 1));
    expect(b.c.context.mib.TCPACKSkippedSeq).toBe(1);
    b.pair.pass(500 * MS);
    answered(b.send(ACK, 100_000, 0, 1));
  });
  it('is never limited with tcp_invalid_ratelimit 0 (mutant)', () => {
    const b = bench({ invalidRatelimitMs: 0 });
    for (let i = 0; i < 3; i++) answered(b.send(ACK, 100_000, 0, 1));
    expect(b.c.context.mib.TCPACKSkippedSeq).toBe(0);
  });
  it('is not even looked at without SYN, RST and ACK', () => {
    const b = bench();
    silent(b.send(0, 1, 10, 0).send(FIN, 100_000, 0, 0));
    expect(tcp.inq(b.c)).toBe(0);
  });
});

describe('an ACK of what was never sent', () => {
  it('is challenged, and its data is dropped [RFC 5961 §5]', () => {
    const b = bench().send(ACK, 1, 100, 9999);
    expect(b.out()).toEqual(['. 1:1(0) ack 1']);
    expect([tcp.inq(b.c), b.c.context.mib.TCPChallengeACK]).toEqual([0, 1]);
  });
  it('is challenged when it is far too old, too', () => {
    const b = bench().send(ACK, 1, 100, -5);
    expect(b.out()).toEqual(['. 1:1(0) ack 1']);
  });
  it('is taken when it is old by less than what was sent (mutant: nothing is too old)', () => {
    const b = bench();
    tcp.write(b.c, 100, b.pair.now);
    b.pump().send(ACK, 1, 0, 101).out();
    b.send(ACK, 1, 100, 51);
    expect(tcp.inq(b.c)).toBe(100);
  });
});

describe('PAWS [RFC 7323 §5]', () => {
  /** An established end whose peer's last timestamp is 1000. */
  const stamped = (): Bench => {
    const b = bench({ timestamps: true });
    b.c.tsRecent = 1000;
    b.c.tsRecentStamp = b.pair.now;
    return b;
  };
  const at = (tsVal: number) => (s: tcp.Segment) => {
    s.hasTs = true;
    s.tsVal = tsVal;
    s.headerLen = 52;
  };
  const mib = (b: Bench): tcp.TcpMib => b.c.context.mib;

  it('drops data with an older timestamp, and acknowledges', () => {
    const b = stamped().send(ACK, 1, 100, 1, 1000, at(900));
    expect(b.out()).toEqual(['. 1:1(0) ack 1']);
    expect([tcp.inq(b.c), mib(b).PAWSEstab]).toEqual([0, 1]);
  });
  it('takes it when it is older by one tick only [TCP_PAWS_WINDOW]', () => {
    const b = stamped().send(ACK, 1, 100, 1, 1000, at(999));
    expect(tcp.inq(b.c)).toBe(100);
    expect(b.c.tsRecent).toBe(1000);
  });
  it('takes it when nothing has come for 2147 s [TCP_PAWS_WRAP]', () => {
    for (const [idle, got] of [
      [2146, 0],
      [2148, 100],
    ] as const) {
      const b = stamped();
      b.pair.pass(idle * SEC);
      b.send(ACK, 1, 100, 1, 1000, at(900));
      expect(tcp.inq(b.c)).toBe(got);
    }
  });
  it('drops an old bare ACK without a word [tcp_disordered_ack_check]', () => {
    const b = stamped().send(ACK, 1, 10, 1, 1000, at(1000));
    b.out();
    b.send(ACK, 1, 0, 1, 1000, at(900));
    expect([b.out(), mib(b).PAWSOldAck, mib(b).PAWSEstab]).toEqual([[], 1, 0]);
  });
  it('lets a duplicate ACK pass that was overtaken within an RTO, but not one from long before', () => {
    const b = stamped();
    const wnd = b.c.sndWnd >> b.c.sndWscale;
    // The RTO is 200 ms or a little more: 1,200 ticks a second are at most 280.
    b.send(ACK, 1, 0, 1, wnd, at(900));
    expect(mib(b).PAWSEstab).toBe(0);
    b.send(ACK, 1, 0, 1, wnd, at(500));
    expect(mib(b).PAWSEstab).toBe(1);
  });
  it('does not bind a reset, and challenges a SYN', () => {
    const b = stamped().send(SYN, 1, 0, 1, 1000, at(900));
    expect([b.out(), mib(b).TCPSYNChallenge]).toEqual([['. 1:1(0) ack 1'], 1]);
    b.send(RST, 1, 0, 1, 1000, at(900));
    expect(b.state).toBe('CLOSED');
  });
  it('takes no timestamp from a segment whose ACK is wrong', () => {
    const b = stamped().send(ACK, 1, 0, 9999, 1000, at(200_000));
    expect(b.c.tsRecent).toBe(1000);
  });
});

describe('a half-open connection [tcp_check_req]', () => {
  interface Half {
    readonly r: tcp.Request;
    put(flags: number, seq: number, len: number, more?: (s: tcp.Segment) => void): number;
    sent(): string[];
  }
  const half = (options: Partial<tcp.TcpOptions> = {}, fastOpen = false): Half => {
    const { server } = new Pair({ wire: { delayNs: 0 }, server: options });
    const now = (5 * SEC) as Instant;
    const listener = { context: server.context, path: server.path, settings: server.settings };
    const syn = new tcp.Segment();
    const stamp = (s: tcp.Segment): void => {
      s.hasTs = true;
      s.tsVal = 100;
    };
    tcp.resetSegment(syn);
    Object.assign(syn, { flags: SYN, mss: 1460, seq: tcp.seq(0), sackOk: true });
    stamp(syn);
    const tuple = { src: 2, sport: 80, dst: 1, dport: 40_000 };
    const r = tcp.onSyn(listener, syn, { tuple, isn: 0, tsOffset: 0, flow: 7 }, now);
    const c = fastOpen ? tcp.fastOpenChild(r, syn, server.stream, now) : null;
    const out = new tcp.Segment();
    const sent = (): string[] => {
      const lines: string[] = [];
      while (c === null ? tcp.pollRequest(r, now, out) : tcp.pollSegment(c, now, out))
        lines.push(tcp.describeSegment(out).replace(/ win.*/, ''));
      return lines;
    };
    sent();
    return {
      r,
      sent,
      put(flags, seq, len, more = () => {}) {
        const s = new tcp.Segment();
        tcp.resetSegment(s);
        Object.assign(s, { flags, seq: tcp.seq(seq), len, ack: tcp.seq(flags & ACK ? 1 : 0) });
        stamp(s);
        more(s);
        if (c === null) return tcp.onRequestSegment(r, s, now);
        tcp.onSegment(c, s, now);
        return c.state === 'CLOSED' ? tcp.REQ_DEAD : tcp.REQ_DROP;
      },
    };
  };

  it('answers what is out of the window, data every time and the rest once in 500 ms', () => {
    const h = half();
    expect(h.put(ACK, 70_000, 10)).toBe(tcp.REQ_DROP);
    expect(h.sent()).toEqual(['. 1:1(0) ack 1']);
    h.put(ACK, 70_000, 10);
    expect(h.sent()).toHaveLength(1);
    h.put(ACK, 70_000, 0);
    h.put(ACK, 70_000, 0);
    expect(h.sent()).toHaveLength(1);
    expect(h.r.context.mib.TCPACKSkippedSynRecv).toBe(1);
  });
  it('ends with a reset in the window, and refuses a new SYN there', () => {
    expect(half().put(RST, 1, 0)).toBe(tcp.REQ_DEAD);
    expect(half().put(RST, 1000, 0)).toBe(tcp.REQ_DEAD);
    expect(half().put(RST, 70_000, 0)).toBe(tcp.REQ_DROP);
    expect(half().put(SYN, 1000, 0)).toBe(tcp.REQ_RESET);
  });
  it('takes a repeated SYN for the old one only when PAWS lets it', () => {
    const h = half({ invalidRatelimitMs: 0 });
    h.put(SYN, 0, 0);
    expect(h.sent()).toEqual(['S. 0:0(0) ack 1']);
    h.put(SYN, 0, 0, (s) => void (s.tsVal = 99));
    expect(h.sent()).toEqual(['. 1:1(0) ack 1']);
    expect(h.r.context.mib.PAWSEstab).toBe(1);
  });
  it('heeds a reset with an older timestamp once its SYN-ACKs are a minute apart [TCP_PAWS_MSL]', () => {
    const reset = (timeouts: number): number => {
      const h = half();
      h.r.timeouts = timeouts;
      return h.put(RST, 1, 0, (s) => void (s.tsVal = 99));
    };
    expect([reset(5), reset(6)]).toEqual([tcp.REQ_DROP, tcp.REQ_DEAD]);
  });
  it('shows in an ACK the window that its SYN-ACK could show, scaled [tcp_synack_window]', () => {
    const h = half();
    h.r.rcvWnd = 1 << 20;
    h.r.rcvWscale = 3;
    h.r.wscaleOk = true;
    h.put(ACK, 70_000_000, 10);
    const out = new tcp.Segment();
    expect([tcp.pollRequest(h.r, (5 * SEC) as Instant, out), out.window]).toEqual([true, 8191]);
  });
  it('that Fast Open has brought into use is judged alike, but a SYN does not end it', () => {
    const h = half({ invalidRatelimitMs: 0 }, true);
    const { mib } = h.r.context;
    h.put(ACK, 1, 10, (s) => void (s.tsVal = 99));
    h.put(SYN, 0, 0, (s) => void (s.tsVal = 99));
    expect([h.sent(), mib.PAWSEstab]).toEqual([['. 1:1(0) ack 1'], 2]);
    expect(h.put(SYN, 1000, 0)).toBe(tcp.REQ_DROP);
    expect([h.sent(), mib.AttemptFails]).toEqual([['R. 0:0(0) ack 1001'], 1]);
    expect(h.put(RST, 70_000, 0)).toBe(tcp.REQ_DROP);
    expect(h.put(RST, 1, 0)).toBe(tcp.REQ_DEAD);
    // As a request that ended, and as a connection that came to nothing (tcp_check_req, tcp_done).
    expect([mib.AttemptFails, mib.EmbryonicRsts]).toEqual([3, 0]);
  });
  it('drops an ACK that echoes a timestamp it never sent, and takes one that it sent', () => {
    const h = half();
    expect(h.put(ACK, 1, 0, (s) => void (s.tsEcr = 4999))).toBe(tcp.REQ_DROP);
    expect(h.put(ACK, 1, 0, (s) => void (s.tsEcr = 5001))).toBe(tcp.REQ_DROP);
    expect(h.r.context.mib.TSEcrRejected).toBe(2);
    expect(h.put(ACK, 1, 0, (s) => void (s.tsEcr = 5000))).toBe(tcp.REQ_ESTABLISH);
  });
});

describe('PAWS in TIME-WAIT [tcp_timewait_state_process, tcp_paws_reject]', () => {
  const { server } = new Pair({ wire: { delayNs: 0 } });
  /** What becomes of a segment with timestamp `tsVal`, `idleS` after TS.Recent was taken. */
  const verdict = (flags: number, idleS: number, tsRecent = 1000, tsVal = 900): number => {
    const tw = new tcp.TimeWait(server.context);
    Object.assign(tw, { rcvNxt: tcp.seq(1), tsOk: true, tsRecent, tsRecentStamp: 0, rcvWnd: 1000 });
    const s = new tcp.Segment();
    tcp.resetSegment(s);
    Object.assign(s, { flags, seq: tcp.seq(flags & SYN ? 5 : 1), hasTs: true, tsVal });
    return tcp.onTimeWaitSegment(tw, s, (idleS * SEC) as Instant);
  };

  it('keeps a connection that has an older timestamp from beginning', () => {
    expect(verdict(SYN, 1)).toBe(tcp.TW_KEEP);
    expect(verdict(SYN, 1, 800)).toBe(tcp.TW_SYN);
  });
  it('says nothing after 2147 s [TCP_PAWS_WRAP]', () => {
    expect([verdict(SYN, 2146), verdict(SYN, 2147)]).toEqual([tcp.TW_KEEP, tcp.TW_SYN]);
  });
  it('says nothing to a peer whose clock had not begun yet', () => {
    // −1000 is older than 0, as any 32-bit clock has it.
    expect(verdict(SYN, 1, 0, -1000)).toBe(tcp.TW_SYN);
    expect(verdict(SYN, 1, 1, -1000)).toBe(tcp.TW_KEEP);
  });
  it('binds a reset for a minute only [TCP_PAWS_MSL]', () => {
    expect([verdict(RST, 59), verdict(RST, 60)]).toEqual([tcp.TW_KEEP, tcp.TW_GONE]);
  });
});
