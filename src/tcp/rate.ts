/**
 * The rate at which the network delivers: one sample per ACK (net/ipv4/tcp_rate.c, draft-cheng-iccrg-delivery-rate-estimation).
 * Each transmission remembers how much had been delivered by then; when it is delivered itself, what came in between over the
 * longer of the sending and the acknowledging time is a sample. Where the application had nothing to send it is marked.
 *
 * Made only for a congestion control that asks for it (BBR), or with the option `deliveryRate`.
 */
import type { Instant } from '../base/units.ts';
import { usOf } from './clock.ts';
import { inFlight, type Connection } from './connection.ts';
import { SACKED, type Tx } from './send-queue.ts';
import { SEQ_ZERO, seqDiff, seqGt, type Seq } from './seq.ts';
import { ONE_BYTE_TRUESIZE } from './truesize.ts';

export class RateSampler {
  /** Send time of the segment delivered last, and when something was delivered last; µs. */
  private firstTxUs = 0;
  private deliveredUs = 0;
  /** End of the segment the sample is about. */
  private lastEnd: Seq = SEQ_ZERO;
  /** Samples are limited by the application until so much has been delivered; 0: they are not. */
  appLimited = 0;

  // ---- The sample of this ACK (struct rate_sample)
  private priorUs = -1;
  priorDelivered = 0;
  priorInFlight = 0;
  /** Frames delivered over the interval; −1: no sample. */
  delivered = -1;
  intervalUs = -1;
  isAppLimited = false;
  /** A lone segment, whose ACK may have been delayed. */
  isAckDelayed = false;
  /** Round trip of the newest segment (S)ACKed, µs; −1: none. */
  rttUs = -1;
  /** Frames newly delivered and newly marked lost. */
  ackedSacked = 0;
  losses = 0;

  // ---- The last one that was good (tcpi_delivery_rate)
  rateDelivered = 0;
  rateIntervalUs = 0;
  rateAppLimited = false;

  /** When something was delivered last, µs (delivered_mstamp). */
  get deliveredAtUs(): number {
    return this.deliveredUs;
  }

  /** A record leaves (tcp_rate_skb_sent). Before it is counted as out. */
  onSent(c: Connection, t: Tx, now: Instant): void {
    if (c.packetsOut === 0) {
      this.firstTxUs = usOf(now);
      this.deliveredUs = this.firstTxUs;
    }
    const s = (t.stamp ??= { firstTxUs: 0, deliveredUs: 0, delivered: 0, appLimited: false });
    s.firstTxUs = this.firstTxUs;
    s.deliveredUs = this.deliveredUs;
    s.delivered = c.delivered;
    s.appLimited = this.appLimited !== 0;
  }

  /** An ACK comes. */
  begin(c: Connection): void {
    this.priorUs = -1;
    this.priorDelivered = 0;
    this.priorInFlight = inFlight(c);
    this.isAckDelayed = false;
    this.isAppLimited = false;
    this.rttUs = -1;
  }

  /** A record is delivered: the one that was sent last counts (tcp_rate_skb_delivered). */
  onDelivered(t: Tx): void {
    const s = t.stamp;
    if (s === null || s.deliveredUs < 0) return;
    const sentUs = usOf(t.sentAt);
    const later =
      sentUs > this.firstTxUs || (sentUs === this.firstTxUs && seqGt(t.end, this.lastEnd));
    if (this.priorUs < 0 || later) {
      this.priorDelivered = s.delivered;
      this.priorUs = s.deliveredUs;
      this.isAppLimited = s.appLimited;
      this.firstTxUs = sentUs;
      this.lastEnd = t.end;
      this.intervalUs = Math.max(sentUs - s.firstTxUs, 0);
    }
    // It will come by again when it is acknowledged.
    if (t.sacked & SACKED) s.deliveredUs = -1;
  }

  /** One lone segment over the round trip: its ACK was probably delayed (FLAG_ACK_MAYBE_DELAYED). */
  noteLone(c: Connection): void {
    this.isAckDelayed = this.priorDelivered + 1 === c.delivered;
  }

  /** All is counted: the sample (tcp_rate_gen). */
  finish(c: Connection, delivered: number, losses: number, reneging: boolean, now: Instant): void {
    if (this.appLimited !== 0 && c.delivered > this.appLimited) this.appLimited = 0;
    const nowUs = usOf(now);
    if (delivered > 0) this.deliveredUs = nowUs;
    this.ackedSacked = delivered;
    this.losses = losses;
    if (this.priorUs < 0 || reneging) {
      this.delivered = -1;
      this.intervalUs = -1;
      return;
    }
    this.delivered = c.delivered - this.priorDelivered;
    this.intervalUs = Math.max(this.intervalUs, nowUs - this.priorUs);
    if (this.intervalUs < c.minRttUs) {
      this.intervalUs = -1;
      return;
    }
    const good =
      !this.isAppLimited ||
      this.delivered * this.rateIntervalUs >= this.rateDelivered * this.intervalUs;
    if (!good) return;
    this.rateDelivered = this.delivered;
    this.rateIntervalUs = this.intervalUs;
    this.rateAppLimited = this.isAppLimited;
  }

  /** What is out and what has been delivered: samples up to there are limited by the application. */
  limitByApp(c: Connection): void {
    this.appLimited = Math.max(c.delivered + inFlight(c), 1);
  }

  /** The application writes: was there a gap (tcp_rate_check_app_limited)? */
  checkAppLimited(c: Connection): void {
    if (
      seqDiff(c.writeSeq, c.sndNxt) < c.mssCache &&
      c.wmemAlloc < ONE_BYTE_TRUESIZE &&
      inFlight(c) < c.cwnd &&
      c.lostOut <= c.retransOut
    )
      this.limitByApp(c);
  }
}

/** Bytes/s that were delivered lately; 0 when it is not measured (tcp_compute_delivery_rate). */
export function deliveryRate(c: Connection): number {
  const r = c.sender?.rate ?? null;
  if (r === null || r.rateDelivered === 0 || r.rateIntervalUs === 0) return 0;
  return Math.floor((r.rateDelivered * c.mssCache * 1_000_000) / r.rateIntervalUs);
}
