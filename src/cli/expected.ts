/** How much there is to simulate, before any of it is. */
import type { Amount } from '../base/distribution.ts';
import type { Scenario } from '../sim/scenario/types.ts';

/** Payload of a full segment on Ethernet, with timestamps. */
const MSS = 1448;

/**
 * Segments with data that the applications of a scenario mean to send, as far as they say it beforehand: transfers, and requests
 * with their answers. A drawn size counts as one segment; servers, and what a user has written, as nothing of their own.
 */
export function meantSegments({ apps }: Pick<Scenario, 'apps'>): number {
  let sum = 0;
  for (const app of apps) {
    if (app.model === 'bulk') sum += app.connections * segmentsOf(app.bytes);
    if (app.model === 'client')
      sum += app.requests * (segmentsOf(app.request) + segmentsOf(app.response));
  }
  return sum;
}

function segmentsOf(bytes: Amount): number {
  return typeof bytes === 'number' ? Math.ceil(bytes / MSS) : 1;
}
