/** The receive buffer is charged with memory, not with bytes: what follows for window, buffer and queues (Linux 6.18). */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Deque } from '../../src/tcp/deque.ts';
import * as tcp from '../../src/tcp/index.ts';
import { growForLowat } from '../../src/tcp/window.ts';
import { prop } from '../support/prop.ts';
import { bench, type Bench } from './bench.ts';
import { MS, Pair, reads, SEC, writes } from './pair.ts';

const { ACK } = tcp;

describe('segments of 54 bytes that cost 131,072 each, in a buffer of 6 MB [truenas/linux #312; B3]', () => {
  const options = { rmem: [4096, 6_291_456, 6_291_456], windowScaling: true } as const;
  const cost = 131_072;
  const put = (b: Bench, n: number, truesize: number): string => {
    b.send(ACK, 1 + 54 * n, 54, 1, 1000, (seg) => void (seg.truesize = truesize));
    b.pair.pass(50 * MS); // for the delayed ACK
    return b.full().at(-1) ?? '';
  };
  /** The segment with which the window is gone. */
  const closedBy = (truesize: number): number => {
    const b = bench({ ...options, shrinkWindow: true });
    for (let n = 0; n < 1000; n++) if (/ win 0\b/.test(put(b, n, truesize))) return n + 1;
    return Infinity;
  };
  it('close the window after about 48 of them, where it may shrink', () => {
    expect(Math.abs(closedBy(cost) - 48)).toBeLessThanOrEqual(2);
  });
  it('take far longer when they cost what a tun device charges (mutant)', () =>
    expect(closedBy(832)).toBe(Infinity));
  it('are copied together before any is refused, where it may not', () => {
    const b = bench(options);
    for (let n = 0; n < 60; n++) put(b, n, cost);
    expect(b.c.context.mib.TCPRcvCollapsed).toBeGreaterThan(45);
    expect(b.c.context.mib.TCPRcvQDrop).toBe(0);
    expect(b.c.rmemAlloc).toBeLessThan(b.c.rcvbuf);
    expect(tcp.read(b.c, 1 << 20, null, b.pair.now)).toBe(60 * 54);
    expect(b.c.rmemAlloc).toBe(0);
  });
});

describe('a peer that sends 4 bytes a millisecond to a reader that never reads [kernel b650d953; B2]', () => {
  const most = 200_000;
  /** The largest the buffer became. */
  const grownTo = (shrinkWindow: boolean): number => {
    const b = bench({ rmem: [4096, 131_072, most], windowScaling: true, shrinkWindow });
    let seq = 1;
    for (let i = 0; i < 40_000; i++) {
      b.send(ACK, seq, 4, 1, 1000, (s) => void (s.tailroom = 60));
      b.pair.pass(MS);
      if (b.c.rcvNxt === tcp.seq(seq + 4)) seq += 4;
      if (b.c.rcvWnd === 0 && tcp.receiveWindow(b.c) === 0) break;
    }
    return b.c.rcvbuf;
  };
  it('grows the buffer to tcp_rmem[2] when the window may not shrink', () =>
    expect(grownTo(false)).toBe(most));
  it('leaves it as it was when it may (the mutant: tcp_shrink_window)', () =>
    expect(grownTo(true)).toBe(131_072));
});

describe('the receive buffer of a reader that keeps up, in slow start [kernel b0983d3; B1]', () => {
  const rttMs = 100;
  const bdp = 1000 * 1448;
  /** Round trips from the first data until the window is a bandwidth-delay product. */
  const roundsToBdp = (options: Partial<tcp.TcpOptions>): number => {
    const plenty = {
      congestionControl: 'reno',
      wmem: [4096, 16_777_216, 33_554_432],
      ...options,
    } as const;
    const p = new Pair({
      client: plenty,
      server: plenty,
      serverPath: { quickack: true },
      wire: { delayNs: (rttMs * MS) / 2 },
    });
    p.client.app = writes(1e9, 1 << 20, false);
    p.server.app = reads();
    p.establish();
    const from = p.now;
    p.run(from + 5 * SEC, () => p.server.c!.rcvWnd >= bdp);
    return p.server.c!.rcvWnd >= bdp ? (p.now - from) / (rttMs * MS) : Infinity;
  };
  it('has room for 1,000 segments within 7 round trips, as fast as the sender doubles', () => {
    const rounds = roundsToBdp({});
    expect(rounds).toBeGreaterThan(5);
    expect(rounds).toBeLessThanOrEqual(7);
  });
  it('never has without tcp_moderate_rcvbuf (mutant)', () =>
    expect(roundsToBdp({ moderateRcvbuf: false })).toBe(Infinity));
});

describe('a full receive buffer [tcp_prune_queue]', () => {
  // 29 · 2304 is more than 65,536, and 29,000 bytes fit into the window of 22 · 1460.
  const full = (from: number, len: number): Bench => {
    const b = bench({ rmem: [4096, 65_536, 65_536], windowScaling: false });
    for (let i = 0; i < 29; i++) b.send(ACK, from + 1000 * i, len, 1);
    expect(b.c.rmemAlloc).toBe(29 * 2304);
    b.full();
    return b;
  };
  it('has taken one segment that passes it, and refuses the next with window 0', () => {
    const b = full(1, 1000).send(ACK, 29_001, 90, 1);
    expect(b.full()).toEqual(['. 1:1(0) ack 29001 win 0']);
    expect(b.c.context.mib).toMatchObject({ PruneCalled: 1, RcvPruned: 1, TCPRcvQDrop: 1 });
  });
  it('gives up what lies behind a hole, an eighth of the buffer, for what fills it', () => {
    const b = full(1001, 900).send(ACK, 1, 1000, 1);
    expect(b.c.context.mib).toMatchObject({ OfoPruned: 1, RcvPruned: 0 });
    expect(tcp.inq(b.c)).toBe(1900);
    expect(b.c.rmemAlloc).toBe((29 - 4 + 1) * 2304);
    // What was reported and is gone is not reported any more, nor is what is left [RFC 2018 §8].
    expect(b.full()[0]).not.toContain('sack');
  });
  it('gives nothing up for what lies further out', () => {
    const b = full(1001, 900).send(ACK, 30_001, 80, 1);
    expect(b.c.context.mib).toMatchObject({ TCPOFODrop: 1, OfoPruned: 0 });
  });
});

describe('collapsing', () => {
  /** Sends [from, from + len) with such a cost. */
  const put = (b: Bench, from: number, len: number, truesize: number): unknown =>
    b.send(ACK, from, len, 1, 10_000, (s) => void (s.truesize = truesize));
  const total = (b: Bench): number => {
    let sum = 0;
    const { rcvQueue, ofo } = b.c;
    for (const q of [rcvQueue, ofo === null ? null : ofo.records])
      for (let i = 0; q !== null && i < q.length; i++) sum += q.at(i).truesize;
    return sum;
  };

  it('loses and doubles no byte, and charges what is left, whatever comes [tcp_collapse]', () => {
    const segment = fc.tuple(fc.nat(120), fc.integer({ min: 1, max: 12 }), fc.boolean());
    prop(
      [fc.array(segment, { minLength: 20, maxLength: 120 }), fc.nat(2000)],
      (segments, taken) => {
        const b = bench({ rmem: [4096, 16_384, 16_384], windowScaling: false });
        for (const [at, n, bloated] of segments) put(b, 1 + 64 * at, 64 * n, bloated ? 4352 : 832);
        expect(b.c.rmemAlloc).toBe(total(b));
        // Every byte has its own offset in the stream.
        let next = 0;
        const none = (): void => {};
        b.c.context.observer = {
          onRead: (_c, _s, off, len) => {
            expect(off).toBe(next);
            next = off + len;
          },
          onSent: none,
          onReceived: none,
          onWritten: none,
          onQueued: none,
          onState: none,
          onWindow: none,
        };
        const first = Math.min(taken, tcp.inq(b.c));
        if (first > 0) tcp.read(b.c, first, null, b.pair.now);
        for (const [at, n] of segments.slice(0, 10)) put(b, 1 + 64 * at, 64 * n, 4352);
        while (tcp.inq(b.c) > 0) tcp.read(b.c, 1000, null, b.pair.now);
        expect(next).toBe(tcp.seqDiff(b.c.rcvNxt, tcp.seq(1)));
        expect(b.c.rmemAlloc).toBe(total(b));
      },
      { numRuns: 60 },
    );
  });
  it('happens in that property (the mutant: a buffer that is never full collapses nothing)', () => {
    const collapsed = (rmem: number): number => {
      const b = bench({ rmem: [4096, rmem, rmem], windowScaling: false });
      for (let i = 0; i < 20; i++) put(b, 1 + 64 * i, 64, 4352);
      return b.c.context.mib.TCPRcvCollapsed;
    };
    expect(collapsed(16_384)).toBeGreaterThan(0);
    expect(collapsed(1 << 20)).toBe(0);
  });
  it('goes through the out-of-order queue once, however many holes there are', () => {
    /** How often a record is put into a queue, for each of those that are behind `holes` holes, two behind each. */
    const moves = (holes: number): number => {
      const b = bench({ rmem: [4096, 1 << 24, 1 << 24], windowScaling: true });
      for (let i = 0; i < holes; i++)
        for (let k = 0; k < 2; k++) put(b, 1001 + 300 * i + 100 * k, 100, 4352);
      const records = b.c.ofo!.records.length;
      tcp.ownSettings(b.c).rcvbufLocked = true;
      b.c.rcvbuf = b.c.rmemAlloc - 1;
      const push = vi.spyOn(Deque.prototype, 'push');
      put(b, 1001 + 300 * holes, 100, 4352);
      const n = push.mock.calls.length;
      push.mockRestore();
      expect([records, b.c.context.mib.TCPRcvCollapsed]).toEqual([2 * holes, 2 * holes]);
      return n / records;
    };
    // Once into the hands of what copies, half as many copies into the queue.
    expect(moves(50)).toBeLessThan(2);
    expect(moves(500)).toBeLessThan(2);
  });
});

describe('SO_RCVLOWAT on a connection [tcp_set_rcvlowat]', () => {
  const after = (mark: number, locked: boolean): number[] => {
    const b = bench({ windowScaling: true });
    tcp.ownSettings(b.c).rcvbufLocked = locked;
    growForLowat(b.c, mark);
    return [b.c.rcvbuf, b.c.windowClamp];
  };
  it('grows the buffer until the mark fits into its window', () => {
    expect(after(1_000_000, false)).toEqual([2_000_000, 1_000_000]);
  });
  it('leaves a buffer that is large enough, and one that was set (mutant)', () => {
    const before = after(1000, false);
    expect(before[0]).toBe(131_072);
    expect(after(1_000_000, true)).toEqual(before);
  });
});
