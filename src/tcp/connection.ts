/**
 * The fields of one connection and nothing else. Names are RFC 9293's where it has one, else those of Linux's tcp_sock and
 * inet_connection_sock. An idle connection stays small: queues are allocated on first use and dropped when empty, what only
 * matters to who sends or receives data is in `Sender` and `Receiver`, and options are shared with the socket's.
 *
 * Times are Instants (ns); RTT estimates are kept as Linux keeps them, in µs scaled by 8 or 4, so that every shift rounds
 * as it does there.
 */
import type { PayloadStream } from '../base/payload.ts';
import { DOUBLE_0, type Duration, type Instant, NEVER, ZERO } from '../base/units.ts';
import type { CongestionControl } from './congestion/controller.ts';
import { NOT_STARTED } from './congestion/reno.ts';
import type { TcpContext } from './context.ts';
import type { PathOptions } from './options.ts';
import type { SocketSettings } from './settings.ts';
import type { Deque } from './deque.ts';
import type { FastOpen } from './fastopen-state.ts';
import type { Receiver } from './receiver.ts';
import type { OutOfOrderQueue, Rx } from './recv-queue.ts';
import type { SendQueue } from './send-queue.ts';
import type { Sender } from './sender.ts';
import { SEQ_ZERO, type Seq } from './seq.ts';
import type { TcpState } from './state.ts';

/** What takeEvents returns: bits of what happened since the last call. */
export const READABLE = 1; // sk_data_ready
export const WRITABLE = 2; // sk_write_space: a refused writer may try again
export const CONNECTED = 4; // the handshake is complete
export const ERROR = 8; // c.error is set
export const HANGUP = 16; // the peer's FIN was taken
export const CLOSED = 32; // the record may go
export const TIME_WAIT = 64; // replace it by timeWaitOf(c)
export const DEADLINE = 128; // a deadline is another than before: nextDeadline may be, too

/** What pollSegment has to look at; 0: nothing to send. */
export const WORK_SYN = 1;
export const WORK_ACK = 2; // a pure ACK is due
export const WORK_XMIT = 4; // new data or FIN may be sendable
export const WORK_RTX = 8; // something may be retransmittable
export const WORK_HEAD = 16; // retransmit the first unacknowledged segment, whatever the congestion window
export const WORK_PROBE = 32; // a probe of seq SND.UNA − 1
export const WORK_RST = 64;
export const WORK_WAKEUP = 128; // probe with what fits into the window
export const WORK_SPACE = 256; // look whether a refused writer can go on, once all has been sent
export const WORK_REPLY_RST = 512; // a RST that answers a segment (`reply`)
export const WORK_TAIL_PROBE = 1024; // a tail loss probe: new data, or the last segment again
export const WORK_PRIOR_ACK = 4096; // an ACK of what came before the CE mark changed (Receiver.priorAck)

/** ACK scheduling, icsk_ack.pending. */
export const ACK_SCHED = 1;
export const ACK_TIMER = 2;
export const ACK_PUSHED = 4;
export const ACK_PUSHED2 = 8;
export const ACK_NOW = 16;
export const ACK_NOMEM = 32;

/** Explicit congestion notification (ecn_flags); 0: not used. */
export const ECN_OK = 1; // negotiated, or asked for in our SYN
export const ECN_QUEUE_CWR = 2; // the next new data says that the window was reduced
export const ECN_DEMAND_CWR = 4; // ACKs carry ECE until the peer says so
export const ECN_SEEN = 8; // data came with ECT
export const ECN_ECT = 16; // what leaves carries ECT(0): the socket's type of service has it
export const ECN_NEEDED = 32; // the congestion control wants ECT on every segment (DCTCP)

/** Congestion states (icsk_ca_state), in Linux's order. */
export const CA_OPEN = 0;
export const CA_DISORDER = 1;
export const CA_CWR = 2;
export const CA_RECOVERY = 3;
export const CA_LOSS = 4;

/** What the one retransmission timer waits for (icsk_pending). */
export const TIMER_NONE = 0;
export const TIMER_RETRANS = 1;
export const TIMER_REO = 2;
export const TIMER_PROBE0 = 3;
export const TIMER_TLP = 4;

export const INFINITE_SSTHRESH = 0x7fffffff;

export interface Tuple {
  readonly src: number;
  readonly sport: number;
  readonly dst: number;
  readonly dport: number;
}

/** What TCP needs for a connection and may not look up. */
export interface ConnectionArgs {
  readonly context: TcpContext;
  readonly tuple: Tuple;
  /** Initial sequence number, any integer modulo 2^32. */
  readonly isn: number;
  /** Added to the timestamp clock (Linux: random per connection), any integer modulo 2^32. */
  readonly tsOffset: number;
  /** The same number at both ends, and in every variant of a scenario. */
  readonly flow: number;
  /** What this side writes. */
  readonly tx: PayloadStream;
  readonly path: PathOptions;
  readonly settings: SocketSettings;
}

/** Number of a RST that answers a segment, and what it acknowledges; null: nothing. */
export interface Reply {
  readonly seq: Seq;
  readonly ack: Seq | null;
}

export class Connection {
  readonly context: TcpContext;
  /** The route; another one when that changes. */
  path: PathOptions;
  /** Options that are only kept and read when they matter; what the connection changes by itself (buffers) it has of its own. */
  settings: SocketSettings;
  readonly src: number;
  readonly dst: number;
  readonly sport: number;
  readonly dport: number;
  readonly flow: number;
  /** What this side writes; a segment's payload is a reference into it. */
  readonly tx: PayloadStream;
  /** For whoever owns the connection (the kernel's socket). */
  owner: unknown = null;
  /** For the observer: its own record of this connection. */
  watch: unknown = null;

  /** Written by setState (state.ts) only. */
  state: TcpState = 'CLOSED';
  /** Bits for takeEvents. */
  events = 0;
  /** Errno that the next call reports, once (sk_err); 0: none. */
  error = 0;
  /** WORK_* bits. */
  work = 0;

  // ---- Send sequence space, RFC 9293 §3.3.1
  sndUna: Seq = SEQ_ZERO;
  sndNxt: Seq = SEQ_ZERO;
  /** End of what was written, FIN included. */
  writeSeq: Seq = SEQ_ZERO;
  sndWnd = 0;
  sndWl1: Seq = SEQ_ZERO;
  /** Largest window the peer ever offered. */
  maxWindow = 0;
  sndWscale = 0;
  /** Offset in `tx` of the byte at SND.UNA (a SYN or FIN counts 0). */
  unaOff = 0;
  /** Our SYN has been acknowledged: from here on a sequence number acknowledged is a byte, or the FIN at the end. */
  synAcked = false;
  /** What comes with the first thing to send. */
  sender: Sender | null = null;
  sendQueue: SendQueue | null = null;
  /** Peer's MSS option, then the size of a full segment without SACK blocks. */
  mssClamp = 536;
  mssCache = 536;
  advMss = 0;
  /** Frames of this connection in this direction so far: the next one's ordinal. */
  ordinal = 0;

  // ---- Send memory
  /** Bytes of truesize in the send queue (sk_wmem_queued), and the bound. */
  wmemQueued = 0;
  sndbuf: number;
  /** Bytes of truesize given to the device and not yet freed (TSQ), and whether that held something back. */
  wmemAlloc = 0;
  tsqThrottled = false;
  /** A writer was refused (SOCK_NOSPACE). */
  noSpace = false;
  /** In the middle of a write: new data from heldSeq on stays, whatever window and Nagle allow. */
  held = false;
  /** Nagle does not hold back what is queued now (TCP_NAGLE_PUSH). */
  naglePush = false;

  // ---- Congestion control and loss recovery
  /** Its state comes with the first data sent. */
  congestion: CongestionControl = NOT_STARTED;
  caState: number = CA_OPEN;
  cwnd = 10;
  ssthresh: number = INFINITE_SSTHRESH;
  packetsOut = 0;
  sackedOut = 0;
  lostOut = 0;
  retransOut = 0;
  reordering = 3;
  delivered = 0;
  minRttUs = 0x7fffffff;
  minRttAtUs = 0;

  // ---- Round-trip time and timers
  srttUs = 0;
  mdevUs = 0;
  mdevMaxUs = 0;
  rttvarUs = 0;
  rttSeq: Seq = SEQ_ZERO;
  rto: Duration = ZERO;
  backoff = 0;
  retransmits = 0;
  probesOut = 0;
  timer: number = TIMER_NONE;
  timerAt: Instant = NEVER;
  delackAt: Instant = NEVER;
  /** Keepalive, and FIN-WAIT-2 of an orphan. */
  keepaliveAt: Instant = NEVER;

  // ---- Receive sequence space
  rcvNxt: Seq = SEQ_ZERO;
  /** RCV.NXT when the window was last advertised. */
  rcvWup: Seq = SEQ_ZERO;
  copiedSeq: Seq = SEQ_ZERO;
  /** As advertised last. */
  rcvWnd = 0;
  rcvWscale = 0;
  rcvSsthresh = 0;
  windowClamp = 0;
  /** Window bytes per byte of memory, of 256. */
  scalingRatio = 128;
  /** What comes with the first data received. */
  receiver: Receiver | null = null;
  rcvQueue: Deque<Rx> | null = null;
  ofo: OutOfOrderQueue | null = null;
  /** The peer's FIN has been taken (RCV_SHUTDOWN), by it or by shutdown(SHUT_RD). */
  rcvShutdown = false;
  /** Our FIN is queued or sent (SEND_SHUTDOWN). */
  sndShutdown = false;

  /** Pages of the host's memory that it holds for what is queued, either way (memory.ts). */
  memPages = 0;

  // ---- Receive memory
  /** Bytes of truesize in the receive and out-of-order queues (sk_rmem_alloc), and the bound. */
  rmemAlloc = 0;
  rcvbuf: number;
  /** Bytes in the kernel's backlog of this socket; they narrow the window. The kernel keeps it. */
  backlogLen = 0;

  // ---- Acknowledging, icsk_ack
  ackPending = 0;
  ackQuick = 0;
  ackPingpong = 0;
  ackAto: Duration = ZERO;
  rcvMss = 0;

  // ---- Options of the connection
  sackOk = false;
  tsOk = false;
  tsOffset = 0;
  tsRecent = 0;
  tsRecentStamp: Instant = NEVER;

  /** ECN_* bits. */
  ecn = 0;

  /** Made with the first use of Fast Open. */
  fastOpen: FastOpen | null = null;

  // ---- Keepalive
  /** When something came last; whoever asks wants the tick before (rcv_tstamp). */
  rcvTstamp: Instant = DOUBLE_0;

  // ---- tcp_info
  bytesSent = 0;
  bytesAcked = 0;
  bytesReceived = 0;
  segsOut = 0;
  segsIn = 0;
  dataSegsOut = 0;
  dataSegsIn = 0;

  // ---- Looked at seldom while data flows: apart, to take no room in the cache lines that every segment needs

  iss: Seq = SEQ_ZERO;
  /** See `held`. */
  heldSeq: Seq = SEQ_ZERO;
  noDelay: boolean;
  cork: boolean;
  wscaleOk = false;
  /** When the handshake was completed. */
  establishedAt: Instant = DOUBLE_0;
  synSentAt: Instant = NEVER;
  synRetransmitted = false;
  /** accept() has handed it out, or connect() made it (sk_socket). The kernel keeps it. */
  accepted = true;
  /** No file refers to it any more (SOCK_DEAD). */
  orphan = false;
  /** How long the record that replaces this one is to live. */
  timeWaitFor: Duration = DOUBLE_0;
  /** Time of the first retransmission of this episode; NEVER when there is none. */
  retransStamp: Instant = NEVER;
  totalRto = 0;
  totalRetrans = 0;
  /** What the application is expected to read in a round trip. */
  rcvqSpace = 0;
  lastOowAck: Instant | null = null;
  /** The RST that answers a segment (WORK_REPLY_RST). */
  reply: Reply | null = null;

  constructor(args: ConnectionArgs) {
    const s = args.settings;
    s.shared = true;
    this.settings = s;
    this.context = args.context;
    this.path = args.path;
    this.src = args.tuple.src;
    this.dst = args.tuple.dst;
    this.sport = args.tuple.sport;
    this.dport = args.tuple.dport;
    this.flow = args.flow;
    this.tx = args.tx;
    this.tsOffset = args.tsOffset | 0;
    this.sndbuf = s.sndbuf;
    this.noDelay = s.noDelay;
    this.cork = s.cork;
    this.rcvbuf = s.rcvbuf;
    args.context.memory.connections++;
  }
}

/** Segments in the network, as far as known (tcp_packets_in_flight). */
export const inFlight = (c: Connection): number =>
  c.packetsOut - c.sackedOut - c.lostOut + c.retransOut;
