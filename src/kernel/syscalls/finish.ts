/** The end of a call that owns its socket. */
import type { Sock } from '../socket.ts';
import type { Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';

/** Phase: a step of the release has been paid for; then the call ends with trap.y. */
export const FINISH = 2;

/** Lets go and ends the call with `result`. */
export function finish(s: Sock, t: Thread, trap: Trap, result: number): number {
  trap.phase = FINISH;
  trap.y = result;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  s.unlock();
  return t.done(result);
}
