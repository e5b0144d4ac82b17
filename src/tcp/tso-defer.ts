/**
 * Waiting for a larger offloaded send: with an ACK about to come that will allow more, two half-filled records are worse than
 * one full one (tcp_tso_should_defer, Linux 6.18).
 */
import type { Instant } from '../base/units.ts';
import { CA_RECOVERY, inFlight, type Connection } from './connection.ts';
import { windowEnd } from './mss.ts';
import { FIN } from './segment.ts';
import type { SendQueue, Tx } from './send-queue.ts';
import { seqDiff } from './seq.ts';

/**
 * No connection waits for longer than this, nor this long after its last transmission. Linux asks for more than a millisecond
 * there (delta > 0), and has always spent some on the way: what comes a millisecond later to the nanosecond stands for such a
 * case (a script of google/packetdrill that passes on Linux 6.18 does so here only with that).
 */
const LONGEST = 1_000_000;

/**
 * Is `t`, the next record of `q` and worth several segments, better sent later? A send has at most `segs`. Says in `sender.deferredByCwnd` and
 * `sender.rwndLimited` whether a window is why.
 */
export function tsoShouldDefer(
  c: Connection,
  q: SendQueue,
  t: Tx,
  segs: number,
  now: Instant,
): boolean {
  const snd = c.sender!;
  if (c.caState >= CA_RECOVERY || now - snd.lastSentAt >= LONGEST) return false;
  const sendWin = seqDiff(windowEnd(c), t.seq);
  const congWin = (c.cwnd - inFlight(c)) * c.mssCache;
  const limit = Math.min(sendWin, congWin);
  if (limit >= segs * c.mssCache) return false;
  // It gets no more data, and all of it may go.
  if (q.unsent > 1 && limit >= t.len) return false;
  const divisor = c.context.options.tsoWinDivisor;
  const enough =
    divisor > 0
      ? Math.floor(Math.min(c.sndWnd, c.cwnd * c.mssCache) / divisor)
      : Math.min(3, Math.max(c.cwnd >> 1, 1)) * c.mssCache + 1;
  if (limit >= enough || q.sent === 0) return false;
  // The ACK of the oldest record is too far off to wait for.
  const srtt = c.srttUs * 125;
  const ack = q.records.at(0).sentAt + srtt - now;
  if (ack > Math.min(srtt / 2, LONGEST)) return false;
  if (congWin < sendWin) {
    if (congWin <= t.len) return (snd.deferredByCwnd = true);
  } else if (sendWin <= t.len) return (snd.rwndLimited = true);
  return (t.flags & FIN) === 0;
}
