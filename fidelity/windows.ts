/**
 * How far mean windows under periodic loss are from their closed forms. The tests hold each figure within half a percent, both
 * ways (tests/validation/mean-window.test.ts); docs/fidelity.md prints them.
 */
export interface MeanWindow {
  /** Whose closed form: Mathis’ √(1.5/p), or RFC 9438, Table 1 (RTT 100 ms) and Table 2 (10 ms). */
  readonly of: 'T3' | 'T6' | 'T7';
  readonly rttMs: number;
  readonly p: number;
  /** Segments. */
  readonly formula: number;
  /** Deviations, as shares: the control alone with fractions, on a connection in avoidance, and Linux with its recoveries. */
  readonly alone: number;
  /** null: not run, the cycles are too long. */
  readonly avoidance: number | null;
  readonly linux: number | null;
}

const row = (
  of: MeanWindow['of'],
  p: number,
  formula: number,
  alone: number,
  avoidance: number | null,
  linux: number | null,
): MeanWindow => ({ of, rttMs: of === 'T7' ? 10 : 100, p, formula, alone, avoidance, linux });
const mathis = (p: number): number => Math.sqrt(1.5 / p);

export const MEAN_WINDOWS: readonly MeanWindow[] = [
  row('T3', 1e-2, mathis(1e-2), -0.022, -0.011, -0.117),
  row('T3', 1e-3, mathis(1e-3), -0.007, -0.005, -0.037),
  row('T3', 1e-4, mathis(1e-4), -0.002, -0.003, -0.01),
  row('T3', 1e-5, mathis(1e-5), -0.001, 0, -0.004),
  row('T6', 1e-2, 12, -0.021, -0.039, -0.053),
  row('T6', 1e-3, 38, 0.038, 0.046, 0.083),
  row('T6', 1e-4, 187, -0.004, 0.003, 0.009),
  row('T6', 1e-5, 1054, -0.001, -0.001, -0.001),
  row('T6', 1e-6, 5926, 0, 0.004, null),
  row('T6', 1e-7, 33_325, 0, null, null),
  row('T6', 1e-8, 187_400, 0, null, null),
  row('T7', 1e-2, 12, -0.021, -0.032, -0.275),
  row('T7', 1e-3, 38, 0.006, 0.004, -0.053),
  row('T7', 1e-4, 120, 0.016, 0.016, -0.008),
  row('T7', 1e-5, 379, 0.021, 0.015, 0.007),
  row('T7', 1e-6, 1200, 0.052, null, null),
  row('T7', 1e-7, 5926, 0, null, null),
  row('T7', 1e-8, 33_325, 0, null, null),
];
