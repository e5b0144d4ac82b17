/** What several runs of one point say together: their mean, and how sure it is. */

export interface Estimate {
  readonly n: number;
  readonly mean: number;
  /** Half the width of the 95 % interval of the mean (Student's t, n − 1 degrees of freedom); 0 with one run. */
  readonly half: number;
  readonly min: number;
  readonly max: number;
}

/** null: there is nothing, or a run has no such value. */
export function estimate(values: readonly number[]): Estimate | null {
  const n = values.length;
  if (n === 0 || values.some((v) => !Number.isFinite(v))) return null;
  const min = Math.min(...values);
  const max = Math.max(...values);
  // Exact where all agree, which sums need not be.
  if (min === max) return { n, mean: min, half: 0, min, max };
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  const squares = values.reduce((sum, v) => sum + (v - mean) * (v - mean), 0);
  const half = studentT(n - 1) * Math.sqrt(squares / (n - 1) / n);
  return { n, mean, half, min, max };
}

/** The 97.5th percentile of Student's t with 1 to 30 degrees of freedom; any table of statistics has it. */
const T_975: readonly number[] = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];
/** Of the normal distribution. */
const Z_975 = 1.95996;

/** Beyond the table by the first two terms of Cornish and Fisher's expansion: right to three decimals there. */
export function studentT(degrees: number): number {
  const listed = T_975[degrees - 1];
  if (listed !== undefined) return listed;
  const z = Z_975;
  const z3 = z * z * z;
  return (
    z + (z3 + z) / (4 * degrees) + (5 * z3 * z * z + 16 * z3 + 3 * z) / (96 * degrees * degrees)
  );
}
