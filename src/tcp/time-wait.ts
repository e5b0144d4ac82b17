/** TIME-WAIT and the FIN-WAIT-2 of an orphan: a small record, as Linux's tcp_timewait_sock. */
import type { Instant } from '../base/units.ts';
import { NEVER } from '../base/units.ts';
import type { TcpContext } from './context.ts';
import { SEQ_ZERO, type Seq } from './seq.ts';

export class TimeWait {
  readonly context: TcpContext;
  src = 0;
  dst = 0;
  sport = 0;
  dport = 0;
  flow = 0;
  owner: unknown = null;
  /** FIN-WAIT-2 until the peer's FIN comes. */
  substate: 'FIN-WAIT-2' | 'TIME-WAIT' = 'TIME-WAIT';
  sndNxt: Seq = SEQ_ZERO;
  rcvNxt: Seq = SEQ_ZERO;
  rcvWnd = 0;
  rcvWscale = 0;
  tsOk = false;
  tsOffset = 0;
  tsRecent = 0;
  tsRecentStamp: Instant = NEVER;
  ordinal = 0;
  lastOowAck: Instant = NEVER;
  deadline: Instant = NEVER;
  /** An ACK or RST is due. */
  reply = 0;

  constructor(context: TcpContext) {
    this.context = context;
  }
}

/** What onTimeWaitSegment says. */
export const TW_KEEP = 0; // pollTimeWait may have an ACK
export const TW_GONE = 1; // forget it; pollTimeWait may have a RST
export const TW_SYN = 2; // forget it and give the segment to the listener: a new connection begins (RFC 9293 §3.10.7.4)
