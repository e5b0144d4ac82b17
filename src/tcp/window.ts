/**
 * The receive window: what memory allows (sk_rcvbuf, truesize, scaling_ratio), what the growth limit allows
 * (rcv_ssthresh), what was promised, and the growth of the buffer itself (dynamic right-sizing). Linux 6.18.
 */
import type { Instant } from '../base/units.ts';
import { usBetween, tsClock } from './clock.ts';
import { ACK_NOMEM, ACK_PUSHED, ACK_PUSHED2, type Connection } from './connection.ts';
import type { TcpOptions } from './options.ts';
import { scarce } from './memory.ts';
import { MIN_RCVBUF } from './settings.ts';
import { receiverOf } from './receiver.ts';
import { FIN, PSH, type Segment } from './segment.ts';
import { seqAdd, seqDiff, seqLt } from './seq.ts';
import type { WindowMove } from './observer.ts';

/** Unscaled, and the largest scale (RFC 7323 §2.3). */
const U16_MAX = 65_535;
const MAX_WSCALE = 14;
/** include/net/tcp.h TCP_MSS_DEFAULT, TCP_MIN_MSS. */
const MSS_DEFAULT = 536;
const MIN_MSS = 88;

/** Window that `space` bytes of memory give. */
export const winFromSpace = (c: Connection, space: number): number =>
  Math.floor((space * c.scalingRatio) / 256);
/** Memory that a window of `win` bytes needs. */
export const spaceFromWin = (c: Connection, win: number): number =>
  Math.floor((win * 256) / c.scalingRatio);
/** Window that the free memory gives; negative when the buffer is overfull (tcp_space). */
export const freeWindow = (c: Connection): number =>
  winFromSpace(c, c.rcvbuf - c.backlogLen - c.rmemAlloc);
/** Window that the whole buffer gives (tcp_full_space). */
export const fullWindow = (c: Connection): number => winFromSpace(c, c.rcvbuf);
/** What is left of the last promise (tcp_receive_window). */
export function receiveWindow(c: Connection): number {
  const w = seqDiff(seqAdd(c.rcvWup, c.rcvWnd), c.rcvNxt);
  return w < 0 ? 0 : w;
}

export interface InitialWindow {
  rcvWnd: number;
  windowClamp: number;
  rcvWscale: number;
}

/** Window, clamp and scale of a SYN or SYN-ACK (tcp_select_initial_window). `clamp` 0: none. */
export function selectInitialWindow(
  o: TcpOptions,
  space: number,
  mss: number,
  clamp: number,
  wscaleOk: boolean,
  initRwnd: number,
): InitialWindow {
  const bound = clamp === 0 ? U16_MAX << MAX_WSCALE : clamp;
  let room = Math.min(bound, Math.max(space, 0));
  if (room > mss) room -= room % mss;
  let rcvWnd = room;
  if (initRwnd > 0) rcvWnd = Math.min(rcvWnd, initRwnd * mss);
  let rcvWscale = 0;
  if (wscaleOk) {
    const most = Math.min(Math.max(room, o.rmem[2], o.rmemMax), bound);
    rcvWscale = Math.min(Math.max(31 - Math.clz32(most) - 15, 0), MAX_WSCALE);
  }
  return { rcvWnd, windowClamp: Math.min(U16_MAX << rcvWscale, bound), rcvWscale };
}

/** Bounds once both ends' options are known (tcp_init_buffer_space). */
export function initBufferSpace(c: Connection): void {
  const app = c.context.options.appWin;
  const most = fullWindow(c);
  if (c.windowClamp >= most) {
    c.windowClamp = most;
    if (app > 0 && most > 4 * c.advMss)
      c.windowClamp = Math.max(most - (app >= 31 ? 0 : most >> app), 4 * c.advMss);
  }
  if (app > 0 && c.windowClamp > 2 * c.advMss && c.windowClamp + c.advMss > most)
    c.windowClamp = Math.max(2 * c.advMss, most - c.advMss);
  c.rcvSsthresh = Math.min(c.rcvSsthresh, c.windowClamp);
  c.rcvqSpace = Math.min(c.rcvSsthresh, c.rcvWnd, 10 * c.advMss);
}

/** First guess of the peer's segment size (tcp_initialize_rcv_mss). */
export function initRcvMss(c: Connection): void {
  let hint = Math.min(c.advMss, c.mssCache);
  hint = Math.min(hint, c.rcvWnd >> 1, MSS_DEFAULT);
  c.rcvMss = Math.max(hint, MIN_MSS);
}

/** The window that memory and the silly-window rule give now (__tcp_select_window; RFC 9293 §3.8.6.2.2). */
export function selectWindow(c: Connection): number {
  let free = freeWindow(c);
  const unit = 1 << c.rcvWscale;
  const shrink = c.context.options.shrinkWindow && unit > 1;
  if (shrink) free = roundDown(free, unit);
  // With half of the clamp free there is enough, whatever the whole buffer gives.
  if (free < c.windowClamp >> 1 || unit === 1) {
    const allowed = fullWindow(c);
    const full = Math.min(c.windowClamp, allowed);
    if (full <= 0) return 0;
    const mss = Math.min(c.rcvMss, full);
    if (free < full >> 1) {
      c.ackQuick = 0;
      if (c.context.memory.pressure) adjustRcvSsthresh(c);
      // Rounded down, so that the scale does not give more than there is.
      if (!shrink) free = roundDown(free, unit);
      if (free < allowed >> 4 || free < mss || (shrink && free < unit)) return 0;
    }
    if (unit === 1) return unscaled(c, Math.min(free, c.rcvSsthresh), mss, full);
  }
  if (free > c.rcvSsthresh) free = c.rcvSsthresh;
  else if (shrink) return free;
  // Rounded up, or a window of less than one unit would be 0.
  return roundUp(free, unit);
}

/** Without a scale the window moves by whole segments. */
function unscaled(c: Connection, free: number, mss: number, full: number): number {
  const kept = c.rcvWnd;
  if (kept <= free - mss || kept > free) return free - (free % mss);
  if (mss === full && free > kept + (full >> 1)) return free;
  return kept;
}

/** Decides the window field of a segment that leaves now, and makes the promise (tcp_select_window). */
export function advertiseWindow(c: Connection): number {
  const had = c.rcvWnd;
  let why: WindowMove = 'kept';
  let wnd = 0;
  if (c.ackPending & ACK_NOMEM) why = 'memory';
  else {
    const cur = receiveWindow(c);
    wnd = selectWindow(c);
    if (wnd < cur) {
      if (c.context.options.shrinkWindow && c.rcvWscale > 0) why = 'shrink';
      else {
        if (wnd === 0) c.context.mib.TCPWantZeroWindowAdv++;
        wnd = roundUp(cur, 1 << c.rcvWscale);
      }
    }
    if ((wnd === 0) !== (had === 0)) {
      if (wnd === 0) c.context.mib.TCPToZeroWindowAdv++;
      else c.context.mib.TCPFromZeroWindowAdv++;
    }
  }
  c.rcvWnd = wnd;
  c.rcvWup = c.rcvNxt;
  c.context.observer?.onWindow(c, wnd, why);
  return Math.min(wnd, U16_MAX << c.rcvWscale) >> c.rcvWscale;
}

/** Learns the peer's segment size, and from it what memory costs (tcp_measure_rcv_mss). */
export function measureRcvMss(c: Connection, seg: Segment): void {
  const rcv = c.receiver!;
  const last = rcv.lastSegSize;
  rcv.lastSegSize = 0;
  const size = seg.segs > 1 ? seg.segSize : seg.len;
  if (size >= c.rcvMss) {
    if (size !== c.rcvMss) measureScalingRatio(c, seg);
    c.rcvMss = Math.min(size, c.advMss);
    // A full segment with PSH ends a write: ACK it as soon as it has been read.
    if (seg.flags & PSH) c.ackPending |= ACK_PUSHED;
    return;
  }
  // Smaller: taken as the new size when two in a row agree and it does not look like the end of a write.
  const withHeader = size + seg.headerLen - 20;
  if (
    withHeader >= MSS_DEFAULT + 20 ||
    (withHeader >= MIN_MSS + 20 && (seg.flags & (PSH | FIN)) === 0)
  ) {
    const len = withHeader - (c.tsOk ? 32 : 20);
    rcv.lastSegSize = len;
    if (len === last) {
      c.rcvMss = len;
      return;
    }
  }
  if (c.ackPending & ACK_PUSHED) c.ackPending |= ACK_PUSHED2;
  c.ackPending |= ACK_PUSHED;
}

function measureScalingRatio(c: Connection, seg: Segment): void {
  if (seg.truesize === 0) return;
  const ratio = Math.min(Math.max(Math.floor((seg.len * 256) / seg.truesize), 1), 255);
  if (ratio === c.scalingRatio) return;
  c.scalingRatio = ratio;
  setClamp(c, winFromSpace(c, c.rcvbuf));
  if (c.windowClamp < c.rcvqSpace) c.rcvqSpace = c.windowClamp;
}

/** tcp_set_window_clamp: at least half the smallest buffer; a lower clamp also lowers the growth limit. */
export function setClamp(c: Connection, bytes: number): void {
  const clamp = Math.max(MIN_RCVBUF >> 1, bytes);
  const old = c.windowClamp;
  if (clamp === old) return;
  c.windowClamp = clamp;
  if (clamp < old) c.rcvSsthresh = Math.min(c.rcvSsthresh, clamp);
  else c.rcvSsthresh = Math.max(Math.min(c.rcvWnd, clamp), c.rcvSsthresh);
}

/** Raises the growth limit when segments like this one fit into the buffer at that window (tcp_grow_window). */
export function growWindow(c: Connection, seg: Segment): void {
  const room = Math.min(c.windowClamp, freeWindow(c)) - c.rcvSsthresh;
  if (room <= 0) return;
  if (c.context.memory.pressure) {
    adjustRcvSsthresh(c);
    return;
  }
  let more = winFromSpace(c, seg.truesize) <= seg.len ? 2 * c.advMss : growByOverhead(c, seg);
  if (more === 0) return;
  more = Math.max(more, 2 * seg.len);
  c.rcvSsthresh += Math.min(room, more);
  c.ackQuick |= 1;
}

/** Segments with much overhead may still grow a window that is small for its buffer (__tcp_grow_window). */
function growByOverhead(c: Connection, seg: Segment): number {
  let truesize = winFromSpace(c, seg.truesize) >> 1;
  let window = winFromSpace(c, c.context.options.rmem[2]) >> 1;
  while (c.rcvSsthresh <= window) {
    if (truesize <= seg.len) return 2 * c.rcvMss;
    truesize >>= 1;
    window >>= 1;
  }
  return 0;
}

/** A receiver's round-trip sample, µs; without timestamps only a smaller one counts (tcp_rcv_rtt_update). */
function rcvRttSample(c: Connection, us: number, windowed: boolean): void {
  const rcv = c.receiver!;
  const old = rcv.rcvRttUs;
  if (old === 0 || us * 8 < old) rcv.rcvRttUs = us * 8;
  else if (!windowed && c.rcvNxt === c.copiedSeq) rcv.rcvRttUs = old - (old >> 3) + us;
}

/** One window's worth of data takes at most one round trip (tcp_rcv_rtt_measure). */
export function measureRcvRtt(c: Connection, now: Instant): void {
  const rcv = c.receiver!;
  if (rcv.rcvRttTime !== Infinity) {
    if (seqLt(c.rcvNxt, rcv.rcvRttSeq)) return;
    const us = usBetween(now, rcv.rcvRttTime);
    rcvRttSample(c, us === 0 ? 1 : us, true);
  }
  rcv.rcvRttSeq = seqAdd(c.rcvNxt, c.rcvWnd);
  rcv.rcvRttTime = now;
}

/** A full segment echoes a timestamp of ours (tcp_rcv_rtt_measure_ts). */
export function measureRcvRttTs(c: Connection, seg: Segment, now: Instant): void {
  const rcv = receiverOf(c);
  if (seg.tsEcr === rcv.rcvRttLastTsecr || !c.tsOk || !seg.hasTs) return;
  rcv.rcvRttLastTsecr = seg.tsEcr;
  if (seg.len < c.rcvMss) return;
  const ms = (tsClock(now) + c.tsOffset - seg.tsEcr) | 0;
  if (ms > 0 && ms < 2_147_483) rcvRttSample(c, ms * 1000, false);
}

/** Once per round trip, as the application reads: has it read more than before (tcp_rcv_space_adjust)? */
export function adjustRcvSpace(c: Connection): void {
  const rcv = receiverOf(c);
  if (rcv.rcvRttUs === 0 || usBetween(rcv.mstamp, rcv.rcvqTime) < rcv.rcvRttUs >> 3) return;
  const queued = seqDiff(c.rcvNxt, c.copiedSeq);
  const copied = seqDiff(c.copiedSeq, rcv.rcvqSeq) - queued;
  if (copied > c.rcvqSpace) growRcvbuf(c, copied);
  rcv.rcvqSeq = c.copiedSeq;
  rcv.rcvqTime = rcv.mstamp;
}

/** Dynamic right-sizing: twice what was read in a round trip, and the sender's growth (tcp_rcvbuf_grow). */
export function growRcvbuf(c: Connection, copied: number): void {
  const old = c.rcvqSpace;
  c.rcvqSpace = copied;
  const o = c.context.options;
  if (!o.moderateRcvbuf || c.settings.rcvbufLocked) return;
  let win = 2 * copied;
  // DRS is one round trip late, and in slow start the sender doubles meanwhile.
  if (old > 0) win += 2 * Math.floor((win * (copied - old)) / old);
  const ofo = c.ofo;
  if (ofo !== null && ofo.records.length > 0)
    win += seqDiff(ofo.records.at(ofo.records.length - 1).end, c.rcvNxt);
  const rcvbuf = Math.min(spaceFromWin(c, win), o.rmem[2]);
  if (rcvbuf <= c.rcvbuf) return;
  c.rcvbuf = rcvbuf;
  c.windowClamp = winFromSpace(c, rcvbuf);
}

/** A buffer that autotuning governs grows so that `mark` bytes can be waited for (tcp_set_rcvlowat). */
export function growForLowat(c: Connection, mark: number): void {
  if (c.settings.rcvbufLocked) return;
  const space = spaceFromWin(c, mark);
  if (space <= c.rcvbuf) return;
  c.rcvbuf = space;
  if (c.windowClamp < mark) c.windowClamp = mark;
}

/** The host has little memory left: the window shrinks (tcp_adjust_rcv_ssthresh). */
export function adjustRcvSsthresh(c: Connection): void {
  c.rcvSsthresh = Math.min(c.rcvSsthresh, 4 * c.advMss);
}

/** Is what may be received nearly used up (tcp_rmem_pressure)? Then a reader is woken whatever SO_RCVLOWAT says. */
export const rmemPressure = (c: Connection): boolean =>
  c.context.memory.pressure || c.rmemAlloc > c.rcvbuf - (c.rcvbuf >> 3);

/** A segment was refused for lack of room: the buffer grows to what it holds, if it may (tcp_clamp_window). */
export function clampWindow(c: Connection): void {
  const o = c.context.options;
  c.ackQuick = 0;
  if (c.rcvbuf < o.rmem[2] && !c.settings.rcvbufLocked && !scarce(c))
    c.rcvbuf = Math.min(c.rmemAlloc, o.rmem[2]);
  if (c.rmemAlloc > c.rcvbuf) c.rcvSsthresh = Math.min(c.windowClamp, 2 * c.advMss);
}

const roundDown = (x: number, unit: number): number => x - (((x % unit) + unit) % unit);
/** @param unit a power of two */
const roundUp = (x: number, unit: number): number => (x + unit - 1) & -unit;
