/**
 * Functions that users write. Each may be a plain function, or one that returns a part of a thread (a generator function)
 * when it wants to compute, sleep or make a system call on the thread that the signal runs on.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';

/** `v => v + 1`, or `function* (v, on) { yield on.sys.compute(us(5)); return v + 1; }`. */
export type UserFunction<T, R> = (value: T, on: Worker) => R | Sub<R>;
/** The same, for what is called without a value. */
export type UserAction = (on: Worker) => void | Sub<void>;

/** Whether a user's function gave back a part of a thread, not yet run, instead of a result. */
export function isSub<R>(result: R | Sub<R>): result is Sub<R> {
  return (
    typeof result === 'object' &&
    result !== null &&
    (result as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'Generator'
  );
}

/** Runs what a user's function gave back, when it is a part of a thread. */
export function* finish<R>(result: R | Sub<R>): Sub<R> {
  return isSub(result) ? yield* result : result;
}

/** A part of a thread that does nothing: for signals that need not be passed on. */
export function* nothing(): Sub<void> {}
