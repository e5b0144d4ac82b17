/** Each law is seen to fail: a mutant breaks it, and its check is the one that notices first. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { load } from '../../src/sim/scenario/load.ts';
import { LAWS, type Law } from '../../src/sim/run/ledger.ts';
import { MUTANT_NAMES } from '../../src/sim/run/mutant-names.ts';
import { MUTANTS } from '../../src/sim/run/mutants.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';

const text = readFileSync(new URL('../../scenarios.yaml', import.meta.url), 'utf8');

/** A scenario in which each mutant finds its victim. */
const WHERE: Readonly<Record<string, string>> = {
  'endless-backlog': 'accept-queue-overflow',
  'stopped-clock': 'rough-path',
  'forgotten-promise': 'slow-reader',
  'deaf-sender': 'small-receive-buffer',
};

function runWith(mutant: string | undefined, name: string): RunResult {
  const [scenario] = load(text, { file: 'scenarios.yaml', names: [name] });
  return runScenario(scenario!, mutant === undefined ? {} : { mutant });
}

/** Laws that do not hold, the one that was noticed first at the head. */
function broken(r: RunResult): string[] {
  return r.invariants.filter((i) => !i.ok).map((i) => i.name);
}

describe.each(MUTANT_NAMES)('mutant %s', (name) => {
  const scenario = WHERE[name] ?? 'bulk-transfer';
  it(`breaks ${MUTANTS[name].breaks}, which holds without it`, () => {
    expect(broken(runWith(undefined, scenario))).toEqual([]);
    const r = runWith(name, scenario);
    expect(r.firstBroken).toBe(MUTANTS[name].breaks);
    expect(r.invariants.find((i) => i.name === MUTANTS[name].breaks)!.message).not.toBe('');
  });

  it('breaks it again at the same instant, with the same fingerprint', () => {
    const [a, b] = [runWith(name, scenario), runWith(name, scenario)];
    expect(b.fingerprint).toBe(a.fingerprint);
    expect(b.invariants).toEqual(a.invariants);
  });
});

it('there is a mutant for every law', () => {
  const covered = new Set<Law>(Object.values(MUTANTS).map((m) => m.breaks));
  expect(Object.keys(LAWS).filter((law) => !covered.has(law as Law))).toEqual([]);
});
