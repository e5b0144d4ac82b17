/**
 * Worlds the size of a property test's: two hosts, 20 segments, built and run. Cold is what the first hundreds cost, which
 * is all that many a test suite ever runs.
 *
 *     worlds.ts [off]        off: without invariants
 */
import { measure } from 'mitata';
import { asProgram, cpuSeconds, type Row } from './measure.ts';
import { runWorld } from './run.ts';
import { tiny } from './setups.ts';

const COLD = 300;

export async function worldsBench(invariants: boolean): Promise<Row> {
  const scenario = tiny();
  const cold = cpuSeconds(() => {
    for (let i = 0; i < COLD; i++) runWorld(scenario, invariants);
  });
  const warm = await measure(() => runWorld(scenario, invariants), { min_cpu_time: 3e9 });
  return {
    'worlds / s, warm': 1e9 / warm.p50,
    'worlds / s, warm, mean': 1e9 / warm.avg,
    [`worlds / CPU s, first ${COLD}`]: COLD / cold,
  };
}

asProgram(import.meta.url, () => worldsBench(!process.argv.includes('off')));
