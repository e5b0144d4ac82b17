/** tcp_info, with Linux's field names and units (include/uapi/linux/tcp.h): what TCP itself knows of it. */
import type { Connection } from './connection.ts';
import { outqUnsent } from './calls.ts';

export interface TcpInfo {
  /** Linux's number: ESTABLISHED 1, SYN_SENT 2, … CLOSING 11; a socket in TIME-WAIT says CLOSE (7). */
  readonly tcpi_state: number;
  readonly tcpi_ca_state: number;
  readonly tcpi_retransmits: number;
  readonly tcpi_probes: number;
  readonly tcpi_backoff: number;
  readonly tcpi_snd_wscale: number;
  readonly tcpi_rcv_wscale: number;
  /** µs. */
  readonly tcpi_rto: number;
  readonly tcpi_ato: number;
  readonly tcpi_snd_mss: number;
  readonly tcpi_rcv_mss: number;
  readonly tcpi_unacked: number;
  readonly tcpi_sacked: number;
  readonly tcpi_lost: number;
  readonly tcpi_retrans: number;
  /** µs. */
  readonly tcpi_rtt: number;
  readonly tcpi_rttvar: number;
  readonly tcpi_snd_ssthresh: number;
  readonly tcpi_snd_cwnd: number;
  readonly tcpi_advmss: number;
  readonly tcpi_reordering: number;
  /** µs. */
  readonly tcpi_rcv_rtt: number;
  readonly tcpi_rcv_space: number;
  readonly tcpi_rcv_ssthresh: number;
  readonly tcpi_total_retrans: number;
  readonly tcpi_bytes_acked: number;
  readonly tcpi_bytes_received: number;
  readonly tcpi_segs_out: number;
  readonly tcpi_segs_in: number;
  readonly tcpi_notsent_bytes: number;
  readonly tcpi_min_rtt: number;
  readonly tcpi_data_segs_in: number;
  readonly tcpi_data_segs_out: number;
  readonly tcpi_delivered: number;
  readonly tcpi_bytes_sent: number;
  readonly tcpi_bytes_retrans: number;
  readonly tcpi_dsack_dups: number;
  readonly tcpi_reord_seen: number;
  readonly tcpi_rcv_ooopack: number;
  readonly tcpi_snd_wnd: number;
  readonly tcpi_rcv_wnd: number;
}

const LINUX_STATE = {
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
} as const;

export function info(c: Connection): TcpInfo {
  return {
    tcpi_state: LINUX_STATE[c.state],
    tcpi_ca_state: c.caState,
    tcpi_retransmits: c.retransmits,
    tcpi_probes: c.probesOut,
    tcpi_backoff: c.backoff,
    tcpi_snd_wscale: c.sndWscale,
    tcpi_rcv_wscale: c.rcvWscale,
    tcpi_rto: c.rto / 1000,
    tcpi_ato: c.ackAto / 1000,
    tcpi_snd_mss: c.mssCache,
    tcpi_rcv_mss: c.rcvMss,
    tcpi_unacked: c.packetsOut,
    tcpi_sacked: c.sackedOut,
    tcpi_lost: c.lostOut,
    tcpi_retrans: c.retransOut,
    tcpi_rtt: c.srttUs >> 3,
    tcpi_rttvar: c.mdevUs >> 2,
    tcpi_snd_ssthresh: c.ssthresh,
    tcpi_snd_cwnd: c.cwnd,
    tcpi_advmss: c.advMss,
    tcpi_reordering: c.reordering,
    tcpi_rcv_rtt: c.rcvRttUs >> 3,
    tcpi_rcv_space: c.rcvqSpace,
    tcpi_rcv_ssthresh: c.rcvSsthresh,
    tcpi_total_retrans: c.totalRetrans,
    tcpi_bytes_acked: c.bytesAcked,
    tcpi_bytes_received: c.bytesReceived,
    tcpi_segs_out: c.segsOut,
    tcpi_segs_in: c.segsIn,
    tcpi_notsent_bytes: outqUnsent(c),
    tcpi_min_rtt: c.minRttUs,
    tcpi_data_segs_in: c.dataSegsIn,
    tcpi_data_segs_out: c.dataSegsOut,
    tcpi_delivered: c.delivered,
    tcpi_bytes_sent: c.bytesSent,
    tcpi_bytes_retrans: c.bytesRetrans,
    tcpi_dsack_dups: c.dsackDups,
    tcpi_reord_seen: c.reordSeen,
    tcpi_rcv_ooopack: c.rcvOooPack,
    tcpi_snd_wnd: c.sndWnd,
    tcpi_rcv_wnd: c.rcvWnd,
  };
}
