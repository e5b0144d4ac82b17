/**
 * Undo: the window was cut although nothing had been lost. Shown by an echo older than the first retransmission (RFC 3522),
 * by D-SACKs for all that was repeated (RFC 3708), or by F-RTO. Linux's functions are tcp_try_undo_…
 */
import { NEVER, type Instant } from '../base/units.ts';
import type { AckState } from './ack-state.ts';
import { cleanRetransStamp, setCaState, tryKeepOpen } from './ca-state.ts';
import { jiffiesNow, tsClock } from './clock.ts';
import { CA_LOSS, CA_OPEN, type Connection } from './connection.ts';
import { withdrawCwr } from './ecn.ts';
import { highestSackSeq, noteReordering, REO_PERSIST } from './rack.ts';
import { LOST } from './send-queue.ts';
import { seqGe } from './seq.ts';

/** A cut begins: from here on it can be undone (tcp_init_undo). */
export function initUndo(c: Connection): void {
  const snd = c.sender!;
  snd.undoMarker = c.sndUna;
  snd.undoArmed = true;
  // What is out for the second time may yet be shown to be unnecessary; 0 would mean that it has been.
  const out = c.retransOut + (snd.tlpActive && snd.tlpRetrans ? 1 : 0);
  snd.undoRetrans = out > 0 ? out : -1;
}

/** Is the echo of this ACK older than `when` (tcp_tsopt_ecr_before)? */
export const echoBefore = (c: Connection, a: AckState, when: Instant): boolean =>
  a.hasTs && a.tsEcr !== 0 && ((a.tsEcr - ((tsClock(when) + c.tsOffset) | 0)) | 0) < 0;

/** Was what arrived sent before our first retransmission (tcp_packet_delayed)? */
function packetDelayed(c: Connection, a: AckState): boolean {
  if (c.retransStamp !== NEVER) return echoBefore(c, a, c.retransStamp);
  // Nothing has been repeated yet; but without SACK the stamp goes when the state is held (mustHoldReno).
  if (!c.sackOk && seqGe(c.sndUna, c.sender!.highSeq)) return false;
  return c.state !== 'SYN-SENT';
}

const mayUndo = (c: Connection, a: AckState): boolean =>
  c.sender!.undoArmed && (c.sender!.undoRetrans === 0 || packetDelayed(c, a));

function undoCwndReduction(c: Connection, unmarkLoss: boolean, now: Instant): void {
  const snd = c.sender!;
  if (unmarkLoss) unmarkLost(c);
  if (snd.priorSsthresh > 0) {
    c.cwnd = c.congestion.undoCwnd(c);
    if (snd.priorSsthresh > c.ssthresh) {
      c.ssthresh = snd.priorSsthresh;
      withdrawCwr(c);
    }
  }
  snd.cwndStamp = jiffiesNow(c.context, now);
  snd.undoArmed = false;
  snd.rackAdvanced = true;
}

/** What was lost is in the network after all; what a time-out gave up is back in the order of transmission. */
function unmarkLost(c: Connection): void {
  const q = c.sendQueue;
  if (q === null) return;
  q.relist();
  for (let i = 0; i < q.sent; i++) q.records.at(i).sacked &= ~LOST;
  c.lostOut = 0;
  c.sender!.rtxHint = c.sndUna;
}

/** Without SACK the state is kept until something above highSeq is ACKed, or old duplicates would start it again. */
function mustHoldReno(c: Connection): boolean {
  if (c.sndUna !== c.sender!.highSeq || c.sackOk) return false;
  cleanRetransStamp(c);
  return true;
}

/** All that was out when the episode began is acknowledged. True: the state is held. */
export function tryUndoRecovery(c: Connection, a: AckState, now: Instant): boolean {
  const snd = c.sender!;
  if (mayUndo(c, a)) {
    if (c.caState === CA_LOSS) c.context.mib.TCPLossUndo++;
    else c.context.mib.TCPFullUndo++;
    undoCwndReduction(c, false, now);
  } else if (snd.reoPersist > 0) snd.reoPersist--;
  if (mustHoldReno(c)) return true;
  setCaState(c, CA_OPEN, now);
  snd.reneging = false;
  return false;
}

/** D-SACKs have come for all that was repeated, if need be after the recovery. */
export function tryUndoDsack(c: Connection, now: Instant): boolean {
  const snd = c.sender!;
  if (!snd.undoArmed || snd.undoRetrans !== 0) return false;
  snd.reoPersist = Math.min(REO_PERSIST, snd.reoPersist + 1);
  undoCwndReduction(c, false, now);
  c.context.mib.TCPDSACKUndo++;
  return true;
}

/** In Loss, by a partial ACK; `frto`: by F-RTO. */
export function tryUndoLoss(c: Connection, a: AckState, frto: boolean, now: Instant): boolean {
  if (!frto && !mayUndo(c, a)) return false;
  undoCwndReduction(c, true, now);
  c.context.mib.TCPLossUndo++;
  if (frto) c.context.mib.TCPSpuriousRTOs++;
  c.retransmits = 0;
  if (mustHoldReno(c)) return true;
  if (frto || c.sackOk) {
    setCaState(c, CA_OPEN, now);
    c.sender!.reneging = false;
  }
  return true;
}

/** A partial ACK that the original of the hole drew. True: mark and repeat nothing more until what is repeated is in. */
export function tryUndoPartial(c: Connection, a: AckState, now: Instant): boolean {
  if (!c.sender!.undoArmed || !packetDelayed(c, a)) return false;
  noteReordering(c, a.priorUna, highestSackSeq(c), true);
  if (c.retransOut > 0) return true;
  cleanRetransStamp(c);
  undoCwndReduction(c, true, now);
  c.context.mib.TCPPartialUndo++;
  tryKeepOpen(c, now);
  return false;
}
