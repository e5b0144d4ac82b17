/**
 * Byte queue limits: how many bytes a device takes ahead of its wire (lib/dynamic_queue_limits.c). As few as keep the wire
 * busy, so that the queue in front of the device is where frames wait and a discipline there can decide about them.
 *
 * The limit grows when the device ran dry although it had been full. It shrinks, at most once in `holdTime`, by what was
 * more than twice a completion throughout that time.
 */
import type { BqlOptions } from './options.ts';

export class ByteQueueLimits {
  private readonly options: BqlOptions;
  /** Bytes beyond which the device is full. */
  limit = 0;
  // Bytes ever taken and ever sent, and the sum up to which more are taken.
  private taken = 0;
  private sent = 0;
  private until = 0;
  private lastFrame = 0;
  // At the completion before: bytes taken by then, how far over the limit they were, and the last frame.
  private takenBefore = 0;
  private overBefore = 0;
  private lastFrameBefore = 0;
  /** The least that was too much since `slackSince`, bytes. */
  private slack = Infinity;
  private slackSince = 0;

  constructor(options: BqlOptions) {
    this.options = options;
  }

  /** May another frame go to the device (dql_avail)? The last one may go beyond the limit. */
  get open(): boolean {
    return this.until >= this.taken;
  }

  /** Bytes in the device. */
  get held(): number {
    return this.taken - this.sent;
  }

  /** The device has taken a frame (dql_queued). */
  take(bytes: number): void {
    this.taken += bytes;
    this.lastFrame = bytes;
  }

  /** The device has sent `bytes` since the last completion (dql_completed). */
  complete(bytes: number, now: number): void {
    const sent = this.sent + bytes;
    const over = Math.max(this.held - this.limit, 0);
    const dry = sent === this.taken;
    const oldGone = sent >= this.takenBefore;
    let limit = this.limit;
    if ((over > 0 && dry) || (this.overBefore > 0 && oldGone)) {
      limit += Math.max(sent - this.takenBefore, 0) + this.overBefore;
      this.forgetSlack(now);
    } else if (!dry && !oldGone && this.takenBefore > this.sent) {
      limit = this.less(limit, bytes, now);
    }
    limit = Math.min(Math.max(limit, this.options.limitMin), this.options.limitMax);
    this.overBefore = limit === this.limit ? over : 0;
    this.limit = limit;
    this.until = limit + sent;
    this.sent = sent;
    this.takenBefore = this.taken;
    this.lastFrameBefore = this.lastFrame;
  }

  /** The device was busy throughout: what was more than it needed? */
  private less(limit: number, bytes: number, now: number): number {
    const beyond = limit + this.overBefore - 2 * bytes;
    // A frame that reached over the limit was needed up to there.
    const rest = this.overBefore > 0 ? this.lastFrameBefore - this.overBefore : 0;
    this.slack = Math.min(this.slack, Math.max(beyond, rest, 0));
    if (now <= this.slackSince + this.options.holdTime) return limit;
    const lower = Math.max(limit - this.slack, 0);
    this.forgetSlack(now);
    return lower;
  }

  private forgetSlack(now: number): void {
    this.slackSince = now;
    this.slack = Infinity;
  }
}
