/** What runs in a worker thread: one job at a time. Progress goes through shared memory, because the thread never waits. */
import { threadId, workerData } from 'node:worker_threads';
import { runScenario } from '../sim/run/runner.ts';
import type { RunOptions, RunResult } from '../sim/run/result.ts';
import type { Scenario } from '../sim/scenario/types.ts';
import { Beacon } from './beacon.ts';
import { execute } from './execute.ts';
import type { Job, Outcome } from './io.ts';
import { hasUserApps } from './modules.ts';
import { OutputFiles } from './output-files.ts';
import { loadAppsNow } from './user-apps.ts';

export interface Task {
  readonly job: Job;
  /** A Beacon's. */
  readonly shared: SharedArrayBuffer;
}

export default function work({ job, shared }: Task): Outcome {
  const own = hasUserApps(job.scenario);
  const beacon = new Beacon(own, shared);
  beacon.worker = threadId;
  return execute(job, {
    run: own ? (s, o) => runOwn(s, o, beacon) : runScenario,
    files: new OutputFiles(),
    now: () => performance.now(),
    onProgress: (share) => {
      beacon.share = share;
      return true;
    },
  });
}

/** With applications of the user's own, loaded anew for every run. */
function runOwn(s: Scenario, options: RunOptions, beacon: Beacon): RunResult {
  const apps = beacon.loading(() => loadAppsNow(s));
  return runScenario(s, { ...options, apps, watch: beacon });
}

// All modules are there (runners.ts).
if (workerData instanceof Int32Array) Atomics.add(workerData, 0, 1);
