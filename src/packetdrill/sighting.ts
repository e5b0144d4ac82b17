/**
 * What the program behind the tun device sees of a packet that the host sends: header and options as they stand on the
 * wire, and when it was sent. Sequence numbers, acknowledgments and timestamps are the host's own.
 */
import type { Instant } from '../base/units.ts';
import type { Skb } from '../kernel/skb.ts';
import { ecnField, type FastOpenOption } from '../kernel/tcp.ts';
import { FLAG_CWR, FLAG_FIN, FLAG_PSH, type Ecn, type SackBlock, type TcpOption } from './ast.ts';

export interface Sighting {
  readonly at: Instant;
  readonly localPort: number;
  readonly remotePort: number;
  readonly ecn: Ecn;
  /** The whole byte that holds the ECN bits. */
  readonly tos: number;
  readonly flags: number;
  /** In [0, 2^32). */
  readonly seq: number;
  readonly ack: number;
  readonly len: number;
  readonly win: number;
  readonly options: readonly TcpOption[];
  /** Where its payload lies in what the application wrote; −1 without payload. */
  readonly offset: number;
}

/** @param whole the device takes super-packets; otherwise each frame is a packet of its own */
export function* sightings(skb: Skb, at: Instant, whole: boolean): Generator<Sighting> {
  if (whole || skb.segs === 1) yield piece(skb, at, 0, skb.len, skb.flags);
  else {
    for (let i = 0; i < skb.segs; i++) {
      const from = i * skb.segSize;
      const last = i === skb.segs - 1;
      let flags = skb.flags;
      if (!last) flags &= ~(FLAG_FIN | FLAG_PSH);
      if (i > 0) flags &= ~FLAG_CWR; // the first segment's alone (SKB_GSO_TCP_ECN)
      yield piece(skb, at, from, last ? skb.len - from : skb.segSize, flags);
    }
  }
}

function piece(skb: Skb, at: Instant, from: number, len: number, flags: number): Sighting {
  return {
    at,
    localPort: skb.sport,
    remotePort: skb.dport,
    ecn: ECN_NAMES[ecnField(skb)]!,
    tos: skb.tos,
    flags,
    seq: (skb.wireSeq + from) >>> 0,
    ack: skb.wireAck >>> 0,
    len,
    win: skb.window,
    options: optionsOf(skb),
    offset: len > 0 ? skb.off + from : -1,
  };
}

const ECN_NAMES: readonly Ecn[] = ['noecn', 'ect1', 'ect0', 'ce'];

/** In the order in which tcp_options_write() writes them (net/ipv4/tcp_output.c), padded as there. */
function optionsOf(skb: Skb): TcpOption[] {
  const o: TcpOption[] = [];
  if (skb.mss > 0) o.push({ kind: 'mss', value: skb.mss });
  if (skb.hasTs) {
    // SACK-permitted takes the place of the padding.
    if (skb.sackOk) o.push(SACK_OK);
    else o.push(NOP, NOP);
    o.push({ kind: 'TS', val: skb.tsVal >>> 0, ecr: skb.tsEcr >>> 0 });
  } else if (skb.sackOk) o.push(NOP, NOP, SACK_OK);
  if (skb.wscale >= 0) o.push(NOP, { kind: 'wscale', value: skb.wscale });
  if (skb.nsack > 0) o.push(NOP, NOP, { kind: 'sack', blocks: blocksOf(skb) });
  if (skb.fastOpen !== null) o.push(...fastOpenOf(skb.fastOpen));
  return o;
}

function fastOpenOf({ exp, cookie }: FastOpenOption): TcpOption[] {
  const hex = Array.from(cookie, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const padding = -((exp ? 4 : 2) + cookie.length) & 3;
  return [{ kind: exp ? 'FOEXP' : 'FO', cookie: hex }, ...new Array<TcpOption>(padding).fill(NOP)];
}

const NOP: TcpOption = { kind: 'nop' };
const SACK_OK: TcpOption = { kind: 'sackOK' };

function blocksOf(skb: Skb): SackBlock[] {
  const blocks: SackBlock[] = [];
  for (let i = 0; i < skb.nsack; i++)
    blocks.push({ left: skb.sacks[2 * i]! >>> 0, right: skb.sacks[2 * i + 1]! >>> 0 });
  return blocks;
}
