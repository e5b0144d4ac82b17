// What is printed of a packet is what a script would say: parsed again it is the same packet.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_IP_INFO,
  type IcmpPacket,
  type Packet,
  type TcpOption,
  type TcpPacket,
} from '../../src/packetdrill/ast.ts';
import { formatFlags, formatPacket, formatTime } from '../../src/packetdrill/notation.ts';
import { parseScript } from '../../src/packetdrill/parser.ts';
import { optionsLength } from '../../src/packetdrill/tcp-options.ts';
import { prop } from '../support/prop.ts';

function parseLine(arrow: '<' | '>', text: string): Packet {
  const [event] = parseScript(`0 ${arrow} ${text}`, new Map()).events;
  if (event?.kind !== 'in' && event?.kind !== 'out') throw new Error(`${event?.kind}: ${text}`);
  return event.packet;
}

const u16 = fc.nat(0xffff);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const hexBytes = (most: number): fc.Arbitrary<string> =>
  fc
    .array(fc.nat(255), { maxLength: most })
    .map((bytes) => bytes.map((b) => b.toString(16).padStart(2, '0')).join(''));
const anyRange = fc
  .record({ seq: fc.integer({ min: 0, max: 0xffff_0000 }), len: u16 })
  .map(({ seq, len }) => ({ seq, end: seq + len, len }));

const anyIp = fc.record({
  ecn: fc.constantFrom(null, 'noecn', 'ect0', 'ect1', 'ce'),
  tos: fc.option(fc.nat(255)),
  flowLabel: fc.option(fc.nat(0xf_ffff)),
  ttl: fc.option(fc.nat(255)),
} as const);

const accEcn = fc
  .tuple(
    fc.constantFrom(['e0b', 'ceb', 'e1b'] as const, ['e1b', 'ceb', 'e0b'] as const),
    fc.array(fc.nat(0xff_ffff), { minLength: 1, maxLength: 3 }),
  )
  .map(([names, values]) => values.map((value, i) => ({ name: names[i]!, value })));

const anyOption: fc.Arbitrary<TcpOption> = fc.oneof(
  fc.constantFrom('nop', 'eol', 'sackOK').map((kind) => ({ kind }) as const),
  u16.map((value) => ({ kind: 'mss', value }) as const),
  fc.nat(255).map((value) => ({ kind: 'wscale', value }) as const),
  fc.record({ kind: fc.constant('TS'), val: u32, ecr: u32 } as const),
  fc.record({
    kind: fc.constant('sack'),
    blocks: fc.array(fc.record({ left: u32, right: u32 }), { minLength: 1, maxLength: 3 }),
  } as const),
  fc.record({ kind: fc.constantFrom('FO', 'FOEXP'), cookie: hexBytes(8) } as const),
  hexBytes(8).map((digest) => ({ kind: 'md5', digest: `0a${digest}` }) as const),
  accEcn.map((fields) => ({ kind: 'ECN', fields }) as const),
);

/** As many of them as a header has room for, padded. */
const anyOptions = fc.array(anyOption, { maxLength: 6 }).map((list) => {
  const options: TcpOption[] = [];
  for (const option of list) if (optionsLength([...options, option]) <= 40) options.push(option);
  while (optionsLength(options) % 4 !== 0) options.push({ kind: 'nop' });
  return options;
});

const anyTcp: fc.Arbitrary<TcpPacket> = fc
  .record({
    kind: fc.constant('tcp'),
    ip: anyIp,
    ports: fc.option(fc.record({ src: u16, dst: u16 })),
    flags: fc.nat(0x1ff),
    range: anyRange,
    ack: u32,
    win: u16,
    urg: u16,
    options: anyOptions,
  } as const)
  .map(({ range, ...rest }) => ({ ...rest, ...range }));

describe('parsing what is printed', () => {
  const checkRoundTrip = (format: (packet: TcpPacket) => string): void =>
    prop([anyTcp], (packet) => {
      expect(parseLine('<', format(packet))).toEqual(packet);
    });

  it('gives the same packet', () => {
    checkRoundTrip(formatPacket);
  });

  it.each<[string, (packet: TcpPacket) => string]>([
    ['the window', (packet) => formatPacket({ ...packet, win: 0 })],
    ['the flag AE', (packet) => formatPacket({ ...packet, flags: packet.flags & 0xff })],
    [
      'the last option',
      ({ options, ...rest }) =>
        formatPacket({ ...rest, options: options.slice(0, -4) as TcpOption[] }),
    ],
    ['zeros of a cookie', (packet) => formatPacket(packet).replaceAll(/ 0+/g, ' ')],
    ['the IP header', (packet) => formatPacket({ ...packet, ip: NO_IP_INFO })],
  ])('does not where %s is lost', (_, format) => {
    expect(() => checkRoundTrip(format)).toThrow('replay');
  });

  it('gives the same outbound packet, whatever is left out', () => {
    const anyOut = fc.record({
      win: fc.option(u16),
      options: fc.oneof(anyOptions, fc.constant('any' as const)),
    });
    prop([anyTcp, anyOut], (packet, out) => {
      const expected: TcpPacket = { ...packet, ...out };
      expect(parseLine('>', formatPacket(expected))).toEqual(expected);
    });
  });

  it('gives the same ICMP packet', () => {
    const names = fc.constantFrom<[string, string | null, number | null]>(
      ['unreachable', null, null],
      ['unreachable', 'host_unreachable', null],
      ['unreachable', 'frag_needed', 1200],
      ['packet_too_big', null, 1280],
      ['time_exceeded', 'exceeded_hop_limit', null],
    );
    prop([anyIp, names, anyRange], (ip, [type, code, mtu], range) => {
      const packet: IcmpPacket = { kind: 'icmp', ip, type, code, mtu, ...range };
      expect(parseLine('<', formatPacket(packet))).toEqual(packet);
    });
  });
});

describe('a packet reads as in a script', () => {
  it.each([
    'S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>',
    'S. 0:0(0) ack 1 <...>',
    'P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 5 ecr 4>',
    '[ect0] SEW 0:0(0) win 5 <FO 3021b9d889017eeb,nop,nop>',
    '. 1:1(0) ack 1 win 257 <nop,nop,sack 2001:3001 4001:5001>',
    '- 1:11(10) win 5',
    '8080 > 5000 FP. 1:1(0) ack 4294967295 win 0 urg 3',
    'EA. 1:1(0) ack 1 win 5 <ECN e1b 7 ceb 8,nop,nop,nop,nop>',
    'icmp unreachable frag_needed mtu 1200 [1:1461(1460)]',
    '[tos 0x08, flowlabel 0x0000f] R 1:1(0) win 0',
  ])('%s', (text) => {
    const arrow = text.includes('<...>') ? '>' : '<';
    expect(formatPacket(parseLine(arrow, text))).toBe(text);
  });

  it('prints flags in one order, the dot last, and a dash for none', () => {
    expect([0, 0x1ff, 0x12, 0xc2].map(formatFlags)).toEqual(['-', 'FSRPUEWA.', 'S.', 'SEW']);
  });

  it('prints times as seconds with six digits', () => {
    expect([0, 1, 100_000, 12_345_678].map(formatTime)).toEqual([
      '0.000000',
      '0.000001',
      '0.100000',
      '12.345678',
    ]);
  });
});

describe('an option takes as many bytes on the wire as its RFC says', () => {
  it.each([
    ['nop', 1, 'RFC 9293 3.2'],
    ['mss 1460', 4, 'RFC 9293 3.2'],
    ['wscale 7', 3, 'RFC 7323 2.2'],
    ['TS val 1 ecr 2', 10, 'RFC 7323 3.2'],
    ['sackOK', 2, 'RFC 2018 2'],
    ['sack 1:2', 10, 'RFC 2018 3'],
    ['sack 1:2 3:4 5:6 7:8', 34, 'RFC 2018 3'],
    ['FO', 2, 'RFC 7413 4.1.1'],
    ['FO 3021b9d889017eeb', 10, 'RFC 7413 4.1.1'],
    ['FOEXP 3021b9d889017eeb', 12, 'RFC 6994 3.1'],
    ['md5 0123456789abcdef0123456789abcdef', 18, 'RFC 2385 3.0'],
    ['ECN e0b 1 ceb 2 e1b 3', 11, 'RFC 9768 3.2.3'],
  ])('%s: %i [%s]', (text, bytes) => {
    const padding = ',nop'.repeat((4 - (bytes % 4)) % 4);
    const packet = parseLine('<', `. 1:1(0) win 1 <${text}${padding}>`);
    expect(packet.kind === 'tcp' && optionsLength(packet.options.slice(0, 1) as TcpOption[])).toBe(
      bytes,
    );
  });
});
