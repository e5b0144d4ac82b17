/**
 * M/M/1 through the whole machine: users who ask at the times of a Poisson process, connections, an event loop that hands each
 * request to one worker, exponential work. What links.test.ts and thread-pool.test.ts assert of means holds here of each
 * request: its sojourn is what Lindley's recursion makes of the same draws.
 */
import { describe as group, expect, it } from 'vitest';
import { spread } from '../../src/app/spread.ts';
import { Random } from '../../src/base/random.ts';
import { run } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { describe } from '../../src/sim/scenario/load.ts';
import { SEEDS } from './queueing.ts';

const MS = 1_000_000;
/** Enough that none is still busy when its turn comes again. */
const CONNECTIONS = 150;
const REQUESTS = 750;
/** A frame of 100 B on a wire of 100 Gbit/s, and the nanosecond that the wire is long. */
const FRAME = 8;
const WIRE = 2 * (FRAME + 1);

const WORK = { work: '1 ms', 'work-times': 'exponential' };

/** Of each request, in order of the times they were meant for: how much longer it took than the recursion says, ns. */
function excess(rho: number, seed: number, server: object = {}): number[] {
  const [scenario] = describe('open-loop', {
    seed,
    shows: 'requests of a Poisson process, and one worker',
    hosts: { a: { machine: 'ideal' }, b: { machine: 'ideal', cpus: 4 } },
    links: [{ between: ['a', 'b'], rate: '100 Gbit/s', delay: '1 ns' }],
    apps: {
      server: {
        host: 'b',
        listen: 80,
        model: 'netty',
        loops: 1,
        request: '10 B',
        response: '10 B',
        offload: { threads: 1, queue: 1_000_000 },
        ...WORK,
        ...server,
      },
      load: {
        host: 'a',
        connect: 'b:80',
        model: 'client',
        io: 'epoll',
        connections: CONNECTIONS,
        requests: REQUESTS,
        request: '10 B',
        response: '10 B',
        mode: 'open',
        rate: `${1000 * rho} /s`,
      },
    },
    stop: { when: 'load.closed', limit: '60 s' },
  });
  const world = new World(scenario!);
  const answers: { intended: number; done: number }[] = [];
  world.apps.get('load')!.latency = (intended, done) => void answers.push({ intended, done });
  expect(run(world).reason).toBe('when');
  const work = new Random(String(seed)).keyed('app/server/work');
  let free = 0;
  return answers
    .toSorted((x, y) => x.intended - y.intended)
    .map(({ intended, done }, k) => {
      const [i, n] = [k % CONNECTIONS, Math.floor(k / CONNECTIONS)];
      free = Math.max(free, intended) + spread('exponential', MS, { uniform: () => work.at(i, n) });
      return done - free;
    });
}

group('each request takes as long as Lindley’s recursion says [validation Q1]', () => {
  it.each([0.5, 0.8, 0.9])('at ρ = %d, but for its time on the wire', (rho) => {
    for (const seed of SEEDS) {
      const all = excess(rho, seed);
      expect(all).toHaveLength(REQUESTS);
      expect(Math.min(...all)).toBe(WIRE);
      // A request may find another's frame on the wire before it.
      expect(Math.max(...all)).toBeLessThan(WIRE + FRAME);
    }
  });
  it('[mutant] two workers do not', () => {
    const all = excess(0.8, 1, { offload: { threads: 2, queue: 1_000_000 } });
    expect(Math.min(...all)).toBeLessThan(-MS);
  });
});
