/**
 * A packet in memory (Linux `struct sk_buff`): TCP's segment, what the devices on its way need to know, and a count of
 * the frames that are still somewhere. Pooled; one record of one shape for every packet of a world.
 *
 * A TSO send is one skb on the wire too: a train of `segs` frames. A receiver takes frames of it one by one; frame `i`
 * becomes an skb of its own (`SkbPool.frame`) only where one frame is not the whole train, or where its marks differ.
 * The record is shared by both ends of a wire, so what each end charges for it has a field of its own: `truesize` is the
 * receiver's, `txTruesize` what the sender's socket was charged (sk_wmem_alloc).
 *
 * Not modelled: clones, fragments, head room. A clone in Linux costs no memory of its own in the accounting kept here.
 */
import { assert } from '../base/assert.ts';
import { MARK_CE, type Train } from '../base/train.ts';
import { Segment } from '../tcp/segment.ts';
import { rawSeq, seqAdd } from '../tcp/seq.ts';
import { TCP_FIN, TCP_PSH } from '../tcp/segment.ts';

/** Whom a device tells when it has sent an skb (skb->destructor, tcp_wfree): a connection's socket. */
export interface TxOwner {
  /** `truesize` bytes of this owner's packets have left the device. */
  readonly txOwner: true;
}

export class Skb extends Segment implements Train {
  readonly pool: SkbPool;
  /** Frames of this train that are queued, on a wire or being received; 0 when it lies in the pool. */
  outstanding = 0;
  /** Bytes of IP and TCP header with options, in each frame. */
  headerLen = 40;
  /** The sender's socket until the device has sent the packet; null for requests, TIME_WAIT and resets. */
  owner: TxOwner | null = null;
  /** What the sender's socket is charged until then (sk_wmem_alloc). */
  txTruesize = 0;
  /** The next one in a list that owns this skb: qdisc, backlog. */
  link: Skb | null = null;

  constructor(pool: SkbPool) {
    super();
    this.pool = pool;
  }

  get wireSeq(): number {
    return rawSeq(this.seq);
  }
  get wireAck(): number {
    return rawSeq(this.ack);
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
}

/** Where a world's skbs come from. `live` is 0 once every wire, ring, qdisc and backlog is empty. */
export class SkbPool {
  private readonly free: Skb[] = [];
  /** Skbs in use. */
  live = 0;
  /** The most there ever were at once. */
  peak = 0;

  /** An skb that TCP fills in; it counts as one frame until `sent` says how many it has. */
  take(): Skb {
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
