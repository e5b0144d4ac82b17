/**
 * The deadlines of a connection, one per kind of timer, and what happens when they expire: retransmission, zero-window
 * probe, tail loss probe or RACK's reordering time-out (these exclude each other, icsk_pending), delayed ACK, compressed
 * ACK, keepalive (which is also the FIN-WAIT-2 timer of an orphan), pacing.
 */
import { NEVER, type Instant } from '../base/units.ts';
import { onCompressedTimer, onDelackTimer } from './ack.ts';
import { withSlack } from './clock.ts';
import {
  TIMER_NONE,
  TIMER_PROBE0,
  TIMER_REO,
  TIMER_RETRANS,
  TIMER_TLP,
  WORK_TAIL_PROBE,
  type Connection,
} from './connection.ts';
import { onReoTimer } from './loss.ts';
import { onPacingTimer } from './pacing.ts';
import { onKeepaliveTimer, onProbeTimer } from './probe.ts';
import { onRetransmitTimer } from './rto.ts';
import { moveKeepalive, moveTimer } from './timers.ts';

/** The earliest deadline; NEVER: none. */
export function nextDeadline(c: Connection): Instant {
  const rcv = c.receiver;
  let t: number = Math.min(c.timerAt, c.delackAt, c.keepaliveAt) + c.context.slackNs;
  // The other two have high resolution.
  const snd = c.sender;
  if (snd !== null && snd.pacing !== null && snd.pacing.at < t) t = snd.pacing.at;
  if (rcv !== null && rcv.compressedAt < t) t = rcv.compressedAt;
  return t as Instant;
}

/** Handles every deadline that has passed, in this order. */
export function onTimer(c: Connection, now: Instant): void {
  if (c.receiver !== null && c.receiver.compressedAt <= now) onCompressedTimer(c);
  if (withSlack(c.context, c.delackAt) <= now) onDelackTimer(c);
  if (withSlack(c.context, c.timerAt) <= now) {
    const kind = c.timer;
    const due = c.timerAt;
    moveTimer(c, NEVER);
    // The other two stand in for the retransmission timer, and it matters to that which did (rearmRto).
    if (kind === TIMER_RETRANS || kind === TIMER_PROBE0) c.timer = TIMER_NONE;
    if (kind === TIMER_RETRANS) onRetransmitTimer(c, due, now);
    else if (kind === TIMER_PROBE0) onProbeTimer(c, now);
    else if (kind === TIMER_REO) onReoTimer(c, now);
    else if (kind === TIMER_TLP) c.work |= WORK_TAIL_PROBE;
  }
  const pacing = c.sender === null ? null : c.sender.pacing;
  if (pacing !== null && pacing.at <= now) onPacingTimer(c, pacing);
  if (withSlack(c.context, c.keepaliveAt) <= now) {
    moveKeepalive(c, NEVER);
    onKeepaliveTimer(c, now);
  }
}
