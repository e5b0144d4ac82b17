/**
 * struct tcp_info and SO_MEMINFO, assembled from the connection and its socket (net/ipv4/tcp.c tcp_get_info, net/core/sock.c
 * sk_get_meminfo). Field names are Linux's without their prefix; times are µs where Linux has µs.
 *
 * Left out: accurate ECN, PLB and hash changes, and SK_MEMINFO_FWD_ALLOC and _OPTMEM. The delivery rate is 0 unless it is
 * measured (tcp/rate.ts).
 */
import type { Instant } from '../base/units.ts';
import { CHRONO_BUSY, CHRONO_RWND, CHRONO_SNDBUF, chronoTime } from '../tcp/chrono.ts';
import { jiffiesNow } from '../tcp/clock.ts';
import {
  ECN_OK,
  ECN_SEEN,
  INFINITE_SSTHRESH,
  inFlight,
  outq,
  outqUnsent,
  type Connection,
} from '../tcp/index.ts';
import { windowRate } from '../tcp/mss.ts';
import { deliveryRate } from '../tcp/rate.ts';
import { lastReceived } from '../tcp/receiver.ts';
import type { TcpState } from '../tcp/state.ts';
import type { Sock } from './socket.ts';

/** enum in include/net/tcp_states.h. What has become TIME_WAIT shows CLOSE to whoever still holds the descriptor. */
const STATE_NUMBERS: { readonly [S in TcpState]: number } = {
  ESTABLISHED: 1,
  'SYN-SENT': 2,
  'SYN-RECEIVED': 3,
  'FIN-WAIT-1': 4,
  'FIN-WAIT-2': 5,
  'TIME-WAIT': 7,
  CLOSED: 7,
  'CLOSE-WAIT': 8,
  'LAST-ACK': 9,
  LISTEN: 10,
  CLOSING: 11,
};

/** TCPI_OPT_… (include/uapi/linux/tcp.h): bits of `options`. */
export const TCPI_OPT_TIMESTAMPS = 1;
export const TCPI_OPT_SACK = 2;
export const TCPI_OPT_WSCALE = 4;
export const TCPI_OPT_ECN = 8;
export const TCPI_OPT_ECN_SEEN = 16;
/** Data of a SYN was taken, by this side or the other; a SYN alone has made the connection. */
export const TCPI_OPT_SYN_DATA = 32;
export const TCPI_OPT_TFO_CHILD = 128;

/** Made by the caller of `sys.tcpInfo`, filled by the kernel. */
export class TcpInfo {
  state = 0;
  ca_state = 0;
  retransmits = 0;
  probes = 0;
  backoff = 0;
  /** TCPI_OPT_… bits. */
  options = 0;
  /** Why a client's Fast Open did not work: TFO_… of tcp/fastopen-state.ts. */
  fastopen_client_fail = 0;
  snd_wscale = 0;
  rcv_wscale = 0;
  rto = 0;
  ato = 0;
  snd_mss = 0;
  rcv_mss = 0;
  unacked = 0;
  sacked = 0;
  lost = 0;
  retrans = 0;
  /** ms since data was sent and received, and since an ACK came. */
  last_data_sent = 0;
  last_data_recv = 0;
  last_ack_recv = 0;
  pmtu = 0;
  rcv_ssthresh = 0;
  rtt = 0;
  rttvar = 0;
  snd_ssthresh = 0;
  snd_cwnd = 0;
  advmss = 0;
  reordering = 0;
  rcv_rtt = 0;
  rcv_space = 0;
  total_retrans = 0;
  /** Bytes/s; Infinity: no bound. */
  pacing_rate = 0;
  max_pacing_rate = 0;
  bytes_acked = 0;
  bytes_received = 0;
  segs_out = 0;
  segs_in = 0;
  notsent_bytes = 0;
  min_rtt = 0;
  data_segs_in = 0;
  data_segs_out = 0;
  /** Bytes/s. */
  delivery_rate = 0;
  delivery_rate_app_limited = 0;
  /** µs with something to send, and of that with a closed window or too small a send buffer. */
  busy_time = 0;
  rwnd_limited = 0;
  sndbuf_limited = 0;
  delivered = 0;
  delivered_ce = 0;
  bytes_sent = 0;
  bytes_retrans = 0;
  dsack_dups = 0;
  reord_seen = 0;
  rcv_ooopack = 0;
  snd_wnd = 0;
  rcv_wnd = 0;
  total_rto = 0;
  /** SO_MEMINFO: SK_MEMINFO_RMEM_ALLOC … SK_MEMINFO_BACKLOG. */
  rmem_alloc = 0;
  rcvbuf = 0;
  wmem_alloc = 0;
  sndbuf = 0;
  wmem_queued = 0;
  backlog = 0;
  /** Segments in the network, as far as known; unacknowledged bytes (SIOCOUTQ). */
  in_flight = 0;
  outq = 0;
}

/** Fills `into`. A listener shows its accept queue as `unacked` and its backlog as `sacked`, as in Linux. */
export function fillTcpInfo(s: Sock, into: TcpInfo): void {
  if (s.c === null) {
    fillUnconnected(s, into);
    return;
  }
  const c = s.c;
  const now = s.stack.engine.now;
  fillCongestion(c, into);
  fillOptions(c, into);
  fillTimes(c, into, now);
  fillRates(c, into);
  fillCounts(c, into);
  into.rmem_alloc = c.rmemAlloc;
  into.rcvbuf = c.rcvbuf;
  into.wmem_alloc = c.wmemAlloc;
  into.sndbuf = c.sndbuf;
  into.wmem_queued = c.wmemQueued;
  into.backlog = c.backlogLen;
}

/** As tcp_init_sock leaves it. */
function fillUnconnected(s: Sock, into: TcpInfo): void {
  Object.assign(into, new TcpInfo());
  const o = s.stack.tcp.options;
  into.snd_cwnd = 10;
  into.reordering = o.reordering;
  into.pacing_rate = Infinity;
  into.max_pacing_rate = s.settings!.maxPacingRate;
  into.rcvbuf = s.settings!.rcvbuf;
  into.sndbuf = s.settings!.sndbuf;
  if (s.listener !== null) {
    into.state = STATE_NUMBERS.LISTEN;
    into.unacked = s.listener.queue.length;
    into.sacked = s.listener.backlog;
    return;
  }
  into.state = STATE_NUMBERS.CLOSED;
  into.rto = 1_000_000;
  into.snd_mss = 536;
  into.snd_ssthresh = INFINITE_SSTHRESH;
  into.min_rtt = NO_RTT;
}

/** tcp_min_rtt() before the first sample: ~0U. */
const NO_RTT = 0xffff_ffff;

function fillCongestion(c: Connection, into: TcpInfo): void {
  into.state = STATE_NUMBERS[c.state];
  into.ca_state = c.caState;
  into.retransmits = c.retransmits;
  into.probes = c.probesOut;
  into.backoff = c.backoff;
  into.rto = Math.floor(c.rto / 1000);
  into.snd_mss = c.mssCache;
  into.unacked = c.packetsOut;
  into.sacked = c.sackedOut;
  into.lost = c.lostOut;
  into.retrans = c.retransOut;
  into.pmtu = c.path.mtu;
  into.rtt = c.srttUs >> 3;
  into.rttvar = c.mdevUs >> 2;
  into.min_rtt = c.minRttUs === 0x7fff_ffff ? NO_RTT : c.minRttUs;
  into.snd_ssthresh = c.ssthresh;
  into.snd_cwnd = c.cwnd;
  into.advmss = c.advMss;
  into.reordering = c.reordering;
  into.reord_seen = c.sender?.reordSeen ?? 0;
  into.in_flight = inFlight(c);
}

function fillOptions(c: Connection, into: TcpInfo): void {
  into.options =
    (c.tsOk ? TCPI_OPT_TIMESTAMPS : 0) |
    (c.sackOk ? TCPI_OPT_SACK : 0) |
    (c.wscaleOk ? TCPI_OPT_WSCALE : 0) |
    (c.ecn & ECN_OK ? TCPI_OPT_ECN : 0) |
    (c.ecn & ECN_SEEN ? TCPI_OPT_ECN_SEEN : 0);
  const f = c.fastOpen;
  if (f !== null) {
    if (f.synDataAcked) into.options |= TCPI_OPT_SYN_DATA;
    if (f.child) into.options |= TCPI_OPT_TFO_CHILD;
    into.fastopen_client_fail = f.clientFail;
  }
  into.snd_wscale = c.wscaleOk ? c.sndWscale : 0;
  into.rcv_wscale = c.wscaleOk ? c.rcvWscale : 0;
}

function fillTimes(c: Connection, into: TcpInfo, now: Instant): void {
  const x = c.context;
  const t = jiffiesNow(x, now);
  const ms = (since: number): number => Math.max(0, Math.floor((t - since) / 1_000_000));
  into.last_data_sent = ms(c.sender === null ? jiffiesNow(x, c.establishedAt) : c.sender.lsndTime);
  into.last_data_recv = ms(lastReceived(c));
  into.last_ack_recv = ms(jiffiesNow(x, c.rcvTstamp));
  const busy = chronoTime(c, CHRONO_BUSY, now);
  const rwnd = chronoTime(c, CHRONO_RWND, now);
  const sndbuf = chronoTime(c, CHRONO_SNDBUF, now);
  into.busy_time = Math.floor((busy + rwnd + sndbuf) / 1000);
  into.rwnd_limited = Math.floor(rwnd / 1000);
  into.sndbuf_limited = Math.floor(sndbuf / 1000);
  into.ato = Math.floor(Math.min(c.ackAto, x.delackMax) / 1000);
}

function fillRates(c: Connection, into: TcpInfo): void {
  const pacing = c.sender?.pacing ?? null;
  into.max_pacing_rate = c.settings.maxPacingRate;
  if (pacing !== null) into.pacing_rate = pacing.rate;
  else into.pacing_rate = c.srttUs === 0 ? Infinity : windowRate(c);
  into.delivery_rate = deliveryRate(c);
  into.delivery_rate_app_limited = c.sender?.rate?.rateAppLimited === true ? 1 : 0;
}

function fillCounts(c: Connection, into: TcpInfo): void {
  const { sender, receiver } = c;
  into.rcv_mss = c.rcvMss;
  into.rcv_ssthresh = c.rcvSsthresh;
  into.rcv_rtt = receiver === null ? 0 : receiver.rcvRttUs >> 3;
  into.rcv_space = c.rcvqSpace;
  into.rcv_wnd = c.rcvWnd;
  into.rcv_ooopack = receiver?.rcvOooPack ?? 0;
  into.snd_wnd = c.sndWnd;
  into.total_retrans = c.totalRetrans;
  into.total_rto = c.totalRto;
  into.bytes_acked = c.bytesAcked;
  into.bytes_received = c.bytesReceived;
  into.bytes_sent = c.bytesSent;
  into.bytes_retrans = sender?.bytesRetrans ?? 0;
  into.notsent_bytes = outqUnsent(c);
  into.segs_out = c.segsOut;
  into.segs_in = c.segsIn;
  into.data_segs_in = c.dataSegsIn;
  into.data_segs_out = c.dataSegsOut;
  into.delivered = c.delivered;
  into.delivered_ce = sender?.deliveredCe ?? 0;
  into.dsack_dups = sender?.dsackDups ?? 0;
  into.outq = outq(c);
}
