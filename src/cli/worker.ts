/** What runs in a worker thread: one job at a time. Progress goes through shared memory, because the thread never waits. */
import { runScenario } from '../sim/run/runner.ts';
import { execute } from './execute.ts';
import type { Job, Outcome } from './io.ts';
import { OutputFiles } from './output-files.ts';

export interface Task {
  readonly job: Job;
  /** One number: how far the run is, 0 to 1. */
  readonly progress: Float64Array;
}

export default function work({ job, progress }: Task): Outcome {
  return execute(job, {
    run: runScenario,
    files: new OutputFiles(),
    now: () => performance.now(),
    onProgress: (share) => {
      progress[0] = share;
      return true;
    },
  });
}
