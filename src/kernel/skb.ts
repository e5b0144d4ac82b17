/**
 * A packet in memory (Linux `struct sk_buff`): TCP's segment, what the devices on its way need to know, and a count of
 * the frames that are still somewhere. Pooled; one record of one shape for every packet of a world.
 *
 * A TSO send is one skb on the wire too: a train of `segs` frames. A receiver takes frames of it one by one; frame `i`
 * becomes an skb of its own (`frame`) only where one frame is not the whole train, or where its marks differ.
 * The record is shared by both ends of a wire, so what each end charges for it has a field of its own: `truesize` is the
 * receiver's, `txTruesize` what the sender's socket was charged (sk_wmem_alloc).
 *
 * Not modelled: clones, fragments, head room. A clone in Linux costs no memory of its own in the accounting kept here.
 */
import { assert } from '../base/assert.ts';
import { PayloadStream } from '../base/payload.ts';
import { MARK_CE, MARK_UNDETECTED, type Train } from '../base/train.ts';
import { copySegment, CWR, FIN, PSH, resetSegment, Segment } from '../tcp/segment.ts';
import { seqAdd } from '../tcp/seq.ts';
import { tailroomOf } from './truesize.ts';

export class Skb extends Segment implements Train {
  readonly pool: SkbPool;
  /** Frames of this train that are queued, on a wire or being received; 0 when it lies in the pool. */
  outstanding = 0;
  /** Whom the sending device tells when it is done with it (skb->destructor): a socket, or null. */
  owner: unknown = null;
  /** What the sender's socket is charged until then. */
  txTruesize = 0;
  /** The next one in the list that holds this skb: a qdisc, a backlog. */
  link: Skb | null = null;

  constructor(pool: SkbPool) {
    super();
    this.pool = pool;
  }

  hold(n: number): void {
    assert(this.outstanding > 0, 'skb: held after it was freed');
    this.outstanding += n;
  }

  drop(n: number): void {
    this.outstanding -= n;
    assert(this.outstanding >= 0, 'skb: freed twice');
    if (this.outstanding === 0) this.pool.put(this);
  }

  /**
   * What a receiver's TCP is given: this skb itself when it is whole, else frame `i` as an skb of its own, which the train
   * counts as consumed. Either way its `segs` frames are the receiver's.
   *
   * @param i        the frame, or −1: all of it
   * @param mark     the run's marks: CE becomes the segment's own
   * @param truesize what the receiver is charged for it
   */
  received(i: number, mark: number, truesize: number): Skb {
    const ce = (mark & MARK_CE) !== 0;
    const garbled = (mark & MARK_UNDETECTED) !== 0;
    const asItIs = i < 0 || (this.segs === 1 && this.ce === ce && !garbled);
    const skb = asItIs ? this : this.frame(i);
    if (garbled && skb.len > 0) skb.stream = this.pool.garbage;
    skb.ce = ce || skb.ce;
    skb.truesize = truesize;
    skb.tailroom = tailroomOf(truesize, skb.headerLen + skb.len);
    skb.mergeable = 0;
    return skb;
  }

  /** A copy of frame `i`, which leaves the train. */
  private frame(i: number): Skb {
    const f = this.pool.grab();
    copySegment(this, f);
    if (this.segs > 1) this.narrow(f, i);
    this.drop(1);
    return f;
  }

  private narrow(f: Skb, i: number): void {
    const last = i === this.segs - 1;
    f.seq = seqAdd(this.seq, i * this.segSize);
    f.off = this.off + i * this.segSize;
    f.len = last ? this.len - i * this.segSize : this.segSize;
    if (!last) f.flags &= ~(FIN | PSH);
    // Once is enough: the device sets it on the first frame alone (SKB_GSO_TCP_ECN).
    if (i > 0) f.flags &= ~CWR;
    f.segs = 1;
    f.segSize = f.len;
    f.ordinal = this.ordinal + i;
  }
}

/** Where a world's skbs come from. `live` is 0 once every wire, ring, qdisc and backlog is empty. */
export class SkbPool {
  private readonly free: Skb[] = [];
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
    const skb = this.free.pop() ?? new Skb(this);
    if (++this.live > this.peak) this.peak = this.live;
    skb.outstanding = 1;
    skb.owner = null;
    skb.txTruesize = 0;
    skb.link = null;
    return skb;
  }

  /** Called by `Skb.drop` when the last frame is gone. */
  put(skb: Skb): void {
    this.live--;
    skb.owner = null;
    skb.stream = null;
    this.free.push(skb);
  }
}
