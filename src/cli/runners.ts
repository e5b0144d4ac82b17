/**
 * Where jobs run: in worker threads, so that this one stays free, an interrupt is answered at once and the progress bar
 * moves.
 */
import { Piscina } from 'piscina';
import type { Job, Outcome, Runner, Running } from './io.ts';
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
    const shares = jobs.map(() => new Float64Array(new SharedArrayBuffer(8)));
    let cancelled = false;
    const one = async (job: Job, i: number): Promise<void> => {
      const outcome = await outcomeIn(pool, { job, progress: shares[i]! });
      shares[i]![0] = 1;
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
      progress: () => shares.reduce((sum, s) => sum + s[0]!, 0) / jobs.length,
    };
  },
};

async function outcomeIn(pool: Piscina, task: Task): Promise<Outcome> {
  try {
    return await pool.run(task);
  } catch (error) {
    // The thread died (out of memory, most likely), or the pool was destroyed and nobody asks.
    const e = error instanceof Error ? error : new Error(String(error));
    return { kind: 'bug', message: e.message, stack: e.stack ?? '' };
  }
}
