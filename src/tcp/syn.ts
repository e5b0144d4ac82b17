/** Building SYNs, and the SYN-ACKs that connections send themselves: after a simultaneous open, and as Fast Open's servers. */
import { NEVER, type Instant } from '../base/units.ts';
import { onAckSent } from './ack.ts';
import { emitted } from './build.ts';
import { tsClock } from './clock.ts';
import { ECN_OK, WORK_SYN, type Connection } from './connection.ts';
import { askForEcn, ecnOfSyn } from './ecn.ts';
import { fillFastOpenSyn } from './fastopen.ts';
import { fastOpenBytes } from './fastopen-option.ts';
import { TX_OVERHEAD } from './records.ts';
import type { Request } from './request.ts';
import { ACK, BASE_HEADER, ECE, resetSegment, SYN, type Segment } from './segment.ts';
import { seqAdd } from './seq.ts';
import { rearmRto } from './timers.ts';

/** Option bytes of a SYN: MSS 4, timestamps 12 (SACK-permitted rides in their padding), window scale 4, SACK alone 4. */
export const synOptionBytes = (ts: boolean, sack: boolean, wscale: boolean): number =>
  4 + (ts ? 12 : sack ? 4 : 0) + (wscale ? 4 : 0);

export function sendSyn(c: Connection, now: Instant, out: Segment): boolean {
  c.work &= ~WORK_SYN;
  const f = c.fastOpen;
  if (f !== null && f.request !== null) return sendServerSynAck(c, f.request, now, out);
  const again = c.packetsOut > 0 && c.synSentAt !== NEVER;
  const synAck = c.state === 'SYN-RECEIVED';
  if (synAck) fillSynAck(c, now, out);
  else {
    if (!again) askForEcn(c);
    fillSyn(c, now, out);
    out.flags = SYN | ecnOfSyn(c, again);
  }
  if (again) countAgain(c);
  else {
    c.sndNxt = seqAdd(c.iss, 1);
    c.packetsOut = 1;
    if (f !== null && !synAck) {
      fillFastOpenSyn(c, f, out);
      out.headerLen += fastOpenBytes(out.fastOpen);
    }
    c.retransStamp = now;
    rearmRto(c, now);
  }
  c.synSentAt = now;
  if (synAck) onAckSent(c);
  emitted(c, out, again, now);
  return true;
}

function countAgain(c: Connection): void {
  c.synRetransmitted = true;
  c.totalRetrans++;
  c.context.mib.RetransSegs++;
  c.context.mib.TCPSynRetrans++;
}

/** The SYN-ACK of a connection that a SYN alone has made: it may have been used in between (tcp_make_synack). */
function sendServerSynAck(c: Connection, r: Request, now: Instant, out: Segment): boolean {
  const again = c.synSentAt !== NEVER;
  fillSynAck(c, now, out);
  out.ack = r.rcvNxt;
  out.window = Math.min(r.rcvWnd, 65_535);
  out.fastOpen = r.fastOpen;
  out.headerLen += fastOpenBytes(out.fastOpen);
  r.fastOpen = null;
  if (again) {
    r.retrans++;
    countAgain(c);
  }
  r.synackAt = now;
  c.synSentAt = now;
  onAckSent(c);
  emitted(c, out, again, now);
  return true;
}

function fillSyn(c: Connection, now: Instant, out: Segment): void {
  const o = c.context.options;
  fillAny(c, out);
  if (o.timestamps) fillTimestamp(c, 0, now, out);
  out.sackOk = o.sack;
  if (o.windowScaling) out.wscale = c.rcvWscale;
  out.headerLen = BASE_HEADER + synOptionBytes(o.timestamps, o.sack, o.windowScaling);
}

function fillSynAck(c: Connection, now: Instant, out: Segment): void {
  fillAny(c, out);
  out.flags = c.ecn & ECN_OK ? SYN | ACK | ECE : SYN | ACK;
  out.ack = c.rcvNxt;
  if (c.tsOk) fillTimestamp(c, c.tsRecent, now, out);
  out.sackOk = c.sackOk;
  if (c.wscaleOk) out.wscale = c.rcvWscale;
  out.headerLen = BASE_HEADER + synOptionBytes(c.tsOk, c.sackOk, c.wscaleOk);
}

function fillAny(c: Connection, out: Segment): void {
  resetSegment(out);
  out.src = c.src;
  out.dst = c.dst;
  out.sport = c.sport;
  out.dport = c.dport;
  out.flow = c.flow;
  out.seq = c.iss;
  out.tos = c.settings.tos;
  out.mss = c.advMss;
  // The window of a SYN is never scaled (RFC 7323 §2.2).
  out.window = Math.min(c.rcvWnd, 65_535);
  out.truesize = TX_OVERHEAD;
}

function fillTimestamp(c: Connection, echo: number, now: Instant, out: Segment): void {
  out.hasTs = true;
  out.tsVal = (tsClock(now) + c.tsOffset) | 0;
  out.tsEcr = echo;
}
