/** Times that spread about a mean, in whole nanoseconds. */
import { ln } from '../base/math.ts';
import type { Spread } from './options.ts';

/** @param uniform the i-th draw for this time, in [0, 1): an exponential takes one, a hyper-exponential two */
export function spread(kind: Spread, meanNs: number, uniform: (i: number) => number): number {
  if (kind === 'fixed') return meanNs;
  if (kind === 'exponential') return exponential(meanNs, uniform(0));
  const c2 = kind.hyperExponential;
  // Branches with probability p and 1 − p and means m/2p and m/2(1 − p): their second moment gives C² = 1/(2p(1 − p)) − 1.
  const p = (1 + Math.sqrt((c2 - 1) / (c2 + 1))) / 2;
  const time = uniform(0);
  const share = uniform(1) < p ? p : 1 - p;
  return exponential(meanNs / (2 * share), time);
}

const exponential = (mean: number, u: number): number => Math.round(-mean * ln(1 - u));
