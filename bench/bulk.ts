/**
 * One transfer over 10 Gbit/s. The rate is the slope between two sizes, so that building, warming up and the first round
 * trips do not count; 1 GB alone, as the anchors were run, is beside it.
 *
 *     bulk.ts [ideal | linux | fast] [two] [trains | gso] [off]
 *
 * two: cores in each host; trains: TSO, GSO, GRO; gso: that alone; off: without invariants
 */
import type { Scenario } from '../src/sim/scenario/types.ts';
import { birthYoung, inlineMore } from '../src/cli/jit.ts';
import { asProgram, median, type Row } from './measure.ts';
import { perSegment, runWorld, settle } from './run.ts';
import { bulk as setup, type Machine, machineOf, type Offloads, offloadsOf } from './setups.ts';

const GB = 1_000_000_000;
const ROUNDS = 5;

export function bulkBench(
  machine: Machine,
  offloads: Offloads,
  cpus: number,
  invariants: boolean,
): Row {
  const bulk = (bytes: number): Scenario => setup(bytes, machine, offloads, cpus);
  settle(bulk(GB / 10_000), invariants);
  runWorld(bulk(4 * GB), invariants);
  const slopes: number[] = [];
  const alone: number[] = [];
  let last = runWorld(bulk(GB), invariants);
  for (let round = 0; round < ROUNDS; round++) {
    const small = runWorld(bulk(GB), invariants);
    const large = runWorld(bulk(4 * GB), invariants);
    alone.push(small.segments / small.cpu);
    slopes.push((large.segments - small.segments) / (large.cpu - small.cpu));
    last = large;
  }
  return {
    'data segments / CPU s': median(slopes),
    'data segments / CPU s, 1 GB alone': median(alone),
    'CPU s of the larger run': last.cpu,
    ...perSegment(last),
    'goodput, Gbit/s simulated': last.goodput / 1e9,
  };
}

asProgram(import.meta.url, () => {
  birthYoung();
  inlineMore();
  const args = process.argv.slice(2);
  const cpus = args.includes('two') ? 2 : 1;
  return bulkBench(machineOf(args), offloadsOf(args), cpus, !args.includes('off'));
});
