/** Padhye 1998: Reno without SACK at random loss, as a formula and as it runs. */
import type { TcpOptions } from '../../src/tcp/index.ts';
import { Dumbbell, MS, randoms, SEC } from './dumbbell.ts';

/** Padhye 1998, eq. 32, in segments per second: `b` segments are acknowledged for each one that the window grows by. */
export function pftk(p: number, b: number, rttS: number, timeoutS: number): number {
  const fast = rttS * Math.sqrt((2 * b * p) / 3);
  const slow = timeoutS * Math.min(1, 3 * Math.sqrt((3 * b * p) / 8)) * p * (1 + 32 * p * p);
  return 1 / (fast + slow);
}

/**
 * Segments sent per second over 200 s, mean of ten seeds; RTO about 0.2 s.
 *
 * @param burst  with a segment all behind it are lost that were sent in the same round, which is the loss that the formula is
 *               derived for (§II there); else each is lost by itself
 */
export function renoRate(p: number, burst: boolean, options: Partial<TcpOptions> = {}): number {
  const rates = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seed) => {
    const random = randoms(seed);
    let lostAt = -1;
    const lose = (): boolean => {
      if (d.flows[0]!.sent <= 20) return false;
      if (burst && d.now === lostAt) return true;
      if (random() >= p) return false;
      lostAt = d.now;
      return true;
    };
    const d: Dumbbell = new Dumbbell({ lose }, [
      {
        rttNs: 100 * MS,
        options: {
          congestionControl: 'reno',
          sack: false,
          rtoMinUs: 100_000,
          ...options,
        },
        delayedAcks: true,
      },
    ]);
    const f = d.flows[0]!;
    d.run(250 * MS);
    f.c!.ssthresh = 20;
    d.run(10 * SEC);
    const before = f.sent;
    d.run(210 * SEC);
    return (f.sent - before) / 200;
  });
  return rates.reduce((a, b) => a + b, 0) / rates.length;
}
