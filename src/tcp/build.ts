/** Building what leaves: header fields, payload, SACK blocks, and the counting that every segment has in common. */
import type { Instant } from '../base/units.ts';
import { onAckSent, onDataSent } from './ack.ts';
import { tsClock } from './clock.ts';
import type { Connection } from './connection.ts';
import { markEcn } from './ecn.ts';
import { currentMss, sackBlocks, windowEnd } from './mss.ts';
import { ACK, BASE_HEADER, clearAdded, PSH, sackRoom, type Segment } from './segment.ts';
import type { Tx } from './send-queue.ts';
import { SEQ_ZERO, seqDiff, type Seq } from './seq.ts';
import { advertiseWindow } from './window.ts';

/** What Linux charges a pure ACK (skb_set_tcp_pure_ack). */
const PURE_ACK_TRUESIZE = 2;

/** A segment of an established connection without payload. */
export function fillBare(c: Connection, out: Segment, flags: number, seq: Seq, now: Instant): void {
  fill(c, out, flags, seq, now);
  out.stream = null;
  out.off = 0;
  out.len = 0;
  out.segs = 1;
  out.segSize = 0;
  out.truesize = PURE_ACK_TRUESIZE;
}

/** The header; the caller sets the payload. `emitted` gives the segment its place. */
function fill(c: Connection, out: Segment, flags: number, seq: Seq, now: Instant): void {
  clearAdded(out);
  out.src = c.src;
  out.dst = c.dst;
  out.sport = c.sport;
  out.dport = c.dport;
  out.flow = c.flow;
  out.flags = flags;
  out.seq = seq;
  out.tos = c.settings.tos;
  const pacing = c.sender === null ? null : c.sender.pacing;
  const departure = pacing === null ? now : pacing.depart(now);
  out.hasTs = c.tsOk;
  if (c.tsOk) {
    out.tsVal = (tsClock(departure) + c.tsOffset) | 0;
    out.tsEcr = c.tsRecent;
    out.headerLen = BASE_HEADER + 12;
  } else {
    out.tsVal = 0;
    out.tsEcr = 0;
    out.headerLen = BASE_HEADER;
  }
  out.nsack = 0;
  if (flags & ACK) {
    out.ack = c.rcvNxt;
    const n = sackBlocks(c);
    if (n > 0) fillSack(c, out, n);
    out.window = advertiseWindow(c);
    onAckSent(c);
  } else {
    out.ack = SEQ_ZERO;
    out.window = 0;
  }
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
  out.headerLen += 4 + 8 * n;
}

/** Counts what leaves, and gives it its place among the connection's frames. */
export function emitted(c: Connection, out: Segment, again: boolean, now: Instant): void {
  out.ordinal = c.ordinal;
  c.ordinal += out.segs;
  c.segsOut += out.segs;
  c.context.mib.OutSegs += out.segs;
  c.wmemAlloc += out.truesize;
  if (c.ecn !== 0) markEcn(c, out, again);
  if (c.sender !== null) c.sender.lastSentAt = now;
  c.context.observer?.onSent(c, out, again);
}

export function fillData(c: Connection, out: Segment, t: Tx, now: Instant): void {
  // Taken before the header is: a D-SACK has room in this segment, and is forgotten once it is written.
  const segSize = t.segs > 1 ? currentMss(c) : t.len;
  // What the device cuts up carries PSH, so that the receiver's GRO does not hold it; the record itself does not.
  fill(c, out, ACK | t.flags | (t.segs > 1 ? PSH : 0), t.seq, now);
  out.stream = t.len > 0 ? c.tx : null;
  out.off = c.unaOff + seqDiff(t.seq, c.sndUna);
  out.len = t.len;
  out.segs = t.segs;
  out.segSize = segSize;
  out.truesize = t.truesize;
  if (t.len > 0) {
    c.dataSegsOut += t.segs;
    c.bytesSent += t.len;
    onDataSent(c, now);
  }
}

/** Sequence number of a segment without data: SND.NXT, unless the peer has shrunk its window (tcp_acceptable_seq). */
export function acceptableSeq(c: Connection): Seq {
  const beyond = seqDiff(c.sndNxt, windowEnd(c));
  return beyond <= 0 || (c.wscaleOk && beyond < 1 << c.rcvWscale) ? c.sndNxt : windowEnd(c);
}
