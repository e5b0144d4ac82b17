/**
 * What a congestion control decides, behind one interface (Linux: struct tcp_congestion_ops). The object holds the state
 * of one connection; windows are in segments. What is the same for all (cwnd, ssthresh, PRR, undo) is in the connection
 * and in loss.ts.
 */
import type { Instant } from '../../base/units.ts';
import type { Connection } from '../connection.ts';

export interface CongestionControl {
  readonly name: string;
  /** Slow-start threshold after a loss; called on entering Recovery, CWR or Loss. */
  ssthresh(c: Connection): number;
  /** Grows c.cwnd for `acked` newly delivered segments (cong_avoid). */
  congAvoid(c: Connection, acked: number, now: Instant): void;
  /** The window to go back to when a reduction proves unnecessary (undo_cwnd). */
  undoCwnd(c: Connection): number;
  /** The congestion state becomes `to` (set_state). */
  setState(c: Connection, to: number, now: Instant): void;
  /** Sending starts with nothing in flight (CA_EVENT_TX_START). */
  onTxStart(c: Connection, now: Instant): void;
  /** Segments were acknowledged; `rttUs` of the newest, −1 when unknown (pkts_acked). */
  onAcked(c: Connection, acked: number, rttUs: number, now: Instant): void;
}
