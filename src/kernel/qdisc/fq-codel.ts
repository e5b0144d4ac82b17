/**
 * Fair queueing with CoDel on each flow (net/sched/sch_fq_codel.c; RFC 8290). Packets are spread over flows by a hash of their
 * connection; flows take turns, each with a quantum of bytes, new ones before old ones. When there is no room, half of the
 * flow with most bytes goes, at most 64 packets at once.
 */
import { mix32 } from '../../base/hash.ts';
import { type Instant, NEVER } from '../../base/units.ts';
import { NET_XMIT_CN, NET_XMIT_SUCCESS } from '../netdev.ts';
import { type Skb, wireBytes } from '../skb.ts';
import { CodelFlow } from './codel.ts';
import type { Discipline, QdiscBooks } from './discipline.ts';
import { FlowList } from './flow-list.ts';
import type { FqCodelOptions } from './options.ts';

/** A flow: on no list, or on that of the new or of the old ones. */
class Flow extends CodelFlow {
  behind: Flow | null = null;
  listed = false;
  deficit = 0;
  backlogBytes = 0;
}

export class FqCodel implements Discipline {
  readonly unit = 'packets';
  readonly bound: number;
  readonly nextAt: Instant = NEVER;
  length = 0;
  backlog = 0;
  memory = 0;
  private readonly options: FqCodelOptions;
  private readonly mtu: number;
  private readonly quantum: number;
  private readonly books: QdiscBooks;
  private readonly flows = new Map<number, Flow>();
  private readonly fresh = new FlowList<Flow>();
  private readonly old = new FlowList<Flow>();

  /** @param mtu psched_mtu: bytes of the largest frame */
  constructor(options: FqCodelOptions, mtu: number, books: QdiscBooks) {
    this.options = options;
    this.bound = options.limit + 1; // the one that crosses it, until something is dropped for it
    this.mtu = mtu;
    this.quantum = options.quantum > 0 ? options.quantum : mtu;
    this.books = books;
  }

  get canBypass(): boolean {
    return this.options.limit > 0;
  }

  enqueue(skb: Skb, now: Instant): number {
    const o = this.options;
    const f = this.flowOf(skb);
    const bytes = wireBytes(skb);
    skb.queuedAt = now;
    f.skbs.push(skb);
    f.backlogBytes += bytes;
    this.backlog += bytes;
    this.length++;
    this.memory += skb.txTruesize;
    this.books.entered(skb);
    if (!f.listed) {
      f.listed = true;
      this.fresh.push(f);
      f.deficit = this.quantum;
    }
    const full = this.memory > o.memoryLimit;
    if (this.length <= o.limit && !full) return NET_XMIT_SUCCESS;
    return this.shorten(full) === f ? NET_XMIT_CN : NET_XMIT_SUCCESS;
  }

  ready(): boolean {
    return this.length > 0;
  }

  dequeue(now: Instant): Skb | null {
    for (;;) {
      const list = this.fresh.first !== null ? this.fresh : this.old;
      const f = list.first;
      if (f === null) return null;
      if (f.deficit <= 0) {
        f.deficit += this.quantum;
        list.shift();
        this.old.push(f);
        continue;
      }
      const skb = f.next(now);
      if (skb !== null) {
        f.deficit -= wireBytes(skb);
        return skb;
      }
      list.shift();
      // Once through the old ones: a flow that comes back at once must not pass for a new one.
      if (list === this.fresh && this.old.first !== null) this.old.push(f);
      else f.listed = false;
    }
  }

  /** One packet has been taken out of a flow. */
  left(skb: Skb): void {
    const bytes = wireBytes(skb);
    this.flowOf(skb).backlogBytes -= bytes;
    this.backlog -= bytes;
    this.length--;
    this.memory -= skb.txTruesize;
  }

  each(visit: (skb: Skb) => void): void {
    for (const f of this.flows.values()) f.skbs.each(visit);
  }

  /** Drops half of the fattest flow (fq_codel_drop). @returns which that was */
  private shorten(memory: boolean): Flow {
    let fat: Flow | null = null;
    for (const f of this.flows.values())
      if (fat === null || f.backlogBytes > fat.backlogBytes) fat = f;
    const most = fat!.backlogBytes >> 1;
    let bytes = 0;
    let n = 0;
    do {
      const skb = fat!.skbs.shift()!;
      bytes += wireBytes(skb);
      this.left(skb);
      this.books.dropped(skb, memory ? 'memory_limit' : 'flow_limit');
    } while (++n < this.options.dropBatch && bytes < most);
    fat!.law.urge(n);
    return fat!;
  }

  private flowOf(skb: Skb): Flow {
    const i = (mix32(skb.flow) >>> 0) % this.options.flows;
    let f = this.flows.get(i);
    if (f === undefined) {
      f = new Flow(this.options, this.mtu, this, this.books);
      this.flows.set(i, f);
    }
    return f;
  }
}
