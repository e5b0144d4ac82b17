/**
 * Where jobs run. In worker threads the main thread stays free: an interrupt is answered at once and the progress bar
 * moves. A trace to standard output runs here, so that its lines stay in order.
 */
import { Piscina } from 'piscina';
import { execute, type RunScenario } from './execute.ts';
import type { Job, Runner, Running } from './io.ts';
import { OutputFiles } from './output-files.ts';
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
    const all = jobs.map(async (job, i) => {
      const task: Task = { job, progress: shares[i]! };
      try {
        const outcome = await pool.run(task);
        shares[i]![0] = 1;
        if (!cancelled) events.onDone(i, outcome);
      } catch (error) {
        // The pool was destroyed, or the thread died (out of memory, most likely).
        if (cancelled) return;
        const e = error instanceof Error ? error : new Error(String(error));
        events.onDone(i, { kind: 'bug', message: e.message, stack: e.stack ?? '' });
      }
    });
    return {
      done: Promise.all(all).then(() => pool.destroy()),
      cancel() {
        cancelled = true;
        void pool.destroy();
      },
      progress: () => shares.reduce((sum, s) => sum + s[0]!, 0) / jobs.length,
    };
  },
};

/**
 * In this thread, one after the other, with a breath between two runs.
 *
 * @param run  left out: the simulator, loaded when it is needed and not by commands that only print
 */
export function inline(run?: RunScenario, now: () => number = () => performance.now()): Runner {
  return {
    start(jobs: readonly Job[], _parallel, events): Running {
      let cancelled = false;
      let finished = 0;
      const go = async (): Promise<void> => {
        const simulate = run ?? (await import('../sim/run/runner.ts')).runScenario;
        for (const [i, job] of jobs.entries()) {
          await new Promise<void>((resolve) => {
            setImmediate(resolve);
          });
          if (cancelled) return;
          const outcome = execute(job, {
            run: simulate,
            files: new OutputFiles(),
            now,
            onProgress: () => !cancelled,
          });
          finished++;
          events.onDone(i, outcome);
        }
      };
      return {
        done: go(),
        cancel() {
          cancelled = true;
        },
        progress: () => finished / jobs.length,
      };
    },
  };
}
