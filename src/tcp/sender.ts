/**
 * What a connection remembers because it sends data: how the congestion window is used, what loss recovery (PRR, RACK, undo,
 * F-RTO, the SACK scoreboard) knows of what is out, and since when time-outs and probes go on. Apart from the connection, and
 * made with the first thing to send: one that only idles or listens to its peer has none, and there are many of those.
 *
 * Whoever has something in the send queue, or something out, may say `c.sender!`; who may come earlier says `senderOf`.
 */
import { DOUBLE_0, type Instant, NEVER } from '../base/units.ts';
import { jiffiesNow } from './clock.ts';
import type { Connection } from './connection.ts';
import type { MtuProbe } from './mtu-probe.ts';
import type { Pacing } from './pacing.ts';
import type { RateSampler } from './rate.ts';
import type { SackCache } from './sack.ts';
import { SEQ_ZERO, type Seq } from './seq.ts';

export class Sender {
  lsndTime: Instant = DOUBLE_0;
  /** Of the last segment that left (tcp_wstamp_ns). */
  lastSentAt: Instant = DOUBLE_0;

  // ---- Use of the congestion window
  isCwndLimited = false;
  /** A record waits for a larger congestion window (tso-defer.ts). */
  deferredByCwnd = false;
  maxPacketsOut = 0;
  /** Segments sent since the window was last judged (tcp_cwnd_validate). */
  sentSince = 0;
  cwndUsageSeq: Seq = SEQ_ZERO;
  cwndUsed = 0;
  cwndStamp: Instant = DOUBLE_0;

  // ---- What tells whether something is lost
  /** SND.NXT when recovery began. */
  highSeq: Seq = SEQ_ZERO;
  /** Frames marked lost so far, to tell what one ACK found out. */
  lost = 0;
  /** F-RTO sends new data next; if that cannot be, what is lost (REXMIT_NEW). */
  newDataFirst = false;
  // RACK (RFC 8985): the newest transmission known to be delivered.
  rackAt: Instant = DOUBLE_0;
  rackEnd: Seq = SEQ_ZERO;
  rackRttUs = 0;
  rackAdvanced = false;
  /** Reordering window in quarters of the least RTT. */
  reoSteps = 1;
  /** A D-SACK has shown that RACK was too quick. */
  reoDsack = false;
  /** An episode of tail loss probes (RFC 8985 §7). */
  tlpActive = false;
  /** Nothing before it waits to be retransmitted. */
  rtxHint: Seq = SEQ_ZERO;

  // ---- Only where they are asked for
  pacing: Pacing | null = null;
  rate: RateSampler | null = null;
  /** The search for a larger MSS; null: none (tcp_mtu_probing). */
  mtuProbe: MtuProbe | null = null;

  /** What chrono.ts times. */
  chrono = 0;
  /** The peer's window keeps the next record from being sent. */
  rwndLimited = false;
  /** What has just left is a probe with data. */
  wakeup = false;
  /** What the connection ends with if it does not get over it (sk_err_soft); 0: nothing special. */
  softError = 0;

  // ---- Looked at seldom while nothing is lost: apart, to take no room in the cache lines that every segment needs

  /** End of the last small segment sent (Minshall). */
  sndSml: Seq = SEQ_ZERO;
  pushedSeq: Seq;
  cwndCnt = 0;
  priorSsthresh = 0;
  priorCwnd = 0;
  prrDelivered = 0;
  prrOut = 0;
  frto = false;
  /** The peer threw away what it had SACKed, and that has not been repaired yet (is_sack_reneg). */
  reneging = false;
  reordSeen = 0;
  /** For how many more recoveries the reordering window stays wider, and when it was last widened. */
  reoPersist = 0;
  reoWidenedAt: Instant = DOUBLE_0;
  /** SND.NXT at the beginning of the episode of tail loss probes, and whether the probe repeated a segment. */
  tlpHighSeq: Seq = SEQ_ZERO;
  tlpRetrans = false;
  /** SND.UNA when the reduction began, while it may be undone. */
  undoMarker: Seq = SEQ_ZERO;
  undoArmed = false;
  undoRetrans = 0;
  /** Start of the record behind the highest SACKed one; SND.UNA when there is none (tcp_highest_sack_seq). */
  highestSack: Seq = SEQ_ZERO;
  sackCache: SackCache | null = null;
  /** When the segment was sent that the first RTO of this row is about. */
  rtoStamp: Instant = NEVER;
  probesStamp: Instant = NEVER;
  /** The probes with data before `wakeup`, and since when there are some. */
  wakeupProbes = 0;
  wakeupStamp: Instant = NEVER;
  /** Somebody in a system call will write once the handshake is complete (sk_write_pending). */
  writePending = false;
  /** Since when chrono.ts times what it does, and how long each was timed before, ns. */
  chronoSince: Instant = DOUBLE_0;
  readonly chronoTimes: number[] = [0, 0, 0];
  bytesRetrans = 0;
  /** Frames delivered that the peer's ACKs showed to be marked (tcpi_delivered_ce). */
  deliveredCe = 0;
  dsackDups = 0;

  constructor(c: Connection) {
    this.pushedSeq = c.writeSeq;
    this.start(c);
  }

  /** As if it had been there when the handshake was completed (tcp_init_transfer). */
  start(c: Connection): void {
    this.cwndStamp = jiffiesNow(c.context, c.establishedAt);
    this.lsndTime = this.cwndStamp;
    this.highSeq = c.sndUna;
    this.rtxHint = c.sndUna;
    this.sndSml = c.sndUna;
    this.cwndUsageSeq = c.sndUna;
  }
}

export const senderOf = (c: Connection): Sender => c.sender ?? (c.sender = new Sender(c));
