/**
 * Two connections joined by an ideal wire in virtual time: no engine, no kernel, no CPU time. The wire has a delay, an
 * optional rate, and a script that decides for each segment whether it is dropped, doubled or held back.
 */
import { Lane } from '../../src/base/hash.ts';
import { PayloadStream } from '../../src/base/payload.ts';
import { add, NEVER, type Duration, type Instant } from '../../src/base/units.ts';
import * as tcp from '../../src/tcp/index.ts';

/** What happens to the n-th segment of a direction: 0 arrives, −1 is lost, k > 0 arrives and again k ns later, and so on. */
export interface Fate {
  readonly drop?: boolean;
  readonly duplicateAfter?: number;
  readonly extraDelay?: number;
}

export interface WireOptions {
  readonly delayNs: number;
  /** ns per byte of IP packet; 0: no serialisation. */
  readonly nsPerByte?: number;
  readonly fate?: (segment: tcp.Segment, n: number, now: Instant) => Fate | null;
  /** Memory charged for a received segment. */
  readonly truesize?: (len: number) => number;
}

/** As measured on tun devices: 832 to 2304 bytes for a frame (vectors of Linux 6.18). */
export const tunTruesize = (len: number): number => (len <= 150 ? 832 : len <= 700 ? 1280 : 2304);

interface Flying {
  at: number;
  order: number;
  to: End;
  segment: tcp.Segment;
}

export class End {
  readonly name: string;
  readonly context: tcp.TcpContext;
  readonly path: tcp.PathOptions;
  readonly settings: tcp.SocketSettings;
  readonly stream: PayloadStream;
  listener: tcp.ListenerOptions | null = null;
  request: tcp.Request | null = null;
  c: tcp.Connection | null = null;
  timeWait: tcp.TimeWait | null = null;
  isn: number;
  events = 0;
  /** Bytes read, and whether they came in order. */
  received = 0;
  eof = false;
  sent = 0;
  segments = 0;
  freeAt = 0;
  /** Called after everything that may have changed something: the application. */
  app: ((end: End, now: Instant) => void) | null = null;
  closedAt = -1;
  trouble: string[] = [];

  constructor(
    name: string,
    options: Partial<tcp.TcpOptions>,
    path: Partial<tcp.PathOptions>,
    isn: number,
    id: number,
  ) {
    this.name = name;
    const o = tcp.tcpOptions(options);
    this.context = new tcp.TcpContext(o, new Lane(name));
    this.path = tcp.pathOptions(path);
    this.settings = new tcp.SocketSettings(o);
    this.stream = new PayloadStream(id);
    this.isn = isn;
  }
}

export interface PairOptions {
  readonly client?: Partial<tcp.TcpOptions>;
  readonly server?: Partial<tcp.TcpOptions>;
  readonly clientPath?: Partial<tcp.PathOptions>;
  readonly serverPath?: Partial<tcp.PathOptions>;
  readonly wire: WireOptions;
  readonly back?: WireOptions;
  readonly clientIsn?: number;
  readonly serverIsn?: number;
}

export class Pair {
  now = 0 as Instant;
  readonly client: End;
  readonly server: End;
  /** Every segment put on the wire, in order. */
  readonly log: { at: number; from: string; line: string; dropped: boolean }[] = [];
  keepLog = false;
  /** Nothing is polled: what there is to send waits. */
  hold = false;
  onWire: ((from: End, segment: tcp.Segment, now: Instant) => void) | null = null;
  private readonly wires: Map<End, WireOptions>;
  private flying: Flying[] = [];
  private order = 0;
  steps = 0;

  constructor(o: PairOptions) {
    this.client = new End('client', o.client ?? {}, o.clientPath ?? {}, o.clientIsn ?? 1000, 1);
    this.server = new End('server', o.server ?? {}, o.serverPath ?? {}, o.serverIsn ?? 5000, 2);
    this.wires = new Map([
      [this.client, o.wire],
      [this.server, o.back ?? { ...o.wire }],
    ]);
  }

  open(): void {
    const { client, server } = this;
    server.listener = { context: server.context, path: server.path, settings: server.settings };
    client.c = tcp.connect(this.args(client), this.now);
    this.pump(client);
  }

  args(e: End): tcp.ConnectionArgs {
    const client = e === this.client;
    return {
      context: e.context,
      tuple: {
        src: client ? 1 : 2,
        dst: client ? 2 : 1,
        sport: client ? 40000 : 80,
        dport: client ? 80 : 40000,
      },
      isn: e.isn,
      tsOffset: 0,
      flow: 7,
      tx: e.stream,
      path: e.path,
      settings: e.settings,
    };
  }

  peer(e: End): End {
    return e === this.client ? this.server : this.client;
  }

  /** Sends all that `e` has to send; each segment is freed by the device at once. */
  pump(e: End): void {
    for (let guard = 0; !this.hold; guard++) {
      if (guard > 100_000) throw new Error('pump: no end');
      const out = new tcp.Segment();
      if (!this.poll(e, out)) break;
      if (e.c !== null) tcp.onTxFreed(e.c, out.truesize);
      this.transmit(e, out);
    }
    if (e.c === null) return;
    const events = tcp.takeEvents(e.c);
    e.events |= events;
    if (events & tcp.TIME_WAIT && e.timeWait === null) e.timeWait = tcp.timeWaitOf(e.c, this.now);
    if (events & tcp.CLOSED) e.closedAt = this.now;
  }

  private poll(e: End, out: tcp.Segment): boolean {
    if (e.request !== null && tcp.pollRequest(e.request, this.now, out)) return true;
    if (e.c !== null && tcp.pollSegment(e.c, this.now, out)) return true;
    return e.timeWait !== null && tcp.pollTimeWait(e.timeWait, this.now, out);
  }

  private transmit(from: End, segment: tcp.Segment): void {
    const wire = this.wires.get(from)!;
    const n = from.segments++;
    this.onWire?.(from, segment, this.now);
    const fate = wire.fate?.(segment, n, this.now) ?? null;
    if (this.keepLog) {
      const peer = this.peer(from);
      this.log.push({
        at: this.now,
        from: from.name,
        line: tcp.describeSegment(segment, tcp.seq(from.isn), tcp.seq(peer.isn)),
        dropped: fate?.drop === true,
      });
    }
    const bytes = segment.headerLen + segment.len;
    from.freeAt = Math.max(from.freeAt, this.now) + bytes * (wire.nsPerByte ?? 0);
    if (fate?.drop === true) return;
    const arrival = Math.floor(from.freeAt) + wire.delayNs + (fate?.extraDelay ?? 0);
    this.fly(from, segment, arrival);
    if (fate?.duplicateAfter !== undefined) this.fly(from, segment, arrival + fate.duplicateAfter);
  }

  private fly(from: End, segment: tcp.Segment, at: number): void {
    const copy = new tcp.Segment();
    tcp.copySegment(segment, copy);
    copy.truesize = (this.wires.get(from)!.truesize ?? tunTruesize)(segment.len);
    const f = { at, order: this.order++, to: this.peer(from), segment: copy };
    let i = this.flying.length;
    while (i > 0 && this.flying[i - 1]!.at > at) i--;
    this.flying.splice(i, 0, f);
  }

  /** Puts a segment in front of `to` now, as if it came from the wire. */
  inject(to: End, make: (s: tcp.Segment) => void): void {
    const s = new tcp.Segment();
    const from = this.peer(to);
    tcp.resetSegment(s);
    s.src = from === this.client ? 1 : 2;
    s.dst = from === this.client ? 2 : 1;
    s.stream = from.stream;
    make(s);
    if (s.truesize === 0) s.truesize = tunTruesize(s.len);
    if (s.segSize === 0) s.segSize = s.len;
    this.arrive(to, s);
  }

  private arrive(to: End, s: tcp.Segment): void {
    const now = this.now;
    if (to.timeWait !== null) {
      const verdict = tcp.onTimeWaitSegment(to.timeWait, s, now);
      if (verdict === tcp.TW_GONE) {
        this.pump(to);
        to.timeWait = null;
      }
    } else if (to.c !== null && to.c.state !== 'CLOSED') tcp.onSegment(to.c, s, now);
    else if (to.request !== null && !to.request.dead) {
      const verdict = tcp.onRequestSegment(to.request, s, now);
      if (verdict === tcp.REQ_ESTABLISH) to.c = tcp.establish(to.request, s, to.stream, now);
    } else if (
      to.listener !== null &&
      to.c === null &&
      (s.flags & (tcp.SYN | tcp.ACK | tcp.RST)) === tcp.SYN
    ) {
      to.request = tcp.onSyn(
        to.listener,
        s,
        { tuple: { src: 2, dst: 1, sport: 80, dport: 40000 }, isn: to.isn, tsOffset: 0, flow: 7 },
        now,
      );
    } else {
      const out = new tcp.Segment();
      if (tcp.replyToOrphan(s, out)) this.transmit(to, out);
    }
    this.pump(to);
    if (to.app !== null) {
      to.app(to, now);
      this.pump(to);
    }
  }

  deadline(e: End): number {
    let t: number = NEVER;
    if (e.c !== null) t = Math.min(t, tcp.nextDeadline(e.c));
    if (e.request !== null) t = Math.min(t, tcp.requestDeadline(e.request));
    if (e.timeWait !== null) t = Math.min(t, e.timeWait.deadline);
    return t;
  }

  private fire(e: End): void {
    const now = this.now;
    if (e.c !== null && tcp.nextDeadline(e.c) <= now) tcp.onTimer(e.c, now);
    if (e.request !== null && tcp.requestDeadline(e.request) <= now)
      tcp.onRequestTimer(e.request, now);
    if (e.timeWait !== null && e.timeWait.deadline <= now) e.timeWait = null;
    this.pump(e);
    if (e.app !== null) {
      e.app(e, now);
      this.pump(e);
    }
  }

  /** Goes to the next arrival or timer at or before `until`. False: nothing happens any more by then. */
  step(until: number): boolean {
    const arrival = this.flying.length > 0 ? this.flying[0]!.at : NEVER;
    const timers = Math.min(this.deadline(this.client), this.deadline(this.server));
    const t = Math.min(arrival, timers);
    if (t > until || t === NEVER) return false;
    this.steps++;
    this.now = Math.max(t, this.now) as Instant;
    if (arrival <= timers) {
      const f = this.flying.shift()!;
      this.arrive(f.to, f.segment);
    } else if (this.deadline(this.client) <= this.now) this.fire(this.client);
    else this.fire(this.server);
    return true;
  }

  /** Runs until nothing happens any more, `until` is reached, or `stop` says so. */
  run(until: number, stop: (() => boolean) | null = null): void {
    while (stop === null || !stop()) if (!this.step(until)) break;
    if (stop === null || !stop())
      this.now = Math.max(this.now, Math.min(until, Number.MAX_SAFE_INTEGER)) as Instant;
  }

  /** Lets time pass. */
  pass(ns: number): void {
    this.run(add(this.now, ns as Duration));
  }

  /** The handshake, to both ends being established. */
  establish(): void {
    this.open();
    this.run(
      this.now + 10e9,
      () => this.client.c?.state === 'ESTABLISHED' && this.server.c?.state === 'ESTABLISHED',
    );
  }
}

/** An application that reads all there is and checks that it is the peer's stream, in order and once. */
export function reads(chunk: number = 1 << 20): (e: End, now: Instant) => void {
  return (e, now) => {
    const c = e.c;
    if (c === null || (c.state !== 'ESTABLISHED' && tcp.inq(c) === 0 && !c.rcvShutdown)) return;
    for (;;) {
      const n = tcp.read(c, chunk, null, now);
      if (n === 0) e.eof = true;
      if (n <= 0) break;
      e.received += n;
    }
  };
}

/** An application that writes `total` bytes as fast as it may, then closes its side. */
export function writes(
  total: number,
  chunk: number = 65_536,
  shutdown: boolean = true,
): (e: End, now: Instant) => void {
  return (e, now) => {
    const c = e.c;
    if (c === null) return;
    while (e.sent < total) {
      const n = tcp.write(c, Math.min(chunk, total - e.sent), now);
      if (n <= 0) return;
      e.sent += n;
    }
    if (shutdown && !c.sndShutdown && e.sent === total) tcp.shutdownWrite(c, now);
  };
}

/** Both applications at one end. */
export const both =
  (...apps: ((e: End, now: Instant) => void)[]): ((e: End, now: Instant) => void) =>
  (e: End, now: Instant): void => {
    for (const a of apps) a(e, now);
  };

export const MS = 1_000_000;
export const SEC = 1_000_000_000;
