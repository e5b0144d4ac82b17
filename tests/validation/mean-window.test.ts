/**
 * The mean windows of Reno and CUBIC under periodic loss, against Mathis’ √(1.5/p) and the two tables of RFC 9438, §5.2.
 *
 * What the formulas are about: a window that grows by its rule, 1/p segments after the last loss is cut in no time, and grows on
 * (Mathis 1997, §2; RFC 9438 §5.1). A window is segments per round trip. Three things are held to them, from the law to the wire:
 *
 * - the control alone (law.ts), fed with just that;
 * - a connection, with segments and time of congestion avoidance (`avoidance`): between the loss and its repair TCP spends a round
 *   trip at the window that the cut left. That round trip is no part of the sawtooth, neither its time nor its segments; in it
 *   the window does not move. Everything else counts, the round trip in which the loss is still unknown too.
 * - the same connection with everything (`all`), against the same sawtooth with that round trip added.
 *
 * All with `congestionWindow: rfc`. Linux has deviations of its own, which stand below, each with its cause.
 */
import { describe, expect, it } from 'vitest';
import { MEAN_WINDOWS, type MeanWindow } from '../../fidelity/windows.ts';
import type { TcpOptions } from '../../src/tcp/index.ts';
import { RfcCubic } from '../../src/tcp/congestion/rfc-cubic.ts';
import { RfcReno } from '../../src/tcp/congestion/rfc-reno.ts';
import type { Connection } from '../../src/tcp/connection.ts';
import { MS } from './dumbbell.ts';
import { Law } from './law.ts';
import { meanWindow } from './sawtooth.ts';

/** How far `value` is from `expected`, as a share of it. */
const off = (value: number, expected: number): number => Math.abs(value / expected - 1);

const mathis = (p: number): number => Math.sqrt(1.5 / p);
const renoPeak = (p: number): number => Math.round((4 / 3) * mathis(p));
const RENO = { congestionControl: 'reno', congestionWindow: 'rfc' } as const;
const T3: readonly MeanWindow[] = MEAN_WINDOWS.filter((w) => w.of === 'T3');
const LOSSES: readonly number[] = T3.map((w) => w.p);
/** How far a ratio is from what the fidelity card prints; half a percent at most. */
const fromCard = (ratio: number, deviation: number | null): number =>
  Math.abs(ratio - 1 - (deviation ?? NaN));
const HALF_PERCENT = 0.005;

const reno = (p: number, count: 'avoidance' | 'all', options: Partial<TcpOptions> = RENO): number =>
  meanWindow({ p, rttNs: 100 * MS, options, peak: renoPeak(p), count });

/** With a round trip at W/2 after each loss: 3/8·W² + W/2 = 1/p segments in W/2 + 1 round trips. */
function mathisWithRecovery(p: number): number {
  const w = (Math.sqrt(0.25 + 1.5 / p) - 0.5) / 0.75;
  return 1 / p / (w / 2 + 1);
}

describe('Reno’s mean window is √(1.5/p) within 3 % [Mathis 1997; T3]', () => {
  const alone = (p: number): number => new Law(100 * MS, RENO).mean(p, renoPeak(p), 30);

  it.each(T3)('the control alone, p = $p', (w) => {
    expect(off(alone(w.p), w.formula)).toBeLessThan(0.03);
    expect(fromCard(alone(w.p) / w.formula, w.alone)).toBeLessThan(HALF_PERCENT);
  });
  it.each(T3)('a connection in avoidance, p = $p', (w) => {
    const mean = reno(w.p, 'avoidance');
    expect(off(mean, w.formula)).toBeLessThan(0.03);
    expect(fromCard(mean / w.formula, w.avoidance)).toBeLessThan(HALF_PERCENT);
  });
  // With windows of a dozen, bursts and losses fall into step: 1/p segments take a whole number of round trips in most cycles.
  it('a connection in avoidance, and not by the luck of one p: the mean over 90 to 110 segments per loss', () => {
    const ratios = Array.from({ length: 21 }, (_, i) => {
      const p = 1 / (90 + i);
      return reno(p, 'avoidance') / mathis(p);
    });
    expect(off(ratios.reduce((a, b) => a + b, 0) / ratios.length, 1)).toBeLessThan(0.03);
  });
  it.each(LOSSES)(
    'a connection with its recoveries, which the formula then has too, p = %d',
    (p) => {
      expect(off(reno(p, 'all'), mathisWithRecovery(p))).toBeLessThan(0.03);
    },
  );

  it.each(LOSSES)(
    '[mutant] a control that keeps 0.6 of the window is out of the band, p = %d',
    (p) => {
      class KeepsMore extends RfcReno {
        override ssthresh(c: Connection): number {
          return this.window.cut(c, 0.6);
        }
      }
      const law = new Law(100 * MS, RENO, () => new KeepsMore());
      expect(off(law.mean(p, renoPeak(p), 30), mathis(p))).toBeGreaterThan(0.1);
    },
  );
  it.each(LOSSES.slice(0, 3))(
    '[mutant] CUBIC’s curve is out of the band on a connection, p = %d',
    (p) => {
      const options = { ...RENO, congestionControl: 'cubic', cubicFriendliness: false } as const;
      expect(off(reno(p, 'avoidance', options), mathis(p))).toBeGreaterThan(0.1);
    },
  );
  it('[mutant] the recovery’s round trip is not nothing: with it p = 1e-2 is out of the band', () => {
    expect(reno(1e-2, 'all') / mathis(1e-2)).toBeLessThan(0.93);
  });
});

/** RFC 9438, Tables 1 and 2, C = 0.4: mean windows at p = 1e-2 … 1e-8. */
const CELLS: readonly MeanWindow[] = MEAN_WINDOWS.filter((w) => w.of !== 'T3');
const cellAt = (rttMs: number, p: number): MeanWindow =>
  CELLS.find((cell) => cell.rttMs === rttMs && cell.p === p)!;
/** A single flow: fast convergence SHOULD be off (RFC 9438 §4.7), and the tables are computed without. */
const CUBIC = {
  congestionControl: 'cubic',
  congestionWindow: 'rfc',
  cubicFastConvergence: false,
} as const;
/** Is the table’s window Reno’s there, 1.2/√p? */
const isRenos = (cell: MeanWindow): boolean => off(cell.formula, 1.2 / Math.sqrt(cell.p)) < 0.02;
/**
 * The window at a loss for which the table’s is the mean: of a line from β to 1, or of the curve. The curve is flat there: what
 * begins beside it comes back over hundreds of cycles only, so runs begin with it, and that they stay is what is tested (that
 * they come back, below).
 */
const cubicPeak = (cell: MeanWindow): number =>
  Math.round(cell.formula / (isRenos(cell) ? 0.85 : 0.925));
const cubicAlone = (cell: MeanWindow, options: Partial<TcpOptions> = CUBIC): number =>
  new Law(cell.rttMs * MS, options).mean(cell.p, cubicPeak(cell), 30);
const cubic = (
  cell: MeanWindow,
  count: 'avoidance' | 'all',
  options: Partial<TcpOptions> = CUBIC,
): number =>
  meanWindow({ p: cell.p, rttNs: cell.rttMs * MS, options, peak: cubicPeak(cell), count });

/**
 * The equations of RFC 9438 §4.2 to §4.5 in tiny steps, without segments, ACKs or a connection: what the algorithm itself has
 * for a mean window.
 */
function integrated({ rttMs, p, formula }: MeanWindow): number {
  const steps = 64;
  const rtt = rttMs / 1000;
  const alpha = (3 * 0.3) / 1.7;
  let cut = formula / 0.925;
  let mean = 0;
  for (let cycle = 0; cycle < 8; cycle++) {
    let w = 0.7 * cut;
    let estimate = w;
    const k = Math.cbrt((cut - w) / 0.4);
    let sent = 0;
    let t = 0;
    for (; sent < 1 / p; t += rtt / steps) {
      sent += w / steps;
      estimate += (estimate < cut ? alpha : 1) / steps;
      w = Math.max(w, estimate, cut + 0.4 * (t + rtt / steps - k) ** 3);
    }
    cut = w;
    mean = (sent / t) * rtt;
  }
  return mean;
}

/**
 * The cell that RFC 9438 misses by itself. A table’s entry is the larger of two mean windows, the curve’s and 1.2/√p; CUBIC has
 * the larger of two windows at each moment. Where both are near one another that is more: 5.3 %, of which 2.1 are √1.5 for 1.2.
 */
const BETWEEN = cellAt(10, 1e-6);
const within = (cells: readonly MeanWindow[]): readonly MeanWindow[] =>
  cells.filter((cell) => cell !== BETWEEN);

describe('CUBIC’s mean window is that of RFC 9438’s tables within 5 % [T6, T7]', () => {
  it.each(within(CELLS))('the control alone: RTT $rttMs ms, p = $p, $formula', (cell) => {
    expect(off(cubicAlone(cell), cell.formula)).toBeLessThan(0.05);
    expect(fromCard(cubicAlone(cell) / cell.formula, cell.alone)).toBeLessThan(HALF_PERCENT);
  });
  it.each(CELLS)('[mutant] one that halves is out of the band: RTT $rttMs ms, p = $p', (cell) => {
    class Halves extends RfcCubic {
      override ssthresh(c: Connection): number {
        super.ssthresh(c);
        return this.window.cut(c, 0.5);
      }
    }
    const law = new Law(cell.rttMs * MS, CUBIC, (c, now) => new Halves(c, now));
    expect(law.mean(cell.p, cubicPeak(cell), 30) / cell.formula).toBeLessThan(0.93);
  });

  const short = within(CELLS).filter((cell) => cell.p > 5e-7);
  it.each(short)(
    'a connection in avoidance: RTT $rttMs ms, p = $p, $formula',
    (cell) => {
      const mean = cubic(cell, 'avoidance');
      expect(off(mean, cell.formula)).toBeLessThan(0.05);
      expect(fromCard(mean / cell.formula, cell.avoidance)).toBeLessThan(HALF_PERCENT);
    },
    60_000,
  );
  // Where the table has Reno’s windows the curve is below them, elsewhere Reno is; at 38 and 100 ms neither is by more than 5 %.
  const apart = short.filter((cell) => cell.p > 5e-5 && !(cell.rttMs === 100 && cell.p === 1e-3));
  it.each(apart)('[mutant] half of CUBIC is out of the band: RTT $rttMs ms, p = $p', (cell) => {
    const curve = { ...CUBIC, cubicFriendliness: false };
    const half = isRenos(cell) ? curve : RENO;
    expect(cubic(cell, 'avoidance', half) / cell.formula).toBeLessThan(0.7);
  });

  it('at RTT 10 ms, p = 1e-6 the RFC’s algorithm is 5.3 % above the RFC’s table: missed [T7]', () => {
    expect(integrated(BETWEEN) / BETWEEN.formula).toBeCloseTo(1.053, 3);
    expect(off(cubicAlone(BETWEEN), integrated(BETWEEN))).toBeLessThan(0.002);
    expect(fromCard(cubicAlone(BETWEEN) / BETWEEN.formula, BETWEEN.alone)).toBeLessThan(
      HALF_PERCENT,
    );
  });
  it.each(CELLS.filter((cell) => cell.p < 5e-4))(
    'the control alone is the equations: RTT $rttMs ms, p = $p, within 1 %',
    (cell) => {
      expect(off(cubicAlone(cell), integrated(cell))).toBeLessThan(0.01);
    },
  );
});

describe('what CUBIC does with a W_max that is not the table’s, RTT 100 ms, p = 1e-4', () => {
  const cell = cellAt(100, 1e-4);
  /** Mean window after a thousand cycles, from so many times the table’s W_max, as a share of the table’s. */
  const from = (share: number, options: Partial<TcpOptions>): number => {
    const law = new Law(100 * MS, options);
    law.mean(cell.p, Math.round(cubicPeak(cell) * share), 1000);
    return law.mean(cell.p, law.c.cwnd, 30) / cell.formula;
  };
  it('with fractions it comes back, from either side', () => {
    expect(Math.abs(from(0.8, CUBIC) - 1)).toBeLessThan(0.03);
    expect(Math.abs(from(1.25, CUBIC) - 1)).toBeLessThan(0.03);
  });
  // In whole segments the window stands still for two seconds and a half around K. A cycle that ends in that time ends at the
  // W_max that it began with: there are many steady states, and the table’s is one of them.
  it('[mutant] Linux stays where it is: 16 % below, 21 % above', () => {
    const options = { congestionControl: 'cubic' } as const;
    expect(from(0.8, options)).toBeCloseTo(0.837, 2);
    expect(from(1, options)).toBeCloseTo(0.995, 2);
    expect(from(1.25, options)).toBeCloseTo(1.214, 2);
  });
});

/**
 * Linux as it is, with everything counted, and why it is where it is. The figures are those of the fidelity card.
 *
 * - Reno halves an odd window downwards and begins to count for the next segment when the recovery is over: 4.4 % at p = 1e-2,
 *   besides the 7.6 % of the recovery’s round trip.
 * - CUBIC looks at the curve and at Reno’s estimate at most every 1/32 s while the window stands, which is three round trips of
 *   10 ms; it moves only for a whole segment of Reno’s estimate, and then takes a round trip for it. At RTT 10 ms and p = 1e-2
 *   that is 19 % of the window, besides the 7 to 9 that the recoveries take of the RFC’s too. (Patches of 2024 on netdev look
 *   once per round trip, and a round trip ahead: “tcp_cubic: fix to run bictcp_update() at least once per RTT”. They would
 *   take that to 9, and an estimate in fractions to nothing.)
 * - At RTT 100 ms it is the table’s from p = 1e-4 on, because the runs begin there: see above. Before the first loss it grows by
 *   5 % in the round trip in which the loss is not known yet, and they begin that much lower.
 */
describe('Linux’s own mean windows, recoveries and all', () => {
  it.each(T3)('Reno, p = $p: $linux off √(1.5/p) [T3]', (w) => {
    expect(
      fromCard(reno(w.p, 'all', { congestionControl: 'reno' }) / w.formula, w.linux),
    ).toBeLessThan(HALF_PERCENT);
  });
  it.each(CELLS.filter((cell) => cell.linux !== null))(
    'CUBIC, RTT $rttMs ms, p = $p: $linux off the table [T6, T7]',
    (cell) => {
      const { rttMs, p, formula, linux } = cell;
      const options = { congestionControl: 'cubic' } as const;
      const peak = Math.round(0.95 * cubicPeak(cell));
      const mean = meanWindow({ p, rttNs: rttMs * MS, options, peak, count: 'all' });
      expect(fromCard(mean / formula, linux)).toBeLessThan(HALF_PERCENT);
    },
  );
  it('at RTT 10 ms and p = 1e-2 the recoveries alone are not the cause', () => {
    const cell = cellAt(10, 1e-2);
    expect(cubic(cell, 'all') / cell.formula).toBeGreaterThan(0.9);
  });
});
