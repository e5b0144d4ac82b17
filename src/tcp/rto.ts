/**
 * The retransmission time-out (RFC 6298 §5.4–5.7; tcp_retransmit_timer): everything that is out counts as lost, one segment
 * goes, the timer backs off, and in the end the connection is given up (RFC 9293 §3.8.3).
 */
import { NEVER, type Duration, type Instant } from '../base/units.ts';
import { ETIMEDOUT } from '../base/errno.ts';
import { setCaState } from './ca-state.ts';
import { jiffiesNow, jiffiesOfMs } from './clock.ts';
import {
  CA_DISORDER,
  CA_LOSS,
  CA_RECOVERY,
  INFINITE_SSTHRESH,
  TIMER_RETRANS,
  WORK_HEAD,
  WORK_SYN,
  inFlight,
  type Connection,
} from './connection.ts';
import { currentSsthresh } from './cwnd.ts';
import { endForMemory, fail } from './done.ts';
import { detectBlackhole } from './fastopen.ts';
import { requestRto } from './check-request.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import { queueCwr } from './ecn.ts';
import { markLost, rackRemaining } from './rack.ts';
import { OOM_RESET, outOfResources } from './memory.ts';
import { suspectBlackhole } from './mtu-probe.ts';
import type { Request } from './request.ts';
import { computeRto, rtoMax, rtoMin } from './rtt.ts';
import { SACKED } from './send-queue.ts';
import { senderOf } from './sender.ts';
import { seqLe } from './seq.ts';
import { armTimer } from './timers.ts';
import { initUndo } from './undo.ts';

/** Retransmissions of a thin stream before its timer backs off all the same (TCP_THIN_LINEAR_RETRIES). */
const THIN_LINEAR_RETRIES = 6;

/** All that is out counts as lost, except what was sent only just now (tcp_timeout_mark_lost). */
function timeoutMarkLost(c: Connection, now: Instant): void {
  const snd = c.sender!;
  const q = c.sendQueue;
  if (q === null || q.sent === 0) return; // only a SYN-ACK is out
  // The first segment was SACKed and is still not acknowledged: nothing that was SACKed can be relied on.
  const reneged = (q.records.at(0).sacked & SACKED) !== 0;
  if (reneged) {
    c.context.mib.TCPSACKReneging++;
    c.sackedOut = 0;
    snd.reneging = true;
    if (snd.sackCache !== null) snd.sackCache.seenCount = 0;
  } else if (!c.sackOk) c.sackedOut = 0;
  const rack = c.context.options.lossDetection === 'rack';
  for (let i = 0; i < q.sent; i++) {
    const t = q.records.at(i);
    if (reneged) t.sacked &= ~SACKED;
    else if (rack && i > 0 && rackRemaining(c, t, 0, now) > 0) continue;
    markLost(c, q, t);
  }
  snd.rtxHint = c.sndUna;
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
  // A time-out after many duplicates: the reordering was overestimated.
  const threshold = c.context.options.reordering;
  if (c.caState <= CA_DISORDER && c.sackedOut >= threshold)
    c.reordering = Math.min(c.reordering, threshold);
  setCaState(c, CA_LOSS, now);
  snd.highSeq = c.sndNxt;
  snd.tlpActive = false;
  queueCwr(c);
  // RFC 5682 §3.1: not if a recovery was under way, unless it is a repeated time-out of the same segment; and not while an MTU
  // probe is out, for that may be all that was lost.
  const probing = snd.mtuProbe !== null && snd.mtuProbe.size > 0;
  snd.frto = c.context.options.frto !== 0 && (fresh || c.retransmits > 0) && !probing;
}

/** The retransmission timer fired. @param due when it should have: an application may have had the socket then */
export function onRetransmitTimer(c: Connection, due: Instant, now: Instant): void {
  if (awaitsHandshake(c)) return onSynAckTimer(c, c.fastOpen!.request!, now);
  if (c.packetsOut === 0) return;
  const synchronising = c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED';
  if (!synchronising && c.sndWnd === 0 && !c.orphan) {
    // The peer has shrunk its window over data in flight: the retransmission is a probe (RFC 9293 §3.8.6.1).
    if (shrunkTooLong(c, due, now)) {
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
  if (c.orphan && !synchronising && outOfMemoryAtTimeout(c, now)) return;
  const over = givesUp(c, now);
  if (c.fastOpen !== null) detectBlackhole(c, c.fastOpen, over, now);
  if (over) {
    fail(c, ETIMEDOUT, now);
    return;
  }
  if (!synchronising) {
    if (c.retransmits === 0) countFailure(c);
    enterLoss(c, now);
  }
  c.retransmits++;
  c.totalRto++;
  c.work |= synchronising ? WORK_SYN : WORK_HEAD;
  backOff(c, now);
}

/** The SYN-ACK of a connection that a SYN alone has made (tcp_fastopen_synack_timer): nothing else is repeated before its ACK. */
function onSynAckTimer(c: Connection, r: Request, now: Instant): void {
  const own = c.settings.synCount;
  if (r.timeouts >= (own > 0 ? own : c.context.options.synackRetries + 1)) {
    fail(c, ETIMEDOUT, now);
    return;
  }
  if (c.retransmits === 1) enterLoss(c, now);
  r.timeouts++;
  c.retransmits++;
  c.totalRto++;
  if (c.retransStamp === NEVER) c.retransStamp = now;
  c.work |= WORK_SYN;
  armTimer(c, TIMER_RETRANS, requestRto(r), now);
}

/** What the time-out makes an end of. */
function countFailure(c: Connection): void {
  const mib = c.context.mib;
  if (c.caState === CA_RECOVERY) {
    if (c.sackOk) mib.TCPSackRecoveryFail++;
    else mib.TCPRenoRecoveryFail++;
  } else if (c.caState === CA_LOSS) mib.TCPLossFailures++;
  else if (c.caState === CA_DISORDER || c.sackedOut > 0) {
    if (c.sackOk) mib.TCPSackFailures++;
    else mib.TCPRenoFailures++;
  }
}

/** RFC 6298 §5.5: the timer doubles; a SYN's first time-outs do not, nor may those of a thin stream. */
function backOff(c: Connection, now: Instant): void {
  if (
    c.context.options.thinLinearTimeouts &&
    c.state === 'ESTABLISHED' &&
    isThin(c) &&
    c.retransmits <= THIN_LINEAR_RETRIES
  ) {
    c.backoff = 0;
    c.rto = Math.max(computeRto(c), rtoMin(c)) as Duration;
  } else if (c.state !== 'SYN-SENT' || c.totalRto > c.context.options.synLinearTimeouts) {
    c.backoff++;
    c.rto = Math.min(c.rto * 2, rtoMax(c)) as Duration;
  }
  armTimer(c, TIMER_RETRANS, clampToUserTimeout(c, now), now);
}

/** Too little is out for fast retransmissions, and it is not the start of the connection (tcp_stream_is_thin). */
const isThin = (c: Connection): boolean => c.packetsOut < 4 && c.ssthresh < INFINITE_SSTHRESH;

/** The user timeout ends the wait (tcp_clamp_rto_to_user_timeout). */
function clampToUserTimeout(c: Connection, now: Instant): Duration {
  if (c.settings.userTimeoutMs === 0) return c.rto;
  const since = c.retransStamp === NEVER ? now : c.retransStamp;
  const left = jiffiesOfMs(c.context, c.settings.userTimeoutMs) - (now - since);
  const tick = c.context.jiffyNs === 0 ? 1_000_000 : c.context.jiffyNs;
  return Math.min(c.rto, Math.max(left, tick)) as Duration;
}

/** How long `boundary` retransmissions that double from `baseMs` take, ms (tcp_model_timeout). */
export function modelTimeoutMs(c: Connection, boundary: number, baseMs: number): number {
  const maxMs = c.context.options.rtoMaxMs;
  const doublings = 31 - Math.clz32(Math.floor(maxMs / baseMs));
  if (boundary <= doublings) return ((2 << boundary) - 1) * baseMs;
  return ((2 << doublings) - 1) * baseMs + (boundary - doublings) * maxMs;
}

/**
 * Have retransmissions gone on for as long as `boundary` of them take, or as the user allows (retransmits_timed_out)? Linux
 * counts both from the first retransmission, and its timer wheel is late by up to an eighth of each interval. Our timers
 * expire exactly, so for the former the time from the first transmission is what gives the documented 924.6 s and the
 * measured end after tcp_retries2.
 */
function timedOut(c: Connection, boundary: number, timeoutMs: number, now: Instant): boolean {
  if (c.retransmits === 0) return false;
  if (timeoutMs > 0) return elapsedMs(c.retransStamp, now) >= timeoutMs;
  const baseMs = c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED' ? 1000 : 200;
  return elapsedMs(c.sender!.rtoStamp, now) >= modelTimeoutMs(c, boundary, baseMs);
}

const elapsedMs = (since: Instant, now: Instant): number =>
  Math.floor(now / 1e6) - Math.floor(since / 1e6);

/** An orphan may have to go before it has tried for as long as it may (tcp_out_of_resources). @returns whether it has */
function outOfMemoryAtTimeout(c: Connection, now: Instant): boolean {
  const alive = c.rto < rtoMax(c);
  const verdict = outOfResources(c, alive || !timedOut(c, orphanRetries(c, alive), 0, now), now);
  if (verdict === 0) return false;
  endForMemory(c, verdict === OOM_RESET, now);
  return true;
}

/** tcp_write_timeout: RFC 9293 §3.8.3 R2, as Linux counts it. */
function givesUp(c: Connection, now: Instant): boolean {
  const o = c.context.options;
  if (c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED') {
    const until = c.settings.synCount > 0 ? c.settings.synCount : o.synRetries;
    const most = until + (c.state === 'SYN-SENT' ? o.synLinearTimeouts : 0);
    return c.retransmits >= most || timedOut(c, until, c.settings.userTimeoutMs, now);
  }
  if (timedOut(c, o.retries1, 0, now)) suspectBlackhole(c, now);
  let until = o.retries2;
  if (c.orphan) until = orphanRetries(c, c.rto < rtoMax(c));
  return timedOut(c, until, c.settings.userTimeoutMs, now);
}

/** Retries of a closed socket (tcp_orphan_retries). */
export function orphanRetries(c: Connection, alive: boolean): number {
  const n = c.context.options.orphanRetries;
  return n === 0 && alive ? 8 : n;
}

/**
 * A window shrunk to 0 over data in flight: is that to be borne no longer (tcp_rtx_probe0_timed_out)? By a user timeout, whether
 * the peer answers or not: what does not get on is what the user meant. Else only when it has said nothing for two RTO maxima.
 */
function shrunkTooLong(c: Connection, due: Instant, now: Instant): boolean {
  const userMs = c.settings.userTimeoutMs;
  const since = c.retransStamp === NEVER ? c.sendQueue!.records.at(0).sentAt : c.retransStamp;
  const repeatedMs = elapsedMs(since, now);
  let timeout = rtoMax(c) * 2;
  if (userMs > 0) {
    if (repeatedMs > userMs) return true;
    timeout = Math.min(timeout, jiffiesOfMs(c.context, userMs));
  }
  // The silence up to when the timer was due (icsk_timeout): if it is late, what comes meanwhile has not been waited for.
  if (jiffiesNow(c.context, due) - jiffiesNow(c.context, c.rcvTstamp) <= timeout) return false;
  return jiffiesOfMs(c.context, repeatedMs) > timeout;
}
