/** CUBIC’s window after one loss, second by second, against the curve of RFC 9438 §4.2: C(t − K)³ + W_max, K = ∛(W_max(1 − β)/C). */
import { describe, expect, it } from 'vitest';
import { CA_RECOVERY, type TcpOptions } from '../../src/tcp/index.ts';
import { RfcCubic } from '../../src/tcp/congestion/rfc-cubic.ts';
import type { Connection } from '../../src/tcp/connection.ts';
import { Dumbbell, MS, SEC } from './dumbbell.ts';

/** Segments, with their fraction where the control has one. */
function windowOf(c: Connection): number {
  if (!(c.congestion instanceof RfcCubic)) return c.cwnd;
  c.congestion.window.take(c);
  return c.congestion.window.segments;
}

/** Windows at t seconds after the only recovery, and the window that it cut: what came in behind the loss made it grow on. */
function curve(
  loseAt: number,
  options: Partial<TcpOptions>,
): { readonly cut: number; readonly windows: readonly number[] } {
  let lost = false;
  const lose = (): boolean => {
    if (lost || d.flows[0]!.c!.cwnd < loseAt) return false;
    return (lost = true);
  };
  const d: Dumbbell = new Dumbbell({ lose }, [
    {
      rttNs: 25 * MS,
      options: { congestionControl: 'cubic', cubicFriendliness: false, ...options },
    },
  ]);
  const f = d.flows[0]!;
  d.run(40 * MS);
  const c = f.c!;
  c.ssthresh = loseAt;
  let cut = 0;
  while (c.caState !== CA_RECOVERY)
    d.run(d.now + MS, () => void (cut = c.caState === CA_RECOVERY ? cut : windowOf(c)));
  while (c.caState === CA_RECOVERY) d.run(d.now + MS);
  const start = d.now;
  const windows = [0, 1, 2, 3, 4, 5, 6].map((s) => {
    d.run(start + s * SEC);
    return windowOf(c);
  });
  return { cut, windows };
}

/** At 0, 1, … 6 s for W_max = 100: K = 4.217 s. */
const W = [70, 86.68, 95.64, 99.28, 100, 100.19, 102.27];
const worst = (windows: readonly number[]): number =>
  Math.max(...W.map((w, t) => Math.abs(windows[t]! - w)));

describe('the CUBIC curve [RFC 9438 §4.2; T8]', () => {
  it('is followed within half a segment, with fractions', () => {
    const { cut, windows } = curve(100, { congestionWindow: 'rfc' });
    expect(cut).toBeCloseTo(100, 1);
    expect(worst(windows)).toBeLessThan(0.5);
  });
  it('[mutant] Reno’s line is not the curve', () => {
    const { windows } = curve(100, { congestionWindow: 'rfc', congestionControl: 'reno' });
    expect(worst(windows)).toBeGreaterThan(5);
  });
  it('Linux is up to a segment and a half beside it', () => {
    // Windows are whole segments, on the way to W_max rounded up, beyond it down; and a hundred round trips on the spot give one.
    const { cut, windows } = curve(96, {});
    expect(cut).toBe(100);
    expect(worst(windows)).toBeLessThan(1.5);
    expect(worst(windows)).toBeGreaterThan(1);
  });
});
