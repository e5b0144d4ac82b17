/**
 * 10 000 connections of 100 KB through one link, one epoll thread on either side.
 *
 *     many.ts [off]        off: without invariants
 */
import { asProgram, median, type Row } from './measure.ts';
import { perSegment, runWorld } from './run.ts';
import { many } from './setups.ts';

const ROUNDS = 5;

export function manyBench(invariants: boolean): Row {
  runWorld(many(1000, 100_000), invariants);
  const rates: number[] = [];
  let last = runWorld(many(1000, 100_000), invariants);
  for (let round = 0; round < ROUNDS; round++) {
    last = runWorld(many(10_000, 100_000), invariants);
    rates.push(last.segments / last.cpu);
  }
  return {
    'data segments / CPU s': median(rates),
    'CPU s of one run': last.cpu,
    ...perSegment(last),
  };
}

asProgram(import.meta.url, () => manyBench(!process.argv.includes('off')));
