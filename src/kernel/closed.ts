/** Whether a connection is over as far as its socket is concerned. */
import type { Connection } from '../tcp/connection.ts';

/** Nothing more will come of it: TCP_CLOSE, or its place was taken by a TIME_WAIT record. */
export function isClosed(c: Connection): boolean {
  return c.state === 'CLOSED' || c.state === 'TIME-WAIT';
}
