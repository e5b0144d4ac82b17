/**
 * May a segment be looked at, and what answers one that may not: PAWS (RFC 7323 §5), the sequence number (RFC 9293 §3.10.7.4),
 * resets and SYNs that could be forged (RFC 5961), and how often any of this is answered. Linux: tcp_validate_incoming and what
 * it calls.
 */
import type { Instant } from '../base/units.ts';
import { enterQuickack, MAX_QUICKACKS, sendAck, setDsack } from './ack.ts';
import { jiffiesNow } from './clock.ts';
import type { Connection } from './connection.ts';
import type { TcpContext, TcpMib } from './context.ts';
import { onReset } from './done.ts';
import { olderThanRecent } from './paws.ts';
import { ACK, FIN, RST, SYN, segLen, type Segment } from './segment.ts';
import { seqAdd, seqGt, seqLt, type Seq } from './seq.ts';
import { receiveWindow } from './window.ts';

/** A timestamp may be this much older and still pass (TCP_PAWS_WINDOW). */
const PAWS_WINDOW = 1;

/** What counts an answer that the rate limit held back. */
export type Skipped = Extract<keyof TcpMib, `TCPACKSkipped${string}`>;

/** A connection, half-open or not, or in TIME-WAIT: what answers for it. */
interface Answering {
  readonly context: TcpContext;
  /** Null: none yet. Few have one, and a time, even NEVER, has memory of its own. */
  lastOowAck: Instant | null;
}

/** First to fourth: sequence number, RST, SYN. False: the segment is done with. */
export function acceptable(c: Connection, seg: Segment, now: Instant): boolean {
  if (failsPaws(c, seg, now) && !passesPawsAnyway(c, seg)) {
    rejectedByPaws(c, seg, now);
    return false;
  }
  if (!inSequence(c, seg)) {
    outOfSequence(c, seg, now);
    return false;
  }
  if (seg.flags & RST) {
    // RFC 5961 §3.2: only the exact number resets; anything else in the window is challenged.
    if (seg.seq === c.rcvNxt || resetAfterFin(c, seg) || isRightmostSack(c, seg)) onReset(c, now);
    else challengeAck(c, now);
    return false;
  }
  if (seg.flags & SYN && !completesCrossedOpen(c, seg)) {
    // RFC 5961 §4.2.
    synChallenge(c, now);
    return false;
  }
  return true;
}

// ---- PAWS

const failsPaws = (c: Connection, seg: Segment, now: Instant): boolean =>
  c.tsOk && seg.hasTs && olderThanRecent(c, seg, PAWS_WINDOW, now);

/** A reset is not bound by PAWS, nor is a duplicate ACK that later ones overtook by less than an RTO (tcp_disordered_ack_check). */
function passesPawsAnyway(c: Connection, seg: Segment): boolean {
  if (seg.flags & RST) return true;
  if (!isPureAck(seg) || seg.seq !== c.rcvNxt || seg.ack !== c.sndUna) return false;
  const wnd = seg.window << c.sndWscale;
  // It must not change the window; its number is SND.WL1 or later by what was just compared.
  if (seqGt(seg.seq, c.sndWl1) || wnd > c.sndWnd || wnd === 0) return false;
  return ((c.tsRecent - seg.tsVal) | 0) <= replayWindow(c);
}

const isPureAck = (seg: Segment): boolean => (seg.flags & ACK) !== 0 && segLen(seg) === 0;

/** Ticks of the peer's clock in an RTO, if it ticks 1200 times a second: the fastest that Linux has met (tcp_tsval_replay). */
const replayWindow = (c: Connection): number => Math.floor((c.rto * 1200) / 1_000_000_000);

function rejectedByPaws(c: Connection, seg: Segment, now: Instant): void {
  if (seg.flags & SYN) return synChallenge(c, now);
  // Old ACKs are common and nobody needs an answer to one.
  if (isPureAck(seg) && seqLt(seg.seq, c.rcvNxt)) {
    c.context.mib.PAWSOldAck++;
    return;
  }
  c.context.mib.PAWSEstab++;
  if (mayAnswer(c, seg, 'TCPACKSkippedPAWS', now)) answerUnacceptable(c, seg);
}

// ---- Sequence number

/**
 * The four cases of RFC 9293 §3.10.7.4, Table 6, as tcp_sequence decides them. A window that was taken back for want of memory
 * can so leave a peer unheard that had sent a little beyond it: its ACKs carry SND.NXT, and are dropped for as long as nobody
 * reads here. Linux 6.18 does that; to remember the furthest edge ever promised (RFC 7323 §2.4) came later.
 */
function inSequence(c: Connection, seg: Segment): boolean {
  const end = seqAdd(seg.seq, segLen(seg));
  if (seqLt(end, c.rcvWup)) return false;
  const edge = seqAdd(c.rcvNxt, receiveWindow(c));
  if (!seqGt(end, edge)) return true;
  // A FIN may stick out.
  if ((seg.flags & FIN) !== 0 && !seqGt(seqAdd(end, -1), edge)) return true;
  return !seqGt(seg.seq, edge) && (c.rcvQueue === null || c.rcvQueue.length === 0);
}

/** Does [seg.seq, end) touch [left, left + width), or follow it without a byte (tcp_in_window)? For connections to be and past. */
export function touchesWindow(seg: Segment, left: Seq, width: number): boolean {
  if (seg.seq === left) return true;
  const end = seqAdd(seg.seq, segLen(seg));
  const right = seqAdd(left, width);
  if (seqGt(end, left) && seqLt(seg.seq, right)) return true;
  return seg.seq === right && seg.seq === end;
}

function outOfSequence(c: Connection, seg: Segment, now: Instant): void {
  if (seg.flags & RST) {
    if (resetAfterFin(c, seg)) onReset(c, now);
    return;
  }
  if (seg.flags & SYN) return synChallenge(c, now);
  if (!seqLt(seqAdd(seg.seq, segLen(seg)), c.rcvWup)) c.context.mib.TCPBeyondWindow++;
  if (mayAnswer(c, seg, 'TCPACKSkippedSeq', now)) answerUnacceptable(c, seg);
}

/** The answer to an unacceptable segment: an ACK at once, with a D-SACK for what is old in it (tcp_send_dupack). */
function answerUnacceptable(c: Connection, seg: Segment): void {
  if (segLen(seg) > 0 && seqLt(seg.seq, c.rcvNxt)) {
    c.context.mib.DelayedACKLost++;
    enterQuickack(c, MAX_QUICKACKS);
    const end = seqAdd(seg.seq, segLen(seg));
    setDsack(c, seg.seq, seqGt(end, c.rcvNxt) ? c.rcvNxt : end);
  }
  sendAck(c);
}

// ---- RST and SYN

/** A RST one before RCV.NXT, from a peer whose FIN we have taken (tcp_reset_check). */
const resetAfterFin = (c: Connection, seg: Segment): boolean =>
  seg.seq === seqAdd(c.rcvNxt, -1) &&
  (c.state === 'CLOSE-WAIT' || c.state === 'LAST-ACK' || c.state === 'CLOSING');

function isRightmostSack(c: Connection, seg: Segment): boolean {
  const ofo = c.ofo;
  if (!c.sackOk || ofo === null || ofo.count === 0) return false;
  let most: Seq = ofo.right(0);
  for (let i = 1; i < ofo.count; i++) if (seqGt(ofo.right(i), most)) most = ofo.right(i);
  return seg.seq === most;
}

/** The SYN-ACK of a simultaneous open repeats the SYN. */
const completesCrossedOpen = (c: Connection, seg: Segment): boolean =>
  c.state === 'SYN-RECEIVED' &&
  (seg.flags & ACK) !== 0 &&
  seg.len === 0 &&
  seqAdd(seg.seq, 1) === c.rcvNxt &&
  seg.ack === c.sndNxt;

function synChallenge(c: Connection, now: Instant): void {
  c.context.mib.InErrs++;
  c.context.mib.TCPSYNChallenge++;
  challengeAck(c, now);
}

// ---- How often

/** May this segment be answered now? One with data always: it is no part of a loop of ACKs (tcp_oow_rate_limited). */
export function mayAnswer(c: Answering, seg: Segment, skipped: Skipped, now: Instant): boolean {
  if (segLen(seg) > 0 && (seg.flags & SYN) === 0) return true;
  return passesRatelimit(c, skipped, now);
}

function passesRatelimit(c: Answering, skipped: Skipped, now: Instant): boolean {
  const t = jiffiesNow(c.context, now);
  const limit = c.context.options.invalidRatelimitMs * 1_000_000;
  if (c.lastOowAck !== null && t - c.lastOowAck < limit) {
    c.context.mib[skipped]++;
    return false;
  }
  c.lastOowAck = t;
  return true;
}

/** A challenge ACK (RFC 5961 §3, §4, §5): the peer proves by its answer that it is who it seems to be. */
export function challengeAck(c: Connection, now: Instant): void {
  if (!passesRatelimit(c, 'TCPACKSkippedChallenge', now)) return;
  const x = c.context;
  const second = Math.floor(now / 1_000_000_000);
  if (x.challengeSecond !== second) {
    x.challengeSecond = second;
    x.challengeCount = 0;
  }
  if (x.challengeCount >= x.options.challengeAckLimit) return;
  x.challengeCount++;
  x.mib.TCPChallengeACK++;
  sendAck(c);
}
