/**
 * scenarios.yaml as a whole: every run ends as it should, every law and every expectation holds, and every fingerprint is
 * the one of tests/golden.json. HOSTWIRE_UPDATE=1 writes that file anew: on purpose, with the reason in the commit.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/sim/run/judge.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';
import type { Check } from '../../src/sim/scenario/types.ts';

const GOLDEN = new URL('../golden.json', import.meta.url);
const file = 'scenarios.yaml';
const text = readFileSync(new URL('../../scenarios.yaml', import.meta.url), 'utf8');
const scenarios = load(text, { file });
const names = [...new Set(scenarios.map((s) => s.name))];
const fingerprints: Record<string, string> = {};

describe.each(names)('%s', (name) => {
  const runs = scenarios
    .filter((s) => s.name === name)
    .map((scenario) => ({ scenario, result: runScenario(scenario) }));
  judge(runs);
  for (const { scenario, result } of runs)
    fingerprints[`${name}/${scenario.label}`] = result.fingerprint;

  it('ends by its `stop:`, with every law and every expectation kept', () => {
    for (const { result } of runs) {
      expect(result.stop.missing).toEqual([]);
      expect(result.invariants.filter((i) => !i.ok)).toEqual([]);
      expect(result.expectations.filter((e) => e.ok !== true)).toEqual([]);
    }
  });

  it('looks at every law', () => {
    // What cannot be looked at in a run without closed windows or sleeping threads is 0; the rest is not.
    for (const { result } of runs) {
      const ofTcp = ['in-order', 'window-edge', 'inside-window', 'conserve-bytes'];
      for (const law of [
        ...(result.connections.length > 0 ? ofTcp : []),
        'bounded-queues',
        'conserve-packets',
        'conserve-cpu',
        'conserve-memory',
        'liveness',
      ]) {
        expect([law, result.invariants.find((i) => i.name === law)!.checks]).not.toEqual([law, 0]);
      }
    }
  });

  it('expects something that is bounded on both sides, and says why', () => {
    const expectations = runs.flatMap((r) => r.scenario.expect);
    const twoSided = (c: Check): boolean =>
      c.kind === 'range' || c.kind === 'near' || (c.kind === 'compare' && c.op === '=');
    expect(expectations.some((e) => twoSided(e.is))).toBe(true);
    for (const e of expectations) expect(e.source.length).toBeGreaterThan(10);
  });
});

it('every run has the fingerprint of tests/golden.json', () => {
  if (process.env['HOSTWIRE_UPDATE'] === '1')
    writeFileSync(GOLDEN, `${JSON.stringify(fingerprints, null, 2)}\n`);
  const golden: unknown = existsSync(GOLDEN) ? JSON.parse(readFileSync(GOLDEN, 'utf8')) : {};
  expect(fingerprints).toEqual(golden);
});
