/**
 * Loss by counting (RFC 6675 §4, IsLost): a segment is lost when as many segments above it have been SACKed as it takes
 * duplicate ACKs (tcp_reordering). Linux had this beside RACK until 6.16 (tcp_update_scoreboard, tcp_mark_head_lost); here it is
 * the option `lossDetection: rfc6675`. A retransmission that is lost too is left to the time-out.
 */
import type { Connection } from './connection.ts';
import { markLost } from './rack.ts';
import { LOST, SACKED } from './send-queue.ts';

/** Marks what is lost now: from the highest SACKed segment down it is enough to count, and only new holes are looked at. */
export function countLost(c: Connection): void {
  if (c.sackedOut < c.reordering) return;
  const snd = c.sender!;
  const q = c.sendQueue!;
  let above = 0;
  let i = q.find(snd.highestSack);
  if (i === q.sent || q.records.at(i).seq === snd.highestSack) i--;
  while (i >= 0 && above < c.reordering) {
    const t = q.records.at(i--);
    if (t.sacked & SACKED) above += t.segs;
  }
  // What is below has been decided when this was last asked, down to the first hole that was new then.
  for (; i >= 0; i--) {
    const t = q.records.at(i);
    if (t.sacked & LOST) return;
    if ((t.sacked & SACKED) === 0) markLost(c, q, t);
  }
}
