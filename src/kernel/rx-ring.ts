/**
 * The receive descriptors of one NIC queue, and the frames on their way to it. Frames are pulled: `sync` gives a descriptor
 * to each one of the flight that has arrived by now, in order of arrival; what finds none free is missed.
 *
 * Between two refills a ring only fills, so it does not matter how often or when `sync` is called, as long as it is called
 * before every refill and before every look. A missed frame carries the time of its arrival.
 */
import { QueueMeter } from '../base/queue-meter.ts';
import type { Flight, Train } from '../base/train.ts';
import type { Instant } from '../base/units.ts';
import type { Skb } from './skb.ts';

/** Told of each frame that found the ring full, at the time of its arrival; the frame is still to be dropped. */
export interface MissedFrames {
  onMissed(skb: Skb, index: number, at: Instant): void;
}

export class RxRing {
  readonly size: number;
  /** What the descriptors hold are its first frames, in runs of one train: look at its head, then `refill`. */
  readonly flight: Flight;
  /** Frames in the ring, each from its arrival to its refill. Call `sync` before you read it. */
  readonly meter: QueueMeter;
  private readonly missed: MissedFrames;

  constructor(name: string, size: number, flight: Flight, missed: MissedFrames) {
    this.size = size;
    this.meter = new QueueMeter(name, size);
    this.flight = flight;
    this.missed = missed;
  }

  /** Descriptors that hold a frame. */
  get held(): number {
    return this.flight.held;
  }

  /** The most frames it ever held. */
  get peak(): number {
    return this.meter.peak;
  }

  /** What has arrived by `now` is in the ring, or missed. */
  sync(now: Instant): void {
    const { flight } = this;
    while (flight.next <= now) {
      if (flight.held < this.size) {
        this.meter.enter(flight.next);
        flight.accept();
      } else this.miss();
    }
  }

  private miss(): void {
    const { flight } = this;
    const skb = flight.nextTrain() as Skb;
    const index = flight.nextFrame();
    const at = flight.next;
    flight.miss();
    this.missed.onMissed(skb, index, at);
  }

  /** Takes the `n` oldest frames, of the head run, and refills their descriptors at `now`. `sync` comes before. */
  refill(now: Instant, n: number): void {
    this.meter.leave(now, n);
    this.flight.release(n);
  }

  /** Arrival of the oldest frame known: held or in flight; NEVER when there is none. */
  get first(): Instant {
    const { flight } = this;
    return flight.held > 0 ? flight.headArrival(0) : flight.next;
  }

  /** Arrival of the n-th frame known, n from 1: held or in flight; NEVER when there are fewer. */
  nth(n: number): Instant {
    return this.flight.nthArrival(n);
  }

  /** Shows what the descriptors hold: of which train, and how many frames of it. */
  each(visit: (train: Train, count: number) => void): void {
    this.flight.eachHeld(visit);
  }
}
