/**
 * Fair queue (net/sched/sch_fq.c): one queue per socket, which take turns; and pacing. Each packet says when it wants to leave
 * (skb->tstamp, the earliest departure time: TCP hands it over instead of waiting itself), and a flow whose first packet
 * wants to leave later is put aside until then. What is due at once while nobody waits goes by a short queue of its own.
 *
 * Left out: priority bands (all packets of TCP have one priority), timer slack, the offload horizon, rates of sockets that
 * stamp nothing (UDP).
 */
import { DOUBLE_0, type Instant, NEVER } from '../../base/units.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from '../netdev.ts';
import { type Skb, wireBytes } from '../skb.ts';
import { type Discipline, type DropReason, type QdiscBooks, setCe } from './discipline.ts';
import type { FqOptions } from './options.ts';
import { FlowList } from './flow-list.ts';
import { SkbList } from './skb-list.ts';
import { TimeHeap, type Timed } from './time-heap.ts';

/** Packets that the short queue may hold while others wait. */
const FAST_MAX = 8;
/** Sockets that have none queue by connection, in so many flows (orphan_mask). */
const ORPHANS = 1024;
/** A flow that has been empty for so long is forgotten, ns (FQ_GC_AGE). */
const GC_AGE = 3_000_000_000;
/** No packet holds up its flow for longer, ns. */
const LONGEST = 1_000_000_000;

const DETACHED = 0;
const LISTED = 1;
const THROTTLED = 2;

class Flow implements Timed {
  readonly key: unknown;
  readonly skbs = new SkbList();
  credit: number;
  state = DETACHED;
  behind: Flow | null = null;
  /** When it was emptied. */
  emptied: Instant = DOUBLE_0;
  /** Earliest departure of its next packet (time_next_packet); 0: it has not been set. */
  due = 0;

  constructor(key: unknown, credit: number) {
    this.key = key;
    this.credit = credit;
  }
}

export class Fq implements Discipline {
  readonly unit = 'packets';
  readonly bound: number;
  readonly canBypass = false;
  private readonly options: FqOptions;
  private readonly quantum: number;
  private readonly initialQuantum: number;
  private readonly books: QdiscBooks;
  private readonly flows = new Map<unknown, Flow>();
  private sweepAt = 64;
  private readonly fast = new SkbList();
  private readonly fresh = new FlowList<Flow>();
  private readonly old = new FlowList<Flow>();
  private readonly delayed = new TimeHeap<Flow>();
  /** Packets in flows, and flows with packets. */
  private held = 0;
  private active = 0;

  /** @param mtu psched_mtu: bytes of the largest frame */
  constructor(options: FqOptions, mtu: number, books: QdiscBooks) {
    this.options = options;
    this.bound = options.limit + FAST_MAX;
    this.quantum = options.quantum > 0 ? options.quantum : 2 * mtu;
    this.initialQuantum = options.initialQuantum > 0 ? options.initialQuantum : 10 * mtu;
    this.books = books;
  }

  get length(): number {
    return this.held + this.fast.length;
  }

  get nextAt(): Instant {
    const f = this.delayed.first;
    return f === null ? NEVER : (f.due as Instant);
  }

  enqueue(skb: Skb, now: Instant): number {
    const o = this.options;
    if (this.held >= o.limit) return this.refuse(skb, 'overlimit');
    // A time that is over stays as it is: by it packets of a flow are sorted, and what is late is marked.
    let t: number = skb.departAt > 0 && o.pacing ? skb.departAt : now;
    if (t > now + o.horizon) {
      if (!o.horizonCap) return this.refuse(skb, 'horizon');
      t = now + o.horizon;
    }
    skb.queuedAt = t;
    if (this.goesFast(t, now)) {
      this.fast.push(skb);
    } else {
      const f = this.flowOf(skb, now);
      if (f.skbs.length >= o.flowLimit) return this.refuse(skb, 'flow_limit');
      if (f.state === DETACHED) {
        f.state = LISTED;
        this.fresh.push(f);
        if (now > f.emptied + o.refillDelay) f.credit = Math.max(f.credit, this.quantum);
      }
      if (f.skbs.length === 0) this.active++;
      this.held++;
      f.skbs.insert(skb);
    }
    this.books.entered(skb);
    return NET_XMIT_SUCCESS;
  }

  ready(now: Instant): boolean {
    return this.fast.length > 0 || this.turn(now) !== null;
  }

  dequeue(now: Instant): Skb | null {
    if (this.fast.length > 0) return this.fast.shift();
    const f = this.turn(now);
    if (f === null) return null;
    const skb = f.skbs.shift()!;
    this.held--;
    if (f.skbs.length === 0) this.active--;
    if (now - Math.max(skb.queuedAt, f.due) > this.options.ceThreshold && setCe(skb))
      this.books.marked();
    this.charge(f, wireBytes(skb), now);
    return skb;
  }

  /** Whose turn it is: the first of its list, and its first packet is due; null: nobody's. Who must wait is put aside. */
  private turn(now: Instant): Flow | null {
    this.release(now);
    for (;;) {
      const list = this.fresh.first !== null ? this.fresh : this.old;
      const f = list.first;
      if (f === null) return null;
      if (f.credit <= 0) {
        f.credit += this.quantum;
        this.old.push(list.shift());
        continue;
      }
      const skb = f.skbs.first;
      if (skb === null) {
        list.shift();
        // Once through the old ones: a flow that comes back at once must not pass for a new one.
        if (list === this.fresh) this.old.push(f);
        else {
          f.state = DETACHED;
          f.emptied = now;
        }
        continue;
      }
      const due = Math.max(skb.queuedAt, f.due);
      if (due > now) {
        list.shift();
        f.due = due;
        f.state = THROTTLED;
        this.delayed.push(f);
        continue;
      }
      return f;
    }
  }

  each(visit: (skb: Skb) => void): void {
    this.fast.each(visit);
    for (const f of this.flows.values()) f.skbs.each(visit);
  }

  /** What `f` has sent, against its turn and against maxrate. */
  private charge(f: Flow, bytes: number, now: Instant): void {
    const { maxrate, pacing } = this.options;
    f.credit -= bytes;
    if (!pacing || maxrate === Infinity) return;
    let gap = Math.min(Math.floor((bytes * 1_000_000_000) / maxrate), LONGEST);
    // What the timer was late by is made good, up to half of the gap.
    if (f.due > 0) gap -= Math.min(Math.floor(gap / 2), now - f.due);
    f.due = now + gap;
  }

  /** Flows whose time has come take their turns again (fq_check_throttled). */
  private release(now: Instant): void {
    for (let f = this.delayed.first; f !== null && f.due <= now; f = this.delayed.first) {
      this.delayed.shift();
      f.state = LISTED;
      this.old.push(f);
    }
  }

  /** Is it due, and does nobody wait who could go (fq_fastpath_check)? */
  private goesFast(t: number, now: Instant): boolean {
    if (t > now || this.options.maxrate !== Infinity) return false;
    if (this.length === 0) return true;
    return this.active === this.delayed.length && this.fast.length < FAST_MAX && this.nextAt > now;
  }

  private flowOf(skb: Skb, now: Instant): Flow {
    const key = skb.owner ?? skb.flow % ORPHANS;
    let f = this.flows.get(key);
    if (f === undefined) {
      if (this.flows.size >= this.sweepAt) this.sweep(now);
      f = new Flow(key, this.initialQuantum);
      this.flows.set(key, f);
    }
    return f;
  }

  /** Forgets flows that have been empty for long (fq_gc). */
  private sweep(now: Instant): void {
    for (const f of this.flows.values())
      if (f.state === DETACHED && now > f.emptied + GC_AGE) this.flows.delete(f.key);
    this.sweepAt = Math.max(64, 2 * this.flows.size);
  }

  private refuse(skb: Skb, why: DropReason): number {
    this.books.refused(skb, why);
    return NET_XMIT_DROP;
  }
}
