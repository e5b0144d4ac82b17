/**
 * Everything that came out, for programs. One object; numbers in the units of `hostwire metrics`. `variant` is the variant's
 * name, `axes` what it sets.
 */
import { compared } from './compare.ts';
import { holds, type RunResult } from '../sim/run/result.ts';

/** @param indent  0: one line */
export function reportJson(runs: readonly RunResult[], exit: number, indent: number = 2): string {
  const scenarios = [...new Set(runs.map((r) => r.scenario))];
  const comparisons = scenarios.flatMap(
    (name) => compared(runs.filter((r) => r.scenario === name)) ?? [],
  );
  const body = {
    format: 'hostwire/result-1',
    version: runs[0]?.version ?? null,
    exit,
    holds: runs.filter(holds).length,
    runs: runs.map(({ label, variant, ...rest }) => ({ ...rest, variant: label, axes: variant })),
    ...(comparisons.length === 0 ? {} : { comparisons }),
  };
  return JSON.stringify(body, finite, indent);
}

/** JSON has no infinity: a bound that does not exist is null already, whatever else is infinite is said in words. */
function finite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
