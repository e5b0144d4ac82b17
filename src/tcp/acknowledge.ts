/**
 * The acknowledgment of a segment: window update, SACK, removal of what is acknowledged, round-trip sample, and what
 * congestion control and recovery make of it (net/ipv4/tcp_input.c tcp_ack()).
 */
import type { Instant } from '../base/units.ts';
import {
  F_ACKED,
  F_DATA,
  F_DATA_ACKED,
  F_DATA_SACKED,
  F_DSACKING_ACK,
  F_ECE,
  F_FORWARD_PROGRESS,
  F_NOT_DUP,
  F_ORIG_SACK_ACKED,
  F_RETRANS_DATA_ACKED,
  F_SACK_RENEGING,
  F_SET_XMIT_TIMER,
  F_SND_UNA_ADVANCED,
  F_WIN_UPDATE,
  REXMIT_NONE,
  type AckState,
} from './ack-state.ts';
import { CHRONO_BUSY, stopChrono } from './chrono.ts';
import { tsClock, usBetween, usOf } from './clock.ts';
import { CA_OPEN, ECN_NEEDED, WORK_SPACE, WORK_XMIT, type Connection } from './connection.ts';
import { fastRetransAlert, xmitRecovery } from './loss.ts';
import { inCwndReduction, slowStartAfterIdle } from './cwnd.ts';
import { acceptCwr, hasEcnEcho } from './ecn.ts';
import { reclaim } from './memory.ts';
import { syncMss } from './mss.ts';
import { mtuProbeAcked } from './mtu-probe.ts';
import { updatePacingRate } from './pacing.ts';
import { olderThanRecent } from './paws.ts';
import { removeRenoSacks } from './newreno.ts';
import { headerPredicted } from './predict.ts';
import { ackProbe } from './probe.ts';
import { reduceCwnd } from './prr.ts';
import { adaptReorderWindow, highestSackSeq, noteReordering, rackAdvance } from './rack.ts';
import { dropSendQueue, trimHead } from './records.ts';
import { computeRto, rttSample, updateMinRtt } from './rtt.ts';
import { tagSack } from './sack.ts';
import { SYN, segLen, type Segment } from './segment.ts';
import { EVER_RETRANS, LOST, RETRANS, SACKED, type Tx } from './send-queue.ts';
import { senderOf } from './sender.ts';
import { seqAdd, seqDiff, seqEq, seqGt, seqLe, seqLt } from './seq.ts';
import { processTlpAck, setXmitTimer } from './tlp.ts';
import { echoBefore } from './undo.ts';
import { challengeAck } from './validate.ts';

export const ACK_NEW = 1; // acceptable
export const ACK_OLD = 0; // below SND.UNA, but not too old
export const ACK_BAD = -1; // above SND.NXT, or far below SND.UNA

/** Fifth, check the ACK field; RFC 9293 §3.10.7.4. `challenge`: answer one that is far too old or not yet due (RFC 5961 §5). */
export function processAck(c: Connection, seg: Segment, challenge: boolean, now: Instant): number {
  const a = c.context.ackState;
  const ack = seg.ack;
  resetAckState(a, c, seg);
  if (seqLt(ack, c.sndUna)) return oldAck(c, seg, a, challenge, now);
  if (seqGt(ack, c.sndNxt)) {
    if (challenge) challengeAck(c, now);
    return ACK_BAD;
  }
  const outBefore = c.packetsOut;
  const deliveredBefore = c.delivered;
  // Linux takes data with a predicted header without a look at an ACK that acknowledges nothing.
  const heeded = (c.ecn & ECN_NEEDED) !== 0 && !headerPredicted(c, seg);
  if (seqGt(ack, c.sndUna)) {
    a.flag |= F_SND_UNA_ADVANCED;
    c.retransmits = 0;
  }
  updateTsRecent(c, seg, now);
  if (segLen(seg) > 0) a.flag |= F_DATA;
  else c.context.mib.TCPPureAcks++;
  if (updateWindow(c, seg, now)) a.flag |= F_WIN_UPDATE;
  const rate = c.sender === null ? null : c.sender.rate;
  const reneging = rate !== null && c.sender!.reneging;
  if (rate !== null) rate.begin(c);
  if (c.sackOk && seg.nsack > 0) tagSack(c, seg, a, now);
  if (c.ecn !== 0) {
    if (hasEcnEcho(c, seg)) a.flag |= F_ECE;
    acceptCwr(c, seg);
  }

  c.probesOut = 0;
  if (c.sender !== null) c.sender.softError = 0; // something gets through
  c.rcvTstamp = now;
  if (outBefore === 0) {
    // Nothing was out: at most a D-SACK, or an answer to a probe. DCTCP's average forgets all the same.
    if (heeded) c.congestion.onAck(c);
    if (a.flag & F_DSACKING_ACK) {
      fastRetransAlert(c, a, now);
      xmitRecovery(c, a);
    }
    ackProbe(c, now);
    if (c.sender !== null && c.sender.tlpActive) processTlpAck(c, a, now);
    return ACK_NEW;
  }
  // What is out may also be a SYN that crossed the peer's.
  const snd = senderOf(c);
  const lostBefore = snd.lost;
  cleanSendQueue(c, a, now);
  if ((snd.reoDsack || snd.reoSteps > 1) && a.flag & F_FORWARD_PROGRESS) adaptReorderWindow(c, now);
  if (a.flag & F_ECE) {
    snd.deliveredCe += c.delivered - deliveredBefore;
    c.context.mib.TCPDeliveredCE += c.delivered - deliveredBefore;
  }
  if (c.ecn & ECN_NEEDED) c.congestion.onAck(c);
  if (snd.tlpActive) processTlpAck(c, a, now);
  if (isDubious(c, a)) {
    if ((a.flag & (F_SND_UNA_ADVANCED | F_NOT_DUP | F_DSACKING_ACK)) === 0)
      a.dupacks = Math.max(1, seg.segs);
    fastRetransAlert(c, a, now);
  }
  if (a.flag & F_SET_XMIT_TIMER) setXmitTimer(c, now);
  const delivered = c.delivered - deliveredBefore;
  c.context.mib.TCPDelivered += delivered;
  if (rate !== null) rate.finish(c, delivered, snd.lost - lostBefore, reneging, now);
  if (c.congestion.ownsWindow) c.congestion.control(c, rate, now);
  else if (inCwndReduction(c)) reduceCwnd(c, delivered, snd.lost - lostBefore, a.flag);
  else if (mayRaiseCwnd(c, a)) c.congestion.congAvoid(c, delivered, now);
  if (snd.pacing !== null && !c.congestion.ownsWindow) updatePacingRate(c, snd.pacing);
  xmitRecovery(c, a);
  return ACK_NEW;
}

function resetAckState(a: AckState, c: Connection, seg: Segment): void {
  a.flag = 0;
  a.rexmit = REXMIT_NONE;
  a.dupacks = 0;
  a.priorUna = c.sndUna;
  a.priorFack = highestSackSeq(c);
  a.priorSacked = c.sackedOut;
  a.reord = c.sndNxt;
  a.firstSackAt = -1;
  a.lastSackAt = -1;
  a.hasTs = seg.hasTs;
  a.tsEcr = seg.tsEcr;
}

function oldAck(
  c: Connection,
  seg: Segment,
  a: AckState,
  challenge: boolean,
  now: Instant,
): number {
  const window = Math.min(c.maxWindow, c.bytesAcked);
  if (seqLt(seg.ack, seqAdd(c.sndUna, -window))) {
    if (challenge) challengeAck(c, now);
    return ACK_BAD;
  }
  if (c.sackOk && seg.nsack > 0) {
    tagSack(c, seg, a, now);
    fastRetransAlert(c, a, now);
    xmitRecovery(c, a);
  }
  return ACK_OLD;
}

/** An ACK that may mean trouble: it changes nothing, it SACKs, or there is trouble already (tcp_ack_is_dubious). */
const isDubious = (c: Connection, a: AckState): boolean =>
  (a.flag & F_NOT_DUP) === 0 ||
  (a.flag & (F_DATA_SACKED | F_ECE | F_DSACKING_ACK)) !== 0 ||
  c.caState !== CA_OPEN;

/** May the window grow on this ACK? With much reordering SACKed data counts too (tcp_may_raise_cwnd). */
const mayRaiseCwnd = (c: Connection, a: AckState): boolean =>
  (a.flag & (c.reordering > c.context.options.reordering ? F_FORWARD_PROGRESS : F_DATA_ACKED)) !==
  0;

/** TS.Recent, RFC 7323 §4.3: from segments that do not lie beyond the last ACK sent (tcp_replace_ts_recent). */
function updateTsRecent(c: Connection, seg: Segment, now: Instant): void {
  if (!seg.hasTs || !c.tsOk || seqGt(seg.seq, c.rcvWup)) return;
  if (olderThanRecent(c, seg, 0, now)) return;
  c.tsRecent = seg.tsVal;
  c.tsRecentStamp = now;
}

/** RFC 9293 §3.10.7.4: SND.WND, SND.WL1. Same numbers: a larger window is taken, a smaller one not, 0 is believed. */
function updateWindow(c: Connection, seg: Segment, now: Instant): boolean {
  const wnd = seg.flags & SYN ? seg.window : seg.window << c.sndWscale;
  const newer =
    seqGt(seg.ack, c.sndUna) ||
    seqGt(seg.seq, c.sndWl1) ||
    (seqEq(seg.seq, c.sndWl1) && (wnd > c.sndWnd || wnd === 0));
  if (newer) {
    c.sndWl1 = seg.seq;
    if (c.sndWnd !== wnd) {
      c.sndWnd = wnd;
      if (c.sendQueue !== null) slowStartAfterIdle(c, now);
      if (wnd > c.maxWindow) {
        c.maxWindow = wnd;
        syncMss(c);
      }
    }
  }
  const n = seqDiff(seg.ack, c.sndUna);
  c.bytesAcked += n;
  c.sndUna = seg.ack;
  if (n > 0) {
    c.unaOff = Math.min(c.unaOff + n - (c.synAcked ? 0 : 1), c.tx.written);
    c.synAcked = true;
  }
  return newer;
}

/** Takes what is acknowledged off the send queue, and samples the round trip (tcp_clean_rtx_queue). */
function cleanSendQueue(c: Connection, a: AckState, now: Instant): void {
  const snd = c.sender!;
  const q = c.sendQueue;
  let acked = 0;
  let firstAt = -1;
  let lastAt = -1;
  if (q !== null) {
    let t = q.head;
    // A record that was sent once, and that RACK has not seen: of those in a row the last is the newest.
    let unseen = false;
    let unseenEnd = c.sndUna;
    while (t !== null) {
      const whole = !seqGt(t.end, c.sndUna);
      let segs = t.segs;
      if (!whole) {
        if (segs === 1 || seqLe(c.sndUna, t.seq)) break;
        segs = trimAcked(c, t);
        if (segs === 0) break;
      }
      if ((t.sacked & (SACKED | RETRANS | EVER_RETRANS)) === 0) {
        lastAt = t.sentAt;
        unseenEnd = t.end;
        unseen = true;
        if (firstAt < 0) {
          // Those behind it begin and end later.
          firstAt = lastAt;
          if (seqLt(t.seq, a.reord)) a.reord = t.seq;
          if (seqLe(whole ? t.end : c.sndUna, snd.highSeq)) a.flag |= F_ORIG_SACK_ACKED;
        }
        if (c.sackOk) c.delivered += segs;
      } else {
        if (unseen && c.sackOk) rackAdvance(c, lastAt as Instant, unseenEnd, false, now);
        unseen = false;
        markedAcked(c, a, t, segs, now);
      }
      if (t.sacked & LOST) c.lostOut -= segs;
      if (snd.rate !== null) snd.rate.onDelivered(t);
      acked += segs;
      if (!whole) break;
      q.unlist(t);
      q.records.shift();
      q.sent--;
      c.wmemQueued -= t.truesize;
      q.give(t);
      t = q.head;
    }
    c.packetsOut -= acked;
    if (acked > 0) a.flag |= F_DATA_ACKED;
    if (unseen && c.sackOk) rackAdvance(c, lastAt as Instant, unseenEnd, false, now);
    if (t !== null) {
      if (t.sacked & SACKED) a.flag |= F_SACK_RENEGING;
    } else if (q.records.length === 0) {
      dropSendQueue(c, q);
      stopChrono(c, CHRONO_BUSY, now);
    }
    if (seqLt(snd.rtxHint, c.sndUna)) snd.rtxHint = c.sndUna;
    reclaim(c);
  }
  if (snd.mtuProbe !== null) mtuProbeAcked(c, snd.mtuProbe, now);
  sampleRtt(c, a, firstAt, lastAt, acked, now);
}

/** A record that was SACKed or sent more than once is acknowledged: `segs` segments of it. */
function markedAcked(c: Connection, a: AckState, t: Tx, segs: number, now: Instant): void {
  const repeated = (t.sacked & (RETRANS | EVER_RETRANS)) !== 0;
  if (t.sacked & RETRANS) c.retransOut -= segs;
  if (repeated) a.flag |= F_RETRANS_DATA_ACKED;
  if (t.sacked & SACKED) c.sackedOut -= segs;
  else if (c.sackOk) {
    c.delivered += segs;
    if (!spuriousRetrans(c, t, a)) rackAdvance(c, t.sentAt, t.end, repeated, now);
  }
}

/** Was the record repeated for nothing: does the echo show that the original arrived (tcp_skb_spurious_retrans)? */
function spuriousRetrans(c: Connection, t: Tx, a: AckState): boolean {
  return (t.sacked & (RETRANS | EVER_RETRANS)) !== 0 && echoBefore(c, a, t.sentAt);
}

/** Part of a record of several segments is acknowledged: how many segments of it (tcp_tso_acked). */
function trimAcked(c: Connection, t: Tx): number {
  const before = t.segs;
  trimHead(c, t);
  t.segs = Math.max(Math.ceil(t.len / c.mssCache), 1);
  return Math.max(before - t.segs, 0);
}

function sampleRtt(
  c: Connection,
  a: AckState,
  firstAt: number,
  lastAt: number,
  acked: number,
  now: Instant,
): void {
  let rttUs = -1;
  let newestUs = -1;
  let sackUs = -1;
  if (firstAt >= 0 && (a.flag & F_RETRANS_DATA_ACKED) === 0) {
    rttUs = usBetween(now, firstAt as Instant);
    newestUs = lastAt === firstAt ? rttUs : usBetween(now, lastAt as Instant);
  }
  if (a.firstSackAt >= 0) {
    sackUs = usBetween(now, a.firstSackAt as Instant);
    newestUs = usBetween(now, a.lastSackAt as Instant);
  }
  // Karn's rule holds without timestamps only: an echo tells which transmission it was (RFC 7323 §4.1).
  let us = rttUs < 0 ? sackUs : rttUs;
  if (us < 0 && a.hasTs && a.tsEcr !== 0 && a.flag & F_ACKED) {
    const ms = (tsClock(now) + c.tsOffset - a.tsEcr) | 0;
    if (ms >= 0 && ms < 2_147_483) {
      us = Math.max(ms, 1) * 1000;
      newestUs = us;
    }
  }
  const sampled = us >= 0;
  if (sampled) takeRttSample(c, us, newestUs, now);
  if (a.flag & F_ACKED) {
    a.flag |= F_SET_XMIT_TIMER;
    if (!c.sackOk) {
      removeRenoSacks(c, acked);
      if (a.flag & F_RETRANS_DATA_ACKED) a.flag &= ~F_ORIG_SACK_ACKED;
    } else if (seqLt(a.reord, a.priorFack)) noteReordering(c, a.reord, highestSackSeq(c), false);
  } else if (sampled && sackUs >= 0 && c.sendQueue !== null && c.sendQueue.sent > 0) {
    // Data sent after the head was: the head's timer need not run from its own time.
    if (sackUs > usBetween(now, c.sendQueue.records.at(0).sentAt)) a.flag |= F_SET_XMIT_TIMER;
  }
  const rate = c.sender!.rate;
  if (rate !== null) {
    rate.rttUs = newestUs;
    const lone =
      acked === 1 &&
      a.priorSacked === 0 &&
      seqDiff(c.sndUna, a.priorUna) < c.mssCache &&
      (a.flag & (F_DATA_SACKED | F_ECE | F_DSACKING_ACK)) === 0;
    if (lone) rate.noteLone(c);
  }
  c.congestion.onAcked(c, acked, newestUs, now);
}

/** One round-trip sample: estimator, RTO, and the end of a back-off (RFC 6298 §5.7 and Karn). */
export function takeRttSample(c: Connection, us: number, newestUs: number, now: Instant): void {
  if (newestUs >= 0) updateMinRtt(c, newestUs, usOf(now));
  rttSample(c, us);
  c.rto = computeRto(c);
  c.backoff = 0;
}

/** After a segment: something may be sendable, and a writer may have room (tcp_data_snd_check). */
export function dataSndCheck(c: Connection): void {
  if (c.sendQueue !== null && c.sendQueue.unsent > 0) c.work |= WORK_XMIT;
  if (c.noSpace) c.work |= WORK_SPACE;
}
