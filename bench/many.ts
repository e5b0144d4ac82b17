/**
 * 10 000 connections of 100 KB through one link, one epoll thread on either side; or 5 000 that another model of application
 * serves.
 *
 *     many.ts [ideal | linux | fast] [trains | gso] [off] [blocking | netty | reactive]
 *
 * trains: TSO, GSO, GRO; gso: that alone; off: without invariants
 */
import { birthYoung, inlineMore } from '../src/cli/jit.ts';
import type { Scenario } from '../src/sim/scenario/types.ts';
import { asProgram, median, type Row } from './measure.ts';
import { perSegment, runWorld, settle } from './run.ts';
import { type Machine, machineOf, many, type Many, offloadsOf } from './setups.ts';

const ROUNDS = 5;
const MODELS = ['blocking', 'netty', 'reactive'];

export function manyBench(
  connections: number,
  machine: Machine,
  how: Many,
  invariants: boolean,
): Row {
  const world = (n: number): Scenario => many(n, 100_000, machine, how);
  settle(world(10), invariants);
  let last = runWorld(world(connections), invariants);
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    last = runWorld(world(connections), invariants);
    rates.push(last.segments / last.cpu);
  }
  return {
    'data segments / CPU s': median(rates),
    'CPU s of one run': last.cpu,
    ...perSegment(last),
  };
}

asProgram(import.meta.url, () => {
  birthYoung();
  inlineMore();
  const args = process.argv.slice(2);
  const model = MODELS.find((m) => args.includes(m));
  return manyBench(
    model === undefined ? 10_000 : 5000,
    machineOf(args),
    { offloads: offloadsOf(args), ...(model === undefined ? {} : { model }) },
    !args.includes('off'),
  );
});
