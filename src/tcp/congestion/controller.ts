/**
 * What a congestion control decides, behind one interface (Linux: struct tcp_congestion_ops). The object holds the state
 * of one connection; windows are in segments.
 */
import type { Duration, Instant } from '../../base/units.ts';
import type { Connection } from '../connection.ts';

/** One ACK's news for the delay- and rate-based parts. */
export interface CongestionControl {
  readonly name: string;
  /** Slow-start threshold after a loss (ssthresh); called on entering Recovery, CWR or Loss. */
  ssthresh(c: Connection): number;
  /** Grows c.cwnd for `acked` newly acknowledged segments (cong_avoid). */
  congAvoid(c: Connection, ack: number, acked: number, now: Instant): void;
  /** The window to go back to when a reduction proves unnecessary (undo_cwnd). */
  undoCwnd(c: Connection): number;
  /** The congestion state is about to become `to` (set_state). */
  setState(c: Connection, to: number): void;
  /** Sending starts again with nothing in flight (CA_EVENT_TX_START). */
  onTxStart(c: Connection, now: Instant): void;
  /** `segments` were acknowledged; `rtt` of the newest, −1 when unknown (pkts_acked). */
  onAcked(c: Connection, segments: number, rtt: Duration, now: Instant): void;
}
