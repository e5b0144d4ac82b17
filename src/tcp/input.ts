/**
 * A segment arrives: the steps of RFC 9293 §3.10.7.3 (SYN-SENT) and §3.10.7.4 (all later states), in their order, with
 * RFC 5961's stricter rules, as tcp_rcv_state_process and tcp_validate_incoming have them. A segment past the right edge
 * is taken whole if nothing is queued, else dropped whole (Linux 6.17); the RFC would trim it.
 */
import { unreachable } from '../base/assert.ts';
import { add, NEVER, type Duration, type Instant } from '../base/units.ts';
import { ackSndCheck, ackWithData, sendAck } from './ack.ts';
import { ACK_BAD, ACK_NEW, dataSndCheck, processAck, takeRttSample } from './acknowledge.ts';
import { jiffiesOfMs, tsClock, usBetween } from './clock.ts';
import {
  CONNECTED,
  TIMER_RETRANS,
  WORK_REPLY_RST,
  WORK_SYN,
  WRITABLE,
  type Connection,
} from './connection.ts';
import { done, enterTimeWait, finTime, onReset, replyRst } from './done.ts';
import { needsEcn } from './congestion/controller.ts';
import { startCongestion } from './congestion/index.ts';
import { takeEcnAnswer } from './ecn.ts';
import { synDataAcked, takeFastOpenSynAck } from './fastopen.ts';
import { takeFastOpen } from './fastopen-option.ts';
import { checkHandshake, completeHandshake } from './fastopen-server.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import { finState } from './fin.ts';
import { syncMss } from './mss.ts';
import { startMtuProbing } from './mtu-probe.ts';
import { isPredicted, takePredicted } from './predict.ts';
import { startKeepalive } from './probe.ts';
import { queueData, queueNext, queueSynPayload } from './receive.ts';
import { ACK, FIN, RST, SYN, URG, segLen, type Segment } from './segment.ts';
import { expandSndbuf } from './send-memory.ts';
import { seqAdd, seqDiff, seqGt } from './seq.ts';
import { setState } from './state.ts';
import { moveKeepalive, stopTimer } from './timers.ts';
import { checkUrgent } from './urgent.ts';
import { acceptable, challengeAck } from './validate.ts';
import { initBufferSpace, initRcvMss, measureRcvRttTs } from './window.ts';

export function onSegment(c: Connection, seg: Segment, now: Instant): void {
  c.segsIn += seg.segs;
  c.context.mib.InSegs += seg.segs;
  if (seg.len > 0) c.dataSegsIn += seg.segs;
  c.context.observer?.onReceived(c, seg);
  if (isPredicted(c, seg)) return predicted(c, seg, now);
  bySteps(c, seg, now);
}

/** The way of a segment of which nothing is known yet. */
export function bySteps(c: Connection, seg: Segment, now: Instant): void {
  switch (c.state) {
    case 'SYN-SENT':
      return synSent(c, seg, now);
    case 'SYN-RECEIVED':
    case 'ESTABLISHED':
    case 'FIN-WAIT-1':
    case 'FIN-WAIT-2':
    case 'CLOSE-WAIT':
    case 'CLOSING':
    case 'LAST-ACK':
      return synchronized(c, seg, now);
    case 'CLOSED':
    case 'LISTEN':
    case 'TIME-WAIT':
      return; // the kernel gives these to replyToOrphan, its listener, or a TimeWait
    default:
      return unreachable(c.state);
  }
}

// ---- SYN-SENT

/** RFC 9293 §3.10.7.3; tcp_rcv_synsent_state_process. */
function synSent(c: Connection, seg: Segment, now: Instant): void {
  const acks = (seg.flags & ACK) !== 0;
  if (acks) {
    // First, check the ACK bit; then that the timestamp echo is ours (RFC 7323, PAWS for connections).
    const echo = seg.hasTs && seg.tsEcr !== 0 && c.synSentAt !== NEVER;
    const badEcho = echo && !echoInRange(c, seg, now);
    if (seqDiff(seg.ack, c.iss) <= 0 || seqGt(seg.ack, c.sndNxt) || badEcho) {
      if ((seg.flags & RST) === 0) replyRst(c, seg);
      return;
    }
    // Second, check the RST bit.
    if (seg.flags & RST) return onReset(c, now);
    if ((seg.flags & SYN) === 0) return;
    return synAckArrives(c, seg, now);
  }
  if (seg.flags & RST) return;
  if (seg.flags & SYN) crossedSyn(c, seg, now);
}

function echoInRange(c: Connection, seg: Segment, now: Instant): boolean {
  const first = (tsClock(c.retransStamp) + c.tsOffset) | 0;
  const last = (tsClock(now) + c.tsOffset) | 0;
  return ((seg.tsEcr - first) | 0) >= 0 && ((last - seg.tsEcr) | 0) >= 0;
}

/** What the peer's SYN says, taken into the connection. */
export function takeSynOptions(c: Connection, seg: Segment, now: Instant): void {
  const o = c.context.options;
  if (seg.mss > 0) c.mssClamp = seg.mss;
  else if (c.fastOpen === null) c.mssClamp = 536; // else what the cache has said stands
  if (c.settings.userMss > 0) c.mssClamp = Math.min(c.mssClamp, c.settings.userMss);
  c.wscaleOk = o.windowScaling && seg.wscale >= 0;
  c.sndWscale = c.wscaleOk ? Math.min(seg.wscale, 14) : 0;
  if (!c.wscaleOk) {
    c.rcvWscale = 0;
    c.windowClamp = Math.min(c.windowClamp, 65_535);
  }
  c.sackOk = o.sack && seg.sackOk;
  c.tsOk = o.timestamps && seg.hasTs;
  if (c.tsOk) {
    c.tsRecent = seg.tsVal;
    c.tsRecentStamp = now;
  }
  c.rcvNxt = seqAdd(seg.seq, 1);
  c.rcvWup = c.rcvNxt;
  c.copiedSeq = c.rcvNxt;
}

function synAckArrives(c: Connection, seg: Segment, now: Instant): void {
  takeSynOptions(c, seg, now);
  takeEcnAnswer(c, seg, false);
  c.sndUna = seg.ack;
  // Our SYN counts as a byte here; in a connection that we accepted it does not.
  c.bytesAcked = 1;
  c.synAcked = true;
  c.unaOff = 0;
  c.sndWl1 = seg.seq;
  c.sndWnd = seg.window;
  c.maxWindow = seg.window;
  c.packetsOut = 0;
  if (c.fastOpen !== null) synDataAcked(c);
  c.retransmits = 0;
  stopTimer(c, TIMER_RETRANS);
  if (c.tsOk) c.advMss -= 12;
  if (c.context.options.mtuProbing === 2) startMtuProbing(c, now);
  syncMss(c);
  initRcvMss(c);
  // Karn: a SYN sent twice gives a sample only by its timestamp.
  if (!c.synRetransmitted)
    takeRttSample(c, usBetween(now, c.synSentAt), usBetween(now, c.synSentAt), now);
  else if (seg.hasTs && seg.tsEcr !== 0) {
    const us = Math.max((tsClock(now) + c.tsOffset - seg.tsEcr) | 0, 1) * 1000;
    takeRttSample(c, us, us, now);
  } else c.rto = jiffiesOfMs(c.context, 1000);
  c.delivered++;
  established(c, now);
  c.context.mib.ActiveOpens++;
  const f = c.fastOpen;
  if (f !== null && (f.asked || f.synData)) {
    if (takeFastOpenSynAck(c, f, seg.mss, takeFastOpen(seg.fastOpen), now)) return;
    if (queueSynPayload(c, seg, now)) f.synDataAcked = true;
  }
  dataSndCheck(c);
  if (c.settings.deferAccept > 0 || (c.sender !== null && c.sender.writePending))
    ackWithData(c, now);
  else sendAck(c);
}

/** Simultaneous open: SYN-ACK with the same number (RFC 9293 §3.5, Figure 8). */
function crossedSyn(c: Connection, seg: Segment, now: Instant): void {
  if (seg.hasTs && !c.context.options.timestamps) return;
  takeSynOptions(c, seg, now);
  takeEcnAnswer(c, seg, true);
  c.sndWl1 = seg.seq;
  c.sndWnd = seg.window;
  c.maxWindow = seg.window;
  if (c.tsOk) c.mssClamp = Math.max(c.mssClamp, 48);
  syncMss(c);
  initRcvMss(c);
  setState(c, 'SYN-RECEIVED', now);
  c.work |= WORK_SYN;
}

/** The handshake is complete (tcp_finish_connect). */
function established(c: Connection, now: Instant): void {
  setState(c, 'ESTABLISHED', now);
  c.retransStamp = NEVER;
  initTransfer(c, now);
  startKeepalive(c, now);
  c.events |= CONNECTED | WRITABLE;
}

/** Buffers, windows and congestion control start (tcp_init_transfer). */
export function initTransfer(c: Connection, now: Instant): void {
  c.cwnd = c.synRetransmitted && c.totalRetrans > 1 ? 1 : c.path.initCwnd;
  c.establishedAt = now;
  c.rcvTstamp = now;
  if (c.context.options.mtuProbing === 2) startMtuProbing(c, now);
  c.sender?.start(c);
  c.receiver?.start(c);
  // DCTCP reads the marks of what comes, whether data is sent or not.
  if (needsEcn(c.settings.congestion)) startCongestion(c, now);
  if (!c.settings.sndbufLocked) expandSndbuf(c);
  initBufferSpace(c);
}

// ---- All synchronized states

/** A segment that was to be expected (predict.ts): its header, then the seventh step. */
export function predicted(c: Connection, seg: Segment, now: Instant): void {
  takePredicted(c, seg, now);
  measureRcvRttTs(c, seg, now);
  queueNext(c, seg, now);
  dataSndCheck(c);
  ackSndCheck(c, now);
}

/** RFC 9293 §3.10.7.4. */
function synchronized(c: Connection, seg: Segment, now: Instant): void {
  if (awaitsHandshake(c) && !checkHandshake(c, c.fastOpen!, seg, now)) return;
  if (c.receiver !== null) c.receiver.mstamp = now;
  if ((seg.flags & (ACK | RST | SYN)) === 0 || !acceptable(c, seg, now)) return;
  // Fifth, check the ACK field.
  if ((seg.flags & ACK) === 0) return;
  const inEstablished = c.state === 'ESTABLISHED';
  const result = processAck(c, seg, inEstablished, now);
  if (result === ACK_BAD && inEstablished) return;
  if (!inEstablished && !afterAck(c, seg, result, now)) return;
  if (seg.len > 0) measureRcvRttTs(c, seg, now);
  // Sixth to eighth: urgent pointer, text and FIN.
  if (resetsOnData(c, seg)) {
    c.context.mib.TCPAbortOnData++;
    replyRst(c, seg);
    const rst = c.work & WORK_REPLY_RST;
    onReset(c, now);
    c.work |= rst;
    return;
  }
  if (seg.flags & URG) checkUrgent(c, seg);
  queueData(c, seg, now);
  const state = c.state as string;
  if (state === 'CLOSED' || state === 'TIME-WAIT') return;
  dataSndCheck(c);
  ackSndCheck(c, now);
}

/** What an acceptable ACK does to the state. False: the segment is done with. */
function afterAck(c: Connection, seg: Segment, result: number, now: Instant): boolean {
  if (result !== ACK_NEW && c.state === 'SYN-RECEIVED') {
    if (result === ACK_BAD) replyRst(c, seg);
    return false;
  }
  if (result === ACK_BAD) {
    challengeAck(c, now);
    return false;
  }
  switch (c.state) {
    case 'SYN-RECEIVED':
      synReceivedAcked(c, seg, now);
      return true;
    case 'FIN-WAIT-1':
      return finWait1Acked(c, seg, now);
    case 'CLOSING':
      if (c.sndUna !== c.writeSeq) return true;
      setState(c, 'TIME-WAIT', now);
      enterTimeWait(c, jiffiesOfMs(c.context, c.context.options.timeWaitS * 1000));
      return false;
    case 'LAST-ACK':
      if (c.sndUna !== c.writeSeq) return true;
      done(c, now);
      return false;
    case 'ESTABLISHED':
    case 'FIN-WAIT-2':
    case 'CLOSE-WAIT':
      return true;
    case 'CLOSED':
    case 'LISTEN':
    case 'SYN-SENT':
    case 'TIME-WAIT':
      return false;
    default:
      return unreachable(c.state);
  }
}

function synReceivedAcked(c: Connection, seg: Segment, now: Instant): void {
  if (awaitsHandshake(c)) {
    completeHandshake(c, c.fastOpen!, seg, now);
    if (c.sndShutdown) finState(c, false, now);
    return;
  }
  // The SYN is not out any more; data that went with it may be.
  c.packetsOut = c.sendQueue === null ? 0 : c.packetsOut - 1;
  stopTimer(c, TIMER_RETRANS);
  c.sndWnd = seg.window << (seg.flags & SYN ? 0 : c.sndWscale);
  c.maxWindow = Math.max(c.maxWindow, c.sndWnd);
  c.sndWl1 = seg.seq;
  if (c.tsOk) c.advMss -= 12;
  if (c.srttUs === 0 && !c.synRetransmitted) {
    const us = usBetween(now, c.synSentAt);
    takeRttSample(c, us, us, now);
  }
  c.delivered++;
  established(c, now);
  initRcvMss(c);
  if (c.sndShutdown) finState(c, false, now);
}

/** Our FIN may have been acknowledged. */
function finWait1Acked(c: Connection, seg: Segment, now: Instant): boolean {
  if (awaitsHandshake(c)) completeHandshake(c, c.fastOpen!, seg, now);
  if (c.sndUna !== c.writeSeq) return true;
  setState(c, 'FIN-WAIT-2', now);
  c.events |= WRITABLE;
  if (!c.orphan) return true;
  const dataBeyond = segLen(seg) > 0 && seqGt(seqAdd(seg.seq, seg.len), c.rcvNxt);
  if (c.settings.linger2S < 0 || dataBeyond) {
    c.context.mib.TCPAbortOnData++;
    done(c, now);
    if (dataBeyond) replyRst(c, seg);
    return false;
  }
  const wait = finTime(c);
  const most = jiffiesOfMs(c.context, c.context.options.timeWaitS * 1000);
  if (wait > most) moveKeepalive(c, add(now, (wait - most) as Duration));
  else if (seg.flags & FIN) moveKeepalive(c, add(now, wait));
  else {
    enterTimeWait(c, wait);
    return false;
  }
  return true;
}

/** Data for a reader that is gone: RFC 9293 §3.10.4.5 (RFC 1122 §4.2.2.13) wants a reset. */
function resetsOnData(c: Connection, seg: Segment): boolean {
  if (!c.rcvShutdown || (c.state !== 'FIN-WAIT-1' && c.state !== 'FIN-WAIT-2')) return false;
  return segLen(seg) > 0 && seqGt(seqAdd(seg.seq, seg.len), c.rcvNxt);
}
