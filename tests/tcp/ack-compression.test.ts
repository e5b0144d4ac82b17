/** ACKs of out-of-order data: the first at once, later ones held back (Linux tcp_comp_sack_*, tcp_sack_compress_send_ack). */
import { describe, expect, it } from 'vitest';
import * as tcp from '../../src/tcp/index.ts';
import { bench, type Bench } from './bench.ts';
import { MS } from './pair.ts';

const { ACK } = tcp;

/** Segment `n` of 1,000 bytes, from 0. */
const seg = (b: Bench, n: number): Bench => b.send(ACK, 1 + 1000 * n, 1000, 1);
const sacks = (b: Bench): string[] =>
  b.full().map((l) => l.replace(/.*<(.*)>/, '$1').replace(/^nop,nop,/, ''));

/** Delayed ACKs, a receiver's RTT of 100 ms, and a hole before the segments `from` to `from` + 3, which are ACKed one by one. */
const holed = (options: Partial<tcp.TcpOptions> = {}): Bench => {
  const b = bench({ hz: 'exact', ...options });
  seg(b, 0);
  tcp.setQuickAck(b.c, false);
  tcp.read(b.c, 1000, null, b.pair.now);
  b.pair.pass(100 * MS);
  b.c.receiver!.rcvRttUs = 8 * 100_000;
  b.c.srttUs = 8 * 100_000;
  tcp.setQuickAck(b.c, false);
  b.out();
  for (let n = 2; n < 5; n++) seg(b, n);
  expect(sacks(b)).toEqual(['sack 2001:3001', 'sack 2001:4001', 'sack 2001:5001']);
  return b;
};

describe('out-of-order data', () => {
  it('is acknowledged at once three times, then once in 1 ms', () => {
    const b = holed();
    for (let n = 5; n < 9; n++) seg(b, n);
    b.pair.pass(0.99 * MS);
    expect(sacks(b)).toEqual([]);
    b.pair.pass(0.02 * MS);
    expect(sacks(b)).toEqual(['sack 2001:9001']);
    expect(b.c.context.mib.TCPAckCompressed).toBe(3);
  });
  it('is acknowledged every time with tcp_comp_sack_nr 0 (mutant)', () => {
    const b = holed({ compSackNr: 0 });
    seg(b, 5);
    seg(b, 6);
    expect(sacks(b)).toHaveLength(2);
  });
  it('is held back for a third of a short round trip only', () => {
    const b = holed();
    b.c.receiver!.rcvRttUs = 8 * 1000;
    seg(b, 5);
    b.pair.pass(0.32 * MS);
    expect(sacks(b)).toEqual([]);
    b.pair.pass(0.02 * MS);
    expect(sacks(b)).toHaveLength(1);
  });
  it('is told before a third island would push what is held back out of sight', () => {
    const b = holed();
    seg(b, 5);
    seg(b, 7);
    expect(sacks(b)).toEqual([]);
    // The ACK for the two is what leaves; the third island comes with the next one.
    seg(b, 9);
    expect(sacks(b)).toEqual(['sack 7001:8001 2001:6001']);
    seg(b, 1);
    expect(sacks(b)).toEqual(['sack 9001:10001 7001:8001']);
  });
});
