/**
 * What has arrived: in order and waiting to be read, or out of order behind a hole. Only references to payload are kept.
 * Memory is charged by truesize; whether two neighbours share memory afterwards is decided as in tcp_try_coalesce and
 * skb_try_coalesce: copied into the tail room, or its page moved over.
 */
import type { PayloadStream } from '../base/payload.ts';
import { Deque } from './deque.ts';
import { SEQ_ZERO, seqDiff, seqGt, seqLt, type Seq } from './seq.ts';
import { FIN, type Segment } from './segment.ts';

/** Pages that one skb can hold (MAX_SKB_FRAGS). */
const MAX_FRAGS = 17;

/** A pooled record: what Linux has as one skb in a receive queue. Records may overlap; RCV.NXT and copiedSeq decide. */
export class Rx {
  seq: Seq = SEQ_ZERO;
  /** Counts the FIN too. */
  end: Seq = SEQ_ZERO;
  stream: PayloadStream | null = null;
  /** Offset in `stream` of the byte at `seq`, and payload bytes. */
  off = 0;
  len = 0;
  /** FIN of segment.ts, or 0. */
  fin = 0;
  truesize = 0;
  tailroom = 0;
  mergeable = 0;
  /** Pages behind the header's own memory (skb_shinfo->nr_frags). */
  frags = 0;
  /** Whether part of the payload lies in the header's own memory, which takes a page when it moves (skb_headlen). */
  linear = true;
  /** Its memory is also the sender's, until what comes before `sharedTo` has been acknowledged (skb_cloned). */
  cloned = false;
  sharedTo: Seq = SEQ_ZERO;
}

export function fillRx(r: Rx, seg: Segment, end: Seq): Rx {
  r.seq = seg.seq;
  r.end = end;
  r.stream = seg.stream;
  r.off = seg.off;
  r.len = seg.len;
  r.fin = seg.flags & FIN;
  r.truesize = seg.truesize;
  r.tailroom = seg.tailroom;
  r.mergeable = seg.mergeable;
  r.linear = seg.pages === 0;
  r.cloned = seg.cloned;
  r.sharedTo = end;
  // What GRO has joined has a page for each frame behind the first; beyond MAX_FRAGS it is a list, which never moves.
  if (!r.linear) r.frags = seg.pages;
  else r.frags = seg.mergeable > 0 ? seg.segs - 1 : 0;
  return r;
}

/**
 * Merges `from` into `to` when it follows it without a gap and its memory can move: copied into the tail room (nothing
 * more is charged), or its page moved over (its own sk_buff is saved).
 *
 * @param acked everything before it has been acknowledged: the sender shares no memory of it any more
 * @returns bytes that `to` is charged more, or −1 when they stay apart
 */
export function coalesce(to: Rx, from: Rx, acked: Seq): number {
  if (to.end !== from.seq || to.fin !== 0) return -1;
  if (from.len > 0 && (to.stream !== from.stream || to.off + to.len !== from.off)) return -1;
  if (to.cloned && seqGt(to.sharedTo, acked)) return -1;
  let charge: number;
  if (from.len <= to.tailroom) {
    to.tailroom -= from.len;
    charge = 0;
  } else {
    const pages = from.frags + (from.linear ? 1 : 0);
    if (from.mergeable === 0 || to.frags + pages > MAX_FRAGS) return -1;
    charge = from.truesize - from.mergeable;
    to.frags += pages;
    to.tailroom = 0;
  }
  to.len += from.len;
  to.end = from.end;
  to.fin |= from.fin;
  to.truesize += charge;
  return charge;
}

/** Behind a hole: sorted by sequence number. */
export class OutOfOrderQueue {
  readonly records: Deque<Rx> = new Deque<Rx>(4);
  /** Islands in the order in which they are reported (RFC 2018 §4): newest first, [left, right) pairs, at most 4. */
  readonly blocks: Int32Array = new Int32Array(8);
  count = 0;
  /** What is to be reported only after the ACK that is about to leave, when `deferred`. */
  private deferred = false;
  private deferredLeft: Seq = SEQ_ZERO;
  private deferredRight: Seq = SEQ_ZERO;

  /** Index of the first record that begins after `s`. */
  upperBound(s: Seq): number {
    let lo = 0;
    let hi = this.records.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (seqGt(this.records.at(mid).seq, s)) hi = mid;
      else lo = mid + 1;
    }
    return lo;
  }

  left(i: number): Seq {
    return this.blocks[2 * i]! as unknown as Seq;
  }
  right(i: number): Seq {
    return this.blocks[2 * i + 1]! as unknown as Seq;
  }

  /** How many islands were reported since the one that [left, right) touches or makes. */
  age(left: Seq, right: Seq): number {
    let i = 0;
    while (i < this.count && (seqGt(left, this.right(i)) || seqGt(this.left(i), right))) i++;
    return i;
  }

  /** [left, right) is to be reported, but the next ACK is to say what was known before. */
  reportLater(left: Seq, right: Seq): void {
    this.reportDeferred();
    this.deferred = true;
    this.deferredLeft = left;
    this.deferredRight = right;
  }

  reportDeferred(): void {
    if (!this.deferred) return;
    this.deferred = false;
    this.report(this.deferredLeft, this.deferredRight);
  }

  /** [left, right) has arrived: its island comes to the front, grown (tcp_sack_new_ofo_skb). */
  report(left: Seq, right: Seq): void {
    this.reportDeferred();
    const i = this.age(left, right);
    if (i < this.count) {
      let l = this.left(i);
      let r = this.right(i);
      if (seqLt(left, l)) l = left;
      if (seqGt(right, r)) r = right;
      this.toFront(i, l, r);
      if (this.count > 1) this.mergeFirst();
      return;
    }
    // The oldest falls off the end: 4 is what fits into the options.
    if (this.count < 4) this.count++;
    this.toFront(this.count - 1, left, right);
  }

  /** Nothing is reported any more. */
  forget(): void {
    this.count = 0;
    this.deferred = false;
  }

  /** Everything before `s` has been taken in order: islands that it covers go (tcp_sack_remove). */
  removeBefore(s: Seq): void {
    this.reportDeferred();
    let n = 0;
    for (let i = 0; i < this.count; i++) {
      if (seqDiff(s, this.left(i)) >= 0) continue;
      this.blocks[2 * n] = this.blocks[2 * i]!;
      this.blocks[2 * n + 1] = this.blocks[2 * i + 1]!;
      n++;
    }
    this.count = n;
  }

  private toFront(i: number, l: Seq, r: Seq): void {
    for (let k = i; k > 0; k--) {
      this.blocks[2 * k] = this.blocks[2 * k - 2]!;
      this.blocks[2 * k + 1] = this.blocks[2 * k - 1]!;
    }
    this.blocks[0] = l as unknown as number;
    this.blocks[1] = r as unknown as number;
  }

  /** The island in front may now touch others (tcp_sack_maybe_coalesce). */
  private mergeFirst(): void {
    let n = 1;
    for (let i = 1; i < this.count; i++) {
      const touches = !seqGt(this.left(0), this.right(i)) && !seqGt(this.left(i), this.right(0));
      if (touches) {
        if (seqLt(this.left(i), this.left(0))) this.blocks[0] = this.blocks[2 * i]!;
        if (seqGt(this.right(i), this.right(0))) this.blocks[1] = this.blocks[2 * i + 1]!;
        continue;
      }
      this.blocks[2 * n] = this.blocks[2 * i]!;
      this.blocks[2 * n + 1] = this.blocks[2 * i + 1]!;
      n++;
    }
    this.count = n;
  }
}
