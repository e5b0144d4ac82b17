/**
 * The receive descriptors of one NIC queue, and the frames on their way to it. Frames are pulled: `sync` takes what has
 * arrived by now from the flight and puts it into the ring, in order of arrival; what finds no descriptor free is missed.
 *
 * Between two refills a ring only fills, so it does not matter how often or when `sync` is called, as long as it is called
 * before every refill and before every look. A missed frame carries the time of its arrival.
 */
import { QueueMeter } from '../base/queue-meter.ts';
import { Flight } from '../base/train.ts';
import type { Instant } from '../base/units.ts';
import type { Skb } from './skb.ts';

/** Told of each frame that found the ring full, at the time of its arrival; the frame is still to be dropped. */
export interface MissedFrames {
  onMissed(skb: Skb, index: number, at: Instant): void;
}

export class RxRing {
  readonly size: number;
  readonly flight: Flight;
  /** Frames in the ring, each from its arrival to its refill. Call `sync` before you read it. */
  readonly meter: QueueMeter;
  /** What the descriptors hold, in runs of frames of one train: look at its head, then `refill`. */
  readonly frames: Flight = new Flight();
  private readonly missed: MissedFrames;

  constructor(name: string, size: number, flight: Flight, missed: MissedFrames) {
    this.size = size;
    this.meter = new QueueMeter(name, size);
    this.flight = flight;
    this.missed = missed;
  }

  /** Descriptors that hold a frame. */
  get held(): number {
    return this.frames.frames;
  }

  /** The most frames it ever held. */
  get peak(): number {
    return this.meter.peak;
  }

  /** What has arrived by `now` is in the ring, or missed. */
  sync(now: Instant): void {
    const { flight, meter } = this;
    for (;;) {
      const k = flight.arrivedInHead(now);
      if (k === 0) return;
      const n = Math.min(k, this.size - this.frames.frames);
      for (let j = 0; j < n; j++) meter.enter(flight.headArrival(j));
      if (n > 0) flight.moveHead(n, this.frames);
      if (n < k) this.miss(k - n);
    }
  }

  private miss(n: number): void {
    const { flight } = this;
    const skb = flight.headTrain() as Skb;
    const first = flight.headFirst();
    for (let j = 0; j < n; j++) this.missed.onMissed(skb, first + j, flight.headArrival(j));
    flight.take(n);
  }

  /** Takes the `n` oldest frames, of the head run, and refills their descriptors at `now`. `sync` comes before. */
  refill(now: Instant, n: number): void {
    this.meter.leave(now, n);
    this.frames.take(n);
  }

  /** Arrival of the n-th frame known, n from 1: held or in flight; NEVER when there are fewer. */
  nth(n: number): Instant {
    const { frames } = this;
    return n > frames.frames ? this.flight.nthArrival(n - frames.frames) : frames.nthArrival(n);
  }
}
