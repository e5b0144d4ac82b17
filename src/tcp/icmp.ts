/**
 * ICMP errors about a connection (net/ipv4/tcp_ipv4.c tcp_v4_err, RFC 5461, RFC 5927): which segment they may quote, which of
 * them end the connection, and what they say about a retransmission that waits. Path MTU: pmtu.ts.
 */
import type { Duration, Instant } from '../base/units.ts';
import { jiffiesOfUs, usBetween } from './clock.ts';
import { ERROR, TIMER_RETRANS, type Connection } from './connection.ts';
import { done, purgeSendQueue } from './done.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import { onRetransmitTimer } from './rto.ts';
import { INITIAL_RTO_US, rawRto, rtoMax } from './rtt.ts';
import { senderOf } from './sender.ts';
import { seqLe, type Seq } from './seq.ts';
import { armTimer } from './timers.ts';

/** Is the quoted segment still of interest: SND.UNA ≤ its number ≤ SND.NXT (RFC 5927 §4.1)? */
export function quotesCurrent(c: Connection, quoted: Seq): boolean {
  // The SYN-ACK of a connection that a SYN alone has made is still out, though its number counts as acknowledged.
  const from = awaitsHandshake(c) ? c.iss : c.sndUna;
  return seqLe(from, quoted) && seqLe(quoted, c.sndNxt);
}

/** Remembers an error that is reported only if the connection does not get over it (sk_err_soft). */
export function setSoftError(c: Connection, errno: number): void {
  senderOf(c).softError = errno;
}

/** Takes it for SO_ERROR, which reports it when there is nothing worse. @returns a positive errno, or 0 */
export function takeSoftError(c: Connection): number {
  if (c.sender === null) return 0;
  const e = c.sender.softError;
  c.sender.softError = 0;
  return e;
}

/**
 * The peer cannot be reached, it says. Before the connection stands that ends it; afterwards it is only kept in mind, as it may
 * be over soon (RFC 1122 §4.2.3.9; Linux for all codes), unless the application asked to be told (IP_RECVERR).
 *
 * @param tell IP_RECVERR is set
 * @param soft the socket is in a system call: nothing more than keeping it in mind
 */
export function onIcmpError(
  c: Connection,
  errno: number,
  tell: boolean,
  soft: boolean,
  now: Instant,
): void {
  const opening = c.state === 'SYN-SENT' || (c.state === 'SYN-RECEIVED' && !accepted(c));
  if (soft || (!opening && !tell)) {
    setSoftError(c, errno);
    return;
  }
  c.error = errno;
  c.events |= ERROR;
  if (!opening) return;
  purgeSendQueue(c);
  done(c, now);
  c.work = 0;
}

/**
 * A connection that a SYN alone has made, and accept() has handed out, counts as established (tcp_v4_err: fastopen_rsk without
 * its sk); not a client of Fast Open whose SYN crossed the peer's.
 */
const accepted = (c: Connection): boolean => awaitsHandshake(c) && c.accepted;

/**
 * The segment that waits to be sent again had not been lost to congestion: the last doubling of the RTO is taken back, and it
 * goes now if its time is over (RFC 6069 §4; tcp_ld_RTO_revert).
 */
export function revertBackoff(c: Connection, quoted: Seq, now: Instant): void {
  const q = c.sendQueue;
  if (quoted !== c.sndUna || c.retransmits === 0 || c.backoff === 0) return;
  if (q === null || q.sent === 0) return;
  c.backoff--;
  const base = c.srttUs > 0 ? rawRto(c) : jiffiesOfUs(c.context, INITIAL_RTO_US);
  c.rto = Math.min(base * (1 << Math.min(c.backoff, 20)), rtoMax(c)) as Duration;
  const waited = jiffiesOfUs(c.context, usBetween(now, q.records.at(0).sentAt));
  if (c.rto > waited) armTimer(c, TIMER_RETRANS, (c.rto - waited) as Duration, now);
  else onRetransmitTimer(c, c.timerAt, now);
}
