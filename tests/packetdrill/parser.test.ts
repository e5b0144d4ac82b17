import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ScriptError,
  type Call,
  type Event,
  type Expr,
  type TcpPacket,
} from '../../src/packetdrill/ast.ts';
import { icmpNumbers } from '../../src/packetdrill/icmp.ts';
import { parseScript } from '../../src/packetdrill/parser.ts';
import { parsePython } from '../../src/packetdrill/python.ts';
import { prop } from '../support/prop.ts';

const NONE: ReadonlyMap<string, string> = new Map();

const parse = (text: string): readonly Event[] => parseScript(text, NONE).events;
const first = (text: string): Event => parse(text)[0]!;

function call(text: string): Call {
  const event = first(`0 ${text}`);
  if (event.kind !== 'call') throw new Error(`${JSON.stringify(event)}`);
  return event;
}
const argument = (text: string): Expr => call(`f(${text}) = 0`).args[0]!;

function tcp(text: string): TcpPacket {
  const event = first(`0 ${text}`);
  if ((event.kind !== 'in' && event.kind !== 'out') || event.packet.kind !== 'tcp')
    throw new Error(event.kind);
  return event.packet;
}

/** Why a script cannot be read; null: it can. */
function refusal(text: string): ScriptError | null {
  try {
    parseScript(text, NONE);
    return null;
  } catch (e) {
    if (e instanceof ScriptError) return e;
    throw e;
  }
}

function error(text: string): ScriptError {
  const found = refusal(text);
  if (found === null) throw new Error(`can be read: ${text}`);
  return found;
}

describe('the shape of a file', () => {
  it('is options, an init command, events and a cleanup command', () => {
    const script = parseScript(
      '--mss=1000\n--strict_segments // why\n`init`\n0 `a`\n+1 `b`\n`clean\nup`\n',
      NONE,
    );
    expect(script).toEqual({
      options: [
        { name: 'mss', value: '1000', line: 1 },
        { name: 'strict_segments', value: null, line: 2 },
      ],
      init: { text: 'init', line: 3 },
      events: [
        { kind: 'command', time: { kind: 'absolute', us: 0 }, line: 4, text: 'a' },
        { kind: 'command', time: { kind: 'relative', us: 1_000_000 }, line: 5, text: 'b' },
      ],
      cleanup: { text: 'clean\nup', line: 6 },
    });
  });

  it('needs nothing but an event', () => {
    expect(parseScript('0 `a`', NONE)).toMatchObject({ options: [], init: null, cleanup: null });
    expect(error('`init`').message).toContain('expected a time, found the end of the script');
  });

  it('has no options behind its head and no command without a time among its events', () => {
    expect(error('0 `a`\n--mss=1').message).toContain('--mss, which belongs at the head');
    expect(error('0 `a`\n`b`\n0 `c`')).toMatchObject({ line: 3, column: 1 });
  });

  it('does not care for white space and comments, not even inside an event', () => {
    const spread = '0\n<  // in\n S\n0:0(0) /* x */ win\n5 <mss\n1000 , nop,nop,\nnop,nop>';
    expect(tcp(spread.slice(1))).toEqual(tcp('< S 0:0(0) win 5 <mss 1000,nop,nop,nop,nop>'));
    expect(first(`\n${spread}`).line).toBe(2);
  });
});

describe('words that are defined', () => {
  const script =
    '--define=LEN=10 --define=WHAT=`ls`\n0 WHAT\n+0 write(3, ..., LEN) = LEN\n+0 < icmp unreachable CODE';
  it('stand for their value, from the command line and from the script', () => {
    const { events } = parseScript(script, new Map([['CODE', 'host_unreachable']]));
    expect(events[0]).toMatchObject({ kind: 'command', text: 'ls' });
    expect(events[1]).toMatchObject({ result: 10 });
    expect(events[2]).toMatchObject({ packet: { code: 'host_unreachable' } });
  });

  it('stand for what the command line says where both say something', () => {
    const { events } = parseScript(
      script,
      new Map([
        ['CODE', 'host_unreachable'],
        ['LEN', '0x20'],
      ]),
    );
    expect(events[1]).toMatchObject({ result: 32 });
  });

  it('are refused without a value', () => {
    expect(error('--define=LEN\n0 `a`').message).toContain('--define=WORD=value');
  });

  it('can be the value of an option', () => {
    expect(
      parseScript('--bind_port=PORT\n0 `a`', new Map([['PORT', '80']])).options[0],
    ).toMatchObject({ value: '80' });
  });
});

describe('the time of an event', () => {
  it.each([
    ['0', { kind: 'absolute', us: 0 }],
    ['1', { kind: 'absolute', us: 1_000_000 }],
    ['+.1', { kind: 'relative', us: 100_000 }],
    ['+ 0.29', { kind: 'relative', us: 290_000 }],
    ['+0.0000019', { kind: 'relative', us: 1 }],
    ['*', { kind: 'any' }],
    ['.1~.3', { kind: 'window', relative: false, fromUs: 100_000, toUs: 300_000 }],
    ['+.1~+.3', { kind: 'window', relative: true, fromUs: 100_000, toUs: 300_000 }],
  ])('%s', (text, time) => {
    expect(first(`${text} > . 1:1(0) ack 1`).time).toEqual(time);
  });

  it('of a blocking call is followed by when it must return', () => {
    expect(first('.09...0.14 poll(3) = 0')).toMatchObject({
      time: { kind: 'absolute', us: 90_000 },
      untilUs: 140_000,
    });
    expect(call('poll(3) = 0').untilUs).toBe(null);
  });

  it.each([
    ['+-1 `a`', 'not negative'],
    ['+.3~+.1 > . 1:1(0)', 'ends before it begins'],
    ['+.3...0.2 f() = 0', 'ends before it begins'],
    ['* < . 1:1(0) win 1', "only outbound packets can come at '*'"],
    ['+0~+1 `a`', 'only outbound packets can come at a range of times'],
    ['+.1~.3 > . 1:1(0)', "expected '+'"],
    ['+9999999999999 `a`', 'a time beyond'],
    ['soon `a`', 'expected a time'],
  ])('is refused: %s', (text, message) => {
    expect(error(text).message).toContain(message);
  });
});

describe('a TCP packet line', () => {
  it('says header fields as they are on the wire', () => {
    expect(tcp('< P. 1:1001(1000) ack 7 win 257 urg 3')).toEqual({
      kind: 'tcp',
      ip: { ecn: null, tos: null, flowLabel: null, ttl: null },
      ports: null,
      flags: 0x18,
      seq: 1,
      end: 1001,
      len: 1000,
      ack: 7,
      win: 257,
      urg: 3,
      options: [],
    });
  });

  it.each([
    ['-', 0],
    ['.', 0x10],
    ['S', 0x02],
    ['S.', 0x12],
    ['SEW', 0xc2],
    ['FP.', 0x19],
    ['R', 0x04],
    ['U.', 0x30],
    ['EWA.', 0x1d0],
  ])('has flags %s [RFC 9293 3.1]', (text, flags) => {
    expect(tcp(`> ${text} 1:1(0)`).flags).toBe(flags);
  });

  it('has a digit for the ACE counter: AE, CWR and ECE from the highest bit down [RFC 9768 3.2.2]', () => {
    const bits = [0, 0x40, 0x80, 0xc0, 0x100, 0x140, 0x180, 0x1c0];
    for (const [ace, bit] of bits.entries()) {
      expect(tcp(`> .${ace} 1:1(0)`).flags).toBe(bit | 0x10);
      expect(tcp(`> P.${ace} 1:1(0)`).flags).toBe(bit | 0x18);
      expect(tcp(`> S${ace}. 1:1(0)`).flags).toBe(bit | 0x12);
    }
  });

  it.each(['[ect0]', '(ect0)', '[ ect0 ]'])('has IP fields in either bracket: %s', (text) => {
    expect(tcp(`> ${text} . 1:1(0)`).ip).toMatchObject({ ecn: 'ect0', tos: null });
  });

  it('has TOS, flow label and TTL', () => {
    expect(tcp('> (tos 0xfc, flowlabel 0x5) . 1:1(0)').ip).toMatchObject({
      tos: 252,
      flowLabel: 5,
    });
    expect(tcp('> [ttl 64] . 1:1(0)').ip).toMatchObject({ ttl: 64 });
  });

  it('has explicit ports', () => {
    expect(tcp('< 5000 > 80 S 0:0(0) win 1').ports).toEqual({ src: 5000, dst: 80 });
  });

  it('leaves window and options of outbound packets open', () => {
    expect(tcp('> . 1:1(0) <...>')).toMatchObject({ ack: 0, win: null, options: 'any' });
  });

  it('has options in their order', () => {
    expect(tcp('> S 0:0(0) <mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 8>').options).toEqual([
      { kind: 'mss', value: 1460 },
      { kind: 'sackOK' },
      { kind: 'TS', val: 1, ecr: 2 },
      { kind: 'nop' },
      { kind: 'wscale', value: 8 },
    ]);
    expect(tcp('> S 0:0(0) <FO,nop,nop,FOEXP 00AB,eol,eol>').options).toEqual([
      { kind: 'FO', cookie: '' },
      { kind: 'nop' },
      { kind: 'nop' },
      { kind: 'FOEXP', cookie: '00ab' },
      { kind: 'eol' },
      { kind: 'eol' },
    ]);
    expect(tcp('> . 1:1(0) <nop,nop,sack 1:2 3:4>').options[2]).toEqual({
      kind: 'sack',
      blocks: [
        { left: 1, right: 2 },
        { left: 3, right: 4 },
      ],
    });
  });

  it('has AccECN counters in one of two orders [RFC 9768 3.2.3]', () => {
    const [option] = tcp('> . 1:1(0) <ECN e1b 1 ceb 2 e0b 3,nop>').options;
    expect(option).toMatchObject({ fields: [{ name: 'e1b' }, { name: 'ceb' }, { name: 'e0b' }] });
    expect(error('0 > . 1:1(0) <ECN ceb 2>').message).toContain("'e0b' or 'e1b'");
    expect(error('0 > . 1:1(0) <ECN e0b 1 e1b 2>').message).toContain("',' or '>'");
  });

  it.each([
    ['< . 1:1(0) ack 1', "'win'"],
    ['< . 1:1(0) win 5 <...>', 'outbound packets only'],
    ['< [ect01] . 1:1(0) win 5', 'outbound packets only'],
    ['> . 1:3(1)', 'does not add up'],
    ['> . 1:65537(65536)', 'a payload length'],
    ['> . 4294967296:4294967296(0)', 'a sequence number'],
    ['> . 1:1(0) win 65536', 'a window'],
    ['> X 1:1(0)', "'X' is no TCP flag"],
    ['> .8 1:1(0)', "'8' is no TCP flag"],
    ['> E.5 1:1(0)', 'a digit stands for'],
    ['> 5E. 1:1(0)', 'a digit stands for'],
    ['> S.12 1:1(0)', 'a digit stands for'],
    ['> 1:1(0)', 'TCP flags'],
    ['> . 1:1(0) <nop>', 'no multiple of 4'],
    [
      '> . 1:1(0) <md5 00,nop,TS val 1 ecr 1,TS val 1 ecr 1,TS val 1 ecr 1,TS val 1 ecr 1>',
      'room for 40',
    ],
    ['> . 1:1(0) <mss 1.5>', 'integer'],
    ['> . 1:1(0) <FO abc,nop>', 'hex digits'],
    ['> . 1:1(0) <FO TFO_COOKIE>', 'TFO_COOKIE'],
    ['> . 1:1(0) <bla>', 'expected an option'],
    ['> . 1:1(0) <nop', "',' or '>'"],
    ['> [tos 5] . 1:1(0)', 'in hex'],
    ['> [ect2] . 1:1(0)', 'noecn, ect0'],
    ['> [ect0) . 1:1(0)', "']'"],
  ])('is refused: %s', (text, message) => {
    expect(error(`0 ${text}`).message).toContain(message);
  });
});

describe('an ICMP line', () => {
  it('has type, code, MTU and the range of the quoted segment', () => {
    expect(first('0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]')).toMatchObject({
      kind: 'in',
      packet: {
        kind: 'icmp',
        type: 'unreachable',
        code: 'frag_needed',
        mtu: 1200,
        seq: 1,
        end: 1461,
        len: 1460,
      },
    });
    expect(first('0 < icmp packet_too_big mtu 1280')).toMatchObject({
      packet: { code: null, mtu: 1280, len: 0 },
    });
  });

  it('has numbers [RFC 792, RFC 4443 3.1]', () => {
    expect(icmpNumbers(4, 'unreachable', 'frag_needed')).toEqual({ type: 3, code: 4 });
    expect(icmpNumbers(4, 'unreachable', null)).toEqual({ type: 3, code: 0 });
    expect(icmpNumbers(6, 'packet_too_big', null)).toEqual({ type: 2, code: 0 });
    expect(icmpNumbers(6, 'unreachable', 'frag_needed')).toBe(null);
    expect(icmpNumbers(4, 'constructor', null)).toBe(null);
  });

  it.each([
    ['< icmp unreachabel', 'did you mean unreachable?'],
    ['< icmp unreachable CODE', "found 'CODE'"],
    ['< icmp unreachable host_unreachable mtu 5', 'carry an MTU'],
    ['< icmp unreachable [1:2(3)]', 'does not add up'],
  ])('is refused: %s', (text, message) => {
    expect(error(`0 ${text}`).message).toContain(message);
  });
});

describe('a call', () => {
  it('has arguments, a result, an error and a note', () => {
    expect(call('write(4, ..., 10) = -1 EPIPE (Broken pipe)')).toMatchObject({
      name: 'write',
      args: [{ value: 4 }, { kind: 'ellipsis' }, { value: 10 }],
      result: -1,
      errno: { name: 'EPIPE', value: 32 },
    });
    expect(call('fcntl(3, F_GETFL) = 0x2 (flags O_RDWR|O_NONBLOCK)')).toMatchObject({
      result: 2,
      errno: null,
    });
    expect(call('fork() = 0').args).toEqual([]);
  });

  it('has constants of Linux, joined by |', () => {
    expect(argument('EPOLLIN|EPOLLET')).toEqual({
      kind: 'int',
      value: 0x8000_0001,
      text: 'EPOLLIN|EPOLLET',
    });
    expect(argument('NULL')).toMatchObject({ value: 0, text: 'NULL' });
    expect(argument('0x7f')).toMatchObject({ value: 127 });
    expect(argument('-5')).toMatchObject({ value: -5 });
  });

  it('has lists, strings and addresses', () => {
    expect(argument('[]')).toEqual({ kind: 'list', items: [] });
    expect(argument('[1, [2]]')).toMatchObject({
      items: [{ value: 1 }, { items: [{ value: 2 }] }],
    });
    expect(argument(String.raw`"reno\x00" "\n"`)).toEqual({ kind: 'string', value: 'reno\0\n' });
    expect(
      argument('{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}'),
    ).toMatchObject({
      fields: [
        { name: 'sa_family', value: { value: 2 } },
        { name: 'sin_port', value: { value: 80 } },
        { name: 'sin_addr', value: { kind: 'address', address: '10.0.0.1' } },
      ],
    });
  });

  it('has structs with names and without', () => {
    expect(argument('{onoff=1, linger=0}')).toEqual({
      kind: 'struct',
      fields: [
        { name: 'onoff', length: null, value: { kind: 'int', value: 1, text: '1' } },
        { name: 'linger', length: null, value: { kind: 'int', value: 0, text: '0' } },
      ],
    });
    expect(argument('{..., 1000}')).toMatchObject({
      kind: 'tuple',
      items: [{ kind: 'ellipsis' }, { value: 1000 }],
    });
  });

  it('has message headers with lengths and control messages', () => {
    const msghdr = `{msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=MSG_ERRQUEUE, msg_control=[
      {cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=0,scm_nsec=5}},
      {cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=7}]}`;
    const parsed = argument(msghdr);
    expect(parsed).toMatchObject({
      fields: [
        { name: 'msg_name', length: { kind: 'ellipsis' }, value: { kind: 'ellipsis' } },
        { name: 'msg_iov', length: { value: 1 }, value: { items: [{ kind: 'tuple' }] } },
        { name: 'msg_flags', value: { value: 0x2000 } },
        {
          name: 'msg_control',
          value: { items: [{ kind: 'struct' }, { fields: [{}, {}, { value: { value: 7 } }] }] },
        },
      ],
    });
  });

  it.each([
    ['f(1', "',' or ')'"],
    ['f(1,) = 0', 'expected an argument'],
    ['f(1) 0', "'='"],
    ['f(1) = ...', 'the result of a call is an integer'],
    ['f(1) = "a"', 'the result of a call is an integer'],
    ['f(1.5) = 0', 'an integer'],
    ['f("a"|1) = 0', "joined by '|'"],
    ['f({a=1, 2}) = 0', 'the name of a field'],
    ['f(bla(1)) = 0', "'bla' cannot be called"],
    ['f(1) = 0 (note', "')'"],
    ['f', "'('"],
  ])('is refused: %s', (text, message) => {
    expect(error(`0 ${text}`).message).toContain(message);
  });
});

describe('code', () => {
  it('keeps its lines and loses blanks at its ends', () => {
    expect(first('0\n%{ \n a }% ')).toEqual({
      kind: 'code',
      time: { kind: 'absolute', us: 0 },
      line: 1,
      text: '\n a',
      codeLine: 2,
    });
  });
});

describe('what nobody here models is unsupported, with its name, and nothing after it is read', () => {
  it.each([
    ['< udp (100)', 'UDP packets'],
    ['> [ect0] udp 5 > 6 (100)', 'UDP packets'],
    ['< ipv4 1.2.3.4 > 5.6.7.8: S 0:0(0) win 1', 'encapsulation in IPv4'],
    ['< ipv6 fd::1 > fd::2: S 0:0(0) win 1', 'encapsulation in IPv6'],
    ['< gre: S 0:0(0) win 1', 'encapsulation in GRE'],
    ['< mpls (label 0, tc 0, [S], ttl 0): S 0:0(0) win 1', 'encapsulation in MPLS'],
    ['< encap psp spi 1 S 0:0(0) win 1', 'encapsulation in PSP'],
    ['< icmp echo_request id 5', 'ICMP echo'],
    ['< icmp unreachable [udp (5)]', 'quote no TCP segment'],
    ['socket(..., SOCK_STREM, 0) = 3', 'unknown symbol SOCK_STREM; did you mean SOCK_STREAM?'],
    ['f() = -1 EAGIAN (Try again)', 'unknown symbol EAGIAN; did you mean EAGAIN?'],
    ['f(18446744073709551615) = 0', 'beyond 2^53'],
    ['f("a"...) = 0', 'strings that go on'],
  ])('%s', (text, reason) => {
    const events = parse(`0 \`a\`\n+.5 ${text}\n this is no script`);
    expect(events).toHaveLength(2);
    expect(events[1]).toMatchObject({
      kind: 'unsupported',
      line: 2,
      time: { kind: 'relative', us: 500_000 },
      reason: expect.stringContaining(reason) as string,
    });
  });
});

it('says line, column, what was expected and what was found', () => {
  const { message, line, column } = error('0 `a`\n+0 < S 0:0(0) win 5\n  <mss 1000,sackOK,nope>');
  expect([message, line, column]).toEqual([
    "expected an option: mss, wscale, sackOK, sack, TS, nop, eol, md5, FO, FOEXP or ECN, found 'nope'",
    3,
    20,
  ]);
});

const folder = join(import.meta.dirname, 'scripts');
const scripts = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.pkt'))
  .toSorted();
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

describe('our own scripts', () => {
  it('are all here', () => {
    expect(scripts.length).toBeGreaterThanOrEqual(76);
  });

  it.each(scripts)('%s is read to its end, code blocks included', (name) => {
    const { events } = parseScript(textOf(name), NONE);
    expect(events.filter(({ kind }) => kind === 'unsupported')).toEqual([]);
    const lines = events.map(({ line }) => line);
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
    const blocks = events.flatMap((e) =>
      e.kind === 'code' ? [{ text: e.text, line: e.codeLine }] : [],
    );
    expect(parsePython(blocks)).toHaveLength(blocks.length);
  });

  it('with bytes dropped, doubled and swapped are read or refused with a place in the text', () => {
    const edit = fc.tuple(
      fc.constantFrom('drop', 'double', 'swap', 'noise'),
      fc.nat(),
      fc.constantFrom(...'<>(){}[]`"%.+*~=|:,-0aS \n'.split('')),
    );
    prop(
      [fc.constantFrom(...scripts), fc.array(edit, { minLength: 1, maxLength: 4 })],
      (name, edits) => {
        let text = textOf(name);
        for (const [how, where, noise] of edits) {
          const at = where % (text.length - 1);
          const [a, b] = [text[at]!, text[at + 1]!];
          const instead = { drop: b, double: a + a + b, swap: b + a, noise: noise + b }[how];
          text = text.slice(0, at) + instead + text.slice(at + 2);
        }
        const { line, column } = refusal(text) ?? { line: 1, column: 1 };
        const lines = text.split('\n');
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
      },
      { numRuns: 300 },
    );
  });
});
