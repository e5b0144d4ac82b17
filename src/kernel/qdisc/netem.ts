/**
 * Network emulation in front of a device (net/sched/sch_netem.c; tc-netem(8)): packets are delayed, lost, doubled, damaged,
 * reordered. What happens to one is drawn for it alone (by connection and place), not in sequence. A large skb is one packet here,
 * as in Linux, unless a frame of it is damaged.
 *
 * The sender is not charged for what is delayed (skb_orphan_partial): so TSQ does not hold it back.
 *
 * Left out: correlations, distribution tables, loss models with states, slots. A link's own faults (sim/net) have some of them.
 */
import type { Keyed } from '../../base/random.ts';
import { type Instant, NEVER } from '../../base/units.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from '../netdev.ts';
import { type Skb, wireBytes } from '../skb.ts';
import { type Discipline, type QdiscBooks, setCe } from './discipline.ts';
import type { NetemOptions } from './options.ts';
import { SkbList } from './skb-list.ts';

// Draws about one packet.
const DUPLICATE = 0;
const LOSS = 1;
const CORRUPT = 2;
const REORDER = 3;
const DELAY = 4;
/** … and about its copy. */
const COPY = 8;

export class Netem implements Discipline {
  readonly unit = 'packets';
  readonly bound: number;
  readonly canBypass = false;
  private readonly options: NetemOptions;
  private readonly books: QdiscBooks;
  private readonly random: Keyed;
  /** By when they may go, and those that overtake them. */
  private readonly timed = new SkbList();
  private readonly ahead = new SkbList();
  /** Packets delayed since one was not. */
  private counter = 0;

  constructor(options: NetemOptions, random: Keyed, books: QdiscBooks) {
    this.options = options;
    this.random = random;
    this.books = books;
    // Whoever overtakes is not counted, and waits for the device alone. An original has its place before its copy comes in.
    this.bound = options.reorder > 0 ? Infinity : options.limit + (options.duplicate > 0 ? 1 : 0);
  }

  get length(): number {
    return this.timed.length + this.ahead.length;
  }

  get nextAt(): Instant {
    return (this.timed.first?.queuedAt ?? NEVER) as Instant;
  }

  enqueue(skb: Skb, now: Instant): number {
    return this.receive(skb, 0, now);
  }

  ready(now: Instant): boolean {
    return this.ahead.length > 0 || this.nextAt <= now;
  }

  dequeue(now: Instant): Skb | null {
    if (this.ahead.length > 0) return this.ahead.shift();
    const { first } = this.timed;
    return first !== null && first.queuedAt <= now ? this.timed.shift() : null;
  }

  each(visit: (skb: Skb) => void): void {
    this.ahead.each(visit);
    this.timed.each(visit);
  }

  private isLost(skb: Skb, salt: number): boolean {
    const { loss, ecn } = this.options;
    if (!this.drawn(skb, LOSS + salt, loss)) return false;
    if (!ecn || !setCe(skb)) return true;
    this.books.marked();
    return false;
  }

  /**
   * netem_enqueue: what is drawn is drawn whether there is room or not. The original's place is found before its copy comes in,
   * so that with the last place free both get in.
   *
   * @param salt 0, or COPY: a copy is not doubled again
   */
  private receive(skb: Skb, salt: number, now: Instant): number {
    const { options: o, books } = this;
    const twice = salt === 0 && this.drawn(skb, DUPLICATE, o.duplicate);
    const lost = this.isLost(skb, salt);
    if (lost && !twice) {
      books.lost(skb, 'loss');
      return NET_XMIT_SUCCESS; // the sender does not hear of it
    }
    if (o.delay > 0 || o.jitter > 0 || o.rate !== Infinity) books.orphaned(skb);
    const damaged = this.drawn(skb, CORRUPT + salt, o.corrupt);
    if (this.timed.length >= o.limit) {
      books.refused(skb, 'overlimit');
      return NET_XMIT_DROP;
    }
    if (twice && !lost) {
      const copy = skb.copy();
      books.copied(copy);
      this.receive(copy, COPY, now);
    }
    if (!damaged) this.place(skb, salt, now);
    else if (skb.segs === 1) {
      skb.damaged = true;
      this.place(skb, salt, now);
    } else {
      const [first, ...rest] = skb.frames();
      books.cut(1 + rest.length);
      first!.damaged = true;
      this.place(first!, salt, now);
      for (const frame of rest) this.receive(frame, salt, now);
    }
    return NET_XMIT_SUCCESS;
  }

  private place(skb: Skb, salt: number, now: Instant): void {
    const o = this.options;
    const overtakes =
      o.reorder > 0 && this.counter >= o.gap - 1 && this.drawn(skb, REORDER + salt, o.reorder);
    this.counter = overtakes ? 0 : this.counter + 1;
    if (overtakes) {
      skb.queuedAt = now;
      this.ahead.unshift(skb);
    } else {
      skb.queuedAt = this.timeToSend(skb, salt, now);
      this.timed.insert(skb);
    }
    this.books.entered(skb);
  }

  private timeToSend(skb: Skb, salt: number, now: Instant): number {
    const { delay, jitter, rate } = this.options;
    let wait = delay;
    if (jitter > 0) {
      const u = this.random.at(skb.flow, skb.ordinal, DELAY + salt);
      wait += Math.floor(2 * jitter * u) - jitter;
    }
    let from: number = now;
    if (rate !== Infinity) {
      const last = this.timed.end;
      // Behind the last one it need not be delayed again by what that one has still to wait.
      if (last !== null) {
        wait = Math.max(wait - (last.queuedAt - now), 0);
        from = last.queuedAt;
      }
      wait += Math.floor((wireBytes(skb) * 8e9) / rate);
    }
    return Math.max(from + wait, now);
  }

  private drawn(skb: Skb, salt: number, probability: number): boolean {
    return probability > 0 && this.random.at(skb.flow, skb.ordinal, salt) < probability;
  }
}
