/** Numbers in a table's cells: one unit for a row, four digits, no unit in the cell. */

export interface Scale {
  readonly unit: string;
  readonly size: number;
}

const RATES: readonly Scale[] = [
  { unit: 'Gbit/s', size: 1e9 },
  { unit: 'Mbit/s', size: 1e6 },
  { unit: 'kbit/s', size: 1e3 },
  { unit: 'bit/s', size: 1 },
];
const TIMES: readonly Scale[] = [
  { unit: 's', size: 1e9 },
  { unit: 'ms', size: 1e6 },
  { unit: 'us', size: 1e3 },
  { unit: 'ns', size: 1 },
];
const SIZES: readonly Scale[] = [
  { unit: 'MiB', size: 1_048_576 },
  { unit: 'KiB', size: 1024 },
  { unit: 'B', size: 1 },
];

/** The largest unit in which the largest value is at least 1. */
function scaleFor(scales: readonly Scale[], values: readonly number[]): Scale {
  const most = Math.max(0, ...values.filter((v) => Number.isFinite(v)));
  return scales.find((s) => most >= s.size) ?? scales.at(-1)!;
}
export const rateScale = (values: readonly number[]): Scale => scaleFor(RATES, values);
export const timeScale = (values: readonly number[]): Scale => scaleFor(TIMES, values);
export const sizeScale = (values: readonly number[]): Scale => scaleFor(SIZES, values);

/** `30.07`, `2760`, `0`: four significant digits, whole numbers whole. */
export function digits(value: number, significant = 4): string {
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value)) return String(value);
  const whole = Math.trunc(Math.abs(value)).toString().length;
  return value.toFixed(Math.max(0, significant - Math.max(1, whole)));
}

export const scaled = (value: number | undefined, s: Scale, significant = 4): string =>
  value === undefined ? '–' : digits(value / s.size, significant);

/** A share of 1 as a percentage in three places at most: `0`, `.4`, `12`, `100`. */
export function percent(share: number | undefined): string {
  if (share === undefined) return '–';
  const p = share * 100;
  if (p === 0) return '0';
  if (p < 0.05) return '.0';
  if (p < 0.95) return p.toFixed(1).replace(/^0/, '');
  return p < 9.95 ? p.toFixed(1) : p.toFixed(0);
}
