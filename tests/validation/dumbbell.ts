/**
 * Bulk flows through one bottleneck in virtual time: connections without any host, a FIFO of a rate and a limit, fixed delays.
 * Nothing but TCP and the queue decides what comes out, so that closed forms can be held against it.
 *
 * The way of a data segment: access (jitter) → queue → bottleneck → delay → receiver; an ACK comes back after the rest of the RTT.
 * What is in front of the queue and behind the bottleneck takes no time to send. The receiver reads at once.
 */
import { Lane } from '../../src/base/hash.ts';
import { PayloadStream } from '../../src/base/payload.ts';
import { NEVER, type Instant } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';

export const MS = 1_000_000;
export const SEC = 1_000_000_000;

/** Segments on their way, in order of arrival: a ring that grows. */
class Pipe {
  private segments: tcp.Segment[] = [];
  private times: number[] = [];
  private head = 0;
  private last = 0;

  get next(): number {
    return this.head < this.times.length ? this.times[this.head]! : Infinity;
  }
  /** Arrives at `at`, but never before what was sent earlier. */
  push(s: tcp.Segment, at: number): void {
    this.last = Math.max(this.last, at);
    this.segments.push(s);
    this.times.push(this.last);
  }
  shift(): tcp.Segment {
    const s = this.segments[this.head++]!;
    if (this.head > 4096 && this.head * 2 > this.times.length) {
      this.segments = this.segments.slice(this.head);
      this.times = this.times.slice(this.head);
      this.head = 0;
    }
    return s;
  }
}

const GROWN: tcp.TcpOptions['rmem'] = [4096, 1 << 20, 1 << 20];

export interface FlowOptions {
  readonly rttNs: number;
  readonly startNs?: number;
  readonly options?: Partial<tcp.TcpOptions>;
  readonly receiver?: Partial<tcp.TcpOptions>;
  readonly path?: Partial<tcp.PathOptions>;
  /**
   * False: every segment is acknowledged. True: every second one, by a receiver whose window is as large as it gets: as long as
   * it grows Linux acknowledges at once (tcp_grow_window: quick |= 1).
   */
  readonly delayedAcks?: boolean;
  /** How much later than it was sent the n-th data segment reaches the queue; order is kept. */
  readonly jitter?: (n: number) => number;
}

export interface QueueOptions {
  /** Bottleneck; 0: none, and no queue. */
  readonly nsPerByte?: number;
  /** Packets that the queue takes, the one in service counted. */
  readonly limit?: number;
  /** With more packets than this in the queue a segment with ECT is marked. */
  readonly markAbove?: number;
  /** Is the n-th data segment that comes to the queue lost? From 1, retransmissions counted. */
  readonly lose?: (n: number, segment: tcp.Segment, flow: number) => boolean;
}

export class Flow {
  readonly index: number;
  readonly rttNs: number;
  readonly sender: tcp.TcpContext;
  readonly receiverContext: tcp.TcpContext;
  readonly access: Pipe = new Pipe();
  readonly forth: Pipe = new Pipe();
  readonly back: Pipe = new Pipe();
  readonly startAt: number;
  readonly jitter: ((n: number) => number) | null;
  c: tcp.Connection | null = null;
  request: tcp.Request | null = null;
  peer: tcp.Connection | null = null;
  /** Bytes read by the receiver, and data segments sent. */
  received = 0;
  sent = 0;
  private readonly args: tcp.ConnectionArgs;
  readonly listener: tcp.ListenerOptions;
  readonly stream: PayloadStream;

  constructor(index: number, o: FlowOptions) {
    const options = tcp.tcpOptions({
      rmem: [4096, 1 << 29, 1 << 30],
      wmem: [4096, 1 << 29, 1 << 30],
      rmemMax: 1 << 30,
      wmemMax: 1 << 30,
      hz: 'exact',
      ...o.options,
    });
    const grown = o.delayedAcks === true ? { rmem: GROWN } : {};
    const theirs = tcp.tcpOptions({ ...options, ...grown, ...o.receiver });
    this.index = index;
    this.rttNs = o.rttNs;
    this.startAt = o.startNs ?? 0;
    this.jitter = o.jitter ?? null;
    this.sender = new tcp.TcpContext(options, new Lane(`sender ${index}`));
    this.receiverContext = new tcp.TcpContext(theirs, new Lane(`receiver ${index}`));
    const path = tcp.pathOptions(o.path);
    this.args = {
      context: this.sender,
      tuple: { src: 1, dst: 2, sport: 1000 + index, dport: 80 },
      isn: 1000 * index,
      tsOffset: 0,
      flow: index,
      tx: new PayloadStream(2 * index),
      path,
      settings: new tcp.SocketSettings(options),
    };
    this.stream = new PayloadStream(2 * index + 1);
    this.listener = {
      context: this.receiverContext,
      path: tcp.pathOptions({ ...path, quickack: o.delayedAcks !== true }),
      settings: new tcp.SocketSettings(theirs),
    };
  }

  open(now: Instant): void {
    this.c = tcp.connect(this.args, now);
  }
}

export class Dumbbell {
  now = 0;
  readonly flows: Flow[];
  private readonly q: Required<QueueOptions>;
  private readonly pool: tcp.Segment[] = [];
  private freeAt = 0;
  private departures: number[] = [];
  private departed = 0;
  private offered = 0;
  private readonly bottleneck = new Pipe();
  dropped = 0;
  marked = 0;
  /** Most packets that were in the queue, and the integral of the queueing time of all that passed. */
  peak = 0;
  waited = 0;
  passed = 0;

  constructor(queue: QueueOptions, flows: readonly FlowOptions[]) {
    this.q = {
      nsPerByte: queue.nsPerByte ?? 0,
      limit: queue.limit ?? Infinity,
      markAbove: queue.markAbove ?? Infinity,
      lose: queue.lose ?? (() => false),
    };
    this.flows = flows.map((f, i) => new Flow(i, f));
  }

  /** Packets in the queue, the one in service counted. */
  get depth(): number {
    while (this.departed < this.departures.length && this.departures[this.departed]! <= this.now)
      this.departed++;
    if (this.departed > 8192) {
      this.departures = this.departures.slice(this.departed);
      this.departed = 0;
    }
    return this.departures.length - this.departed;
  }

  run(until: number, look: (() => void) | null = null): void {
    while (this.step(until)) if (look !== null) look();
    this.now = until;
  }

  private step(until: number): boolean {
    let t = this.bottleneck.next;
    let who: Flow | null = null;
    let what = 0;
    for (const f of this.flows) {
      const times = [f.access.next, f.forth.next, f.back.next, timerOf(f)];
      for (let k = 0; k < 4; k++) {
        if (times[k]! >= t) continue;
        t = times[k]!;
        who = f;
        what = k;
      }
    }
    if (t > until) return false;
    this.now = t;
    if (who === null) this.leaves(this.bottleneck.shift());
    else if (what === 0) this.enters(who.access.shift());
    else if (what === 1) this.arrives(who, who.forth.shift());
    else if (what === 2) this.acked(who, who.back.shift());
    else this.fire(who);
    return true;
  }

  private enters(s: tcp.Segment): void {
    const depth = this.depth;
    if (s.len > 0 && this.q.lose(++this.offered, s, s.flow)) {
      this.lost(s);
      return;
    }
    if (depth >= this.q.limit) {
      this.lost(s);
      return;
    }
    if (depth > this.q.markAbove && tcp.ecnField(s) !== 0) {
      s.ce = true;
      this.marked++;
    }
    const start = Math.max(this.freeAt, this.now);
    this.waited += start - this.now;
    this.passed++;
    this.freeAt = start + (s.headerLen + s.len) * this.q.nsPerByte;
    if (this.q.nsPerByte > 0) {
      this.departures.push(this.freeAt);
      if (depth + 1 > this.peak) this.peak = depth + 1;
    }
    this.bottleneck.push(s, Math.floor(this.freeAt));
  }

  private lost(s: tcp.Segment): void {
    this.dropped++;
    this.pool.push(s);
  }

  private leaves(s: tcp.Segment): void {
    const f = this.flows[s.flow]!;
    f.forth.push(s, this.now + Math.floor(f.rttNs / 2));
  }

  private arrives(f: Flow, s: tcp.Segment): void {
    const now = this.now as Instant;
    s.truesize = s.len > 0 ? 2304 : 832;
    if (f.peer !== null) tcp.onSegment(f.peer, s, now);
    else if (f.request === null) {
      const args = { tuple: { src: 2, dst: 1, sport: 80, dport: s.sport }, isn: 7, tsOffset: 0 };
      f.request = tcp.onSyn(f.listener, s, { ...args, flow: f.index }, now);
    } else if (tcp.onRequestSegment(f.request, s, now) === tcp.REQ_ESTABLISH)
      f.peer = tcp.establish(f.request, s, f.stream, now);
    this.pool.push(s);
    this.pumpReceiver(f, now);
  }

  private pumpReceiver(f: Flow, now: Instant): void {
    if (f.peer !== null) {
      const n = tcp.read(f.peer, 1 << 30, null, now);
      if (n > 0) f.received += n;
    }
    for (;;) {
      const out = this.take();
      const more =
        f.peer !== null
          ? tcp.pollSegment(f.peer, now, out)
          : f.request !== null && tcp.pollRequest(f.request, now, out);
      if (!more) {
        this.pool.push(out);
        break;
      }
      if (f.peer !== null) tcp.onTxFreed(f.peer, out.truesize);
      f.back.push(out, now + f.rttNs - Math.floor(f.rttNs / 2));
    }
    if (f.peer !== null) tcp.takeEvents(f.peer);
  }

  private acked(f: Flow, s: tcp.Segment): void {
    const now = this.now as Instant;
    s.truesize = 832;
    tcp.onSegment(f.c!, s, now);
    this.pool.push(s);
    this.pumpSender(f, now);
  }

  private pumpSender(f: Flow, now: Instant): void {
    const c = f.c!;
    // There is always more than a window to send.
    if (c.state === 'ESTABLISHED') {
      const want = Math.max(4 * c.cwnd, 64) * 1500 - tcp.outqUnsent(c);
      if (want > 0) tcp.write(c, want, now);
    }
    for (;;) {
      const out = this.take();
      if (!tcp.pollSegment(c, now, out)) {
        this.pool.push(out);
        break;
      }
      tcp.onTxFreed(c, out.truesize);
      if (out.len > 0) f.sent++;
      const later = f.jitter === null || out.len === 0 ? 0 : f.jitter(f.sent);
      // A queue of the kind fq lets each go at its time.
      f.access.push(out, Math.max(now, tcp.departureOf(c)) + later);
    }
    tcp.takeEvents(c);
  }

  private fire(f: Flow): void {
    const now = this.now as Instant;
    if (f.c === null) {
      f.open(now);
      this.pumpSender(f, now);
      return;
    }
    if (tcp.nextDeadline(f.c) <= now) {
      tcp.onTimer(f.c, now);
      this.pumpSender(f, now);
    }
    if (f.peer !== null && tcp.nextDeadline(f.peer) <= now) {
      tcp.onTimer(f.peer, now);
      this.pumpReceiver(f, now);
    }
  }

  private take(): tcp.Segment {
    return this.pool.pop() ?? new tcp.Segment();
  }
}

function timerOf(f: Flow): number {
  if (f.c === null) return f.startAt;
  const t = tcp.nextDeadline(f.c);
  const p = f.peer === null ? NEVER : tcp.nextDeadline(f.peer);
  return t < p ? t : p;
}

/** Numbers in [0, 1) from a seed, for jitter and loss (mulberry32). */
export function randoms(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Jain's index of fairness. */
export function jain(xs: readonly number[]): number {
  const sum = xs.reduce((a, b) => a + b, 0);
  const squares = xs.reduce((a, b) => a + b * b, 0);
  return (sum * sum) / (xs.length * squares);
}
