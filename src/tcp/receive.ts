/**
 * The data of a segment: in order into the receive queue, out of order behind a hole, or dropped with an answer
 * (tcp_data_queue and what it calls).
 */
import type { Instant } from '../base/units.ts';
import {
  checkEcn,
  enterPingpong,
  enterQuickack,
  extendDsack,
  flushCompressed,
  MAX_QUICKACKS,
  onDataReceived,
  scheduleAck,
  sendAck,
  setDsack,
} from './ack.ts';
import { ACK_NOMEM, ACK_NOW, HANGUP, READABLE, type Connection } from './connection.ts';
import { jiffiesOfMs } from './clock.ts';
import { enterTimeWait, purgeOutOfOrder } from './done.ts';
import { receiverOf } from './receiver.ts';
import { coalesce, fillRx, OutOfOrderQueue, type Rx } from './recv-queue.ts';
import { FIN, segLen, type Segment } from './segment.ts';
import { forceSchedule, reclaim } from './memory.ts';
import { makeRoom } from './prune.ts';
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, type Seq } from './seq.ts';
import { setState } from './state.ts';
import { growRcvbuf, growWindow, measureRcvMss, receiveWindow, rmemPressure } from './window.ts';

/** Seventh, process the segment text; RFC 9293 §3.10.7.4. The segment has passed the sequence check. */
export function queueData(c: Connection, seg: Segment, now: Instant): void {
  const size = segLen(seg);
  if (size === 0) return;
  const rcv = receiverOf(c);
  rcv.dsack = false;
  rcv.mstamp = now;
  const end = seqAdd(seg.seq, size);
  const window = receiveWindow(c);
  if (seg.seq === c.rcvNxt) {
    // A bare FIN needs no buffer.
    if (window === 0 && (seg.len > 0 || (seg.flags & FIN) === 0)) {
      c.context.mib.TCPZeroWindowDrop++;
      outOfWindow(c);
    } else queueInOrder(c, seg, end, now);
    return;
  }
  if (seqLe(end, c.rcvNxt)) {
    c.context.mib.DelayedACKLost++;
    setDsack(c, seg.seq, end);
    outOfWindow(c);
    return;
  }
  if (seqGe(seg.seq, seqAdd(c.rcvNxt, window))) {
    outOfWindow(c);
    return;
  }
  if (seqLt(seg.seq, c.rcvNxt)) {
    setDsack(c, seg.seq, c.rcvNxt);
    if (window === 0) outOfWindow(c);
    else queueInOrder(c, seg, end, now);
    return;
  }
  queueOutOfOrder(c, seg, end);
}

/** The same for data that begins at RCV.NXT and that the window takes (header prediction). */
export function queueNext(c: Connection, seg: Segment, now: Instant): void {
  const rcv = receiverOf(c);
  rcv.dsack = false;
  rcv.mstamp = now;
  queueInOrder(c, seg, seqAdd(seg.seq, seg.len), now);
}

function outOfWindow(c: Connection): void {
  enterQuickack(c, MAX_QUICKACKS);
  scheduleAck(c);
}

/**
 * Data, and a FIN, that came with a SYN or SYN-ACK and that Fast Open lets in (tcp_fastopen_add_skb). RCV.NXT stands behind the
 * SYN. False: there was nothing.
 */
export function queueSynPayload(c: Connection, syn: Segment, now: Instant): boolean {
  const end = seqAdd(syn.seq, segLen(syn));
  if (end === c.rcvNxt) return false;
  receiverOf(c);
  const r = fillRx(c.context.takeRx(), syn, end);
  r.seq = c.rcvNxt;
  forceSchedule(c, r.truesize);
  c.rmemAlloc += r.truesize;
  append(c, r);
  if (syn.flags & FIN) takeFin(c, now);
  c.events |= READABLE;
  return true;
}

// ---- In order

function queueInOrder(c: Connection, seg: Segment, end: Seq, now: Instant): void {
  if (!makeRoom(c, seg)) {
    c.ackPending |= ACK_NOMEM | ACK_NOW;
    scheduleAck(c);
    c.events |= READABLE;
    if (c.rcvQueue !== null && c.rcvQueue.length > 0 && seg.len > 0) {
      c.context.mib.TCPRcvQDrop++;
      return;
    }
    // A queue that is empty takes one all the same: the reader has to get on.
    forceSchedule(c, seg.truesize);
  }
  const r = fillRx(c.context.takeRx(), seg, end);
  c.rmemAlloc += r.truesize;
  append(c, r);
  if (seg.len > 0) onDataReceived(c, seg, now);
  if (seg.flags & FIN) takeFin(c, now);
  if (c.ofo !== null) fillHole(c, now);
  dataReady(c);
}

/** At the end of the receive queue, merged with the last record when its memory can move. r is charged already. */
function append(c: Connection, r: Rx): void {
  const skip = seqDiff(c.rcvNxt, r.seq);
  const fresh = r.len - skip;
  if (fresh > 0) {
    c.bytesReceived += fresh;
    c.context.observer?.onQueued(c, r.stream!, r.off + skip, fresh);
  }
  c.rcvNxt = r.end;
  const q = (c.rcvQueue ??= c.context.takeRcvQueue());
  if (q.length > 0) {
    const more = coalesce(q.at(q.length - 1), r, c.rcvWup);
    if (more >= 0) {
      c.rmemAlloc += more - r.truesize;
      c.context.mib.TCPRcvCoalesce++;
      c.context.giveRx(r);
      return;
    }
  }
  q.push(r);
}

/** Wakes the reader if there is enough to read (tcp_data_ready, SO_RCVLOWAT), or if memory or window are nearly gone. */
function dataReady(c: Connection): void {
  const avail = seqDiff(c.rcvNxt, c.copiedSeq);
  if (avail <= 0) return;
  const enough =
    avail >= c.settings.rcvLowat ||
    c.rcvShutdown ||
    rmemPressure(c) ||
    receiveWindow(c) <= c.rcvMss;
  if (enough) c.events |= READABLE;
}

/** What lies behind the hole that was just filled is in order now (tcp_ofo_queue). */
function fillHole(c: Connection, now: Instant): void {
  const ofo = c.ofo!;
  const high = c.rcvNxt;
  while (ofo.records.length > 0) {
    const r = ofo.records.at(0);
    if (seqGt(r.seq, c.rcvNxt)) break;
    if (seqLt(r.seq, high)) extendDsack(c, r.seq, seqLt(r.end, high) ? r.end : high);
    ofo.records.shift();
    if (seqLe(r.end, c.rcvNxt)) {
      c.rmemAlloc -= r.truesize;
      c.context.giveRx(r);
      continue;
    }
    const fin = r.fin;
    append(c, r);
    if (fin !== 0) {
      takeFin(c, now);
      break;
    }
  }
  reclaim(c);
  ofo.removeBefore(c.rcvNxt);
  if (ofo.records.length > 0) return;
  // RFC 5681 §4.2: an ACK at once when the gap is filled.
  c.ackPending |= ACK_NOW;
  c.ofo = null;
}

// ---- Out of order

function queueOutOfOrder(c: Connection, seg: Segment, end: Seq): void {
  const mib = c.context.mib;
  checkEcn(c, seg);
  if (!makeRoom(c, seg)) {
    mib.TCPOFODrop++;
    c.events |= READABLE;
    return;
  }
  measureRcvMss(c, seg);
  scheduleAck(c);
  c.receiver!.rcvOooPack += seg.segs;
  mib.TCPOFOQueue++;
  const ofo = (c.ofo ??= new OutOfOrderQueue());
  insertOutOfOrder(c, ofo, seg, end);
  if (c.sackOk) {
    report(c, ofo, seg.seq, end);
    growWindow(c, seg);
  }
  if (c.accepted && !c.orphan) growRcvbuf(c, c.rcvqSpace);
}

/**
 * SACKs the segment. ACKs that are held back may get lost one by one, and what they said would be said only as long as it is
 * among the newest two islands: before it ceases to be, one of them goes (TCP_SACK_BLOCKS_EXPECTED).
 */
function report(c: Connection, ofo: OutOfOrderQueue, left: Seq, right: Seq): void {
  if (c.receiver!.compressedAck > 0 && ofo.age(left, right) >= 2 && flushCompressed(c))
    ofo.reportLater(left, right);
  else ofo.report(left, right);
}

/** In its place; what it repeats is reported as D-SACK, what it covers goes. */
function insertOutOfOrder(c: Connection, ofo: OutOfOrderQueue, seg: Segment, end: Seq): void {
  const q = ofo.records;
  const before = q.length;
  let i = ofo.upperBound(seg.seq);
  const r = fillRx(c.context.takeRx(), seg, end);
  if (i > 0) {
    const prev = q.at(i - 1);
    if (seqGt(prev.end, seg.seq)) {
      if (seqLe(end, prev.end)) {
        c.context.mib.TCPOFOMerge++;
        setDsack(c, seg.seq, end);
        c.context.giveRx(r);
        return;
      }
      if (prev.seq === seg.seq) {
        extendDsack(c, prev.seq, prev.end);
        i--;
        removeOutOfOrder(c, ofo, i);
      } else setDsack(c, seg.seq, prev.end);
    } else {
      const more = coalesce(prev, r, c.rcvWup);
      if (more >= 0) {
        c.rmemAlloc += more;
        c.context.mib.TCPRcvCoalesce++;
        c.context.giveRx(r);
        return;
      }
    }
  }
  while (i < q.length) {
    const next = q.at(i);
    if (seqGe(next.seq, end)) break;
    if (seqLt(end, next.end)) {
      extendDsack(c, next.seq, end);
      break;
    }
    extendDsack(c, next.seq, next.end);
    removeOutOfOrder(c, ofo, i);
  }
  c.rmemAlloc += r.truesize;
  q.insert(i, r);
  // Not before it is charged: Linux gives back what it has just asked for, too, and owes it until it asks again.
  if (q.length <= before) reclaim(c);
}

function removeOutOfOrder(c: Connection, ofo: OutOfOrderQueue, i: number): void {
  const r = ofo.records.remove(i);
  c.rmemAlloc -= r.truesize;
  c.context.mib.TCPOFOMerge++;
  c.context.giveRx(r);
}

// ---- FIN

/** Eighth, check the FIN bit; RFC 9293 §3.10.7.4. RCV.NXT has already moved over the FIN. */
function takeFin(c: Connection, now: Instant): void {
  scheduleAck(c);
  c.rcvShutdown = true;
  c.events |= HANGUP | READABLE;
  switch (c.state) {
    case 'SYN-RECEIVED':
    case 'ESTABLISHED':
      setState(c, 'CLOSE-WAIT', now);
      enterPingpong(c);
      // Nothing is reported any more, a D-SACK of the old bytes before the FIN neither (tcp_sack_reset in tcp_fin).
      c.receiver!.dsack = false;
      break;
    case 'FIN-WAIT-1':
      sendAck(c);
      setState(c, 'CLOSING', now);
      break;
    case 'FIN-WAIT-2':
      sendAck(c);
      setState(c, 'TIME-WAIT', now);
      enterTimeWait(c, jiffiesOfMs(c.context, c.context.options.timeWaitS * 1000));
      break;
    default:
      break; // CLOSE-WAIT, CLOSING, LAST-ACK: a FIN that was taken before
  }
  purgeOutOfOrder(c);
}
