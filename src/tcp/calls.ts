/** What the application's side calls: connect, read, shutdown, close, and the options of a live socket. Writing: write.ts. */
import { EAGAIN, EINVAL, ENOTCONN } from '../base/errno.ts';
import { add, type Duration, type Instant } from '../base/units.ts';
import { cleanupRbuf, enterPingpong, exitPingpong } from './ack.ts';
import { jiffiesOfUs } from './clock.ts';
import {
  ACK_PUSHED,
  ACK_SCHED,
  CLOSED,
  Connection,
  HANGUP,
  READABLE,
  WORK_RST,
  WORK_SYN,
  WORK_XMIT,
  WRITABLE,
  type ConnectionArgs,
} from './connection.ts';
import {
  done,
  endForMemory,
  enterTimeWait,
  finTime,
  purgeReceiveQueue,
  purgeSendQueue,
} from './done.ts';
import type { SocketSettings } from './settings.ts';
import { finState } from './fin.ts';
import { checkOom, orphaned, reclaim } from './memory.ts';
import { TX_OVERHEAD } from './records.ts';
import { startKeepalive } from './probe.ts';
import type { Receiver } from './receiver.ts';
import type { Rx } from './recv-queue.ts';
import { advertisedMss } from './mss.ts';
import { INITIAL_RTO_US } from './rtt.ts';
import { ACK, BASE_HEADER, resetSegment, RST, segLen, type Segment } from './segment.ts';
import { hasWriteSpace } from './send-memory.ts';
import { seq, seqAdd, seqDiff } from './seq.ts';
import { receives, setState } from './state.ts';
import { moveKeepalive } from './timers.ts';
import { adjustRcvSpace, selectInitialWindow, setClamp } from './window.ts';
import { atMark, beforeMark, passMark } from './urgent.ts';
import { mayWrite, pushHeld, takeError } from './write.ts';

/** Starts an active open: the SYN comes with the next poll (tcp_v4_connect, tcp_connect_init). */
export function connect(args: ConnectionArgs, now: Instant): Connection {
  const s = args.settings;
  const x = args.context;
  const c = new Connection(args);
  c.iss = seq(args.isn);
  c.sndUna = c.iss;
  c.sndNxt = c.iss;
  c.writeSeq = seqAdd(c.iss, 1);
  c.advMss = advertisedMss(args.path, s);
  c.reordering = x.options.reordering;
  const full = Math.floor((c.rcvbuf * c.scalingRatio) / 256);
  let clamp = s.windowClamp;
  if (s.rcvbufLocked && (clamp > full || clamp === 0)) clamp = full;
  const w = selectInitialWindow(
    x.options,
    full,
    c.advMss,
    clamp,
    x.options.windowScaling,
    args.path.initRwnd,
  );
  c.rcvWnd = w.rcvWnd;
  c.rcvSsthresh = w.rcvWnd;
  c.windowClamp = w.windowClamp;
  c.rcvWscale = w.rcvWscale;
  c.rto = jiffiesOfUs(x, INITIAL_RTO_US);
  setState(c, 'SYN-SENT', now);
  c.work |= WORK_SYN;
  return c;
}

// ---- Reading

/**
 * Up to `max` bytes in order. Real bytes go into `into` when it is given; who read what is told to the observer.
 *
 * @returns the count; 0 at the end of the stream; −EAGAIN when there is nothing yet; the pending error, once
 */
export function read(c: Connection, max: number, into: Uint8Array | null, _now: Instant): number {
  const rcv = c.receiver;
  if (rcv !== null && rcv.urgent) skipUrgent(c, rcv);
  const n = take(c, rcv !== null && rcv.urgent ? beforeMark(c, rcv, max) : max, into);
  if (n > 0) {
    cleanupRbuf(c, n);
    return n;
  }
  return nothingToRead(c, max);
}

/** At the mark the urgent byte goes, unread; behind it there is no mark any more. */
export function skipUrgent(c: Connection, rcv: Receiver): void {
  if (atMark(c)) take(c, 1, null);
  passMark(c, rcv);
}

/** What read would return, without taking anything or reporting the error for good. */
export function peek(c: Connection, max: number): number {
  const n = Math.min(inq(c), max);
  if (n > 0 || max === 0) return n;
  if (c.error !== 0) return -c.error;
  if (c.rcvShutdown) return 0;
  return c.state === 'CLOSED' ? -ENOTCONN : -EAGAIN;
}

function nothingToRead(c: Connection, max: number): number {
  if (max === 0) return 0;
  // After the peer's FIN the end of the stream comes before an error.
  if (c.error !== 0) return takeError(c);
  if (c.rcvShutdown) return 0;
  if (c.state === 'CLOSED') return -ENOTCONN;
  return -EAGAIN;
}

function take(c: Connection, max: number, into: Uint8Array | null): number {
  const q = c.rcvQueue;
  if (q === null) return 0;
  let copied = 0;
  while (copied < max && q.length > 0) {
    const r = q.at(0);
    const skip = seqDiff(c.copiedSeq, r.seq);
    const n = Math.min(r.len - skip, max - copied);
    if (n > 0) {
      const stream = r.stream!;
      if (into !== null) stream.copy(r.off + skip, into.subarray(copied, copied + n));
      c.copiedSeq = seqAdd(c.copiedSeq, n);
      copied += n;
      c.context.observer?.onRead(c, stream, r.off + skip, n);
      adjustRcvSpace(c);
    }
    if (skip + Math.max(n, 0) < r.len) break;
    eat(c, r);
  }
  reclaim(c);
  if (q.length === 0) {
    c.rcvQueue = null;
    c.context.giveRcvQueue(q);
  }
  return copied;
}

/** A record has been read to its end (sk_eat_skb); a FIN in it has no byte. */
function eat(c: Connection, r: Rx): void {
  c.rcvQueue!.shift();
  if (r.fin !== 0) c.copiedSeq = r.end;
  c.rmemAlloc -= r.truesize;
  c.context.giveRx(r);
}

// ---- Closing

/** shutdown(SHUT_WR): our FIN goes after what is queued (RFC 9293 §3.10.4). @returns 0 or −ENOTCONN */
export function shutdownWrite(c: Connection, now: Instant): number {
  if (c.sndShutdown) return c.state === 'CLOSED' ? -ENOTCONN : 0;
  if (c.state === 'CLOSED' || c.state === 'SYN-SENT') return -ENOTCONN;
  c.sndShutdown = true;
  c.events |= WRITABLE;
  finState(c, false, now);
  return 0;
}

/** shutdown(SHUT_RD): reads end with 0, but what still comes is acknowledged and can be read (Linux). */
export function shutdownRead(c: Connection): void {
  c.rcvShutdown = true;
  c.events |= READABLE | HANGUP;
}

/**
 * close(): an orderly FIN; a RST when data was received and not read (RFC 9293 §3.10.4, RFC 2525 §2.17). The record lives
 * on as an orphan until CLOSED or TIME_WAIT.
 */
export function close(c: Connection, now: Instant): void {
  if (c.orphan) return;
  leave(c);
  const unread = inq(c) > 0;
  purgeReceiveQueue(c);
  c.rcvShutdown = true;
  const established = c.state !== 'CLOSED' && c.state !== 'TIME-WAIT';
  if (!established) {
    c.sndShutdown = true;
    if (c.state === 'CLOSED') c.events |= CLOSED;
    return;
  }
  if (c.state === 'SYN-SENT') {
    purgeSendQueue(c);
    done(c, now);
    c.work = 0;
    return;
  }
  if (unread) {
    c.context.mib.TCPAbortOnClose++;
    resetNow(c, now);
    return;
  }
  // A shutdown() before the end of the handshake has set the flag and left the FIN for later; later is now.
  if (!c.sndShutdown || c.state === 'SYN-RECEIVED') {
    c.sndShutdown = true;
    finState(c, true, now);
  }
  if (c.state === 'FIN-WAIT-2') orphanInFinWait2(c, now);
  if (c.state !== 'CLOSED' && c.timeWaitFor === 0 && checkOom(c, 0)) endForMemory(c, true, now);
}

/** Nobody has it open any more (sock_orphan). */
function leave(c: Connection): void {
  c.orphan = true;
  if (c.state !== 'CLOSED' && c.state !== 'TIME-WAIT') orphaned(c);
}

/** The peer may never send its FIN: an orphan does not wait for ever. */
function orphanInFinWait2(c: Connection, now: Instant): void {
  if (c.settings.linger2S < 0) {
    c.context.mib.TCPAbortOnLinger++;
    resetNow(c, now);
    return;
  }
  const wait = finTime(c);
  const most = c.context.options.timeWaitS * 1_000_000_000;
  if (wait > most) moveKeepalive(c, add(now, (wait - most) as Duration));
  else enterTimeWait(c, wait);
}

/** Ends the connection with a RST (SO_LINGER 0, or the owner is gone). */
export function abort(c: Connection, now: Instant): void {
  if (!c.orphan) leave(c);
  purgeReceiveQueue(c);
  if (c.state === 'CLOSED' || c.state === 'TIME-WAIT') return;
  if (c.state === 'SYN-SENT') {
    purgeSendQueue(c);
    done(c, now);
    c.work = 0;
    return;
  }
  resetNow(c, now);
}

function resetNow(c: Connection, now: Instant): void {
  purgeSendQueue(c);
  done(c, now);
  c.work = WORK_RST;
}

// ---- Options of a live socket

/** The options of `c`, to be changed. */
export function ownSettings(c: Connection): SocketSettings {
  return (c.settings = c.settings.own(c.context.options));
}

/** TCP_NODELAY; setting it sends what was held back. */
export function setNoDelay(c: Connection, on: boolean): void {
  c.noDelay = on;
  if (on) pushPending(c);
}

/** TCP_CORK; taking it out sends what was held back. */
export function setCork(c: Connection, on: boolean): void {
  c.cork = on;
  if (!on) pushPending(c);
}

function pushPending(c: Connection): void {
  if (c.sendQueue === null || c.sendQueue.unsent === 0) return;
  c.naglePush = true;
  c.work |= WORK_XMIT;
}

/** TCP_QUICKACK: 0 enters ping-pong mode; 1 leaves it and sends the ACK that is due (tcp_sock_set_quickack). */
export function setQuickAck(c: Connection, on: boolean): void {
  if (!on) {
    enterPingpong(c);
    return;
  }
  exitPingpong(c);
  if ((c.state === 'ESTABLISHED' || c.state === 'CLOSE-WAIT') && c.ackPending & ACK_SCHED) {
    c.ackPending |= ACK_PUSHED;
    cleanupRbuf(c, 1);
  }
}

/** SO_KEEPALIVE on a live socket. */
export function setKeepAlive(c: Connection, on: boolean, now: Instant): void {
  ownSettings(c).keepAlive = on;
  if (on && c.state !== 'CLOSED') startKeepalive(c, now);
}

/** SO_RCVBUF on a live socket: the promised window stays, memory is bounded at once. */
export function setRcvbuf(c: Connection, bytes: number): void {
  const s = ownSettings(c);
  s.setRcvbuf(c.context.options, bytes);
  c.rcvbuf = s.rcvbuf;
}

/** SO_SNDBUF on a live socket. */
export function setSndbuf(c: Connection, bytes: number): void {
  const s = ownSettings(c);
  s.setSndbuf(c.context.options, bytes);
  c.sndbuf = s.sndbuf;
}

/** TCP_WINDOW_CLAMP. @returns 0 or −EINVAL (0 on a connected socket) */
export function setWindowClamp(c: Connection, bytes: number): number {
  if (bytes === 0) {
    if (c.state !== 'CLOSED') return -EINVAL;
    c.windowClamp = 0;
    return 0;
  }
  setClamp(c, bytes);
  return 0;
}

// ---- Looking, without changing anything

/** Bytes that can be read now, up to a mark of urgent data; a FIN is none (SIOCINQ). */
export function inq(c: Connection): number {
  if (c.rcvQueue === null || c.rcvQueue.length === 0) return 0;
  let n = seqDiff(c.rcvNxt, c.copiedSeq);
  if (c.rcvShutdown && c.rcvQueue.at(c.rcvQueue.length - 1).fin !== 0) n--;
  const rcv = c.receiver;
  return rcv !== null && rcv.urgent ? beforeMark(c, rcv, n) : n;
}

/** The same as TCP_INQ tells it: after the peer's FIN never 0, so that whoever goes by it reads on (tcp_inq_hint). */
export function inqHint(c: Connection): number {
  const n = seqDiff(c.rcvNxt, c.copiedSeq);
  return n === 0 && c.rcvShutdown && !receives(c.state) ? 1 : n;
}

/** Written and not acknowledged, a FIN included (SIOCOUTQ). */
export const outq = (c: Connection): number => (c.synAcked ? seqDiff(c.writeSeq, c.sndUna) : 0);

/** Written and not sent (SIOCOUTQNSD). */
export const outqUnsent = (c: Connection): number =>
  c.synAcked ? seqDiff(c.writeSeq, c.sndNxt) : 0;

/** Is there room for a writer, as poll and epoll see it (EPOLLOUT)? After our FIN: yes, a write fails at once. */
export const isWritable = (c: Connection): boolean =>
  c.sndShutdown || (mayWrite(c) && hasWriteSpace(c, false));

/** Is SO_RCVLOWAT reached, or the end of the stream, as poll and epoll see it (EPOLLIN)? */
export function isReadable(c: Connection): boolean {
  return c.rcvShutdown || c.error !== 0 || inq(c) >= Math.max(c.settings.rcvLowat, 1);
}

/** A writer was refused or polls for room: it gets WRITABLE when there is some. */
export function setNoSpace(c: Connection): void {
  c.noSpace = true;
  pushHeld(c);
}

/** What happened since the last call: bits of connection.ts. */
export function takeEvents(c: Connection): number {
  const e = c.events;
  c.events = 0;
  return e;
}

/**
 * The RST that answers a segment without a connection (RFC 9293 §3.10.7.1); false when it was a RST itself. `out` is
 * addressed back to the sender.
 */
export function replyToOrphan(seg: Segment, out: Segment): boolean {
  if (seg.flags & RST) return false;
  const len = segLen(seg);
  const { src, dst, sport, dport, flow, flags, ack, seq: number } = seg;
  resetSegment(out);
  out.src = dst;
  out.dst = src;
  out.sport = dport;
  out.dport = sport;
  out.flow = flow;
  out.headerLen = BASE_HEADER;
  out.truesize = TX_OVERHEAD;
  if (flags & ACK) {
    out.flags = RST;
    out.seq = ack;
    out.ack = seq(0);
  } else {
    out.flags = RST | ACK;
    out.seq = seq(0);
    out.ack = seqAdd(number, len);
  }
  return true;
}
