// A small sweep, and studies with made-up results.
import type { RunResult } from '../../src/sim/run/result.ts';
import { loadSweeps, type LoadOptions } from '../../src/sim/scenario/load.ts';
import { LoadError } from '../../src/sim/scenario/problems.ts';
import type { Sweep } from '../../src/sim/scenario/sweep.ts';
import { placeOf, seedOf } from '../../src/study/grid.ts';
import { Study } from '../../src/study/study.ts';
import { result } from '../report/result.ts';

export const WORLD: string = `version: 1
scenarios:
  grid:
    shows: Two sizes, two models.
    hosts: { client: { device: tun }, server: { device: tun } }
    links: [{ between: [client, server], rate: 100 Mbit/s, overhead: 0 B, delay: 10 ms }]
    apps:
      server: { host: server, model: blocking, listen: 80, sockopt: { SO_RCVBUF: 65536 } }
      upload: { host: client, model: bulk, connect: server:80, bytes: 20 kB }
    stop: { when: upload.closed, limit: 60 s }
`;

export const SWEEP: string = `    sweep:
      vary:
        apps.server.sockopt.SO_RCVBUF: { log2: [4096, 16384] }
        apps.server.model: [blocking, epoll]
      measure: [goodput, server.syscalls.read]
`;

/** The sweep of a text whose `sweep:` is this. */
export function sweepOf(text: string = SWEEP, options: Partial<LoadOptions> = {}): Sweep {
  return loadSweeps(WORLD + text, { file: 'my.yaml', ...options })[0]!;
}

/** What is printed when it is refused. */
export function refusal(text: string, options: Partial<LoadOptions> = {}): string {
  try {
    sweepOf(text, options);
  } catch (error) {
    if (error instanceof LoadError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

export type Made = (
  names: Readonly<Record<string, string>>,
  repetition: number,
) => Record<string, number>;

/** A study with made-up metrics; `order` is that in which runs come in. */
export function madeUp(sweep: Sweep, make: Made, order?: readonly number[]): Study {
  const study = new Study(sweep);
  const runs = order ?? Array.from({ length: study.total }, (_, i) => i);
  for (const run of runs) study.settle(run, made(sweep, run, make));
  return study;
}

function made(sweep: Sweep, run: number, make: Made): RunResult {
  const { point, repetition } = placeOf(sweep, run);
  const { variant, seed } = sweep.point(point);
  return result('', {
    variant,
    seed: seedOf(seed, repetition),
    metrics: make(variant, repetition),
    fingerprint: `f${run}`,
  });
}
