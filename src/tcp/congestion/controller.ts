/**
 * What a congestion control decides, behind one interface (Linux: struct tcp_congestion_ops). The object holds the state
 * of one connection; windows are in segments. What is the same for all is in the connection (cwnd, ssthresh), prr.ts and undo.ts.
 */
import type { Instant } from '../../base/units.ts';
import type { Connection } from '../connection.ts';
import type { CongestionName } from '../options.ts';
import type { RateSampler } from '../rate.ts';

export interface CongestionControl {
  readonly name: CongestionName;
  /** It sets window and pacing rate itself, on every ACK (`control`): PRR and congAvoid are not asked (cong_control). */
  readonly ownsWindow: boolean;
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
  /** An ACK has been counted; asked only where ECN is needed (in_ack_event). */
  onAck(c: Connection): void;
  /** A retransmission time-out cuts the window (CA_EVENT_LOSS). */
  onLoss(c: Connection): void;
  /** Data came that was marked, or not, on its way here; asked only where ECN is needed (CA_EVENT_ECN_IS_CE, _NO_CE). */
  onEcnMark(c: Connection, ce: boolean): void;
  /** What an ACK means for window and pacing rate; asked only of who owns them (cong_control). `sample`: if it wanted one. */
  control(c: Connection, sample: RateSampler | null, now: Instant): void;
  /** Least segments of an offloaded send (min_tso_segs). */
  minTsoSegs(c: Connection): number;
  /** What TCP_CC_INFO shows, under the names of union tcp_cc_info (get_info). */
  info(c: Connection): CcInfo;
}

/** Fields of union tcp_cc_info (linux/inet_diag.h); none where a control has none. */
export type CcInfo = Readonly<Record<string, number>>;

/** Must ECN be negotiated for it, whatever tcp_ecn says (TCP_CONG_NEEDS_ECN)? */
export const needsEcn = (name: CongestionName): boolean => name === 'dctcp';

/**
 * Congestion windows that the send buffer is to hold (sndbuf_expand). Asked for when the handshake is done, before anything is
 * sent and the control has started; BBR may slow-start even in recovery.
 */
export const sndbufWindows = (name: CongestionName): number => (name === 'bbr' ? 3 : 2);
