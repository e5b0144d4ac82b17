/**
 * Room in the receive buffer for one more segment, and what is done when there is none (tcp_try_rmem_schedule,
 * tcp_prune_queue): the buffer grows if it may, records whose memory is mostly empty are copied together, and at last data
 * behind a hole is given up, which its sender still has.
 */
import type { Connection } from './connection.ts';
import type { Deque } from './deque.ts';
import { forceSchedule, reclaim, scheduleReceive } from './memory.ts';
import type { Rx } from './recv-queue.ts';
import type { Segment } from './segment.ts';
import { seqAdd, seqDiff, seqGt, seqLt, type Seq } from './seq.ts';
import { linearTruesize, PAGE, SHARED_INFO, SK_BUFF } from './truesize.ts';
import { adjustRcvSsthresh, clampWindow, winFromSpace } from './window.ts';

/** Payload of a record that collapsing makes: it fills a page (SKB_MAX_ORDER(0, 0)). */
const COLLAPSED = PAGE - SHARED_INFO;

/**
 * May one more segment be queued, whatever its size? So the buffer may be passed by one (tcp_can_ingest). 6.17 began to count
 * the segment too; its stable releases and those of 6.18 gave that up again.
 */
const fits = (c: Connection): boolean => c.rmemAlloc <= c.rcvbuf;

/** Makes room for `seg` if it can, in the socket's buffer and in the host's memory (tcp_try_rmem_schedule). */
export function makeRoom(c: Connection, seg: Segment): boolean {
  if (fits(c) && scheduleReceive(c, seg.truesize)) return true;
  if (!prune(c, seg)) return false;
  while (!scheduleReceive(c, seg.truesize)) if (!pruneOutOfOrder(c, seg)) return false;
  return true;
}

/** tcp_prune_queue(): false when the buffer is still full, or nothing could be given up. */
function prune(c: Connection, seg: Segment): boolean {
  if (c.rmemAlloc === 0) return false;
  const mib = c.context.mib;
  mib.PruneCalled++;
  if (!fits(c)) clampWindow(c);
  else if (c.context.memory.pressure) adjustRcvSsthresh(c);
  if (fits(c)) return true;
  if (c.ofo !== null) collapseOutOfOrder(c, c.ofo.records);
  if (c.rcvQueue !== null) collapse(c, c.rcvQueue, c.rcvQueue.length, c.copiedSeq, c.rcvNxt);
  // The copies are charged without asking (skb_set_owner_r in tcp_collapse).
  forceSchedule(c, 0);
  reclaim(c);
  if (fits(c)) return true;
  pruneOutOfOrder(c, seg);
  if (fits(c)) return true;
  mib.RcvPruned++;
  return false;
}

/** Drops out-of-order data from the end, an eighth of the buffer at a time (tcp_prune_ofo_queue). @returns whether there was any */
function pruneOutOfOrder(c: Connection, seg: Segment): boolean {
  const ofo = c.ofo;
  if (ofo === null) return false;
  let goal = c.rcvbuf >> 3;
  let pruned = false;
  while (ofo.records.length > 0) {
    const last = ofo.records.at(ofo.records.length - 1);
    // Not for the sake of data that lies further out itself.
    if (seqGt(seg.seq, last.seq)) break;
    ofo.records.pop();
    pruned = true;
    goal -= last.truesize;
    c.rmemAlloc -= last.truesize;
    c.context.giveRx(last);
    if (ofo.records.length === 0 || goal <= 0) {
      reclaim(c);
      if (fits(c) && !c.context.memory.pressure) break;
      goal = c.rcvbuf >> 3;
    }
  }
  reclaim(c);
  if (!pruned) return false;
  c.context.mib.OfoPruned++;
  // What was SACKed is gone: say nothing of it any more (RFC 2018 §8 lets us).
  ofo.forget();
  if (ofo.records.length === 0) c.ofo = null;
  return true;
}

// ---- Collapsing

/**
 * Collapses each run of records without a gap; many small ones that stand alone end the attempt (tcp_collapse_ofo_queue). One pass:
 * what has been looked at goes from the front of the queue to its end, until all has.
 */
function collapseOutOfOrder(c: Connection, q: Deque<Rx>): void {
  let tiny = 0;
  let left = q.length;
  while (left > 0) {
    const { seq: start, truesize } = q.at(0);
    let { end } = q.at(0);
    let n = 1;
    for (; n < left && !seqGt(q.at(n).seq, end); n++)
      if (seqGt(q.at(n).end, end)) end = q.at(n).end;
    if (n > 1 || seqDiff(end, start) >= COLLAPSED) collapse(c, q, n, start, end);
    else {
      tiny += truesize;
      if (tiny > c.rcvbuf >> 3) break;
      q.push(q.shift());
    }
    left -= n;
  }
  for (; left > 0; left--) q.push(q.shift());
}

/**
 * Copies the first `n` records of the queue, which hold [start, end), together, beginning with the first that is worth it: its
 * memory is mostly empty, part of it has been read, or it overlaps the next (tcp_collapse). What becomes of them is at the end of
 * the queue then.
 */
function collapse(c: Connection, q: Deque<Rx>, n: number, start: Seq, end: Seq): void {
  let left = n;
  for (; left > 0; left--) {
    const r = q.at(0);
    if (r.fin === 0 && (winFromSpace(c, r.truesize) > r.len || seqLt(r.seq, start))) break;
    if (left > 1 && r.end !== q.at(1).seq) break;
    start = r.end;
    q.push(q.shift());
  }
  const old = c.context.scratch;
  for (; left > 0; left--) old.push(q.shift());
  while (seqLt(start, end) && old.length > 0 && old.at(0).fin === 0) {
    const r = copied(c, old, start, Math.min(COLLAPSED, seqDiff(end, start)));
    start = r.end;
    q.push(r);
  }
  while (old.length > 0) q.push(old.shift());
}

/** A new record with up to `room` bytes from `start`; the `old` ones that are in it are gone. */
function copied(c: Connection, old: Deque<Rx>, start: Seq, room: number): Rx {
  const r = c.context.takeRx();
  r.seq = start;
  r.end = start;
  r.len = 0;
  r.fin = 0;
  r.mergeable = 0;
  r.frags = 0;
  r.linear = true;
  r.cloned = false;
  r.truesize = linearTruesize(room);
  c.rmemAlloc += r.truesize;
  while (r.len < room && old.length > 0 && old.at(0).fin === 0) {
    const o = old.at(0);
    const skip = seqDiff(r.end, o.seq);
    const n = Math.min(room - r.len, o.len - skip);
    if (n > 0) {
      if (r.len === 0) {
        r.stream = o.stream;
        r.off = o.off + skip;
      } else if (o.stream !== r.stream || o.off + skip !== r.off + r.len) break;
      r.len += n;
      r.end = seqAdd(r.end, n);
    }
    if (seqLt(r.end, o.end)) break;
    old.shift();
    c.rmemAlloc -= o.truesize;
    c.context.mib.TCPRcvCollapsed++;
    c.context.giveRx(o);
  }
  r.tailroom = r.truesize - SK_BUFF - SHARED_INFO - r.len;
  return r;
}
