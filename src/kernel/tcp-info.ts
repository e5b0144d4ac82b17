/**
 * struct tcp_info and SO_MEMINFO, assembled from the connection and its socket (net/ipv4/tcp.c tcp_get_info, net/core/sock.c
 * sk_get_meminfo). Field names are Linux's without their prefix; times are µs where Linux has µs.
 *
 * Left out: the fields that only describe pacing, delivery rate and Fast Open, and the busy and limited times.
 */
import { inFlight, outq, outqUnsent, type Connection } from '../tcp/index.ts';
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

/** Made by the caller of `sys.tcpInfo`, filled by the kernel. */
export class TcpInfo {
  state = 0;
  ca_state = 0;
  retransmits = 0;
  probes = 0;
  backoff = 0;
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
  bytes_acked = 0;
  bytes_received = 0;
  segs_out = 0;
  segs_in = 0;
  notsent_bytes = 0;
  data_segs_in = 0;
  data_segs_out = 0;
  delivered = 0;
  bytes_sent = 0;
  bytes_retrans = 0;
  dsack_dups = 0;
  rcv_ooopack = 0;
  snd_wnd = 0;
  rcv_wnd = 0;
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
  const { c, listener } = s;
  if (c === null) {
    into.state = listener === null ? STATE_NUMBERS.CLOSED : STATE_NUMBERS.LISTEN;
    into.unacked = listener === null ? 0 : listener.queue.length;
    into.sacked = listener === null ? 0 : listener.backlog;
    return;
  }
  fillCongestion(c, into);
  fillCounts(c, into);
  into.rmem_alloc = c.rmemAlloc;
  into.rcvbuf = c.rcvbuf;
  into.wmem_alloc = c.wmemAlloc;
  into.sndbuf = c.sndbuf;
  into.wmem_queued = c.wmemQueued;
  into.backlog = c.backlogLen;
}

function fillCongestion(c: Connection, into: TcpInfo): void {
  into.state = STATE_NUMBERS[c.state];
  into.ca_state = c.caState;
  into.retransmits = c.retransmits;
  into.probes = c.probesOut;
  into.backoff = c.backoff;
  into.snd_wscale = c.sndWscale;
  into.rcv_wscale = c.rcvWscale;
  into.rto = Math.floor(c.rto / 1000);
  into.ato = Math.floor(c.ackAto / 1000);
  into.snd_mss = c.mssCache;
  into.rcv_mss = c.rcvMss;
  into.unacked = c.packetsOut;
  into.sacked = c.sackedOut;
  into.lost = c.lostOut;
  into.retrans = c.retransOut;
  into.pmtu = c.path.mtu;
  into.rcv_ssthresh = c.rcvSsthresh;
  into.rtt = c.srttUs >> 3;
  into.rttvar = c.mdevUs >> 2;
  into.snd_ssthresh = c.ssthresh;
  into.snd_cwnd = c.cwnd;
  into.advmss = c.advMss;
  into.reordering = c.reordering;
  into.rcv_rtt = c.receiver === null ? 0 : c.receiver.rcvRttUs >> 3;
  into.rcv_space = c.rcvqSpace;
  into.in_flight = inFlight(c);
}

function fillCounts(c: Connection, into: TcpInfo): void {
  into.total_retrans = c.totalRetrans;
  into.bytes_acked = c.bytesAcked;
  into.bytes_received = c.bytesReceived;
  into.segs_out = c.segsOut;
  into.segs_in = c.segsIn;
  into.notsent_bytes = outqUnsent(c);
  into.data_segs_in = c.dataSegsIn;
  into.data_segs_out = c.dataSegsOut;
  into.delivered = c.delivered;
  into.bytes_sent = c.bytesSent;
  into.bytes_retrans = c.sender?.bytesRetrans ?? 0;
  into.dsack_dups = c.sender?.dsackDups ?? 0;
  into.rcv_ooopack = c.receiver?.rcvOooPack ?? 0;
  into.snd_wnd = c.sndWnd;
  into.rcv_wnd = c.rcvWnd;
  into.outq = outq(c);
}
