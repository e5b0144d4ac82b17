/** What one incoming ACK has been found to say, while it is processed (struct tcp_sacktag_state and the FLAG_ bits). */
import { SEQ_ZERO, type Seq } from './seq.ts';

export const F_DATA = 0x01; // carries data
export const F_WIN_UPDATE = 0x02; // changes the window
export const F_DATA_ACKED = 0x04;
export const F_RETRANS_DATA_ACKED = 0x08;
export const F_SYN_ACKED = 0x10;
export const F_DATA_SACKED = 0x20;
export const F_ECE = 0x40; // the peer has seen congestion
export const F_LOST_RETRANS = 0x80;
export const F_ORIG_SACK_ACKED = 0x200; // data sent once was (S)ACKed
export const F_SND_UNA_ADVANCED = 0x400;
export const F_DSACKING_ACK = 0x800;
export const F_SET_XMIT_TIMER = 0x1000;
export const F_SACK_RENEGING = 0x2000;
export const F_DSACK_TLP = 0x4000; // a D-SACK for the tail loss probe
export const F_ACKED = 0x14;
export const F_NOT_DUP = 0x17;
export const F_FORWARD_PROGRESS = 0x34;

/** tcp_xmit_recovery: nothing, what is lost, or new data first (F-RTO). */
export const REXMIT_NONE = 0;
export const REXMIT_LOST = 1;
export const REXMIT_NEW = 2;

export class AckState {
  flag = 0;
  rexmit: number = REXMIT_NONE;
  dupacks = 0;
  priorUna: Seq = SEQ_ZERO;
  /** Highest SACK before this ACK. */
  priorFack: Seq = SEQ_ZERO;
  priorSacked = 0;
  /** Start of the lowest data that arrived out of turn. */
  reord: Seq = SEQ_ZERO;
  /** When the first and the last newly SACKed segment had been sent; −1: none. */
  firstSackAt = -1;
  lastSackAt = -1;
  /** Timestamp echo of the ACK; 0 and false: none. */
  hasTs = false;
  tsEcr = 0;
}
