/** Where the time of a sender goes: busy, and of that held back by the peer's window or by its own buffer [R9]. */
import { describe, expect, it } from 'vitest';
import { CHRONO_BUSY, CHRONO_RWND, CHRONO_SNDBUF, chronoTime } from '../../src/tcp/chrono.ts';
import * as tcp from '../../src/tcp/index.ts';
import { bench, type Bench } from './bench.ts';
import { MS, Pair, reads } from './pair.ts';

const { ACK } = tcp;

/** ms so far: busy in all, and limited by window and by buffer. */
function times(c: tcp.Connection, now: tcp.Connection['establishedAt']): number[] {
  const [free, rwnd, sndbuf] = [CHRONO_BUSY, CHRONO_RWND, CHRONO_SNDBUF].map(
    (what) => chronoTime(c, what, now) / MS,
  );
  return [free! + rwnd! + sndbuf!, rwnd!, sndbuf!];
}
const timesOf = (b: Bench): number[] => times(b.c, b.pair.now);

/** Two bytes come: the same numbers again would not make the window smaller. */
const narrow = (b: Bench, window: number): Bench => b.send(ACK, 1, 1, 1).send(ACK, 2, 1, 1, window);

describe('a sender', () => {
  it('is busy from the first byte written until the last is acknowledged', () => {
    const b = bench({ hz: 'exact' });
    b.pair.pass(100 * MS);
    tcp.write(b.c, 1000, b.pair.now);
    b.pump().pair.pass(30 * MS);
    expect(timesOf(b)).toEqual([30, 0, 0]);
    b.send(ACK, 1, 0, 1001).pair.pass(100 * MS);
    expect(timesOf(b)).toEqual([30, 0, 0]);
  });
  it('is limited by a closed window for as long as that is closed, whatever probes go', () => {
    const b = bench({ hz: 'exact' });
    narrow(b, 1460);
    tcp.write(b.c, 3 * 1460, b.pair.now);
    b.pump().pair.pass(20 * MS);
    // One of three segments is out, and more does not fit.
    expect(timesOf(b)).toEqual([20, 20, 0]);
    b.send(ACK, 3, 0, 1461, 0).pair.pass(500 * MS);
    expect(timesOf(b)).toEqual([520, 520, 0]);
    b.send(ACK, 3, 0, 1461, 10_000).pair.pass(30 * MS);
    expect(timesOf(b)).toEqual([550, 520, 0]);
    b.send(ACK, 3, 0, 4381, 10_000).pair.pass(30 * MS);
    expect(timesOf(b)).toEqual([550, 520, 0]);
  });
  it('is not limited by a window that takes all there is (mutant)', () => {
    const b = bench({ hz: 'exact' });
    narrow(b, 3000);
    tcp.write(b.c, 3000, b.pair.now);
    b.pump().pair.pass(20 * MS);
    expect(timesOf(b)).toEqual([20, 0, 0]);
  });
  it('counts ticks of 4 ms with HZ=250', () => {
    const b = bench();
    tcp.write(b.c, 1000, b.pair.now);
    b.pump().pair.pass(30 * MS);
    expect(timesOf(b)[0]! % 4).toBe(0);
  });
});

describe('a writer that always has more', () => {
  /** Shares of the time that window and buffer held it back, in per cent. */
  const shares = (sndbuf: number, window: number): number[] => {
    const p = new Pair({
      client: { hz: 'exact', wmem: [4096, sndbuf, sndbuf] },
      server: { rmem: [4096, window, window], windowScaling: false },
      wire: { delayNs: 10 * MS, nsPerByte: 80 },
    });
    p.client.settings.sndbuf = sndbuf;
    p.client.settings.sndbufLocked = true;
    p.client.app = (e, now) => {
      while (e.c !== null && tcp.write(e.c, 5000, now) > 0);
    };
    p.server.app = reads();
    p.establish();
    p.run(p.now + 2000 * MS);
    const [busy, rwnd, buffer] = times(p.client.c!, p.now);
    return [(rwnd! / busy!) * 100, (buffer! / busy!) * 100];
  };
  it('with a small send buffer is limited by that nearly all the time', () => {
    const [rwnd, sndbuf] = shares(8192, 1 << 20);
    expect(rwnd).toBe(0);
    expect(sndbuf).toBeGreaterThan(80);
  });
  it('with a small window at the peer is limited by that', () => {
    const [rwnd, sndbuf] = shares(1 << 20, 16_384);
    expect(rwnd).toBeGreaterThan(80);
    expect(sndbuf).toBe(0);
  });
});
