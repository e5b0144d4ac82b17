// What is conserved is looked at in the middle of a run as well as at its end, and looking changes nothing.
import { expect, it } from 'vitest';
import { describe as describeWorlds } from '../../src/sim/scenario/load.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';

/** A second of a stream over a bottleneck that drops. */
function stream(): Scenario {
  const [scenario] = describeWorlds('stream', {
    seed: 1,
    shows: 'a stream that loses packets',
    hosts: { a: {}, b: {} },
    links: [
      {
        between: ['a', 'b'],
        rate: '100 Mbit/s',
        delay: '5 ms',
        limit: '50 packets',
        loss: '0.1 %',
      },
    ],
    apps: {
      sink: { model: 'blocking', host: 'b', listen: 80 },
      load: { model: 'bulk', host: 'a', connect: 'b:80', bytes: '10 MB' },
    },
    stop: { when: 'load.closed', limit: '100 s' },
  });
  return scenario!;
}

it('frames, bytes, descriptors, CPU time and memory hold at 1, 2, 4, … ms and at the end', () => {
  const { invariants, simulatedNs } = runScenario(stream());
  expect(invariants.filter((i) => !i.ok)).toEqual([]);
  const looks = Math.floor(Math.log2(simulatedNs / 1e6)) + 2;
  expect(looks).toBeGreaterThan(8);
  const cores = 2 * stream().hosts[0]!.cpus;
  expect(invariants.find((i) => i.name === 'conserve-cpu')!.checks).toBe(cores * looks);
  for (const law of ['conserve-packets', 'conserve-descriptors', 'conserve-memory'])
    expect(invariants.find((i) => i.name === law)!.checks).toBeGreaterThan(looks);
});

it('a law that breaks early ends the run there, and not at its end', () => {
  const whole = runScenario(stream()).simulatedNs;
  const { firstBroken, simulatedNs } = runScenario(stream(), { mutant: 'unreturned-credit' });
  expect(firstBroken).toBe('conserve-memory');
  expect(simulatedNs).toBeLessThan(whole / 2);
});

it('looking changes nothing that happens', () => {
  const without = runScenario(stream(), { invariants: false });
  expect(runScenario(stream()).fingerprint).toBe(without.fingerprint);
});
