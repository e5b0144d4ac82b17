/**
 * The receive descriptors of one NIC queue, and the frames on their way to it. Frames are pulled: `sync` takes what has
 * arrived by now from the flight and puts it into the ring, in order of arrival; what finds no descriptor free is missed.
 *
 * Between two refills a ring only fills, so it does not matter how often or when `sync` is called, as long as it is called
 * before every refill and before every look. A missed frame carries the time of its arrival.
 */
import { QueueMeter } from '../base/queue-meter.ts';
import { type Flight, ipBytes } from '../base/train.ts';
import type { Instant } from '../base/units.ts';
import type { Skb } from './skb.ts';

/** Told of each frame that found the ring full, at the time of its arrival; the frame is still to be dropped. */
export interface MissedFrames {
  onMissed(skb: Skb, index: number, at: Instant): void;
}

export class RxRing {
  readonly size: number;
  readonly flight: Flight;
  /** Descriptors that hold a frame. */
  held = 0;
  /** Frames in the ring, each from its arrival to its refill. Call `sync` before you read it. */
  readonly meter: QueueMeter;
  private readonly missed: MissedFrames;
  private cap = 16;
  private head = 0;
  private skbs: (Skb | null)[] = new Array<Skb | null>(16).fill(null);
  private indexes = new Int32Array(16);
  private marks = new Uint8Array(16);
  private arrivals = new Float64Array(16);

  constructor(name: string, size: number, flight: Flight, missed: MissedFrames) {
    this.size = size;
    this.meter = new QueueMeter(name, size);
    this.flight = flight;
    this.missed = missed;
  }

  /** What has arrived by `now` is in the ring, or missed. */
  sync(now: Instant): void {
    const flight = this.flight;
    for (;;) {
      const k = flight.arrivedInHead(now);
      if (k === 0) return;
      const skb = flight.headTrain() as Skb;
      const first = flight.headFirst();
      const mark = flight.headMark();
      for (let j = 0; j < k; j++) {
        const at = flight.headArrival(j);
        if (this.held < this.size) this.put(skb, first + j, mark, at);
        else this.missed.onMissed(skb, first + j, at);
      }
      flight.take(k);
    }
  }

  // The oldest frame held.
  get headSkb(): Skb {
    return this.skbs[this.head]!;
  }
  get headIndex(): number {
    return this.indexes[this.head]!;
  }
  get headMark(): number {
    return this.marks[this.head]!;
  }
  get headBytes(): number {
    return ipBytes(this.headSkb, this.headIndex);
  }

  get headArrival(): Instant {
    return this.arrivals[this.head]! as Instant;
  }

  /** The most frames it ever held. */
  get peak(): number {
    return this.meter.peak;
  }

  /** Takes the oldest frame and refills its descriptor, at `now`. `sync` comes before. */
  refill(now: Instant): void {
    this.meter.leave(now);
    this.skbs[this.head] = null;
    this.head = (this.head + 1) & (this.cap - 1);
    this.held--;
  }

  /** Arrival of the n-th frame known, n from 1: held or in flight; NEVER when there are fewer. */
  nthArrival(n: number): Instant {
    if (n > this.held) return this.flight.nthArrival(n - this.held);
    return this.arrivals[(this.head + n - 1) & (this.cap - 1)]! as Instant;
  }

  private put(skb: Skb, index: number, mark: number, at: Instant): void {
    if (this.held === this.cap) this.grow();
    const i = (this.head + this.held) & (this.cap - 1);
    this.skbs[i] = skb;
    this.indexes[i] = index;
    this.marks[i] = mark;
    this.arrivals[i] = at;
    this.held++;
    this.meter.enter(at);
  }

  private grow(): void {
    const n = this.cap;
    const [skbs, indexes, marks, arrivals] = [this.skbs, this.indexes, this.marks, this.arrivals];
    this.cap = 2 * n;
    this.skbs = new Array<Skb | null>(this.cap).fill(null);
    this.indexes = new Int32Array(this.cap);
    this.marks = new Uint8Array(this.cap);
    this.arrivals = new Float64Array(this.cap);
    for (let k = 0; k < n; k++) {
      const from = (this.head + k) & (n - 1);
      this.skbs[k] = skbs[from]!;
      this.indexes[k] = indexes[from]!;
      this.marks[k] = marks[from]!;
      this.arrivals[k] = arrivals[from]!;
    }
    this.head = 0;
  }
}
