/** The wire as a script plays it: packets to the host, and what the host sends held against what lines expect. */
import { PayloadStream } from '../base/payload.ts';
import { add, START, us, type Instant } from '../base/units.ts';
import { ICMP_FRAG_NEEDED } from '../kernel/icmp.ts';
import {
  NO_IP_INFO,
  type Event,
  type IcmpPacket,
  type InPacket,
  type IpInfo,
  type OutPacket,
  type TcpPacket,
} from './ast.ts';
import type { Flow } from './flow.ts';
import { icmpNumbers } from './icmp.ts';
import { fillSkb } from './inject.ts';
import { difference, joined, payloadDifference } from './match.ts';
import { formatPacket, formatTime } from './notation.ts';
import type { Sighting } from './sighting.ts';
import type { Stage } from './stage.ts';
import { slackOf, timingError, type Due } from './timing.ts';
import { Failure, NotSupported } from './verdict.ts';

/** How late a packet may be before nobody waits for it any more, µs. */
const PATIENCE = 2_000_000;
/** Streams of the script's side count down from here; the host's count up. */
const PEER_STREAMS = -2;

export class Wire {
  private readonly stage: Stage;
  /** What the script sends, by connection. */
  private readonly payloads = new Map<Flow, PayloadStream>();

  constructor(stage: Stage) {
    this.stage = stage;
  }

  // ---- to the host -------------------------------------------------------------------------------------------------

  inbound({ packet, line }: InPacket): void {
    this.stage.tell(`< ${formatPacket(packet)}`);
    if (packet.kind === 'tcp') this.segment(packet, line);
    else this.icmp(packet, line);
  }

  private segment(packet: TcpPacket, line: number): void {
    const { rig, flows, options } = this.stage;
    const flow = flows.forInbound(packet);
    if (flow === null)
      throw new Failure(line, 'there is no connection that this packet could belong to');
    const { mss, tsEcrScaled } = options.settings;
    const skb = rig.pool.take();
    skb.flow = flow.number;
    skb.ordinal = flow.frames++;
    fillSkb(
      skb,
      packet,
      flow,
      this.payloadOf(flow),
      { ends: options.ends, mss, tsEcrScaled },
      line,
    );
    rig.inject(skb);
  }

  private payloadOf(flow: Flow): PayloadStream {
    let payload = this.payloads.get(flow);
    if (payload === undefined)
      this.payloads.set(flow, (payload = new PayloadStream(PEER_STREAMS - this.payloads.size)));
    return payload;
  }

  private icmp(packet: IcmpPacket, line: number): void {
    const { flows, rig, options } = this.stage;
    if (Object.values(packet.ip).some((field) => field !== null))
      throw new NotSupported('the IP header of inbound ICMP', line);
    const flow = flows.underTest;
    const numbers = icmpNumbers(4, packet.type, packet.code);
    if (numbers === null) throw new NotSupported(`ICMP ${packet.type} ${packet.code ?? ''}`, line);
    if (flow === null) throw new Failure(line, 'there is no connection that this could be about');
    rig.icmp({
      ...numbers,
      mtu: numbers.code === ICMP_FRAG_NEEDED ? (packet.mtu ?? 0) : 0,
      src: options.ends.localAddr,
      sport: flow.localPort,
      dst: options.ends.remoteAddr,
      dport: flow.remotePort,
      seq: flow.localToLive(packet.seq, false),
    });
  }

  // ---- from the host -----------------------------------------------------------------------------------------------

  /** Takes the next packet of the connection under test, and compares. */
  outbound(event: OutPacket, due: Due): void {
    const { packet, line } = event;
    if (packet.kind !== 'tcp') throw new NotSupported('outbound ICMP', line);
    const unseen = notSeen(packet);
    if (unseen !== null) throw new NotSupported(`${unseen} of an outbound packet`, line);
    const flow = this.stage.flows.underTest;
    if (flow === null) throw new Failure(line, 'there is no connection that could send this');
    const expectation = { packet, flow, line, due };
    try {
      this.compare(expectation, this.burst(expectation));
    } catch (error) {
      this.stage.forgive(error, this.stage.options.settings.nonFatalPacket);
    }
  }

  /** The packets that a line speaks of, as one. */
  private burst(e: Expectation): Sighting {
    const wanted = e.packet.len;
    let whole = this.next(e, null);
    let size = whole.len;
    while (size > 0 && whole.len < wanted && !this.stage.options.settings.strictSegments) {
      const piece = this.next(e, whole);
      const both = joined(whole, piece, size, whole.len + piece.len >= wanted);
      if (typeof both === 'string') throw differs(e, both, piece);
      whole = both;
      size = piece.len;
    }
    return whole;
  }

  /** The next packet of the connection; those of others are not looked at. @param sofar pieces of the burst, as one */
  private next(e: Expectation, sofar: Sighting | null): Sighting {
    const { rig } = this.stage;
    const { sent } = rig;
    const until = e.due.to === Infinity ? rig.endOfPatience : add(START, us(e.due.to + PATIENCE));
    const came = rig.wait(until, () => {
      while (sent.length > 0 && !e.flow.owns(sent.peek()!)) sent.shift();
      return sent.length > 0;
    });
    if (!came)
      throw differs(
        e,
        sofar === null ? 'no packet came' : `payload: ${sofar.len} bytes came`,
        sofar,
      );
    const s = sent.shift()!;
    this.stage.tell(`> ${inNotation(e.flow, s, NO_IP_INFO)}`, Math.floor(s.at / 1000));
    return s;
  }

  private compare(e: Expectation, s: Sighting): void {
    const { packet, flow, due } = e;
    const { lastDue, options } = this.stage;
    const { tolerance, settings } = options;
    flow.expects(packet);
    const actual = flow.toScript(s, packet);
    const ts = { tickUs: settings.tsTickUsecs, slackUs: slackOf(due.from, tolerance) };
    const at = Math.floor(s.at / 1000);
    const wrong =
      lengthError(packet, actual) ??
      difference(packet, actual, ts) ??
      payloadDifference(actual, s.offset) ??
      timingError('outbound packet', due, at, due.from - lastDue, tolerance);
    if (wrong !== null) throw differs(e, wrong, s);
  }

  /**
   * Of what was sent on the connection under test, all was read.
   *
   * @param last the event at whose end, at `end`, the script ended
   */
  nothingLeft(last: Event, end: Instant): void {
    const { rig, flows } = this.stage;
    const flow = flows.underTest;
    for (let s = rig.sent.shift(); s !== undefined && s.at <= end; s = rig.sent.shift()) {
      if (flow === null || !flow.owns(s)) continue;
      const when = formatTime(Math.floor(s.at / 1000));
      const actual = inNotation(flow, s, NO_IP_INFO);
      throw new Failure(last.line, `no line reads a packet sent at ${when} s`, null, actual);
    }
  }
}

/** An outbound line on its connection. */
interface Expectation {
  readonly packet: TcpPacket;
  readonly flow: Flow;
  readonly line: number;
  readonly due: Due;
}

function differs({ packet, flow, line }: Expectation, what: string, s: Sighting | null): Failure {
  const actual = s === null ? null : inNotation(flow, s, packet.ip);
  return new Failure(line, what, formatPacket(packet), actual);
}

/** What was sent, with as much of the IP header as `wanted` looks at. */
function inNotation(flow: Flow, s: Sighting, wanted: IpInfo): string {
  const packet = flow.toScript(s, null);
  const { ecn, tos } = packet.ip;
  const ip = { ...NO_IP_INFO, ecn: wanted.ecn && ecn, tos: wanted.tos === null ? null : tos };
  return formatPacket({ ...packet, ip });
}

/** What a line asks that this wire does not show; null: nothing. */
function notSeen({ ip, ports }: TcpPacket): string | null {
  if (ip.ttl !== null) return 'the TTL';
  if (ip.flowLabel !== null) return 'the flow label';
  return ports === null ? null : 'the ports';
}

function lengthError(expected: TcpPacket, actual: TcpPacket): string | null {
  if (expected.len === actual.len) return null;
  return `payload: expected ${expected.len} bytes, was ${actual.len}`;
}
