/**
 * A half-open connection of a listener (SYN-RECEIVED): a small record, as Linux's request_sock, with the SYN-ACK and its
 * retransmission. It becomes a connection when the handshake ACK comes and the accept queue has room.
 */
import type { PayloadStream } from '../base/payload.ts';
import { add, NEVER, type Instant } from '../base/units.ts';
import {
  CHECK_ACK,
  CHECK_NEW_SYN,
  CHECK_PASS,
  CHECK_RESET,
  CHECK_SYNACK,
  CHECK_WRONG_ACK,
  checkRequest,
  requestRto,
  synAckWindow,
} from './check-request.ts';
import { jiffiesOfUs, withSlack, tsClock } from './clock.ts';
import { Connection, ECN_OK, type ConnectionArgs, type Tuple } from './connection.ts';
import { needsEcn } from './congestion/controller.ts';
import type { TcpContext } from './context.ts';
import { agreesToEcn, ECT_0 } from './ecn.ts';
import { fastOpenBytes, type FastOpenOption } from './fastopen-option.ts';
import { onSegment } from './input.ts';
import type { PathOptions } from './options.ts';
import type { SocketSettings } from './settings.ts';
import { advertisedMss, syncMss } from './mss.ts';
import { synOptionBytes } from './syn.ts';
import { TX_OVERHEAD } from './records.ts';
import { INITIAL_RTO_US } from './rtt.ts';
import { ACK, ECE, resetSegment, RST, segLen, SYN, type Segment } from './segment.ts';
import { SEQ_ZERO, seq, seqAdd, type Seq } from './seq.ts';
import { setState } from './state.ts';
import { selectInitialWindow } from './window.ts';

/** What the listening socket passes on. */
export interface ListenerOptions {
  readonly context: TcpContext;
  readonly path: PathOptions;
  /** Inherited by the connection. */
  readonly settings: SocketSettings;
}

export interface RequestArgs {
  readonly tuple: Tuple;
  readonly isn: number;
  readonly tsOffset: number;
  readonly flow: number;
}

export class Request {
  readonly listener: ListenerOptions;
  readonly src: number;
  readonly dst: number;
  readonly sport: number;
  readonly dport: number;
  readonly flow: number;
  /** For whoever owns it (the kernel's listener). */
  owner: unknown = null;
  sntIsn: Seq = SEQ_ZERO;
  rcvIsn: Seq = SEQ_ZERO;
  rcvNxt: Seq = SEQ_ZERO;
  /** Peer's MSS option; 536 when absent. */
  mss = 536;
  rcvWnd = 0;
  windowClamp = 0;
  rcvWscale = 0;
  sndWscale = 0;
  wscaleOk = false;
  sackOk = false;
  tsOk = false;
  ecnOk = false;
  /** Fast Open option of the first SYN-ACK: a cookie that was asked for; null: none. */
  fastOpen: FastOpenOption | null = null;
  /** TS.Recent, and when it was taken, as far as PAWS need know (check-request.ts). */
  tsRecent = 0;
  tsRecentStamp: Instant = NEVER;
  tsOffset = 0;
  /** Timestamps of the first and the last SYN-ACK. */
  firstTsVal = 0;
  lastTsVal = 0;
  /** SYN-ACKs sent again by the timer (num_timeout) and by duplicates of the SYN too (num_retrans). */
  timeouts = 0;
  retrans = 0;
  ordinal = 0;
  /** The handshake ACK came and made no connection: the accept queue was full, or TCP_DEFER_ACCEPT waits for data. */
  acked = false;
  synackAt: Instant = NEVER;
  deadline: Instant = NEVER;
  work = 0;
  /** Given up: the kernel forgets it. */
  dead = false;
  /** Sequence number of a RST that is due. */
  replySeq: Seq = SEQ_ZERO;
  lastOowAck: Instant | null = null;

  constructor(listener: ListenerOptions, args: RequestArgs) {
    this.listener = listener;
    this.src = args.tuple.src;
    this.dst = args.tuple.dst;
    this.sport = args.tuple.sport;
    this.dport = args.tuple.dport;
    this.flow = args.flow;
    this.tsOffset = args.tsOffset | 0;
  }

  get context(): TcpContext {
    return this.listener.context;
  }
}

/** What onRequestSegment says. */
export const REQ_DROP = 0; // nothing to do; pollRequest may have a reply
export const REQ_ESTABLISH = 1; // the handshake ACK (or data with it): call establish, if the accept queue has room
export const REQ_DEAD = 2; // reset: forget it; pollRequest has nothing
export const REQ_RESET = 3; // the same, and the segment draws a RST as if it were for nobody

/** A SYN for a listener: the half-open connection, whose SYN-ACK pollRequest has (tcp_conn_request). */
export function onSyn(
  listener: ListenerOptions,
  syn: Segment,
  args: RequestArgs,
  now: Instant,
): Request {
  const r = new Request(listener, args);
  const x = listener.context;
  const o = x.options;
  const s = listener.settings;
  r.sntIsn = seq(args.isn);
  r.rcvIsn = syn.seq;
  r.rcvNxt = seqAdd(syn.seq, 1);
  r.mss = Math.max(syn.mss > 0 ? syn.mss : 536, 48);
  if (s.userMss > 0) r.mss = Math.min(r.mss, s.userMss);
  r.wscaleOk = o.windowScaling && syn.wscale >= 0;
  r.sndWscale = r.wscaleOk ? Math.min(syn.wscale, 14) : 0;
  r.sackOk = o.sack && syn.sackOk;
  r.tsOk = o.timestamps && syn.hasTs;
  r.tsRecent = syn.hasTs ? syn.tsVal : 0;
  r.ecnOk = agreesToEcn(syn, o.ecn, needsEcn(s.congestion));
  const advMss = advertisedMss(listener.path, s);
  const full = Math.floor((s.rcvbuf * 128) / 256);
  let clamp = s.windowClamp;
  if (s.rcvbufLocked && (clamp > full || clamp === 0)) clamp = full;
  const w = selectInitialWindow(
    o,
    full,
    advMss - (r.tsOk ? 12 : 0),
    clamp,
    r.wscaleOk,
    listener.path.initRwnd,
  );
  r.rcvWnd = w.rcvWnd;
  r.windowClamp = w.windowClamp;
  r.rcvWscale = w.rcvWscale;
  r.work = REPLY_SYNACK;
  r.synackAt = now;
  r.deadline = add(now, jiffiesOfUs(x, INITIAL_RTO_US));
  return r;
}

/** A segment for a half-open connection: one of REQ_…. */
export function onRequestSegment(r: Request, seg: Segment, now: Instant): number {
  const verdict = checkRequest(r, seg, false, now);
  switch (verdict) {
    case CHECK_SYNACK:
      r.work |= REPLY_SYNACK_AGAIN;
      r.deadline = add(now, requestRto(r));
      return REQ_DROP;
    case CHECK_ACK:
      r.work |= REPLY_ACK;
      return REQ_DROP;
    case CHECK_WRONG_ACK:
      if ((seg.flags & RST) === 0) {
        r.replySeq = seg.ack;
        r.work |= REPLY_RST;
      }
      return REQ_DROP;
    case CHECK_RESET:
    case CHECK_NEW_SYN:
      r.context.mib.EmbryonicRsts++;
      dead(r);
      return verdict === CHECK_RESET ? REQ_DEAD : REQ_RESET;
    case CHECK_PASS:
      return handshakeAck(r, seg);
    default:
      return REQ_DROP;
  }
}

function handshakeAck(r: Request, seg: Segment): number {
  const end = seqAdd(seg.seq, segLen(seg));
  r.acked = true;
  if (r.timeouts < r.listener.settings.deferAccept && end === seqAdd(r.rcvIsn, 1)) {
    // TCP_DEFER_ACCEPT: an ACK without data makes no connection yet.
    r.context.mib.TCPDeferAcceptDrop++;
    return REQ_DROP;
  }
  if (r.context.options.abortOnOverflow) r.replySeq = seg.ack;
  return REQ_ESTABLISH;
}

function dead(r: Request): void {
  r.dead = true;
  r.work = 0;
  r.deadline = NEVER;
}

export function requestDeadline(r: Request): Instant {
  return withSlack(r.listener.context, r.deadline);
}

/** The SYN-ACK timer fired: again, or `dead` after tcp_synack_retries or TCP_SYNCNT (reqsk_timer_handler, syn_ack_recalc). */
export function onRequestTimer(r: Request, now: Instant): void {
  if (requestDeadline(r) > now) return;
  const { context, settings } = r.listener;
  const most = settings.synCount > 0 ? settings.synCount : context.options.synackRetries;
  // Deferred: whoever has sent the ACK is given the time to send data, and is reminded only at the end of it.
  const deferred = r.acked && settings.deferAccept > 0;
  if (r.timeouts >= most && (!deferred || r.timeouts >= settings.deferAccept)) {
    dead(r);
    return;
  }
  if (!deferred || r.timeouts >= settings.deferAccept - 1) r.work |= REPLY_SYNACK_AGAIN;
  r.timeouts++;
  r.deadline = add(now, requestRto(r));
}

/** The accept queue had no room for an established request: the next SYN-ACK will draw another ACK, or a RST ends it. */
export function refuseRequest(r: Request): void {
  if (!r.listener.context.options.abortOnOverflow) return;
  r.work |= REPLY_RST;
  r.dead = true;
}

/** SYN-ACK, ACK or RST of a half-open connection. */
export function pollRequest(r: Request, now: Instant, out: Segment): boolean {
  if (r.work === 0) return false;
  const x = r.listener.context;
  resetSegment(out);
  out.src = r.src;
  out.dst = r.dst;
  out.sport = r.sport;
  out.dport = r.dport;
  out.flow = r.flow;
  out.truesize = TX_OVERHEAD;
  out.ordinal = r.ordinal++;
  out.tos = r.listener.settings.tos;
  x.mib.OutSegs++;
  if (r.work & REPLY_RST) {
    r.work &= ~REPLY_RST;
    out.flags = RST;
    out.seq = r.replySeq;
    out.ack = seq(0);
    x.mib.OutRsts++;
    return true;
  }
  if (r.tsOk) {
    out.hasTs = true;
    out.tsVal = (tsClock(now) + r.tsOffset) | 0;
    out.tsEcr = r.tsRecent;
  }
  out.ack = r.rcvNxt;
  if (r.work & REPLY_ACK) {
    r.work &= ~REPLY_ACK;
    out.flags = ACK;
    out.seq = seqAdd(r.sntIsn, 1);
    out.window = synAckWindow(r) >> r.rcvWscale;
    out.headerLen += r.tsOk ? 12 : 0;
    return true;
  }
  r.lastTsVal = out.tsVal;
  if (r.work & REPLY_SYNACK_AGAIN) {
    r.retrans++;
    x.mib.RetransSegs++;
    x.mib.TCPSynRetrans++;
  } else r.firstTsVal = out.tsVal;
  r.work = 0;
  r.synackAt = now;
  out.flags = r.ecnOk ? SYN | ACK | ECE : SYN | ACK;
  if (needsEcn(r.listener.settings.congestion)) out.tos |= ECT_0;
  out.seq = r.sntIsn;
  out.mss = advertisedMss(r.listener.path, r.listener.settings);
  out.sackOk = r.sackOk;
  if (r.wscaleOk) out.wscale = r.rcvWscale;
  out.window = synAckWindow(r);
  out.fastOpen = r.fastOpen;
  r.fastOpen = null;
  out.headerLen += synOptionBytes(r.tsOk, r.sackOk, r.wscaleOk) + fastOpenBytes(out.fastOpen);
  return true;
}

/**
 * The full connection, after REQ_ESTABLISH (tcp_v4_syn_recv_sock). It processes `ack` and what that carries: poll it
 * afterwards. `tx` is what this side writes.
 */
export function establish(r: Request, ack: Segment, tx: PayloadStream, now: Instant): Connection {
  const c = childOf(r, tx, now);
  c.synAcked = true;
  c.synRetransmitted = r.retrans > 0;
  c.totalRetrans = r.retrans;
  c.sndWnd = ack.window << r.sndWscale;
  c.maxWindow = c.sndWnd;
  c.sndWl1 = ack.seq;
  syncMss(c);
  setState(c, 'SYN-RECEIVED', now);
  r.work = 0;
  r.deadline = NEVER;
  r.dead = true;
  onSegment(c, ack, now);
  return c;
}

/** What the request knows, as a connection (tcp_create_openreq_child). */
export function childOf(r: Request, tx: PayloadStream, now: Instant): Connection {
  const l = r.listener;
  const args: ConnectionArgs = {
    context: l.context,
    tuple: { src: r.src, sport: r.sport, dst: r.dst, dport: r.dport },
    isn: 0,
    tsOffset: r.tsOffset,
    flow: r.flow,
    tx,
    path: l.path,
    settings: l.settings,
  };
  const c = new Connection(args);
  c.accepted = false;
  c.ordinal = r.ordinal;
  c.iss = r.sntIsn;
  c.sndUna = seqAdd(r.sntIsn, 1);
  c.sndNxt = c.sndUna;
  c.writeSeq = c.sndUna;
  c.rcvNxt = r.rcvNxt;
  c.rcvWup = r.rcvNxt;
  c.copiedSeq = r.rcvNxt;
  c.mssClamp = r.mss;
  c.wscaleOk = r.wscaleOk;
  c.sndWscale = r.sndWscale;
  c.rcvWscale = r.rcvWscale;
  c.sackOk = r.sackOk;
  c.tsOk = r.tsOk;
  c.tsRecent = r.tsRecent;
  c.tsRecentStamp = now;
  if (r.ecnOk) c.ecn = ECN_OK;
  c.advMss = advertisedMss(l.path, l.settings);
  c.rcvWnd = r.rcvWnd;
  c.rcvSsthresh = r.rcvWnd;
  c.windowClamp = r.windowClamp;
  c.reordering = l.context.options.reordering;
  c.rto = jiffiesOfUs(l.context, INITIAL_RTO_US);
  c.synSentAt = r.synackAt;
  l.context.mib.PassiveOpens++;
  return c;
}

const REPLY_SYNACK = 1;
const REPLY_SYNACK_AGAIN = 2;
const REPLY_ACK = 4;
const REPLY_RST = 8;
