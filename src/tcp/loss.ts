/**
 * Loss and recovery: the congestion states Open, Disorder, CWR, Recovery, Loss (tcp_fastretrans_alert), NewReno without
 * SACK, proportional rate reduction (RFC 6937), the retransmission time-out, F-RTO (RFC 5682), and undo by timestamp and
 * D-SACK (RFC 3522, RFC 3708). Not here yet: tail loss probes, and a reordering window that adapts to D-SACKs.
 */
import { NEVER, type Duration, type Instant } from '../base/units.ts';
import { ETIMEDOUT } from '../base/errno.ts';
import {
  F_DATA_SACKED,
  F_ECE,
  F_LOST_RETRANS,
  F_ORIG_SACK_ACKED,
  F_SACK_RENEGING,
  F_SET_XMIT_TIMER,
  F_SND_UNA_ADVANCED,
  REXMIT_LOST,
  REXMIT_NEW,
  type AckState,
} from './ack-state.ts';
import { jiffiesNow, jiffiesOfMs, tsClock } from './clock.ts';
import {
  CA_CWR,
  CA_DISORDER,
  CA_LOSS,
  CA_OPEN,
  CA_RECOVERY,
  INFINITE_SSTHRESH,
  TIMER_NONE,
  TIMER_RETRANS,
  WORK_HEAD,
  WORK_RTX,
  WORK_SYN,
  inFlight,
  type Connection,
} from './connection.ts';
import { fail } from './done.ts';
import { currentSsthresh, inCwndReduction } from './cwnd.ts';
import { queueCwr, withdrawCwr } from './ecn.ts';
import { currentMss, windowEnd } from './mss.ts';
import { splitTx } from './records.ts';
import {
  highestSackSeq,
  markLost,
  noteReordering,
  rackDetectLoss,
  rackMarkLost,
  rackRemaining,
} from './rack.ts';
import { rtoMax } from './rtt.ts';
import { EVER_RETRANS, LOST, SACKED } from './send-queue.ts';
import { senderOf } from './sender.ts';
import { seqGe, seqGt, seqLe } from './seq.ts';
import { armTimer, rearmRto } from './timers.ts';

function setCaState(c: Connection, to: number, now: Instant): void {
  c.congestion.setState(c, to, now);
  c.caState = to;
}

const leftOut = (c: Connection): number => c.sackedOut + c.lostOut;

function anyRetransDone(c: Connection): boolean {
  if (c.retransOut > 0) return true;
  const q = c.sendQueue;
  return q !== null && q.sent > 0 && (q.records.at(0).sacked & EVER_RETRANS) !== 0;
}

function cleanRetransStamp(c: Connection): void {
  if (!anyRetransDone(c)) c.retransStamp = NEVER;
}

// ---- NewReno: SACKed segments are counted by duplicate ACKs (RFC 6582)

function limitRenoSacked(c: Connection): boolean {
  const holes = Math.min(Math.max(c.lostOut, 1), c.packetsOut);
  if (c.sackedOut + holes <= c.packetsOut) return false;
  c.sackedOut = c.packetsOut - holes;
  return true;
}

function checkRenoReordering(c: Connection, more: number): void {
  if (!limitRenoSacked(c)) return;
  c.reordering = Math.min(c.packetsOut + more, c.context.options.maxReordering);
  c.sender!.reordSeen++;
  c.context.mib.TCPRenoReorder++;
}

function addRenoSack(c: Connection, dupacks: number): void {
  if (dupacks === 0) return;
  const before = c.sackedOut;
  c.sackedOut += dupacks;
  checkRenoReordering(c, 0);
  if (c.sackedOut > before) c.delivered += c.sackedOut - before;
}

/** A cumulative ACK: one segment filled the hole, the others were the duplicates. */
export function removeRenoSacks(c: Connection, acked: number): void {
  if (acked > 0) {
    c.delivered += Math.max(acked - c.sackedOut, 1);
    c.sackedOut = Math.max(c.sackedOut - (acked - 1), 0);
  }
  checkRenoReordering(c, acked);
}

function newRenoMarkLost(c: Connection, advanced: boolean): void {
  const q = c.sendQueue;
  if (q === null || q.sent === 0) return;
  const due =
    (c.caState < CA_RECOVERY && c.sackedOut >= c.reordering) ||
    (c.caState === CA_RECOVERY && advanced);
  if (!due) return;
  const head = q.records.at(0);
  if (head.sacked & LOST) return;
  const mss = currentMss(c);
  if (head.segs > 1 && head.len > mss) splitTx(c, q, 0, mss, mss);
  markLost(c, q, head);
}

// ---- Entering and leaving recovery

function initUndo(c: Connection): void {
  const snd = c.sender!;
  snd.undoMarker = c.sndUna;
  snd.undoArmed = true;
  // Retransmissions still out may yet be shown to be unnecessary.
  snd.undoRetrans = c.retransOut > 0 ? c.retransOut : -1;
}

function initCwndReduction(c: Connection): void {
  const snd = c.sender!;
  snd.highSeq = c.sndNxt;
  snd.cwndCnt = 0;
  snd.priorCwnd = c.cwnd;
  snd.prrDelivered = 0;
  snd.prrOut = 0;
  c.ssthresh = c.congestion.ssthresh(c);
  queueCwr(c);
}

/** The peer has seen congestion: the window is cut as by a loss, but nothing is repeated (tcp_enter_cwr). */
function enterCwr(c: Connection, now: Instant): void {
  const snd = c.sender!;
  snd.priorSsthresh = 0;
  if (c.caState >= CA_CWR) return;
  snd.undoArmed = false;
  initCwndReduction(c);
  setCaState(c, CA_CWR, now);
}

/** `ece`: an ACK with ECE shows the loss, which is then not undone. */
function enterRecovery(c: Connection, ece: boolean, now: Instant): void {
  const snd = c.sender!;
  cleanRetransStamp(c);
  if (c.sackOk) c.context.mib.TCPSackRecovery++;
  else c.context.mib.TCPRenoRecovery++;
  snd.priorSsthresh = 0;
  initUndo(c);
  if (!inCwndReduction(c)) {
    if (!ece) snd.priorSsthresh = currentSsthresh(c);
    initCwndReduction(c);
  }
  setCaState(c, CA_RECOVERY, now);
}

function endCwndReduction(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (c.congestion.ownsWindow) return;
  if (c.ssthresh < INFINITE_SSTHRESH && (c.caState === CA_CWR || snd.undoArmed)) {
    c.cwnd = c.ssthresh;
    snd.cwndStamp = jiffiesNow(c.context, now);
  }
}

/** Proportional rate reduction: how much may be sent for what was delivered (RFC 6937 §3; tcp_cwnd_reduction). */
export function reduceCwnd(
  c: Connection,
  delivered: number,
  newlyLost: number,
  flag: number,
): void {
  const snd = c.sender!;
  if (delivered <= 0 || snd.priorCwnd === 0) return;
  const delta = c.ssthresh - inFlight(c);
  snd.prrDelivered += delivered;
  let send: number;
  if (delta < 0) send = Math.ceil((c.ssthresh * snd.prrDelivered) / snd.priorCwnd) - snd.prrOut;
  else {
    send = Math.max(snd.prrDelivered - snd.prrOut, delivered);
    if (flag & F_SND_UNA_ADVANCED && newlyLost === 0) send++;
    send = Math.min(delta, send);
  }
  // The first retransmission of a recovery always goes.
  send = Math.max(send, snd.prrOut > 0 ? 0 : 1);
  c.cwnd = inFlight(c) + send;
}

// ---- Undo

/** Is what arrived older than our first retransmission (RFC 3522; tcp_packet_delayed)? */
function packetDelayed(c: Connection, a: AckState): boolean {
  if (c.retransStamp === NEVER) return c.state !== 'SYN-SENT';
  if (!a.hasTs || a.tsEcr === 0) return false;
  return ((a.tsEcr - ((tsClock(c.retransStamp) + c.tsOffset) | 0)) | 0) < 0;
}

const mayUndo = (c: Connection, a: AckState): boolean =>
  c.sender!.undoArmed && (c.sender!.undoRetrans === 0 || packetDelayed(c, a));

function undoCwndReduction(c: Connection, unmarkLoss: boolean, now: Instant): void {
  const snd = c.sender!;
  if (unmarkLoss && c.sendQueue !== null) {
    const q = c.sendQueue;
    // Back to the order of transmission: what was lost is in the network again, after all.
    for (let i = 0; i < q.sent; i++) {
      const t = q.records.at(i);
      if ((t.sacked & LOST) === 0) continue;
      t.sacked &= ~LOST;
      if (!t.listed) q.list(t);
    }
    c.lostOut = 0;
    snd.rtxHint = c.sndUna;
  }
  if (snd.priorSsthresh > 0) {
    c.cwnd = c.congestion.undoCwnd(c);
    if (snd.priorSsthresh > c.ssthresh) {
      c.ssthresh = snd.priorSsthresh;
      withdrawCwr(c);
    }
  }
  snd.cwndStamp = jiffiesNow(c.context, now);
  snd.undoArmed = false;
  snd.rackAdvanced = true;
}

/** Without SACK the state is kept until something above highSeq is ACKed, or old duplicates would start it again. */
function mustHoldReno(c: Connection): boolean {
  if (c.sndUna !== c.sender!.highSeq || c.sackOk) return false;
  cleanRetransStamp(c);
  return true;
}

function tryUndoRecovery(c: Connection, a: AckState, now: Instant): boolean {
  if (mayUndo(c, a)) {
    if (c.caState === CA_LOSS) c.context.mib.TCPLossUndo++;
    else c.context.mib.TCPFullUndo++;
    undoCwndReduction(c, false, now);
  }
  if (mustHoldReno(c)) return true;
  setCaState(c, CA_OPEN, now);
  return false;
}

function tryUndoDsack(c: Connection, now: Instant): boolean {
  const snd = c.sender!;
  if (!snd.undoArmed || snd.undoRetrans !== 0) return false;
  undoCwndReduction(c, false, now);
  c.context.mib.TCPDSACKUndo++;
  return true;
}

function tryUndoLoss(c: Connection, a: AckState, frto: boolean, now: Instant): boolean {
  if (!frto && !mayUndo(c, a)) return false;
  undoCwndReduction(c, true, now);
  c.context.mib.TCPLossUndo++;
  if (frto) c.context.mib.TCPSpuriousRTOs++;
  c.retransmits = 0;
  if (mustHoldReno(c)) return true;
  if (frto || c.sackOk) setCaState(c, CA_OPEN, now);
  return true;
}

/** A partial ACK that the original of the hole drew: not a loss (tcp_try_undo_partial). True: send no retransmission. */
function tryUndoPartial(c: Connection, a: AckState, now: Instant): boolean {
  if (!c.sender!.undoArmed || !packetDelayed(c, a)) return false;
  noteReordering(c, a.priorUna, highestSackSeq(c), true);
  if (c.retransOut > 0) return true;
  cleanRetransStamp(c);
  undoCwndReduction(c, true, now);
  c.context.mib.TCPPartialUndo++;
  tryKeepOpen(c, now);
  return false;
}

function tryKeepOpen(c: Connection, now: Instant): void {
  const state = leftOut(c) > 0 || anyRetransDone(c) ? CA_DISORDER : CA_OPEN;
  if (c.caState === state) return;
  setCaState(c, state, now);
  c.sender!.highSeq = c.sndNxt;
}

function tryToOpen(c: Connection, a: AckState, now: Instant): void {
  cleanRetransStamp(c);
  if (a.flag & F_ECE) enterCwr(c, now);
  if (c.caState !== CA_CWR) tryKeepOpen(c, now);
}

// ---- One ACK

/** What an ACK means for the congestion state, and whether something is to be sent again (tcp_fastretrans_alert). */
export function fastRetransAlert(c: Connection, a: AckState, now: Instant): void {
  const snd = c.sender!;
  if (c.packetsOut === 0 && c.sackedOut > 0) c.sackedOut = 0;
  // What ECN says is true whether segments were lost or not: no undo.
  if (a.flag & F_ECE) snd.priorSsthresh = 0;
  if (a.flag & F_SACK_RENEGING && reneged(c, now)) return;

  // Has the episode ended: is all acknowledged that was out when it began?
  if (c.caState === CA_OPEN) c.retransStamp = NEVER;
  else if (seqGe(c.sndUna, snd.highSeq)) {
    if (c.caState === CA_CWR && c.sndUna !== snd.highSeq) {
      endCwndReduction(c, now);
      setCaState(c, CA_OPEN, now);
    } else if (c.caState === CA_RECOVERY) {
      if (!c.sackOk) c.sackedOut = 0;
      if (tryUndoRecovery(c, a, now)) return;
      endCwndReduction(c, now);
    }
  }

  const advanced = (a.flag & F_SND_UNA_ADVANCED) !== 0;
  if (c.caState === CA_RECOVERY) {
    if (!advanced) {
      if (!c.sackOk) addRenoSack(c, a.dupacks);
    } else if (tryUndoPartial(c, a, now)) return;
    if (tryUndoDsack(c, now)) tryToOpen(c, a, now);
    identifyLoss(c, a, now);
    if ((c.caState as number) !== CA_RECOVERY) {
      if (c.lostOut === 0) return;
      enterRecovery(c, (a.flag & F_ECE) !== 0, now);
    }
  } else if (c.caState === CA_LOSS) {
    processLoss(c, a, now);
    identifyLoss(c, a, now);
    if ((c.caState as number) !== CA_OPEN && (a.flag & F_LOST_RETRANS) === 0) return;
    if (!recoverIfLost(c, a, now)) return;
  } else if (!recoverIfLost(c, a, now)) return;
  a.rexmit = REXMIT_LOST;
}

/** Open, Disorder, CWR: is a loss proven? Then Recovery begins. */
function recoverIfLost(c: Connection, a: AckState, now: Instant): boolean {
  if (!c.sackOk) {
    if (a.flag & F_SND_UNA_ADVANCED) c.sackedOut = 0;
    addRenoSack(c, a.dupacks);
  }
  if (c.caState <= CA_DISORDER) tryUndoDsack(c, now);
  identifyLoss(c, a, now);
  if (c.lostOut === 0) {
    tryToOpen(c, a, now);
    return false;
  }
  enterRecovery(c, (a.flag & F_ECE) !== 0, now);
  return true;
}

function identifyLoss(c: Connection, a: AckState, now: Instant): void {
  if (c.packetsOut === 0 || c.sendQueue === null) return;
  if (!c.sackOk) {
    newRenoMarkLost(c, (a.flag & F_SND_UNA_ADVANCED) !== 0);
    return;
  }
  const before = c.retransOut;
  if (rackMarkLost(c, now)) a.flag &= ~F_SET_XMIT_TIMER;
  if (before > c.retransOut) a.flag |= F_LOST_RETRANS;
}

/** The peer has thrown away what it had SACKed (RFC 2018 §8): wait a little, then treat it as a time-out. */
function reneged(c: Connection, now: Instant): boolean {
  const delay = Math.max(c.srttUs >> 4, 10_000) * 1000;
  armTimer(c, TIMER_RETRANS, delay as Duration, now);
  return true;
}

/** In Loss: F-RTO, or slow start through what was lost (tcp_process_loss). */
function processLoss(c: Connection, a: AckState, now: Instant): void {
  const snd = c.sender!;
  const advanced = (a.flag & F_SND_UNA_ADVANCED) !== 0;
  const recovered = seqGe(c.sndUna, snd.highSeq);
  if (advanced && tryUndoLoss(c, a, false, now)) return;
  if (snd.frto) {
    // RFC 5682 §3.1 step 3b: data that was never repeated has arrived, so the time-out was spurious.
    if (a.flag & F_ORIG_SACK_ACKED && tryUndoLoss(c, a, true, now)) return;
    if (seqGt(c.sndNxt, snd.highSeq)) {
      if (a.flag & F_DATA_SACKED || a.dupacks > 0) snd.frto = false;
    } else if (advanced && !recovered) {
      snd.highSeq = c.sndNxt;
      // Step 2b: new data first, to see what it draws.
      if (c.sendQueue !== null && c.sendQueue.unsent > 0 && seqGt(windowEnd(c), c.sndNxt)) {
        a.rexmit = REXMIT_NEW;
        return;
      }
      snd.frto = false;
    }
  }
  if (recovered) {
    tryUndoRecovery(c, a, now);
    return;
  }
  if (!c.sackOk) {
    if (seqGt(c.sndNxt, snd.highSeq) && a.dupacks > 0) addRenoSack(c, a.dupacks);
    else if (advanced) c.sackedOut = 0;
  }
  a.rexmit = REXMIT_LOST;
}

// ---- The retransmission time-out

/** All that is out counts as lost, except what was sent only just now (tcp_timeout_mark_lost). */
function timeoutMarkLost(c: Connection, now: Instant): void {
  const snd = c.sender!;
  const q = c.sendQueue!;
  const renege = (q.records.at(0).sacked & SACKED) !== 0;
  if (!renege && !c.sackOk) c.sackedOut = 0;
  for (let i = 0; i < q.sent; i++) {
    const t = q.records.at(i);
    if (renege) {
      if (t.sacked & SACKED) c.sackedOut -= t.segs;
      t.sacked &= ~SACKED;
    } else if (c.sackOk && i > 0 && rackRemaining(c, t, 0, now) > 0) continue;
    markLost(c, q, t);
  }
  snd.rtxHint = c.sndUna;
  if (renege && snd.sackCache !== null) snd.sackCache.seenCount = 0;
}

/** RFC 5681 §3.1: after a time-out, one segment and slow start (tcp_enter_loss). */
function enterLoss(c: Connection, now: Instant): void {
  const snd = c.sender!;
  const fresh = c.caState < CA_RECOVERY;
  timeoutMarkLost(c, now);
  if (
    c.caState <= CA_DISORDER ||
    seqLe(snd.highSeq, c.sndUna) ||
    (c.caState === CA_LOSS && c.retransmits === 0)
  ) {
    snd.priorSsthresh = currentSsthresh(c);
    snd.priorCwnd = c.cwnd;
    c.ssthresh = c.congestion.ssthresh(c);
    c.congestion.onLoss(c);
    initUndo(c);
  }
  c.cwnd = inFlight(c) + 1;
  snd.cwndCnt = 0;
  snd.cwndStamp = jiffiesNow(c.context, now);
  const threshold = c.context.options.reordering;
  if (c.caState <= CA_DISORDER && c.sackedOut >= threshold)
    c.reordering = Math.min(c.reordering, threshold);
  setCaState(c, CA_LOSS, now);
  snd.highSeq = c.sndNxt;
  queueCwr(c);
  snd.frto = fresh || c.retransmits > 0;
}

/** The retransmission timer fired (tcp_retransmit_timer; RFC 6298 §5.4–5.7). */
export function onRetransmitTimer(c: Connection, now: Instant): void {
  if (c.packetsOut === 0) return;
  const synchronising = c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED';
  if (!synchronising && c.sndWnd === 0 && !c.orphan) {
    // The peer has shrunk its window over data in flight: the retransmission is a probe (RFC 9293 §3.8.6.1).
    if (shrunkTooLong(c, now)) {
      fail(c, ETIMEDOUT, now);
      return;
    }
    enterLoss(c, now);
    c.work |= WORK_HEAD;
    backOff(c, now);
    return;
  }
  c.context.mib.TCPTimeouts++;
  if (c.retransmits === 0)
    senderOf(c).rtoStamp = synchronising ? c.retransStamp : c.sendQueue!.records.at(0).sentAt;
  if (givesUp(c, now)) {
    fail(c, ETIMEDOUT, now);
    return;
  }
  if (!synchronising) enterLoss(c, now);
  c.retransmits++;
  c.totalRto++;
  c.work |= synchronising ? WORK_SYN : WORK_HEAD;
  backOff(c, now);
}

function backOff(c: Connection, now: Instant): void {
  if (c.state !== 'SYN-SENT' || c.totalRto > c.context.options.synLinearTimeouts) {
    c.backoff++;
    c.rto = Math.min(c.rto * 2, rtoMax(c)) as Duration;
  }
  let when: number = c.rto;
  if (c.settings.userTimeoutMs > 0) {
    const since = c.retransStamp === NEVER ? now : c.retransStamp;
    const left = jiffiesOfMs(c.context, c.settings.userTimeoutMs) - (now - since);
    const tick = c.context.jiffyNs === 0 ? 1_000_000 : c.context.jiffyNs;
    when = Math.min(when, Math.max(left, tick));
  }
  armTimer(c, TIMER_RETRANS, when as Duration, now);
}

/** How long `boundary` retransmissions that double from `baseMs` take, ms (tcp_model_timeout). */
export function modelTimeoutMs(c: Connection, boundary: number, baseMs: number): number {
  const maxMs = c.context.options.rtoMaxMs;
  const doublings = 31 - Math.clz32(Math.floor(maxMs / baseMs));
  if (boundary <= doublings) return ((2 << boundary) - 1) * baseMs;
  return ((2 << doublings) - 1) * baseMs + (boundary - doublings) * maxMs;
}

/**
 * Have retransmissions gone on for as long as `boundary` of them take (retransmits_timed_out)? Linux counts from the first
 * retransmission, and its timer wheel is late by up to an eighth of each interval. Our timers expire exactly, so the time
 * from the first transmission is what gives the documented 924.6 s and the measured end after tcp_retries2.
 */
function timedOut(c: Connection, boundary: number, timeoutMs: number, now: Instant): boolean {
  if (c.retransmits === 0) return false;
  const baseMs = c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED' ? 1000 : 200;
  const limit = timeoutMs > 0 ? timeoutMs : modelTimeoutMs(c, boundary, baseMs);
  return Math.floor(now / 1e6) - Math.floor(c.sender!.rtoStamp / 1e6) >= limit;
}

/** tcp_write_timeout: RFC 9293 §3.8.3 R2, as Linux counts it. */
function givesUp(c: Connection, now: Instant): boolean {
  const o = c.context.options;
  if (c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED') {
    const until = c.settings.synCount > 0 ? c.settings.synCount : o.synRetries;
    const most = until + (c.state === 'SYN-SENT' ? o.synLinearTimeouts : 0);
    return c.retransmits >= most || timedOut(c, until, c.settings.userTimeoutMs, now);
  }
  let until = o.retries2;
  if (c.orphan) until = orphanRetries(c, c.rto < rtoMax(c));
  return timedOut(c, until, c.settings.userTimeoutMs, now);
}

/** Retries of a closed socket (tcp_orphan_retries). */
export function orphanRetries(c: Connection, alive: boolean): number {
  const n = c.context.options.orphanRetries;
  return n === 0 && alive ? 8 : n;
}

/** A window shrunk to 0 over data in flight, and no sign of life for two RTO maxima (tcp_rtx_probe0_timed_out). */
function shrunkTooLong(c: Connection, now: Instant): boolean {
  const timeout = rtoMax(c) * 2;
  const since = c.retransStamp === NEVER ? c.sendQueue!.records.at(0).sentAt : c.retransStamp;
  const limit =
    c.settings.userTimeoutMs > 0
      ? Math.min(jiffiesOfMs(c.context, c.settings.userTimeoutMs), timeout)
      : timeout;
  if (c.settings.userTimeoutMs > 0 && now - since > limit) return true;
  return now - c.rcvTstamp > timeout && now - since > timeout;
}

/** RACK's reordering window has passed without the missing segments (tcp_rack_reo_timeout). */
export function onReoTimer(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (c.sendQueue === null || c.packetsOut === 0) return;
  const flight = inFlight(c);
  const lost = snd.lost;
  rackDetectLoss(c, now);
  if (flight !== inFlight(c)) {
    if (c.caState !== CA_RECOVERY) {
      enterRecovery(c, false, now);
      if (!c.congestion.ownsWindow) reduceCwnd(c, 1, snd.lost - lost, 0);
    }
    c.work |= WORK_RTX;
  }
  if (c.timer === TIMER_NONE) rearmRto(c, now);
}

/** What an ACK asks to be sent again (tcp_xmit_recovery). */
export function xmitRecovery(c: Connection, a: AckState): void {
  if (a.rexmit === REXMIT_LOST) c.work |= WORK_RTX;
  else if (a.rexmit === REXMIT_NEW) c.naglePush = true;
}
