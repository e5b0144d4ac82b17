/**
 * What becomes of an exception in a user's function: a signal, as in Operators.onOperatorError. What must never be taken
 * for one: bugs of ours and mistakes in the scenario, which end the run as VirtualMachineError does there
 * (Exceptions.throwIfFatal).
 */
import { InvariantError, ScenarioError } from '../../base/assert.ts';

/** @throws what was thrown, when it is no signal's business */
export function asSignal(thrown: unknown): Error {
  if (thrown instanceof InvariantError || thrown instanceof ScenarioError) throw thrown;
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** A source gave more than was asked of it, and the queue that was sized for the request is full. */
export class OverflowError extends Error {
  override readonly name = 'OverflowError';
}

/** A worker that has been shut down was given work (java.util.concurrent.RejectedExecutionException). */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
}

/** A signal took too long (java.util.concurrent.TimeoutException). */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** A stream has failed more often than it was to be tried again (Exceptions.retryExhausted); `cause`: the last failure. */
export class RetryExhaustedError extends Error {
  override readonly name = 'RetryExhaustedError';
}

/** Who shares a stream is told that it has been disconnected (java.util.concurrent.CancellationException). */
export class CancellationError extends Error {
  override readonly name = 'CancellationError';
}
