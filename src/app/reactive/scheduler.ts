/** Where work can be put: reactor-core's Scheduler, as far as operators need it. */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';

export interface Scheduler {
  readonly name: string;
  /**
   * A worker for one subscriber, all of whose work it then does in order. Pools give theirs in turn; a thread that does
   * not run yet is made by `on`.
   */
  worker(on: Worker): Sub<Worker>;
}
