/**
 * RACK loss detection (RFC 8985 §6, net/ipv4/tcp_recovery.c): a segment is lost when one sent later has been delivered and
 * the reordering window has passed. Linux 6.17 dropped the counting of RFC 6675; with SACK this is the only rule, whatever
 * bit 0x1 of tcp_recovery says. Segments are looked at in the order of their transmission, and each leaves the list when it
 * is delivered or lost, so an ACK costs what it finds, never the window.
 */
import type { Duration, Instant } from '../base/units.ts';
import { jiffiesOfUs, usBetween } from './clock.ts';
import { CA_RECOVERY, TIMER_REO, type Connection } from './connection.ts';
import { LOST, RACK_LOST, RETRANS, SACKED, type SendQueue, type Tx } from './send-queue.ts';
import { seqDiff, seqGt, seqLt, type Seq } from './seq.ts';
import { armTimer, TIMEOUT_MIN_US } from './timers.ts';

/** Bits of tcp_recovery that are still looked at: the window does not adapt; duplicates do not make it 0. */
const STATIC_REO_WINDOW = 2;
const NO_DUPTHRESH = 4;
/** Quarters of the least RTT, and recoveries for which a wider window is kept (TCP_RACK_RECOVERY_THRESH). */
const MOST_REO_STEPS = 255;
export const REO_PERSIST = 16;

const sentAfter = (at1: Instant, at2: Instant, end1: Seq, end2: Seq): boolean =>
  at1 > at2 || (at1 === at2 && seqGt(end1, end2));

/**
 * A segment was delivered (tcp_rack_advance).
 *
 * @param at        when it was last sent
 * @param repeated  it was sent more than once
 */
export function rackAdvance(
  c: Connection,
  at: Instant,
  end: Seq,
  repeated: boolean,
  now: Instant,
): void {
  const snd = c.sender!;
  const rtt = usBetween(now, at);
  // Too soon for a retransmission: it was the original that arrived.
  if (repeated && rtt < c.minRttUs) return;
  snd.rackAdvanced = true;
  snd.rackRttUs = rtt;
  if (sentAfter(at, snd.rackAt, end, snd.rackEnd)) {
    snd.rackAt = at;
    snd.rackEnd = end;
  }
}

/** How long a segment may be overtaken, µs (tcp_rack_reo_wnd; RFC 8985 §6.2 step 4). */
function reorderWindow(c: Connection): number {
  const snd = c.sender!;
  if (snd.reordSeen === 0) {
    // Reordering has not been seen: in recovery, and at the duplicate-ACK threshold, do not wait for it.
    if (c.caState >= CA_RECOVERY) return 0;
    const threshold = (c.context.options.recovery & NO_DUPTHRESH) === 0;
    if (threshold && c.sackedOut >= c.reordering) return 0;
  }
  const quarter = c.minRttUs === 0x7fffffff ? 0 : c.minRttUs >> 2;
  return Math.min(quarter * snd.reoSteps, c.srttUs >> 3);
}

/**
 * D-SACKs show that what was only reordered has been repeated: a wider window, one step per round trip, which goes back after
 * 16 recoveries without (tcp_rack_update_reo_wnd). Linux tells a round trip by what had been delivered when the newest
 * delivered segment was sent; here by when that was.
 */
export function adaptReorderWindow(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (c.context.options.recovery & STATIC_REO_WINDOW) return;
  if (snd.rackAt < snd.reoWidenedAt) snd.reoDsack = false;
  if (snd.reoDsack) {
    snd.reoSteps = Math.min(snd.reoSteps + 1, MOST_REO_STEPS);
    snd.reoDsack = false;
    snd.reoWidenedAt = now;
    snd.reoPersist = REO_PERSIST;
  } else if (snd.reoPersist === 0) snd.reoSteps = 1;
}

/** µs until the segment counts as lost; ≤ 0: it does now (tcp_rack_skb_timeout). */
export const rackRemaining = (c: Connection, t: Tx, reoUs: number, now: Instant): number =>
  c.sender!.rackRttUs + reoUs - usBetween(now, t.sentAt);

/** Marks what is lost; µs until the next segment would be, 0 when there is none (tcp_rack_detect_loss). */
export function rackDetectLoss(c: Connection, now: Instant): number {
  const snd = c.sender!;
  const q = c.sendQueue!;
  const reo = reorderWindow(c);
  let wait = 0;
  let t = q.oldest;
  while (t !== null) {
    const next: Tx | null = t.newer;
    if (!sentAfter(snd.rackAt, t.sentAt, snd.rackEnd, t.end)) break;
    const left = rackRemaining(c, t, reo, now);
    if (left <= 0) {
      markLost(c, q, t);
      t.sacked |= RACK_LOST;
    } else if (left > wait) wait = left;
    t = next;
  }
  return wait;
}

/** After an ACK: what is lost now, and a timer for what may be soon. True when that timer was set (tcp_rack_mark_lost). */
export function rackMarkLost(c: Connection, now: Instant): boolean {
  const snd = c.sender!;
  if (!snd.rackAdvanced) return false;
  snd.rackAdvanced = false;
  const wait = rackDetectLoss(c, now);
  if (wait === 0) return false;
  const after = jiffiesOfUs(c.context, wait + TIMEOUT_MIN_US);
  armTimer(c, TIMER_REO, Math.min(after, c.rto) as Duration, now);
  return true;
}

/** The segment, or its retransmission, is lost, and no longer in the network (tcp_mark_skb_lost). */
export function markLost(c: Connection, q: SendQueue, t: Tx): void {
  const snd = c.sender!;
  q.unlist(t);
  if (t.sacked & SACKED) return;
  if (seqLt(t.seq, snd.rtxHint)) snd.rtxHint = t.seq;
  if (t.sacked & LOST) {
    if ((t.sacked & RETRANS) === 0) return;
    t.sacked &= ~RETRANS;
    c.retransOut -= t.segs;
    c.context.mib.TCPLostRetransmit += t.segs;
  } else {
    t.sacked |= LOST;
    c.lostOut += t.segs;
  }
  snd.lost += t.segs;
}

/** Data arrived out of turn: how far (tcp_check_sack_reordering)? `ts`: shown by a timestamp. */
export function noteReordering(c: Connection, low: Seq, highest: Seq, ts: boolean): void {
  const distance = seqDiff(highest, low);
  if (distance <= 0) return;
  if (distance > c.reordering * c.mssCache) {
    c.reordering = Math.min(Math.ceil(distance / c.mssCache), c.context.options.maxReordering);
  }
  c.sender!.reordSeen++;
  if (ts) c.context.mib.TCPTSReorder++;
  else c.context.mib.TCPSACKReorder++;
}

/** End of the highest SACKed record, SND.UNA when there is none (tcp_highest_sack_seq). */
export const highestSackSeq = (c: Connection): Seq =>
  c.sackedOut > 0 ? c.sender!.highestSack : c.sndUna;
