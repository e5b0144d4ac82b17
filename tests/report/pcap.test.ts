// A capture is right when others can read it: byte for byte against the drafts and RFCs here, and by tshark where there is one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PayloadStream } from '../../src/base/payload.ts';
import { instant } from '../../src/base/units.ts';
import { ipPacket, PcapCapture } from '../../src/report/pcap.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { CapturedFrame } from '../../src/sim/run/result.ts';
import { read, VALID } from '../scenario/support.ts';
import { prop } from '../support/prop.ts';

const ack: CapturedFrame = {
  src: 0x0a000001,
  dst: 0x0a000002,
  sport: 40_000,
  dport: 8080,
  seq: 1000,
  ack: 2000,
  flags: 0x10,
  window: 500,
  mss: 0,
  wscale: -1,
  sackOk: false,
  hasTs: false,
  tsVal: 0,
  tsEcr: 0,
  sacks: [],
  stream: null,
  off: 0,
  len: 0,
  tos: 0,
  corrupt: false,
  raw: false,
};

function stream(bytes: number): PayloadStream {
  const s = new PayloadStream(7);
  s.appendPattern(bytes);
  return s;
}

interface Told {
  readonly time: number;
  readonly frame: CapturedFrame;
  readonly inbound: boolean;
  readonly now: number;
}

function capture(told: readonly Told[], iface = 'server:eth0'): Uint8Array {
  const parts: Uint8Array[] = [];
  const pcap = new PcapCapture((name) => {
    expect(name).toBe(iface);
    return (bytes) => parts.push(bytes);
  }, 'hostwire');
  for (const t of told) pcap.frame(iface, instant(t.time), t.frame, t.inbound, instant(t.now));
  pcap.close();
  return Buffer.concat(parts);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** RFC 1071: over data and checksum together the sum is all ones. */
function sumsToOnes(bytes: Uint8Array, pseudo: readonly number[] = []): boolean {
  const words = [...pseudo];
  for (let i = 0; i < bytes.length; i += 2) words.push((bytes[i]! << 8) | (bytes[i + 1] ?? 0));
  let sum = words.reduce((a, b) => a + b, 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum === 0xffff;
}

const pseudoHeader = (f: CapturedFrame, tcpLength: number): number[] => [
  f.src >>> 16,
  f.src & 0xffff,
  f.dst >>> 16,
  f.dst & 0xffff,
  6,
  tcpLength,
];

test('a file is section header, interface description, packets; byte for byte [pcapng §4]', () => {
  const bytes = capture([{ time: 0x1_0000_0005, frame: ack, inbound: true, now: 0 }]);
  const section =
    '0a0d0d0a' +
    '2c000000' +
    '4d3c2b1a' +
    '01000000' +
    'ffffffffffffffff' +
    '04000800' +
    hex(Buffer.from('hostwire')) +
    '00000000' +
    '2c000000';
  const description =
    '01000000' +
    '30000000' +
    '65000000' +
    '00000400' +
    '02000b00' +
    hex(Buffer.from('server:eth0')) +
    '00' +
    '09000100' +
    '09000000' +
    '00000000' +
    '30000000';
  const packet = hex(ipPacket(ack, 0));
  const enhanced =
    '06000000' +
    '54000000' +
    '00000000' +
    '01000000' +
    '05000000' +
    '28000000' +
    '28000000' +
    packet +
    '02000400' +
    '01000000' +
    '00000000' +
    '54000000';
  expect(hex(bytes)).toBe(section + description + enhanced);
});

test('an ACK is these forty bytes [RFC 791 §3.1, RFC 9293 §3.1]', () => {
  expect(hex(ipPacket(ack, 0x1234))).toBe(
    '45000028' +
      '12344000' +
      '4006' +
      '149a' +
      '0a000001' +
      '0a000002' +
      '9c401f90' +
      '000003e8' +
      '000007d0' +
      '501001f4' +
      'd255' +
      '0000',
  );
});

test('a SYN has its options in the order of Linux, the data offset counts them', () => {
  const syn = { ...ack, flags: 2, mss: 1460, sackOk: true, hasTs: true, tsVal: 1, wscale: 7 };
  const bytes = ipPacket(syn, 0);
  expect(hex(bytes.subarray(40))).toBe(
    '020405b4' + '0402' + '080a00000001' + '00000000' + '01030307',
  );
  expect(bytes[32]! >> 4).toBe(10);
  expect(hex(bytes.subarray(28, 32))).toBe('00000000'); // no ACK flag, no number
});

const u32 = fc.nat(0xffff_ffff);
const frames = fc.record({
  src: u32,
  dst: u32,
  sport: fc.nat(65_535),
  dport: fc.nat(65_535),
  seq: u32,
  ack: u32,
  flags: fc.nat(255),
  window: fc.nat(65_535),
  mss: fc.constantFrom(0, 536, 1460),
  wscale: fc.constantFrom(-1, 0, 14),
  sackOk: fc.boolean(),
  hasTs: fc.boolean(),
  tsVal: u32,
  tsEcr: u32,
  sacks: fc.array(fc.tuple(u32, u32), { maxLength: 2 }).map((list) => list.flat()),
  off: fc.nat(1000),
  len: fc.nat(1460),
  tos: fc.nat(255),
});

type Make = (f: CapturedFrame, id: number) => Uint8Array;

function checkPackets(make: Make): void {
  const s = stream(3000);
  prop([frames], (f) => {
    const frame: CapturedFrame = { ...f, stream: s, corrupt: false, raw: false };
    const bytes = make(frame, 1);
    const head = 20 + 4 * (bytes[32]! >> 4);
    return (
      bytes.length === head + f.len &&
      sumsToOnes(bytes.subarray(0, 20)) &&
      sumsToOnes(bytes.subarray(20), pseudoHeader(frame, bytes.length - 20)) &&
      (f.len === 0 || bytes[head] === s.byteAt(f.off))
    );
  });
}

describe('every packet', () => {
  test('has right lengths, right checksums and the bytes of its stream [RFC 1071]', () => {
    checkPackets(ipPacket);
  });

  test('the property notices a wrong sum, a wrong offset and a wrong byte', () => {
    const broken =
      (at: number): Make =>
      (f, id) => {
        const bytes = ipPacket(f, id);
        bytes[Math.min(at, bytes.length - 1)]! ^= 1;
        return bytes;
      };
    for (const at of [10, 32, 36, 1 << 20])
      expect(() => checkPackets(broken(at))).toThrow(/replay/);
  });

  test('a corrupted frame shows a wrong checksum', () => {
    const bytes = ipPacket({ ...ack, corrupt: true }, 0);
    expect(sumsToOnes(bytes.subarray(20), pseudoHeader(ack, 20))).toBe(false);
  });
});

/** Times of the packets in a file, in order. */
function times(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint32(at + 4, true)) {
    if (view.getUint32(at, true) === 6)
      out.push(view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 16, true));
  }
  return out;
}

test('frames told ahead of time come out in order of time, none is lost', () => {
  const told = fc.array(fc.record({ step: fc.nat(5), ahead: fc.nat(50), inbound: fc.boolean() }), {
    maxLength: 60,
  });
  prop([told], (list) => {
    let now = 0;
    const all = list.map(({ step, ahead, inbound }): Told => {
      now += step;
      return { time: now + ahead, frame: ack, inbound, now };
    });
    if (all.length === 0) return;
    expect(times(capture(all))).toEqual(all.map((t) => t.time).toSorted((a, b) => a - b));
  });
});

const tshark = ((): boolean => {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!tshark)(`tshark${tshark ? '' : ' (skipped: it is not installed)'}`, () => {
  test('reads a conversation without a warning, stamps to the nanosecond, checksums good', () => {
    const data = stream(2000);
    const back = {
      ...ack,
      src: ack.dst,
      dst: ack.src,
      sport: ack.dport,
      dport: ack.sport,
      seq: 5000,
      ack: 1001,
    };
    const told: Told[] = [
      { ...ack, flags: 2, seq: 999, mss: 1460, sackOk: true, hasTs: true, tsVal: 7, wscale: 7 },
      {
        ...back,
        flags: 0x12,
        seq: 1999,
        ack: 1000,
        mss: 1460,
        sackOk: true,
        hasTs: true,
        tsVal: 9,
        tsEcr: 7,
        wscale: 7,
      },
      { ...ack, hasTs: true, tsVal: 8, tsEcr: 9 },
      { ...ack, flags: 0x18, stream: data, len: 1448, hasTs: true, tsVal: 8, tsEcr: 9 },
      { ...back, seq: 2000, ack: 2448, hasTs: true, tsVal: 10, tsEcr: 8 },
    ].map((frame, i) => ({ time: 1_000_000_007 * (i + 1), frame, inbound: i % 2 === 1, now: 0 }));
    const folder = mkdtempSync(join(tmpdir(), 'hostwire-pcap-'));
    try {
      const file = join(folder, 'a.pcapng');
      writeFileSync(file, capture(told));
      const fields = [
        'frame.time_epoch',
        'frame.interface_name',
        'ip.checksum.status',
        'tcp.checksum.status',
        'tcp.len',
        '_ws.malformed',
        '_ws.expert.severity',
      ];
      const out = execFileSync(
        'tshark',
        [
          '-r',
          file,
          '-o',
          'ip.check_checksum:TRUE',
          '-o',
          'tcp.check_checksum:TRUE',
          '-T',
          'fields',
          ...fields.flatMap((f) => ['-e', f]),
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      );
      const rows = out
        .split('\n')
        .slice(0, -1)
        .map((l) => l.split('\t'));
      expect(rows.map((r) => r.slice(0, 6))).toEqual(
        told.map((t) => [
          (t.time / 1e9).toFixed(9),
          'server:eth0',
          '1',
          '1',
          String(t.frame.len),
          '',
        ]),
      );
      // 0x600000 is a warning, 0x800000 an error; a SYN is a chat (0x200000).
      expect(
        rows.flatMap((r) => (r[6] ?? '').split(',')).filter((s) => Number(s) >= 0x600000),
      ).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('has nothing to warn of in a run over a clean path', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hostwire-pcap-'));
    try {
      const text = VALID.replace('server->client: { loss: 0.1 % }', '');
      const [scenario] = read(text.replace('SO_RCVBUF: 65536', 'TCP_NODELAY: 1'));
      const parts = new Map<string, Uint8Array[]>();
      const into = (name: string) => (bytes: Uint8Array) => {
        parts.set(name, [...(parts.get(name) ?? []), bytes.slice()]);
      };
      const sink = new PcapCapture(into, 'hostwire');
      runScenario(scenario!, { capture: sink });
      sink.close();
      expect([...parts.keys()]).toEqual(['client:eth0', 'server:eth0']);
      for (const [i, part] of [...parts.values()].entries()) {
        const file = join(folder, `${i}.pcapng`);
        writeFileSync(file, Buffer.concat(part));
        const out = execFileSync('tshark', ['-r', file, '-q', '-z', 'expert,warn'], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        expect(out.trim()).toBe('');
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
