/**
 * Byte queue limits (lib/dynamic_queue_limits.c): how many bytes a transmit ring may hold, found by watching completions. A
 * ring that ran dry although more was waiting for it gets a larger limit; one that always had bytes to spare gets a smaller
 * one, but not before it has had them to spare for a whole `holdTime`. What does not fit waits in the qdisc, where somebody
 * can still choose.
 *
 * Times are nanoseconds where Linux counts jiffies: a limit falls up to a tick earlier. Left out: stall detection.
 */
import { assert } from './assert.ts';
import { type Instant, NEVER, START } from './units.ts';

/** byte_queue_limits of a queue in sysfs. */
export interface DqlOptions {
  /** Bytes. */
  readonly limitMin: number;
  readonly limitMax: number;
  /** How long there must be slack before the limit falls, ns. */
  readonly holdTime: number;
}

/** DQL_MAX_LIMIT: UINT_MAX/2 − UINT_MAX/16; HZ jiffies. */
export const DQL_DEFAULTS: DqlOptions = {
  limitMin: 0,
  limitMax: 1_879_048_192,
  holdTime: 1_000_000_000,
};

const positive = (x: number): number => (x > 0 ? x : 0);

export class Dql {
  /** Bytes that the ring may hold; the object that crosses it is still taken. */
  limit = 0;
  /** The largest that it ever was, the largest object, and the most that the ring ever held. */
  largestLimit = 0;
  largestObject = 0;
  peak = 0;
  private readonly options: DqlOptions;
  // Bytes since the beginning: Linux's counters wrap, these do not.
  private numQueued = 0;
  private numCompleted = 0;
  /** numCompleted + limit, as of the last completion. */
  private adjLimit = 0;
  private lastObject = 0;
  private prevNumQueued = 0;
  private prevLastObject = 0;
  private prevOverLimit = 0;
  private lowestSlack = Infinity;
  private slackSince: Instant = NEVER;

  constructor(options: DqlOptions = DQL_DEFAULTS) {
    this.options = options;
    // No small integer at first: V8 gives the field a double from the start.
    this.slackSince = START;
  }

  /** Bytes in the ring. */
  get inflight(): number {
    return this.numQueued - this.numCompleted;
  }

  /** Room: below 0 the queue is to be stopped (dql_avail). */
  get avail(): number {
    return this.adjLimit - this.numQueued;
  }

  /** What the ring may ever have held. */
  get bound(): number {
    return this.largestLimit + this.largestObject;
  }

  /** An object of `bytes` goes into the ring. */
  queued(bytes: number): void {
    this.lastObject = bytes;
    this.numQueued += bytes;
    if (bytes > this.largestObject) this.largestObject = bytes;
    if (this.inflight > this.peak) this.peak = this.inflight;
  }

  /** The device is through with `count` bytes: what does that say about the limit? */
  completed(count: number, now: Instant): void {
    assert(count <= this.inflight, 'dql: more was completed than queued');
    const { prevNumQueued, prevOverLimit } = this;
    const completed = this.numCompleted + count;
    let { limit } = this;
    let overLimit = positive(this.inflight - limit);
    const left = this.numQueued - completed;
    const wasLeft = prevNumQueued - this.numCompleted;
    // All that was there at the last completion is through: the ring may have been empty in between.
    const allThrough = completed >= prevNumQueued;
    if ((overLimit > 0 && left === 0) || (prevOverLimit > 0 && allThrough)) {
      limit += positive(completed - prevNumQueued) + prevOverLimit;
      this.restart(now);
    } else if (left > 0 && wasLeft > 0 && !allThrough) {
      // Never dry since: the slack is what a limit of twice the bytes of an interval would not need, or the part of the
      // last object that did not cross the limit.
      const unneeded = positive(limit + prevOverLimit - 2 * count);
      const whole = prevOverLimit > 0 ? positive(this.prevLastObject - prevOverLimit) : 0;
      this.lowestSlack = Math.min(this.lowestSlack, Math.max(unneeded, whole));
      if (now > this.slackSince + this.options.holdTime) {
        limit = positive(limit - this.lowestSlack);
        this.restart(now);
      }
    }
    limit = Math.min(Math.max(limit, this.options.limitMin), this.options.limitMax);
    if (limit !== this.limit) {
      this.limit = limit;
      overLimit = 0;
      if (limit > this.largestLimit) this.largestLimit = limit;
    }
    this.adjLimit = limit + completed;
    this.prevOverLimit = overLimit;
    this.prevLastObject = this.lastObject;
    this.numCompleted = completed;
    this.prevNumQueued = this.numQueued;
  }

  private restart(now: Instant): void {
    this.slackSince = now;
    this.lowestSlack = Infinity;
  }
}
