/** The end of a call that owns its socket. */
import type { Sock } from '../socket.ts';
import type { Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';

// Phases of a call on a socket. From FINISH on it has paid for a step of the release, and that is what it does first.
export const START = 0;
/** A step of busy polling has been paid for. */
export const SPIN = -1;
/** The copy has been paid for. */
export const COPIED = 1;
/** The call ends with trap.y. */
export const FINISH = 2;
/** It sleeps, unless there is something after all. */
export const WAIT = 3;
/** It goes on. */
export const AGAIN = 4;

/** Lets go and ends the call with `result`. */
export function finish(s: Sock, t: Thread, trap: Trap, result: number): number {
  trap.phase = FINISH;
  trap.y = result;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  s.unlock();
  return t.done(result);
}

/** Ends the call with the bytes that it has moved, or with `-errno` if there are none. */
export function finishShort(s: Sock, t: Thread, trap: Trap, errno: number): number {
  return finish(s, t, trap, trap.progress > 0 ? trap.progress : -errno);
}
