import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hostwire } from '../cli/fake-io.ts';
import { load } from '../../src/sim/scenario/load.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { pair, scenarioOf, world, yamlOf, type WorldObject } from './arbitrary.ts';

/** The first law that does not hold, with the world as a file to replay. */
function verdict(w: WorldObject, r: RunResult): string {
  const broken = r.invariants.find((i) => !i.ok);
  if (broken === undefined && r.stop.reason === 'when') return '';
  const what =
    broken === undefined
      ? `the run ended by ${r.stop.reason}`
      : `${broken.name}: ${broken.message}`;
  return `${what}\n--- hostwire run this:\n${yamlOf(w)}`;
}

it('every law holds in every generated world, and every world finishes once its faults are over', () => {
  fc.assert(
    fc.property(world, (w) => {
      const r = runScenario(scenarioOf(w));
      const v = verdict(w, r);
      if (v !== '') throw new Error(v);
    }),
    { numRuns: Number(process.env['HOSTWIRE_WORLDS'] ?? 300) },
  );
});

it('a world that fails is replayed from its YAML by `hostwire run`: the same law, the same fingerprint', async () => {
  const corrupted = fc.sample(pair, { numRuns: 200, seed: 7 }).map((w) => {
    const [l] = w['links'] as [WorldObject];
    return { ...w, links: [{ ...l, 'a->b': { corrupt: { chance: '50 %', undetected: true } } }] };
  });
  const failing = corrupted.find((w) => runScenario(scenarioOf(w)).invariants.some((i) => !i.ok))!;
  const first = runScenario(scenarioOf(failing));
  const broken = first.invariants.find((i) => !i.ok)!;
  expect(broken.name).toBe('in-order');
  const again = runScenario(load(yamlOf(failing), { file: 'generated.yaml' })[0]!);
  expect(again.invariants).toEqual(first.invariants);
  const told = await hostwire('run generated.yaml', {
    files: { 'generated.yaml': yamlOf(failing) },
    run: runScenario,
  });
  expect(told.code).toBe(1);
  expect(told.out).toContain(`✗ invariant in-order`);
  expect(told.out).toContain(first.fingerprint);
});
