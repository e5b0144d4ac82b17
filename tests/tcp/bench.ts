/** One end, built in a state; a segment in, segments out. Lines are packetdrill's, numbers relative to the SYNs. */
import * as tcp from '../../src/tcp/index.ts';
import { MS, Pair, type WireOptions } from './pair.ts';

/** A server whose peer is this test. */
export class Bench {
  readonly pair: Pair;
  private seen = 0;
  /** What the server sends is seen, but nobody answers. */
  private deaf = false;

  constructor(options: Partial<tcp.TcpOptions> = {}, wire: Partial<WireOptions> = {}) {
    const quiet = { timestamps: false, windowScaling: false, sack: true, dsack: true, ...options };
    this.pair = new Pair({
      client: quiet,
      server: quiet,
      wire: { delayNs: 0, ...wire },
      back: { delayNs: 0, fate: () => ({ drop: this.deaf }) },
      clientIsn: 0,
      serverIsn: 0,
    });
    this.pair.keepLog = true;
  }
  get c(): tcp.Connection {
    return this.pair.server.c!;
  }
  get state(): string {
    return this.c.state;
  }
  /** ESTABLISHED, with the handshake out of the way; the peer says nothing by itself. */
  established(): this {
    this.pair.establish();
    this.pair.pass(MS);
    this.pair.client.c = null;
    this.deaf = true;
    this.drain();
    return this;
  }
  send(
    flags: number,
    seq: number,
    len: number,
    ack: number,
    window = 10_000,
    more: (s: tcp.Segment) => void = () => {},
  ): this {
    this.pair.inject(this.pair.server, (s) => {
      s.flags = flags;
      s.seq = tcp.seq(seq);
      s.len = len;
      s.off = seq - 1;
      s.ack = tcp.seq(ack);
      s.window = window;
      more(s);
    });
    return this;
  }
  pump(): this {
    this.pair.pump(this.pair.server);
    return this;
  }
  /** What the server has sent since the last look, without windows and options. */
  out(): string[] {
    return this.drain().map((l) => l.replace(/ win.*/, ''));
  }
  full(): string[] {
    return this.drain();
  }
  private drain(): string[] {
    const lines = this.pair.log.slice(this.seen).filter((l) => l.from === 'server');
    this.seen = this.pair.log.length;
    return lines.map((l) => l.line);
  }
}

/** An established one. */
export const bench = (
  options: Partial<tcp.TcpOptions> = {},
  wire: Partial<WireOptions> = {},
): Bench => new Bench(options, wire).established();
