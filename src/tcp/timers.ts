/** Arming and stopping the timers of a connection, and how long they run. What happens when they expire: deadlines.ts. */
import { add, NEVER, type Duration, type Instant } from '../base/units.ts';
import { jiffiesOfMs } from './clock.ts';
import { TIMER_NONE, TIMER_REO, TIMER_RETRANS, type Connection } from './connection.ts';
import { rtoMax, rtoMin } from './rtt.ts';

export function armTimer(c: Connection, kind: number, after: Duration, now: Instant): void {
  c.timer = kind;
  c.timerAt = add(now, Math.min(after, rtoMax(c)) as Duration);
}

export function stopTimer(c: Connection, kind: number): void {
  if (c.timer !== kind) return;
  c.timer = TIMER_NONE;
  c.timerAt = NEVER;
}

export function stopAllTimers(c: Connection): void {
  c.timer = TIMER_NONE;
  c.timerAt = NEVER;
  c.delackAt = NEVER;
  if (c.receiver !== null) c.receiver.compressedAt = NEVER;
  if (c.sender !== null && c.sender.pacing !== null) c.sender.pacing.at = NEVER;
  c.keepaliveAt = NEVER;
}

/** (Re)starts the retransmission timer, or stops it when nothing is out (tcp_rearm_rto; RFC 6298 §5.1–5.3). */
export function rearmRto(c: Connection, now: Instant): void {
  if (c.packetsOut === 0) {
    stopTimer(c, TIMER_RETRANS);
    stopTimer(c, TIMER_REO);
  } else armTimer(c, TIMER_RETRANS, c.rto, now);
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
function clampToUserTimeout(c: Connection, when: Duration, now: Instant): Duration {
  const snd = c.sender!;
  if (c.settings.userTimeoutMs === 0 || snd.probesStamp === NEVER) return when;
  const left = jiffiesOfMs(c.context, c.settings.userTimeoutMs) - (now - snd.probesStamp);
  const tick = c.context.jiffyNs === 0 ? 1_000_000 : c.context.jiffyNs;
  return Math.min(when, Math.max(left, 2 * tick)) as Duration;
}
