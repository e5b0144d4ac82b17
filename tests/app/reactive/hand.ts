// A source that the test is: it notes what is asked of it, and gives what the test says.
import { addCap, UNBOUNDED } from '../../../src/app/reactive/demand.ts';
import type { Publisher, Subscriber, Subscription } from '../../../src/app/reactive/streams.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Worker } from '../../../src/app/worker.ts';

/** One subscriber at a time. With a `length` it gives the integers below it as they are requested, and then stays open. */
export class Hand implements Publisher<number>, Subscription {
  /** Each n that was requested. */
  readonly asked: number[] = [];
  cancelled = 0;
  subscriber: Subscriber<number> | null = null;
  private readonly length: number;
  private demand = 0;
  private given = 0;
  private giving = false;

  constructor(length = 0) {
    this.length = length;
  }

  get total(): number {
    return this.asked.reduce(addCap, 0);
  }

  subscribe(s: Subscriber<number>, on: Worker): Sub<void> {
    this.subscriber = s;
    return s.onSubscribe(this, on);
  }

  *request(n: number, on: Worker): Sub<void> {
    this.asked.push(n);
    this.demand = addCap(this.demand, n);
    if (this.giving) return;
    this.giving = true;
    while (this.demand > 0 && this.given < this.length && this.cancelled === 0) {
      if (this.demand !== UNBOUNDED) this.demand--;
      yield* this.subscriber!.onNext(this.given++, on);
    }
    this.giving = false;
  }

  cancel(): Sub<void> {
    this.cancelled++;
    return nothing();
  }
}
