/** A half-open connection of a listener (SYN-RECEIVED): a small record, as Linux's request_sock. */
import type { Instant } from '../base/units.ts';
import { NEVER } from '../base/units.ts';
import type { TcpContext } from './context.ts';
import type { Tuple } from './connection.ts';
import type { PathOptions, SocketSettings } from './options.ts';
import { SEQ_ZERO, type Seq } from './seq.ts';

/** What the listening socket passes on. */
export interface ListenerOptions {
  readonly context: TcpContext;
  readonly path: PathOptions;
  /** Inherited by the connection. */
  readonly settings: SocketSettings;
}

export interface RequestArgs {
  readonly tuple: Tuple;
  readonly isn: number;
  readonly tsOffset: number;
  readonly flow: number;
}

export class Request {
  readonly listener: ListenerOptions;
  readonly src: number;
  readonly dst: number;
  readonly sport: number;
  readonly dport: number;
  readonly flow: number;
  /** For whoever owns it (the kernel's listener). */
  owner: unknown = null;
  sntIsn: Seq = SEQ_ZERO;
  rcvIsn: Seq = SEQ_ZERO;
  rcvNxt: Seq = SEQ_ZERO;
  /** Peer's MSS option; 536 when absent. */
  mss = 536;
  rcvWnd = 0;
  windowClamp = 0;
  rcvWscale = 0;
  sndWscale = 0;
  wscaleOk = false;
  sackOk = false;
  tsOk = false;
  tsRecent = 0;
  tsOffset = 0;
  /** SYN-ACKs sent again by the timer (num_timeout) and by duplicates of the SYN too (num_retrans). */
  timeouts = 0;
  retrans = 0;
  ordinal = 0;
  /** The handshake ACK came but the accept queue was full: the SYN-ACK is sent again to draw another. */
  acked = false;
  synackAt: Instant = NEVER;
  deadline: Instant = NEVER;
  work = 0;
  /** Given up: the kernel forgets it. */
  dead = false;
  /** Sequence and acknowledgment numbers of a reply that is due (RST or ACK). */
  replySeq: Seq = SEQ_ZERO;
  lastOowAck: Instant = NEVER;

  constructor(listener: ListenerOptions, args: RequestArgs) {
    this.listener = listener;
    this.src = args.tuple.src;
    this.dst = args.tuple.dst;
    this.sport = args.tuple.sport;
    this.dport = args.tuple.dport;
    this.flow = args.flow;
    this.tsOffset = args.tsOffset | 0;
  }
}

/** What onRequestSegment says. */
export const REQ_DROP = 0; // nothing to do; pollRequest may have a reply
export const REQ_ESTABLISH = 1; // the handshake ACK (or data with it): call establish, if the accept queue has room
export const REQ_DEAD = 2; // reset: forget it; pollRequest has nothing
