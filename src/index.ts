/**
 * hostwire as a library: read scenarios from text or from an object, run them, and get plain results.
 *
 *     import { holds, judge, load, run } from 'hostwire';
 *     const runs = load(yamlText, { file: 'scenarios.yaml', names: ['slow-reader'] })
 *       .map((scenario) => ({ scenario, result: run(scenario) }));
 *     judge(runs);                                    // decides `expect:`, which may compare variants
 *     for (const { result } of runs) console.log(result.label, result.metrics['goodput'], holds(result));
 */
export { describe, load, type LoadOptions } from './sim/scenario/load.ts';
export type { Scenario } from './sim/scenario/types.ts';
export type { TraceText } from './sim/scenario/trace.ts';
export type { ReadFile } from './sim/scenario/traces.ts';
export { runScenario as run } from './sim/run/runner.ts';
export { judge, type Judged } from './sim/run/judge.ts';
export { holds, type RunOptions, type RunResult } from './sim/run/result.ts';
export { VERSION as version } from './sim/run/version.ts';
export { AppFault, type UserApps, type UserMain } from './app/user.ts';
export { ScenarioError, InvariantError } from './base/assert.ts';
