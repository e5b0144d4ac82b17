/**
 * One demand for several sources, one after the other: what one has not met is asked of the next (reactor-core's
 * MultiSubscriptionSubscriber).
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { addCap, UNBOUNDED } from './demand.ts';
import { EMPTY_SUBSCRIPTION } from './stage.ts';
import type { Subscription } from './streams.ts';
import { nothing } from './user.ts';

export class Arbiter {
  /** Asked for and not yet given. */
  demand = 0;
  private current: Subscription = EMPTY_SUBSCRIPTION;
  private cancelled = false;

  get unbounded(): boolean {
    return this.demand === UNBOUNDED;
  }

  /** The next source has come: it is asked for all that is still wanted. */
  set(s: Subscription, on: Worker): Sub<void> {
    // §2.5: while the present source has not ended, another one is of no use.
    if (this.cancelled || this.current !== EMPTY_SUBSCRIPTION) return s.cancel(on);
    this.current = s;
    return this.demand > 0 ? s.request(this.demand, on) : nothing();
  }

  /** @param n a valid demand */
  request(n: number, on: Worker): Sub<void> {
    this.demand = addCap(this.demand, n);
    return this.current.request(n, on);
  }

  /** An element is given: call it before it is. */
  produced(): void {
    if (this.demand !== UNBOUNDED) this.demand--;
  }

  /** The present source has ended: there is nobody to ask until the next one comes. */
  release(): void {
    this.current = EMPTY_SUBSCRIPTION;
  }

  cancel(on: Worker): Sub<void> {
    this.cancelled = true;
    const s = this.current;
    this.current = EMPTY_SUBSCRIPTION;
    return s.cancel(on);
  }
}
