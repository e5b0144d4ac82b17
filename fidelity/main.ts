/**
 * `npm run fidelity`: the recorded transfers of a real Linux beside the same transfers simulated, as a table. Exit 1 when a
 * quantity is outside that tests/fidelity.test.ts does not name.
 */
import { readFileSync } from 'node:fs';
import { compare, outside, type Pair } from './compare.ts';
import { EXPLAINED } from './explained.ts';
import { type Quantity, rowsOf } from './transfers.ts';

const rows = rowsOf(
  readFileSync(new URL('../tests/vectors/linux-transfers.jsonl', import.meta.url), 'utf8'),
);

const HEADS: readonly (readonly [Quantity, string])[] = [
  ['goodput', 'goodput Mbit/s'],
  ['reads', 'read() calls'],
  ['switches', 'switches'],
  ['acks', 'ACKs'],
  ['zeroWindows', 'zero windows'],
  ['windowFull', 'window full'],
  ['windowUpdates', 'updates'],
];
const WIDTH = 15;

const number = (x: number): string =>
  Number.isInteger(x) || x >= 1000 ? x.toFixed(0) : x >= 100 ? x.toFixed(1) : x.toFixed(2);
const cell = (p: Pair): string => {
  if (p.linux === 0 && p.ours === 0) return '–'.padStart(WIDTH);
  const mark = p.inside === null ? ' ' : p.inside ? '✓' : '✗';
  return `${number(p.linux)} ${number(p.ours)} ${mark}`.padStart(WIDTH);
};

console.log('Linux 6.18 (mean of two runs), simulated\n');
console.log(`${''.padEnd(24)}${HEADS.map(([, head]) => head.padStart(WIDTH)).join('')}`);
let inside = 0;
let unexplained = 0;
for (const row of rows) {
  const c = compare(row);
  const off = outside(c);
  if (off.length === 0) inside++;
  unexplained += off.filter((q) => EXPLAINED[row.name]?.quantity !== q).length;
  console.log(`${row.name.padEnd(24)}${HEADS.map(([q]) => cell(c[q])).join('')}`);
}
console.log(`\n${inside} of ${rows.length} rows inside. Tolerances: fidelity/compare.ts. Outside:`);
for (const [name, { quantity, why }] of Object.entries(EXPLAINED))
  console.log(`- ${name}, ${quantity}: ${why}`);
process.exitCode = unexplained > 0 ? 1 : 0;
