/**
 * What to send now: one segment per call, decided with the state at that time. The order is that of the handlers in
 * Linux: reset, SYN, forced retransmission, probe, retransmissions, new data, and a pure ACK only if nothing carried it.
 */
import { NEVER, type Instant } from '../base/units.ts';
import { onAckSent, onDataSent } from './ack.ts';
import { jiffiesNow, tsClock } from './clock.ts';
import {
  TIMER_NONE,
  TIMER_PROBE0,
  WORK_ACK,
  WORK_HEAD,
  WORK_PROBE,
  WORK_REPLY_RST,
  WORK_RST,
  WORK_RTX,
  WORK_SPACE,
  WORK_SYN,
  WORK_WAKEUP,
  WORK_XMIT,
  WRITABLE,
  inFlight,
  type Connection,
} from './connection.ts';
import { congestionControl } from './congestion/index.ts';
import { inCwndReduction, validateCwnd } from './cwnd.ts';
import { currentMss, sackBlocks, tsoSegments, windowEnd } from './mss.ts';
import { growTx, splitTx, trimHead, TX_OVERHEAD } from './records.ts';
import {
  ACK,
  BASE_HEADER,
  FIN,
  PSH,
  RST,
  SYN,
  resetSegment,
  sackRoom,
  type Segment,
} from './segment.ts';
import { EVER_RETRANS, LOST, RETRANS, SACKED, type SendQueue, type Tx } from './send-queue.ts';
import { senderOf } from './sender.ts';
import { seqAdd, seqDiff, seqGe, seqGt, seqLt, type Seq } from './seq.ts';
import { armTimer, probe0When, rearmRto } from './timers.ts';
import { advertiseWindow } from './window.ts';
import { expandSndbuf, hasWriteSpace } from './send-memory.ts';

/** What Linux charges a pure ACK (skb_set_tcp_pure_ack). */
const PURE_ACK_TRUESIZE = 2;

/** Fills `out` with the next segment that `c` has to send; false: nothing now. Costs next to nothing when idle. */
export function pollSegment(c: Connection, now: Instant, out: Segment): boolean {
  if (c.work === 0) return false;
  if (c.work & WORK_REPLY_RST) return sendReplyRst(c, now, out);
  if (c.work & WORK_RST) return sendRst(c, now, out);
  if (c.work & WORK_SYN) return sendSyn(c, now, out);
  if (c.work & WORK_HEAD) {
    c.work &= ~WORK_HEAD;
    if (c.packetsOut > 0 && retransmit(c, c.sendQueue!, 0, 1, now, out)) return true;
  }
  if (c.work & WORK_WAKEUP && writeWakeup(c, now, out)) return true;
  if (c.work & WORK_PROBE) return sendProbe(c, now, out);
  if (c.work & WORK_RTX) {
    if (retransmitLost(c, now, out)) return true;
    c.work &= ~WORK_RTX;
  }
  if (c.work & WORK_XMIT) {
    if (writeXmit(c, now, out)) return true;
    finishXmit(c, now);
  }
  if (c.work & WORK_SPACE) {
    c.work &= ~WORK_SPACE;
    checkSpace(c, now);
  }
  if (c.work & WORK_ACK) return sendPureAck(c, now, out);
  return false;
}

// ---- Building

/** Header fields of a segment of an established connection; the caller sets the payload. */
function fill(c: Connection, out: Segment, flags: number, seq: Seq, now: Instant): void {
  resetSegment(out);
  out.src = c.src;
  out.dst = c.dst;
  out.sport = c.sport;
  out.dport = c.dport;
  out.flow = c.flow;
  out.flags = flags;
  out.seq = seq;
  out.ack = flags & ACK ? c.rcvNxt : (0 as unknown as Seq);
  let options = 0;
  if (c.tsOk) {
    out.hasTs = true;
    out.tsVal = (tsClock(now) + c.tsOffset) | 0;
    out.tsEcr = c.tsRecent;
    options = 12;
  }
  if (flags & ACK) {
    const n = sackBlocks(c);
    if (n > 0) {
      fillSack(c, out, n);
      options += 4 + 8 * n;
    }
    out.window = advertiseWindow(c);
    onAckSent(c);
  }
  out.headerLen = BASE_HEADER + options;
}

/** The D-SACK first, then the islands, newest first (RFC 2883 §4, RFC 2018 §4). */
function fillSack(c: Connection, out: Segment, n: number): void {
  const rcv = c.receiver!;
  const sacks = sackRoom(out);
  let i = 0;
  if (rcv.dsack) {
    sacks[0] = rcv.dsackLeft as unknown as number;
    sacks[1] = rcv.dsackRight as unknown as number;
    rcv.dsack = false;
    i = 1;
  }
  for (let k = 0; i < n; i++, k++) {
    sacks[2 * i] = c.ofo!.blocks[2 * k]!;
    sacks[2 * i + 1] = c.ofo!.blocks[2 * k + 1]!;
  }
  out.nsack = n;
}

/** Counts what leaves, and gives it its place among the connection's frames. */
function emitted(c: Connection, out: Segment, again: boolean): void {
  out.ordinal = c.ordinal;
  c.ordinal += out.segs;
  c.segsOut += out.segs;
  c.context.mib.OutSegs += out.segs;
  c.wmemAlloc += out.truesize;
  c.context.observer?.onSent(c, out, again);
}

function fillData(c: Connection, out: Segment, t: Tx, now: Instant): void {
  // Taken before the header is: a D-SACK has room in this segment, and is forgotten once it is written.
  const mss = currentMss(c);
  // What the device cuts up carries PSH, so that the receiver's GRO does not hold it; the record itself does not.
  fill(c, out, ACK | t.flags | (t.segs > 1 ? PSH : 0), t.seq, now);
  out.stream = t.len > 0 ? c.tx : null;
  out.off = c.unaOff + seqDiff(t.seq, c.sndUna);
  out.len = t.len;
  out.segs = t.segs;
  out.segSize = t.segs > 1 ? mss : t.len;
  out.truesize = t.truesize;
  if (t.len > 0) {
    c.dataSegsOut += t.segs;
    c.bytesSent += t.len;
    onDataSent(c, now);
  }
}

/** Sequence number of a segment without data: SND.NXT, unless the peer has shrunk its window (tcp_acceptable_seq). */
function acceptableSeq(c: Connection): Seq {
  const beyond = seqDiff(c.sndNxt, windowEnd(c));
  return beyond <= 0 || (c.wscaleOk && beyond < 1 << c.rcvWscale) ? c.sndNxt : windowEnd(c);
}

function sendPureAck(c: Connection, now: Instant, out: Segment): boolean {
  fill(c, out, ACK, acceptableSeq(c), now);
  c.work &= ~WORK_ACK;
  out.truesize = PURE_ACK_TRUESIZE;
  emitted(c, out, false);
  return true;
}

function sendProbe(c: Connection, now: Instant, out: Segment): boolean {
  c.work &= ~WORK_PROBE;
  fill(c, out, ACK, seqAdd(c.sndUna, -1), now);
  out.truesize = PURE_ACK_TRUESIZE;
  emitted(c, out, false);
  return true;
}

function sendRst(c: Connection, now: Instant, out: Segment): boolean {
  c.work = 0;
  fill(c, out, RST | ACK, acceptableSeq(c), now);
  out.truesize = PURE_ACK_TRUESIZE;
  c.context.mib.OutRsts++;
  emitted(c, out, false);
  return true;
}

/** A RST that answers a segment with an ACK: it carries that number (RFC 9293 §3.10.7.1). */
function sendReplyRst(c: Connection, now: Instant, out: Segment): boolean {
  c.work &= ~WORK_REPLY_RST;
  fill(c, out, RST, c.replySeq, now);
  out.truesize = PURE_ACK_TRUESIZE;
  c.context.mib.OutRsts++;
  emitted(c, out, false);
  return true;
}

/** SYN, or SYN-ACK after a simultaneous open. */
function sendSyn(c: Connection, now: Instant, out: Segment): boolean {
  const o = c.context.options;
  c.work &= ~WORK_SYN;
  const synAck = c.state === 'SYN-RECEIVED';
  const again = c.packetsOut > 0 && c.synSentAt !== NEVER;
  resetSegment(out);
  out.src = c.src;
  out.dst = c.dst;
  out.sport = c.sport;
  out.dport = c.dport;
  out.flow = c.flow;
  out.seq = c.iss;
  out.flags = synAck ? SYN | ACK : SYN;
  if (synAck) out.ack = c.rcvNxt;
  out.mss = c.advMss;
  const ts = synAck ? c.tsOk : o.timestamps;
  const sack = synAck ? c.sackOk : o.sack;
  if (ts) {
    out.hasTs = true;
    out.tsVal = (tsClock(now) + c.tsOffset) | 0;
    out.tsEcr = synAck ? c.tsRecent : 0;
  }
  out.sackOk = sack;
  if (synAck ? c.wscaleOk : o.windowScaling) out.wscale = c.rcvWscale;
  // The window of a SYN is never scaled (RFC 7323 §2.2).
  out.window = Math.min(c.rcvWnd, 65_535);
  out.headerLen = BASE_HEADER + synOptionBytes(ts, sack, out.wscale >= 0);
  out.truesize = TX_OVERHEAD;
  c.sndNxt = seqAdd(c.iss, 1);
  if (again) {
    c.synRetransmitted = true;
    c.totalRetrans++;
    c.context.mib.RetransSegs++;
    c.context.mib.TCPSynRetrans++;
  } else {
    c.packetsOut = 1;
    c.retransStamp = now;
    rearmRto(c, now);
  }
  c.synSentAt = now;
  if (synAck) onAckSent(c);
  emitted(c, out, again);
  return true;
}

/** Option bytes of a SYN: MSS 4, timestamps 12 (SACK-permitted rides in their padding), window scale 4, SACK alone 4. */
export const synOptionBytes = (ts: boolean, sack: boolean, wscale: boolean): number =>
  4 + (ts ? 12 : sack ? 4 : 0) + (wscale ? 4 : 0);

// ---- New data

/** Is the record held back by Nagle's rule with Minshall's change (tcp_nagle_check; RFC 9293 §3.7.4)? */
function nagleHolds(c: Connection, partial: boolean): boolean {
  if (!partial || c.naglePush) return false;
  if (c.cork) return true;
  if (c.noDelay || c.packetsOut === 0) return false;
  const snd = c.sender!;
  return seqGt(snd.sndSml, c.sndUna) && !seqGt(snd.sndSml, c.sndNxt);
}

/** Sends the next new segment if window, congestion window, Nagle and the device's credit allow it (tcp_write_xmit). */
function writeXmit(c: Connection, now: Instant, out: Segment): boolean {
  const q = c.sendQueue;
  if (q === null || q.unsent === 0) return false;
  const flight = inFlight(c);
  if (flight >= c.cwnd) return false;
  const t = q.records.at(q.sent);
  if (c.held && seqGe(t.seq, c.heldSeq)) return false;
  const mss = currentMss(c);
  const end = windowEnd(c);
  const quota = Math.min(Math.max(c.cwnd >> 1, 1), c.cwnd - flight, tsoSegments(c, mss));
  if (t.len < quota * mss && q.unsent > 1) growTx(c, q, t, quota * mss - t.len);
  if (seqGt(t.len > mss ? seqAdd(t.seq, mss) : t.end, end)) return false;
  const last = q.unsent === 1;
  if (t.len <= mss) {
    if (last && (t.flags & FIN) === 0 && nagleHolds(c, t.len < mss)) return false;
  } else {
    const limit = splitPoint(c, t, mss, quota, last, seqDiff(end, t.seq));
    if (t.len > limit) splitTx(c, q, q.sent, limit, mss);
  }
  if (smallQueueFull(c, q)) return false;
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
  window: number,
): number {
  const most = mss * segs;
  if (most <= window && !last) return most;
  const needed = Math.min(t.len, window);
  if (most <= needed) return most;
  const partial = needed % mss;
  return nagleHolds(c, partial !== 0) ? needed - partial : needed;
}

/** Bytes in qdisc and device are bounded, but one segment may always be there (tcp_small_queue_check). */
function smallQueueFull(c: Connection, q: SendQueue): boolean {
  if (c.wmemAlloc <= c.context.options.limitOutputBytes || q.sent <= 1) return false;
  c.tsqThrottled = true;
  return true;
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
  if (c.congestion.name !== c.settings.congestion) c.congestion = congestionControl(c, now);
  if (inFlight(c) === 0) c.congestion.onTxStart(c, now);
  t.segs = Math.max(Math.ceil(t.len / mss), 1);
  fillData(c, out, t, now);
  const first = c.packetsOut === 0;
  q.sent++;
  q.list(t);
  t.sentAt = now;
  c.sndNxt = t.end;
  c.packetsOut += t.segs;
  snd.sentSince += t.segs;
  if (inCwndReduction(c)) snd.prrOut += t.segs;
  if (t.len < t.segs * mss) snd.sndSml = t.end;
  if (first) rearmRto(c, now);
  emitted(c, out, false);
}

/** Nothing more can go now: judge the window, and arm the zero-window probe if nothing else will wake us. */
function finishXmit(c: Connection, now: Instant): void {
  const snd = c.sender;
  c.work &= ~WORK_XMIT;
  c.naglePush = false;
  const limited = inFlight(c) >= c.cwnd;
  if (snd !== null && (snd.sentSince > 0 || limited)) {
    snd.sentSince = 0;
    validateCwnd(c, limited, now);
  }
  const q = c.sendQueue;
  if (c.packetsOut === 0 && q !== null && q.unsent > 0 && c.timer === TIMER_NONE)
    armTimer(c, TIMER_PROBE0, probe0When(c, now), now);
}

/** A refused writer may go on when a third of the buffer is free (tcp_check_space, sk_stream_write_space). */
function checkSpace(c: Connection, now: Instant): void {
  if (!c.noSpace) return;
  if (!c.settings.sndbufLocked && !c.context.memory.pressure && inFlight(c) < c.cwnd) {
    expandSndbuf(c);
    senderOf(c).cwndStamp = jiffiesNow(c.context, now);
  }
  if (!hasWriteSpace(c, true)) return;
  c.noSpace = false;
  c.events |= WRITABLE;
}

// ---- Retransmission

/** The next segment that is marked lost and not yet sent again (tcp_xmit_retransmit_queue). */
function retransmitLost(c: Connection, now: Instant, out: Segment): boolean {
  const q = c.sendQueue;
  if (q === null || c.lostOut <= c.retransOut || inFlight(c) >= c.cwnd) return false;
  const snd = c.sender!;
  for (let i = q.find(snd.rtxHint); i < q.sent; i++) {
    const t = q.records.at(i);
    snd.rtxHint = t.seq;
    if ((t.sacked & (LOST | SACKED | RETRANS)) !== LOST) continue;
    if (c.wmemAlloc > c.context.options.limitOutputBytes) {
      c.tsqThrottled = true;
      return false;
    }
    const room = Math.min(c.cwnd - inFlight(c), tsoSegments(c, currentMss(c)));
    if (!retransmit(c, q, i, room, now, out)) return false;
    if (c.caState < 4) c.context.mib.TCPFastRetrans += t.segs;
    else c.context.mib.TCPSlowStartRetrans += t.segs;
    if (inCwndReduction(c)) snd.prrOut += t.segs;
    if (i === 0) rearmRto(c, now);
    return true;
  }
  return false;
}

/** Sends record `i` again, at most `segs` segments of it (tcp_retransmit_skb). False when the window forbids it. */
function retransmit(
  c: Connection,
  q: SendQueue,
  i: number,
  segs: number,
  now: Instant,
  out: Segment,
): boolean {
  const snd = c.sender!;
  const t = q.records.at(i);
  if (seqLt(t.seq, c.sndUna)) trimHead(c, t);
  const mss = currentMss(c);
  let room = seqDiff(windowEnd(c), t.seq);
  if (room <= 0) {
    // Beyond a window that has shrunk nothing is repeated, but the first segment serves as a probe.
    if (t.seq !== c.sndUna) return false;
    room = mss;
  }
  let len = mss * segs;
  if (len > room) len = room >= mss ? room - (room % mss) : room;
  if (t.len > len) splitTx(c, q, i, len, mss);
  // SACK blocks may have made a full segment smaller since it was sent first.
  else adjustSegs(c, t, Math.max(Math.ceil(t.len / mss), 1));
  fillData(c, out, t, now);
  c.totalRetrans += t.segs;
  snd.bytesRetrans += t.len;
  c.context.mib.RetransSegs += t.segs;
  if ((t.sacked & RETRANS) === 0) c.retransOut += t.segs;
  t.sacked |= RETRANS | EVER_RETRANS;
  t.sentAt = now;
  q.list(t);
  if (c.retransStamp === NEVER) c.retransStamp = now;
  if (snd.undoRetrans < 0) snd.undoRetrans = 0;
  snd.undoRetrans += t.segs;
  emitted(c, out, true);
  return true;
}

/** The record stands for so many segments now (tcp_adjust_pcount). */
function adjustSegs(c: Connection, t: Tx, segs: number): void {
  const more = segs - t.segs;
  if (more === 0) return;
  t.segs = segs;
  c.packetsOut += more;
  if (t.sacked & SACKED) c.sackedOut += more;
  if (t.sacked & LOST) c.lostOut += more;
  if (t.sacked & RETRANS) c.retransOut += more;
}

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
  return true;
}
