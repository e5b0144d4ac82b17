/**
 * Token bucket (net/sched/sch_tbf.c): what leaves in any time t is at most burst + rate · t bytes; with a peak rate at most mtu
 * + peakrate · t as well. Inside is a bfifo. A large skb is cut into its frames when the bucket cannot hold it.
 *
 * Tokens are nanoseconds of the rate, as in Linux; a packet's are rounded up, so that the bound holds to the byte.
 */
import { DOUBLE_0, type Instant, NEVER } from '../../base/units.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from '../netdev.ts';
import { ETH_HLEN, type Skb, wireBytes } from '../skb.ts';
import type { Discipline, QdiscBooks } from './discipline.ts';
import { Fifo } from './fifo.ts';
import type { TbfOptions } from './options.ts';

/** Bytes that wait (tc-tbf(8)). */
export function tbfLimit(o: TbfOptions): number {
  if (o.limit > 0) return o.limit;
  const at = (rate: number, bucket: number): number =>
    Math.floor((rate / 8e9) * o.latency) + bucket;
  return Math.min(at(o.rate, o.burst), o.peakrate === Infinity ? Infinity : at(o.peakrate, o.mtu));
}

export class Tbf implements Discipline {
  readonly unit = 'bytes';
  readonly bound: number;
  readonly canBypass = false;
  nextAt: Instant = NEVER;
  private readonly options: TbfOptions;
  private readonly books: QdiscBooks;
  private readonly inner: Fifo;
  /** The bucket's size and what is in it, ns of the rate; the same for the peak rate. */
  private readonly buffer: number;
  private tokens: number;
  private readonly peakBuffer: number;
  private peakTokens: number;
  private checkpoint: Instant = DOUBLE_0;

  constructor(options: TbfOptions, books: QdiscBooks) {
    this.options = options;
    this.books = books;
    this.bound = tbfLimit(options);
    this.inner = new Fifo('bytes', this.bound, books);
    this.buffer = Math.floor((options.burst * 8e9) / options.rate);
    this.tokens = this.buffer;
    this.peakBuffer = Math.floor((options.mtu * 8e9) / options.peakrate);
    this.peakTokens = this.peakBuffer;
  }

  get length(): number {
    return this.inner.length;
  }

  enqueue(skb: Skb): number {
    if (this.fits(wireBytes(skb))) return this.inner.enqueue(skb);
    if (skb.segs === 1 || !this.fits(skb.segSize + skb.headerLen + ETH_HLEN)) {
      this.books.refused(skb, 'too_long');
      return NET_XMIT_DROP;
    }
    return this.enqueueFrames(skb);
  }

  /** Will the buckets, when they are full, ever have so many bytes (max_size)? Else they would be waited for for ever. */
  private fits(bytes: number): boolean {
    const { rate, peakrate } = this.options;
    const bits = bytes * 8e9;
    return (
      Math.ceil(bits / rate) <= this.buffer &&
      (peakrate === Infinity || Math.ceil(bits / peakrate) <= this.peakBuffer)
    );
  }

  ready(now: Instant): boolean {
    return this.look(now, false);
  }

  dequeue(now: Instant): Skb | null {
    return this.look(now, true) ? this.inner.dequeue() : null;
  }

  /** Do the buckets have what the first packet needs? If not, `nextAt` says when they will. @param take then it is taken */
  private look(now: Instant, take: boolean): boolean {
    this.nextAt = NEVER;
    const skb = this.inner.peek();
    if (skb === null) return false;
    const { rate, peakrate } = this.options;
    const bytes = wireBytes(skb);
    const fresh = Math.min(now - this.checkpoint, this.buffer);
    const tokens = Math.min(this.tokens + fresh, this.buffer) - Math.ceil((bytes * 8e9) / rate);
    const peaks =
      peakrate === Infinity
        ? 0
        : Math.min(this.peakTokens + fresh, this.peakBuffer) - Math.ceil((bytes * 8e9) / peakrate);
    if (tokens < 0 || peaks < 0) {
      this.nextAt = (now + Math.max(-tokens, -peaks)) as Instant;
      return false;
    }
    if (take) {
      this.tokens = tokens;
      this.peakTokens = peaks;
      this.checkpoint = now;
    }
    return true;
  }

  each(visit: (skb: Skb) => void): void {
    this.inner.each(visit);
  }

  /** tbf_segment. The owner is told when the last of its frames has left. */
  private enqueueFrames(skb: Skb): number {
    let any = false;
    const frames = skb.frames();
    this.books.cut(frames.length);
    for (const frame of frames) if (this.inner.enqueue(frame) === NET_XMIT_SUCCESS) any = true;
    return any ? NET_XMIT_SUCCESS : NET_XMIT_DROP;
  }
}
