/**
 * Where jobs run: in worker threads, so that this one stays free, an interrupt is answered at once and the progress bar
 * moves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Piscina } from 'piscina';
import { Beacon } from './beacon.ts';
import { meantSegments } from './expected.ts';
import { busyLines } from './fault-text.ts';
import type { Job, Outcome, Runner, Running } from './io.ts';
import { inlineMore, MANY_SEGMENTS } from './jit.ts';
import { hasUserApps } from './modules.ts';
import { watchdog } from './watchdog.ts';
import type { Scenario } from '../sim/scenario/types.ts';
import type { Task } from './worker.ts';

/** Beside this file, compiled or not. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
).href;

export const threads: Runner = {
  start(jobs, parallel, events): Running {
    const workers = Math.max(1, Math.min(parallel, jobs.length));
    const loaded = new Int32Array(new SharedArrayBuffer(4));
    const pool = new Piscina({
      filename: WORKER,
      minThreads: 1,
      maxThreads: workers,
      workerData: loaded,
    });
    const running = new Set<Beacon>();
    let cancelled = false;
    let begun = 0;
    let ended = 0;
    const tune = tuner(jobs.length);
    const one = async (job: Job, i: number): Promise<void> => {
      tune(job.scenario);
      const beacon = new Beacon(hasUserApps(job.scenario));
      running.add(beacon);
      const outcome = await outcomeIn(pool, job, beacon);
      running.delete(beacon);
      ended++;
      if (!cancelled) events.onDone(i, outcome);
    };
    const feed = async (): Promise<void> => {
      while (!cancelled && begun < jobs.length) {
        const i = begun++;
        await one(jobs.at(i)!, i);
      }
    };
    const all = async (): Promise<void> => {
      // One more than there are workers, so that none waits for this thread; a single one works strictly in turn.
      const feeders = workers === 1 ? 1 : workers + 1;
      try {
        await Promise.all(Array.from({ length: feeders }, feed));
      } finally {
        cancelled = true;
        await pool.destroy();
      }
    };
    return {
      done: all(),
      async cancel() {
        cancelled = true;
        await allLoaded(pool, loaded);
        await pool.destroy();
      },
      progress: () =>
        [...running].reduce((sum, b) => sum + b.share, ended) / Math.max(1, jobs.length),
    };
  },
};

/**
 * To be told of each scenario before it runs, in order: has V8 inline more once there is much to do, by what the scenarios mean
 * to send, or by what `runs` of them would if all were like the first that says so.
 */
export function tuner(runs: number, whenMany: () => void = inlineMore): (next: Scenario) => void {
  let sum = 0;
  let tuned = false;
  return (next) => {
    if (tuned) return;
    const segments = meantSegments(next);
    const all = sum === 0 ? segments * runs : sum + segments;
    sum += segments;
    tuned = all >= MANY_SEGMENTS;
    if (tuned) whenMany();
  };
}

/**
 * A thread that is ended while it loads its modules may take the process with it (Node aborts: "FATAL ERROR:
 * v8::Module::IsGraphAsync"), so wait until all have, but not for one that cannot.
 */
async function allLoaded(pool: Piscina, loaded: Int32Array): Promise<void> {
  const giveUp = performance.now() + 3000;
  while (Atomics.load(loaded, 0) < pool.threads.length && performance.now() < giveUp)
    await sleep(10);
}

async function outcomeIn(pool: Piscina, job: Job, beacon: Beacon): Promise<Outcome> {
  const task: Task = { job, shared: beacon.buffer };
  const dog = watchdog(beacon, job.timeout);
  try {
    return await pool.run(task, { signal: dog.signal });
  } catch (error) {
    if (dog.bit !== null)
      return { kind: 'app-fault', lines: busyLines(job.scenario, dog.bit, job.timeout) };
    // The thread died (out of memory, most likely), or the pool was destroyed and nobody asks.
    const e = error instanceof Error ? error : new Error(String(error));
    return { kind: 'bug', message: e.message, stack: e.stack ?? '' };
  } finally {
    dog.leave();
  }
}
