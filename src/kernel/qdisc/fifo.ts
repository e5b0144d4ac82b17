/**
 * First in, first out, drop at the tail: pfifo_fast, pfifo and bfifo (net/sched/sch_generic.c, sch_fifo.c). All packets of TCP
 * have one priority, so of the three bands of pfifo_fast one is modelled.
 */
import { Ring } from '../../base/ring.ts';
import { type Instant, NEVER } from '../../base/units.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from '../netdev.ts';
import { type Skb, wireBytes } from '../skb.ts';
import type { Discipline, QdiscBooks } from './discipline.ts';

export class Fifo implements Discipline {
  readonly unit: 'packets' | 'bytes';
  readonly nextAt: Instant = NEVER;
  readonly bound: number;
  private readonly least: number;
  private readonly books: QdiscBooks;
  private readonly skbs = new Ring<Skb>();
  private bytes = 0;

  /** @param least  what one full packet takes, in `unit` */
  constructor(unit: 'packets' | 'bytes', limit: number, books: QdiscBooks, least = 1) {
    this.unit = unit;
    this.bound = limit;
    this.books = books;
    this.least = least;
  }

  get length(): number {
    return this.skbs.length;
  }

  /** Whatever comes would find room (fifo_init). */
  get canBypass(): boolean {
    return this.bound >= this.least;
  }

  enqueue(skb: Skb): number {
    const inBytes = this.unit === 'bytes';
    const after = inBytes ? this.bytes + wireBytes(skb) : this.skbs.length + 1;
    if (after > this.bound) {
      this.books.refused(skb, 'overlimit');
      return NET_XMIT_DROP;
    }
    if (inBytes) this.bytes += wireBytes(skb);
    this.skbs.push(skb);
    this.books.entered(skb);
    return NET_XMIT_SUCCESS;
  }

  ready(): boolean {
    return this.length > 0;
  }

  dequeue(): Skb | null {
    const skb = this.skbs.shift() ?? null;
    if (skb !== null && this.unit === 'bytes') this.bytes -= wireBytes(skb);
    return skb;
  }

  each(visit: (skb: Skb) => void): void {
    this.skbs.each(visit);
  }

  /** The next one, left where it is. */
  peek(): Skb | null {
    return this.skbs.peek() ?? null;
  }
}
