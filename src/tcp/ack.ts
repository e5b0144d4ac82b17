/**
 * When to acknowledge: quick ACKs, delayed ACKs, ping-pong mode, ACK compression of out-of-order data, D-SACK. The ACK itself
 * is built by output.ts; what answers a segment that is not acceptable is decided in validate.ts.
 */
import { add, NEVER, type Duration, type Instant } from '../base/units.ts';
import { halfTicks, jiffiesNow, jiffiesOfMs, jiffiesOfUs } from './clock.ts';
import {
  ACK_NOW,
  ACK_PUSHED,
  ACK_PUSHED2,
  ACK_SCHED,
  ACK_TIMER,
  WORK_ACK,
  type Connection,
} from './connection.ts';
import { takeEcnMark } from './ecn.ts';
import { lastReceived, receiverOf } from './receiver.ts';
import type { Segment } from './segment.ts';
import { seqDiff, seqGt, seqLt, type Seq } from './seq.ts';
import { moveCompressed, moveDelack } from './timers.ts';
import { growWindow, measureRcvMss, measureRcvRtt, receiveWindow, selectWindow } from './window.ts';

/** include/net/tcp.h TCP_MAX_QUICKACKS. */
export const MAX_QUICKACKS = 16;
const FASTRETRANS_THRESH = 3;

const atoMin = (c: Connection): Duration => c.context.atoMin;

export const inPingpong = (c: Connection): boolean =>
  c.ackPingpong >= c.context.options.pingpongThresh;
export const exitPingpong = (c: Connection): void => void (c.ackPingpong = 0);
export const enterPingpong = (c: Connection): void =>
  void (c.ackPingpong = c.context.options.pingpongThresh);

export function scheduleAck(c: Connection): void {
  c.ackPending |= ACK_SCHED;
}

/** An ACK leaves at the next poll, alone if no data goes. */
export function sendAck(c: Connection): void {
  c.work |= WORK_ACK;
}

/**
 * The ACK of a SYN-ACK waits a little: there is data to go with it, or whoever listens waits for data anyway (TCP_DEFER_ACCEPT;
 * tcp_rcv_synsent_state_process).
 */
export function ackWithData(c: Connection, now: Instant): void {
  enterQuickack(c, MAX_QUICKACKS);
  c.ackPending |= ACK_SCHED | ACK_TIMER;
  moveDelack(c, add(now, c.context.delackMax));
}

/** Grants quick ACKs for half a window of segments, at most `max` (tcp_incr_quickack). */
function grantQuickAcks(c: Connection, max: number): void {
  let n = Math.floor(c.rcvWnd / (2 * c.rcvMss));
  if (n === 0) n = 2;
  if (n > max) n = max;
  if (n > c.ackQuick) c.ackQuick = n;
}

export function enterQuickack(c: Connection, max: number): void {
  grantQuickAcks(c, max);
  exitPingpong(c);
  c.ackAto = atoMin(c);
}

const inQuickack = (c: Connection): boolean =>
  c.path.quickack || (c.ackQuick > 0 && !inPingpong(c));

/** Data went into the receive queue in order (tcp_event_data_recv). */
export function onDataReceived(c: Connection, seg: Segment, now: Instant): void {
  const rcv = c.receiver!;
  const x = c.context;
  scheduleAck(c);
  measureRcvMss(c, seg);
  measureRcvRtt(c, now);
  const t = jiffiesNow(x, now);
  if (c.ackAto === 0) {
    // The first data: start the delayed-ACK engine.
    grantQuickAcks(c, MAX_QUICKACKS);
    c.ackAto = atoMin(c);
  } else {
    const gap = t - rcv.lrcvTime;
    const half = x.atoMin / 2;
    if (gap <= half) {
      if (c.ackAto !== x.atoSteady) c.ackAto = (halfTicks(x, c.ackAto) + half) as Duration;
    } else if (gap < c.ackAto) c.ackAto = Math.min(halfTicks(x, c.ackAto) + gap, c.rto) as Duration;
    else if (gap > c.rto) grantQuickAcks(c, MAX_QUICKACKS);
  }
  rcv.lrcvTime = t;
  checkEcn(c, seg);
  if (seg.len >= 128) growWindow(c, seg);
}

/** Data came: does its mark ask for ACKs at once (tcp_data_ecn_check)? */
export function checkEcn(c: Connection, seg: Segment): void {
  if (c.ecn !== 0 && takeEcnMark(c, seg)) enterQuickack(c, 2);
}

/** After a segment: acknowledge now, later, or not at all (tcp_ack_snd_check, __tcp_ack_snd_check). */
export function ackSndCheck(c: Connection, now: Instant): void {
  if ((c.ackPending & ACK_SCHED) === 0) return;
  const unacked = seqDiff(c.rcvNxt, c.rcvWup);
  if (
    (unacked > c.rcvMss &&
      (seqDiff(c.rcvNxt, c.copiedSeq) < c.settings.rcvLowat || selectWindow(c) >= c.rcvWnd)) ||
    inQuickack(c) ||
    c.ackPending & ACK_NOW
  ) {
    sendAck(c);
    return;
  }
  if (c.ofo === null || c.ofo.records.length === 0) delayAck(c, now);
  else compressAck(c, now);
}

/** The first ACKs of out-of-order data go at once, later ones are held back for a part of an RTT. */
function compressAck(c: Connection, now: Instant): void {
  const rcv = c.receiver!;
  const o = c.context.options;
  if (!c.sackOk || rcv.compressedAck >= o.compSackNr) {
    sendAck(c);
    return;
  }
  if (rcv.compressedRcvNxt !== c.rcvNxt) {
    rcv.compressedRcvNxt = c.rcvNxt;
    rcv.dupAckCounter = 0;
  }
  if (rcv.dupAckCounter < FASTRETRANS_THRESH) {
    rcv.dupAckCounter++;
    sendAck(c);
    return;
  }
  rcv.compressedAck++;
  if (rcv.compressedAt !== NEVER) return;
  let rtt = rcv.rcvRttUs;
  if (c.srttUs > 0 && c.srttUs < rtt) rtt = c.srttUs;
  // Both estimates are scaled by 8: 1.25 makes a hundredth of them in ns.
  const share = (rtt + (rtt >> 2)) * o.compSackRttPercent;
  moveCompressed(c, rcv, add(now, Math.min(share, o.compSackDelayNs) as Duration));
}

/** Arms the delayed-ACK timer (tcp_send_delayed_ack). */
function delayAck(c: Connection, now: Instant): void {
  const x = c.context;
  let ato: number = c.ackAto;
  if (ato > atoMin(c)) {
    let most: number =
      inPingpong(c) || c.ackPending & ACK_PUSHED ? x.delackMax : jiffiesOfMs(x, 500);
    if (c.srttUs > 0) most = Math.min(most, Math.max(jiffiesOfUs(x, c.srttUs >> 3), atoMin(c)));
    ato = Math.min(ato, most);
  }
  ato = Math.min(ato, x.atoMax);
  let at = add(now, ato as Duration);
  if (c.ackPending & ACK_TIMER) {
    const quarter = x.jiffyNs === 0 ? ato / 4 : Math.floor(ato / x.jiffyNs / 4) * x.jiffyNs;
    if (c.delackAt <= now + quarter) {
      sendAck(c);
      return;
    }
    if (at >= c.delackAt) at = c.delackAt;
  }
  c.ackPending |= ACK_SCHED | ACK_TIMER;
  moveDelack(c, at);
}

/** The delayed-ACK timer fired (tcp_delack_timer_handler). */
export function onDelackTimer(c: Connection): void {
  moveDelack(c, NEVER);
  if (flushCompressed(c)) return;
  if ((c.ackPending & ACK_TIMER) === 0) return;
  c.ackPending &= ~ACK_TIMER;
  if ((c.ackPending & ACK_SCHED) === 0) return;
  if (!inPingpong(c)) {
    // The ACK found no data to ride on: wait longer next time.
    c.ackAto = Math.min(c.ackAto * 2, c.rto) as Duration;
  } else {
    exitPingpong(c);
    c.ackAto = atoMin(c);
  }
  sendAck(c);
  c.context.mib.DelayedACKs++;
}

/** The compression timer fired (tcp_compressed_ack_kick): one ACK for all that were held back. */
export function onCompressedTimer(c: Connection): void {
  const rcv = c.receiver!;
  moveCompressed(c, rcv, NEVER);
  if (rcv.compressedAck === 0) return;
  // It does not count as a compressed one itself.
  rcv.compressedAck--;
  sendAck(c);
}

/** If ACKs are held back, one goes now for all of them (tcp_sack_compress_send_ack). */
export function flushCompressed(c: Connection): boolean {
  const rcv = c.receiver;
  if (rcv === null || rcv.compressedAck === 0) return false;
  c.context.mib.TCPAckCompressed += rcv.compressedAck - 1;
  rcv.compressedAck = 0;
  moveCompressed(c, rcv, NEVER);
  c.ackPending &= ~ACK_SCHED;
  sendAck(c);
  return true;
}

/** A segment with the ACK flag leaves: nothing is owed any more (tcp_event_ack_sent). */
export function onAckSent(c: Connection): void {
  const rcv = c.receiver;
  if (rcv !== null) {
    // The timer runs for those only.
    if (rcv.compressedAck > 0) {
      c.context.mib.TCPAckCompressed += rcv.compressedAck;
      rcv.compressedAck = 0;
      moveCompressed(c, rcv, NEVER);
    }
    if (c.ofo !== null) c.ofo.reportDeferred();
  }
  if (c.ackQuick > 0 && c.ackPending & ACK_SCHED) {
    c.ackQuick--;
    if (c.ackQuick === 0) c.ackAto = atoMin(c);
  }
  c.ackPending = 0;
  moveDelack(c, NEVER);
  c.work &= ~WORK_ACK;
}

/** Data leaves: an answer within the ATO is an exchange (tcp_event_data_sent). */
export function onDataSent(c: Connection, now: Instant): void {
  const t = jiffiesNow(c.context, now);
  c.sender!.lsndTime = t;
  // Nothing has come yet where there is no ATO.
  if (c.ackAto > 0 && t - lastReceived(c) < c.ackAto && c.ackPingpong < 255) c.ackPingpong++;
}

/** The application has read `copied` bytes: is an ACK or a window update due (tcp_cleanup_rbuf)? */
export function cleanupRbuf(c: Connection, copied: number): void {
  if (c.ackPending & ACK_SCHED) {
    const pushed = c.ackPending & ACK_PUSHED2 || (c.ackPending & ACK_PUSHED && !inPingpong(c));
    if (seqDiff(c.rcvNxt, c.rcvWup) > c.rcvMss || (copied > 0 && pushed && c.rmemAlloc === 0)) {
      sendAck(c);
      return;
    }
  }
  if (copied === 0 || c.rcvShutdown) return;
  // A window update is worth a segment when it doubles what the peer may send (RFC 9293 §3.8.6.2.2).
  const now = receiveWindow(c);
  if (2 * now > c.windowClamp) return;
  const next = selectWindow(c);
  if (next > 0 && next >= 2 * now) sendAck(c);
}

/** Remembers a duplicate for the next ACK (RFC 2883; tcp_dsack_set). */
export function setDsack(c: Connection, left: Seq, right: Seq): void {
  if (!c.sackOk || !c.context.options.dsack) return;
  const rcv = receiverOf(c);
  if (seqLt(left, c.rcvNxt)) c.context.mib.TCPDSACKOldSent++;
  else c.context.mib.TCPDSACKOfoSent++;
  rcv.dsack = true;
  rcv.dsackLeft = left;
  rcv.dsackRight = right;
}

/** One more duplicate of the same segment (tcp_dsack_extend). */
export function extendDsack(c: Connection, left: Seq, right: Seq): void {
  const rcv = receiverOf(c);
  if (!rcv.dsack) {
    setDsack(c, left, right);
    return;
  }
  if (seqGt(left, rcv.dsackRight) || seqGt(rcv.dsackLeft, right)) return;
  if (seqLt(left, rcv.dsackLeft)) rcv.dsackLeft = left;
  if (seqGt(right, rcv.dsackRight)) rcv.dsackRight = right;
}
