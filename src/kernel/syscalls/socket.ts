/** socket, bind, listen, accept4 (net/socket.c, net/ipv4/af_inet.c, inet_connection_sock.c). */
import { EADDRINUSE, EAGAIN, EINVAL } from '../../base/errno.ts';
import { onListen } from '../fastopen.ts';
import { SS_UNCONNECTED } from '../sock-state.ts';
import { Sock } from '../socket.ts';
import { NONBLOCK, type Trap } from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';
import { sockAt, stackOf } from './at.ts';

const START = 0;
const PAID = 1; // the call's own cost has been paid

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
  if (port === 0 || ports.conflicts(port, s)) return t.done(-EADDRINUSE);
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
    s.listener.setBacklog(backlog);
    return t.done(0);
  }
  if (s.state !== SS_UNCONNECTED || s.c !== null) return t.done(-EINVAL);
  if (s.boundPort === 0) {
    const port = stack.ports.ephemeral(() => false);
    if (port === 0) return t.done(-EADDRINUSE);
    stack.ports.bind(port, s);
    s.boundPort = port;
  } else if (!stack.ports.mayListen(s.boundPort, s)) return t.done(-EADDRINUSE);
  stack.startListening(s, backlog);
  onListen(s, backlog);
  return t.done(0);
}

/** The descriptor and the file are taken first: without them the connection stays where it is (do_accept). */
export function sysAccept(t: Thread, trap: Trap): number {
  if (trap.phase === PAID) return t.done(trap.y);
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  const l = s.listener;
  if (l === null) return t.done(-EINVAL);
  const { refusal } = t.process.fds;
  if (refusal !== 0) return t.done(refusal);
  const child = l.shift(t.host.engine.now);
  if (child === null) {
    if (s.nonblock || t.timedOut) return t.done(-EAGAIN);
    t.startTimeout(s.options.rcvTimeo);
    return t.waitOn(s.wait, true);
  }
  child.nonblock = (trap.a & NONBLOCK) !== 0;
  child.c!.accepted = true;
  trap.y = t.process.fds.install(child);
  trap.phase = PAID;
  return t.host.costs.socket;
}
