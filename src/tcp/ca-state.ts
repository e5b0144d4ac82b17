/** The congestion state (Open, Disorder, CWR, Recovery, Loss), and since when segments have been repeated. */
import { NEVER, type Instant } from '../base/units.ts';
import { CA_DISORDER, CA_OPEN, type Connection } from './connection.ts';
import { EVER_RETRANS } from './send-queue.ts';

/** The only place that writes c.caState (tcp_set_ca_state). */
export function setCaState(c: Connection, to: number, now: Instant): void {
  c.congestion.setState(c, to, now);
  c.caState = to;
}

/** Is something out that was sent more than once (tcp_any_retrans_done)? */
function anyRetransDone(c: Connection): boolean {
  if (c.retransOut > 0) return true;
  const q = c.sendQueue;
  return q !== null && q.sent > 0 && (q.records.at(0).sacked & EVER_RETRANS) !== 0;
}

/** The next recovery has a first retransmission of its own (tcp_retrans_stamp_cleanup). */
export function cleanRetransStamp(c: Connection): void {
  if (!anyRetransDone(c)) c.retransStamp = NEVER;
}

/** Open, or Disorder while something is missing or has been repeated (tcp_try_keep_open). */
export function tryKeepOpen(c: Connection, now: Instant): void {
  const state = c.sackedOut + c.lostOut > 0 || anyRetransDone(c) ? CA_DISORDER : CA_OPEN;
  if (c.caState === state) return;
  setCaState(c, state, now);
  c.sender!.highSeq = c.sndNxt;
}
