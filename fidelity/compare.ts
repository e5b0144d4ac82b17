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

export function compare(row: Row): Compared {
  const [scenario] = load(scenarioOf(row), { file: `${row.name}.yaml` });
  const r = runScenario(scenario!);
  const m = r.metrics;
  return {
    goodput: pairOf(row.goodputMbit, (m['goodput'] ?? 0) / 1e6),
    reads: pairOf(row.reads, m['server.syscalls.read']!),
    switches: pairOf(row.switches, m['server.ctxt.voluntary']!),
    acks: pairOf(row.acks, m['server.tcp.acks_sent']!),
    judged: row.params.loss_ppm === 0,
  };
}
