/**
 * Bytes allocated for each segment in the steady state: the slope between two sizes, with a young generation so large
 * that nothing is collected in between. Machine-independent for one version of V8.
 */
import { asProgram, type Row } from './measure.ts';
import { runWorld } from './run.ts';
import { bulk, many } from './setups.ts';
import type { Scenario } from '../src/sim/scenario/types.ts';

/** @returns bytes allocated and segments sent */
function allocated(scenario: Scenario, invariants: boolean): [bytes: number, segments: number] {
  globalThis.gc!();
  const before = process.memoryUsage().heapUsed;
  const ran = runWorld(scenario, invariants);
  return [process.memoryUsage().heapUsed - before, ran.segments];
}

function slope(small: Scenario, large: Scenario, invariants: boolean): number {
  const [b1, s1] = allocated(small, invariants);
  const [b2, s2] = allocated(large, invariants);
  return (b2 - b1) / (s2 - s1);
}

export function allocatedBench(): Row {
  runWorld(bulk(100_000_000, 'linux'), true); // warm: what the interpreter allocates is not the program's
  runWorld(many(300, 100_000, 'linux'), true);
  return {
    'bulk, bytes / segment': slope(bulk(20_000_000, 'linux'), bulk(60_000_000, 'linux'), true),
    'bulk, bytes / segment, no invariants': slope(
      bulk(20_000_000, 'linux'),
      bulk(60_000_000, 'linux'),
      false,
    ),
    'many, bytes / segment': slope(many(100, 100_000, 'linux'), many(300, 100_000, 'linux'), true),
  };
}

asProgram(import.meta.url, allocatedBench);
