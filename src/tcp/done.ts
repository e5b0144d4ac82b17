/** The end of a connection: reset, given up, closed, or handed over to TIME-WAIT. */
import { ECONNREFUSED, ECONNRESET, EPIPE } from '../base/errno.ts';
import { NEVER, type Duration, type Instant } from '../base/units.ts';
import { jiffiesOfMs } from './clock.ts';
import {
  CLOSED,
  ERROR,
  HANGUP,
  READABLE,
  TIME_WAIT,
  WORK_ACK,
  WORK_REPLY_RST,
  WORK_RST,
  WRITABLE,
  type Connection,
} from './connection.ts';
import { departed, reclaim } from './memory.ts';
import { dropSendQueue } from './records.ts';
import { ACK, segLen, type Segment } from './segment.ts';
import { SEQ_ZERO, seqAdd } from './seq.ts';
import { setState } from './state.ts';
import { stopAllTimers } from './timers.ts';

/** Everything unacknowledged is dropped (tcp_write_queue_purge). */
export function purgeSendQueue(c: Connection): void {
  const q = c.sendQueue;
  if (q !== null) {
    while (q.records.length > 0) {
      const t = q.records.shift();
      q.unlist(t);
      q.give(t);
    }
    dropSendQueue(c, q);
  }
  if (c.sender !== null) c.sender.sackCache = null;
  c.wmemQueued = 0;
  reclaim(c);
  c.packetsOut = 0;
  c.sackedOut = 0;
  c.lostOut = 0;
  c.retransOut = 0;
  c.backoff = 0;
}

export function purgeOutOfOrder(c: Connection): void {
  const ofo = c.ofo;
  if (ofo === null) return;
  while (ofo.records.length > 0) {
    const r = ofo.records.shift();
    c.rmemAlloc -= r.truesize;
    c.context.giveRx(r);
  }
  c.ofo = null;
  reclaim(c);
}

export function purgeReceiveQueue(c: Connection): void {
  const q = c.rcvQueue;
  if (q === null) return;
  while (q.length > 0) {
    const r = q.shift();
    c.rmemAlloc -= r.truesize;
    c.context.giveRx(r);
  }
  c.rcvQueue = null;
  reclaim(c);
}

/** The connection is over; what was received can still be read (tcp_done). Only a RST or a last ACK may still leave. */
export function done(c: Connection, now: Instant): void {
  setState(c, 'CLOSED', now);
  departed(c);
  stopAllTimers(c);
  purgeOutOfOrder(c);
  c.rcvShutdown = true;
  c.sndShutdown = true;
  c.work &= WORK_RST | WORK_REPLY_RST | WORK_ACK;
  c.events |= CLOSED | READABLE | WRITABLE | HANGUP;
}

/** Given up, with an error for the application: that of an ICMP message, if there was one (tcp_write_err). */
export function fail(c: Connection, errno: number, now: Instant): void {
  c.error = (c.sender === null ? 0 : c.sender.softError) || errno;
  c.events |= ERROR;
  c.context.mib.TCPAbortOnTimeout++;
  purgeSendQueue(c);
  done(c, now);
  c.work &= WORK_RST;
}

/** An orphan that the host has no resources for. @param reset its peer is told */
export function endForMemory(c: Connection, reset: boolean, now: Instant): void {
  c.context.mib.TCPAbortOnMemory++;
  purgeSendQueue(c);
  done(c, now);
  c.work = reset ? WORK_RST : 0;
}

/** The peer's RST is in order (tcp_reset). */
export function onReset(c: Connection, now: Instant): void {
  if (c.state === 'SYN-SENT') c.error = ECONNREFUSED;
  else c.error = c.state === 'CLOSE-WAIT' ? EPIPE : ECONNRESET;
  c.events |= ERROR;
  purgeSendQueue(c);
  done(c, now);
  c.work = 0;
}

/** A RST answers the segment: with the number that it acknowledges, else acknowledging it (RFC 9293 §3.10.7.1; tcp_v4_send_reset). */
export function replyRst(c: Connection, seg: Segment): void {
  const acks = (seg.flags & ACK) !== 0;
  c.reply = acks
    ? { seq: seg.ack, ack: null }
    : { seq: SEQ_ZERO, ack: seqAdd(seg.seq, segLen(seg)) };
  c.work |= WORK_REPLY_RST;
}

/** 3.5 RTO, the least that FIN-WAIT-2 and TIME-WAIT last. */
const leastWait = (c: Connection): number => c.rto * 3.5;

/** How long an orphan waits for the peer's FIN (tcp_fin_time). */
export function finTime(c: Connection): Duration {
  const s = c.settings.linger2S > 0 ? c.settings.linger2S : c.context.options.finTimeoutS;
  return Math.max(jiffiesOfMs(c.context, s * 1000), leastWait(c)) as Duration;
}

/**
 * What is left of the connection fits into a TimeWait (tcp_time_wait): both FINs have been exchanged, or it is an orphan
 * in FIN-WAIT-2. After a last poll (an ACK may be due) the kernel replaces the record.
 */
export function enterTimeWait(c: Connection, wait: Duration): void {
  stopAllTimers(c);
  departed(c);
  c.timeWaitFor = Math.max(wait, leastWait(c)) as Duration;
  c.rcvShutdown = true;
  c.sndShutdown = true;
  c.work &= WORK_ACK;
  c.events |= TIME_WAIT | READABLE | WRITABLE | HANGUP;
  c.retransStamp = NEVER;
}
