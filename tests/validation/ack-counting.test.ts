/**
 * Senders whose window grows by ACKs and not by segments (tcp_abc 0), with every second segment acknowledged: what the constants of
 * the classical formulas mean by delayed ACKs. What Linux does today stands beside them, in congestion.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { TcpOptions } from '../../src/tcp/index.ts';
import { once } from '../support/once.ts';
import { MS } from './dumbbell.ts';
import { pftk, renoRate } from './padhye.ts';
import { meanWindow } from './sawtooth.ts';

/**
 * Of Reno that loses every 1/p-th segment, RTT 100 ms: segments sent per round trip, from one loss to another 40 cycles later.
 *
 * @param recoveries  whether their segments and their time count, for p and for the mean; the formulas know none
 */
const reno = once((p: number, abc: number, recoveries: boolean): number =>
  meanWindow({
    p,
    rttNs: 100 * MS,
    options: { congestionControl: 'reno', abc },
    peak: Math.round((1.33 * 0.866) / Math.sqrt(p)),
    count: recoveries ? 'all' : 'avoidance',
    delayedAcks: true,
    warm: 3,
    cycles: 40,
  }),
);

/** AIMD in whole segments: one more every second round trip, halving, and the round trip that a recovery takes at half the window. */
function aimdModel(p: number): number {
  const every = Math.round(1 / p);
  let w = Math.round((1.33 * 0.866) / Math.sqrt(p));
  let [grown, position, segments, rounds] = [0, 0, 0, 0];
  while (segments < 200 * every) {
    segments += w;
    rounds++;
    position += w;
    if (position < every) {
      w += grown++ % 2;
      continue;
    }
    position -= every;
    w >>= 1;
    grown = 0;
    segments += w;
    position += w;
    rounds++;
  }
  return segments / rounds;
}

describe('throughput of a sender that counts ACKs, every second segment acknowledged [Mathis 1997; T4]', () => {
  /** In segments of 1460 bytes every 100 ms, as the table has it. */
  const mbit = (window: number): number => (window * 1460 * 8) / 0.1 / 1e6;

  it.each([
    [1e-3, 3.2],
    [1e-4, 10.12],
  ])(
    'is that of C = .866 within three hundredths, recoveries apart: p = %d, %d Mbit/s',
    (p, table) => {
      expect(Math.abs(mbit(reno(p, 0, false)) / table - 1)).toBeLessThan(0.03);
    },
  );
  it.each([1e-3, 1e-4])(
    'and with them that of AIMD with half a segment for each round trip at p = %d',
    (p) => {
      expect(Math.abs(reno(p, 0, true) / aimdModel(p) - 1)).toBeLessThan(0.03);
    },
  );
  // Of 37 round trips between losses the recovery takes one, at half the window: 3.07 Mbit/s.
  it('which at p = 1e-3 costs 4 % of the table: missed', () => {
    const ratio = mbit(reno(1e-3, 0, true)) / 3.2;
    expect(ratio).toBeLessThan(0.97);
    expect(ratio).toBeCloseTo(0.96, 2);
  });
  it.each([1, 2])('[mutant] with byte counting, L = %i, it is that of C = 1.2247 again', (abc) => {
    const got = mbit(reno(1e-4, abc, false));
    expect(Math.abs(got / 14.31 - 1)).toBeLessThan(0.03);
    expect(Math.abs(got / 10.12 - 1)).toBeGreaterThan(0.3);
  });
});

describe('Reno that counts ACKs, every second segment acknowledged [Padhye 1998; T5]', () => {
  const rate = once((p: number, burst: boolean, options: Partial<TcpOptions> = {}): number =>
    renoRate(p, burst, { abc: 0, ...options }),
  );
  const TABLE: readonly (readonly [p: number, rate: number])[] = [
    [1e-3, 272.6],
    [1e-2, 82.9],
    [0.02, 56.1],
    [0.05, 31.2],
    [0.1, 17.2],
  ];
  // Without what came after 1998: F-RTO, and samples of the round trip from retransmissions.
  const of1998 = { frto: 0, timestamps: false };

  it.each(TABLE)(
    'sends what the formula says within a fifth: p = %d, %d segments/s',
    (p, table) => {
      expect(Math.abs(pftk(p, 2, 0.1, 0.2) / table - 1)).toBeLessThan(0.01);
      const got = rate(p, true, of1998);
      expect(Math.abs(got / table - 1)).toBeLessThan(0.2);
      // And less than it would without time-outs.
      expect(got).toBeLessThan(8.66 / Math.sqrt(p));
    },
  );
  it.each(TABLE.slice(0, 4))(
    'and so it does where each loss is by itself, up to p = 0.05: p = %d, %d',
    (p, table) => {
      expect(Math.abs(rate(p, false) / table - 1)).toBeLessThan(0.2);
    },
  );
  // At a window of three or four the formula's loss leaves no duplicate ACK; a single one leaves two or three.
  it('at p = 0.1 it sends half as much again where each loss is by itself: missed', () => {
    expect(rate(0.1, false) / 17.2).toBeCloseTo(1.5, 1);
  });
  it('[mutant] b = 1 is not what it does, and counting segments is not b = 2', () => {
    expect(rate(0.01, true, of1998) / pftk(0.01, 1, 0.1, 0.2)).toBeLessThan(0.7);
    expect(rate(0.01, false, { abc: 0xffff_ffff }) / 82.9).toBeGreaterThan(1.3);
  });
});
