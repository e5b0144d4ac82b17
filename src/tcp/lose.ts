/** Losses that say nothing about the network being full: segments too big for the path, data of a SYN that was not taken. */
import type { Instant } from '../base/units.ts';
import { setCaState } from './ca-state.ts';
import { CA_LOSS, WORK_RTX, type Connection } from './connection.ts';
import { currentSsthresh } from './cwnd.ts';

/**
 * What is marked lost is sent again, and the window stays as it is: nothing says that the network is full
 * (tcp_non_congestion_loss_retransmit).
 */
export function loseWithoutCongestion(c: Connection, now: Instant): void {
  const snd = c.sender!;
  c.work |= WORK_RTX;
  snd.rtxHint = c.sndUna;
  if (c.caState === CA_LOSS) return;
  snd.highSeq = c.sndNxt;
  c.ssthresh = currentSsthresh(c);
  snd.priorSsthresh = 0;
  snd.undoArmed = false;
  setCaState(c, CA_LOSS, now);
}
