/**
 * A segment for a half-open connection, a listener's request or a Fast Open connection that is in use already: the steps of RFC
 * 9293 §3.10.7.4 for SYN-RECEIVED in the order of tcp_check_req. What becomes of the verdict: request.ts, fastopen-server.ts.
 */
import type { Duration, Instant } from '../base/units.ts';
import { jiffiesOfUs } from './clock.ts';
import { pawsRejects } from './paws.ts';
import type { Request } from './request.ts';
import { INITIAL_RTO_US } from './rtt.ts';
import { ACK, RST, SYN, type Segment } from './segment.ts';
import { seqAdd, seqGt } from './seq.ts';
import { mayAnswer, touchesWindow } from './validate.ts';

/** What checkRequest says. */
const CHECK_DROP = 0; // nothing
export const CHECK_SYNACK = 1; // the SYN again: its SYN-ACK is due again
export const CHECK_ACK = 2; // not acceptable: an ACK is due
export const CHECK_WRONG_ACK = 3; // it acknowledges what was never sent: a RST is due
export const CHECK_RESET = 4; // the peer gives up
export const CHECK_NEW_SYN = 5; // a SYN within the window: a RST is due
export const CHECK_PASS = 6; // an ACK

/** How long the SYN-ACK waits for its ACK (tcp_reqsk_timeout). */
export const requestRto = (r: Request): Duration => {
  const most = r.context.options.rtoMaxMs * 1000;
  return jiffiesOfUs(r.context, Math.min(INITIAL_RTO_US * (1 << Math.min(r.timeouts, 20)), most));
};

/** The window that the SYN-ACK can show, bytes: that of a SYN is never scaled (tcp_synack_window; RFC 7323 §2.2). */
export const synAckWindow = (r: Request): number => Math.min(r.rcvWnd, 65_535);

/** @param fastOpen the connection may have sent more than a SYN-ACK: its own ACK processing judges the number */
export function checkRequest(r: Request, seg: Segment, fastOpen: boolean, now: Instant): number {
  const { mib } = r.context;
  const flags = seg.flags & (SYN | RST | ACK);
  const stamped = r.tsOk && seg.hasTs;
  // When TS.Recent was taken is not kept: it can hardly have been before the last SYN-ACK.
  if (stamped) r.tsRecentStamp = (now - requestRto(r)) as Instant;
  const old = stamped && pawsRejects(r, seg, now);
  // The same SYN: the same SYN-ACK, at most as often as what is out of the window is answered.
  if (seg.seq === r.rcvIsn && flags === SYN && !old)
    return mayAnswer(r, seg, 'TCPACKSkippedSynRecv', now) ? CHECK_SYNACK : CHECK_DROP;
  if (!fastOpen && flags & ACK && seg.ack !== seqAdd(r.sntIsn, 1)) return CHECK_WRONG_ACK;
  const foreign = stamped && !old && !fastOpen && !echoesOurs(r, seg);
  if (old || foreign || !touchesWindow(seg, r.rcvNxt, synAckWindow(r))) {
    if (old) mib.PAWSEstab++;
    else if (foreign) mib.TSEcrRejected++;
    return flags & RST || !mayAnswer(r, seg, 'TCPACKSkippedSynRecv', now) ? CHECK_DROP : CHECK_ACK;
  }
  if (stamped && !seqGt(seg.seq, r.rcvNxt)) r.tsRecent = seg.tsVal;
  // A SYN-ACK that begins with the peer's number is a SYN before the window (simultaneous open).
  if (flags & RST || (flags & SYN && seg.seq !== r.rcvIsn)) {
    mib.AttemptFails++;
    return flags & RST ? CHECK_RESET : CHECK_NEW_SYN;
  }
  return flags & ACK ? CHECK_PASS : CHECK_DROP;
}

/** Is the timestamp that is echoed, if one is, that of one of our SYN-ACKs? */
function echoesOurs(r: Request, seg: Segment): boolean {
  if (seg.tsEcr === 0) return true;
  return ((seg.tsEcr - r.firstTsVal) | 0) >= 0 && ((r.lastTsVal - seg.tsEcr) | 0) >= 0;
}
