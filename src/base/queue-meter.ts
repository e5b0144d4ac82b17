/**
 * What one queue did over time: its depth, its peak, and the area under its depth, so that Little's law can be checked
 * exactly: with whole nanoseconds, area(T) = Σ time each item spent in the queue up to T.
 *
 * It measures and never refuses: whether `peak` is within `bound` is for the invariants to say.
 */
import { InvariantError } from './assert.ts';
import type { Instant } from './units.ts';

/** One unit of the area's high word, in item·ns. */
const HIGH = 0x10_0000_0000_0000; // 2^52

export class QueueMeter {
  readonly name: string;
  /** The most that may be in the queue, in its own unit (items or bytes); Infinity when nothing bounds it. */
  bound: number;
  depth = 0;
  /** The greatest depth so far. */
  peak = 0;
  /** Items that came in, and items that went out. */
  entered = 0;
  left = 0;
  private since = 0;
  // The area is areaHigh·2^52 + areaLow: bytes times nanoseconds leave 2^53 behind within seconds.
  private areaHigh = 0;
  private areaLow = 0;

  constructor(name: string, bound: number) {
    this.name = name;
    this.bound = bound;
  }

  /** From now on `bound` holds. What `peak` is compared with is the widest there ever was: a narrower one throws nothing out. */
  widen(bound: number): void {
    if (bound > this.bound) this.bound = bound;
  }

  /** `n` items come in at `now`; times may not go back. */
  enter(now: Instant, n = 1): void {
    this.advance(now);
    this.entered += n;
    this.depth += n;
    if (this.depth > this.peak) this.peak = this.depth;
  }

  /** `n` items go out at `now`. */
  leave(now: Instant, n = 1): void {
    this.advance(now);
    this.left += n;
    this.depth -= n;
    if (this.depth < 0) this.fail('queue: more left than entered', now);
  }

  /** ∫ depth dt from 0 to `now`, in item·ns: exact below 2^53, else the nearest double. */
  area(now: Instant): number {
    this.advance(now);
    return this.areaHigh * HIGH + this.areaLow;
  }

  /** ∫ depth dt from 0 to `now`, exact at any size. */
  exactArea(now: Instant): bigint {
    this.advance(now);
    return BigInt(this.areaHigh) * BigInt(HIGH) + BigInt(this.areaLow);
  }

  private advance(now: number): void {
    let dt = now - this.since;
    if (dt === 0) return;
    if (!(dt > 0 && dt !== Infinity)) this.fail('queue: time went back', now);
    this.since = now;
    const depth = this.depth;
    if (depth === 0) return;
    // One round unless depth·dt itself passes 2^52.
    while (depth * dt >= HIGH) {
      const some = depth >= HIGH ? 1 : Math.floor((HIGH - 1) / depth);
      this.addArea(depth * some);
      dt -= some;
    }
    this.addArea(depth * dt);
  }

  private addArea(x: number): void {
    this.areaLow += x;
    if (this.areaLow >= HIGH) {
      this.areaLow -= HIGH;
      this.areaHigh++;
    }
  }

  private fail(law: string, now: number): never {
    const { name, depth, entered, left, since } = this;
    throw new InvariantError(
      law,
      `${name} at ${now}: depth ${depth}, entered ${entered}, left ${left}, last change at ${since}`,
    );
  }
}
