/**
 * 10 000 connections of 100 KB through one link, one epoll thread on either side.
 *
 *     many.ts [ideal | linux] [off]        off: without invariants
 */
import { tuneV8 } from '../src/cli/jit.ts';
import { asProgram, median, type Row } from './measure.ts';
import { perSegment, runWorld, settle } from './run.ts';
import { many, type Machine } from './setups.ts';

const ROUNDS = 5;

export function manyBench(machine: Machine, invariants: boolean): Row {
  settle(many(10, 100_000, machine), invariants);
  runWorld(many(1000, 100_000, machine), invariants);
  const rates: number[] = [];
  let last = runWorld(many(1000, 100_000, machine), invariants);
  for (let round = 0; round < ROUNDS; round++) {
    last = runWorld(many(10_000, 100_000, machine), invariants);
    rates.push(last.segments / last.cpu);
  }
  return {
    'data segments / CPU s': median(rates),
    'CPU s of one run': last.cpu,
    ...perSegment(last),
  };
}

asProgram(import.meta.url, () => {
  tuneV8();
  const args = process.argv.slice(2);
  return manyBench(args.includes('linux') ? 'linux' : 'ideal', !args.includes('off'));
});
