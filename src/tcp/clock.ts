/**
 * Time as TCP sees it: jiffies for timers, microseconds for round-trip times, milliseconds for timestamps. Durations are
 * computed in jiffies with Linux's rounding; deadlines expire exactly then, or by `timerSlackUs`
 * later. With `hz: exact` nothing is rounded.
 */
import type { Duration, Instant } from '../base/units.ts';
import type { TcpContext } from './context.ts';

/** Microseconds as a timer length: rounded up to whole jiffies (usecs_to_jiffies). */
export function jiffiesOfUs(x: TcpContext, us: number): Duration {
  const j = x.jiffyNs;
  if (j === 0) return (us * 1000) as Duration;
  return (Math.ceil((us * 1000) / j) * j) as Duration;
}

export const jiffiesOfMs = (x: TcpContext, ms: number): Duration => jiffiesOfUs(x, ms * 1000);

/** The clock of timers: `now` on the last tick (tcp_jiffies32). */
export function jiffiesNow(x: TcpContext, now: Instant): Instant {
  // Asked several times a segment: within a tick two comparisons do for a division.
  const { tick, tickNs } = x;
  if (now >= tick && now - tick < tickNs) return tick;
  return (x.tick = (Math.floor(now / tickNs) * tickNs) as Instant);
}

/** Half a duration, in whole ticks. */
export function halfTicks(x: TcpContext, d: Duration): number {
  const j = x.jiffyNs;
  return j === 0 ? Math.floor(d / 2) : Math.floor(d / j / 2) * j;
}

/**
 * When a timer that is due at `t` fires. The wheel of Linux never fires early: it adds a tick to what was asked for, part of
 * which had gone by then (kernel/time/timer.c calc_index), so timers are late by up to a tick, as the phase of the tick has it.
 */
export const withSlack = (x: TcpContext, t: Instant): Instant => (t + x.slackNs) as Instant;

/** tcp_mstamp: microseconds, rounded down. */
export const usOf = (t: Instant): number => Math.floor(t / 1000);

/** Microseconds between two instants as two readings of that clock (tcp_stamp_us_delta): never negative. */
export const usBetween = (later: Instant, earlier: Instant): number => {
  const d = Math.floor(later / 1000) - Math.floor(earlier / 1000);
  return d > 0 ? d : 0;
};

/** The timestamp clock: one tick a millisecond (TCP_TS_HZ), before the connection's offset; modulo 2^32, signed. */
export const tsClock = (now: Instant): number => Math.floor(now / 1_000_000) | 0;
