/**
 * What one queue did over time: its depth, its peak, and the area under its depth, so that Little's law can be checked
 * exactly: with whole nanoseconds, area(T) = Σ time each item spent in the queue up to T.
 *
 * That area is Σ n·t of what left − Σ n·t of what came + depth·T: one product for each change, and none for a look at it.
 *
 * It measures and never refuses: whether `peak` is within `bound` is for the invariants to say.
 */
import { InvariantError } from './assert.ts';
import { type Instant, NEVER, START } from './units.ts';

/** The balance is kept below this: then the sum with a product of up to 2^53 is exact. */
const ROOM = 0x10_0000_0000_0000; // 2^52

export class QueueMeter {
  readonly name: string;
  /** The most that may be in the queue, in its own unit (items or bytes); Infinity when nothing bounds it. */
  bound: number = Infinity;
  depth = 0;
  /** The greatest depth so far. */
  peak = 0;
  /** Items that came in. */
  entered = 0;
  private since: Instant = NEVER;
  // Σ n·t of what left − Σ n·t of what came is carried + balance: bytes times nanoseconds leave 2^53 behind within seconds.
  private balance: number = Infinity;
  private carried = 0n;

  constructor(name: string, bound: number) {
    this.name = name;
    // No small integers at first: V8 gives these fields doubles from the start.
    this.bound = bound;
    this.since = START;
    this.balance = 0;
  }

  /** From now on `bound` holds. What `peak` is compared with is the widest there ever was: a narrower one throws nothing out. */
  widen(bound: number): void {
    if (bound > this.bound) this.bound = bound;
  }

  /** Items that went out. */
  get left(): number {
    return this.entered - this.depth;
  }

  /** `n` items come in at `now`; times may not go back. */
  enter(now: Instant, n = 1): void {
    if (!(now >= this.since)) this.fail('queue: time went back', now);
    this.since = now;
    this.entered += n;
    this.depth += n;
    if (this.depth > this.peak) this.peak = this.depth;
    const balance = this.balance - n * now;
    if (balance > -ROOM) this.balance = balance;
    else this.carry(now, -n);
  }

  /** `n` items go out at `now`. */
  leave(now: Instant, n = 1): void {
    if (!(now >= this.since)) this.fail('queue: time went back', now);
    this.since = now;
    this.depth -= n;
    if (this.depth < 0) this.fail('queue: more left than entered', now);
    const balance = this.balance + n * now;
    if (balance < ROOM) this.balance = balance;
    else this.carry(now, n);
  }

  /** ∫ depth dt from 0 to `now`, in item·ns: exact below 2^53, else the nearest double. */
  area(now: Instant): number {
    return Number(this.exactArea(now));
  }

  /** ∫ depth dt from 0 to `now`, exact at any size. */
  exactArea(now: Instant): bigint {
    if (!(now >= this.since)) this.fail('queue: time went back', now);
    this.carry(now, 0);
    this.since = now;
    return this.carried + BigInt(this.depth) * BigInt(now);
  }

  /** Adds n·now where doubles do not reach, which no time without end can take part in. */
  private carry(now: Instant, n: number): void {
    if (now === Infinity) this.fail('queue: time has no end', now);
    this.carried += BigInt(this.balance) + BigInt(n) * BigInt(now);
    this.balance = 0;
  }

  private fail(law: string, now: number): never {
    const { name, depth, entered, left, since } = this;
    throw new InvariantError(
      law,
      `${name} at ${now}: depth ${depth}, entered ${entered}, left ${left}, last change at ${since}`,
    );
  }
}
