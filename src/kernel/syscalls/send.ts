/**
 * write, send and sendmsg on a TCP socket (net/ipv4/tcp.c tcp_sendmsg_locked). How a call goes: recv.ts. With MSG_FASTOPEN, or
 * when connect() left it to the first write (TCP_FASTOPEN_CONNECT), it begins the connection and puts data into its SYN.
 */
import {
  EAGAIN,
  EALREADY,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  EOPNOTSUPP,
  EPIPE,
} from '../../base/errno.ts';
import {
  fastOpenSyn,
  mayWrite,
  recordRoom,
  setNoSpace,
  setWritePending,
  TFO_CLIENT,
  write,
  type Chunk,
  type Connection,
} from '../../tcp/index.ts';
import { isClosed } from '../closed.ts';
import { copyCost } from '../costs.ts';
import { fastOpenOf } from '../fastopen.ts';
import { AF_UNSPEC, BadAddress } from '../msg.ts';
import { SS_CONNECTED, SS_CONNECTING } from '../sock-state.ts';
import type { Sock } from '../socket.ts';
import { MSG_DONTWAIT, MSG_EOR, MSG_FASTOPEN, MSG_MORE } from '../socket-options.ts';
import type { Thread } from '../thread.ts';
import { EPOLLERR, type Trap } from '../syscall.ts';
import { beginConnection, outcomeOfConnect, sleepForConnect } from './begin.ts';
import { AGAIN, COPIED, FINISH, finish, finishShort, START, WAIT } from './finish.ts';

// Phases beyond those of finish.ts.
const CONNECTING = 5; // it waits for the connection that it has begun

// What trap.d remembers of a call that begins a connection.
const BEGUN = 1;
const CONNECTED = 2;

/** trap.x of a call whose last write was refused, for lack of memory. */
const REFUSED = -1;
/** What one step of a write copies at most, bytes: other CPU levels see the call's progress in such pieces. */
const WRITE_PIECE = 32_768;

export function tcpSendmsg(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  let { phase } = trap;
  if (phase >= FINISH) s.releaseStep(t.core);
  else if (phase === COPIED) phase = putBytes(s, t, trap, len, flags);
  switch (phase) {
    case START:
      if (!s.lock(t)) return s.waitForLock(t);
      s.recordFlow(t);
      if (trap.y !== 0) return afterPause(s, t, trap, len, flags);
      if ((flags & MSG_FASTOPEN) !== 0 || trap.d !== 0 || s.defersConnect)
        return fastOpen(s, t, trap, len, flags);
      return lookToWrite(s, t, trap, len, flags);
    case AGAIN:
      return pushPiece(s, t, trap, len, flags);
    case WAIT:
      return waitForSpace(s, t, trap, len, flags);
    case CONNECTING:
      return waitForHandshake(s, t, trap, len, flags);
    default:
      return finish(s, t, trap, trap.y);
  }
}

/** Room: what copying into it costs. None, or an error: the end of the call, or a wait. The socket is owned. */
function lookToWrite(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  const c = s.c;
  if (c === null) return finish(s, t, trap, -EPIPE);
  const end = endOfWrite(s, c, trap, len);
  if (end !== null) return finish(s, t, trap, end);
  const room = roomOf(c);
  if (room === 0) {
    trap.x = 0;
    return waitForSpace(s, t, trap, len, flags);
  }
  if (trap.obj instanceof BadAddress) return finishShort(s, t, trap, EFAULT);
  // Linux copies record by record; several small ones go in one piece here, which no segment can tell.
  const piece = Math.min(WRITE_PIECE, c.sndbuf - c.wmemQueued);
  const n = Math.min(len - trap.progress, Math.max(room, piece));
  trap.x = n;
  trap.phase = COPIED;
  const { costs } = t.host;
  const cost = copyCost(costs, n) + (trap.progress === 0 ? costs.send : 0);
  return cost > 0 ? cost : tcpSendmsg(s, t, trap, len, flags);
}

/** What the call returns whether there is room or not; null: it goes on. */
function endOfWrite(s: Sock, c: Connection, trap: Trap, len: number): number | null {
  if (c.error === 0 && !c.sndShutdown && !isClosed(c)) return trap.progress >= len ? len : null;
  if (trap.progress > 0) return trap.progress;
  return s.takeError() || -EPIPE;
}

/** What can be written whatever the buffer holds, once there is a connection. */
function roomOf(c: Connection): number {
  return mayWrite(c) ? recordRoom(c) : 0;
}

/** @returns the phase that follows */
function putBytes(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  const c = s.c!;
  const from = trap.progress;
  const last = from + trap.x >= len;
  const chunk = chunkOf(trap, from, trap.x);
  const corked = (flags & MSG_MORE) !== 0;
  const n = write(c, chunk, t.host.engine.now, !last, (flags & MSG_EOR) !== 0, corked);
  if (n > 0) trap.progress += n;
  s.settle(t.core);
  if (n === -EAGAIN) {
    trap.x = REFUSED;
    return WAIT;
  }
  // MSG_MORE: what does not fill a segment waits for the next call.
  if (last && corked && !c.cork) {
    c.cork = true;
    trap.ref = c;
  }
  return AGAIN;
}

/** `n` bytes of what is to be written, from `from` on. */
function chunkOf(trap: Trap, from: number, n: number): Chunk {
  const bytes = trap.obj as Uint8Array | null;
  return bytes === null ? n : bytes.subarray(from, from + n);
}

/** Sends what the piece made sendable, then goes on with the next. */
function pushPiece(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  trap.phase = AGAIN;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  if (trap.ref !== null) {
    (trap.ref as Connection).cork = false;
    trap.ref = null;
  }
  return lookToWrite(s, t, trap, len, flags);
}

/** sk_stream_wait_memory(), and sk_stream_wait_connect() before there is a connection. */
function waitForSpace(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  const c = s.c!;
  setNoSpace(c);
  const nonblock = s.nonblock || (flags & MSG_DONTWAIT) !== 0;
  if (nonblock || t.timedOut) return finishShort(s, t, trap, EAGAIN);
  trap.phase = WAIT;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  const refused = trap.x === REFUSED;
  const room = roomOf(c) > 0;
  if ((room && !refused) || endOfWrite(s, c, trap, len) !== null)
    return lookToWrite(s, t, trap, len, flags);
  if (!mayWrite(c)) setWritePending(c, true);
  s.unlock();
  t.startTimeout(s.options.sndTimeo);
  return room ? pause(s, c, t, trap) : t.waitOn(s.wait, false);
}

/**
 * There is room in the buffer, and the host has no memory: nothing of this socket will say when it has. So the call tries again
 * after 2 to HZ/5 + 1 jiffies, as drawn, unless the connection ends; a deadline of its own does not shorten that (vm_wait in
 * sk_stream_wait_memory).
 */
function pause(s: Sock, c: Connection, t: Thread, trap: Trap): number {
  const { jiffyNs, engine } = t.host;
  const hz = Math.round(1e9 / jiffyNs);
  const jiffies = 2 + Math.floor(s.stack.pauseOf(c) * Math.floor(hz / 5));
  trap.y = trap.deadline;
  trap.deadline = engine.now + jiffies * jiffyNs;
  return t.waitOn(s.wait, false, EPOLLERR);
}

function afterPause(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  trap.deadline = trap.y;
  trap.y = 0;
  trap.x = 0;
  return t.timedOut && s.c !== null && endOfWrite(s, s.c, trap, len) === null
    ? finishShort(s, t, trap, EAGAIN)
    : lookToWrite(s, t, trap, len, flags);
}

// ---- Fast Open

/** tcp_sendmsg_fastopen(), and what __inet_stream_connect() does for it. */
function fastOpen(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  if (trap.d === CONNECTED) return lookToWrite(s, t, trap, len, flags);
  if (trap.d === BEGUN) return waitForHandshake(s, t, trap, len, flags);
  const { name } = trap;
  const enabled = (s.stack.tcp.options.fastopen & TFO_CLIENT) !== 0;
  if (!enabled || (name !== null && name.family === AF_UNSPEC))
    return finish(s, t, trap, -EOPNOTSUPP);
  if (s.fastOpen !== null && s.fastOpen.pending) return finish(s, t, trap, -EALREADY);
  trap.x = EINPROGRESS;
  if (!s.defersConnect) {
    if (s.state === SS_CONNECTED) return finish(s, t, trap, -EISCONN);
    if (s.state === SS_CONNECTING) {
      trap.x = EALREADY;
      return waitForHandshake(s, t, trap, len, flags);
    }
    if (s.c !== null || s.listener !== null) return finish(s, t, trap, -EISCONN);
    if (name === null) return finish(s, t, trap, -EINVAL);
    const error = beginConnection(s, name.addr, name.port);
    if (error !== 0) return finish(s, t, trap, error);
  }
  takeIntoSyn(s, s.c!, t, trap, len);
  return waitForHandshake(s, t, trap, len, flags);
}

/** The SYN takes what fits; if that is not all, its ACK waits for the rest (sk_write_pending). */
function takeIntoSyn(s: Sock, c: Connection, t: Thread, trap: Trap, len: number): void {
  const f = fastOpenOf(s);
  f.deferred = false;
  const chunk = trap.obj instanceof BadAddress ? 0 : chunkOf(trap, 0, len);
  trap.progress = fastOpenSyn(c, chunk, f.noCookie, t.host.engine.now);
  setWritePending(c, trap.progress < len);
  s.settle(t.core);
}

/** Sends the SYN and waits for the end of the handshake, if the call may wait; then writes what the SYN had no room for. */
function waitForHandshake(s: Sock, t: Thread, trap: Trap, len: number, flags: number): number {
  trap.d = BEGUN;
  trap.phase = CONNECTING;
  const cost = s.releaseCost(t.core);
  if (cost >= 0) return cost;
  const c = s.c!;
  const outcome = outcomeOfConnect(s);
  if (outcome !== null && outcome < 0) return finish(s, t, trap, outcome);
  const nonblock = s.nonblock || (flags & MSG_DONTWAIT) !== 0;
  if (outcome === null && !nonblock && !t.timedOut) return sleepForConnect(s, t);
  setWritePending(c, false);
  if (outcome === null) return finishShort(s, t, trap, trap.x);
  trap.d = CONNECTED;
  return lookToWrite(s, t, trap, len, flags);
}
