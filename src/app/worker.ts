/**
 * A thread that others can give work to: an event loop, a thread of a pool. Whatever runs on it is a generator that yields
 * its system calls, and is handed the worker it runs on: so a signal knows its thread without asking, as
 * `EventExecutor.inEventLoop()` does in Netty.
 */
import type { Sys } from '../kernel/syscall.ts';
import type { StreamLaws } from './reactive/laws.ts';
import type { Sub } from './setup.ts';

/** Work for a worker, run on its thread from beginning to end. It may sleep and compute: then its worker stands still. */
export type Task = (on: Worker) => Sub<void>;

/** Takes back a task that has not begun; nothing when it has. */
export interface Cancellable {
  cancel(): void;
}

export interface Worker {
  /** What it is called in traces and reports: `server/loop-1`. */
  readonly name: string;
  /** The thread's own system calls: only for what runs on it. */
  readonly sys: Sys;
  /** What streams that are subscribed to on it are held to; left out: nothing. */
  readonly laws?: StreamLaws | undefined;
  /**
   * Puts a task at the end of the worker's queue. `on` is the worker that asks: waking another one costs it a system call.
   *
   * @returns false when the worker has been shut down, and the task will not run
   */
  execute(on: Worker, task: Task): Sub<boolean>;
  /** Runs a task `delayNs` from now, on this worker. */
  schedule(on: Worker, task: Task, delayNs: number): Sub<Cancellable>;
}
