/**
 * Written, not yet acknowledged: one sorted queue of records, the sent ones first (Linux: the retransmission tree and the
 * write queue). A record is what Linux has as one skb; with a device that takes one frame at a time it is one segment.
 * The SACK scoreboard is a set of bits in the records; a record is found by binary search. Records that are in the
 * network are also on a list in the order of their last transmission, so that RACK looks at each only once.
 *
 * A queue that has become empty is used again, with its records, for the next connection that writes (context.ts): what one
 * connection writes together lies together in memory, and is read in that order when it is sent and when it is acknowledged.
 */
import { DOUBLE_0, type Instant } from '../base/units.ts';
import { Deque } from './deque.ts';
import { SEQ_ZERO, seqDiff, seqGt, type Seq } from './seq.ts';

/** Scoreboard bits, TCP_SKB_CB(skb)->sacked. */
export const SACKED = 1;
export const RETRANS = 2; // retransmitted, and that is not known to be lost
export const LOST = 4;
export const EVER_RETRANS = 8;
/** RACK took it for lost and off its list: only another transmission puts it back. */
export const RACK_LOST = 16;

/** What the rate sampler (rate.ts) notes of a transmission: times in µs; −1: used up. */
export interface RateStamp {
  firstTxUs: number;
  deliveredUs: number;
  delivered: number;
  appLimited: boolean;
}

/** A pooled record: `len` payload bytes from `seq`; `end` counts the FIN too. */
export class Tx {
  seq: Seq = SEQ_ZERO;
  end: Seq = SEQ_ZERO;
  len = 0;
  /** FIN and PSH of segment.ts. */
  flags = 0;
  /** Nothing is added to it, and it grows no more (MSG_EOR). */
  eor = false;
  /** Frames it stands for (tcp_skb_pcount). */
  segs = 1;
  sacked = 0;
  truesize = 0;
  /** When it was last sent. */
  sentAt: Instant = DOUBLE_0;
  older: Tx | null = null;
  newer: Tx | null = null;
  /** On the list of what is in the network. */
  listed = false;
  /** Only where the delivery rate is sampled. */
  stamp: RateStamp | null = null;
}

export class SendQueue {
  readonly records: Deque<Tx> = new Deque<Tx>(8);
  /** How many of them have been sent: the next one to send is at this index. */
  sent = 0;
  oldest: Tx | null = null;
  newest: Tx | null = null;
  private readonly spare: Tx[] = [];

  /** A record, which says what it said last. */
  take(): Tx {
    return this.spare.pop() ?? new Tx();
  }

  /** The record is in the queue and on the list no more. */
  give(t: Tx): void {
    if (t.stamp !== null) t.stamp.deliveredUs = -1;
    this.spare.push(t);
  }

  get unsent(): number {
    return this.records.length - this.sent;
  }

  /** The first that has been sent; null: none has. */
  get head(): Tx | null {
    return this.sent > 0 ? this.records.at(0) : null;
  }

  /** Index of the first sent record that ends after `s`; `sent` when there is none. */
  find(s: Seq): number {
    let lo = 0;
    let hi = this.sent;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (seqGt(this.records.at(mid).end, s)) hi = mid;
      else lo = mid + 1;
    }
    return lo;
  }

  /** The record was sent last. */
  list(t: Tx): void {
    if (t.listed) this.unlist(t);
    t.sacked &= ~RACK_LOST;
    t.listed = true;
    t.older = this.newest;
    if (this.newest === null) this.oldest = t;
    else this.newest.newer = t;
    this.newest = t;
  }

  /** The record has left the network: acknowledged, SACKed or lost. */
  unlist(t: Tx): void {
    if (!t.listed) return;
    t.listed = false;
    if (t.older === null) this.oldest = t.newer;
    else t.older.newer = t.newer;
    if (t.newer === null) this.newest = t.older;
    else t.newer.older = t.older;
    t.older = null;
    t.newer = null;
  }

  /** What a time-out took off the list is in the network after all: all of that, in the order of transmission. */
  relist(): void {
    const flying: Tx[] = [];
    for (let i = 0; i < this.sent; i++) {
      const t = this.records.at(i);
      if (t.listed || (t.sacked & (SACKED | RACK_LOST)) === 0) flying.push(t);
    }
    for (const t of flying) this.unlist(t);
    flying.sort((a, b) => a.sentAt - b.sentAt || seqDiff(a.end, b.end));
    for (const t of flying) this.list(t);
  }

  /** Puts `t`, split off `after`, behind it on the list. */
  listAfter(t: Tx, after: Tx): void {
    t.listed = true;
    t.older = after;
    t.newer = after.newer;
    if (after.newer === null) this.newest = t;
    else after.newer.older = t;
    after.newer = t;
  }
}
