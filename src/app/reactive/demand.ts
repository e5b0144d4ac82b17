/**
 * Demand: how many elements have been asked for and not yet been given. Reactor's Operators.addCap, multiplyCap, validate,
 * unboundedOrLimit, and an independent meter of §1.1.
 */
import type { Probe } from '../probe.ts';

/**
 * Demand that never runs out. Java's is Long.MAX_VALUE = 2^63 − 1; a number counts exactly to 2^53 − 1, which at an element
 * per nanosecond is 104 days, and so as good.
 */
export const UNBOUNDED: number = Number.MAX_SAFE_INTEGER;

/** The sum of two demands: once unbounded, always unbounded (§3.17). */
export function addCap(a: number, b: number): number {
  const sum = a + b;
  return sum >= UNBOUNDED ? UNBOUNDED : sum;
}

/** The product of two demands (Operators.multiplyCap). */
export function mulCap(a: number, b: number): number {
  const product = a * b;
  return product >= UNBOUNDED ? UNBOUNDED : product;
}

/** Whether `n` may be requested: a whole number > 0 (§3.9); Infinity is taken for UNBOUNDED. */
export function isDemand(n: number): boolean {
  return n > 0 && (n >= UNBOUNDED || Number.isInteger(n));
}

/** `n` itself. @throws RangeError when it is no demand: `what > 0 required but it was n`, as Reactor says */
export function positive(what: string, n: number): number {
  if (!isDemand(n)) throw new RangeError(`${what} > 0 required but it was ${n}`);
  return addCap(n, 0);
}

/** What a subscriber is told that has requested `n` against §3.9. */
export function badDemand(n: number): RangeError {
  return new RangeError(`request(${n}): demand is a whole number > 0 (Reactive Streams §3.9)`);
}

/**
 * Elements taken before the same number is requested again, of a stage that asks for `prefetch` ahead: 75 %, rounded up
 * (256 → 192, 32 → 24, 1 → 1); Operators.unboundedOrLimit.
 */
export function limitOf(prefetch: number): number {
  return prefetch >= UNBOUNDED ? UNBOUNDED : prefetch - Math.floor(prefetch / 4);
}

/** Queues.SMALL_BUFFER_SIZE: flatMap's concurrency and publishOn's prefetch. */
export const SMALL_BUFFER = 256;
/** Queues.XS_BUFFER_SIZE: flatMap's prefetch of each inner stream. */
export const XS_BUFFER = 32;

/**
 * Counts what passes between two stages, and looks at §1.1 with every element: no more onNext than has been requested.
 * It knows nothing of the stages on either side, so it can be put between any two (`Flux.metered`).
 */
export class DemandMeter {
  /** Σ request(n), saturating. */
  requestedTotal = 0;
  /** Calls of request. */
  requests = 0;
  /** Calls of onNext. */
  emittedTotal = 0;
  private readonly probe: Probe;
  private readonly detail: () => string;

  /** @param where what it lies between, for the message: `FluxReceive → handler` */
  constructor(probe: Probe, where: string) {
    this.probe = probe;
    this.detail = () =>
      `${where}: element ${this.emittedTotal} was given when ${this.requestedTotal} had been requested`;
  }

  requested(n: number): void {
    this.requests++;
    // A request that is against §3.9 asks for nothing.
    if (isDemand(n)) this.requestedTotal = addCap(this.requestedTotal, n);
  }

  emitted(): void {
    this.emittedTotal++;
    const holds = this.requestedTotal === UNBOUNDED || this.emittedTotal <= this.requestedTotal;
    this.probe.require('demand', holds, this.detail);
  }
}
