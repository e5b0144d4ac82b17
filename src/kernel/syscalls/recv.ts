/**
 * read, recv and recvmsg on a TCP socket (net/ipv4/tcp.c tcp_recvmsg_locked).
 *
 * A call: take the socket (or sleep until its owner lets go), look, spend the copy, move the bytes, let go (segments that
 * became sendable, the backlog, deferred timers: each its own step), then return or sleep. Before it sleeps it looks
 * once more, at the instant at which it lets go: so no wake-up is lost. Woken, it starts again from the top and keeps what
 * it has done in `trap.progress`.
 */
import { EAGAIN, EFAULT, ENOTCONN, EPIPE } from '../../base/errno.ts';
import { atMark, inq, peek, read, seqDiff, skipUrgent, type Connection } from '../../tcp/index.ts';
import { isClosed } from '../closed.ts';
import { copyCost } from '../costs.ts';
import { BadAddress } from '../msg.ts';
import type { Sock } from '../socket.ts';
import { MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_WAITALL } from '../socket-options.ts';
import type { Thread } from '../thread.ts';
import type { Trap } from '../syscall.ts';
import { AGAIN, COPIED, FINISH, finish, finishShort, SPIN, START, WAIT } from './finish.ts';

export function tcpRecvmsg(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  if (trap.phase >= FINISH) s.releaseStep(t.core);
  switch (trap.phase) {
    case START:
      if (s.mayBusyPoll && !trap.spun && startToSpin(s, t, trap, flags))
        return spin(s, t, trap, len, flags);
      return begin(s, t, trap, len, flags);
    case SPIN:
      return spin(s, t, trap, len, flags);
    case COPIED:
      return takeBytes(s, t, trap, len, flags);
    case AGAIN:
      return readOn(s, t, trap, len, flags);
    case WAIT:
      return waitToRead(s, t, trap, len, flags);
    default:
      return finish(s, t, trap, trap.y);
  }
}

function begin(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  if (!s.lock(t)) return s.waitForLock(t);
  s.recordFlow(t);
  return lookToRead(s, t, trap, len, flags);
}

/** Polls the device before it takes the socket, once in a call (tcp_recvmsg). */
function startToSpin(s: Sock, t: Thread, trap: Trap, flags: number): boolean {
  trap.spun = true;
  if (!s.receiveQueueEmpty || s.c!.state !== 'ESTABLISHED') return false;
  s.startBusyPoll(t, s.nonblock || (flags & MSG_DONTWAIT) !== 0);
  trap.phase = SPIN;
  return true;
}

function spin(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  const cost = t.busyPoll.next(t);
  if (cost >= 0) return cost;
  trap.phase = START;
  return begin(s, t, trap, len, flags);
}

/** How many bytes the call wants before it returns (sock_rcvlowat). */
function target(c: Connection, len: number, flags: number): number {
  if ((flags & MSG_WAITALL) !== 0) return len;
  return Math.min(c.settings.rcvLowat, len) || 1;
}

/** Something to copy: what it costs. Nothing: whether that is the end of the call. The socket is owned. */
function lookToRead(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  const c = s.c;
  if (c === null) return finish(s, t, trap, -ENOTCONN);
  // Nothing more is read once a call has come to the mark; the next one begins behind it.
  if (c.receiver !== null && c.receiver.urgent && trap.progress === 0) skipUrgent(c, c.receiver);
  const n = Math.min(inq(c), len - trap.progress);
  if (n > 0) {
    if (trap.obj instanceof BadAddress) return finishShort(s, t, trap, EFAULT);
    trap.x = n;
    trap.phase = COPIED;
    const { costs } = t.host;
    const cost = copyCost(costs, n) + (trap.progress === 0 ? costs.recv : 0);
    return cost > 0 ? cost : takeBytes(s, t, trap, len, flags);
  }
  const end = endOfRead(s, c, t, trap, len, flags);
  if (end !== null) return finish(s, t, trap, end);
  return waitToRead(s, t, trap, len, flags);
}

/** What the call returns, now that nothing is queued; null: it waits. */
function endOfRead(
  s: Sock,
  c: Connection,
  t: Thread,
  trap: Trap,
  len: number,
  flags: number,
): number | null {
  const copied = trap.progress;
  if (copied > 0) {
    if (
      atMark(c) ||
      copied >= target(c, len, flags) ||
      c.error !== 0 ||
      isClosed(c) ||
      c.rcvShutdown
    )
      return copied;
  } else {
    if (len === 0) return 0;
    // EPIPE means that the peer's FIN had been taken before its RST: the stream has ended (SOCK_DONE).
    if (c.error !== 0 && c.error !== EPIPE) return s.takeError();
    if (c.rcvShutdown || isClosed(c)) return 0;
  }
  if (s.nonblock || (flags & MSG_DONTWAIT) !== 0 || t.timedOut)
    return copied > 0 ? copied : -EAGAIN;
  return null;
}

function takeBytes(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  const c = s.c!;
  const now = t.host.engine.now;
  let into = trap.obj as Uint8Array | null;
  if ((flags & MSG_PEEK) !== 0) return finish(s, t, trap, peekBytes(c, trap.x, into));
  if ((flags & MSG_TRUNC) !== 0) into = null; // taken, but not copied
  if (into !== null && trap.progress > 0) into = into.subarray(trap.progress);
  trap.progress += read(c, trap.x, into, now);
  s.settle(t.core);
  if (trap.progress >= len) return finish(s, t, trap, trap.progress);
  const more = s.backlog !== null && s.backlog.length > 0;
  if (!more && trap.progress >= target(c, len, flags)) return finish(s, t, trap, trap.progress);
  return readOn(s, t, trap, len, flags);
}

/** Copies up to `max` queued bytes and leaves them in the queue. */
function peekBytes(c: Connection, max: number, into: Uint8Array | null): number {
  const n = peek(c, max);
  if (into === null || c.rcvQueue === null) return n;
  for (let i = 0, at = 0; at < n; i++) {
    const r = c.rcvQueue.at(i);
    const skip = seqDiff(c.copiedSeq, r.seq) + at;
    if (skip >= r.len) continue;
    const some = Math.min(r.len - skip, n - at);
    r.stream?.copy(r.off + skip, into.subarray(at, at + some));
    at += some;
  }
  return n;
}

/** Takes the backlog, then looks again: "do not sleep, just process backlog". */
function readOn(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  trap.phase = AGAIN;
  const cost = s.releaseCost(t.core);
  return cost >= 0 ? cost : lookToRead(s, t, trap, len, flags);
}

/** sk_wait_data() */
function waitToRead(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  const c = s.c!;
  trap.phase = WAIT;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  if (inq(c) > 0 || endOfRead(s, c, t, trap, len, flags) !== null)
    return lookToRead(s, t, trap, len, flags);
  s.unlock();
  t.startTimeout(s.options.rcvTimeo);
  return t.waitOn(s.wait, false);
}
