/** What a writer does: records are filled and may leave (net/ipv4/tcp.c tcp_sendmsg_locked). */
import { CHRONO_BUSY, startChrono, stopChrono } from './chrono.ts';
import { EAGAIN, EPIPE } from '../base/errno.ts';
import type { Instant } from '../base/units.ts';
import { inFlight, WORK_RTX, WORK_XMIT, type Connection } from './connection.ts';
import { slowStartAfterIdle } from './cwnd.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import { forceSchedule, reclaim, schedulePayload, scheduleSend, scheduleWhole } from './memory.ts';
import { currentMss, sizeGoal, tsoSegments, windowEnd } from './mss.ts';
import { dropSendQueue, splitTx, TX_OVERHEAD } from './records.ts';
import { FIN, PSH } from './segment.ts';
import { memoryFree } from './send-memory.ts';
import type { SendQueue, Tx } from './send-queue.ts';
import { senderOf } from './sender.ts';
import { seqAdd, seqDiff, seqGt } from './seq.ts';
import { sends } from './state.ts';

/** What is written: real bytes, or a number: so many bytes of pattern. */
export type Chunk = number | Uint8Array;

/**
 * Appends pattern (a number of bytes) or real bytes. With `more`, the same system call will write more: then only what
 * Linux sends in the middle of a write may leave (a piece of a full record; everything, half a window after the last
 * PSH), until the write without `more`, a short count, or setNoSpace.
 *
 * @param endOfRecord nothing that is written later stands in a segment with the last of these bytes (MSG_EOR)
 * @param corked the caller is about to write more (MSG_MORE): no PSH
 * @returns the count taken, which may be short; −EAGAIN when there is no room or the handshake is not done; the pending
 * error, once; −EPIPE after our own FIN
 */
export function write(
  c: Connection,
  chunk: Chunk,
  now: Instant,
  more: boolean = false,
  endOfRecord: boolean = false,
  corked: boolean = false,
): number {
  if (c.error !== 0) return takeError(c);
  if (!mayWrite(c)) {
    c.noSpace = true;
    return -EAGAIN;
  }
  if (c.sndShutdown || (!sends(c.state) && c.state !== 'SYN-RECEIVED')) return -EPIPE;
  const want = typeof chunk === 'number' ? chunk : chunk.length;
  if (want === 0) return 0;
  if (c.sender !== null && c.sender.rate !== null) c.sender.rate.checkAppLimited(c);
  hold(c);
  const taken = appendRecords(c, want, now);
  const over = !more || taken < want;
  if (over) c.held = false;
  if (taken < want) {
    // Refused: WRITABLE will tell, and what is there goes even if it is small.
    c.noSpace = true;
    c.naglePush = true;
    c.work |= WORK_XMIT;
    if (taken === 0) return -EAGAIN;
  }
  append(c, chunk, taken);
  if (endOfRecord && !more && taken === want) endRecord(c);
  if (over) push(c, corked && taken === want);
  else c.work |= WORK_XMIT;
  return taken;
}

/** Is the connection past its handshake, or of the kind that need not wait for it (sk_stream_wait_connect)? */
export const mayWrite = (c: Connection): boolean =>
  c.state !== 'SYN-SENT' && (c.state !== 'SYN-RECEIVED' || awaitsHandshake(c));

/** Somebody in a system call waits for the handshake, to write then: the SYN-ACK's ACK can wait for that data. */
export function setWritePending(c: Connection, on: boolean): void {
  if (on) senderOf(c).writePending = true;
  else if (c.sender !== null) c.sender.writePending = false;
}

/** The first `n` bytes of `chunk` are part of the stream now. */
export function append(c: Connection, chunk: Chunk, n: number): void {
  const off = c.tx.written;
  if (typeof chunk === 'number') c.tx.appendPattern(n);
  else c.tx.append(n === chunk.length ? chunk : chunk.subarray(0, n));
  c.context.observer?.onWritten(c, off, n);
}

function endRecord(c: Connection): void {
  const q = c.sendQueue;
  if (q !== null && q.unsent > 0) q.records.at(q.records.length - 1).eor = true;
}

/** Nothing that is queued leaves on account of this write before it says so. */
function hold(c: Connection): void {
  const q = c.sendQueue;
  c.held = true;
  c.heldSeq = q !== null && q.unsent > 0 ? q.records.at(q.sent).seq : c.writeSeq;
}

/** The pending error, once, negated. */
export function takeError(c: Connection): number {
  const e = c.error;
  c.error = 0;
  return -e;
}

/** Fills the last record and adds new ones while memory lasts (tcp_sendmsg_locked). */
function appendRecords(c: Connection, want: number, now: Instant): number {
  const mss = currentMss(c);
  const goal = sizeGoal(c, mss);
  const snd = senderOf(c);
  const q = (c.sendQueue ??= c.context.takeSendQueue());
  let taken = 0;
  let t = tailWithRoom(q, goal);
  while (taken < want) {
    let n: number;
    if (t === null) {
      if (!memoryFree(c, false)) break;
      n = Math.min(want - taken, goal);
      const whole = scheduleWhole(c, TX_OVERHEAD + n);
      if (!whole && !scheduleRecord(c, q)) break;
      if (q.records.length === 0) slowStartAfterIdle(c, now);
      t = newRecord(c, q, now);
      if (!whole) n = schedulePayload(c, n);
    } else n = schedulePayload(c, Math.min(want - taken, goal - t.len));
    if (n === 0) {
      if (t.len === 0) removeEmpty(c, q, now);
      break;
    }
    if (taken === 0) t.flags &= ~PSH;
    t.len += n;
    t.end = seqAdd(t.end, n);
    t.truesize += n;
    c.wmemQueued += n;
    c.writeSeq = t.end;
    taken += n;
    if (t.len < goal) continue;
    // Half a window after the last PSH comes another, and all that is queued goes (forced_push).
    const forced = seqGt(c.writeSeq, seqAdd(snd.pushedSeq, c.maxWindow >> 1));
    if (forced) markPush(c, t);
    if (goal > mss) {
      pushFull(c, q, t, forced, mss);
      t = tailWithRoom(q, goal);
    } else {
      if (forced) c.heldSeq = t.end;
      t = null;
    }
  }
  if (q.records.length === 0) dropSendQueue(c, q);
  return taken;
}

/** Memory for one more record (tcp_stream_alloc_skb); the first is never refused. */
function scheduleRecord(c: Connection, q: SendQueue): boolean {
  if (q.records.length > 0) return scheduleSend(c, TX_OVERHEAD);
  forceSchedule(c, TX_OVERHEAD);
  return true;
}

/** A new record that nothing could be put into (tcp_remove_empty_skb). */
function removeEmpty(c: Connection, q: SendQueue, now: Instant): void {
  const t = q.records.pop();
  c.wmemQueued -= t.truesize;
  q.give(t);
  reclaim(c);
  if (q.unsent === 0) stopChrono(c, CHRONO_BUSY, now);
}

/**
 * What the next write takes whatever the send buffer holds: the rest of the record that is being filled, or a whole one
 * when memory allows a new one. So one record may pass SO_SNDBUF, up to 64 KiB with GSO (measured). 0: no room.
 */
export function recordRoom(c: Connection): number {
  const goal = sizeGoal(c, currentMss(c));
  const tail = c.sendQueue === null ? null : tailWithRoom(c.sendQueue, goal);
  if (tail !== null) return goal - tail.len;
  return memoryFree(c, false) ? goal : 0;
}

/**
 * In the middle of a write Linux sends a piece of a full record at once when that is first in line (tcp_push_one), or all that
 * the windows take when a push is due, and what is left of the record has room again, whatever the send buffer holds. The
 * piece of `t`, the last record, is cut off here and leaves with the next poll.
 */
function pushFull(c: Connection, q: SendQueue, t: Tx, all: boolean, mss: number): void {
  if (!all && t.seq !== c.heldSeq) return;
  // What is queued before it has left by then, as far as it may.
  let out = inFlight(c);
  for (let i = q.sent; i < q.records.length - 1; i++) out += Math.ceil(q.records.at(i).len / mss);
  let segs = Math.min(c.cwnd - out, Math.floor(seqDiff(windowEnd(c), t.seq) / mss));
  if (!all) segs = Math.min(segs, Math.max(c.cwnd >> 1, 1), tsoSegments(c, mss));
  const end = t.end;
  if (segs > 0 && segs * mss < t.len) splitTx(c, q, q.records.length - 1, segs * mss, mss);
  if (all) c.heldSeq = end;
  else if (segs > 0) c.heldSeq = t.end;
}

function tailWithRoom(q: SendQueue, goal: number): Tx | null {
  if (q.unsent === 0) return null;
  const t = q.records.at(q.records.length - 1);
  return t.len < goal && !t.eor && (t.flags & FIN) === 0 ? t : null;
}

/** An empty record at the end of the queue. */
export function newRecord(c: Connection, q: SendQueue, now: Instant): Tx {
  if (q.unsent === 0) startChrono(c, CHRONO_BUSY, now);
  const t = q.take();
  t.seq = c.writeSeq;
  t.end = c.writeSeq;
  t.len = 0;
  t.flags = 0;
  t.eor = false;
  t.segs = 1;
  t.sacked = 0;
  t.truesize = TX_OVERHEAD;
  c.wmemQueued += TX_OVERHEAD;
  q.records.push(t);
  return t;
}

function markPush(c: Connection, t: Tx): void {
  t.flags |= PSH;
  c.sender!.pushedSeq = c.writeSeq;
}

/** The end of a write: PSH on its last record, and it may go, unless it is small and the device is busy (tcp_push). */
function push(c: Connection, corked: boolean): void {
  const q = c.sendQueue!;
  const t = q.records.at(q.records.length - 1);
  if (!corked || seqGt(c.writeSeq, seqAdd(c.sender!.pushedSeq, c.maxWindow >> 1))) markPush(c, t);
  const corks =
    c.context.options.autocorking &&
    q.unsent > 0 &&
    q.sent > 0 &&
    t.len < sizeGoal(c, currentMss(c)) &&
    !t.eor &&
    c.wmemAlloc > t.truesize;
  if (corks && c.noSpace === false) {
    c.context.mib.TCPAutoCorking++;
    c.tsqThrottled = true;
    return;
  }
  c.work |= WORK_XMIT;
}

/** A writer that has to wait for space in the middle of a write: what it has queued goes, even if it is small. */
export function pushHeld(c: Connection): void {
  if (!c.held) return;
  c.held = false;
  c.naglePush = true;
  c.work |= WORK_XMIT;
  const q = c.sendQueue;
  if (q !== null && q.unsent > 0) markPush(c, q.records.at(q.records.length - 1));
}

/** The device has freed `truesize` bytes of what was polled (TSQ). */
export function onTxFreed(c: Connection, truesize: number): void {
  c.wmemAlloc -= truesize;
  if (!c.tsqThrottled || c.state === 'CLOSED') return;
  c.tsqThrottled = false;
  if (c.sendQueue !== null) c.work |= WORK_XMIT | (c.lostOut > c.retransOut ? WORK_RTX : 0);
}
