/** Cutting and joining the records of the send queue, with their memory and their marks on the scoreboard. */
import type { Connection } from './connection.ts';
import { forceSchedule, reclaim } from './memory.ts';
import { FIN, PSH } from './segment.ts';
import { EVER_RETRANS, LOST, RETRANS, SACKED, type SendQueue, type Tx } from './send-queue.ts';
import { seqAdd, seqDiff } from './seq.ts';

/** Truesize of a segment without payload: sk_buff, shared info and header room (measured: 832 on x86-64). */
export const TX_OVERHEAD = 832;

/** Nothing is left in the queue. */
export function dropSendQueue(c: Connection, q: SendQueue): void {
  c.sendQueue = null;
  c.context.giveSendQueue(q);
}

/** Moves up to `bytes` from the next record into the one that is sent (tcp_grow_skb). */
export function growTx(c: Connection, q: SendQueue, t: Tx, bytes: number): void {
  const next = q.records.at(q.sent + 1);
  const n = Math.min(bytes, next.len);
  if (n === 0 || t.eor) return;
  t.len += n;
  t.end = seqAdd(t.end, n);
  t.truesize += n;
  next.seq = seqAdd(next.seq, n);
  next.len -= n;
  next.truesize -= n;
  if (next.len > 0) return;
  t.end = next.end;
  t.flags |= next.flags;
  t.eor = next.eor;
  q.records.remove(q.sent + 1);
  c.wmemQueued -= next.truesize;
  reclaim(c);
  q.give(next);
}

/** Part of the record has been acknowledged. */
export function trimHead(c: Connection, t: Tx): void {
  const n = seqDiff(c.sndUna, t.seq);
  t.seq = c.sndUna;
  t.len -= n;
  t.truesize -= n;
  c.wmemQueued -= n;
}

/** Record `i` takes up the next one, which was sent too and is small (tcp_collapse_retrans). */
export function joinTx(c: Connection, q: SendQueue, i: number): void {
  const t = q.records.at(i);
  const next = q.records.remove(i + 1);
  q.unlist(next);
  q.sent--;
  t.len += next.len;
  t.end = next.end;
  t.flags |= next.flags;
  t.eor = next.eor;
  t.truesize += next.len;
  t.sacked |= next.sacked & EVER_RETRANS;
  c.wmemQueued += next.len - next.truesize;
  reclaim(c);
  c.packetsOut -= next.segs;
  if (next.sacked & LOST) c.lostOut -= next.segs;
  if (next.sacked & RETRANS) c.retransOut -= next.segs;
  // Without SACK it is not known which are missing: one less is.
  if (!c.sackOk) c.sackedOut -= Math.min(c.sackedOut, next.segs);
  q.give(next);
}

/** Cuts record `i` after `len` bytes (tcp_fragment): both parts keep its state. */
export function splitTx(c: Connection, q: SendQueue, i: number, len: number, mss: number): void {
  const t = q.records.at(i);
  forceSchedule(c, TX_OVERHEAD);
  const rest = q.take();
  const before = t.segs;
  rest.seq = seqAdd(t.seq, len);
  rest.end = t.end;
  rest.len = t.len - len;
  rest.flags = t.flags;
  rest.eor = t.eor;
  rest.sacked = t.sacked;
  rest.sentAt = t.sentAt;
  if (t.stamp !== null) rest.stamp = { ...t.stamp };
  rest.truesize = TX_OVERHEAD + rest.len;
  rest.segs = Math.max(Math.ceil(rest.len / mss), 1);
  t.end = rest.seq;
  t.len = len;
  t.flags &= ~(FIN | PSH);
  t.eor = false;
  t.truesize -= rest.len;
  t.segs = Math.max(Math.ceil(len / mss), 1);
  c.wmemQueued += TX_OVERHEAD;
  q.records.insert(i + 1, rest);
  if (i >= q.sent) return;
  q.sent++;
  if (t.listed) q.listAfter(rest, t);
  const more = t.segs + rest.segs - before;
  c.packetsOut += more;
  if (t.sacked & SACKED) c.sackedOut += more;
  if (t.sacked & LOST) c.lostOut += more;
  if (t.sacked & RETRANS) c.retransOut += more;
}
