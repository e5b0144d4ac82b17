/** Our FIN: the state it makes, and its place behind all that was written (tcp_close_state, tcp_send_fin). */
import type { Instant } from '../base/units.ts';
import { WORK_XMIT, type Connection } from './connection.ts';
import { awaitsHandshake } from './fastopen-state.ts';
import { FIN } from './segment.ts';
import { SendQueue } from './send-queue.ts';
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
  const q = (c.sendQueue ??= new SendQueue());
  const t = q.unsent > 0 ? q.records.at(q.records.length - 1) : newRecord(c, q, now);
  t.flags |= FIN;
  t.end = seqAdd(t.end, 1);
  c.writeSeq = t.end;
  c.naglePush = true;
  c.work |= WORK_XMIT;
}
