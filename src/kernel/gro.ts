/**
 * Generic receive offload: successive frames of one connection become one skb of up to 64 KiB before the stack sees them
 * (net/core/gro.c dev_gro_receive, skb_gro_receive; net/ipv4/tcp_offload.c tcp_gro_receive).
 *
 * Frames come in runs of one train, whose headers are alike but for the first (CWR) and the last (PSH, FIN, less data):
 * those in between are joined at once, with what joining them one by one would give.
 *
 * An skb that is complete goes to the stack by way of a list: when that holds `gro_normal_batch` frames, and at the end of a
 * poll (gro_normal_one).
 */
import { Ring } from '../base/ring.ts';
import { MARK_CE, MARK_UNDETECTED } from '../base/train.ts';
import { CWR, FIN, PSH, RST, type Segment, SYN, URG } from '../tcp/segment.ts';
import { seqAdd } from '../tcp/seq.ts';
import { SK_BUFF } from '../tcp/truesize.ts';
import type { Skb } from './skb.ts';

/** Flows are told apart by so many hash buckets (GRO_HASH_BUCKETS), each of which holds so many skbs (MAX_GRO_SKBS). */
const BUCKETS = 8;
const PER_BUCKET = 8;
/** gro_ipv4_max_size, bytes of an IP packet: it stays below. */
const MAX_SIZE = 65_536;
/** net.core.gro_normal_batch, frames. */
export const NORMAL_BATCH = 8;
/** Frames that one sk_buff can refer to (MAX_SKB_FRAGS and its own); more are a list of sk_buffs. */
const FRAMES_PER_SKB = 18;

/** What is held of the flows of one hash bucket, oldest first, and the jiffy in which each was begun. */
interface Bucket {
  readonly skbs: Skb[];
  readonly ages: number[];
}

export class Gro {
  private readonly truesize: number;
  private readonly buckets: Bucket[] = [];
  private held = 0;
  private readonly normal: Ring<Skb> = new Ring<Skb>(8);
  private normalFrames = 0;
  private flushing = false;
  private jiffy = 0;

  /** @param truesize of one frame, as the device allocates it */
  constructor(truesize: number) {
    this.truesize = truesize;
  }

  /** Something is held back. */
  get holds(): boolean {
    return this.held > 0;
  }

  /** Shows what is held, and what is complete and the stack has not been given. */
  each(visit: (skb: Skb) => void): void {
    for (const bucket of this.buckets) bucket.skbs.forEach(visit);
    this.normal.each(visit);
  }

  /**
   * Takes `count` frames of a train, of one run; none of them is damaged in a way that its checksum shows.
   *
   * @param jiffy now, for `flush`
   */
  receive(train: Skb, first: number, count: number, mark: number, jiffy = 0): void {
    this.jiffy = jiffy;
    const bucket = this.bucketOf(train);
    for (let n = 0, i = first; n < count;) {
      const at = indexIn(bucket.skbs, train);
      const more = at < 0 ? 0 : joinable(bucket.skbs[at]!, train, i, count - n, mark);
      if (more > 0) this.join(bucket, at, train, more);
      else this.receiveOne(bucket, at, train, i, mark);
      const took = more > 0 ? more : 1;
      n += took;
      i += took;
    }
  }

  /** The next skb for the stack; null: there is none yet. */
  take(): Skb | null {
    if (!this.flushing && this.normalFrames < NORMAL_BATCH) return null;
    const skb = this.normal.shift();
    if (skb === undefined) {
      this.flushing = false;
      return null;
    }
    this.normalFrames -= skb.segs;
    // A list that has begun to be handed over is handed over whole.
    this.flushing = this.normal.length > 0;
    return skb;
  }

  /** The next `take` gives something. */
  get ready(): boolean {
    return this.normal.length > 0 && (this.flushing || this.normalFrames >= NORMAL_BATCH);
  }

  /**
   * The end of a poll: what was begun before `jiffy` goes to the stack, oldest first in each bucket, and all that is complete
   * (napi_gro_flush, gro_normal_list).
   */
  flush(jiffy: number = Infinity): void {
    if (this.held > 0)
      for (const bucket of this.buckets)
        while (bucket.skbs.length > 0 && bucket.ages[0]! < jiffy) this.complete(bucket, 0);
    this.flushNormal();
  }

  /** gro_normal_list(): all that is complete goes to the stack, and what is held stays. */
  flushNormal(): void {
    this.flushing = this.normal.length > 0;
  }

  private join(bucket: Bucket, at: number, train: Skb, count: number): void {
    const p = bucket.skbs[at]!.owned();
    bucket.skbs[at] = p;
    this.extend(p, count * train.segSize, count);
    train.drop(count);
  }

  private receiveOne(bucket: Bucket, at: number, train: Skb, i: number, mark: number): void {
    const skb = train.received(i, 1, mark, this.truesize);
    skb.mergeable = SK_BUFF;
    const garbled = (mark & MARK_UNDETECTED) !== 0;
    const p = at < 0 ? undefined : bucket.skbs[at];
    const joins = p !== undefined && !garbled && this.mayJoin(p, skb);
    // A short segment, or one that has something to say, is the last of its skb.
    const ends =
      skb.len < (joins ? p.segSize : 1) || (skb.flags & (URG | PSH | RST | SYN | FIN)) !== 0;
    if (joins) {
      const q = p.owned();
      bucket.skbs[at] = q;
      q.flags |= skb.flags & (FIN | PSH);
      this.extend(q, skb.len, 1);
      skb.drop(1);
      if (ends) this.complete(bucket, at);
      return;
    }
    if (p !== undefined) this.complete(bucket, at);
    if (ends || garbled) this.toNormal(skb);
    else {
      if (bucket.skbs.length === PER_BUCKET) this.complete(bucket, 0);
      skb.segSize = skb.len; // what may join is no longer (gso_size)
      bucket.skbs.push(skb);
      bucket.ages.push(this.jiffy);
      this.held++;
    }
  }

  private mayJoin(p: Skb, skb: Skb): boolean {
    return (
      (skb.flags & CWR) === 0 &&
      alike(p, skb, skb.flags, skb.ce) &&
      skb.len > 0 &&
      skb.len <= p.segSize &&
      follows(p, skb, 0) &&
      p.headerLen + p.len + skb.len < MAX_SIZE
    );
  }

  private extend(p: Skb, bytes: number, frames: number): void {
    for (let k = 0; k < frames; k++) {
      p.truesize += p.segs % FRAMES_PER_SKB === 0 ? this.truesize : this.truesize - SK_BUFF;
      p.segs++;
    }
    p.len += bytes;
    p.tailroom = 0;
    p.hold(frames);
  }

  private complete(bucket: Bucket, at: number): void {
    const skb = bucket.skbs[at]!;
    removeAt(bucket.skbs, at);
    removeAt(bucket.ages, at);
    this.held--;
    this.toNormal(skb);
  }

  private toNormal(skb: Skb): void {
    this.normal.push(skb);
    this.normalFrames += skb.segs;
  }

  private bucketOf(s: Segment): Bucket {
    const i = s.flow & (BUCKETS - 1);
    for (let n = this.buckets.length; n <= i; n++) this.buckets.push({ skbs: [], ages: [] });
    return this.buckets[i]!;
  }
}

/** As `splice(at, 1)`, without the array that it returns: there are few, and most often it is the last. */
function removeAt(items: unknown[], at: number): void {
  for (let i = at + 1; i < items.length; i++) items[i - 1] = items[i];
  items.pop();
}

function indexIn(skbs: readonly Skb[], s: Segment): number {
  for (let i = 0; i < skbs.length; i++) {
    const p = skbs[i]!;
    if (p.src === s.src && p.dst === s.dst && p.sport === s.sport && p.dport === s.dport) return i;
  }
  return -1;
}

/** How many frames of `train` from `i` on join `p` as a matter of course: full ones, neither first nor last of their train. */
function joinable(p: Skb, train: Skb, i: number, count: number, mark: number): number {
  if (i === 0 || count === 1) return 0;
  if (p.segSize !== train.segSize || (mark & MARK_UNDETECTED) !== 0) return 0;
  const ce = train.ce || (mark & MARK_CE) !== 0;
  if (!follows(p, train, i) || !alike(p, train, train.flags & ~CWR, ce)) return 0;
  const room = Math.ceil((MAX_SIZE - p.headerLen - p.len) / train.segSize) - 1;
  return Math.min(room, i + count === train.segs ? count - 1 : count);
}

/** Frame `i` of `s` begins where `p` ends. */
function follows(p: Skb, s: Segment, i: number): boolean {
  return seqAdd(p.seq, p.len) === seqAdd(s.seq, i * s.segSize);
}

/** The headers differ in nothing but sequence number, FIN and PSH. */
function alike(p: Skb, s: Segment, flags: number, ce: boolean): boolean {
  return (
    ((p.flags ^ flags) & ~(FIN | PSH)) === 0 &&
    p.ack === s.ack &&
    p.window === s.window &&
    p.tos === s.tos &&
    p.ce === ce &&
    p.headerLen === s.headerLen &&
    p.hasTs === s.hasTs &&
    p.tsVal === s.tsVal &&
    p.tsEcr === s.tsEcr &&
    sameSacks(p, s) &&
    p.stream === s.stream
  );
}

function sameSacks(p: Segment, s: Segment): boolean {
  if (p.nsack !== s.nsack) return false;
  for (let i = 0; i < 2 * p.nsack; i++) if (p.sacks[i] !== s.sacks[i]) return false;
  return true;
}
