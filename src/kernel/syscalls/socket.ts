/** socket, bind, listen, accept4, connect (net/socket.c, net/ipv4/af_inet.c, inet_connection_sock.c). */
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAGAIN,
  EALREADY,
  EBADF,
  ECONNABORTED,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  EMFILE,
  ENETUNREACH,
  ENOTSOCK,
} from '../../base/errno.ts';
import { isClosed } from '../closed.ts';
import { Sock, SS_CONNECTED, SS_CONNECTING, SS_UNCONNECTED } from '../socket.ts';
import type { Stack } from '../stack.ts';
import { DONE, type Thread } from '../thread.ts';
import { NONBLOCK, type Trap } from '../syscall.ts';

const START = 0;
const PAID = 1; // the call's own cost has been paid
const WAIT = 2; // a step of the release has been paid for; then it waits for the connection
const FINISH = 3; // the same; then the call ends with trap.y

/** The network stack of the thread's host. */
export function stackOf(t: Thread): Stack {
  return t.host.handler as Stack;
}

/** The socket at `trap.fd`; null after the call was ended with −EBADF or −ENOTSOCK. */
export function sockAt(t: Thread, trap: Trap): Sock | null {
  const file = t.process.fds.get(trap.fd);
  if (file instanceof Sock) return file;
  t.done(file === null ? -EBADF : -ENOTSOCK);
  return null;
}

export function sysSocket(t: Thread, trap: Trap): number {
  if (trap.phase === START) {
    trap.phase = PAID;
    return t.host.costs.socket;
  }
  const stack = stackOf(t);
  const s = new Sock(stack, stack.tcp.settings);
  s.nonblock = (trap.a & NONBLOCK) !== 0;
  return t.done(t.process.fds.install(s));
}

/** Port 0 asks for an ephemeral port; the result then is 0 all the same, as in Linux. */
export function sysBind(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  const { ports } = s.stack;
  if (trap.a < 0 || trap.a > 65_535 || s.boundPort !== 0 || s.state !== SS_UNCONNECTED)
    return t.done(-EINVAL);
  // | 0: a frame's arguments may be doubles to V8 (a count of nanoseconds was there once); every segment carries the port.
  const port = trap.a !== 0 ? trap.a | 0 : ports.ephemeral(() => false);
  if (port === 0 || ports.conflicts(port, s.reuse)) return t.done(-EADDRINUSE);
  ports.bind(port, s);
  s.boundPort = port;
  return t.done(0);
}

/** A second listen() only changes the backlog; without bind() the port is an ephemeral one. */
export function sysListen(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  const { stack } = s;
  // A negative backlog is a huge one: the comparison is unsigned.
  const backlog = trap.a < 0 ? stack.somaxconn : Math.min(trap.a, stack.somaxconn);
  if (s.listener !== null) {
    s.listener.backlog = backlog;
    return t.done(0);
  }
  if (s.state !== SS_UNCONNECTED || s.c !== null) return t.done(-EINVAL);
  if (s.boundPort === 0) {
    const port = stack.ports.ephemeral(() => false);
    if (port === 0) return t.done(-EADDRINUSE);
    stack.ports.bind(port, s);
    s.boundPort = port;
  } else if (stack.ports.listener(s.boundPort) !== null) return t.done(-EADDRINUSE);
  stack.startListening(s, backlog);
  return t.done(0);
}

/** The descriptor is taken first: without one the connection stays where it is. */
export function sysAccept(t: Thread, trap: Trap): number {
  if (trap.phase === PAID) return t.done(trap.y);
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  const l = s.listener;
  if (l === null) return t.done(-EINVAL);
  if (t.process.fds.full) return t.done(-EMFILE);
  const child = l.shift(t.host.engine.now);
  if (child === null) {
    if (s.nonblock || t.timedOut) return t.done(-EAGAIN);
    t.startTimeout(s.rcvTimeo);
    return t.waitOn(s.wait, true);
  }
  child.nonblock = (trap.a & NONBLOCK) !== 0;
  trap.y = t.process.fds.install(child);
  trap.phase = PAID;
  return t.host.costs.socket;
}

export function sysConnect(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  switch (trap.phase) {
    case START:
      if (!s.lock(t)) return s.waitForLock(t);
      return startConnect(s, t, trap);
    case PAID:
      return sendSyn(s, t, trap);
    case WAIT:
      s.releaseStep(t.core);
      return waitForConnect(s, t, trap);
    default:
      s.releaseStep(t.core);
      return finish(s, t, trap, trap.y);
  }
}

function startConnect(s: Sock, t: Thread, trap: Trap): number {
  if (s.listener !== null || s.state === SS_CONNECTED) return finish(s, t, trap, -EISCONN);
  if (s.state === SS_CONNECTING) {
    // A second connect(), or the first one awake again (trap.x says which errno it started with).
    if (trap.x === 0) trap.x = EALREADY;
    return waitForConnect(s, t, trap);
  }
  trap.x = EINPROGRESS;
  trap.phase = PAID;
  return t.host.costs.socket;
}

function sendSyn(s: Sock, t: Thread, trap: Trap): number {
  const { stack } = s;
  // | 0 as in bind.
  const daddr = trap.a | 0;
  const dport = trap.b | 0;
  const device = stack.route(daddr);
  if (device === null) return finish(s, t, trap, -ENETUNREACH);
  const sport = s.boundPort !== 0 ? s.boundPort : stack.ephemeral(daddr, dport);
  if (sport === 0) return finish(s, t, trap, -EADDRNOTAVAIL);
  const own = stack.host.addr;
  if (stack.ehash.lookup(own, sport, daddr, dport) !== null)
    return finish(s, t, trap, -EADDRNOTAVAIL);
  s.saddr = own;
  s.sport = sport;
  s.daddr = daddr;
  s.dport = dport;
  stack.takePort(s);
  stack.connect(s, device, s.settings!);
  s.settle(t.core);
  return waitForConnect(s, t, trap);
}

/** inet_wait_for_connect(), and what __inet_stream_connect() does with its outcome. */
function waitForConnect(s: Sock, t: Thread, trap: Trap): number {
  const c = s.c!;
  trap.phase = WAIT;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  if (isClosed(c)) {
    const error = s.takeError() || -ECONNABORTED;
    s.c = null;
    s.state = SS_UNCONNECTED;
    return finish(s, t, trap, error);
  }
  if (c.state !== 'SYN-SENT' && c.state !== 'SYN-RECEIVED') {
    s.state = SS_CONNECTED;
    s.settings = null; // the connection has them now
    return finish(s, t, trap, 0);
  }
  if (s.nonblock || t.timedOut) return finish(s, t, trap, -trap.x);
  s.unlock();
  t.startTimeout(s.sndTimeo);
  return t.waitOn(s.wait, false);
}

function finish(s: Sock, t: Thread, trap: Trap, result: number): number {
  trap.phase = FINISH;
  trap.y = result;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  s.unlock();
  return t.done(result);
}
