/** Losses that say nothing about the network being full: segments too big for the path, data of a SYN that was not taken. */
import type { Instant } from '../base/units.ts';
import { setCaState } from './ca-state.ts';
import { CA_LOSS, WORK_RTX, type Connection } from './connection.ts';
import { currentSsthresh } from './cwnd.ts';
import { currentMss } from './mss.ts';
import { limitRenoSacked } from './newreno.ts';
import { markLost } from './rack.ts';
import { LOST } from './send-queue.ts';

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

/**
 * What is out and larger than a segment may be now is lost (tcp_simple_retransmit).
 *
 * @param oldMss what a segment of several frames was cut into
 */
export function retransmitTooBig(c: Connection, oldMss: number, now: Instant): void {
  const q = c.sendQueue;
  if (q === null) return;
  const mss = currentMss(c);
  for (let i = 0; i < q.sent; i++) {
    const t = q.records.at(i);
    if ((t.segs === 1 ? t.len : Math.min(t.len, oldMss)) > mss && (t.sacked & LOST) === 0)
      markLost(c, q, t);
  }
  if (c.lostOut === 0) return;
  if (!c.sackOk) limitRenoSacked(c);
  loseWithoutCongestion(c, now);
}
