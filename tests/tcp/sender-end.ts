/**
 * A sender whose peer is the test: it has a round trip of its own, segments of 1000 bytes, and sends what the test writes;
 * the test acknowledges. Sequence numbers count from the first byte as 1, times from the end of the handshake.
 */
import * as tcp from '../../src/tcp/index.ts';
import { MS, Pair } from './pair.ts';

export interface Sent {
  readonly ms: number;
  readonly seq: number;
  readonly end: number;
  readonly fin: boolean;
}

export interface SenderOptions {
  readonly rttMs?: number;
  readonly options?: Partial<tcp.TcpOptions>;
  readonly path?: Partial<tcp.PathOptions>;
  /** The peer has no SACK. */
  readonly noSack?: boolean;
}

export class SenderEnd {
  readonly pair: Pair;
  private readonly from: number;
  private readonly log: Sent[] = [];
  private seen = 0;

  constructor(o: SenderOptions = {}) {
    const mine = { timestamps: false, ...o.options };
    let deaf = false;
    this.pair = new Pair({
      client: { ...mine, sack: o.noSack !== true, rmem: [4096, 8_388_608, 8_388_608] },
      server: mine,
      clientPath: { mtu: 1040 },
      serverPath: o.path ?? {},
      wire: { delayNs: 0 },
      back: { delayNs: (o.rttMs ?? 100) * MS, fate: () => ({ drop: deaf }) },
      clientIsn: 0,
      serverIsn: 0,
    });
    this.pair.establish();
    deaf = true;
    this.pair.client.c = null;
    this.from = this.pair.now;
    this.pair.onWire = (_from, s, now) => {
      const seq = tcp.seqDiff(s.seq, tcp.seq(0));
      const fin = (s.flags & tcp.FIN) !== 0;
      if (s.len > 0 || fin) this.log.push({ ms: this.ms(now), seq, end: seq + s.len, fin });
    };
  }
  private ms(at: number): number {
    return (at - this.from) / MS;
  }
  get now(): number {
    return this.ms(this.pair.now);
  }
  get c(): tcp.Connection {
    return this.pair.server.c!;
  }
  get mib(): tcp.TcpContext['mib'] {
    return this.c.context.mib;
  }
  write(bytes: number): this {
    tcp.write(this.c, bytes, this.pair.now);
    this.pair.pump(this.pair.server);
    return this;
  }
  shutdown(): this {
    tcp.shutdownWrite(this.c, this.pair.now);
    this.pair.pump(this.pair.server);
    return this;
  }
  /** Time passes, ms. */
  pass(ms: number): this {
    this.pair.pass(ms * MS);
    return this;
  }
  /** The peer acknowledges `ack` and reports `blocks`, two numbers each. */
  ack(ack: number, blocks: readonly number[] = [], window = 60_000): this {
    this.pair.inject(this.pair.server, (s) => {
      s.flags = tcp.ACK;
      s.seq = tcp.seq(1);
      s.ack = tcp.seq(ack);
      s.window = window >> this.c.sndWscale;
      s.nsack = blocks.length / 2;
      blocks.forEach((x, i) => (tcp.sackRoom(s)[i] = x));
    });
    return this;
  }
  /** What has been sent since the last look: when, and from where to where. */
  take(): Sent[] {
    const news = this.log.slice(this.seen);
    this.seen = this.log.length;
    return news;
  }
  /** The same without times: `1:1001`. */
  sent(): string[] {
    return this.take().map((s) => `${s.seq}:${s.end}`);
  }
}
