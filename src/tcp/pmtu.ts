/**
 * The path's MTU changes: an ICMP error has said that a segment was too big (RFC 1191; tcp_v4_mtu_reduced), or the route was
 * changed. What is out and too big now is sent again at once, cut smaller, without any penalty (tcp_simple_retransmit).
 */
import { EMSGSIZE } from '../base/errno.ts';
import type { Instant } from '../base/units.ts';
import { jiffiesOfUs } from './clock.ts';
import { TIMER_RETRANS, WORK_RTX, WORK_SYN, type Connection } from './connection.ts';
import { setSoftError } from './icmp.ts';
import { loseWithoutCongestion, retransmitTooBig } from './lose.ts';
import { advertisedMss, syncMss } from './mss.ts';
import type { PathOptions } from './options.ts';
import { INITIAL_RTO_US } from './rtt.ts';
import { armTimer } from './timers.ts';

/** The route says something else now; it holds for what is sent from here on. */
export function takeRoute(c: Connection, path: PathOptions): void {
  c.path = path;
  if (c.state !== 'CLOSED' && c.state !== 'TIME-WAIT') syncMss(c);
}

/**
 * An ICMP error has named a smaller MTU for the path.
 *
 * @param path the route as it is now: not below the kernel's own minimum, and as it was when its MTU is locked
 * @param mtu what the error said, bytes
 * @param heeds whether the socket goes by such errors (IP_MTU_DISCOVER)
 */
export function onMtuReduced(
  c: Connection,
  path: PathOptions,
  mtu: number,
  heeds: boolean,
  now: Instant,
): void {
  // Smaller than what will be sent: perhaps the connection never gets over it.
  if (mtu < path.mtu) setSoftError(c, EMSGSIZE);
  const before = c.path.mtu;
  c.path = path;
  if (!heeds || before <= path.mtu) return;
  const oldMss = c.mssCache;
  syncMss(c);
  if (c.state === 'SYN-SENT') repeatSyn(c, now);
  else retransmitTooBig(c, oldMss, now);
}

/** Data in a SYN was too big: the SYN goes again without it, and offers an MSS that fits the path. */
function repeatSyn(c: Connection, now: Instant): void {
  c.advMss = Math.min(c.advMss, advertisedMss(c.path, c.settings));
  if (c.fastOpen === null || !c.fastOpen.synData) return;
  loseWithoutCongestion(c, now);
  c.work = (c.work & ~WORK_RTX) | WORK_SYN;
  armTimer(c, TIMER_RETRANS, jiffiesOfUs(c.context, INITIAL_RTO_US), now);
}
