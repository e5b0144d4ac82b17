/**
 * When a failed stream is tried again (reactor.util.retry.Retry): so many times, after the same delay, or after delays that
 * double (RetryBackoffSpec). Jitter is drawn from a stream of the scenario's randomness, which who asks for it gives.
 */
import type { Stream as RandomStream } from '../../base/random.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { UNBOUNDED } from './demand.ts';
import { RetryExhaustedError } from './errors.ts';
import type { Scheduler } from './scheduler.ts';
import { Delay } from './sources/delay.ts';
import { Failed, Just } from './sources/scalar.ts';
import type { Publisher } from './streams.ts';

/** A failure, and how often the stream has been tried again before it. */
export interface RetrySignal {
  readonly failure: Error;
  readonly totalRetries: number;
  /** Of them, those since the last element. */
  readonly totalRetriesInARow: number;
}

/** Gives for each failure a stream whose first element means "again" (operators/retry-when.ts). */
export type RetryRule = (
  signal: RetrySignal,
  on: Worker,
) => Publisher<unknown> | Sub<Publisher<unknown>>;

export interface BackoffOptions {
  readonly maxAttempts: number;
  /** The first delay, ns; each later one is twice as long. */
  readonly minBackoffNs: number;
  /** No delay is longer, jitter included. Default: no limit. */
  readonly maxBackoffNs?: number;
  /** The part of a delay by which it may be longer or shorter, 0 … 1. Default 0.5, as in RetryBackoffSpec. */
  readonly jitter?: number;
  /** What jitter is drawn from: `env.random.stream(name)`. Needed unless `jitter` is 0. */
  readonly random?: RandomStream;
  readonly scheduler: Scheduler;
  /** Which failures are worth another attempt; the others pass. Default: all. */
  readonly filter?: (failure: Error) => boolean;
}

export const Retry = {
  /** At once, so many times. */
  max(times: number): RetryRule {
    return (signal) => (signal.totalRetries < times ? new Just(0) : exhausted(times, signal));
  },

  /** After the same delay, so many times. */
  fixedDelay(times: number, delayNs: number, scheduler: Scheduler): RetryRule {
    return Retry.backoff({
      maxAttempts: times,
      minBackoffNs: delayNs,
      maxBackoffNs: delayNs,
      jitter: 0,
      scheduler,
    });
  },

  /** After delays that double. @throws RangeError when an option makes no sense */
  backoff(o: BackoffOptions): RetryRule {
    const { maxAttempts, minBackoffNs, maxBackoffNs = UNBOUNDED, jitter = 0.5, filter } = o;
    if (!(jitter >= 0 && jitter <= 1)) throw new RangeError(`jitter is 0 … 1, not ${jitter}`);
    if (jitter > 0 && o.random === undefined)
      throw new RangeError('jitter is drawn from a stream: give `random`, or `jitter: 0`');
    return (signal) => {
      if (filter?.(signal.failure) === false) return new Failed(signal.failure);
      if (signal.totalRetries >= maxAttempts) return exhausted(maxAttempts, signal);
      const delay = doubled(minBackoffNs, signal.totalRetries, maxBackoffNs);
      if (delay === 0) return new Just(0);
      // Within the jitter, but never below the first delay nor above the longest.
      const low = Math.max(minBackoffNs - delay, -delay * jitter);
      const high = Math.min(maxBackoffNs - delay, delay * jitter);
      const off = jitter === 0 ? 0 : Math.round(low + (high - low) * o.random!.uniform());
      return new Delay(delay + off, o.scheduler);
    };
  },
} as const;

/** `first` doubled `times` times, at most `most`. */
function doubled(first: number, times: number, most: number): number {
  let delay = Math.min(first, most);
  for (let i = 0; i < times && delay < most && delay > 0; i++) delay = Math.min(2 * delay, most);
  return delay;
}

function exhausted(times: number, { failure, totalRetries }: RetrySignal): Publisher<never> {
  return new Failed(
    new RetryExhaustedError(`Retries exhausted: ${totalRetries}/${times}`, { cause: failure }),
  );
}
