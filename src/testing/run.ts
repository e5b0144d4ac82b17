/** Runs worlds that are plain objects. */
import { ScenarioError } from '../base/assert.ts';
import { judge } from '../sim/run/judge.ts';
import type { RunOptions, RunResult } from '../sim/run/result.ts';
import { runScenario } from '../sim/run/runner.ts';
import { describe } from '../sim/scenario/load.ts';
import type { WorldObject } from './world.ts';

/**
 * Runs a world to its end, with what it expects decided. A law that does not hold is in the result and is no exception:
 * `invariants` asks for it.
 *
 *     const result = run({
 *       shows: 'A small transfer.',
 *       hosts: { client: {}, server: {} },
 *       links: [{ between: ['client', 'server'], rate: '1 Gbit/s', delay: '1 ms' }],
 *       apps: {
 *         server: { host: 'server', model: 'blocking', listen: 80 },
 *         client: { host: 'client', model: 'bulk', connect: 'server:80', bytes: '1 MB' },
 *       },
 *     });
 *     expect(invariants.all(result)).toBeNull();
 *     expect(result.metrics['goodput']).toBeGreaterThan(50e6);   // bit/s
 *
 * @throws ScenarioError when the object describes no world (what is wrong, and where), or one with several variants
 */
export function run(world: WorldObject, options: RunOptions = {}): RunResult {
  const results = runEach(world, options);
  if (results.length !== 1)
    throw new ScenarioError(
      `the world has ${results.length} variants, run() runs one`,
      ['each'],
      'runEach() runs them all',
    );
  return results[0]!;
}

/**
 * Runs every variant of a world that has `each:`, in its order; what one expects of another is decided as well.
 *
 *     const [blocking, epoll] = runEach({ ...world, each: { 'apps.server.model': ['blocking', 'epoll'] } });
 *
 * @throws ScenarioError when the object describes no world
 */
export function runEach(world: WorldObject, options: RunOptions = {}): RunResult[] {
  const runs = describe('generated', world).map((scenario) => ({
    scenario,
    result: runScenario(scenario, options),
  }));
  judge(runs);
  return runs.map((r) => r.result);
}
