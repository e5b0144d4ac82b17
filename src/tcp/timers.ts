/** Arming and stopping the timers of a connection, and how long they run. What happens when they expire: deadlines.ts. */
import { add, NEVER, type Duration, type Instant } from '../base/units.ts';
import { jiffiesOfMs, usOf } from './clock.ts';
import {
  DEADLINE,
  TIMER_NONE,
  TIMER_REO,
  TIMER_RETRANS,
  TIMER_TLP,
  type Connection,
} from './connection.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import type { Pacing } from './pacing.ts';
import type { Receiver } from './receiver.ts';
import { rtoMax, rtoMin } from './rtt.ts';

/** What Linux waits before it tries again to send what its own host had no room for (TCP_RESOURCE_PROBE_INTERVAL). */
export const RESOURCE_PROBE_MS = 500;
/** Least length of a probe's or reordering timer, µs (include/net/tcp.h TCP_TIMEOUT_MIN_US). */
export const TIMEOUT_MIN_US = 2000;

// ---- The deadlines: written here only, so that whoever waits for the earliest hears of it (DEADLINE)

/** Of the retransmission timer and what excludes it (`c.timer` says which). */
export function moveTimer(c: Connection, at: Instant): void {
  if (c.timerAt === at) return;
  c.timerAt = at;
  c.events |= DEADLINE;
}

/** Of the delayed ACK. */
export function moveDelack(c: Connection, at: Instant): void {
  if (c.delackAt === at) return;
  c.delackAt = at;
  c.events |= DEADLINE;
}

/** Of keepalive, and of an orphan in FIN-WAIT-2. */
export function moveKeepalive(c: Connection, at: Instant): void {
  if (c.keepaliveAt === at) return;
  c.keepaliveAt = at;
  c.events |= DEADLINE;
}

/** Of ACKs that are held back. */
export function moveCompressed(c: Connection, rcv: Receiver, at: Instant): void {
  if (rcv.compressedAt === at) return;
  rcv.compressedAt = at;
  c.events |= DEADLINE;
}

/** Of what waits for the pacing rate. */
export function movePacing(c: Connection, p: Pacing, at: Instant): void {
  if (p.at === at) return;
  p.at = at;
  c.events |= DEADLINE;
}

// ---- Arming and stopping

export function armTimer(c: Connection, kind: number, after: Duration, now: Instant): void {
  c.timer = kind;
  moveTimer(c, add(now, Math.min(after, rtoMax(c)) as Duration));
}

export function stopTimer(c: Connection, kind: number): void {
  if (c.timer === kind) clearTimer(c);
}

/** Nothing waits for the retransmission timer any more. */
export function clearTimer(c: Connection): void {
  c.timer = TIMER_NONE;
  moveTimer(c, NEVER);
}

export function stopAllTimers(c: Connection): void {
  clearTimer(c);
  moveDelack(c, NEVER);
  if (c.receiver !== null) moveCompressed(c, c.receiver, NEVER);
  if (c.sender !== null && c.sender.pacing !== null) movePacing(c, c.sender.pacing, NEVER);
  moveKeepalive(c, NEVER);
}

/** Until the first segment that is out has waited for an RTO, in whole ticks; ≤ 0: it has (tcp_rto_delta_us). */
export function rtoLeft(c: Connection, now: Instant): number {
  const q = c.sendQueue;
  if (q === null || q.sent === 0) return c.rto;
  const left = c.rto - (usOf(now) - usOf(q.records.at(0).sentAt)) * 1000;
  const j = c.context.jiffyNs;
  return j === 0 ? left : Math.ceil(left / j) * j;
}

/**
 * (Re)starts the retransmission timer, or stops it when nothing is out (tcp_rearm_rto; RFC 6298 §5.1–5.3). If a probe's or
 * reordering timer ran in its place, it goes on from when the first segment was sent.
 */
export function rearmRto(c: Connection, now: Instant): void {
  // The timer is that of the SYN-ACK, whatever is sent meanwhile.
  if (awaitsHandshake(c)) return;
  if (c.packetsOut === 0) {
    clearTimer(c);
    return;
  }
  let after: number = c.rto;
  if (c.timer === TIMER_REO || c.timer === TIMER_TLP) {
    const least = c.context.jiffyNs === 0 ? 1000 : c.context.jiffyNs;
    after = Math.max(rtoLeft(c, now), least);
  }
  armTimer(c, TIMER_RETRANS, after as Duration, now);
}

/** Interval of the next zero-window probe: the RTO, doubled for each one before (tcp_probe0_when). */
export function probe0When(c: Connection, now: Instant): Duration {
  const most = rtoMax(c);
  const base = Math.max(c.rto, rtoMin(c));
  // Linux bounds the shift by log2(TCP_RTO_MAX / TCP_RTO_MIN) + 1 of the compiled-in values.
  const shift = Math.min(c.backoff, 10);
  return clampToUserTimeout(c, Math.min(base * (1 << shift), most) as Duration, now);
}

/** The user timeout ends the wait for a probe (tcp_clamp_probe0_to_user_timeout). */
export function clampToUserTimeout(c: Connection, when: Duration, now: Instant): Duration {
  const snd = c.sender!;
  if (c.settings.userTimeoutMs === 0 || snd.probesStamp === NEVER) return when;
  const left = jiffiesOfMs(c.context, c.settings.userTimeoutMs) - (now - snd.probesStamp);
  const tick = c.context.jiffyNs === 0 ? 1_000_000 : c.context.jiffyNs;
  return Math.min(when, Math.max(left, 2 * tick)) as Duration;
}
