/** Congestion controls by name, and how one starts. */
import { unreachable } from '../../base/assert.ts';
import type { Instant } from '../../base/units.ts';
import { ECN_ECT, ECN_NEEDED, ECN_OK, type Connection } from '../connection.ts';
import type { CongestionName } from '../options.ts';
import { startPacing } from '../pacing.ts';
import { RateSampler } from '../rate.ts';
import { senderOf } from '../sender.ts';
import { Bbr } from './bbr.ts';
import { needsEcn, type CongestionControl } from './controller.ts';
import { Cubic } from './cubic.ts';
import { Dctcp, DCTCP_RENO } from './dctcp.ts';
import { FIXED } from './fixed.ts';
import { RENO } from './reno.ts';
import { RfcCubic } from './rfc-cubic.ts';
import { RfcReno } from './rfc-reno.ts';

function make(c: Connection, now: Instant): CongestionControl {
  const exact = c.context.options.congestionWindow === 'rfc';
  switch (c.settings.congestion) {
    case 'reno':
      return exact ? new RfcReno() : RENO;
    case 'cubic':
      return exact ? new RfcCubic(c, now) : new Cubic(c, now);
    case 'dctcp':
      return c.ecn & ECN_OK ? new Dctcp(c) : DCTCP_RENO;
    case 'bbr':
      return new Bbr(c, now);
    case 'fixed':
      return FIXED;
    default:
      return unreachable(c.settings.congestion);
  }
}

/** What the connection asks for (TCP_CONGESTION) takes over; what is stateless is one object for all (tcp_init_congestion_control). */
export function startCongestion(c: Connection, now: Instant): void {
  const snd = senderOf(c);
  const name = c.settings.congestion;
  snd.priorSsthresh = 0;
  c.ecn &= ~(ECN_ECT | ECN_NEEDED);
  if (needsEcn(name) && c.ecn & ECN_OK) c.ecn |= ECN_ECT | ECN_NEEDED;
  if (name === 'bbr' || c.path.fq || c.settings.maxPacingRate !== Infinity) startPacing(c);
  if (name === 'bbr' || c.context.options.deliveryRate) snd.rate ??= new RateSampler();
  c.congestion = make(c, now);
}

/** setsockopt(TCP_CONGESTION) on a connection (tcp_reinit_congestion_control). Before it is established the name is enough. */
export function setCongestion(c: Connection, name: CongestionName, now: Instant): void {
  c.settings = c.settings.own(c.context.options);
  c.settings.congestion = name;
  if (c.synAcked && c.congestion.name !== name) startCongestion(c, now);
}
