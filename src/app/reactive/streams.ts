/**
 * The four interfaces of Reactive Streams 1.0.4, for simulated threads. A signal is a part of a thread: a generator, handed
 * the worker that it runs on, because who receives it may make system calls there (a write, a sleep, a computation) and
 * then holds up that thread. `yield*` a signal at once, as a system call is yielded at once: an operator that only passes
 * it on may do its work when the method is called, and return the next one's generator.
 *
 * The rules are those of the specification (§1.1 … §3.17; README.md of reactive-streams-jvm 1.0.4), with these differences:
 * - Demand is a number that saturates at `UNBOUNDED` (demand.ts), where Java has Long.MAX_VALUE.
 * - §2.13's null checks are the compiler's: nothing here is ever null or undefined, elements included.
 * - "Returns normally" (§1.9, §2.13, §3.15, §3.16) means that the generator ends: what a user's function throws becomes
 *   onError. InvariantError and ScenarioError are never signals; they end the run (errors.ts).
 * - Threads are pre-empted only where they yield. So memory that is shared needs no atomic instructions here, but whoever
 *   calls a signal must think that any other thread has run before it comes back.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';

export interface Publisher<T> {
  /** Asks for the stream: onSubscribe is the first signal that `s` is given, in this call (§1.9). */
  subscribe(s: Subscriber<T>, on: Worker): Sub<void>;
}

export interface Subscriber<T> {
  /** Once, before any other signal (§2.12). */
  onSubscribe(s: Subscription, on: Worker): Sub<void>;
  /** At most as often as has been requested (§1.1), never two at a time (§1.3). */
  onNext(value: T, on: Worker): Sub<void>;
  /** The stream has failed; nothing follows (§1.7). */
  onError(error: Error, on: Worker): Sub<void>;
  /** The stream has ended; nothing follows. Needs no demand. */
  onComplete(on: Worker): Sub<void>;
  /** Whom the stream is for in the end, `connection-3`, as far as it is known; for messages. */
  readonly destination?: string | undefined;
}

/** One subscriber's hold on one publisher. Both methods may be called from any thread. */
export interface Subscription {
  /**
   * Asks for `n` elements more: an integer > 0, or the stream fails with a RangeError (§3.9). They may come in this very
   * call (§3.10).
   */
  request(n: number, on: Worker): Sub<void>;
  /** Ends the stream without a signal. Elements that are under way may still come (§2.8). */
  cancel(on: Worker): Sub<void>;
  /** Where the stream comes from, `connection-3`, as far as it is known; for messages. */
  readonly origin?: string | undefined;
}

/** A stage that is both: it obeys both contracts (§4.1). */
export interface Processor<T, R> extends Subscriber<T>, Publisher<R> {}
