/** Our FIN: the state it makes, and its place behind all that was written (tcp_close_state, tcp_send_fin). */
import type { Instant } from '../base/units.ts';
import { WORK_XMIT, type Connection } from './connection.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import { forceSchedule } from './memory.ts';
import { TX_OVERHEAD } from './records.ts';
import { FIN } from './segment.ts';
import { senderOf } from './sender.ts';
import { seqAdd } from './seq.ts';
import { setState } from './state.ts';
import { newRecord } from './write.ts';

/**
 * Moves to FIN-WAIT-1 or LAST-ACK and queues the FIN, if the state allows it now: shutdown() before the end of the handshake
 * waits for that, close() of a connection that Fast Open began does not.
 */
export function finState(c: Connection, closing: boolean, now: Instant): void {
  switch (c.state) {
    case 'ESTABLISHED':
      setState(c, 'FIN-WAIT-1', now);
      break;
    case 'CLOSE-WAIT':
      setState(c, 'LAST-ACK', now);
      break;
    case 'SYN-RECEIVED':
      if (!closing || !awaitsHandshake(c)) return;
      setState(c, 'FIN-WAIT-1', now);
      break;
    default:
      return; // it is queued already
  }
  senderOf(c);
  const q = (c.sendQueue ??= c.context.takeSendQueue());
  const last = q.records.length - 1;
  const pressed = c.context.memory.pressure && last >= 0;
  if (q.unsent === 0 && !pressed) forceSchedule(c, TX_OVERHEAD);
  const t = q.unsent > 0 || pressed ? q.records.at(last) : newRecord(c, q, now);
  t.flags |= FIN;
  t.end = seqAdd(t.end, 1);
  c.writeSeq = t.end;
  if (q.unsent === 0) {
    // It passes for sent with the last segment. A time-out will send it; that costs no memory.
    c.sndNxt = t.end;
    return;
  }
  c.naglePush = true;
  c.work |= WORK_XMIT;
}
