/**
 * hostwire as a library: read scenarios from text or from an object, run them, and get plain results.
 *
 *     import { load, run } from 'hostwire';
 *     const [scenario] = load(yamlText, { file: 'scenarios.yaml' });
 *     console.log(run(scenario).metrics.goodput);
 */
export { describe, load, type LoadOptions } from './sim/scenario/load.ts';
export type { Scenario } from './sim/scenario/types.ts';
export { runScenario as run } from './sim/run/runner.ts';
export { holds, type RunOptions, type RunResult } from './sim/run/result.ts';
export { VERSION as version } from './sim/run/version.ts';
export { ScenarioError, InvariantError } from './base/assert.ts';
