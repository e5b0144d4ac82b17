/**
 * Urgent data, the receiving side (RFC 9293 §3.8.5, RFC 6093; tcp_check_urg): one byte that is marked. A read ends in front of
 * the mark; the next one skips the byte, which nobody reads in line here. Left out: sending it, MSG_OOB, SO_OOBINLINE, SIGURG.
 */
import type { Connection } from './connection.ts';
import { receiverOf, type Receiver } from './receiver.ts';
import type { Segment } from './segment.ts';
import { seqAdd, seqDiff, seqGt, seqLe, seqLt } from './seq.ts';

/** A segment with URG: the mark moves forward, never back. Linux takes the pointer as one too many (RFC 6093 §3.1). */
export function checkUrgent(c: Connection, seg: Segment): void {
  const mark = seqAdd(seg.seq, Math.max(seg.urgent - 1, 0));
  if (seqLt(mark, c.copiedSeq) || seqLt(mark, c.rcvNxt)) return;
  const rcv = receiverOf(c);
  if (rcv.urgent && seqLe(mark, rcv.urgentSeq)) return;
  rcv.urgent = true;
  rcv.urgentSeq = mark;
}

/** Has the marked byte arrived, and is it still to come for the reader (EPOLLPRI)? */
export const urgentArrived = (c: Connection): boolean =>
  c.receiver !== null && c.receiver.urgent && seqLt(c.receiver.urgentSeq, c.rcvNxt);

/** Is the marked byte the next one? */
export const atMark = (c: Connection): boolean =>
  urgentArrived(c) && c.receiver!.urgentSeq === c.copiedSeq;

/** Of `n` bytes that can be read: those in front of the mark. */
export function beforeMark(c: Connection, rcv: Receiver, n: number): number {
  const d = seqDiff(rcv.urgentSeq, c.copiedSeq);
  return d < 0 || d >= n ? n : d;
}

/** The reader has gone on: is the mark behind it? */
export function passMark(c: Connection, rcv: Receiver): void {
  if (seqGt(c.copiedSeq, rcv.urgentSeq)) rcv.urgent = false;
}
