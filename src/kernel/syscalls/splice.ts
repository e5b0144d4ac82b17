/**
 * splice(2) between a TCP socket and a pipe (fs/splice.c, net/ipv4/tcp.c tcp_splice_read). Linux moves pages; here the bytes are
 * copied, and what that costs is a read's or a write's. The pipe's mutex is held throughout, also while the call waits for the
 * socket (splice_file_to_pipe, splice_to_socket), but not while it waits for the pipe. Before it waits, what it has moved leaves
 * the pipe, or is in it: a thread that is killed there does not return.
 */
import { EAGAIN, EBADF, EINVAL, EPIPE } from '../../base/errno.ts';
import { atMark } from '../../tcp/index.ts';
import { ReadEnd, WriteEnd } from '../pipe.ts';
import { Sock } from '../socket.ts';
import { MSG_DONTWAIT, MSG_MORE, SPLICE_F_MORE, SPLICE_F_NONBLOCK } from '../socket-options.ts';
import { EPOLLIN, EPOLLOUT, type Trap } from '../syscall.ts';
import { BLOCKED, DONE, type Thread } from '../thread.ts';
import { fileAt, otherAt } from './at.ts';
import { tcpRecvmsg } from './recv.ts';
import { tcpSendmsg } from './send.ts';

/** `fd` and `a`: from and to; `b`: bytes; `c`: flags. */
export function sysSplice(t: Thread, trap: Trap): number {
  const from = fileAt(t, trap);
  const to = otherAt(t, trap);
  if (from === null || to === null) {
    t.holds?.unlock(t); // the pipe's, while it slept
    return t.done(-EBADF);
  }
  if (from instanceof Sock && to instanceof WriteEnd) return fromSocket(from, to, t, trap);
  if (from instanceof ReadEnd && to instanceof Sock) return toSocket(from, to, t, trap);
  return t.done(-EINVAL);
}

/** What has arrived, as much as the pipe has room for; trap.obj holds it until it is in the pipe. */
function fromSocket(s: Sock, pipe: WriteEnd, t: Thread, trap: Trap): number {
  if (!pipe.mutex.lock(t)) return pipe.mutex.waitFor(t);
  if (trap.obj === null) {
    const { room } = pipe;
    const atEnd = s.c !== null && atMark(s.c); // tcp_read_sock() does not pass a mark
    if (room <= 0 || atEnd) {
      pipe.mutex.unlock(t);
      if (room < 0) return t.done(-EPIPE);
      if (room > 0) return t.done(0);
      const nonblock = pipe.nonblock || (trap.c & SPLICE_F_NONBLOCK) !== 0;
      return nonblock ? t.done(-EAGAIN) : t.waitOn(pipe.wait, true, EPOLLOUT);
    }
    trap.obj = pipe.begin(trap.b);
  }
  const bytes = trap.obj as Uint8Array;
  const r = tcpRecvmsg(s, t, trap, bytes.length, 0);
  if (r === DONE || r === BLOCKED) pipe.come(bytes, r === DONE ? t.result : trap.progress);
  if (r !== DONE) return r;
  pipe.mutex.unlock(t);
  return DONE;
}

/** What is in the pipe, as much as the socket takes: the rest stays where it is. */
function toSocket(pipe: ReadEnd, s: Sock, t: Thread, trap: Trap): number {
  if (!pipe.mutex.lock(t)) return pipe.mutex.waitFor(t);
  const nonblock = (trap.c & SPLICE_F_NONBLOCK) !== 0;
  if (trap.obj === null) {
    const bytes = pipe.peek(trap.b);
    if (bytes === null || bytes.length === 0) {
      pipe.mutex.unlock(t);
      if (bytes === null) return t.done(0);
      if (pipe.nonblock || nonblock) return t.done(-EAGAIN);
      return t.waitOn(pipe.wait, true, EPOLLIN);
    }
    trap.obj = bytes;
  }
  const flags = (nonblock ? MSG_DONTWAIT : 0) | ((trap.c & SPLICE_F_MORE) !== 0 ? MSG_MORE : 0);
  const r = tcpSendmsg(s, t, trap, (trap.obj as Uint8Array).length, flags);
  if (r === DONE || r === BLOCKED) pipe.gone(r === DONE ? Math.max(t.result, 0) : trap.progress);
  if (r !== DONE) return r;
  pipe.mutex.unlock(t);
  return DONE;
}
