/**
 * The transmit descriptors of a NIC: skbs handed to the device, until its completion interrupt gives them back. The wire
 * says at once when it will be through with each; nothing is scheduled per packet.
 *
 * One descriptor per skb, where hardware takes one more for each page of a TSO skb. With byte queue limits (dql.ts) the
 * stack stops the queue before the descriptors run out (netdev_tx_sent_queue, netdev_tx_completed_queue).
 */
import { assert, violated } from '../base/assert.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import { doubled, filled } from '../base/ring.ts';
import { type Instant, NEVER } from '../base/units.ts';
import type { Core } from './cpu.ts';
import { Dql, type DqlOptions } from '../base/dql.ts';

/** What the ring keeps of an skb, and then of the next one in its place. */
class Descriptor {
  owner: unknown = null;
  truesize = 0;
  wire = 0;
  departure: Instant = NEVER;
}

export class TxRing {
  readonly size: number;
  /** Descriptors in use. */
  used = 0;
  /** Of these, how many the wire has been given: when it is through with them is known. */
  known = 0;
  /** Descriptors in use, each from its xmit to the interrupt that gave it back. */
  readonly meter: QueueMeter;
  /** Byte queue limits; null: only descriptors count. */
  readonly dql: Dql | null;
  private head = 0;
  /** How many were ever given back: the number of the oldest one in use, as the wire counts them. */
  returned = 0;
  private places: Descriptor[] = filled(8, () => new Descriptor());

  constructor(name: string, size: number, limits: DqlOptions | null = null) {
    this.size = size;
    this.meter = new QueueMeter(name, size);
    this.dql = limits === null ? null : new Dql(limits);
  }

  /** Is the queue open: a descriptor free, and bytes left (netif_xmit_frozen_or_stopped)? */
  get open(): boolean {
    return this.used < this.size && (this.dql === null || this.dql.avail >= 0);
  }

  /** The most descriptors that ever were in use. */
  get peak(): number {
    return this.meter.peak;
  }

  /**
   * The device is through with it at `departure`; departures do not go back. NEVER: it waits for the wire (`departs`).
   *
   * @param wire bytes of its frames as the driver reports them
   */
  push(owner: unknown, truesize: number, wire: number, now: Instant, departure: Instant): void {
    const { used } = this;
    if (used >= this.size) violated('tx ring: no descriptor free');
    if (used === this.places.length) this.grow();
    const d = this.at(used);
    d.owner = owner;
    d.truesize = truesize;
    d.wire = wire;
    d.departure = departure;
    this.used = used + 1;
    if (departure !== NEVER) this.known++;
    this.meter.enter(now);
    this.dql?.queued(wire);
  }

  /** The oldest that waits for the wire has got it. */
  departs(departure: Instant): void {
    assert(this.known < this.used, 'tx ring: nothing waits for the wire');
    this.at(this.known).departure = departure;
    this.known++;
  }

  /** The link has changed: the newest that the wire was given is through at `departure` now. */
  retimeNewest(departure: Instant): void {
    if (this.known > 0) this.at(this.known - 1).departure = departure;
  }

  /** How many the device is through with by `now`. */
  done(now: Instant): number {
    let n = 0;
    while (n < this.known && this.at(n).departure <= now) n++;
    return n;
  }

  /** When it is through with the oldest in the ring; NEVER when the wire has none. */
  get first(): Instant {
    return this.known === 0 ? NEVER : this.at(0).departure;
  }

  /** When it is through with the n-th in the ring, n from 1; NEVER when the wire has fewer. */
  nth(n: number): Instant {
    return n > this.known ? NEVER : this.at(n - 1).departure;
  }

  /** The link has changed: transmission `n`, counted from 0, is through at `departure` now. */
  retime(n: number, departure: Instant): void {
    const k = n - this.returned;
    if (k >= 0 && k < this.used) this.at(k).departure = departure;
  }

  /** Shows what each descriptor in use keeps: whom it is charged to, how much, and the driver's bytes. */
  each(visit: (owner: unknown, truesize: number, wire: number) => void): void {
    for (let k = 0; k < this.used; k++) {
      const { owner, truesize, wire } = this.at(k);
      visit(owner, truesize, wire);
    }
  }

  /** Takes back the `n` oldest, and tells their owners: once for several of one owner in a row. */
  clean(n: number, core: Core): void {
    const handler = core.host.handler;
    if (n === 0) return;
    this.meter.leave(core.host.engine.now, n);
    let owner: unknown = null;
    let sum = 0;
    let bytes = 0;
    for (; n > 0; n--) {
      const d = this.at(0);
      if (d.owner !== owner) {
        if (owner !== null) handler.txFreed(owner, sum, core);
        owner = d.owner;
        sum = 0;
      }
      sum += d.truesize;
      bytes += d.wire;
      d.owner = null;
      this.head = (this.head + 1) & (this.places.length - 1);
      this.used--;
      this.known--;
      this.returned++;
    }
    if (owner !== null) handler.txFreed(owner, sum, core);
    this.dql?.completed(bytes, core.host.engine.now);
  }

  /** Number k, from the oldest. */
  private at(k: number): Descriptor {
    return this.places[(this.head + k) & (this.places.length - 1)]!;
  }

  private grow(): void {
    this.places = doubled(this.places, this.head, () => new Descriptor());
    this.head = 0;
  }
}
