/**
 * How the congestion window comes down once a cut has been decided, in CWR and Recovery: proportional rate reduction
 * (RFC 6937 with its slow-start bound, as tcp_cwnd_reduction has it). A congestion control that owns the window does it
 * itself.
 */
import type { Instant } from '../base/units.ts';
import { F_SND_UNA_ADVANCED } from './ack-state.ts';
import { setCaState } from './ca-state.ts';
import { jiffiesNow } from './clock.ts';
import { CA_CWR, INFINITE_SSTHRESH, inFlight, type Connection } from './connection.ts';
import { queueCwr } from './ecn.ts';

/** A reduction begins (tcp_init_cwnd_reduction). */
export function initCwndReduction(c: Connection): void {
  const snd = c.sender!;
  snd.highSeq = c.sndNxt;
  snd.tlpActive = false;
  snd.cwndCnt = 0;
  snd.priorCwnd = c.cwnd;
  snd.prrDelivered = 0;
  snd.prrOut = 0;
  c.ssthresh = c.congestion.ssthresh(c);
  queueCwr(c);
}

/** What may be sent for what was delivered (RFC 6937 §3). */
export function reduceCwnd(
  c: Connection,
  delivered: number,
  newlyLost: number,
  flag: number,
): void {
  const snd = c.sender!;
  if (delivered <= 0 || snd.priorCwnd === 0) return;
  const delta = c.ssthresh - inFlight(c);
  snd.prrDelivered += delivered;
  let send: number;
  if (delta < 0) send = Math.ceil((c.ssthresh * snd.prrDelivered) / snd.priorCwnd) - snd.prrOut;
  else {
    send = Math.max(snd.prrDelivered - snd.prrOut, delivered);
    if (flag & F_SND_UNA_ADVANCED && newlyLost === 0) send++;
    send = Math.min(delta, send);
  }
  // The first retransmission of a recovery always goes.
  send = Math.max(send, snd.prrOut > 0 ? 0 : 1);
  c.cwnd = inFlight(c) + send;
}

/** The reduction is complete, unless it was undone (tcp_end_cwnd_reduction). */
export function endCwndReduction(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (c.congestion.ownsWindow) return;
  if (c.ssthresh < INFINITE_SSTHRESH && (c.caState === CA_CWR || snd.undoArmed)) {
    c.cwnd = c.ssthresh;
    snd.cwndStamp = jiffiesNow(c.context, now);
  }
}

/** Congestion without a loss: ECE, or a full queue of our own host. There is nothing to undo then (tcp_enter_cwr). */
export function enterCwr(c: Connection, now: Instant): void {
  const snd = c.sender!;
  snd.priorSsthresh = 0;
  if (c.caState >= CA_CWR) return;
  snd.undoArmed = false;
  initCwndReduction(c);
  setCaState(c, CA_CWR, now);
}
