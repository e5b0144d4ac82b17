/**
 * Pacing: after each segment the next one waits for as long as it takes at the pacing rate (tcp_update_skb_after_send,
 * tcp_pacing_check). TCP does it itself, by one more deadline; where the queue in front of the device is fq, it hands each
 * segment's earliest departure time over instead, and does not wait (SK_PACING_FQ). Made for a congestion control that needs it (BBR), for
 * SO_MAX_PACING_RATE and for fq.
 */
import { DOUBLE_0, type Instant, NEVER } from '../base/units.ts';
import { WORK_RTX, WORK_XMIT, type Connection } from './connection.ts';
import { windowRate } from './mss.ts';
import { senderOf } from './sender.ts';
import { movePacing } from './timers.ts';

/** Frames that go at once at the start, as fq always let them. */
const INITIAL_QUANTUM = 10;

export class Pacing {
  /** Bytes/s (sk_pacing_rate); Infinity: no bound. */
  rate: number = Infinity;
  /** SO_MAX_PACING_RATE. */
  max: number;
  /** Earliest departure of the next segment (tcp_wstamp_ns). */
  nextAt: Instant = DOUBLE_0;
  /** The deadline, while something waits for it. */
  at: Instant = NEVER;
  /** The device's queue waits in place of TCP. */
  readonly fq: boolean;
  /** Of the last segment that left (skb->tstamp); only with fq. */
  departure: Instant = DOUBLE_0;

  constructor(max: number, fq: boolean) {
    this.max = max;
    this.fq = fq;
  }

  setRate(bytesPerSec: number): void {
    this.rate = Math.min(bytesPerSec, this.max);
  }

  /** Has the next segment to wait? Then the deadline is set. */
  holds(c: Connection, now: Instant): boolean {
    if (this.fq || this.nextAt <= now) return false;
    movePacing(c, this, this.nextAt);
    return true;
  }

  /** A segment is built: it leaves now, or when fq lets it. */
  depart(now: Instant): Instant {
    if (!this.fq || this.nextAt < now) return (this.departure = now);
    return (this.departure = this.nextAt);
  }

  /** A segment of `bytes` payload leaves. */
  onSent(c: Connection, bytes: number, now: Instant): void {
    const before = this.nextAt;
    if (before < now) this.nextAt = now;
    if (this.rate === Infinity || this.rate === 0 || c.dataSegsOut < INITIAL_QUANTUM) return;
    const gap = Math.floor((bytes * 1_000_000_000) / this.rate);
    // What the timer was late by is made good, up to half of the gap.
    const credit = Math.min(this.nextAt - before, Math.floor(gap / 2));
    this.nextAt = (this.nextAt + gap - credit) as Instant;
  }
}

/** The deadline has come: what waited may go (tcp_pace_kick). */
export function onPacingTimer(c: Connection, p: Pacing): void {
  movePacing(c, p, NEVER);
  if (c.sendQueue !== null) c.work |= WORK_XMIT | (c.lostOut > c.retransOut ? WORK_RTX : 0);
}

/** From now on the connection paces what it sends (SK_PACING_NEEDED), at first by what the window gives. */
export function startPacing(c: Connection): Pacing {
  const snd = senderOf(c);
  if (snd.pacing !== null) return snd.pacing;
  snd.pacing = new Pacing(c.settings.maxPacingRate, c.path.fq);
  if (c.srttUs > 0) updatePacingRate(c, snd.pacing);
  return snd.pacing;
}

/** When the segment that was just built wants to leave, ns; 0: at once. */
export function departureOf(c: Connection): number {
  const p = c.sender === null ? null : c.sender.pacing;
  return p !== null && p.fq ? p.departure : 0;
}

/** When it counts as sent: round trips and time-outs begin at its departure (skb_mstamp_ns). */
export const sentAt = (p: Pacing | null, now: Instant): Instant =>
  p !== null && p.fq ? p.departure : now;

/** SO_MAX_PACING_RATE, bytes/s; Infinity: none. */
export function setMaxPacingRate(c: Connection, bytesPerSec: number): void {
  const p = bytesPerSec === Infinity ? (c.sender?.pacing ?? null) : startPacing(c);
  if (p === null) return;
  p.max = bytesPerSec;
  p.rate = Math.min(p.rate, bytesPerSec);
}

/** After an ACK, unless the congestion control sets the rate itself (tcp_update_pacing_rate). */
export const updatePacingRate = (c: Connection, p: Pacing): void => p.setRate(windowRate(c));
