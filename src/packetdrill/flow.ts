/**
 * Connections of a script, and how its numbers map to the host's. A script sees one connection at a time, the one under test:
 * that of the latest socket(), or the one that the latest inbound packet opens while a listener is under test. What the
 * host sends elsewhere is not looked at.
 *
 * Sequence numbers in a packet with SYN are the script's absolute ones, in all others they count from that side's SYN. The
 * script's side begins where the script says; the host's side begins where the host likes.
 */
import { FLAG_ACK, FLAG_SYN, type SackBlock, type TcpOption, type TcpPacket } from './ast.ts';
import type { Sighting } from './sighting.ts';
import type { Ends } from './rig.ts';

export type FlowState =
  /** A socket without a peer. */
  | 'new'
  | 'listening'
  /** connect() was called; its SYN has not been seen. */
  | 'connecting'
  /** The host's port is known. */
  | 'open';

/** Modulo 2^32, unsigned. */
const wrap = (n: number): number => n >>> 0;

export class Flow {
  state: FlowState;
  /** The script's number for its descriptor; −1 before accept(). */
  fd = -1;
  localPort = 0;
  remotePort: number;
  /** The simulator's own: of the connection, and of the script's packets on it so far. */
  readonly number: number;
  frames = 0;
  /** The script's side: the same on the wire. */
  private remoteIsn = 0;
  private peerKnown = false;
  /** The host's side, as the script has it and as the host chose it; null before it was seen. */
  private scriptIsn = 0;
  private liveIsn: number | null = null;
  /** The first TS val that a line expected, and what the host sent there; null before. */
  private firstTs: { readonly script: number; readonly live: number } | null = null;
  /** What the host sent for each TS val of the script. */
  private readonly liveTs = new Map<number, number>();

  private readonly connectPort: number;

  constructor(state: FlowState, number: number, connectPort: number) {
    this.state = state;
    this.remotePort = connectPort;
    this.connectPort = connectPort;
    this.number = number;
  }

  /** Whether the host sent this on this connection. A connecting one gets to know its port. */
  owns(s: Sighting): boolean {
    if (this.state === 'connecting' && s.remotePort === this.connectPort && isSyn(s.flags)) {
      this.localPort = s.localPort;
      this.state = 'open';
    }
    if (s.localPort !== this.localPort || s.remotePort !== this.remotePort) return false;
    if ((s.flags & FLAG_SYN) !== 0) this.liveIsn = s.seq;
    return true;
  }

  /** A new connection from the same socket. */
  reconnect(): void {
    this.state = 'connecting';
    this.localPort = 0;
    this.remotePort = this.connectPort;
    this.remoteIsn = 0;
    this.peerKnown = false;
    this.scriptIsn = 0;
    this.liveIsn = null;
    this.firstTs = null;
    this.liveTs.clear();
  }

  /** An outbound line with SYN says where the host's numbers begin in the script. */
  expects(packet: TcpPacket): void {
    if ((packet.flags & FLAG_SYN) !== 0) this.scriptIsn = packet.seq;
  }

  /** The first inbound line with SYN says where the script's own begin. */
  begins(packet: TcpPacket): void {
    if (this.peerKnown || (packet.flags & FLAG_SYN) === 0) return;
    this.remoteIsn = packet.seq;
    this.peerKnown = true;
  }

  // ---- script to host ----------------------------------------------------------------------------------------------

  remoteToLive(n: number, syn: boolean): number {
    return wrap(syn ? n : n + this.remoteIsn);
  }

  localToLive(n: number, syn: boolean): number {
    return wrap(n + (this.liveIsn ?? 0) - (syn ? this.scriptIsn : 0));
  }

  /**
   * The TS val that the host sent where the script has `ecr`; null: no line had it sent.
   *
   * @param scaled then as far after the host's first TS val as `ecr` is after the script's (--tcp_ts_ecr_scaled)
   */
  tsToLive(ecr: number, scaled: boolean): number | null {
    const exact = this.liveTs.get(ecr);
    const first = this.firstTs;
    if (exact !== undefined) return exact;
    return scaled && first !== null ? wrap(first.live + ecr - first.script) : null;
  }

  // ---- host to script ----------------------------------------------------------------------------------------------

  /** The packet in the script's numbers. `expected` fixes the first TS val. */
  toScript(s: Sighting, expected: TcpPacket | null): TcpPacket {
    const syn = (s.flags & FLAG_SYN) !== 0;
    const seq = wrap(s.seq - (this.liveIsn ?? 0) + (syn ? this.scriptIsn : 0));
    const ack = wrap(s.ack - (syn ? 0 : this.remoteIsn));
    return {
      kind: 'tcp',
      ip: { ecn: s.ecn, tos: s.tos, flowLabel: null, ttl: null },
      ports: null,
      flags: s.flags,
      seq,
      end: wrap(seq + s.len),
      len: s.len,
      ack: (s.flags & FLAG_ACK) !== 0 ? ack : 0,
      win: s.win,
      urg: 0,
      options: s.options.map((o) => this.optionToScript(o, expected)),
    };
  }

  private optionToScript(o: TcpOption, expected: TcpPacket | null): TcpOption {
    if (o.kind === 'sack') {
      const left = (b: SackBlock): SackBlock => ({
        left: wrap(b.left - this.remoteIsn),
        right: wrap(b.right - this.remoteIsn),
      });
      return { kind: 'sack', blocks: o.blocks.map(left) };
    }
    if (o.kind !== 'TS') return o;
    const wanted = expected === null ? null : tsOf(expected);
    if (wanted !== null) {
      this.firstTs ??= { script: wanted.val, live: o.val };
      this.liveTs.set(wanted.val, o.val);
    }
    const first = this.firstTs;
    const val = first === null ? o.val : wrap(o.val - first.live + first.script);
    return { kind: 'TS', val, ecr: o.ecr };
  }
}

export function tsOf(packet: TcpPacket): Extract<TcpOption, { kind: 'TS' }> | null {
  if (packet.options === 'any') return null;
  for (const o of packet.options) if (o.kind === 'TS') return o;
  return null;
}

const isSyn = (flags: number): boolean => (flags & (FLAG_SYN | FLAG_ACK)) === FLAG_SYN;

const FIRST_FLOW = 1 << 22;

/** Every connection of a script, and which one is under test. */
export class Flows {
  underTest: Flow | null = null;
  private readonly all: Flow[] = [];
  private readonly ends: Ends;
  private nextPort = 49_152;

  constructor(ends: Ends) {
    this.ends = ends;
  }

  /** socket() */
  opened(fd: number): void {
    this.add('new').fd = fd;
  }

  listens(fd: number): void {
    const flow = this.of(fd);
    if (flow !== null) flow.state = 'listening';
  }

  connects(fd: number): void {
    this.of(fd)?.reconnect();
  }

  /** accept() has given the connection with the peer's port `remotePort` a descriptor. */
  accepted(fd: number, remotePort: number): void {
    const flow = this.all.findLast((f) => f.fd < 0 && f.remotePort === remotePort);
    if (flow !== undefined) flow.fd = fd;
  }

  closed(fd: number): void {
    const flow = this.of(fd);
    if (flow !== null) flow.fd = -1;
  }

  /** The connection that an inbound packet belongs to; null: there is none. */
  forInbound(packet: TcpPacket): Flow | null {
    const flow = this.underTest;
    if (flow === null || flow.state === 'listening') return this.child(packet);
    if (flow.state !== 'open') return null;
    flow.begins(packet);
    return flow;
  }

  private child(packet: TcpPacket): Flow {
    const flow = this.add('open');
    flow.localPort = this.ends.bindPort;
    flow.remotePort = this.nextPort++;
    flow.begins(packet);
    return flow;
  }

  private add(state: FlowState): Flow {
    // Numbers of connections that begin at the script's end: those of the host's begin at 0.
    const flow = new Flow(state, FIRST_FLOW + this.all.length, this.ends.connectPort);
    this.all.push(flow);
    return (this.underTest = flow);
  }

  private of(fd: number): Flow | null {
    return this.all.findLast((f) => f.fd === fd) ?? null;
  }
}
