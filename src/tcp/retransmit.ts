/** What is sent again: the records that are marked lost, and what one of them may carry (tcp_xmit_retransmit_queue). */
import { NEVER, type Instant } from '../base/units.ts';
import { emitted, fillData } from './build.ts';
import { CA_LOSS, inFlight, TIMER_REO, TIMER_RETRANS, type Connection } from './connection.ts';
import { inCwndReduction } from './cwnd.ts';
import { currentMss, tsoSegments, windowEnd } from './mss.ts';
import { sentAt } from './pacing.ts';
import { joinTx, splitTx, trimHead } from './records.ts';
import type { Segment } from './segment.ts';
import { EVER_RETRANS, LOST, RETRANS, SACKED, type SendQueue, type Tx } from './send-queue.ts';
import { seqDiff, seqGt, seqLt } from './seq.ts';
import { smallQueueFull } from './small-queue.ts';
import { armTimer } from './timers.ts';

/** The next segment that is marked lost and not yet sent again (tcp_xmit_retransmit_queue). */
export function retransmitLost(c: Connection, now: Instant, out: Segment): boolean {
  const q = c.sendQueue;
  if (q === null || c.lostOut <= c.retransOut || inFlight(c) >= c.cwnd) return false;
  const snd = c.sender!;
  if (snd.pacing !== null && snd.pacing.holds(c, now)) return false;
  for (let i = q.find(snd.rtxHint); i < q.sent; i++) {
    const t = q.records.at(i);
    snd.rtxHint = t.seq;
    if ((t.sacked & (LOST | SACKED | RETRANS)) !== LOST) continue;
    if (smallQueueFull(c, q, t.truesize, 2)) return false;
    const room = Math.min(c.cwnd - inFlight(c), tsoSegments(c, currentMss(c)));
    if (!retransmit(c, q, i, room, now, out)) return false;
    if (c.caState < CA_LOSS) c.context.mib.TCPFastRetrans += t.segs;
    else c.context.mib.TCPSlowStartRetrans += t.segs;
    if (inCwndReduction(c)) snd.prrOut += t.segs;
    if (i === 0 && c.timer !== TIMER_REO) armTimer(c, TIMER_RETRANS, c.rto, now);
    return true;
  }
  return false;
}

/** Sends record `i` again, at most `segs` segments of it (tcp_retransmit_skb). False when the window forbids it. */
export function retransmit(
  c: Connection,
  q: SendQueue,
  i: number,
  segs: number,
  now: Instant,
  out: Segment,
): boolean {
  const snd = c.sender!;
  const t = q.records.at(i);
  if (!repeat(c, q, i, segs, now, out)) return false;
  if ((t.sacked & RETRANS) === 0) c.retransOut += t.segs;
  t.sacked |= RETRANS;
  if (c.retransStamp === NEVER) c.retransStamp = now;
  if (snd.undoRetrans < 0) snd.undoRetrans = 0;
  snd.undoRetrans += t.segs;
  return true;
}

/** The last segment again, as a tail loss probe: for recovery it counts as sent once. */
export function repeatTail(c: Connection, now: Instant, out: Segment): boolean {
  const q = c.sendQueue;
  if (q === null || q.sent === 0) return false;
  const last = q.records.at(q.sent - 1);
  const mss = currentMss(c);
  const before = (last.segs - 1) * mss;
  if (last.segs > 1 && last.len > before) splitTx(c, q, q.sent - 1, before, mss);
  return repeat(c, q, q.sent - 1, 1, now, out);
}

/** The record has not left after all (local congestion): it counts as lost, and as repeated once. */
export function unrepeat(c: Connection, q: SendQueue, t: Tx): void {
  const snd = c.sender!;
  if (t.sacked & RETRANS) {
    t.sacked &= ~RETRANS;
    c.retransOut -= t.segs;
    if (inCwndReduction(c)) snd.prrOut -= t.segs;
  } else snd.tlpActive = false;
  if (t.sacked & LOST) q.unlist(t);
  if (seqLt(t.seq, snd.rtxHint)) snd.rtxHint = t.seq;
}

/** Puts record `i` on the wire once more (__tcp_retransmit_skb). */
function repeat(
  c: Connection,
  q: SendQueue,
  i: number,
  segs: number,
  now: Instant,
  out: Segment,
): boolean {
  const snd = c.sender!;
  const t = q.records.at(i);
  if (snd.mtuProbe !== null) snd.mtuProbe.size = 0; // its outcome would say nothing now
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
  else {
    adjustSegs(c, t, Math.max(Math.ceil(t.len / mss), 1));
    if (t.len < Math.min(room, mss)) collapse(c, q, i, Math.min(room, mss));
  }
  fillData(c, out, t, now);
  c.totalRetrans += t.segs;
  snd.bytesRetrans += t.len;
  c.context.mib.RetransSegs += t.segs;
  t.sacked |= EVER_RETRANS;
  if (snd.pacing !== null) snd.pacing.onSent(c, t.len, now);
  if (snd.rate !== null) snd.rate.onSent(c, t, now);
  t.sentAt = sentAt(snd.pacing, now);
  q.list(t);
  emitted(c, out, true, now);
  return true;
}

/** Small segments behind record `i` join it while they fit into `room` bytes (tcp_retrans_try_collapse; RFC 9293 §3.10.8). */
function collapse(c: Connection, q: SendQueue, i: number, room: number): void {
  // What is still in qdisc or device cannot be changed.
  if (!c.context.options.retransCollapse || c.wmemAlloc > 0) return;
  const t = q.records.at(i);
  if (t.segs > 1 || t.sacked & SACKED) return;
  while (i + 1 < q.sent) {
    const next = q.records.at(i + 1);
    if (t.eor || next.segs > 1 || next.sacked & SACKED || t.len + next.len > room) return;
    if (seqGt(next.end, windowEnd(c))) return;
    joinTx(c, q, i);
  }
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
