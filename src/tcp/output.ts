/**
 * What to send now: one segment per call, decided with the state at that time. The order is that of the handlers in
 * Linux: an ACK of before (DCTCP), reset, SYN, forced retransmission, probes, what is lost, new data, and a pure ACK only if
 * nothing carried it.
 */
import type { Instant } from '../base/units.ts';
import { acceptableSeq, emitted, fillBare, fillData } from './build.ts';
import { CHRONO_RWND, CHRONO_SNDBUF, startChrono, stopChrono } from './chrono.ts';
import { jiffiesNow, jiffiesOfMs } from './clock.ts';
import {
  CA_LOSS,
  TIMER_NONE,
  TIMER_PROBE0,
  TIMER_RETRANS,
  TIMER_TLP,
  WORK_ACK,
  WORK_HEAD,
  WORK_PRIOR_ACK,
  WORK_PROBE,
  WORK_REPLY_RST,
  WORK_RST,
  WORK_RTX,
  WORK_SPACE,
  WORK_SYN,
  WORK_TAIL_PROBE,
  WORK_WAKEUP,
  WORK_XMIT,
  WRITABLE,
  inFlight,
  type Connection,
} from './connection.ts';
import { startCongestion } from './congestion/index.ts';
import { NOT_STARTED } from './congestion/reno.ts';
import { inCwndReduction, validateCwnd } from './cwnd.ts';
import { currentMss, tsoSegments, windowEnd } from './mss.ts';
import { sentAt } from './pacing.ts';
import { scarce } from './memory.ts';
import { gatherProbe, mtuProbeSent, mtuProbeSize } from './mtu-probe.ts';
import { probeDropped } from './probe.ts';
import { enterCwr } from './prr.ts';
import { growTx, splitTx } from './records.ts';
import { ACK, BASE_HEADER, ECE, FIN, PSH, RST, type Segment } from './segment.ts';
import { EVER_RETRANS, type SendQueue, type Tx } from './send-queue.ts';
import { repeatTail, retransmit, retransmitLost, unrepeat } from './retransmit.ts';
import { senderOf, type Sender } from './sender.ts';
import { seqAdd, seqDiff, seqGe, seqGt, type Seq } from './seq.ts';
import { smallQueueFull } from './small-queue.ts';
import { sendSyn } from './syn.ts';
import { armTimer, clearTimer, probe0When, rearmRto, RESOURCE_PROBE_MS } from './timers.ts';
import { scheduleLossProbe } from './tlp.ts';
import { expandSndbuf, hasWriteSpace } from './send-memory.ts';
import { tsoShouldDefer } from './tso-defer.ts';

/** What `pollSeldom` looks at. */
const WORK_SELDOM =
  WORK_PRIOR_ACK |
  WORK_REPLY_RST |
  WORK_RST |
  WORK_SYN |
  WORK_HEAD |
  WORK_TAIL_PROBE |
  WORK_WAKEUP |
  WORK_PROBE;

/** Fills `out` with the next segment that `c` has to send; false: nothing now. Costs next to nothing when idle. */
export function pollSegment(c: Connection, now: Instant, out: Segment): boolean {
  if (c.work === 0) return false;
  if (c.work & WORK_SELDOM && pollSeldom(c, now, out)) return true;
  if (c.work & WORK_RTX) {
    if (retransmitLost(c, now, out)) return true;
    c.work &= ~WORK_RTX;
  }
  if (c.work & WORK_XMIT) {
    if (writeXmit(c, false, now, out)) return true;
    finishXmit(c, now);
    if (c.work & WORK_RTX && retransmitLost(c, now, out)) return true;
  }
  if (c.work & WORK_SPACE) {
    c.work &= ~WORK_SPACE;
    checkSpace(c, now);
  }
  if (c.work & WORK_ACK) return sendPureAck(c, now, out);
  return false;
}

/** What goes before all data, and seldom does. */
function pollSeldom(c: Connection, now: Instant, out: Segment): boolean {
  if (c.work & WORK_PRIOR_ACK) return sendPriorAck(c, now, out);
  if (c.work & WORK_REPLY_RST) return sendReplyRst(c, now, out);
  if (c.work & WORK_RST) return sendRst(c, now, out);
  if (c.work & WORK_SYN) return sendSyn(c, now, out);
  if (c.work & WORK_HEAD) {
    c.work &= ~WORK_HEAD;
    if (c.packetsOut > 0 && retransmit(c, c.sendQueue!, 0, 1, now, out)) return true;
  }
  if (c.work & WORK_TAIL_PROBE && sendTailProbe(c, now, out)) return true;
  if (c.work & WORK_WAKEUP && writeWakeup(c, now, out)) return true;
  return (c.work & WORK_PROBE) !== 0 && sendProbe(c, now, out);
}

// ---- Segments without data

function sendPureAck(c: Connection, now: Instant, out: Segment): boolean {
  fillBare(c, out, ACK, acceptableSeq(c), now);
  c.work &= ~WORK_ACK;
  // Also one that a reader sends, or the timer (tcp_mstamp_refresh in __tcp_cleanup_rbuf, tcp_delack_timer_handler).
  if (c.receiver !== null) c.receiver.mstamp = now;
  emitted(c, out, false, now);
  return true;
}

/**
 * DCTCP: an ACK that was delayed goes on its own when the CE mark changes, with the ECE of its time. The ACK of what brought
 * the change follows (dctcp_ece_ack_update).
 */
function sendPriorAck(c: Connection, now: Instant, out: Segment): boolean {
  const rcv = c.receiver!;
  c.work &= ~WORK_PRIOR_ACK;
  fillBare(c, out, ACK, acceptableSeq(c), now);
  c.work |= WORK_ACK;
  out.ack = rcv.priorAck;
  out.flags = rcv.priorEce ? out.flags | ECE : out.flags & ~ECE;
  // The window was reckoned from RCV.NXT (tcp_select_window).
  c.context.observer?.onWindow(c, c.rcvWnd, 'late');
  emitted(c, out, false, now);
  return true;
}

function sendProbe(c: Connection, now: Instant, out: Segment): boolean {
  c.work &= ~WORK_PROBE;
  fillBare(c, out, ACK, seqAdd(c.sndUna, -1), now);
  emitted(c, out, false, now);
  return true;
}

function sendRst(c: Connection, now: Instant, out: Segment): boolean {
  c.work = 0;
  fillBare(c, out, RST | ACK, acceptableSeq(c), now);
  c.context.mib.OutRsts++;
  emitted(c, out, false, now);
  return true;
}

/** The RST of replyRst. It carries no timestamp, as RFC 7323 §3.2 leaves open (tcp_v4_send_reset). */
function sendReplyRst(c: Connection, now: Instant, out: Segment): boolean {
  c.work &= ~WORK_REPLY_RST;
  const { seq, ack } = c.reply!;
  fillBare(c, out, RST, seq, now);
  out.hasTs = false;
  out.headerLen = BASE_HEADER;
  if (ack !== null) {
    out.flags |= ACK;
    out.ack = ack;
  }
  c.context.mib.OutRsts++;
  emitted(c, out, false, now);
  return true;
}

// ---- New data

/** Is the record held back by Nagle's rule with Minshall's change (tcp_nagle_check; RFC 9293 §3.7.4)? */
function nagleHolds(c: Connection, partial: boolean): boolean {
  if (!partial || c.naglePush) return false;
  if (c.cork) return true;
  if (c.noDelay || c.packetsOut === 0) return false;
  const snd = c.sender!;
  return seqGt(snd.sndSml, c.sndUna) && !seqGt(snd.sndSml, c.sndNxt);
}

/**
 * Sends the next new segment if window, congestion window, Nagle and the device's credit allow it (tcp_write_xmit). A tail
 * loss probe (`probe`) asks neither the congestion window nor Nagle.
 */
function writeXmit(c: Connection, probe: boolean, now: Instant, out: Segment): boolean {
  const q = c.sendQueue;
  if (q === null || q.unsent === 0) return false;
  if (c.receiver !== null) c.receiver.mstamp = now;
  const flight = inFlight(c);
  if (flight >= c.cwnd && !probe) return false;
  const pacing = c.sender!.pacing;
  if (pacing !== null && pacing.holds(c, now)) return false;
  const t = q.records.at(q.sent);
  if (c.held && seqGe(t.seq, c.heldSeq)) return false;
  const search = c.sender!.mtuProbe;
  if (search !== null && !probe) {
    const size = mtuProbeSize(c, search, now);
    if (size === 0) return false;
    if (size > 0 && gatherProbe(c, q, size)) {
      transmitNew(c, q, t, size, now, out);
      mtuProbeSent(c, search, t.seq, t.end);
      return true;
    }
  }
  const mss = currentMss(c);
  const segs = tsoSegments(c, mss);
  const quota = segs === 1 ? 1 : Math.max(Math.min(c.cwnd >> 1, c.cwnd - flight, segs), 1);
  if (t.len < quota * mss && q.unsent > 1) growTx(c, q, t, quota * mss - t.len);
  if (!fits(c, t, mss)) {
    c.sender!.rwndLimited = true;
    return false;
  }
  if (t.len < mss) {
    if (!probe && q.unsent === 1 && (t.flags & FIN) === 0 && nagleHolds(c, true)) return false;
  } else if (t.len > mss) {
    if (!probe && tsoShouldDefer(c, q, t, segs, now)) return false;
    const last = q.unsent === 1;
    const limit = splitPoint(c, t, mss, quota, last, probe, seqDiff(windowEnd(c), t.seq));
    if (t.len > limit) splitTx(c, q, q.sent, limit, mss);
  }
  if (smallQueueFull(c, q, t.truesize, 1)) return false;
  transmitNew(c, q, t, mss, now, out);
  return true;
}

/** Where a record that stands for several segments is cut (tcp_mss_split_point). */
function splitPoint(
  c: Connection,
  t: Tx,
  mss: number,
  segs: number,
  last: boolean,
  probe: boolean,
  window: number,
): number {
  const most = mss * segs;
  if (most <= window && !last) return most;
  const needed = Math.min(t.len, window);
  if (most <= needed) return most;
  const partial = needed % mss;
  return !probe && nagleHolds(c, partial !== 0) ? needed - partial : needed;
}

function transmitNew(
  c: Connection,
  q: SendQueue,
  t: Tx,
  mss: number,
  now: Instant,
  out: Segment,
): void {
  const snd = c.sender!;
  if (c.congestion === NOT_STARTED || c.congestion.name !== c.settings.congestion)
    startCongestion(c, now);
  if (inFlight(c) === 0) c.congestion.onTxStart(c, now);
  t.segs = t.len <= mss ? 1 : Math.ceil(t.len / mss);
  fillData(c, out, t, now);
  const untimed = c.packetsOut === 0 || c.timer === TIMER_TLP;
  if (snd.pacing !== null) snd.pacing.onSent(c, t.len, now);
  if (snd.rate !== null) snd.rate.onSent(c, t, now);
  q.sent++;
  c.context.mib.TCPOrigDataSent += t.segs;
  q.list(t);
  t.sentAt = sentAt(snd.pacing, now);
  c.sndNxt = t.end;
  c.packetsOut += t.segs;
  snd.sentSince += t.segs;
  snd.wakeup = false;
  if (inCwndReduction(c)) snd.prrOut += t.segs;
  if (t.len < t.segs * mss) snd.sndSml = t.end;
  if (untimed) rearmRto(c, now);
  emitted(c, out, false, now);
}

/** Nothing more can go now: judge the window, and arm the zero-window probe if nothing else will wake us. */
function finishXmit(c: Connection, now: Instant): void {
  const snd = c.sender;
  c.work &= ~WORK_XMIT;
  c.naglePush = false;
  if (snd !== null) {
    if (snd.rwndLimited) {
      snd.rwndLimited = false;
      startChrono(c, CHRONO_RWND, now);
    } else if (snd.chrono === CHRONO_RWND) stopChrono(c, CHRONO_RWND, now);
    const limited = snd.deferredByCwnd || inFlight(c) >= c.cwnd;
    snd.deferredByCwnd = false;
    if (snd.sentSince > 0 || limited) {
      const sent = snd.sentSince > 0;
      snd.sentSince = 0;
      validateCwnd(c, limited, now);
      if (sent) scheduleLossProbe(c, false, now);
    }
    if (snd.newDataFirst) afterNewData(c, snd);
  }
  const q = c.sendQueue;
  if (c.packetsOut === 0 && q !== null && q.unsent > 0 && c.timer === TIMER_NONE)
    armTimer(c, TIMER_PROBE0, probe0When(c, now), now);
}

/** F-RTO asked for new data: if none could be sent, it is what is lost that is sent (tcp_xmit_recovery). */
function afterNewData(c: Connection, snd: Sender): void {
  snd.newDataFirst = false;
  if (seqGt(c.sndNxt, snd.highSeq)) return;
  snd.frto = false;
  c.work |= WORK_RTX;
}

/** A refused writer may go on when a third of the buffer is free (tcp_check_space, sk_stream_write_space). */
function checkSpace(c: Connection, now: Instant): void {
  if (!c.noSpace) return;
  if (!c.settings.sndbufLocked && !scarce(c) && inFlight(c) < c.cwnd) {
    expandSndbuf(c);
    senderOf(c).cwndStamp = jiffiesNow(c.context, now);
  }
  if (!hasWriteSpace(c, true)) return;
  c.noSpace = false;
  c.events |= WRITABLE;
  if (c.sender !== null) stopChrono(c, CHRONO_SNDBUF, now);
}

// ---- Probes

/**
 * A tail loss probe is due (tcp_send_loss_probe; RFC 8985 §7.3): the next new segment if the window takes it, else the last
 * one again, one in an episode; then the retransmission time-out runs. False: nothing could be sent.
 */
function sendTailProbe(c: Connection, now: Instant, out: Segment): boolean {
  c.work &= ~WORK_TAIL_PROBE;
  const snd = c.sender!;
  let sent = false;
  if (c.packetsOut > 0 && !snd.tlpActive) {
    snd.tlpRetrans = false;
    const next = hasSendable(c);
    sent = next ? writeXmit(c, true, now, out) : repeatTail(c, now, out);
    if (next && sent) {
      validateCwnd(c, inFlight(c) >= c.cwnd, now);
      snd.sentSince = 0;
    }
    snd.tlpRetrans = sent && !next;
  }
  if (sent) {
    snd.tlpActive = true;
    snd.tlpHighSeq = c.sndNxt;
    c.context.mib.TCPLossProbes++;
    // From now on, not from when the first segment was sent.
    c.timer = TIMER_NONE;
  }
  rearmRto(c, now);
  return sent;
}

/** Is there new data that the peer's window lets go? */
function hasSendable(c: Connection): boolean {
  const q = c.sendQueue;
  return q !== null && q.unsent > 0 && fits(c, q.records.at(q.sent), currentMss(c));
}

/** Does a segment of `t` fit into the peer's window (tcp_snd_wnd_test)? */
const fits = (c: Connection, t: Tx, mss: number): boolean =>
  !seqGt(t.len > mss ? seqAdd(t.seq, mss) : t.end, windowEnd(c));

/**
 * A probe that carries data, when the window is open but too small for a whole segment (tcp_write_wakeup). False when
 * there is nothing to carry; then the probe is empty.
 */
function writeWakeup(c: Connection, now: Instant, out: Segment): boolean {
  c.work &= ~WORK_WAKEUP;
  const q = c.sendQueue;
  if (q === null || q.unsent === 0) return false;
  const t = q.records.at(q.sent);
  const room = seqDiff(windowEnd(c), t.seq);
  if (room <= 0) {
    c.work |= WORK_PROBE;
    return false;
  }
  const mss = currentMss(c);
  if (room < seqDiff(t.end, t.seq) || t.len > mss) {
    const len = Math.min(room, mss);
    if (len < t.len) splitTx(c, q, q.sent, len, mss);
  }
  t.flags |= PSH;
  transmitNew(c, q, t, mss, now, out);
  c.sender!.wakeup = true;
  return true;
}

// ---- Local congestion

/**
 * The queue in front of the device had no room for a segment, and TCP is told at once (NET_XMIT_DROP; tcp_transmit_skb): that
 * is congestion, and the segment is still to be sent. New data stays in front of the send queue; what was to be repeated
 * stays lost.
 *
 * @param seq what was dropped, as pollSegment gave it: `size` is its payload and 1 for a FIN
 */
export function onXmitDropped(c: Connection, seq: Seq, size: number, now: Instant): void {
  const q = c.sendQueue;
  if (c.sender === null || c.state === 'CLOSED') return;
  const i = q === null || size === 0 ? -1 : q.find(seq);
  const t = i < 0 || i >= q!.sent ? null : q!.records.at(i);
  if (t !== null && t.seq === seq) {
    if (t.sacked & EVER_RETRANS) {
      unrepeat(c, q!, t);
      c.work &= ~WORK_RTX;
      if (i === 0 && c.caState === CA_LOSS)
        armTimer(c, TIMER_RETRANS, jiffiesOfMs(c.context, RESOURCE_PROBE_MS), now);
    } else unsend(c, q!, t);
  }
  enterCwr(c, now);
  const probe = size === 0 ? seqDiff(c.sndUna, seq) === 1 : c.sender.wakeup;
  if (probe && c.packetsOut === 0) probeDropped(c, now);
  if (c.work & WORK_XMIT) finishXmit(c, now);
}

/** The segment has left, but another of this connection was dropped for it (NET_XMIT_CN): that is congestion. */
export function onXmitCongested(c: Connection, now: Instant): void {
  if (c.sender !== null && c.state !== 'CLOSED') enterCwr(c, now);
}

/** Takes back transmitNew. */
function unsend(c: Connection, q: SendQueue, t: Tx): void {
  const snd = c.sender!;
  q.unlist(t);
  q.sent--;
  c.sndNxt = t.seq;
  c.packetsOut -= t.segs;
  snd.sentSince = Math.max(snd.sentSince - t.segs, 0);
  if (inCwndReduction(c)) snd.prrOut -= t.segs;
  if (seqGt(snd.sndSml, c.sndNxt)) snd.sndSml = c.sndUna;
  if (snd.tlpActive && seqGt(snd.tlpHighSeq, c.sndNxt)) snd.tlpActive = false;
  if (c.packetsOut === 0) clearTimer(c);
}
