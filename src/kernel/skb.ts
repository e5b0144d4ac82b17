/**
 * A packet in memory (Linux `struct sk_buff`): TCP's segment, what the devices on its way need to know, and a count of
 * the frames that are still somewhere. Pooled; one record of one shape for every packet of a world.
 *
 * A TSO send is one skb on the wire too: a train of `segs` frames. A receiver takes frames of it as they arrive; some of
 * them become an skb of their own (`received`) only where they are not the whole train, or where the wire has marked them.
 * The record is shared by both ends of a wire, so what each end charges for it has a field of its own: `truesize` is the
 * receiver's, `txTruesize` what the sender's socket was charged (sk_wmem_alloc).
 *
 * Not modelled: clones, fragments, head room. A clone in Linux costs no memory of its own in the accounting kept here.
 */
import { assert, violated } from '../base/assert.ts';
import { PayloadStream } from '../base/payload.ts';
import { MARK_CE, MARK_UNDETECTED, type Train } from '../base/train.ts';
import { copySegment, CWR, FIN, PSH, resetSegment, Segment } from '../tcp/segment.ts';
import { seqAdd } from '../tcp/seq.ts';
import type { Napi } from './napi.ts';
import { tailroomOf } from './truesize.ts';

/** An Ethernet header: hard_header_len. */
export const ETH_HLEN = 14;

export class Skb extends Segment implements Train {
  readonly pool: SkbPool;
  /** Frames of this train that are queued, on a wire or being received; 0 when it lies in the pool. */
  outstanding = 0;
  /**
   * The connection that is charged for it (skb->sk): where it is being sent, whom the device tells when it is done with it
   * (skb->destructor), and in a socket's backlog whose that is. Null: nobody.
   */
  owner: unknown = null;
  /** What the sender's socket is charged until then. */
  txTruesize = 0;
  /** The next one in the list of a queue, or of the pool, that holds it. */
  link: Skb | null = null;
  /** When it wants to leave (skb->tstamp): TCP's earliest departure time; 0: at once. */
  departAt = 0;
  /** The device queue that it came by (skb->napi_id); null: none. */
  napi: Napi | null = null;
  /** For the qdisc that holds it (qdisc_skb_cb): when it came, or when it may go. */
  queuedAt = 0;
  /** Its payload was changed on the way to the device: its checksum is wrong. */
  damaged = false;

  constructor(pool: SkbPool) {
    super();
    this.pool = pool;
  }

  hold(n: number): void {
    assert(this.outstanding > 0, 'skb: held after it was freed');
    this.outstanding += n;
  }

  drop(n: number): void {
    const left = this.outstanding - n;
    this.outstanding = left;
    if (left === 0) this.pool.put(this);
    else if (left < 0) violated('skb: freed twice');
  }

  /**
   * What a receiver's stack is given: this skb itself when all of it is there and the wire has changed nothing, else these
   * frames as an skb of their own. Either way its `segs` frames are the receiver's. What only a receiver's memory says
   * (`mergeable`, `pages`, `cloned`) is as absent, as TCP builds a segment; `napi` is for the device to say.
   *
   * @param first    the first of the frames, and how many
   * @param mark     the run's marks: CE becomes the segment's own
   * @param truesize what the receiver is charged for it
   */
  received(first: number, count: number, mark: number, truesize: number): Skb {
    const asItIs = mark === 0 && count === this.segs && !this.ce;
    const skb = asItIs ? this : this.marked(first, count, mark);
    skb.truesize = truesize;
    skb.tailroom = tailroomOf(truesize, skb.headerLen + skb.len);
    return skb;
  }

  /** These frames as `mark` says that they are. */
  private marked(first: number, count: number, mark: number): Skb {
    const ce = (mark & MARK_CE) !== 0;
    const garbled = (mark & MARK_UNDETECTED) !== 0;
    const asItIs = count === this.segs && this.ce === ce && !garbled;
    const skb = asItIs ? this : this.slice(first, count);
    if (garbled && skb.len > 0) skb.stream = this.pool.garbage;
    skb.ce = ce || skb.ce;
    return skb;
  }

  /** One that nobody else has frames of: this, or a copy. Whoever changes what it says asks for it first. */
  owned(): Skb {
    return this.outstanding === this.segs ? this : this.slice(0, this.segs);
  }

  /** Its frames, each as an skb of its own (tcp_gso_segment). The owner is told when the last of them has left. */
  frames(): Skb[] {
    const { owner, txTruesize, segs } = this;
    const list: Skb[] = [];
    for (let i = 0; i < segs; i++) list.push(this.slice(i, 1));
    const last = list[segs - 1]!;
    last.owner = owner;
    last.txTruesize = txTruesize;
    return list;
  }

  /** Another one that says the same, and belongs to nobody (skb_clone). */
  copy(): Skb {
    const f = this.pool.grab();
    copySegment(this, f);
    f.outstanding = this.segs;
    return f;
  }

  /** A copy of `count` frames, which leave the train. */
  private slice(first: number, count: number): Skb {
    const f = this.pool.grab();
    copySegment(this, f);
    f.outstanding = count;
    f.damaged = this.damaged;
    if (count < this.segs) this.narrow(f, first, count);
    this.drop(count);
    return f;
  }

  private narrow(f: Skb, first: number, count: number): void {
    const last = first + count === this.segs;
    f.seq = seqAdd(this.seq, first * this.segSize);
    f.off = this.off + first * this.segSize;
    f.len = last ? this.len - first * this.segSize : count * this.segSize;
    if (!last) f.flags &= ~(FIN | PSH);
    // Once is enough: the device sets it on the first frame alone (SKB_GSO_TCP_ECN).
    if (first > 0) f.flags &= ~CWR;
    f.segs = count;
    if (count === 1) f.segSize = f.len;
    f.ordinal = this.ordinal + first;
  }
}

/**
 * Bytes of its frames with their Ethernet headers: what a qdisc takes it for (qdisc_pkt_len_init), and what a driver reports to
 * the byte queue limits (mlx5e_sq_xmit_prepare).
 */
export const wireBytes = (skb: Skb): number => skb.len + skb.segs * (skb.headerLen + ETH_HLEN);

/** Where a world's skbs come from. `live` is 0 once every wire, ring, qdisc and backlog is empty. */
export class SkbPool {
  /** Those that nobody uses, through their links; the one used last is first. */
  private free: Skb | null = null;
  /** Every record there is, in use or not. */
  readonly records: Skb[] = [];
  /** What a payload says whose damage the checksum did not show. */
  readonly garbage: PayloadStream = new PayloadStream(-1);
  /** Skbs in use. */
  live = 0;
  /** The most there ever were at once. */
  peak = 0;

  /** An empty skb of one frame. */
  take(): Skb {
    const skb = this.grab();
    resetSegment(skb);
    return skb;
  }

  /** An skb whose segment still says what it said last: for TCP, which writes all of it. */
  grab(): Skb {
    const skb = this.free ?? this.make();
    this.free = skb.link;
    if (++this.live > this.peak) this.peak = this.live;
    skb.outstanding = 1;
    skb.txTruesize = 0;
    skb.link = null;
    skb.departAt = 0;
    skb.queuedAt = 0;
    skb.damaged = false;
    return skb;
  }

  /** What `grab` will give, to be filled before it is known whether it is needed. */
  peek(): Skb {
    return (this.free ??= this.make());
  }

  private make(): Skb {
    const skb = new Skb(this);
    this.records.push(skb);
    return skb;
  }

  /** Called by `Skb.drop` when the last frame is gone. */
  put(skb: Skb): void {
    this.live--;
    skb.owner = null;
    skb.stream = null;
    skb.link = this.free;
    this.free = skb;
  }
}
