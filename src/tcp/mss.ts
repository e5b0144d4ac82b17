/** How large a segment may be: path, peer, options, SACK blocks, the peer's window; and where that window ends. */
import type { Connection } from './connection.ts';
import type { PathOptions } from './options.ts';
import type { Receiver } from './receiver.ts';
import type { SocketSettings } from './settings.ts';
import { BASE_HEADER } from './segment.ts';
import { seqAdd, type Seq } from './seq.ts';

/** End of the peer's window (tcp_wnd_end). */
export const windowEnd = (c: Connection): Seq => seqAdd(c.sndUna, c.sndWnd);

/** How many SACK blocks the next segment carries. */
export const sackBlocks = (c: Connection): number =>
  c.ofo === null && (c.receiver === null || !c.receiver.dsack) ? 0 : blocksOf(c, c.receiver!);

/** Islands of what is out of order, and a D-SACK. */
function blocksOf(c: Connection, rcv: Receiver): number {
  if (!c.sackOk) return 0;
  let n = rcv.dsack ? 1 : 0;
  if (c.ofo !== null) n += c.ofo.count;
  return Math.min(n, c.tsOk ? 3 : 4);
}

/** Bytes of option space that SACK blocks take now: 4 + 8 for each that fits beside the timestamps. */
export function sackBytes(c: Connection): number {
  const n = sackBlocks(c);
  return n === 0 ? 0 : 4 + 8 * n;
}

/** Payload of a full segment now: SACK blocks take room from it (tcp_current_mss). */
export const currentMss = (c: Connection): number => c.mssCache - sackBytes(c);

/** net.ipv4.route.min_adv_mss */
const MIN_ADVMSS = 256;
/** include/net/ip.h: the device lo takes a byte more. */
const IPV4_MAX_PMTU = 65_535;

/** The MSS that this side offers: what the path takes, and TCP_MAXSEG (ipv4_default_advmss, tcp_mss_clamp). */
export function advertisedMss(path: PathOptions, s: SocketSettings): number {
  const fits = Math.min(Math.max(path.mtu - BASE_HEADER, MIN_ADVMSS), IPV4_MAX_PMTU - BASE_HEADER);
  const mss = path.advmss > 0 ? path.advmss : fits;
  return s.userMss > 0 ? Math.min(mss, s.userMss) : mss;
}

/** Half the largest window the peer ever offered bounds a segment (tcp_bound_to_half_wnd; RFC 9293 §3.8.6.2.1). */
export function boundToHalfWindow(c: Connection, size: number): number {
  const cutoff = c.maxWindow > 536 ? c.maxWindow >> 1 : c.maxWindow;
  return cutoff > 0 && size > cutoff ? Math.max(cutoff, 68 - (c.tsOk ? 32 : 20)) : size;
}

/** Payload of a segment that fills packets of `mtu` bytes, SACK blocks apart (tcp_mtu_to_mss). */
export function mtuToMss(c: Connection, mtu: number): number {
  const mss = Math.min(mtu - BASE_HEADER, c.mssClamp);
  return Math.max(mss, c.context.options.minSndMss) - (c.tsOk ? 12 : 0);
}

/** Sets the size of a full segment from path, peer and options (tcp_sync_mss). */
export function syncMss(c: Connection): void {
  const { mtu } = c.path;
  let mss = boundToHalfWindow(c, mtuToMss(c, mtu));
  const search = c.sender === null ? null : c.sender.mtuProbe;
  if (search !== null) {
    if (search.high > mtu) search.high = mtu;
    mss = Math.min(mss, mtuToMss(c, search.low));
  }
  c.mssCache = mss;
}

/** Bytes/s that the window gives, with a head start: twice that in slow start, else 1.2 times (tcp_update_pacing_rate). */
export function windowRate(c: Connection): number {
  const o = c.context.options;
  const percent = c.cwnd < c.ssthresh >> 1 ? o.pacingSsRatio : o.pacingCaRatio;
  const bytes = c.mssCache * Math.max(c.cwnd, c.packetsOut);
  return Math.floor((bytes * percent * 80_000) / c.srttUs);
}

/** sk_pacing_rate, bytes/s: kept where segments are paced, else what the window gives now. */
export function pacingRate(c: Connection): number {
  const p = c.sender === null ? null : c.sender.pacing;
  return p === null ? windowRate(c) : p.rate;
}

/**
 * Segments that one offloaded send may stand for: about a millisecond at the pacing rate, more on short paths, at least
 * tcp_min_tso_segs (tcp_tso_autosize).
 */
export function tsoSegments(c: Connection, mss: number): number {
  const p = c.path;
  if (p.gsoMaxSegs <= 1) return 1;
  const most = p.gsoMaxSize === 0 ? 65_536 : p.gsoMaxSize;
  const least = c.congestion.minTsoSegs(c);
  if (c.srttUs === 0) return Math.min(Math.max(Math.floor(most / mss), least), p.gsoMaxSegs);
  let bytes = pacingRate(c) / 1024;
  // Halved for each 512 µs of round trip (tcp_tso_rtt_log 9).
  const log = c.context.options.tsoRttLog;
  const halvings = log === 0 ? 32 : c.minRttUs >> log;
  if (halvings < 32) bytes += halvings < 31 ? Math.floor(most / (1 << halvings)) : 0;
  return Math.min(Math.max(Math.floor(Math.min(bytes, most) / mss), least), p.gsoMaxSegs);
}

/** How large a record may grow while it waits: one segment, or what the device cuts up itself (tcp_xmit_size_goal). */
export function sizeGoal(c: Connection, mss: number): number {
  const p = c.path;
  if (p.gsoMaxSegs <= 1) return mss;
  const bytes = boundToHalfWindow(c, p.gsoMaxSize === 0 ? 65_536 : p.gsoMaxSize);
  return Math.max(Math.min(Math.floor(bytes / mss), p.gsoMaxSegs), 1) * mss;
}
