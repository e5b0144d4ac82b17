/**
 * Written, not yet acknowledged: one sorted queue of records, the sent ones first (Linux: the retransmission tree and the
 * write queue). A record is what Linux has as one skb; with a device that takes one frame at a time it is one segment.
 * The SACK scoreboard is a set of bits in the records; a record is found by binary search.
 */
import { Deque } from './deque.ts';
import type { Instant } from '../base/units.ts';
import { SEQ_ZERO, seqGt, seqLe, type Seq } from './seq.ts';

/** Scoreboard bits, TCP_SKB_CB(skb)->sacked. */
export const SACKED = 1;
export const RETRANS = 2; // retransmitted and not known to be lost again
export const LOST = 4;
export const EVER_RETRANS = 8;

/** A pooled record: `len` payload bytes from `seq`; `end` counts the FIN too. */
export class Tx {
  seq: Seq = SEQ_ZERO;
  end: Seq = SEQ_ZERO;
  len = 0;
  /** FIN and PSH of segment.ts. */
  flags = 0;
  /** Frames it stands for (tcp_skb_pcount). */
  segs = 1;
  sacked = 0;
  truesize = 0;
  /** When it was last sent, and when first. */
  sentAt: Instant = 0 as Instant;
  firstSentAt: Instant = 0 as Instant;
}

export class SendQueue {
  readonly records: Deque<Tx> = new Deque<Tx>(8);
  /** How many of them have been sent: the next one to send is at this index. */
  sent = 0;

  get unsent(): number {
    return this.records.length - this.sent;
  }

  /** Index of the sent record that ends after `s`, or `sent` when there is none. */
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
}

/** Does the record lie wholly before `s`? */
export const endsBy = (t: Tx, s: Seq): boolean => seqLe(t.end, s);
