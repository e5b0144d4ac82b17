/** One recorded transfer against the same one simulated. */
import { load } from '../src/sim/scenario/load.ts';
import { runScenario } from '../src/sim/run/runner.ts';
import { scenarioOf, type Row } from './transfers.ts';

/** Of goodput, for transfers without random loss. */
export const GOODPUT_TOLERANCE = 0.2;

export interface Pair {
  readonly linux: number;
  readonly ours: number;
  readonly ratio: number;
}

export interface Compared {
  readonly goodput: Pair;
  readonly reads: Pair;
  readonly switches: Pair;
  readonly acks: Pair;
  /** Whether this row is held to the tolerance. */
  readonly judged: boolean;
}

const pairOf = (linux: number, ours: number): Pair => ({ linux, ours, ratio: ours / linux });

/** Runs of a transfer with random loss: the wire's draws are its own, so means are compared. */
const LOSSY_SEEDS = 10;

export function compare(row: Row): Compared {
  const lossy = row.params.loss_ppm > 0;
  const runs = Array.from({ length: lossy ? LOSSY_SEEDS : 1 }, (_, i) => {
    const [scenario] = load(scenarioOf(row), { file: `${row.name}.yaml`, seed: String(i + 1) });
    return runScenario(scenario!).metrics;
  });
  const mean = (name: string): number => runs.reduce((sum, m) => sum + m[name]!, 0) / runs.length;
  return {
    goodput: pairOf(row.goodputMbit, mean('goodput') / 1e6),
    reads: pairOf(row.reads, mean('server.syscalls.read')),
    switches: pairOf(row.switches, mean('server.ctxt.voluntary')),
    acks: pairOf(row.acks, mean('server.tcp.acks_sent')),
    judged: !lossy,
  };
}
