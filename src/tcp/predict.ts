/**
 * Header prediction (Van Jacobson; tcp_rcv_established): most of what a receiver of bulk data gets is the next data in order,
 * with a header that says what the one before said. Nothing in it needs a look but its number, its timestamp and its payload.
 * The result is that of all the steps of input.ts, of which this leaves out those that would do nothing
 * (tests/tcp/prediction.test.ts).
 */
import type { Instant } from '../base/units.ts';
import type { Connection } from './connection.ts';
import { ACK, PSH, type Segment } from './segment.ts';
import { seqGt } from './seq.ts';
import { receiveWindow } from './window.ts';

/** The next data in order, behind no hole, with a header that was to be expected: no flag, SACK or window that is new. */
export const headerPredicted = (c: Connection, seg: Segment): boolean =>
  seg.len > 0 &&
  seg.seq === c.rcvNxt &&
  c.state === 'ESTABLISHED' &&
  (seg.flags & ~PSH) === ACK &&
  seg.nsack === 0 &&
  seg.window << c.sndWscale === c.sndWnd &&
  (c.ofo === null || c.ofo.records.length === 0);

/**
 * Is its ACK nothing to look at either? So it is to one that only receives: there is nothing that it could acknowledge, no probe
 * that it could answer and no rate to be sampled. It passes PAWS, and the window takes all of it.
 */
export function isPredicted(c: Connection, seg: Segment): boolean {
  if (c.sendQueue !== null || !headerPredicted(c, seg) || seg.ack !== c.sndUna) return false;
  if (c.tsOk && (!seg.hasTs || ((seg.tsVal - c.tsRecent) | 0) < 0)) return false;
  const snd = c.sender;
  return seg.len <= receiveWindow(c) && (snd === null || (snd.rate === null && !snd.tlpActive));
}

/** What is left to do for the header of a predicted segment: TS.Recent (RFC 7323 §4.3), SND.WL1, and that the peer is alive. */
export function takePredicted(c: Connection, seg: Segment, now: Instant): void {
  if (seg.seq === c.rcvWup && c.tsOk) {
    c.tsRecent = seg.tsVal;
    c.tsRecentStamp = now;
  }
  if (seqGt(seg.seq, c.sndWl1)) c.sndWl1 = seg.seq;
  c.probesOut = 0;
  if (c.sender !== null) c.sender.softError = 0;
  c.rcvTstamp = now;
}
