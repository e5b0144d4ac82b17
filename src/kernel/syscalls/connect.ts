/** connect(2) (net/ipv4/af_inet.c __inet_stream_connect, tcp_ipv4.c tcp_v4_connect, tcp.c tcp_disconnect). */
import { EALREADY, ECONNABORTED, ECONNRESET, EINPROGRESS, EISCONN } from '../../base/errno.ts';
import { abort, fastOpenSyn, mayFastOpen, WORK_SYN } from '../../tcp/index.ts';
import { isClosed } from '../closed.ts';
import { AF_UNSPEC } from '../msg.ts';
import { SS_CONNECTED, SS_CONNECTING } from '../sock-state.ts';
import type { Sock } from '../socket.ts';
import type { Trap } from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';
import { sockAt } from './at.ts';
import { beginConnection, forgetConnection } from './begin.ts';
import { finish } from './finish.ts';

const START = 0;
const PAID = 1; // the call's own cost has been paid
const WAIT = 3; // a step of the release has been paid for; then it waits for the connection
const DISCONNECT = 4; // the same; then the connection is forgotten

export function sysConnect(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  switch (trap.phase) {
    case START:
      if (!s.lock(t)) return s.waitForLock(t);
      return trap.c === AF_UNSPEC ? disconnect(s, t, trap) : startConnect(s, t, trap);
    case PAID:
      return connectNow(s, t, trap);
    case WAIT:
      s.releaseStep(t.core);
      return waitForConnect(s, t, trap);
    case DISCONNECT:
      s.releaseStep(t.core);
      return forget(s, t, trap);
    default:
      s.releaseStep(t.core);
      return finish(s, t, trap, trap.y);
  }
}

function startConnect(s: Sock, t: Thread, trap: Trap): number {
  if (s.listener !== null || s.state === SS_CONNECTED) return finish(s, t, trap, -EISCONN);
  if (s.state === SS_CONNECTING) {
    if (s.defersConnect) return finish(s, t, trap, -EISCONN);
    // A second connect(), or the first one awake again (trap.x says which errno it started with).
    if (trap.x === 0) trap.x = EALREADY;
    return waitForConnect(s, t, trap);
  }
  trap.x = EINPROGRESS;
  trap.phase = PAID;
  return t.host.costs.socket;
}

function connectNow(s: Sock, t: Thread, trap: Trap): number {
  // | 0 as in bind.
  const error = beginConnection(s, trap.a | 0, trap.b | 0);
  if (error !== 0) return finish(s, t, trap, error);
  if (s.fastOpen !== null && s.fastOpen.connect && leaveToWrite(s)) return finish(s, t, trap, 0);
  s.settle(t.core);
  return waitForConnect(s, t, trap);
}

/**
 * TCP_FASTOPEN_CONNECT: with a cookie for the peer the SYN waits for the first data (tcp_fastopen_defer_connect); without one it
 * goes at once and asks for one.
 */
function leaveToWrite(s: Sock): boolean {
  const c = s.c!;
  const f = s.fastOpen!;
  const now = s.stack.engine.now;
  if (mayFastOpen(c, f.noCookie, now)) {
    f.deferred = true;
    c.work &= ~WORK_SYN;
    return true;
  }
  f.pending = true;
  fastOpenSyn(c, 0, f.noCookie, now);
  return false;
}

/** inet_wait_for_connect(), and what __inet_stream_connect() does with its outcome. */
function waitForConnect(s: Sock, t: Thread, trap: Trap): number {
  const c = s.c!;
  trap.phase = WAIT;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  if (isClosed(c)) {
    const error = s.takeError() || -ECONNABORTED;
    forgetConnection(s);
    return finish(s, t, trap, error);
  }
  if (c.state !== 'SYN-SENT' && c.state !== 'SYN-RECEIVED') {
    s.state = SS_CONNECTED;
    s.settings = null; // the connection has them now
    return finish(s, t, trap, 0);
  }
  if (s.nonblock || t.timedOut) return finish(s, t, trap, -trap.x);
  s.unlock();
  t.startTimeout(s.calls.sndTimeo);
  return t.waitOn(s.wait, false);
}

/** connect(AF_UNSPEC): whatever the socket does, it ends; who has the connection's other end gets a reset. */
function disconnect(s: Sock, t: Thread, trap: Trap): number {
  if (s.listener !== null) s.stack.stopListening(s, t.core);
  const { c } = s;
  if (c === null) return finish(s, t, trap, 0);
  if (!isClosed(c)) {
    s.error = ECONNRESET;
    abort(c, t.host.engine.now);
    s.settle(t.core);
  }
  return forget(s, t, trap);
}

function forget(s: Sock, t: Thread, trap: Trap): number {
  trap.phase = DISCONNECT;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  forgetConnection(s);
  s.wait.wake(0, 0, false);
  return finish(s, t, trap, 0);
}
