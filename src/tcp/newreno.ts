/** Loss recovery with a peer that has no SACK (RFC 6582): duplicate ACKs are counted as segments that arrived. */
import { CA_RECOVERY, type Connection } from './connection.ts';
import { currentMss } from './mss.ts';
import { markLost } from './rack.ts';
import { splitTx } from './records.ts';
import { LOST } from './send-queue.ts';

/** At least one hole, and what is lost, must remain (tcp_limit_reno_sacked). True: something was taken off. */
export function limitRenoSacked(c: Connection): boolean {
  const holes = Math.min(Math.max(c.lostOut, 1), c.packetsOut);
  if (c.sackedOut + holes <= c.packetsOut) return false;
  c.sackedOut = c.packetsOut - holes;
  return true;
}

/** More duplicates than segments that could cause them: there was reordering (tcp_check_reno_reordering). */
function checkRenoReordering(c: Connection, more: number): void {
  if (!limitRenoSacked(c)) return;
  c.reordering = Math.min(c.packetsOut + more, c.context.options.maxReordering);
  c.sender!.reordSeen++;
  c.context.mib.TCPRenoReorder++;
}

export function addRenoSack(c: Connection, dupacks: number): void {
  if (dupacks === 0) return;
  const before = c.sackedOut;
  c.sackedOut += dupacks;
  checkRenoReordering(c, 0);
  if (c.sackedOut > before) c.delivered += c.sackedOut - before;
}

/** A cumulative ACK: one segment filled the hole, the others were the duplicates (tcp_remove_reno_sacks). */
export function removeRenoSacks(c: Connection, acked: number): void {
  if (acked > 0) {
    c.delivered += Math.max(acked - c.sackedOut, 1);
    c.sackedOut = Math.max(c.sackedOut - (acked - 1), 0);
  }
  checkRenoReordering(c, acked);
}

/** The first segment is lost: enough duplicates, or in recovery a partial ACK (RFC 6582 §3.2; tcp_newreno_mark_lost). */
export function newRenoMarkLost(c: Connection, advanced: boolean): void {
  const q = c.sendQueue;
  if (q === null || q.sent === 0) return;
  const due =
    (c.caState < CA_RECOVERY && c.sackedOut >= c.reordering) ||
    (c.caState === CA_RECOVERY && advanced);
  if (!due) return;
  const head = q.records.at(0);
  if (head.sacked & LOST) return;
  const mss = currentMss(c);
  if (head.segs > 1 && head.len > mss) splitTx(c, q, 0, mss, mss);
  markLost(c, q, head);
}
