/** A packet of a script as the host receives it. */
import type { PayloadStream } from '../base/payload.ts';
import type { Skb } from '../kernel/skb.ts';
import { optionsLength } from './tcp-options.ts';
import { BASE_HEADER, sackRoom, seq } from '../kernel/tcp.ts';
import { FLAG_ACK, FLAG_SYN, type IpInfo, type SackBlock, type TcpPacket } from './ast.ts';
import type { Flow } from './flow.ts';
import type { Ends } from './rig.ts';
import { Failure, NotSupported } from './verdict.ts';

export interface InjectOptions {
  readonly ends: Ends;
  /** Payload per segment of a merged packet (--mss); null: every packet is one segment. */
  readonly mss: number | null;
  readonly tsEcrScaled: boolean;
}

/**
 * Writes `packet` into `skb`, in the host's numbers.
 *
 * @param payload what the script's side of this connection sends
 * @throws Failure when it echoes a timestamp that was never sent
 * @throws NotSupported for what a segment cannot carry
 */
export function fillSkb(
  skb: Skb,
  packet: TcpPacket,
  flow: Flow,
  payload: PayloadStream,
  options: InjectOptions,
  line: number,
): void {
  if (packet.ip.flowLabel !== null)
    throw new NotSupported('the flow label of an inbound packet', line);
  // What it could decide, IP_MINTTL, is not modelled.
  if (packet.ip.ttl !== null) throw new NotSupported('the TTL of an inbound packet', line);
  if (packet.ports !== null) throw new NotSupported('the ports of an inbound packet', line);
  const syn = (packet.flags & FLAG_SYN) !== 0;
  skb.src = options.ends.remoteAddr;
  skb.dst = options.ends.localAddr;
  skb.sport = flow.remotePort;
  skb.dport = flow.localPort;
  skb.flags = packet.flags;
  skb.seq = seq(flow.remoteToLive(packet.seq, syn));
  skb.ack = seq((packet.flags & FLAG_ACK) === 0 ? packet.ack : flow.localToLive(packet.ack, syn));
  skb.window = packet.win ?? 0;
  skb.urgent = packet.urg;
  fillIp(skb, packet.ip);
  fillOptions(skb, packet, flow, options, line);
  skb.stream = packet.len > 0 ? payload : null;
  skb.off = syn ? 0 : (packet.seq - 1) | 0;
  skb.len = packet.len;
  const size = options.mss ?? packet.len;
  skb.segs = packet.len > size ? Math.ceil(packet.len / size) : 1;
  skb.segSize = Math.min(packet.len, size);
}

const ECN_FIELD = { noecn: 0, ect1: 1, ect0: 2, ce: 3, ect01: 2 } as const;

function fillIp(skb: Skb, ip: IpInfo): void {
  if (ip.tos !== null) skb.tos = ip.tos;
  if (ip.ecn !== null) skb.tos = (skb.tos & ~3) | ECN_FIELD[ip.ecn];
  skb.ce = (skb.tos & 3) === 3;
}

function fillOptions(
  skb: Skb,
  packet: TcpPacket,
  flow: Flow,
  { tsEcrScaled }: InjectOptions,
  line: number,
): void {
  const options = packet.options === 'any' ? [] : packet.options;
  for (const o of options) {
    switch (o.kind) {
      case 'mss':
        skb.mss = o.value;
        break;
      case 'wscale':
        skb.wscale = o.value;
        break;
      case 'sackOK':
        skb.sackOk = true;
        break;
      case 'TS':
        skb.hasTs = true;
        skb.tsVal = o.val | 0;
        skb.tsEcr = echoOf(o.ecr, packet, flow, tsEcrScaled, line) | 0;
        break;
      case 'sack':
        fillSack(skb, o.blocks, flow, (packet.flags & FLAG_SYN) !== 0);
        break;
      case 'FO':
      case 'FOEXP':
        skb.fastOpen = { exp: o.kind === 'FOEXP', cookie: bytesOf(o.cookie) };
        break;
      case 'md5':
      case 'ECN':
        throw new NotSupported(`TCP option ${o.kind}`, line);
      default: // nop, eol
    }
  }
  skb.headerLen = BASE_HEADER + ((optionsLength(options) + 3) & ~3);
}

/** Only an ACK echoes anything. */
function echoOf(ecr: number, packet: TcpPacket, flow: Flow, scaled: boolean, line: number): number {
  if ((packet.flags & FLAG_ACK) === 0) return ecr;
  const live = flow.tsToLive(ecr, scaled);
  if (live === null) throw new Failure(line, `TS ecr ${ecr}: no line before had this TS val sent`);
  return live;
}

function fillSack(skb: Skb, blocks: readonly SackBlock[], flow: Flow, syn: boolean): void {
  const into = sackRoom(skb);
  skb.nsack = Math.min(blocks.length, 4);
  for (let i = 0; i < skb.nsack; i++) {
    into[2 * i] = flow.localToLive(blocks[i]!.left, syn);
    into[2 * i + 1] = flow.localToLive(blocks[i]!.right, syn);
  }
}

/** @param hex two digits a byte */
function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length >> 1 }, (_, i) =>
    parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}
