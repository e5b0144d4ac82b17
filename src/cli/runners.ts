/**
 * Where jobs run: in worker threads, so that this one stays free, an interrupt is answered at once and the progress bar
 * moves.
 */
import { Piscina } from 'piscina';
import { Beacon } from './beacon.ts';
import { spinningLines } from './fault-text.ts';
import type { Job, Outcome, Runner, Running } from './io.ts';
import { hasUserApps } from './user-apps.ts';
import { watchdog } from './watchdog.ts';
import type { Task } from './worker.ts';

/** Beside this file, compiled or not. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
).href;

export const threads: Runner = {
  start(jobs, parallel, events): Running {
    const pool = new Piscina({
      filename: WORKER,
      minThreads: 1,
      maxThreads: Math.max(1, Math.min(parallel, jobs.length)),
    });
    const beacons = jobs.map((job) => new Beacon(hasUserApps(job.scenario)));
    let cancelled = false;
    const one = async (job: Job, i: number): Promise<void> => {
      const outcome = await outcomeIn(pool, job, beacons[i]!);
      beacons[i]!.share = 1;
      if (!cancelled) events.onDone(i, outcome);
    };
    const all = async (): Promise<void> => {
      if (parallel > 1) await Promise.all(jobs.map(one));
      else for (const [i, job] of jobs.entries()) if (!cancelled) await one(job, i);
      await pool.destroy();
    };
    return {
      done: all(),
      async cancel() {
        cancelled = true;
        await pool.destroy();
      },
      progress: () => beacons.reduce((sum, b) => sum + b.share, 0) / jobs.length,
    };
  },
};

async function outcomeIn(pool: Piscina, job: Job, beacon: Beacon): Promise<Outcome> {
  const task: Task = { job, shared: beacon.buffer };
  const dog = watchdog(beacon, job.timeout);
  try {
    return await pool.run(task, { signal: dog.signal });
  } catch (error) {
    if (dog.bit !== null) {
      const { thread, at } = dog.bit;
      return { kind: 'app-fault', lines: spinningLines(job.scenario, thread, at, job.timeout) };
    }
    // The thread died (out of memory, most likely), or the pool was destroyed and nobody asks.
    const e = error instanceof Error ? error : new Error(String(error));
    return { kind: 'bug', message: e.message, stack: e.stack ?? '' };
  } finally {
    dog.leave();
  }
}
