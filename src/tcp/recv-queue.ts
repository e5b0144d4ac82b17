/**
 * What has arrived: in order and waiting to be read, or out of order behind a hole. Only references to payload are kept.
 * Memory is charged by truesize; whether two neighbours share memory afterwards is decided as in tcp_try_coalesce /
 * skb_try_coalesce: copied into the tail room, or its page moved over.
 */
import type { PayloadStream } from '../base/payload.ts';
import { Deque } from './deque.ts';
import { SEQ_ZERO, seqLt, type Seq } from './seq.ts';

/** Pages that one skb can hold (MAX_SKB_FRAGS). */
export const MAX_FRAGS = 17;

/** A pooled record: what Linux has as one skb in a receive queue. */
export class Rx {
  seq: Seq = SEQ_ZERO;
  end: Seq = SEQ_ZERO;
  stream: PayloadStream | null = null;
  /** Offset in `stream` of the byte at `seq`, and payload bytes. */
  off = 0;
  len = 0;
  /** FIN flag of segment.ts, or 0. */
  fin = 0;
  truesize = 0;
  tailroom = 0;
  mergeable = 0;
  frags = 0;
  /** Bytes already read. */
  read = 0;
}

/** In order, until read. */
export class ReceiveQueue {
  readonly records: Deque<Rx> = new Deque<Rx>(4);
}

/** Behind a hole: sorted by sequence number, without overlaps. */
export class OutOfOrderQueue {
  readonly records: Deque<Rx> = new Deque<Rx>(4);
  /** Islands in the order in which they are reported (RFC 2018 §4): newest first, [left, right) pairs, at most 4. */
  readonly blocks: Int32Array = new Int32Array(8);
  count = 0;

  /** Index of the first record that does not begin before `s`. */
  lowerBound(s: Seq): number {
    let lo = 0;
    let hi = this.records.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (seqLt(this.records.at(mid).seq, s)) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
