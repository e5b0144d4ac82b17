/**
 * Protection against wrapped sequence numbers (RFC 7323 §5): is a segment older than what has come before it? The same question
 * for connections, for half-open ones and for those in TIME-WAIT (tcp_paws_check, tcp_paws_reject); what follows from it differs.
 */
import type { Instant } from '../base/units.ts';
import { RST, type Segment } from './segment.ts';

/** INT_MAX microseconds: the clock of an older TS.Recent may have wrapped (TCP_PAWS_WRAP; RFC 7323 §5.5 says 24 days). */
const PAWS_WRAP_S = 2147;
/** Resets are no longer bound after this time: a peer that was started anew has another clock (TCP_PAWS_MSL). */
const PAWS_MSL_S = 60;

const second = (t: number): number => Math.floor(t / 1_000_000_000);

/** TS.Recent, and when it was taken. */
export interface Recent {
  readonly tsRecent: number;
  readonly tsRecentStamp: Instant;
}

/**
 * Is the timestamp older than TS.Recent, and does that say anything (RFC 7323 §5.3 R1; tcp_paws_check)?
 *
 * @param tolerated ticks that it may be older and still pass
 */
export function olderThanRecent(r: Recent, seg: Segment, tolerated: number, now: Instant): boolean {
  if (((r.tsRecent - seg.tsVal) | 0) <= tolerated) return false;
  if (second(now) >= second(r.tsRecentStamp) + PAWS_WRAP_S) return false;
  // Some peers begin with 0 in their SYN and only then with a clock.
  return r.tsRecent !== 0;
}

/** Where there is no connection yet, or no more: is `seg`, which has a timestamp, to be refused (tcp_paws_reject)? */
export function pawsRejects(r: Recent, seg: Segment, now: Instant): boolean {
  if (!olderThanRecent(r, seg, 0, now)) return false;
  return (seg.flags & RST) === 0 || second(now) < second(r.tsRecentStamp) + PAWS_MSL_S;
}
