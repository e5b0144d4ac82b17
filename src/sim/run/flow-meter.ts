/**
 * What each end of each connection did, seen from TCP's own input and output: bytes, latency of bulk data, duplicate ACKs,
 * SACK blocks, what was sent again and why, closed windows, peaks of the buffers. It only measures; flow-guard.ts adds the
 * laws.
 *
 * The latency of bulk data is taken once per write: from the write to the read of its last byte. Connections of request
 * clients are left out: their latency is the request's, and the client tells it.
 */
import { Ring } from '../../base/ring.ts';
import { DOUBLE_0, type Instant, NEVER } from '../../base/units.ts';
import type { PayloadStream } from '../../base/payload.ts';
import { CA_LOSS, type Connection } from '../../tcp/connection.ts';
import type { TcpObserver, WindowMove } from '../../tcp/observer.ts';
import { FIN, RST, SYN, type Segment } from '../../tcp/segment.ts';
import { SEQ_ZERO, type Seq } from '../../tcp/seq.ts';
import type { TcpState } from '../../tcp/state.ts';

/** Truesize of the largest record that one write can add: 64 KiB of payload in pages, and its head. */
const ONE_SKB = 65_536 + 4_096;
/** What a record of the send queue is charged beside its payload. */
const RECORD = 832;

/**
 * The most that sk_wmem_queued may be: sk_sndbuf and the one skb that crosses it. The record that is being filled is filled
 * up again as its front is cut off and sent (tcp_sendmsg_locked), so what is in flight comes on top: the congestion
 * window bounds that, not the buffer. Where the host has been short of memory, the buffer may have shrunk below what is in it
 * (sk_stream_moderate_sndbuf): then it is what it may have been.
 */
export function sendBound(c: Connection): number {
  const { memory, options } = c.context;
  const shrinks = memory.shrunk && !c.settings.sndbufLocked;
  const sndbuf = shrinks ? Math.max(c.sndbuf, options.wmem[2]) : c.sndbuf;
  return sndbuf + ONE_SKB + c.packetsOut * (c.mssCache + RECORD);
}

// Watch.known
export const EDGE = 1;
export const GRANT = 2;

/**
 * What is remembered of one end from its first segment on. Apart from `FlowEnd`, and small: 10 000 idle connections have one
 * each, and none where no invariants are checked.
 */
export class Watch {
  /** The record, from the first data on. */
  end: FlowEnd | null = null;
  /** Right edge of what this end advertised, and of what it was granted: raw sequence numbers, once `known` says so. */
  edge = 0;
  granted = 0;
  /** EDGE, GRANT. */
  known = 0;
  /** Why the edge that the next segment says may lie further left. */
  moved: WindowMove = 'kept';
}

/** One end of a connection. */
export class FlowEnd {
  readonly host: HostMeter;
  readonly c: Connection;
  /** The other end, once it exists; null when it is no simulated host. */
  peer: FlowEnd | null = null;
  /** Whether the latency of its writes counts. */
  bulk = true;
  /** Bytes of c.tx written so far. */
  written = 0;
  /** What this end has read. */
  read = 0;
  /** Writes not yet read to their end at the other side: end offset and time, by turns. Allocated with the first write. */
  writes: Ring<number> | null = null;
  lastAck: Seq = SEQ_ZERO;
  lastWindow = -1;
  /** The window that was advertised last, in bytes; −1: it is to be looked at again. */
  advertised = -1;
  /** Since when the advertised window is zero; NEVER: it is open. */
  closedSince: Instant = NEVER;
  /** When its last payload came, in order; NEVER: none has. */
  dataAt: Instant = NEVER;
  /** The advertised window, since when, and its area in bytes · ns from `dataAt` up to then. */
  window = 0;
  windowSince: Instant = NEVER;
  windowArea: number = DOUBLE_0;
  // What flow-guard.ts remembers.
  queued = 0;
  rxStream: PayloadStream | null = null;
  rmemSeen = 0;
  wmemSeen = 0;
  /** The peer's FIN has been taken: its stream has ended. */
  finTaken = false;
  /** This end sent or took a RST, or gave up: its bytes need not arrive. */
  aborted = false;

  constructor(host: HostMeter, c: Connection) {
    this.host = host;
    this.c = c;
  }
}

/** What of a window its 16 bits can say: without window scaling 65 535 B, however much room there is. */
const inHeader = (c: Connection, rcvWnd: number): number =>
  (Math.min(rcvWnd, 0xffff << c.rcvWscale) >> c.rcvWscale) << c.rcvWscale;

/** What tells the present instant: the engine. */
export interface Clock {
  readonly now: Instant;
}

/**
 * Sums over the connections of one host. What is counted has a name of its own beside the observer's method: HostGuard does that
 * too, and V8 looks `super` up each time.
 */
export class HostMeter implements TcpObserver {
  readonly name: string;
  protected readonly clock: Clock;
  protected readonly flows: Flows;
  bytesRead = 0;
  firstEstablishedAt: Instant = NEVER;
  lastReadAt: Instant = NEVER;
  connections = 0;
  newDataSegmentsSent = 0;
  acksSent = 0;
  dupAcksSent = 0;
  sackBlocksSent = 0;
  retransmittedFast = 0;
  retransmittedRto = 0;
  zeroWindowTime = 0;
  /** Advertised windows over the time in which data came, in bytes · ns, and that time: their quotient is the mean. */
  windowArea: number = DOUBLE_0;
  windowTime: number = DOUBLE_0;
  windowMovedLeft = 0;
  rmemPeak = 0;
  rmemBound = 0;
  /** Largest skb received: what may cross the bound. */
  rmemSkb = 0;
  wmemPeak = 0;
  wmemBound = 0;
  /** Largest sk_sndbuf. */
  sndbuf = 0;
  /** Most segments in one out-of-order queue. */
  ofoPeak = 0;

  constructor(name: string, flows: Flows, clock: Clock) {
    this.name = name;
    this.flows = flows;
    this.clock = clock;
  }

  get dataSegmentsSent(): number {
    return this.newDataSegmentsSent + this.retransmittedFast + this.retransmittedRto;
  }

  /** The record of `c`, if there is one: a connection that is only open has none. */
  protected known(c: Connection): FlowEnd | null {
    const w = c.watch as Watch | null;
    return w === null ? null : w.end;
  }

  protected watch(c: Connection): Watch {
    const w = c.watch as Watch | null;
    return w === null ? (c.watch = new Watch()) : w;
  }

  /** The record of `c`, made with its first data or the peer's FIN: an idle connection costs none. */
  protected end(c: Connection): FlowEnd {
    const e = this.known(c);
    return e === null ? this.begin(c) : e;
  }

  private begin(c: Connection): FlowEnd {
    const e = new FlowEnd(this, c);
    this.watch(c).end = e;
    this.flows.add(e);
    return e;
  }

  onSent(c: Connection, seg: Segment, retransmit: boolean): void {
    this.sent(c, seg, retransmit);
  }

  protected sent(c: Connection, seg: Segment, retransmit: boolean): void {
    this.sackBlocksSent += seg.nsack;
    let e: FlowEnd | null;
    if (seg.len > 0) {
      e = this.end(c);
      if (!retransmit) this.newDataSegmentsSent += seg.segs;
      else if (c.caState === CA_LOSS) this.retransmittedRto += seg.segs;
      else this.retransmittedFast += seg.segs;
    } else {
      e = this.known(c);
      if ((seg.flags & (SYN | FIN | RST)) === 0) {
        this.acksSent++;
        // RFC 5681 §2: no payload, same acknowledgment number, same window, and something is outstanding beyond it.
        if (c.ofo !== null && e !== null && seg.ack === e.lastAck && seg.window === e.lastWindow)
          this.dupAcksSent++;
      }
    }
    if (c.ofo !== null && c.ofo.records.length > this.ofoPeak) this.ofoPeak = c.ofo.records.length;
    if (e === null) return;
    e.lastAck = seg.ack;
    e.lastWindow = seg.window;
  }

  onReceived(c: Connection, seg: Segment): void {
    this.received(c, seg);
  }

  protected received(c: Connection, seg: Segment): void {
    if (seg.len > 0) this.end(c);
    if (seg.truesize > this.rmemSkb) this.rmemSkb = seg.truesize;
  }

  onWritten(c: Connection, off: number, len: number): void {
    this.wrote(c, this.end(c), off, len);
  }

  protected wrote(c: Connection, e: FlowEnd, off: number, len: number): void {
    e.written = off + len;
    if (c.wmemQueued > this.wmemPeak) this.wmemPeak = c.wmemQueued;
    const bound = sendBound(c);
    if (bound > this.wmemBound) this.wmemBound = bound;
    if (c.sndbuf > this.sndbuf) this.sndbuf = c.sndbuf;
    if (!e.bulk) return;
    const writes = (e.writes ??= new Ring<number>());
    writes.push(off + len);
    writes.push(this.clock.now);
  }

  onQueued(c: Connection, _stream: PayloadStream, off: number, len: number): void {
    this.queued(this.end(c), off + len);
  }

  /** What came in order goes up to `end` now. */
  protected queued(e: FlowEnd, end: number): void {
    const { c } = e;
    e.queued = end;
    this.weighWindow(e);
    if (c.rmemAlloc > this.rmemPeak) this.rmemPeak = c.rmemAlloc;
    if (c.rcvbuf > this.rmemBound) this.rmemBound = c.rcvbuf;
  }

  onRead(c: Connection, _stream: PayloadStream, off: number, len: number): void {
    this.read(this.end(c), off, len);
  }

  protected read(e: FlowEnd, off: number, len: number): void {
    e.read = off + len;
    this.lastReadAt = this.clock.now;
    this.bytesRead += len;
    const writes = e.peer === null ? null : e.peer.writes;
    if (writes === null) return;
    while (writes.length > 0 && writes.peek()! <= e.read) {
      writes.shift();
      this.flows.onLatency(this.clock.now - writes.shift()!);
    }
  }

  onState(c: Connection, _from: TcpState, to: TcpState): void {
    if (to === 'ESTABLISHED') {
      this.connections++;
      if (this.firstEstablishedAt === NEVER) this.firstEstablishedAt = this.clock.now;
    }
    if (to === 'CLOSE-WAIT' || to === 'CLOSING' || to === 'TIME-WAIT') this.end(c).finTaken = true;
    if (to !== 'CLOSED' && to !== 'TIME-WAIT') return;
    const e = this.known(c);
    if (e !== null) this.openWindow(e);
  }

  onWindow(c: Connection, rcvWnd: number, why: WindowMove): void {
    if (why !== 'kept') this.movedLeft(c, why);
    const e = rcvWnd > 0 ? this.known(c) : this.end(c);
    if (e !== null && e.advertised !== rcvWnd) this.newWindow(e, rcvWnd);
  }

  /** The window that is just being advertised ends left of the one before. */
  protected movedLeft(_c: Connection, _why: WindowMove): void {
    this.windowMovedLeft++;
  }

  private newWindow(e: FlowEnd, rcvWnd: number): void {
    if (e.dataAt !== NEVER) {
      e.windowArea += e.window * (this.clock.now - e.windowSince);
      e.windowSince = this.clock.now;
      e.window = inHeader(e.c, rcvWnd);
    }
    if (rcvWnd > 0) this.openWindow(e);
    else if (e.closedSince === NEVER) e.closedSince = this.clock.now;
    e.advertised = rcvWnd;
  }

  /** At the end of the run: windows that are still closed count up to now. */
  finish(): void {
    for (const e of this.flows.ends) if (e.host === this) this.openWindow(e);
  }

  private openWindow(e: FlowEnd): void {
    if (e.closedSince === NEVER) return;
    this.zeroWindowTime += this.clock.now - e.closedSince;
    e.closedSince = NEVER;
    e.advertised = -1;
  }

  /** Up to the last payload and no further: what is advertised when nothing comes any more holds nobody back. */
  private weighWindow(e: FlowEnd): void {
    const { now } = this.clock;
    if (e.dataAt === NEVER) e.window = inHeader(e.c, e.c.rcvWnd);
    else {
      this.windowArea += e.windowArea + e.window * (now - e.windowSince);
      this.windowTime += now - e.dataAt;
      e.windowArea = 0;
    }
    e.windowSince = now;
    e.dataAt = now;
  }
}

/** All ends of a world, joined in pairs by the flow number that both know. */
export class Flows {
  readonly ends: FlowEnd[] = [];
  private readonly waiting = new Map<number, FlowEnd>();
  /** Gets the latency of one write, ns. */
  onLatency: (ns: number) => void = () => {};
  /** Whether the latency of what is written on a connection counts; asked once. */
  isBulk: (e: FlowEnd) => boolean = () => true;

  add(e: FlowEnd): void {
    this.ends.push(e);
    e.bulk = this.isBulk(e);
    const other = this.waiting.get(e.c.flow);
    if (other === undefined || other.host === e.host) {
      this.waiting.set(e.c.flow, e);
      return;
    }
    this.waiting.delete(e.c.flow);
    e.peer = other;
    other.peer = e;
  }
}
