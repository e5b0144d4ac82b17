/** Times that spread about a mean, in whole nanoseconds. */
import { type Amount, draw, type Draws } from '../base/distribution.ts';
import type { Spread } from './options.ts';

/** What is drawn when values of this mean spread so; a distribution that has a mean of its own stands for itself. */
export function about(kind: Spread, mean: number): Amount {
  if (kind === 'fixed') return mean;
  if (kind === 'exponential') return { kind: 'exponential', mean };
  if ('kind' in kind) return kind;
  return { kind: 'hyper-exponential', mean, c2: kind.hyperExponential };
}

/** One time: of the draws an exponential takes one, a hyper-exponential two. */
export function spread(kind: Spread, meanNs: number, draws: Draws): number {
  return draw(about(kind, meanNs), draws);
}
