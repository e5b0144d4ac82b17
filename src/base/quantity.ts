/**
 * Quantities with units, as people write them, and back. The decimal text becomes an exact integer (ns, bytes, bit/s,
 * packets) or the parse fails: `0.1 ns` is an error, not 0. Percentages and frequencies become the nearest double.
 *
 * k, M, G are powers of 1000, Ki, Mi, Gi of 1024, as the standards have it; tc's spelling (`100mbit`, `20ms`) is accepted,
 * but not its `kb` (1024 bytes) and `mbps` (megabytes): a reader would take them for something else.
 */
import { ScenarioError } from './assert.ts';
import { nearest } from './nearest.ts';
import type { Duration } from './units.ts';

/** What is measured. The value is in ns, bytes, bit/s, packets, 1 (for 100 %), 1/s. */
export type Dimension = 'duration' | 'bytes' | 'rate' | 'packets' | 'fraction' | 'frequency';

export interface Quantity {
  readonly dimension: Dimension;
  readonly value: number;
}

/** Digits for printing that lose nothing: what is printed parses to the same value. */
export const EXACT: number = Infinity;

interface Unit {
  readonly dimension: Dimension;
  readonly scale: bigint;
}

const NAMES: { readonly [D in Dimension]: string } = {
  duration: 'a duration',
  bytes: 'a number of bytes',
  rate: 'a bit rate',
  packets: 'a number of packets',
  fraction: 'a percentage',
  frequency: 'a number per second',
};

/** Every spelling, by dimension; the value of one unit. A fraction's is in percent. */
const SPELLINGS: { readonly [D in Dimension]: Readonly<Record<string, bigint>> } = {
  duration: {
    ns: 1n,
    us: 1_000n,
    '\u00b5s': 1_000n, // micro sign
    '\u03bcs': 1_000n, // Greek mu
    ms: 1_000_000n,
    s: 1_000_000_000n,
    min: 60_000_000_000n,
    h: 3_600_000_000_000n,
  },
  bytes: {
    B: 1n,
    kB: 1_000n,
    MB: 1_000_000n,
    GB: 1_000_000_000n,
    KiB: 0x400n,
    MiB: 0x10_0000n,
    GiB: 0x4000_0000n,
  },
  rate: {
    'bit/s': 1n,
    'kbit/s': 1_000n,
    'Mbit/s': 1_000_000n,
    'Gbit/s': 1_000_000_000n,
    'Tbit/s': 1_000_000_000_000n,
    bit: 1n,
    kbit: 1_000n,
    Mbit: 1_000_000n,
    Gbit: 1_000_000_000n,
    Tbit: 1_000_000_000_000n,
    mbit: 1_000_000n,
    gbit: 1_000_000_000n,
    tbit: 1_000_000_000_000n,
    'B/s': 8n,
    'kB/s': 8_000n,
    'MB/s': 8_000_000n,
    'GB/s': 8_000_000_000n,
  },
  packets: { packets: 1n, packet: 1n },
  fraction: { '%': 1n },
  frequency: { '/s': 1n, pps: 1n, 'packets/s': 1n, 'requests/s': 1n, 'connections/s': 1n },
};

/** What someone may have meant by a unit that is refused because it means different things to different people. */
const AMBIGUOUS: Readonly<Record<string, string>> = {
  bps: 'bit/s or B/s',
  kbps: 'kbit/s or kB/s',
  Mbps: 'Mbit/s or MB/s',
  mbps: 'Mbit/s or MB/s',
  Gbps: 'Gbit/s or GB/s',
  gbps: 'Gbit/s or GB/s',
  kb: 'kB, KiB or kbit/s',
  KB: 'kB (1000 bytes) or KiB (1024)',
  k: 'kB (1000 bytes), KiB (1024) or kbit/s',
  K: 'kB (1000 bytes), KiB (1024) or kbit/s',
  Mb: 'Mbit/s or MB',
  mb: 'Mbit/s or MB',
  M: 'MB, MiB or Mbit/s',
  m: 'ms or min',
  G: 'GB, GiB or Gbit/s',
};

/**
 * Reads a number and its unit, in any of the wanted dimensions.
 *
 * @param text  '10 ms', '100mbit', '64 KiB', '0.1 %'; a plain number only with `bare`
 * @param bare  the unit of a number that is written without one, where Linux has its own (`rx-usecs: 16`: 'us')
 * @throws ScenarioError, with a hint: no unit, another dimension, negative, not whole, above 2^53 − 1
 */
export function parseQuantity(
  text: string | number,
  wanted: Dimension | readonly Dimension[],
  bare?: string,
): Quantity {
  const dimensions: readonly Dimension[] = typeof wanted === 'string' ? [wanted] : wanted;
  const written = String(text).trim();
  const match = /^([+-]?)(\d+)(?:\.(\d+))?\s*([^\s\d.,]+)?$/.exec(written);
  if (match === null) {
    throw new ScenarioError(
      `'${written}' is not ${wantedNames(dimensions)}`,
      [],
      examples(dimensions),
    );
  }
  const [, sign, whole = '', decimals = ''] = match;
  const name = match[4] ?? bare;
  if (name === undefined) {
    throw new ScenarioError(
      `'${written}' has no unit`,
      [],
      `write ${samples(dimensions, written)}`,
    );
  }
  const unit = unitNamed(name, dimensions, written);
  if (sign === '-' && BigInt(whole + decimals) !== 0n) {
    throw new ScenarioError(`'${written}' is negative`, [], 'write a value of 0 or more');
  }
  return { dimension: unit.dimension, value: valueOf(whole, decimals, unit, written) };
}

/** A duration in whole nanoseconds. */
export function parseDuration(text: string | number, bare?: string): Duration {
  return parseQuantity(text, 'duration', bare).value as Duration;
}

/** Whole bytes. */
export function parseBytes(text: string | number, bare?: string): number {
  return parseQuantity(text, 'bytes', bare).value;
}

/** A rate in whole bit/s. */
export function parseRate(text: string | number, bare?: string): number {
  return parseQuantity(text, 'rate', bare).value;
}

/** '1.1 s': the largest of s, ms, us, ns that leaves a number ≥ 1, to so many significant digits. */
export function printDuration(d: Duration, digits = 4): string {
  return d === Infinity ? 'never' : printDecimal(d, DURATION_UNITS, digits);
}

/** '79.9 KiB'. When EXACT, a size that is no multiple of 1024 is printed in powers of 1000. */
export function printBytes(bytes: number, digits = 4): string {
  if (digits === EXACT && bytes % 1024 !== 0) return printDecimal(bytes, BYTE_UNITS, digits);
  let scaled = bytes;
  let i = 0;
  const fits = (x: number): boolean =>
    digits === EXACT
      ? x % 1024 === 0 && x !== 0
      : Number(Math.abs(x).toFixed(places(x, digits))) >= 1024;
  while (i < BINARY_UNITS.length - 1 && fits(scaled)) {
    scaled /= 1024;
    i++;
  }
  return `${trimZeros(digits === EXACT ? String(scaled) : scaled.toFixed(places(scaled, digits)))} ${BINARY_UNITS[i]!}`;
}

/** '30.07 Mbit/s', from bit/s. */
export function printRate(bitsPerSecond: number, digits = 4): string {
  return printDecimal(bitsPerSecond, RATE_UNITS, digits);
}

const DURATION_UNITS: readonly string[] = ['ns', 'us', 'ms', 's'];
const BYTE_UNITS: readonly string[] = ['B', 'kB', 'MB', 'GB'];
const RATE_UNITS: readonly string[] = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];
const BINARY_UNITS: readonly string[] = ['B', 'KiB', 'MiB', 'GiB'];

function unitNamed(name: string, wanted: readonly Dimension[], written: string): Unit {
  for (const dimension of wanted) {
    const scale = scaleOf(dimension, name);
    if (scale !== undefined) return { dimension, scale };
  }
  for (const other of Object.keys(NAMES) as Dimension[]) {
    if (scaleOf(other, name) === undefined) continue;
    throw new ScenarioError(
      `'${written}' is ${NAMES[other]}, not ${wantedNames(wanted)}`,
      [],
      examples(wanted),
    );
  }
  const message = `'${written}': unknown unit '${name}'`;
  const meanings = Object.hasOwn(AMBIGUOUS, name) ? AMBIGUOUS[name] : undefined;
  if (meanings !== undefined) throw new ScenarioError(message, [], `write ${meanings}`);
  const close = nearest(
    name,
    wanted.flatMap((d) => Object.keys(SPELLINGS[d])),
  );
  throw new ScenarioError(
    message,
    [],
    close === undefined ? examples(wanted) : `did you mean '${close}'?`,
  );
}

function scaleOf(dimension: Dimension, name: string): bigint | undefined {
  const spellings = SPELLINGS[dimension];
  return Object.hasOwn(spellings, name) ? spellings[name] : undefined;
}

function valueOf(whole: string, decimals: string, unit: Unit, written: string): number {
  // A decimal text converts to the nearest double; 0.1 / 100 would be rounded twice.
  if (unit.dimension === 'fraction') return Number(`${whole}.${decimals}e-2`);
  if (unit.dimension === 'frequency') return Number(`${whole}.${decimals}`);
  const numerator = BigInt(whole + decimals) * unit.scale;
  const denominator = BigInt(`1${'0'.repeat(decimals.length)}`);
  const value = numerator / denominator;
  if (value * denominator !== numerator) {
    const smallest = Object.keys(SPELLINGS[unit.dimension])[0]!;
    throw new ScenarioError(
      `'${written}' is not a whole number of ${smallest}`,
      [],
      `it lies between ${value} and ${value + 1n} ${smallest}`,
    );
  }
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ScenarioError(
      `'${written}' is too large`,
      [],
      'whole values go up to 2^53 - 1 (for a time, 104 days)',
    );
  }
  return Number(value);
}

function wantedNames(wanted: readonly Dimension[]): string {
  return wanted.map((d) => NAMES[d]).join(' or ');
}

const SAMPLE_UNITS: { readonly [D in Dimension]: readonly string[] } = {
  duration: ['us', 'ms', 's'],
  bytes: ['B', 'kB', 'KiB'],
  rate: ['Mbit/s', 'Gbit/s'],
  packets: ['packets'],
  fraction: ['%'],
  frequency: ['/s'],
};

function examples(wanted: readonly Dimension[]): string {
  return `write for example ${samples(wanted, '10')}`;
}

function samples(wanted: readonly Dimension[], n: string): string {
  return wanted.flatMap((d) => SAMPLE_UNITS[d].map((u) => `${n} ${u}`)).join(', ');
}

/** An integer in units that are powers of 1000. */
function printDecimal(value: number, units: readonly string[], digits: number): string {
  if (value < 0) return `-${printDecimal(-value, units, digits)}`;
  let scaled = value;
  let i = 0;
  const roundsUp = (x: number): boolean =>
    digits !== EXACT && Number(x.toFixed(places(x, digits))) >= 1000;
  while (i < units.length - 1 && (scaled >= 1000 || roundsUp(scaled))) {
    scaled /= 1000;
    i++;
  }
  const text =
    digits === EXACT ? shiftPoint(String(value), 3 * i) : scaled.toFixed(places(scaled, digits));
  return `${trimZeros(text)} ${units[i]!}`;
}

/** Decimals that make `digits` significant digits; an integer part is never cut. */
function places(x: number, digits: number): number {
  return Math.max(0, digits - Math.max(1, Math.floor(Math.abs(x)).toString().length));
}

/** The digits of an integer with the point moved n places to the left. */
function shiftPoint(integer: string, n: number): string {
  const padded = integer.padStart(n + 1, '0');
  return n === 0 ? integer : `${padded.slice(0, -n)}.${padded.slice(-n)}`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
