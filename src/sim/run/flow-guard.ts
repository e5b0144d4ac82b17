/**
 * The laws of one connection, checked at every segment and every call that can break them. They look at headers, offsets
 * and memory from outside and share no code with what they check.
 *
 * - in-order: a reader gets the peer's stream, from offset 0 on, without a gap or a repetition, and never more than was
 *   written.
 * - window-edge: the right edge in the segments that leave (SEG.ACK + SEG.WND) moves left only when TCP says that memory
 *   ran out, tcp_shrink_window is on, or TCP_WINDOW_CLAMP is being consumed (the three ways of Linux).
 * - inside-window: payload that leaves for the first time ends at or before the highest edge the peer ever granted.
 * - bounded-queues: sk_rmem_alloc passes sk_rcvbuf by no more than the skb that crossed it, sk_wmem_queued sk_sndbuf by
 *   no more than `sendBound` says.
 */
import type { PayloadStream } from '../../base/payload.ts';
import type { Connection } from '../../tcp/connection.ts';
import { ACK, RST, SYN, type Segment } from '../../tcp/segment.ts';
import type { WindowMove } from '../../tcp/observer.ts';
import { seqRaw } from '../../tcp/seq.ts';
import type { TcpState } from '../../tcp/state.ts';
import {
  type Clock,
  EDGE,
  GRANT,
  HostMeter,
  sendBound,
  type Flows,
  type Watch,
} from './flow-meter.ts';
import type { Ledger } from './ledger.ts';

export class HostGuard extends HostMeter {
  private readonly ledger: Ledger;
  /** Its counts: they are moved several times a segment. */
  private readonly checks: Ledger['checks'];

  constructor(name: string, flows: Flows, clock: Clock, ledger: Ledger) {
    super(name, flows, clock);
    this.ledger = ledger;
    this.checks = ledger.checks;
  }

  override onSent(c: Connection, seg: Segment, retransmit: boolean): void {
    this.sent(c, seg, retransmit);
    const { flags } = seg;
    if ((flags & RST) !== 0) {
      this.abort(c);
      return;
    }
    const w = this.watch(c);
    if ((flags & ACK) !== 0) this.checkEdge(c, w, seg);
    // Data of a SYN goes before anything was granted (RFC 7413 §3).
    if (!retransmit && seg.len > 0 && (flags & SYN) === 0) this.checkInside(c, w, seg);
  }

  override onReceived(c: Connection, seg: Segment): void {
    this.received(c, seg);
    const { flags } = seg;
    if ((flags & RST) !== 0) this.abort(c);
    if ((flags & ACK) === 0) return;
    const w = this.watch(c);
    const edge = rightEdge(seg, c.sndWscale);
    if (((edge - w.granted) | 0) > 0 || (w.known & GRANT) === 0) {
      w.granted = edge;
      w.known |= GRANT;
    }
  }

  protected override movedLeft(c: Connection, why: WindowMove): void {
    super.movedLeft(c, why);
    this.watch(c).moved = why;
  }

  override onWritten(c: Connection, off: number, len: number): void {
    const e = this.end(c);
    this.wrote(c, e, off, len);
    this.checks['bounded-queues']++;
    const most = sendBound(c);
    if (c.wmemQueued > e.wmemSeen && c.wmemQueued > most) {
      this.ledger.fail(
        'bounded-queues',
        this.clock.now,
        `${this.describe(c)}: sk_wmem_queued ${c.wmemQueued} > ${most}: sk_sndbuf ${c.sndbuf}, one skb, and ${c.packetsOut} segments in flight`,
      );
    }
    e.wmemSeen = c.wmemQueued;
  }

  override onQueued(c: Connection, _stream: PayloadStream, off: number, len: number): void {
    const e = this.end(c);
    const { peer, queued } = e;
    const end = off + len;
    this.queued(e, end);
    const { checks } = this;
    checks['conserve-bytes']++;
    if (off !== queued)
      this.ledger.fail(
        'conserve-bytes',
        this.clock.now,
        `${this.describe(c)}: queued [${off}, ${end}) after ${queued}`,
      );
    if (peer !== null && end > peer.written) {
      this.ledger.fail(
        'conserve-bytes',
        this.clock.now,
        `${this.describe(c)}: queued up to ${end}, written ${peer.written}`,
      );
    }
    checks['bounded-queues']++;
    if (c.rmemAlloc > c.rcvbuf + this.rmemSkb && c.rmemAlloc > e.rmemSeen) {
      this.ledger.fail(
        'bounded-queues',
        this.clock.now,
        `${this.describe(c)}: sk_rmem_alloc ${c.rmemAlloc} > sk_rcvbuf ${c.rcvbuf} + one skb`,
      );
    }
    e.rmemSeen = c.rmemAlloc;
  }

  override onRead(c: Connection, stream: PayloadStream, off: number, len: number): void {
    const e = this.end(c);
    const next = e.read;
    this.read(e, off, len);
    this.checks['in-order']++;
    if (e.rxStream === null) e.rxStream = e.peer === null ? stream : e.peer.c.tx;
    if (stream !== e.rxStream) {
      this.ledger.fail(
        'in-order',
        this.clock.now,
        `${this.describe(c)}: read [${off}, ${off + len}) of another stream than the peer's`,
      );
    } else if (off !== next) {
      this.ledger.fail(
        'in-order',
        this.clock.now,
        `${this.describe(c)}: read [${off}, ${off + len}) after ${next}`,
      );
    } else if (e.peer !== null && off + len > e.peer.written) {
      this.ledger.fail(
        'in-order',
        this.clock.now,
        `${this.describe(c)}: read up to ${off + len}, written ${e.peer.written}`,
      );
    }
    e.rmemSeen = c.rmemAlloc;
  }

  override onState(c: Connection, from: TcpState, to: TcpState): void {
    super.onState(c, from, to);
    if (to === 'CLOSED' && c.error !== 0) this.abort(c);
  }

  /** Its bytes need not arrive any more. Where there were none, there is nothing to excuse. */
  private abort(c: Connection): void {
    const e = this.known(c);
    if (e !== null) e.aborted = true;
  }

  private checkEdge(c: Connection, w: Watch, seg: Segment): void {
    this.checks['window-edge']++;
    const edge = rightEdge(seg, c.rcvWscale);
    const back = (w.edge - edge) | 0;
    if (back > 0 && (w.known & EDGE) !== 0 && w.moved === 'kept') {
      this.ledger.fail(
        'window-edge',
        this.clock.now,
        `${this.describe(c)}: ack ${seqRaw(seg.ack)} win ${(edge - seqRaw(seg.ack)) | 0} takes back ${back} bytes`,
      );
    }
    w.moved = 'kept';
    w.edge = edge;
    w.known |= EDGE;
  }

  private checkInside(c: Connection, w: Watch, seg: Segment): void {
    this.checks['inside-window']++;
    if ((w.known & GRANT) === 0) {
      // The ACK that completes a handshake is taken by the request, before the connection exists.
      w.granted = (seqRaw(c.sndUna) + c.sndWnd) | 0;
      w.known |= GRANT;
    }
    const beyond = (seqRaw(seg.seq) + seg.len - w.granted) | 0;
    if (beyond > 0)
      this.ledger.fail(
        'inside-window',
        this.clock.now,
        `${this.describe(c)}: new data ends ${beyond} bytes beyond the advertised window`,
      );
  }

  private describe(c: Connection): string {
    return `${this.name}:${c.sport}->${c.dport}`;
  }
}

/** What a segment says may be sent up to: SEG.ACK + SEG.WND. The window of a SYN is never scaled (RFC 7323 §2.2). */
function rightEdge(seg: Segment, scale: number): number {
  const window = (seg.flags & SYN) !== 0 ? seg.window : seg.window << scale;
  return (seqRaw(seg.ack) + window) | 0;
}
