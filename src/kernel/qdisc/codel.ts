/**
 * CoDel on one queue (net/sched/sch_codel.c): first in, first out, and who has waited too long is dropped at the head. The law
 * is base/codel.ts.
 */
import { Codel, type CodelOptions, type CodelQueue } from '../../base/codel.ts';
import { Ring } from '../../base/ring.ts';
import { DOUBLE_0, type Instant, NEVER } from '../../base/units.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from '../netdev.ts';
import { type Skb, wireBytes } from '../skb.ts';
import type { CodelQdiscOptions } from './options.ts';
import { type Discipline, type QdiscBooks, setCe } from './discipline.ts';

/** Packets at whose heads CoDel looks: all of a queue, or of one flow. */
export class CodelFlow implements CodelQueue {
  readonly law: Codel;
  readonly skbs: Ring<Skb> = new Ring<Skb>(4);
  private readonly books: QdiscBooks;
  private readonly whole: { readonly backlog: number; left(skb: Skb): void };
  private now: Instant = DOUBLE_0;
  private taken: Skb | null = null;

  /** @param whole the queue that it is a part of: CoDel looks at the bytes of all of it */
  constructor(
    options: CodelOptions,
    mtu: number,
    whole: { readonly backlog: number; left(skb: Skb): void },
    books: QdiscBooks,
  ) {
    this.law = new Codel(options, mtu);
    this.whole = whole;
    this.books = books;
  }

  get bytes(): number {
    return this.whole.backlog;
  }

  /** The next packet that may go; null when nothing is left. */
  next(now: Instant): Skb | null {
    this.now = now;
    const any = this.law.dequeue(this, now);
    const skb = this.taken;
    this.taken = null;
    return any ? skb : null;
  }

  dequeue(): number {
    const skb = this.skbs.shift() ?? null;
    this.taken = skb;
    if (skb === null) return -1;
    this.whole.left(skb);
    return this.now - skb.queuedAt;
  }

  mark(): boolean {
    if (!setCe(this.taken!)) return false;
    this.books.marked();
    return true;
  }

  drop(): void {
    this.books.dropped(this.taken!, 'codel');
    this.taken = null;
  }
}

export class CodelQdisc implements Discipline {
  readonly unit = 'packets';
  readonly bound: number;
  readonly nextAt: Instant = NEVER;
  backlog = 0;
  private readonly books: QdiscBooks;
  private readonly flow: CodelFlow;

  /** @param mtu psched_mtu: bytes of the largest frame */
  constructor(options: CodelQdiscOptions, mtu: number, books: QdiscBooks) {
    this.bound = options.limit;
    this.books = books;
    this.flow = new CodelFlow(options, mtu, this, books);
  }

  get length(): number {
    return this.flow.skbs.length;
  }

  get canBypass(): boolean {
    return this.bound > 0;
  }

  enqueue(skb: Skb, now: Instant): number {
    const { skbs } = this.flow;
    if (skbs.length >= this.bound) {
      this.books.refused(skb, 'overlimit');
      return NET_XMIT_DROP;
    }
    skb.queuedAt = now;
    this.backlog += wireBytes(skb);
    skbs.push(skb);
    this.books.entered(skb);
    return NET_XMIT_SUCCESS;
  }

  ready(): boolean {
    return this.length > 0;
  }

  dequeue(now: Instant): Skb | null {
    return this.flow.next(now);
  }

  left(skb: Skb): void {
    this.backlog -= wireBytes(skb);
  }

  each(visit: (skb: Skb) => void): void {
    this.flow.skbs.each(visit);
  }
}
