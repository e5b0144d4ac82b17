/** The variants of loss recovery beside each other, and how long a sender goes on. */
import { describe, expect, it } from 'vitest';
import type { Duration } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';
import { both, MS, Pair, reads, SEC, writes } from './pair.ts';
import { SenderEnd } from './sender-end.ts';

const RTT_MS = 100;

interface Trace {
  /** When each lost segment was sent again, in round trips after the third duplicate could come; and which. */
  readonly repeats: readonly { readonly round: number; readonly segment: number }[];
  readonly timeouts: number;
  readonly received: number;
}

/** 20 segments in one window, of which those in `lost` are lost once. */
function recover(lost: readonly number[], options: Partial<tcp.TcpOptions>): Trace {
  const mss = 1448;
  const start = 1;
  const repeats: { round: number; segment: number }[] = [];
  const seen = new Set<number>();
  let first = -1;
  const segmentOf = (s: tcp.Segment): number =>
    Math.floor((tcp.seqDiff(s.seq, tcp.seq(1000)) - start) / mss);
  const fate = (s: tcp.Segment): { drop: boolean } | null => {
    if (s.len === 0) return null;
    const n = segmentOf(s);
    const again = seen.has(n);
    seen.add(n);
    return { drop: !again && lost.includes(n) };
  };
  const p = new Pair({
    client: { congestionControl: 'reno', ...options },
    server: { sack: options.sack ?? true },
    clientPath: { initCwnd: 20 },
    serverPath: { quickack: true },
    wire: { delayNs: (RTT_MS / 2) * MS, nsPerByte: 80, fate },
    back: { delayNs: (RTT_MS / 2) * MS },
  });
  p.onWire = (from, s, now) => {
    if (from !== p.client || s.len === 0) return;
    const n = segmentOf(s);
    if (first < 0) first = now;
    if (seen.has(n)) repeats.push({ round: Math.floor((now - first) / (RTT_MS * MS)), segment: n });
  };
  p.client.app = both(writes(20 * mss, 1 << 20, false));
  p.server.app = reads();
  p.open();
  p.run(60 * SEC);
  return { repeats, timeouts: p.client.context.mib.TCPTimeouts, received: p.server.received };
}

describe('1, 2, 3 or 4 losses in one window of 20 [Fall & Floyd 1996; T17]', () => {
  const LOSSES = [[5], [5, 9], [5, 9, 12], [5, 9, 10, 12]];
  const VARIANTS = {
    newreno: { sack: false, earlyRetrans: 0 },
    counting: { lossDetection: 'rfc6675' },
    rack: {},
  } as const;
  it.each(LOSSES)('NewReno repeats one hole a round trip, without a time-out: %j', (...lost) => {
    const t = recover(lost, VARIANTS.newreno);
    expect([t.timeouts, t.received]).toEqual([0, 20 * 1448]);
    expect(t.repeats.map((r) => r.segment)).toEqual(lost);
    expect(t.repeats.map((r) => r.round)).toEqual(lost.map((_, i) => i + 1));
  });
  it.each(LOSSES)('SACK with PRR repeats all within two round trips: %j', (...lost) => {
    for (const options of [VARIANTS.counting, VARIANTS.rack]) {
      const t = recover(lost, options);
      expect([t.timeouts, t.received]).toEqual([0, 20 * 1448]);
      expect(t.repeats.map((r) => r.segment)).toEqual(lost);
      expect(Math.max(...t.repeats.map((r) => r.round))).toBeLessThanOrEqual(2);
    }
  });
  it('leaves three different traces', () => {
    const timed = (options: Partial<tcp.TcpOptions>): string => {
      const s = new SenderEnd({ noSack: options.sack === false, options, path: { initCwnd: 20 } });
      s.write(20_000).pass(100);
      s.take();
      // 5 and 9 are lost; an ACK each millisecond.
      const sacks = [6, 7, 8, 10, 11, 12, 13];
      s.ack(5001);
      for (const n of sacks) {
        const to = n * 1000 + 1001;
        s.pass(1).ack(5001, n < 9 ? [6001, to] : [10_001, to, 6001, 9001]);
      }
      return s
        .take()
        .map((x) => `${x.ms} ${x.seq}`)
        .join();
    };
    const traces = Object.values(VARIANTS).map((o) => timed(o));
    expect(new Set(traces).size).toBe(3);
    // The mutant: a variant that does what another does leaves the same trace.
    expect(timed({ lossDetection: 'rack', recovery: 0 })).toBe(timed(VARIANTS.rack));
  });
});

describe('tcp_retries2 = 15 [ip-sysctl; R4]', () => {
  /** The peer vanishes; s from the first time-out's start to the end, and the time-outs. */
  const vanish = (rtoMs: number, options: Partial<tcp.TcpOptions> = {}): readonly number[] => {
    const s = new SenderEnd({ rttMs: 0, options: { hz: 'exact', ...options } });
    s.c.rto = (rtoMs * MS) as Duration;
    s.c.srttUs = 0;
    s.write(1000);
    const from = s.take()[0]!.ms;
    s.pass(2_000_000);
    expect([s.c.state, s.c.error]).toEqual(['CLOSED', 110]);
    return [s.pair.server.closedAt / SEC - from / 1000, s.mib.TCPTimeouts];
  };
  it('gives up after 924.6 s and 16 time-outs of 200 ms that double', () =>
    expect(vanish(200, { earlyRetrans: 0 })).toEqual([924.6, 16]));
  it('gives up at the first time-out past that time: 995 s and 12 of them when the first is 5 s', () =>
    expect(vanish(5000, { earlyRetrans: 0 })).toEqual([995, 12]));
  it('counts from the tail loss probe, which is no time-out', () => {
    // The probe comes when the time-out would have, 200 ms after the segment.
    const [s, n] = vanish(200);
    expect([s, n]).toEqual([924.8, 16]);
  });
  it('gives up sooner with fewer (mutant: 14)', () =>
    expect(vanish(200, { earlyRetrans: 0, retries2: 14 })[0]).toBeLessThan(924));
});

describe('a thin stream with tcp_thin_linear_timeouts', () => {
  const gaps = (thinLinearTimeouts: boolean): number[] => {
    const s = new SenderEnd({ options: { thinLinearTimeouts, earlyRetrans: 0 } }).write(1000);
    const at = s
      .pass(6000)
      .take()
      .map((x) => x.ms);
    return at.slice(1).map((t, i) => t - at[i]!);
  };
  it('does not back off for six time-outs', () => {
    const [first] = gaps(true);
    expect(gaps(true).slice(0, 7)).toEqual(new Array(7).fill(first));
    expect(gaps(true)[7]).toBe(2 * first!);
  });
  it('backs off without (mutant)', () => expect(gaps(false)[1]).toBe(2 * gaps(false)[0]!));
});
