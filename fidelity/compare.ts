/**
 * One recorded transfer against the same one simulated, quantity by quantity, and whether the difference is one that two runs
 * of a real system may have.
 */
import { runScenario } from '../src/sim/run/runner.ts';
import { load } from '../src/sim/scenario/load.ts';
import { TcpAnalysis } from './analysis.ts';
import { mean, QUANTITIES, type Quantity, type Row, scenarioOf } from './transfers.ts';

/** How far from the mean of the recorded runs; or as far as these are apart; counts also by 3. */
const TOLERANCE: Readonly<Record<Quantity, number>> = {
  goodput: 0.05,
  reads: 0.15,
  switches: 0.15,
  acks: 0.15,
  zeroWindows: 0.25,
  windowFull: 0.25,
  windowUpdates: 0.25,
  probes: 0.25,
};
const COUNTS = 3;
/** Transfers with random loss have other draws there and here: their goodput alone is compared. */
const LOSSY_GOODPUT = 0.2;

/** Simulated runs: how late a sleeping core wakes is drawn, and so is what a wire loses. */
const SEEDS = 5;
const LOSSY_SEEDS = 20;

export interface Pair {
  /** Means. */
  readonly linux: number;
  readonly ours: number;
  readonly ratio: number;
  /** Null: not compared. */
  readonly inside: boolean | null;
}

export type Compared = Readonly<Record<Quantity, Pair>>;

/** The quantities of a row that are outside. */
export const outside = (c: Compared): Quantity[] => QUANTITIES.filter((q) => c[q].inside === false);

export function compare(row: Row): Compared {
  const lossy = row.params.loss_ppm > 0;
  const runs = Array.from({ length: lossy ? LOSSY_SEEDS : SEEDS }, (_, i) => simulated(row, i + 1));
  const pairs = QUANTITIES.map((q): [Quantity, Pair] => {
    const linux = mean(row.recorded[q]);
    const ours = mean(runs.map((r) => r[q]));
    const inside = lossy && q !== 'goodput' ? null : isInside(row, q, ours);
    return [q, { linux, ours, ratio: ours / linux, inside }];
  });
  return Object.fromEntries(pairs) as Record<Quantity, Pair>;
}

function isInside(row: Row, q: Quantity, ours: number): boolean {
  const recorded = row.recorded[q];
  const off = Math.abs(ours - mean(recorded));
  if (row.params.loss_ppm > 0) return off <= LOSSY_GOODPUT * mean(recorded);
  const spread = Math.max(...recorded) - Math.min(...recorded);
  return off <= Math.max(TOLERANCE[q] * mean(recorded), spread, q === 'goodput' ? 0 : COUNTS);
}

/** One simulated run, counted as the recorded ones were. */
export function simulated(
  row: Row,
  seed: number,
  scenario: string = scenarioOf(row),
): Record<Quantity, number> {
  const capture = new TcpAnalysis('server:tun0');
  const [world] = load(scenario, { file: `${row.name}.yaml`, seed: String(seed) });
  const { metrics } = runScenario(world!, { capture });
  capture.finish();
  const { openedAt, closedAt } = capture;
  return {
    // From the return of accept() to the end of the stream.
    goodput: (row.params.bytes * 8000) / (closedAt - openedAt),
    reads: metrics['server.syscalls.read']!,
    switches: metrics['server.ctxt.voluntary']!,
    acks: capture.acks,
    zeroWindows: capture.zeroWindow,
    windowFull: capture.windowFull,
    windowUpdates: capture.windowUpdate,
    probes: capture.zeroWindowProbe,
  };
}
