/**
 * Worlds the size of a property test's: two hosts, 20 segments, built and run. Cold is what the first hundreds cost, which
 * is all that many a test suite ever runs.
 *
 *     worlds.ts [off]        off: without invariants
 */
import { asProgram, cpuSeconds, median, type Row } from './measure.ts';
import { birthYoung } from '../src/cli/jit.ts';
import { run } from '../src/sim/run/runner.ts';
import { World } from '../src/sim/run/world.ts';
import { tiny } from './setups.ts';

const COLD = 300;
const BATCH = 3000;
const ROUNDS = 5;

export function worldsBench(invariants: boolean): Row {
  const scenario = tiny();
  const perSecond = (n: number): number => {
    const cpu = cpuSeconds(() => {
      for (let i = 0; i < n; i++) {
        const { reason } = run(new World(scenario, { invariants }));
        if (reason !== 'when') throw new Error(`${scenario.name}: ended by ${reason}`);
      }
    });
    return n / cpu;
  };
  const cold = perSecond(COLD);
  perSecond(BATCH);
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) rates.push(perSecond(BATCH));
  return { 'worlds / CPU s, warm': median(rates), [`worlds / CPU s, first ${COLD}`]: cold };
}

asProgram(import.meta.url, () => {
  birthYoung();
  return worldsBench(!process.argv.includes('off'));
});
