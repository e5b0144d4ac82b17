/** The eleven states of RFC 9293 §3.3.2, every legal move between them, and the one function that writes the state. */
import { assert } from '../base/assert.ts';
import { hashName } from '../base/hash.ts';
import type { Instant } from '../base/units.ts';
import type { Connection } from './connection.ts';

export type TcpState =
  | 'CLOSED'
  | 'LISTEN'
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSE-WAIT'
  | 'CLOSING'
  | 'LAST-ACK'
  | 'TIME-WAIT';

/**
 * Every legal move; RFC 9293 §3.3.2, Figure 5. Any other is a bug in this folder, not in the peer. Listeners and
 * half-open connections of listeners are not connections here (kernel/listen.ts, request.ts), so LISTEN leads nowhere and
 * SYN-RECEIVED is reached by simultaneous open, or for an instant while a request becomes a connection.
 */
export const NEXT: { readonly [S in TcpState]: readonly TcpState[] } = {
  CLOSED: ['SYN-SENT', 'SYN-RECEIVED'],
  LISTEN: [],
  'SYN-SENT': ['SYN-RECEIVED', 'ESTABLISHED', 'CLOSED'],
  'SYN-RECEIVED': ['ESTABLISHED', 'FIN-WAIT-1', 'CLOSE-WAIT', 'CLOSED'],
  ESTABLISHED: ['FIN-WAIT-1', 'CLOSE-WAIT', 'CLOSED'],
  'FIN-WAIT-1': ['FIN-WAIT-2', 'CLOSING', 'TIME-WAIT', 'CLOSED'],
  'FIN-WAIT-2': ['TIME-WAIT', 'CLOSED'],
  'CLOSE-WAIT': ['LAST-ACK', 'CLOSED'],
  CLOSING: ['TIME-WAIT', 'CLOSED'],
  'LAST-ACK': ['CLOSED'],
  'TIME-WAIT': ['CLOSED'],
};

/** The only place that writes c.state. The move goes into the host's lane of the fingerprint. */
export function setState(c: Connection, next: TcpState, now: Instant): void {
  const from = c.state;
  assert(NEXT[from].includes(next), 'tcp: illegal transition', () => `${from} -> ${next}`);
  c.state = next;
  if (next === 'CLOSED') countEnd(c, from);
  const lane = c.context.lane;
  lane.wide(now);
  lane.word(c.flow);
  lane.word(hashName(next));
  c.context.observer?.onState(c, from, next);
}

/** An open that failed, or a connection that ended without the exchange of FINs (tcp_done, tcp_set_state). */
function countEnd(c: Connection, from: TcpState): void {
  const { mib } = c.context;
  if (from === 'SYN-SENT' || from === 'SYN-RECEIVED') mib.AttemptFails++;
  else if (from === 'ESTABLISHED' || from === 'CLOSE-WAIT') mib.EstabResets++;
}

/** States in which the peer may still send data: its FIN has not been taken. */
export function receives(s: TcpState): boolean {
  return s === 'ESTABLISHED' || s === 'FIN-WAIT-1' || s === 'FIN-WAIT-2';
}

/** States in which this side may still send data: its FIN has not been queued. */
export function sends(s: TcpState): boolean {
  return s === 'ESTABLISHED' || s === 'CLOSE-WAIT';
}
