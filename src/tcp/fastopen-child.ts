/** A connection made of a SYN alone, with the data that it carries (tcp_fastopen_create_child). */
import type { PayloadStream } from '../base/payload.ts';
import { NEVER, type Instant } from '../base/units.ts';
import { TIMER_RETRANS, WORK_SYN, type Connection } from './connection.ts';
import { fastOpenOf } from './fastopen-state.ts';
import { initTransfer } from './input.ts';
import { syncMss } from './mss.ts';
import { queueSynPayload } from './receive.ts';
import { childOf, type Request } from './request.ts';
import type { Segment } from './segment.ts';
import { senderOf } from './sender.ts';
import { setState } from './state.ts';
import { armTimer } from './timers.ts';
import { initRcvMss } from './window.ts';

/**
 * The connection of a SYN whose cookie was right, or is not needed; its first segment is the SYN-ACK. `r` stays with it until
 * the handshake ACK comes. `tx` is what this side writes.
 */
export function fastOpenChild(
  r: Request,
  syn: Segment,
  tx: PayloadStream,
  now: Instant,
): Connection {
  const c = childOf(r, tx, now);
  const f = fastOpenOf(c);
  f.child = true;
  f.request = r;
  // Its number counts as acknowledged from the start.
  c.synAcked = true;
  c.synSentAt = NEVER;
  // The window of a SYN is never scaled.
  c.sndWnd = syn.window;
  c.maxWindow = syn.window;
  c.sndWl1 = syn.seq;
  syncMss(c);
  setState(c, 'SYN-RECEIVED', now);
  senderOf(c);
  initTransfer(c, now);
  initRcvMss(c);
  f.synDataAcked = queueSynPayload(c, syn, now);
  r.rcvNxt = c.rcvNxt;
  c.rcvWup = c.rcvNxt;
  r.work = 0;
  r.deadline = NEVER;
  c.work |= WORK_SYN;
  armTimer(c, TIMER_RETRANS, c.rto, now);
  c.context.mib.TCPFastOpenPassive++;
  return c;
}
