/**
 * Packetization-layer path MTU discovery (RFC 4821; tcp_mtu_probe and its neighbours): one segment larger than the others is
 * sent now and then; if it is acknowledged the MSS grows, if only it is lost the search goes on below. `tcp_mtu_probing` 2 begins
 * with tcp_base_mss and searches upwards; 1 begins when retransmissions go unanswered, as if an ICMP black hole swallowed them.
 *
 * Sizes of the search are MTUs; the options of the moment count in.
 */
import type { Instant } from '../base/units.ts';
import { jiffiesNow } from './clock.ts';
import { CA_OPEN, inFlight, type Connection } from './connection.ts';
import { currentSsthresh } from './cwnd.ts';
import { mtuToMss, sackBlocks, syncMss, windowEnd } from './mss.ts';
import { growTx, splitTx } from './records.ts';
import { BASE_HEADER } from './segment.ts';
import type { SendQueue } from './send-queue.ts';
import { senderOf } from './sender.ts';
import { SEQ_ZERO, seqAdd, seqDiff, seqGt, seqLe, type Seq } from './seq.ts';

/** The least congestion window that probes, segments. */
const LEAST_CWND = 11;

export class MtuProbe {
  /** The path takes `low`; what is above `high` is not tried. */
  low: number;
  high: number;
  /** MTU of the probe that is out, and its numbers; 0: none. */
  size = 0;
  from: Seq = SEQ_ZERO;
  to: Seq = SEQ_ZERO;
  /** When the search began. */
  since: Instant;

  constructor(c: Connection, low: number, now: Instant) {
    this.low = low;
    this.high = c.mssClamp + BASE_HEADER;
    this.since = jiffiesNow(c.context, now);
  }
}

const mssToMtu = (c: Connection, mss: number): number => mss + BASE_HEADER + (c.tsOk ? 12 : 0);

/** The search begins (tcp_mtup_init, tcp_mtu_probing). */
export function startMtuProbing(c: Connection, now: Instant): void {
  const { baseMss } = c.context.options;
  senderOf(c).mtuProbe = new MtuProbe(c, mssToMtu(c, baseMss), now);
}

/** Retransmissions have gone unanswered for a while: perhaps they are too big for the path (tcp_mtu_probing). */
export function suspectBlackhole(c: Connection, now: Instant): void {
  const o = c.context.options;
  if (o.mtuProbing === 0) return;
  const p = c.sender!.mtuProbe;
  if (p === null) startMtuProbing(c, now);
  else {
    const half = Math.min(o.baseMss, mtuToMss(c, p.low) >> 1);
    p.low = mssToMtu(c, Math.max(half, o.mtuProbeFloor, o.minSndMss));
  }
  syncMss(c);
}

/** Bytes of a probe that may go now; 0: nothing may go, so that the window drains for it; −1: no probe. */
export function mtuProbeSize(c: Connection, p: MtuProbe, now: Instant): number {
  if (p.size > 0 || c.caState !== CA_OPEN || c.cwnd < LEAST_CWND || sackBlocks(c) > 0) return -1;
  const size = mtuToMss(c, (p.high + p.low) >> 1);
  if (
    size > mtuToMss(c, p.high) ||
    p.high - p.low < Math.max(1, c.context.options.probeThreshold)
  ) {
    restartSearch(c, p, now);
    return -1;
  }
  const needed = size + (c.reordering + 1) * c.mssCache;
  if (seqDiff(c.writeSeq, c.sndNxt) < needed || c.sndWnd < needed) return -1;
  if (seqGt(seqAdd(c.sndNxt, needed), windowEnd(c))) return 0;
  const out = inFlight(c);
  if (out + 2 <= c.cwnd) return size;
  return out === 0 ? -1 : 0;
}

/** After tcp_probe_interval the search begins anew: the path may have changed (tcp_mtu_check_reprobe). */
function restartSearch(c: Connection, p: MtuProbe, now: Instant): void {
  const t = jiffiesNow(c.context, now);
  if (t - p.since < c.context.options.probeIntervalS * 1_000_000_000) return;
  p.high = c.mssClamp + BASE_HEADER;
  p.low = mssToMtu(c, c.mssCache);
  p.since = t;
}

/** Makes the next record one of `size` bytes. False: something keeps the records apart, or there is too little. */
export function gatherProbe(c: Connection, q: SendQueue, size: number): boolean {
  const t = q.records.at(q.sent);
  while (t.len < size && q.unsent > 1) {
    const before = t.len;
    growTx(c, q, t, size - t.len);
    if (t.len === before) return false;
  }
  if (t.len > size) splitTx(c, q, q.sent, size, c.mssCache);
  return t.len === size;
}

/** The probe has left as one segment; it counts as two. */
export function mtuProbeSent(c: Connection, p: MtuProbe, from: Seq, to: Seq): void {
  p.size = mssToMtu(c, seqDiff(to, from));
  p.from = from;
  p.to = to;
  c.cwnd--;
}

/** Something was acknowledged: the probe, perhaps (tcp_mtup_probe_success). The window stays the same in bytes. */
export function mtuProbeAcked(c: Connection, p: MtuProbe, now: Instant): void {
  if (p.size === 0 || !seqLe(p.to, c.sndUna)) return;
  const snd = c.sender!;
  snd.priorSsthresh = currentSsthresh(c);
  c.cwnd = Math.max(1, Math.floor((c.cwnd * mssToMtu(c, c.mssCache)) / p.size));
  snd.cwndCnt = 0;
  snd.cwndStamp = jiffiesNow(c.context, now);
  c.ssthresh = currentSsthresh(c);
  p.low = p.size;
  p.size = 0;
  syncMss(c);
  c.context.mib.TCPMTUPSuccess++;
}

/** Is the probe what was lost? Then that says something about its size, nothing about the network (tcp_mtup_probe_failed). */
export function mtuProbeLost(c: Connection, p: MtuProbe): boolean {
  if (p.size === 0 || c.sndUna !== p.from) return false;
  p.high = p.size - 1;
  p.size = 0;
  c.cwnd++;
  c.context.mib.TCPMTUPFail++;
  return true;
}
