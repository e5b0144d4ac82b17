/**
 * close(2) of a socket (net/ipv4/tcp.c __tcp_close) and shutdown(2).
 *
 * A listener resets what nobody accepted. A connection with unread data, or with SO_LINGER 0, is reset; another sends its
 * FIN and becomes an orphan, at once or, with SO_LINGER, when its FIN has been acknowledged or the time is over.
 */
import { ECONNRESET, EINVAL, ENOTCONN } from '../../base/errno.ts';
import { sec } from '../../base/units.ts';
import {
  abort,
  close,
  inq,
  shutdownRead,
  shutdownWrite,
  type Connection,
} from '../../tcp/index.ts';
import { isClosed } from '../closed.ts';
import type { Core } from '../cpu.ts';
import { SHUT_RD, SHUT_RDWR, SHUT_WR } from '../socket-options.ts';
import type { Sock } from '../socket.ts';
import type { Thread } from '../thread.ts';
import { NR_EXIT, type Trap } from '../syscall.ts';
import { forgetConnection } from './begin.ts';
import { finish, FINISH } from './finish.ts';

const START = 0;
const CLOSING = 1; // the call's own cost has been paid
const LINGER = 3; // the same; then it waits for the FIN to be acknowledged

export function tcpClose(s: Sock, t: Thread, trap: Trap): number {
  switch (trap.phase) {
    case START:
      if (!s.lock(t)) return s.waitForLock(t);
      if (s.closing) return lingerOn(s, t, trap);
      trap.phase = CLOSING;
      return t.host.costs.close;
    case CLOSING:
      return startClose(s, t, trap);
    case LINGER:
      s.releaseStep(t.core);
      return lingerOn(s, t, trap);
    default:
      s.releaseStep(t.core);
      return finishClose(s, t, trap);
  }
}

function startClose(s: Sock, t: Thread, trap: Trap): number {
  s.closing = true;
  if (s.listener !== null) s.stack.stopListening(s, t.core);
  s.stack.unbind(s);
  const { c } = s;
  if (c === null || isClosed(c)) return finishClose(s, t, trap);
  const now = t.host.engine.now;
  // A process that exits does not linger (PF_EXITING).
  if (s.options.linger > 0 && trap.nr !== NR_EXIT && inq(c) === 0) {
    shutdownWrite(c, now);
    s.settle(t.core);
    trap.deadline = -1;
    t.startTimeout(sec(s.options.linger));
    return lingerOn(s, t, trap);
  }
  closeConnection(s, c, t.core, s.options.linger === 0);
  return finishClose(s, t, trap);
}

/** Nobody has the connection any more: a FIN, or a RST. */
function closeConnection(s: Sock, c: Connection, core: Core, reset: boolean): void {
  const now = s.stack.engine.now;
  s.orphan = true;
  if (reset) abort(c, now);
  else close(c, now);
  s.settle(core);
}

/** sk_stream_wait_close() */
function lingerOn(s: Sock, t: Thread, trap: Trap): number {
  const c = s.c!;
  trap.phase = LINGER;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  const waits = c.state === 'FIN-WAIT-1' || c.state === 'CLOSING' || c.state === 'LAST-ACK';
  if (waits && !t.timedOut) {
    s.unlock();
    return t.waitOn(s.wait, false);
  }
  if (!isClosed(c)) closeConnection(s, c, t.core, false);
  return finishClose(s, t, trap);
}

function finishClose(s: Sock, t: Thread, trap: Trap): number {
  trap.phase = FINISH;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  s.orphan = true;
  s.unlock();
  return t.done(0);
}

export function tcpShutdown(s: Sock, t: Thread, trap: Trap): number {
  switch (trap.phase) {
    case START: {
      if (!s.lock(t)) return s.waitForLock(t);
      trap.y = checkShutdown(s, trap.a);
      if (trap.y !== 0) {
        s.unlock();
        return t.done(trap.y);
      }
      trap.phase = CLOSING;
      return t.host.costs.close;
    }
    case CLOSING:
      shutdownNow(s, trap.a, t);
      break;
    default:
      s.releaseStep(t.core);
  }
  return finish(s, t, trap, 0);
}

function checkShutdown(s: Sock, how: number): number {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  return s.listener === null && (s.c === null || isClosed(s.c)) ? -ENOTCONN : 0;
}

/** inet_shutdown(): a listener without its reading side listens no more, and who only tries to connect stops that. */
function shutdownNow(s: Sock, how: number, t: Thread): void {
  const { c } = s;
  const now = t.host.engine.now;
  if (c === null) {
    if (how !== SHUT_WR) s.stack.stopListening(s, t.core);
  } else if (c.state === 'SYN-SENT') {
    abort(c, now);
    s.settle(t.core);
    forgetConnection(s);
    s.error = ECONNRESET;
  } else {
    if (how !== SHUT_WR) shutdownRead(c);
    if (how !== SHUT_RD) shutdownWrite(c, now);
    s.settle(t.core);
  }
  s.wait.wake(0, 0, false); // sk_state_change
}
