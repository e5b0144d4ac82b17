/**
 * DCTCP (RFC 8257, net/ipv4/tcp_dctcp.c): the window is cut by the share of marked segments, α, an average over round trips
 * with gain 1/16, and by half after a loss. The receiver echoes each change of the CE mark at once, so that the sender can
 * count. Without ECN it is Reno.
 */
import {
  ACK_NOW,
  ACK_TIMER,
  CA_RECOVERY,
  ECN_DEMAND_CWR,
  WORK_PRIOR_ACK,
  type Connection,
} from '../connection.ts';
import { receiverOf } from '../receiver.ts';
import { SEQ_ZERO, seqGe, type Seq } from '../seq.ts';
import type { CcInfo, CongestionControl } from './controller.ts';
import { Reno } from './reno.ts';

/** α = 1, of 1024; where it starts (dctcp_alpha_on_init). */
const MAX_ALPHA = 1024;
/** g = 1/16 (dctcp_shift_g). */
const SHIFT_G = 4;

export class Dctcp extends Reno {
  /** Share of segments that were marked, of 1024. */
  alpha: number = MAX_ALPHA;
  // A round ends when nextSeq is acknowledged; what had been delivered when it began.
  private nextSeq: Seq = SEQ_ZERO;
  private delivered = 0;
  private deliveredCe = 0;
  private lossCwnd = 0;
  // As receiver: the mark of the data that came last, and RCV.NXT then.
  private ceState = false;
  private priorRcvNxt: Seq;

  constructor(c: Connection) {
    super('dctcp');
    this.priorRcvNxt = c.rcvNxt;
    this.resetRound(c);
  }

  override ssthresh(c: Connection): number {
    this.lossCwnd = c.cwnd;
    return Math.max(c.cwnd - Math.floor((c.cwnd * this.alpha) / 2048), 2);
  }

  override undoCwnd(c: Connection): number {
    return Math.max(c.cwnd, this.lossCwnd);
  }

  /** A round trip has passed: α = (1 − g)·α + g·F (RFC 8257 §3.3; dctcp_update_alpha). */
  override onAck(c: Connection): void {
    if (!seqGe(c.sndUna, this.nextSeq)) return;
    const marked = c.sender!.deliveredCe - this.deliveredCe;
    // Below 1/16 of the scale the shift would no longer lower it.
    this.alpha -= this.alpha >> SHIFT_G || this.alpha;
    if (marked > 0) {
      const all = Math.max(c.delivered - this.delivered, 1);
      const share = Math.floor((marked * (MAX_ALPHA >> SHIFT_G)) / all);
      this.alpha = Math.min(this.alpha + share, MAX_ALPHA);
    }
    this.resetRound(c);
  }

  override setState(c: Connection, to: number): void {
    if (to === CA_RECOVERY && c.caState !== CA_RECOVERY) this.onLoss(c);
  }

  /** A loss halves (RFC 8257 §3.5; dctcp_react_to_loss). */
  override onLoss(c: Connection): void {
    this.lossCwnd = c.cwnd;
    c.ssthresh = Math.max(c.cwnd >> 1, 2);
  }

  /** ACKs say what came last; one that was delayed goes before the mark changes (RFC 8257 §3.2; dctcp_ece_ack_update). */
  override onEcnMark(c: Connection, ce: boolean): void {
    if (this.ceState !== ce) {
      if (c.ackPending & ACK_TIMER) {
        const rcv = receiverOf(c);
        rcv.priorAck = this.priorRcvNxt;
        rcv.priorEce = this.ceState;
        c.work |= WORK_PRIOR_ACK;
      }
      c.ackPending |= ACK_NOW;
    }
    this.priorRcvNxt = c.rcvNxt;
    this.ceState = ce;
    if (ce) c.ecn |= ECN_DEMAND_CWR;
    else c.ecn &= ~ECN_DEMAND_CWR;
  }

  override info(c: Connection): CcInfo {
    const marked = (c.sender === null ? 0 : c.sender.deliveredCe) - this.deliveredCe;
    return {
      dctcp_enabled: 1,
      dctcp_ce_state: this.ceState ? 1 : 0,
      dctcp_alpha: this.alpha,
      dctcp_ab_ecn: marked * c.mssCache,
      dctcp_ab_tot: (c.delivered - this.delivered) * c.mssCache,
    };
  }

  private resetRound(c: Connection): void {
    this.nextSeq = c.sndNxt;
    this.delivered = c.delivered;
    this.deliveredCe = c.sender === null ? 0 : c.sender.deliveredCe;
  }
}

/** Where the peer has no ECN (dctcp_reno). */
export const DCTCP_RENO: CongestionControl = Object.freeze(new Reno('dctcp'));
