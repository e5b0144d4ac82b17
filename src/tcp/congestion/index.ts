/** Congestion controls by name. */
import { unreachable } from '../../base/assert.ts';
import type { Instant } from '../../base/units.ts';
import type { Connection } from '../connection.ts';
import type { CongestionControl } from './controller.ts';
import { Cubic } from './cubic.ts';
import { RENO } from './reno.ts';

/** What the connection asks for (TCP_CONGESTION), ready to start; Reno is one object for all. */
export function congestionControl(c: Connection, now: Instant): CongestionControl {
  switch (c.settings.congestion) {
    case 'reno':
      return RENO;
    case 'cubic':
      return new Cubic(c, now);
    default:
      return unreachable(c.settings.congestion);
  }
}
