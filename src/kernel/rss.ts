/**
 * Receive-side scaling: which queue of a NIC a frame is for, by a hash of its connection. One link has one flight, so the
 * NIC shows it this one, which hands each train to the flight of its queue at once: the rings stay independent of one
 * another, and each queue knows its own arrivals.
 */
import { mix32 } from '../base/hash.ts';
import { Flight, type Ingress, type Train } from '../base/train.ts';
import type { Instant } from '../base/units.ts';

/** The hash of a connection, which its packets carry from the NIC on (skb->hash); unsigned. */
export const flowHash = (flow: number): number => mix32(flow) >>> 0;

/** reciprocal_scale(): one of `n`, by the high bits of a hash. */
export const reciprocalScale = (hash: number, n: number): number =>
  Math.floor((hash * n) / 0x1_0000_0000);

/** The flight of one queue: what it takes is taken from the whole. */
export class QueueFlight extends Flight {
  private readonly whole: Flight;
  constructor(whole: Flight) {
    super();
    this.whole = whole;
  }
  override accept(): void {
    super.accept();
    this.whole.frames--;
    this.whole.taken++;
  }
  override miss(): void {
    super.miss();
    this.whole.frames--;
    this.whole.taken++;
  }
}

/** The flight that the link sees; it holds nothing itself. */
export class SpreadFlight extends Flight {
  readonly queues: QueueFlight[] = [];

  constructor(queues: number) {
    super();
    for (let i = 0; i < queues; i++) this.queues.push(new QueueFlight(this));
  }

  /** The queue of a connection (the indirection table spreads hashes evenly). */
  queueOf(train: Train): number {
    return flowHash(train.flow) % this.queues.length;
  }

  override push(
    train: Train,
    first: number,
    count: number,
    mark: number,
    base: number,
    rem: number,
    unit: number,
    den: number,
    last: Instant,
  ): void {
    this.frames += count;
    this.queues[this.queueOf(train)]!.push(train, first, count, mark, base, rem, unit, den, last);
  }
  override insert(train: Train, index: number, mark: number, arrival: Instant): void {
    this.frames++;
    this.queues[this.queueOf(train)]!.insert(train, index, mark, arrival);
  }
  override retract(train: Train, index: number, mark: number, arrival: Instant): void {
    this.frames--;
    this.queues[this.queueOf(train)]!.retract(train, index, mark, arrival);
  }
  override each(visit: (train: Train, count: number) => void): void {
    for (const q of this.queues) q.each(visit);
  }
  override lastArrival(): number {
    let last = -Infinity;
    for (const q of this.queues) last = Math.max(last, q.lastArrival());
    return last;
  }
}

/** Tells every queue of what the link tells the NIC. */
export class Spread implements Ingress {
  readonly flight: SpreadFlight;
  private readonly queues: readonly Ingress[];

  constructor(flight: SpreadFlight, queues: readonly Ingress[]) {
    this.flight = flight;
    this.queues = queues;
  }
  onAppend(first: Instant): void {
    for (const q of this.queues) if (!q.flight.empty) q.onAppend(first);
  }
  onRetimed(): void {
    for (const q of this.queues) q.onRetimed?.();
  }
}
