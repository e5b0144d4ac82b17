/**
 * What a link lets others see: counters, and a tap for captures, invariants and traces. Neither changes what happens.
 */
import type { Train } from '../../base/train.ts';
import type { Instant } from '../../base/units.ts';

/** Why a frame was dropped: lost on the wire; no room in the queue; waited there too long; link down; larger than the MTU. */
export type DropReason = 'loss' | 'limit' | 'codel' | 'down' | 'mtu';

/** All count frames, except `bytes`. */
export class LinkCounters {
  /** Handed to the link by its sender. */
  offered = 0;
  /** Taken: these have their time on the wire, lost ones too. Copies are not among them. */
  frames = 0;
  /** Wire bytes (IP packet + overhead) of `frames`. */
  bytes: number = Infinity;
  dropLoss = 0;
  dropLimit = 0;
  dropCodel = 0;
  dropDown = 0;
  dropMtu = 0;
  /** Copies made. */
  duplicated = 0;
  /** Picked by `reorder`; what jitter makes overtake is not counted. */
  reordered = 0;
  /** Given the mark of congestion (CE) by the queue. */
  marked = 0;
  /** Marked as corrupted, detectably or not. */
  corrupted = 0;

  constructor() {
    // No small integer at first: V8 gives the field a double from the start, and 2 GiB change nothing.
    this.bytes = 0;
  }
}

/**
 * Told of every frame when the link takes or drops it: `start`, `departure` and `arrival` may lie ahead of the clock. What a
 * later change of the link moves is taken back by `onRetract` and told again; when a lost frame is lost is not.
 */
export interface LinkTap {
  /**
   * @param start      its service begins: the sender's device or the queue lets it go
   * @param departure  its last bit has left
   * @param arrival    its last bit has arrived
   */
  onFrame(
    train: Train,
    index: number,
    mark: number,
    start: Instant,
    departure: Instant,
    arrival: Instant,
  ): void;
  /** @param at  when it happened: a lost frame is lost at its departure, another one when it was handed over */
  onDrop(train: Train, index: number, why: DropReason, at: Instant): void;
  /** The frame that was to arrive at `arrival` will not: onFrame or onDrop follows. */
  onRetract?(train: Train, index: number, mark: number, arrival: Instant): void;
}

/** Who hands frames to a link from a queue of its own that is looked at late: a router. */
export interface Feeder {
  /** Hands over all that is due up to `now`. Not to be called before the wire class of `now` has run. */
  sync(now: Instant): void;
  /** The link's least latency may have changed. */
  onLinkChange(): void;
}

/** A device that waits for the wire and has been told when its frames depart. */
export interface LinkSender {
  /**
   * The last call for a transmission holds.
   *
   * @param transmission  the n-th call of `transmit`, from 0: its last frame departs at `departure` now
   */
  onRetimed(transmission: number, departure: Instant): void;
}

/** Where all frames of a link are: offered + duplicated = delivered + dropped + inFlight. */
export interface LinkLedger {
  readonly offered: number;
  readonly duplicated: number;
  /** Taken over by the receiver. */
  readonly delivered: number;
  /** By all reasons. */
  readonly dropped: number;
  /** On the wire or in its queue, or arrived and not yet looked at. */
  readonly inFlight: number;
  /** What is missing: 0. */
  readonly missing: number;
}
