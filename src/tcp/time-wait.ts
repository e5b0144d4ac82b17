/**
 * TIME-WAIT, and the FIN-WAIT-2 of an orphan: a small record, as Linux's tcp_timewait_sock, and what it answers
 * (tcp_timewait_state_process; RFC 9293 §3.10.7.4, RFC 1337, RFC 6191).
 */
import { add, NEVER, type Instant } from '../base/units.ts';
import { jiffiesOfMs, tsClock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { pawsRejects } from './paws.ts';
import { ACK, BASE_HEADER, FIN, resetSegment, RST, segLen, SYN, type Segment } from './segment.ts';
import { SEQ_ZERO, seq, seqAdd, seqGe, seqGt, seqLe, type Seq } from './seq.ts';
import { mayAnswer, touchesWindow, type Skipped } from './validate.ts';

export class TimeWait {
  readonly context: TcpContext;
  src = 0;
  dst = 0;
  sport = 0;
  dport = 0;
  flow = 0;
  /** For whoever owns it. */
  owner: unknown = null;
  /** FIN-WAIT-2 until the peer's FIN comes. */
  substate: 'FIN-WAIT-2' | 'TIME-WAIT' = 'TIME-WAIT';
  sndNxt: Seq = SEQ_ZERO;
  rcvNxt: Seq = SEQ_ZERO;
  rcvWnd = 0;
  rcvWscale = 0;
  tsOk = false;
  tsOffset = 0;
  tsRecent = 0;
  tsRecentStamp: Instant = NEVER;
  ordinal = 0;
  lastOowAck: Instant | null = null;
  deadline: Instant = NEVER;
  /** A reply that is due: ACK or RST of segment.ts, and the number of the RST. */
  reply = 0;
  replySeq: Seq = SEQ_ZERO;

  constructor(context: TcpContext) {
    this.context = context;
  }
}

/** What onTimeWaitSegment says. */
export const TW_KEEP = 0; // pollTimeWait may have an ACK
export const TW_GONE = 1; // forget it after pollTimeWait, which may have a RST
export const TW_SYN = 2; // forget it and give the segment to the listener: a new connection begins

/** The small record that replaces a connection after the TIME_WAIT event, when it has been polled until false. */
export function timeWaitOf(c: Connection, now: Instant): TimeWait {
  const tw = new TimeWait(c.context);
  tw.src = c.src;
  tw.dst = c.dst;
  tw.sport = c.sport;
  tw.dport = c.dport;
  tw.flow = c.flow;
  tw.owner = c.owner;
  tw.substate = c.state === 'TIME-WAIT' ? 'TIME-WAIT' : 'FIN-WAIT-2';
  tw.sndNxt = c.sndNxt;
  tw.rcvNxt = c.rcvNxt;
  tw.rcvWnd = c.rcvWnd;
  tw.rcvWscale = c.rcvWscale;
  tw.tsOk = c.tsOk;
  tw.tsOffset = c.tsOffset;
  tw.tsRecent = c.tsRecent;
  tw.tsRecentStamp = c.tsRecentStamp;
  tw.ordinal = c.ordinal;
  tw.lastOowAck = c.lastOowAck;
  tw.deadline = add(now, c.timeWaitFor);
  c.context.mib.TW++;
  return tw;
}

export function onTimeWaitSegment(tw: TimeWait, seg: Segment, now: Instant): number {
  const old = tw.tsOk && seg.hasTs && pawsRejects(tw, seg, now);
  return tw.substate === 'FIN-WAIT-2'
    ? inFinWait2(tw, seg, old, now)
    : inTimeWait(tw, seg, old, now);
}

function inFinWait2(tw: TimeWait, seg: Segment, old: boolean, now: Instant): number {
  const end = seqAdd(seg.seq, segLen(seg));
  if (old || !touchesWindow(seg, tw.rcvNxt, tw.rcvWnd))
    return acknowledge(tw, seg, 'TCPACKSkippedFinWait2', now);
  if (seg.flags & RST) return kill(tw);
  if (seg.flags & SYN && seqGe(seg.seq, tw.rcvNxt)) return reset(tw, seg);
  if ((seg.flags & ACK) === 0 || seqLe(end, tw.rcvNxt) || segLen(seg) === 0) return TW_KEEP;
  // New data after a half-duplex close is reset; only the FIN is welcome.
  if ((seg.flags & FIN) === 0 || end !== seqAdd(tw.rcvNxt, 1)) return reset(tw, seg);
  tw.substate = 'TIME-WAIT';
  tw.rcvNxt = end;
  remember(tw, seg, now);
  restart(tw, now);
  tw.reply = ACK;
  return TW_KEEP;
}

function inTimeWait(tw: TimeWait, seg: Segment, old: boolean, now: Instant): number {
  const bare = segLen(seg) === 0;
  if (!old && seg.seq === tw.rcvNxt && (bare || seg.flags & RST)) {
    if (seg.flags & RST) {
      // TIME-WAIT assassination (RFC 1337).
      if (!tw.context.options.rfc1337) return kill(tw);
    } else restart(tw, now);
    remember(tw, seg, now);
    return TW_KEEP;
  }
  // A new SYN may begin a new connection (RFC 9293 §3.10.7.4, RFC 6191).
  const newer =
    seqGt(seg.seq, tw.rcvNxt) || (tw.tsOk && seg.hasTs && ((tw.tsRecent - seg.tsVal) | 0) < 0);
  if (seg.flags & SYN && (seg.flags & (RST | ACK)) === 0 && !old && newer) return TW_SYN;
  if (seg.flags & RST) return TW_KEEP;
  if (old) tw.context.mib.PAWSTimewait++;
  if (old || seg.flags & ACK) restart(tw, now);
  return acknowledge(tw, seg, 'TCPACKSkippedTimeWait', now);
}

function acknowledge(tw: TimeWait, seg: Segment, skipped: Skipped, now: Instant): number {
  if (mayAnswer(tw, seg, skipped, now)) tw.reply = ACK;
  return TW_KEEP;
}

function kill(tw: TimeWait): number {
  tw.deadline = NEVER;
  return TW_GONE;
}

function reset(tw: TimeWait, seg: Segment): number {
  tw.reply = RST;
  tw.replySeq = seg.flags & ACK ? seg.ack : seq(0);
  return kill(tw);
}

function remember(tw: TimeWait, seg: Segment, now: Instant): void {
  if (!seg.hasTs) return;
  tw.tsRecent = seg.tsVal;
  tw.tsRecentStamp = now;
}

function restart(tw: TimeWait, now: Instant): void {
  tw.deadline = add(now, jiffiesOfMs(tw.context, tw.context.options.timeWaitS * 1000));
}

/** The ACK or RST that is due. */
export function pollTimeWait(tw: TimeWait, now: Instant, out: Segment): boolean {
  if (tw.reply === 0) return false;
  resetSegment(out);
  out.src = tw.src;
  out.dst = tw.dst;
  out.sport = tw.sport;
  out.dport = tw.dport;
  out.flow = tw.flow;
  out.ordinal = tw.ordinal++;
  tw.context.mib.OutSegs++;
  out.flags = tw.reply;
  if (tw.reply === RST) {
    out.seq = tw.replySeq;
    out.ack = seq(0);
    tw.context.mib.OutRsts++;
  } else {
    out.seq = tw.sndNxt;
    out.ack = tw.rcvNxt;
    out.window = tw.rcvWnd >> tw.rcvWscale;
    if (tw.tsOk) {
      out.hasTs = true;
      out.tsVal = (tsClock(now) + tw.tsOffset) | 0;
      out.tsEcr = tw.tsRecent;
      out.headerLen = BASE_HEADER + 12;
    }
  }
  tw.reply = 0;
  return true;
}
