/**
 * What one ACK means for the congestion state (tcp_fastretrans_alert): is a loss proven, has a recovery ended, was it for
 * nothing? The detection itself is in rack.ts, rfc6675.ts and newreno.ts, the reduction in prr.ts, undo in undo.ts, the retransmission
 * time-out in rto.ts, tail loss probes in tlp.ts.
 */
import { NEVER, type Duration, type Instant } from '../base/units.ts';
import {
  F_DATA_SACKED,
  F_ECE,
  F_LOST_RETRANS,
  F_ORIG_SACK_ACKED,
  F_SACK_RENEGING,
  F_SET_XMIT_TIMER,
  F_SND_UNA_ADVANCED,
  REXMIT_LOST,
  REXMIT_NEW,
  type AckState,
} from './ack-state.ts';
import { cleanRetransStamp, setCaState, tryKeepOpen } from './ca-state.ts';
import { jiffiesOfMs, jiffiesOfUs } from './clock.ts';
import {
  CA_CWR,
  CA_DISORDER,
  CA_LOSS,
  CA_OPEN,
  CA_RECOVERY,
  TIMER_NONE,
  TIMER_RETRANS,
  WORK_RTX,
  WORK_XMIT,
  inFlight,
  type Connection,
} from './connection.ts';
import { currentSsthresh, inCwndReduction } from './cwnd.ts';
import { retransmitTooBig } from './lose.ts';
import { windowEnd } from './mss.ts';
import { mtuProbeLost } from './mtu-probe.ts';
import { addRenoSack, newRenoMarkLost } from './newreno.ts';
import { endCwndReduction, enterCwr, initCwndReduction, reduceCwnd } from './prr.ts';
import { rackDetectLoss, rackMarkLost } from './rack.ts';
import { countLost } from './rfc6675.ts';
import { seqGe, seqGt } from './seq.ts';
import { armTimer, rearmRto } from './timers.ts';
import { initUndo, tryUndoDsack, tryUndoLoss, tryUndoPartial, tryUndoRecovery } from './undo.ts';

/** Fast recovery begins (tcp_enter_recovery). `ece`: the peer has seen congestion, so there is no way back. */
function enterRecovery(c: Connection, ece: boolean, now: Instant): void {
  const snd = c.sender!;
  cleanRetransStamp(c);
  if (c.sackOk) c.context.mib.TCPSackRecovery++;
  else c.context.mib.TCPRenoRecovery++;
  snd.priorSsthresh = 0;
  initUndo(c);
  if (!inCwndReduction(c)) {
    if (!ece) snd.priorSsthresh = currentSsthresh(c);
    initCwndReduction(c);
  }
  setCaState(c, CA_RECOVERY, now);
}

function tryToOpen(c: Connection, a: AckState, now: Instant): void {
  cleanRetransStamp(c);
  if (a.flag & F_ECE) enterCwr(c, now);
  if (c.caState !== CA_CWR) tryKeepOpen(c, now);
}

/** What an ACK means for the congestion state, and whether something is to be sent again (tcp_fastretrans_alert). */
export function fastRetransAlert(c: Connection, a: AckState, now: Instant): void {
  if (c.packetsOut === 0 && c.sackedOut > 0) c.sackedOut = 0;
  if (a.flag & F_ECE) c.sender!.priorSsthresh = 0;
  if (reneges(c, a, now)) return;
  if (episodeEnds(c, a, now)) return;
  if (c.caState === CA_RECOVERY) {
    if (!inRecovery(c, a, now)) return;
  } else if (c.caState === CA_LOSS) {
    processLoss(c, a, now);
    identifyLoss(c, a, now);
    if ((c.caState as number) !== CA_OPEN && (a.flag & F_LOST_RETRANS) === 0) return;
    if (!recoverIfLost(c, a, now)) return;
  } else if (!recoverIfLost(c, a, now)) return;
  a.rexmit = REXMIT_LOST;
}

/** Is all acknowledged that was out when the episode began? True: nothing more is to be done with this ACK. */
function episodeEnds(c: Connection, a: AckState, now: Instant): boolean {
  const snd = c.sender!;
  if (c.caState === CA_OPEN) c.retransStamp = NEVER;
  else if (seqGe(c.sndUna, snd.highSeq)) {
    // CWR is kept until something above highSeq is ACKed, so that our CWR bit has reached the peer.
    if (c.caState === CA_CWR && c.sndUna !== snd.highSeq) {
      endCwndReduction(c, now);
      setCaState(c, CA_OPEN, now);
    } else if (c.caState === CA_RECOVERY) {
      if (!c.sackOk) c.sackedOut = 0;
      if (tryUndoRecovery(c, a, now)) return true;
      endCwndReduction(c, now);
    }
  }
  return false;
}

/** In Recovery. True: go on with retransmissions. */
function inRecovery(c: Connection, a: AckState, now: Instant): boolean {
  if ((a.flag & F_SND_UNA_ADVANCED) === 0) {
    if (!c.sackOk) addRenoSack(c, a.dupacks);
  } else if (tryUndoPartial(c, a, now)) return false;
  if (tryUndoDsack(c, now)) tryToOpen(c, a, now);
  identifyLoss(c, a, now);
  if (c.caState === CA_RECOVERY) return true;
  // The recovery was undone. If something is lost all the same, another one begins.
  if (c.lostOut === 0) return false;
  enterRecovery(c, (a.flag & F_ECE) !== 0, now);
  return true;
}

/** Open, Disorder, CWR: is a loss proven? Then Recovery begins. */
function recoverIfLost(c: Connection, a: AckState, now: Instant): boolean {
  if (!c.sackOk) {
    if (a.flag & F_SND_UNA_ADVANCED) c.sackedOut = 0;
    addRenoSack(c, a.dupacks);
  }
  if (c.caState <= CA_DISORDER) tryUndoDsack(c, now);
  identifyLoss(c, a, now);
  if (c.lostOut === 0) {
    tryToOpen(c, a, now);
    return false;
  }
  const search = c.sender!.mtuProbe;
  if (search !== null && c.caState < CA_CWR && mtuProbeLost(c, search)) {
    retransmitTooBig(c, c.mssCache, now);
    return false;
  }
  enterRecovery(c, (a.flag & F_ECE) !== 0, now);
  return true;
}

/** tcp_identify_packet_loss. */
function identifyLoss(c: Connection, a: AckState, now: Instant): void {
  if (c.packetsOut === 0 || c.sendQueue === null) return;
  if (!c.sackOk) {
    newRenoMarkLost(c, (a.flag & F_SND_UNA_ADVANCED) !== 0);
    return;
  }
  if (c.context.options.lossDetection === 'rfc6675') {
    countLost(c);
    return;
  }
  const before = c.retransOut;
  if (rackMarkLost(c, now)) a.flag &= ~F_SET_XMIT_TIMER;
  if (before > c.retransOut) a.flag |= F_LOST_RETRANS;
}

/**
 * The cumulative ACK stops at data that had been SACKed: the peer seems to have thrown it away (RFC 2018 §8). It gets a
 * little time to say otherwise, then it counts as a time-out, which forgets the scoreboard (tcp_check_sack_reneging).
 */
function reneges(c: Connection, a: AckState, now: Instant): boolean {
  const both = F_SACK_RENEGING | F_SND_UNA_ADVANCED;
  if ((a.flag & both) !== both) return false;
  const delay = Math.max(jiffiesOfUs(c.context, c.srttUs >> 4), jiffiesOfMs(c.context, 10));
  armTimer(c, TIMER_RETRANS, delay as Duration, now);
  a.flag &= ~F_SET_XMIT_TIMER;
  return true;
}

/** In Loss: F-RTO, or slow start through what was lost (tcp_process_loss; RFC 5682 §3.1). */
function processLoss(c: Connection, a: AckState, now: Instant): void {
  const snd = c.sender!;
  const advanced = (a.flag & F_SND_UNA_ADVANCED) !== 0;
  const recovered = seqGe(c.sndUna, snd.highSeq);
  if (advanced && tryUndoLoss(c, a, false, now)) return;
  if (snd.frto) {
    // Step 3b: data that was never repeated has arrived, so the time-out was spurious.
    if (a.flag & F_ORIG_SACK_ACKED && tryUndoLoss(c, a, true, now)) return;
    if (seqGt(c.sndNxt, snd.highSeq)) {
      if (a.flag & F_DATA_SACKED || a.dupacks > 0) snd.frto = false;
    } else if (advanced && !recovered) {
      snd.highSeq = c.sndNxt;
      // Step 2b: new data first, to see what it draws.
      if (c.sendQueue !== null && c.sendQueue.unsent > 0 && seqGt(windowEnd(c), c.sndNxt)) {
        a.rexmit = REXMIT_NEW;
        return;
      }
      snd.frto = false;
    }
  }
  if (recovered) {
    tryUndoRecovery(c, a, now);
    return;
  }
  if (!c.sackOk) {
    // Duplicates that new data draws are deliveries too.
    if (seqGt(c.sndNxt, snd.highSeq) && a.dupacks > 0) addRenoSack(c, a.dupacks);
    else if (advanced) c.sackedOut = 0;
  }
  a.rexmit = REXMIT_LOST;
}

/** RACK's reordering window has passed without the missing segments (tcp_rack_reo_timeout). */
export function onReoTimer(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (c.sendQueue === null || c.packetsOut === 0) {
    c.timer = TIMER_NONE;
    return;
  }
  const flight = inFlight(c);
  const lost = snd.lost;
  rackDetectLoss(c, now);
  if (flight !== inFlight(c)) {
    if (c.caState !== CA_RECOVERY) {
      enterRecovery(c, false, now);
      if (!c.congestion.ownsWindow) reduceCwnd(c, 1, snd.lost - lost, 0);
    }
    c.work |= WORK_RTX;
  }
  rearmRto(c, now);
}

/** What an ACK asks to be sent again (tcp_xmit_recovery). */
export function xmitRecovery(c: Connection, a: AckState): void {
  if (a.rexmit === REXMIT_LOST) c.work |= WORK_RTX;
  else if (a.rexmit === REXMIT_NEW) {
    c.naglePush = true;
    c.sender!.newDataFirst = true;
    c.work |= WORK_XMIT;
  }
}
