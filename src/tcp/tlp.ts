/**
 * Tail loss probes (RFC 8985 §7): after two round trips of silence a segment is sent, so that its (S)ACK shows whether the
 * last segments were lost, instead of waiting for the retransmission time-out. One probe per episode; the episode ends when
 * it is known whether the probe was needed. What the probe carries is decided when it is sent (output.ts).
 */
import type { Duration, Instant } from '../base/units.ts';
import {
  F_DATA_SACKED,
  F_DSACK_TLP,
  F_NOT_DUP,
  F_SND_UNA_ADVANCED,
  type AckState,
} from './ack-state.ts';
import { setCaState, tryKeepOpen } from './ca-state.ts';
import { jiffiesOfMs, jiffiesOfUs } from './clock.ts';
import { CA_CWR, CA_OPEN, TIMER_TLP, type Connection } from './connection.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import { endCwndReduction, initCwndReduction } from './prr.ts';
import { seqGt, seqLt } from './seq.ts';
import { armTimer, rearmRto, rtoLeft, TIMEOUT_MIN_US } from './timers.ts';

/**
 * Arms the probe instead of the retransmission time-out, but never later than that (tcp_schedule_loss_probe, RFC 8985 §7.2).
 * `rtoFromNow`: an ACK has just restarted that. False: no probe here.
 */
export function scheduleLossProbe(c: Connection, rtoFromNow: boolean, now: Instant): boolean {
  const early = c.context.options.earlyRetrans;
  if (early < 3 || c.packetsOut === 0 || !c.sackOk) return false;
  if (c.caState !== CA_OPEN && c.caState !== CA_CWR) return false;
  if (awaitsHandshake(c)) return false;
  let after: number;
  if (c.srttUs === 0) after = jiffiesOfMs(c.context, 1000);
  else {
    // A lone segment's ACK may be delayed by as much as the least RTO.
    const slack = c.packetsOut === 1 ? c.context.rtoMin / 1000 : TIMEOUT_MIN_US;
    after = jiffiesOfUs(c.context, (c.srttUs >> 2) + slack);
  }
  const left = rtoFromNow ? c.rto : rtoLeft(c, now);
  if (left > 0) after = Math.min(after, left);
  armTimer(c, TIMER_TLP, after as Duration, now);
  return true;
}

/** After an ACK: a probe if there may be one, else the retransmission time-out (tcp_set_xmit_timer). */
export function setXmitTimer(c: Connection, now: Instant): void {
  if (!scheduleLossProbe(c, true, now)) rearmRto(c, now);
}

/** Has the episode of the probe ended, and had something been lost (tcp_process_tlp_ack, RFC 8985 §7.4)? */
export function processTlpAck(c: Connection, a: AckState, now: Instant): void {
  const snd = c.sender!;
  if (seqLt(c.sndUna, snd.tlpHighSeq)) return;
  // New data, or both the original and its repetition have arrived.
  if (!snd.tlpRetrans || a.flag & F_DSACK_TLP) snd.tlpActive = false;
  else if (seqGt(c.sndUna, snd.tlpHighSeq)) {
    // Data sent after the probe is acknowledged, and no D-SACK came: the probe has repaired a loss.
    initCwndReduction(c);
    setCaState(c, CA_CWR, now);
    endCwndReduction(c, now);
    tryKeepOpen(c, now);
    c.context.mib.TCPLossProbeRecovery++;
  } else if ((a.flag & (F_SND_UNA_ADVANCED | F_NOT_DUP | F_DATA_SACKED)) === 0)
    snd.tlpActive = false;
}
