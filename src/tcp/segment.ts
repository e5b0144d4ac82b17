/**
 * What a TCP segment says: header fields, options, and its payload as a reference (stream, offset, length). The kernel's
 * skb extends it with what the path needs. Records are pooled: whoever fills one sets every field (`resetSegment`).
 *
 * Not here on purpose: checksums (a corrupted frame is a mark of the train).
 */
import type { PayloadStream } from '../base/payload.ts';
import type { FastOpenOption } from './fastopen-option.ts';
import { SEQ_ZERO, seqDiff, seqRaw, type Seq } from './seq.ts';

/** Header flags, with the bits of RFC 9293 §3.1. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

/** IP and TCP header without options, bytes. */
export const BASE_HEADER = 40;

/** What `sacks` is in a record that never carried a block: most never do. */
const NO_SACKS: Int32Array = new Int32Array(0);

/** What few segments say: the options of a SYN, and the urgent pointer. */
interface Extras {
  mss: number;
  wscale: number;
  sackOk: boolean;
  fastOpen: FastOpenOption | null;
  urgent: number;
}

const noExtras = (): Extras => ({ mss: 0, wscale: -1, sackOk: false, fastOpen: null, urgent: 0 });

/**
 * Thousands are in flight and each is looked at by both ends, long after the other: the fewer lines of memory the better. So
 * what few of them say is in a record of its own.
 */
export class Segment {
  /** Addresses and ports; addresses are small integers, one per host interface. */
  src = 0;
  dst = 0;
  sport = 0;
  dport = 0;
  /** Read and written by the accessors below. */
  extras: Extras | null = null;
  seq: Seq = SEQ_ZERO;
  ack: Seq = SEQ_ZERO;
  flags = 0;
  /** As on the wire: 16 bits, not scaled. */
  window = 0;
  hasTs = false;
  /** Timestamp option: unsigned 32-bit numbers kept as signed ones, compared modulo 2^32. */
  tsVal = 0;
  tsEcr = 0;
  /** SACK blocks in `sacks`: [left, right) pairs, raw. At most 4; who writes them asks for `sackRoom`. */
  nsack = 0;
  sacks: Int32Array = NO_SACKS;
  /** Bytes of IP and TCP header in each frame, options included. */
  headerLen: number = BASE_HEADER;

  /** Payload: `len` bytes of `stream` from `off`. */
  stream: PayloadStream | null = null;
  off = 0;
  len = 0;
  /** Frames on the wire, ≥ 1, and payload bytes of each but the last (TSO on send, GRO on receive). */
  segs = 1;
  segSize = 0;

  /** Memory charged for it, bytes (skb->truesize). */
  truesize = 0;
  /** Free bytes behind the data in its linear area: that much of the next segment can be copied in (skb_tailroom). */
  tailroom = 0;
  /** Bytes of memory saved when its page moves into the segment before it (skb_try_coalesce); 0: it cannot move. */
  mergeable = 0;
  /** Pages that its payload lies in, when none of it lies behind the header (skb_shinfo->nr_frags); 0: the first part of it does. */
  pages = 0;
  /** It is the sender's own memory, until the sender has its acknowledgement (skb_cloned). */
  cloned = false;
  /** IP's DS and ECN fields as the sender set them: ECT(0) is 2 (RFC 3168 §5). */
  tos = 0;
  /** The network has marked it: congestion experienced. */
  ce = false;

  /** The connection, as both ends know it, and the frame's place among its frames in this direction. */
  flow = 0;
  ordinal = 0;

  /** MSS option; 0: absent. */
  get mss(): number {
    return this.extras === null ? 0 : this.extras.mss;
  }
  set mss(mss: number) {
    if (mss !== this.mss) this.withExtras().mss = mss;
  }
  /** Window-scale option; −1: absent. */
  get wscale(): number {
    return this.extras === null ? -1 : this.extras.wscale;
  }
  set wscale(wscale: number) {
    if (wscale !== this.wscale) this.withExtras().wscale = wscale;
  }
  get sackOk(): boolean {
    return this.extras !== null && this.extras.sackOk;
  }
  set sackOk(sackOk: boolean) {
    if (sackOk !== this.sackOk) this.withExtras().sackOk = sackOk;
  }
  /** Fast Open option; null: absent. */
  get fastOpen(): FastOpenOption | null {
    return this.extras === null ? null : this.extras.fastOpen;
  }
  set fastOpen(option: FastOpenOption | null) {
    if (option !== this.fastOpen) this.withExtras().fastOpen = option;
  }
  /** Urgent pointer; it means something with URG only. */
  get urgent(): number {
    return this.extras === null ? 0 : this.extras.urgent;
  }
  set urgent(urgent: number) {
    if (urgent !== this.urgent) this.withExtras().urgent = urgent;
  }

  private withExtras(): Extras {
    return (this.extras ??= noExtras());
  }

  /** For Train: raw sequence numbers, as on the wire. */
  get wireSeq(): number {
    return seqRaw(this.seq);
  }
  get wireAck(): number {
    return seqRaw(this.ack);
  }
}

/** Where to write SACK blocks into `s`; a pooled record keeps it. */
export function sackRoom(s: Segment): Int32Array {
  if (s.sacks.length === 0) s.sacks = new Int32Array(8);
  return s.sacks;
}

/** Sequence numbers that the segment takes: payload, SYN, FIN. */
export const segLen = (s: Segment): number => s.len + (s.flags & 1) + ((s.flags >> 1) & 1);

/** The ECN field of its IP header: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE (RFC 3168 §5). */
export const ecnField = (s: Segment): number => (s.ce ? 3 : s.tos & 3);

/** Empties what only options that are rare, the way and the receiver add to what is sent. */
export function clearAdded(s: Segment): void {
  s.extras = null;
  s.tailroom = 0;
  s.mergeable = 0;
  s.pages = 0;
  s.cloned = false;
  s.ce = false;
}

/** Empties a pooled record; every field that a sender does not set afterwards is as absent. */
export function resetSegment(s: Segment): void {
  clearAdded(s);
  s.flags = 0;
  s.window = 0;
  s.hasTs = false;
  s.tsVal = 0;
  s.tsEcr = 0;
  s.nsack = 0;
  s.headerLen = BASE_HEADER;
  s.stream = null;
  s.off = 0;
  s.len = 0;
  s.segs = 1;
  s.segSize = 0;
  s.truesize = 0;
  s.tos = 0;
  s.ordinal = 0;
}

/** Copies what a segment says (not who owns it): for duplicates, captures and queues of tests. */
export function copySegment(from: Segment, to: Segment): void {
  to.src = from.src;
  to.dst = from.dst;
  to.sport = from.sport;
  to.dport = from.dport;
  to.extras = from.extras === null ? null : { ...from.extras };
  to.seq = from.seq;
  to.ack = from.ack;
  to.flags = from.flags;
  to.window = from.window;
  to.hasTs = from.hasTs;
  to.tsVal = from.tsVal;
  to.tsEcr = from.tsEcr;
  to.nsack = from.nsack;
  if (from.nsack > 0) sackRoom(to).set(from.sacks);
  to.headerLen = from.headerLen;
  to.stream = from.stream;
  to.off = from.off;
  to.len = from.len;
  to.segs = from.segs;
  to.segSize = from.segSize;
  to.truesize = from.truesize;
  to.tailroom = from.tailroom;
  to.mergeable = from.mergeable;
  to.pages = from.pages;
  to.cloned = from.cloned;
  to.tos = from.tos;
  to.ce = from.ce;
  to.flow = from.flow;
  to.ordinal = from.ordinal;
}

/**
 * One line in packetdrill's words, sequence numbers relative to `seqBase` and `ackBase`: "P. 1:1001(1000) ack 1 win 257
 * <nop,nop,sack 1:2>". For tests, traces and failure messages.
 */
export function describeSegment(
  s: Segment,
  seqBase: Seq = SEQ_ZERO,
  ackBase: Seq = SEQ_ZERO,
): string {
  let f = '';
  if (s.flags & SYN) f += 'S';
  if (s.flags & FIN) f += 'F';
  if (s.flags & RST) f += 'R';
  if (s.flags & PSH) f += 'P';
  if (s.flags & ECE) f += 'E';
  if (s.flags & CWR) f += 'W';
  if (s.flags & ACK) f += '.';
  const from = seqDiff(s.seq, seqBase);
  let line = `${f} ${from}:${from + s.len}(${s.len})`;
  if (s.flags & ACK) line += ` ack ${seqDiff(s.ack, ackBase)}`;
  line += ` win ${s.window}`;
  const opts: string[] = [];
  if (s.mss > 0) opts.push(`mss ${s.mss}`);
  if (s.sackOk) opts.push('sackOK');
  if (s.hasTs) opts.push(`TS val ${s.tsVal >>> 0} ecr ${s.tsEcr >>> 0}`);
  if (s.wscale >= 0) opts.push(`wscale ${s.wscale}`);
  if (s.nsack > 0) {
    let blocks = 'sack';
    for (let i = 0; i < s.nsack; i++) {
      const left = (s.sacks[2 * i]! - (ackBase as unknown as number)) | 0;
      const right = (s.sacks[2 * i + 1]! - (ackBase as unknown as number)) | 0;
      blocks += ` ${left}:${right}`;
    }
    opts.push(blocks);
  }
  return opts.length > 0 ? `${line} <${opts.join(',')}>` : line;
}
