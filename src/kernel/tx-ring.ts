/**
 * The transmit descriptors of a NIC: skbs handed to the device, until its completion interrupt gives them back. The wire
 * says at once when it will be through with each; nothing is scheduled per packet.
 *
 * One descriptor per skb, where hardware takes one more for each page of a TSO skb. With byte queue limits (dql.ts) the
 * stack stops the queue before the descriptors run out (netdev_tx_sent_queue, netdev_tx_completed_queue).
 */
import { assert, violated } from '../base/assert.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import { type Instant, NEVER } from '../base/units.ts';
import type { Core } from './cpu.ts';
import { Dql, type DqlOptions } from '../base/dql.ts';

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
  private cap = 16;
  private head = 0;
  /** How many were ever given back: the number of the oldest one in use, as the wire counts them. */
  returned = 0;
  private owners: unknown[] = new Array<unknown>(16).fill(null);
  private sizes = new Int32Array(16);
  private wires = new Int32Array(16);
  private departures = new Float64Array(16);

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
    if (used === this.cap) this.grow();
    const i = (this.head + used) & (this.cap - 1);
    this.owners[i] = owner;
    this.sizes[i] = truesize;
    this.wires[i] = wire;
    this.departures[i] = departure;
    this.used = used + 1;
    if (departure !== NEVER) this.known++;
    this.meter.enter(now);
    this.dql?.queued(wire);
  }

  /** The oldest that waits for the wire has got it. */
  departs(departure: Instant): void {
    assert(this.known < this.used, 'tx ring: nothing waits for the wire');
    this.departures[(this.head + this.known) & (this.cap - 1)] = departure;
    this.known++;
  }

  /** The link has changed: the newest that the wire was given is through at `departure` now. */
  retimeNewest(departure: Instant): void {
    if (this.known > 0) this.departures[(this.head + this.known - 1) & (this.cap - 1)] = departure;
  }

  /** How many the device is through with by `now`. */
  done(now: Instant): number {
    let n = 0;
    while (n < this.known && this.departures[(this.head + n) & (this.cap - 1)]! <= now) n++;
    return n;
  }

  /** When it is through with the oldest in the ring; NEVER when the wire has none. */
  get first(): Instant {
    return this.known === 0 ? NEVER : (this.departures[this.head]! as Instant);
  }

  /** When it is through with the n-th in the ring, n from 1; NEVER when the wire has fewer. */
  nth(n: number): Instant {
    if (n > this.known) return NEVER;
    return this.departures[(this.head + n - 1) & (this.cap - 1)]! as Instant;
  }

  /** The link has changed: transmission `n`, counted from 0, is through at `departure` now. */
  retime(n: number, departure: Instant): void {
    const k = n - this.returned;
    if (k >= 0 && k < this.used) this.departures[(this.head + k) & (this.cap - 1)] = departure;
  }

  /** Shows what each descriptor in use keeps: whom it is charged to, how much, and the driver's bytes. */
  each(visit: (owner: unknown, truesize: number, wire: number) => void): void {
    for (let k = 0; k < this.used; k++) {
      const i = (this.head + k) & (this.cap - 1);
      visit(this.owners[i], this.sizes[i]!, this.wires[i]!);
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
      const i = this.head;
      const next = this.owners[i];
      if (next !== owner) {
        if (owner !== null) handler.txFreed(owner, sum, core);
        owner = next;
        sum = 0;
      }
      sum += this.sizes[i]!;
      bytes += this.wires[i]!;
      this.owners[i] = null;
      this.head = (i + 1) & (this.cap - 1);
      this.used--;
      this.known--;
      this.returned++;
    }
    if (owner !== null) handler.txFreed(owner, sum, core);
    this.dql?.completed(bytes, core.host.engine.now);
  }

  private grow(): void {
    const n = this.cap;
    const [owners, sizes, wires, departures] = [
      this.owners,
      this.sizes,
      this.wires,
      this.departures,
    ];
    this.cap = 2 * n;
    this.owners = new Array<unknown>(this.cap).fill(null);
    this.sizes = new Int32Array(this.cap);
    this.wires = new Int32Array(this.cap);
    this.departures = new Float64Array(this.cap);
    for (let k = 0; k < n; k++) {
      const from = (this.head + k) & (n - 1);
      this.owners[k] = owners[from];
      this.sizes[k] = sizes[from]!;
      this.wires[k] = wires[from]!;
      this.departures[k] = departures[from]!;
    }
    this.head = 0;
  }
}
