/**
 * One transfer over 10 Gbit/s. The rate is the slope between two sizes, so that building, warming up and the first round
 * trips do not count; 1 GB alone, as the anchors were run, is beside it.
 *
 *     bulk.ts [ideal | linux] [off]        off: without invariants
 */
import { tuneV8 } from '../src/cli/jit.ts';
import { asProgram, median, type Row } from './measure.ts';
import { perSegment, runWorld, settle } from './run.ts';
import { bulk, type Machine } from './setups.ts';

const GB = 1_000_000_000;
const ROUNDS = 5;

export function bulkBench(machine: Machine, invariants: boolean): Row {
  settle(bulk(GB / 10_000, machine), invariants);
  runWorld(bulk(4 * GB, machine), invariants);
  const slopes: number[] = [];
  const alone: number[] = [];
  let last = runWorld(bulk(GB, machine), invariants);
  for (let round = 0; round < ROUNDS; round++) {
    const small = runWorld(bulk(GB, machine), invariants);
    const large = runWorld(bulk(4 * GB, machine), invariants);
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
  tuneV8();
  const args = process.argv.slice(2);
  return bulkBench(args.includes('linux') ? 'linux' : 'ideal', !args.includes('off'));
});
