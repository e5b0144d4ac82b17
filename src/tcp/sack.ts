/**
 * The SACK scoreboard of the sender (RFC 2018, RFC 6675; tcp_sacktag_write_queue): incoming blocks set bits in the records
 * of the send queue. Only what is new since the previous ACK's blocks is walked.
 */
import type { Instant } from '../base/units.ts';
import {
  F_DATA_SACKED,
  F_DSACK_TLP,
  F_DSACKING_ACK,
  F_ORIG_SACK_ACKED,
  type AckState,
} from './ack-state.ts';
import { CA_LOSS, type Connection } from './connection.ts';
import { currentMss } from './mss.ts';
import { highestSackSeq, noteReordering, rackAdvance } from './rack.ts';
import { splitTx } from './records.ts';
import type { Segment } from './segment.ts';
import { EVER_RETRANS, LOST, RETRANS, SACKED, type SendQueue, type Tx } from './send-queue.ts';
import { senderOf } from './sender.ts';
import { seqAdd, seqDiff, seqEq, seqGe, seqGt, seqLe, seqLt, type Seq } from './seq.ts';

/** The blocks of the previous ACK, sorted, and room to sort those of this one. */
export class SackCache {
  readonly seen: Int32Array = new Int32Array(8);
  seenCount = 0;
  readonly fresh: Int32Array = new Int32Array(8);
  freshCount = 0;

  /** Inserts a block into the sorted list of this ACK. */
  add(left: Seq, right: Seq): void {
    let i = this.freshCount;
    while (i > 0 && seqGt(this.fresh[2 * i - 2]! as unknown as Seq, left)) {
      this.fresh[2 * i] = this.fresh[2 * i - 2]!;
      this.fresh[2 * i + 1] = this.fresh[2 * i - 1]!;
      i--;
    }
    this.fresh[2 * i] = left as unknown as number;
    this.fresh[2 * i + 1] = right as unknown as number;
    this.freshCount++;
  }

  /** What this ACK said is what the next one is compared with. */
  turn(): void {
    this.seen.set(this.fresh);
    this.seenCount = this.freshCount;
    this.freshCount = 0;
  }
}

const block = (seg: Segment, i: number): Seq => seg.sacks[i]! as unknown as Seq;

/** Takes the SACK option of a segment into the scoreboard. */
export function tagSack(c: Connection, seg: Segment, a: AckState, now: Instant): void {
  const snd = senderOf(c);
  if (c.sackedOut === 0) {
    snd.highestSack = c.sndUna;
    if (snd.sackCache !== null) snd.sackCache.seenCount = 0;
  }
  const dup = checkDsack(c, seg, a);
  if (seqLt(seg.ack, seqAdd(a.priorUna, -c.maxWindow)) || c.packetsOut === 0) return;
  const q = c.sendQueue;
  if (q === null) return;
  const cache = (snd.sackCache ??= new SackCache());
  cache.freshCount = 0;
  for (let i = 0; i < seg.nsack; i++) {
    const left = block(seg, 2 * i);
    const right = block(seg, 2 * i + 1);
    const isDup = dup && i === 0;
    if (!validBlock(c, isDup, left, right)) {
      countInvalid(c, seg, isDup, right);
      continue;
    }
    if (seqLe(right, a.priorUna)) continue;
    if (isDup) walk(c, q, left, right, true, a, now);
    else cache.add(left, right);
  }
  walkFresh(c, q, cache, a, now);
  cache.turn();
  if ((c.caState !== CA_LOSS || snd.undoArmed) && seqLt(a.reord, highestSackSeq(c)))
    noteReordering(c, a.reord, highestSackSeq(c), false);
}

/** A block that cannot be; old ones of reordered ACKs are not worth counting. */
function countInvalid(c: Connection, seg: Segment, isDup: boolean, right: Seq): void {
  const mib = c.context.mib;
  if (!isDup) {
    if (seqEq(seg.ack, c.sndUna) || seqGt(right, c.sndUna)) mib.TCPSACKDiscard++;
  } else if (c.sender!.undoArmed) mib.TCPDSACKIgnoredOld++;
  else mib.TCPDSACKIgnoredNoUndo++;
}

/** Walks the blocks of this ACK without what the previous one had. */
function walkFresh(c: Connection, q: SendQueue, cache: SackCache, a: AckState, now: Instant): void {
  let k = 0;
  for (let i = 0; i < cache.freshCount; i++) {
    let left = cache.fresh[2 * i]! as unknown as Seq;
    const right = cache.fresh[2 * i + 1]! as unknown as Seq;
    while (k < cache.seenCount && seqLe(cache.seen[2 * k + 1]! as unknown as Seq, left)) k++;
    for (let j = k; j < cache.seenCount; j++) {
      const seenLeft = cache.seen[2 * j]! as unknown as Seq;
      const seenRight = cache.seen[2 * j + 1]! as unknown as Seq;
      if (seqGe(seenLeft, right)) break;
      if (seqLt(left, seenLeft)) walk(c, q, left, seenLeft, false, a, now);
      if (seqGt(seenRight, left)) left = seenRight;
    }
    if (seqLt(left, right)) walk(c, q, left, right, false, a, now);
  }
}

/** Does the first block report a duplicate (RFC 2883 §4)? Counts it (tcp_check_dsack, tcp_dsack_seen). */
function checkDsack(c: Connection, seg: Segment, a: AckState): boolean {
  const snd = c.sender!;
  const left = block(seg, 0);
  const right = block(seg, 1);
  if (seqLt(left, seg.ack)) c.context.mib.TCPDSACKRecv++;
  else if (seg.nsack > 1) {
    if (seqGt(right, block(seg, 3)) || seqLt(left, block(seg, 2))) return false;
    c.context.mib.TCPDSACKOfoRecv++;
  } else return false;
  const bytes = seqDiff(right, left);
  const segs = bytes > c.mssCache ? Math.ceil(bytes / c.mssCache) : 1;
  if (bytes <= 0 || bytes > c.maxWindow || !believeDsack(c, segs, right, a)) {
    c.context.mib.TCPDSACKIgnoredDubious++;
    return false;
  }
  c.context.mib.TCPDSACKRecvSegs += segs;
  c.delivered += segs;
  if (
    snd.undoArmed &&
    snd.undoRetrans > 0 &&
    seqLe(right, a.priorUna) &&
    seqGt(right, snd.undoMarker)
  ) {
    snd.undoRetrans = Math.max(0, snd.undoRetrans - segs);
  }
  return true;
}

/** Can `segs` segments, up to `right`, have come twice because of us (tcp_dsack_seen)? */
function believeDsack(c: Connection, segs: number, right: Seq, a: AckState): boolean {
  const snd = c.sender!;
  if (segs === 1 && snd.tlpActive && seqEq(snd.tlpHighSeq, right)) a.flag |= F_DSACK_TLP;
  snd.dsackDups += segs;
  // More duplicates than we ever repeated: the network made them.
  if (snd.dsackDups > c.totalRetrans) return false;
  // RACK may have been too quick, if there is reordering at all and it was not the tail loss probe.
  if (snd.reordSeen > 0 && (a.flag & F_DSACK_TLP) === 0) snd.reoDsack = true;
  a.flag |= F_DSACKING_ACK;
  return true;
}

/** Is the block inside what is outstanding (tcp_is_sackblock_valid)? */
function validBlock(c: Connection, dup: boolean, left: Seq, right: Seq): boolean {
  const snd = c.sender!;
  if (seqGt(right, c.sndNxt) || !seqLt(left, right) || !seqLt(left, c.sndNxt)) return false;
  if (seqGt(left, c.sndUna)) return true;
  if (!dup || !snd.undoArmed || seqGt(right, c.sndUna)) return false;
  if (seqGe(left, snd.undoMarker)) return true;
  return seqGt(right, snd.undoMarker) && seqGe(left, seqAdd(right, -c.maxWindow));
}

/** Tags the records inside [left, right). */
function walk(
  c: Connection,
  q: SendQueue,
  left: Seq,
  right: Seq,
  dup: boolean,
  a: AckState,
  now: Instant,
): void {
  for (let i = q.find(left); i < q.sent; i++) {
    const t = q.records.at(i);
    if (seqGe(t.seq, right)) break;
    if (seqGe(t.seq, left) && seqLe(t.end, right)) tagOne(c, q, t, dup, a, now);
    else if (t.segs > 1 && cutToBlock(c, q, i, left, right)) i--;
  }
}

/** A record of several segments that is partly SACKed is cut at a segment's edge (tcp_match_skb_to_sack). */
function cutToBlock(c: Connection, q: SendQueue, i: number, left: Seq, right: Seq): boolean {
  const t = q.records.at(i);
  const mss = currentMss(c);
  const inside = seqLe(left, t.seq);
  let len = inside ? seqDiff(right, t.seq) : seqDiff(left, t.seq);
  if (len < mss) {
    if (inside) return false;
    len = mss;
  }
  const whole = len - (len % mss);
  len = !inside && whole < len ? whole + mss : whole;
  if (len >= t.len) return false;
  splitTx(c, q, i, len, mss);
  return true;
}

/** tcp_sacktag_one. */
function tagOne(c: Connection, q: SendQueue, t: Tx, dup: boolean, a: AckState, now: Instant): void {
  const snd = c.sender!;
  const repeated = (t.sacked & (RETRANS | EVER_RETRANS)) !== 0;
  if (dup && repeated) {
    if (snd.undoArmed && snd.undoRetrans > 0 && seqGt(t.end, snd.undoMarker))
      snd.undoRetrans = Math.max(0, snd.undoRetrans - t.segs);
    if (t.sacked & SACKED && seqLt(t.seq, a.reord)) a.reord = t.seq;
  }
  if (seqLe(t.end, c.sndUna)) return;
  if ((t.sacked & SACKED) === 0) {
    rackAdvance(c, t.sentAt, t.end, repeated, now);
    if (t.sacked & RETRANS) {
      // Not marked lost: the retransmission is still believed to be in flight.
      if (t.sacked & LOST) {
        t.sacked &= ~(LOST | RETRANS);
        c.lostOut -= t.segs;
        c.retransOut -= t.segs;
      }
    } else {
      if (!repeated) {
        if (seqLt(t.seq, highestSackSeq(c)) && seqLt(t.seq, a.reord)) a.reord = t.seq;
        if (seqLe(t.end, snd.highSeq)) a.flag |= F_ORIG_SACK_ACKED;
        if (a.firstSackAt < 0) a.firstSackAt = t.sentAt;
        a.lastSackAt = t.sentAt;
      }
      if (t.sacked & LOST) {
        t.sacked &= ~LOST;
        c.lostOut -= t.segs;
      }
    }
    t.sacked |= SACKED;
    if (snd.rate !== null) snd.rate.onDelivered(t);
    a.flag |= F_DATA_SACKED;
    if (c.sackedOut === 0 || seqGt(t.end, snd.highestSack)) snd.highestSack = t.end;
    c.sackedOut += t.segs;
    c.delivered += t.segs;
    q.unlist(t);
  }
  if (dup && t.sacked & RETRANS) {
    t.sacked &= ~RETRANS;
    c.retransOut -= t.segs;
  }
}
