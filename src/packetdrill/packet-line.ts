/**
 * A packet line after its arrow: `[ect0] P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 5 ecr 4>`, or
 * `icmp unreachable frag_needed mtu 1200 [1:1461(1460)]`.
 *
 * Packets in tunnels (ipv4, ipv6, GRE, MPLS, PSP) and UDP are recognised and not modelled.
 */
import { nearest } from '../base/nearest.ts';
import {
  FLAG_AE,
  FLAG_CWR,
  FLAG_ECE,
  FLAGS,
  NO_IP_INFO,
  type Ecn,
  type IcmpPacket,
  type IpInfo,
  type Packet,
  type Ports,
  type TcpPacket,
} from './ast.ts';
import { Unmodelled, type Cursor } from './cursor.ts';
import { icmpNames } from './icmp.ts';
import type { Token } from './lexer.ts';
import { parseTcpOptions } from './tcp-options.ts';

export type Direction = 'in' | 'out';

const U16 = 0xffff;
const U32 = 0xffff_ffff;

const NOT_MODELLED: Readonly<Record<string, string>> = Object.freeze({
  udp: 'UDP packets',
  ipv4: 'encapsulation in IPv4',
  ipv6: 'encapsulation in IPv6',
  gre: 'encapsulation in GRE',
  GREv0: 'encapsulation in GRE',
  mpls: 'encapsulation in MPLS',
  encap: 'encapsulation in PSP',
});

export function parsePacket(c: Cursor, direction: Direction): Packet {
  refuseUnmodelled(c);
  const ip = parseIpInfo(c, direction);
  refuseUnmodelled(c);
  return c.accept('icmp') ? parseIcmp(c, ip) : parseTcp(c, ip, direction);
}

function refuseUnmodelled(c: Cursor): void {
  const { kind, text } = c.peek();
  if (kind === 'word' && Object.hasOwn(NOT_MODELLED, text))
    throw new Unmodelled(NOT_MODELLED[text]);
}

const ECN: readonly Ecn[] = ['noecn', 'ect0', 'ect1', 'ce', 'ect01'];

/** `[ect0]`, `(tos 0x10, flowlabel 0x5)`, `[ttl 64]`: in round or square brackets. */
function parseIpInfo(c: Cursor, direction: Direction): IpInfo {
  const closing = c.sees('(') ? ')' : ']';
  if (!c.accept('(') && !c.accept('[')) return NO_IP_INFO;
  const ip: { -readonly [K in keyof IpInfo]: IpInfo[K] } = { ...NO_IP_INFO };
  do parseIpField(c, ip, direction);
  while (c.accept(','));
  c.expect(closing);
  return ip;
}

function parseIpField(
  c: Cursor,
  ip: { -readonly [K in keyof IpInfo]: IpInfo[K] },
  direction: Direction,
): void {
  const ecn = ECN.find((name) => c.sees(name));
  if (ecn !== undefined) {
    if (ecn === 'ect01' && direction === 'in') c.fail('ect01 is for outbound packets only');
    c.take();
    ip.ecn = ecn;
  } else if (c.accept('tos')) ip.tos = hex(c, 'a TOS byte', 0xff);
  else if (c.accept('flowlabel')) ip.flowLabel = hex(c, 'a flow label', 0xf_ffff);
  else if (c.accept('ttl')) ip.ttl = c.integer('a TTL', 0xff);
  else c.refuse(`${ECN.join(', ')}, tos, flowlabel or ttl`);
}

function hex(c: Cursor, what: string, most: number): number {
  const token = c.takeKind('hex', `${what} in hex (0x…)`);
  const value = Number(token.text);
  if (value > most) c.fail(`${what} must lie between 0 and 0x${most.toString(16)}`, token);
  return value;
}

function parseTcp(c: Cursor, ip: IpInfo, direction: Direction): TcpPacket {
  const ports = parsePorts(c);
  const flags = parseFlags(c);
  const range = parseRange(c);
  const ack = c.accept('ack') ? c.integer('an acknowledgment number', U32) : 0;
  const win = c.accept('win') ? c.integer('a window', U16) : null;
  if (win === null && direction === 'in') c.refuse(`'win': an inbound packet needs a window`);
  const urg = c.accept('urg') ? c.integer('an urgent pointer', U16) : 0;
  const angle = c.peek();
  const options = parseTcpOptions(c);
  if (options === 'any' && direction === 'in')
    c.fail('<...> is for outbound packets only: an inbound one needs its options', angle);
  return { kind: 'tcp', ip, ports, flags, ...range, ack, win, urg, options };
}

function parsePorts(c: Cursor): Ports | null {
  if (c.peek().kind !== 'number' || !c.sees('>', 1)) return null;
  const src = c.integer('a source port', U16);
  c.expect('>');
  return { src, dst: c.integer('a destination port', U16) };
}

const LETTERS: ReadonlyMap<string, number> = new Map(FLAGS.map(([bit, letter]) => [letter, bit]));
const ECN_FLAGS = FLAG_ECE | FLAG_CWR | FLAG_AE;

/** A word, a dot, a word and a dot; a dot and a digit are one token, a number. `-` means no flag at all. */
function parseFlags(c: Cursor): number {
  if (c.accept('-')) return 0;
  const first = c.peek();
  let text = first.kind === 'word' ? c.take().text : '';
  const isDotted = c.peek().kind === 'number' && /^\d*\.\d+$/.test(c.peek().text);
  if (c.sees('.') || isDotted) text += c.take().text;
  if (text === '') c.refuse('TCP flags');
  return flagBits(c, text, first);
}

function flagBits(c: Cursor, text: string, at: Token): number {
  let bits = 0;
  let hasAce = false;
  for (const char of text) {
    const digit = '01234567'.indexOf(char);
    const bit = digit === -1 ? LETTERS.get(char) : aceBits(digit);
    if (bit === undefined) c.fail(`'${char}' is no TCP flag: F S R P U E W A . or 0 to 7`, at);
    const says = digit !== -1 || (bit & ECN_FLAGS) !== 0;
    if (says && (hasAce || (digit !== -1 && (bits & ECN_FLAGS) !== 0)))
      c.fail('a digit stands for E, W and A: it cannot be joined with them', at);
    hasAce ||= digit !== -1;
    bits |= bit;
  }
  return bits;
}

/** The ACE counter of Accurate ECN: AE, CWR and ECE from the highest bit down; RFC 9768 §3.2.2. */
function aceBits(ace: number): number {
  return (
    ((ace & 4) !== 0 ? FLAG_AE : 0) |
    ((ace & 2) !== 0 ? FLAG_CWR : 0) |
    ((ace & 1) !== 0 ? FLAG_ECE : 0)
  );
}

/** `seq:end(len)` */
function parseRange(c: Cursor): { seq: number; end: number; len: number } {
  const at = c.peek();
  const seq = c.integer('a sequence number', U32);
  c.expect(':');
  const end = c.integer('a sequence number', U32);
  c.expect('(');
  const len = c.integer('a payload length', U16);
  c.expect(')');
  if (seq + len !== end)
    c.fail(`${seq}:${end}(${len}) does not add up: ${seq} + ${len} is ${seq + len}`, at);
  return { seq, end, len };
}

function parseIcmp(c: Cursor, ip: IpInfo): IcmpPacket {
  const type = icmpName(c, 'an ICMP type', icmpNames());
  const isCode = c.peek().kind === 'word' && !c.sees('mtu') && !c.sees('id');
  const code = isCode ? icmpName(c, 'a code of this ICMP type', icmpNames(type)) : null;
  const mtuAt = c.peek();
  const mtu = c.accept('mtu') ? c.integer('an MTU', U32) : null;
  if (mtu !== null && code !== 'frag_needed' && type !== 'packet_too_big')
    c.fail('only frag_needed and packet_too_big carry an MTU', mtuAt);
  if (c.sees('id')) throw new Unmodelled('ICMP echo');
  return { kind: 'icmp', ip, type, code, mtu, ...parseEchoed(c) };
}

function icmpName(c: Cursor, what: string, names: readonly string[]): string {
  const token = c.takeKind('word', what);
  if (names.includes(token.text)) return token.text;
  const meant = nearest(token.text, names);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  return c.fail(`expected ${what}, found '${token.text}'${hint}`, token);
}

/** The range of the segment that the error quotes. */
function parseEchoed(c: Cursor): { seq: number; end: number; len: number } {
  if (!c.accept('[')) return { seq: 0, end: 0, len: 0 };
  if (c.sees('udp') || c.sees('raw')) throw new Unmodelled('ICMP errors that quote no TCP segment');
  const range = parseRange(c);
  c.expect(']');
  return range;
}
