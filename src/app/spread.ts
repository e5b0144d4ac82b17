/** Times that spread about a mean, in whole nanoseconds. */
import { exponential } from '../base/random.ts';
import type { Spread } from './options.ts';

/** Where the draws for one time come from, one after the other: a stream, or what keeps count of keyed ones. */
export interface Draws {
  /** In [0, 1). */
  uniform(): number;
}

/** One time: of the draws an exponential takes one, a hyper-exponential two. */
export function spread(kind: Spread, meanNs: number, draws: Draws): number {
  if (kind === 'fixed') return meanNs;
  if (kind === 'exponential') return Math.round(exponential(meanNs, draws.uniform()));
  const c2 = kind.hyperExponential;
  // Branches with probability p and 1 − p and means m/2p and m/2(1 − p): their second moment gives C² = 1/(2p(1 − p)) − 1.
  const p = (1 + Math.sqrt((c2 - 1) / (c2 + 1))) / 2;
  const time = draws.uniform();
  const share = draws.uniform() < p ? p : 1 - p;
  return Math.round(exponential(meanNs / (2 * share), time));
}
