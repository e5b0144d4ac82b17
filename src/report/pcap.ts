/**
 * Captures in pcapng (draft-ietf-opsawg-pcapng), one file per interface: nanosecond stamps, one packet per frame, IPv4 and
 * TCP headers with options and checksums as they would have been. Link type RAW: there is no Ethernet header, because
 * there are no MAC addresses in the simulation. What a checksum offload would leave blank is filled in.
 *
 * Frames come as they are told: a link knows arrivals long before they happen. They are put in order of time here, and go
 * out as soon as nothing earlier can be told any more.
 */
import { encodeText } from '../base/text.ts';
import type { Instant } from '../base/units.ts';
import type { CapturedFrame, CaptureSink } from '../sim/run/result.ts';

/** Gets a file's bytes in order. */
export type ByteSink = (bytes: Uint8Array) => void;

interface Pending {
  readonly time: Instant;
  readonly order: number;
  readonly block: Uint8Array;
}

export class PcapCapture implements CaptureSink {
  private readonly open: (iface: string) => ByteSink;
  private readonly application: string;
  private readonly files = new Map<string, InterfaceFile>();

  /** @param open  called once for each interface, when its first frame comes */
  constructor(open: (iface: string) => ByteSink, application: string) {
    this.open = open;
    this.application = application;
  }

  frame(iface: string, time: Instant, frame: CapturedFrame, inbound: boolean, now: Instant): void {
    let file = this.files.get(iface);
    if (file === undefined) {
      file = new InterfaceFile(this.open(iface), iface, this.application);
      this.files.set(iface, file);
    }
    file.add(time, frame, inbound);
    file.release(now);
  }

  /** Writes what is still held back; call it at the end. */
  close(): void {
    for (const file of this.files.values()) file.release(Infinity as Instant);
  }
}

class InterfaceFile {
  private readonly sink: ByteSink;
  /** A heap by (time, order of telling). */
  private readonly heap: Pending[] = [];
  private order = 0;
  private ipId = 0;

  constructor(sink: ByteSink, iface: string, application: string) {
    this.sink = sink;
    sink(sectionHeader(application));
    sink(interfaceDescription(iface));
  }

  add(time: Instant, frame: CapturedFrame, inbound: boolean): void {
    const packet = ipPacket(frame, this.ipId);
    this.ipId = (this.ipId + 1) & 0xffff;
    push(this.heap, { time, order: this.order++, block: enhancedPacket(time, packet, inbound) });
  }

  release(now: Instant): void {
    while (this.heap.length > 0 && (this.heap[0]!.time < now || now === Infinity)) {
      this.sink(pop(this.heap).block);
    }
  }
}

const before = (a: Pending, b: Pending): boolean =>
  a.time < b.time || (a.time === b.time && a.order < b.order);

function push(heap: Pending[], p: Pending): void {
  let i = heap.length;
  heap.push(p);
  while (i > 0) {
    const up = (i - 1) >> 1;
    if (!before(p, heap[up]!)) break;
    heap[i] = heap[up]!;
    i = up;
  }
  heap[i] = p;
}

function pop(heap: Pending[]): Pending {
  const top = heap[0]!;
  const last = heap.pop()!;
  const n = heap.length;
  if (n === 0) return top;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = last;
  return top;
}

// ── blocks ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER = 0x1a2b3c4d;
/** LINKTYPE_RAW: the packet begins with the IP header. */
const LINKTYPE_RAW = 101;
const SNAPLEN = 262_144;

const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const EPB_FLAGS = 2;

const padded = (n: number): number => (n + 3) & ~3;

/** A block: type, length, body (padded to 32 bits), length. Little-endian, as the byte-order magic says. */
function block(type: number, body: Uint8Array): Uint8Array {
  const length = 12 + padded(body.length);
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  out.set(body, 8);
  view.setUint32(length - 4, length, true);
  return out;
}

function option(code: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + padded(value.length));
  const view = new DataView(out.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  out.set(value, 4);
  return out;
}

const END_OF_OPTIONS = new Uint8Array(4);

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

function sectionHeader(application: string): Uint8Array {
  const fixed = new Uint8Array(16);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, BYTE_ORDER, true);
  view.setUint16(4, 1, true); // major version
  view.setBigInt64(8, -1n, true); // section length: not said
  return block(
    SECTION_HEADER,
    join(fixed, option(SHB_USERAPPL, encodeText(application)), END_OF_OPTIONS),
  );
}

function interfaceDescription(name: string): Uint8Array {
  const fixed = new Uint8Array(8);
  const view = new DataView(fixed.buffer);
  view.setUint16(0, LINKTYPE_RAW, true);
  view.setUint32(4, SNAPLEN, true);
  const resolution = option(IF_TSRESOL, Uint8Array.of(9)); // 10^−9 s
  return block(
    INTERFACE_DESCRIPTION,
    join(fixed, option(IF_NAME, encodeText(name)), resolution, END_OF_OPTIONS),
  );
}

function enhancedPacket(time: Instant, packet: Uint8Array, inbound: boolean): Uint8Array {
  const fixed = new Uint8Array(20);
  const view = new DataView(fixed.buffer);
  view.setUint32(4, Math.floor(time / 0x1_0000_0000), true);
  view.setUint32(8, time % 0x1_0000_0000, true);
  view.setUint32(12, packet.length, true);
  view.setUint32(16, packet.length, true);
  const filler = new Uint8Array(padded(packet.length) - packet.length);
  const flags = option(EPB_FLAGS, Uint8Array.of(inbound ? 1 : 2, 0, 0, 0));
  return block(ENHANCED_PACKET, join(fixed, packet, filler, flags, END_OF_OPTIONS));
}

// ── packets ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const IP_HEADER = 20;
const TCP_HEADER = 20;
const IPPROTO_TCP = 6;
/** For experiments (RFC 3692): what `model: raw` sends is no protocol. */
const IPPROTO_EXPERIMENT = 253;
/** "Don't fragment": path MTU discovery is on by default (net/ipv4/ip_output.c ip_queue_xmit()). */
const DONT_FRAGMENT = 0x4000;
const TTL = 64;

export function ipPacket(f: CapturedFrame, id: number): Uint8Array {
  const options = f.raw ? [] : tcpOptions(f);
  const head = f.raw ? 0 : TCP_HEADER + options.length;
  const out = new Uint8Array(IP_HEADER + head + f.len);
  const view = new DataView(out.buffer);
  view.setUint8(0, 0x45);
  view.setUint8(1, f.tos);
  view.setUint16(2, out.length);
  view.setUint16(4, id);
  view.setUint16(6, DONT_FRAGMENT);
  view.setUint8(8, TTL);
  view.setUint8(9, f.raw ? IPPROTO_EXPERIMENT : IPPROTO_TCP);
  view.setUint32(12, f.src);
  view.setUint32(16, f.dst);
  view.setUint16(10, checksum(out, 0, IP_HEADER, 0));
  if (f.stream !== null) f.stream.copy(f.off, out.subarray(IP_HEADER + head));
  if (!f.raw) tcpHeader(f, options, out, view);
  return out;
}

function tcpHeader(
  f: CapturedFrame,
  options: readonly number[],
  out: Uint8Array,
  view: DataView,
): void {
  const at = IP_HEADER;
  view.setUint16(at, f.sport);
  view.setUint16(at + 2, f.dport);
  view.setUint32(at + 4, f.seq);
  view.setUint32(at + 8, f.flags & 16 ? f.ack : 0);
  view.setUint8(at + 12, ((TCP_HEADER + options.length) / 4) << 4);
  view.setUint8(at + 13, f.flags);
  view.setUint16(at + 14, f.window);
  out.set(options, at + TCP_HEADER);
  const length = out.length - at;
  // Pseudo-header, RFC 9293 §3.1: addresses, protocol, TCP length.
  const pseudo =
    (f.src >>> 16) + (f.src & 0xffff) + (f.dst >>> 16) + (f.dst & 0xffff) + IPPROTO_TCP + length;
  const sum = checksum(out, at, length, pseudo);
  view.setUint16(at + 16, f.corrupt ? sum ^ 0xffff : sum);
}

/** Options in Linux's order and padding (net/ipv4/tcp_output.c tcp_options_write()). */
function tcpOptions(f: CapturedFrame): number[] {
  const out: number[] = [];
  if (f.mss > 0) out.push(2, 4, f.mss >> 8, f.mss & 0xff);
  if (f.hasTs) {
    if (f.sackOk) out.push(4, 2);
    else out.push(1, 1);
    out.push(8, 10, ...word(f.tsVal), ...word(f.tsEcr));
  } else if (f.sackOk) out.push(1, 1, 4, 2);
  if (f.wscale >= 0) out.push(1, 3, 3, f.wscale);
  if (f.sacks.length > 0) {
    out.push(1, 1, 5, 2 + 4 * f.sacks.length);
    for (const edge of f.sacks) out.push(...word(edge));
  }
  return out;
}

const word = (x: number): number[] => [
  (x >>> 24) & 0xff,
  (x >>> 16) & 0xff,
  (x >>> 8) & 0xff,
  x & 0xff,
];

/** The Internet checksum, RFC 1071, of `length` bytes from `at`; `sum` is what is added besides. */
function checksum(bytes: Uint8Array, at: number, length: number, sum: number): number {
  let total = sum;
  for (let i = 0; i + 1 < length; i += 2) total += (bytes[at + i]! << 8) | bytes[at + i + 1]!;
  if (length % 2 === 1) total += bytes[at + length - 1]! << 8;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x1_0000);
  return ~total & 0xffff;
}
