/**
 * What a connection remembers because it receives data: round-trip time and appetite of the reader (dynamic right-sizing), when
 * data came last, ACKs of out-of-order data that are held back, and the D-SACK that is owed. Apart from the connection, and made
 * with the first data, for the same reason as `Sender`.
 */
import { DOUBLE_0, type Instant, NEVER } from '../base/units.ts';
import { jiffiesNow } from './clock.ts';
import type { Connection } from './connection.ts';
import { SEQ_ZERO, type Seq } from './seq.ts';

export class Receiver {
  /** When data came last (icsk_ack.lrcvtime), and the size of a small segment that may become the peer's MSS. */
  lrcvTime: Instant = DOUBLE_0;
  lastSegSize = 0;

  // ---- Right-sizing: what was read since `rcvqTime`, from `rcvqSeq` on
  /** When a segment last came or left: the clock of right-sizing, since a reader does not read the time anew (tcp_mstamp). */
  mstamp: Instant = DOUBLE_0;
  rcvqSeq: Seq = SEQ_ZERO;
  rcvqTime: Instant = DOUBLE_0;
  /** Receiver's RTT estimate, µs · 8. */
  rcvRttUs = 0;
  rcvRttSeq: Seq = SEQ_ZERO;
  rcvRttTime: Instant = NEVER;
  rcvRttLastTsecr = 0;

  /** There is urgent data that the reader is not past. */
  urgent = false;
  /** D-SACK to report with the next ACK. */
  dsack = false;
  /** ACKs of out-of-order data that are held back, and until when. */
  compressedAck = 0;
  compressedAt: Instant = NEVER;

  // ---- Looked at seldom while data comes in order: apart, to take no room in the cache lines that every segment needs
  compressedRcvNxt: Seq = SEQ_ZERO;
  dupAckCounter = 0;
  /** The block of `dsack`. */
  dsackLeft: Seq = SEQ_ZERO;
  dsackRight: Seq = SEQ_ZERO;
  /** The mark of `urgent`. */
  urgentSeq: Seq = SEQ_ZERO;
  /** An ACK for what came before the CE mark changed, and whether it carries ECE (WORK_PRIOR_ACK). */
  priorAck: Seq = SEQ_ZERO;
  priorEce = false;
  /** For tcp_info. */
  rcvOooPack = 0;

  constructor(c: Connection) {
    this.start(c);
  }

  /** As if it had been there when the handshake was completed. */
  start(c: Connection): void {
    this.lrcvTime = jiffiesNow(c.context, c.establishedAt);
    this.rcvqSeq = c.copiedSeq;
    this.rcvqTime = c.establishedAt;
    this.mstamp = c.establishedAt;
  }
}

export const receiverOf = (c: Connection): Receiver => c.receiver ?? (c.receiver = new Receiver(c));

/** When data came last; before any did, when the handshake was completed. */
export const lastReceived = (c: Connection): Instant =>
  c.receiver === null ? jiffiesNow(c.context, c.establishedAt) : c.receiver.lrcvTime;
