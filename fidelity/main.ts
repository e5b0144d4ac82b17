/**
 * `npm run fidelity`: the recorded transfers of a real Linux beside the same transfers simulated. Prints a table; exit 1
 * when a row without random loss misses its goodput by more than the tolerance that tests/fidelity.test.ts holds it to.
 */
import { readFileSync } from 'node:fs';
import { compare, GOODPUT_TOLERANCE, type Compared } from './compare.ts';
import { rowsOf } from './transfers.ts';

const rows = rowsOf(
  readFileSync(new URL('../tests/vectors/linux-transfers.jsonl', import.meta.url), 'utf8'),
);

const number = (x: number): string =>
  x >= 1000 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
const pair = (p: Compared['goodput']): string =>
  `${number(p.linux).padStart(7)} ${number(p.ours).padStart(7)} ${percent(p.ratio).padStart(6)}`;
const percent = (ratio: number): string =>
  Number.isFinite(ratio)
    ? `${ratio >= 1 ? '+' : '−'}${Math.abs((ratio - 1) * 100).toFixed(1)}%`
    : '';

console.log('Recorded on Linux 6.18 (mean of two runs) | simulated | difference\n');
console.log(
  `${'transfer'.padEnd(24)} ${'goodput Mbit/s'.padEnd(22)}  ${'read() calls'.padEnd(22)}  ${'ACKs'.padEnd(22)}`,
);
let missed = 0;
for (const row of rows) {
  const c = compare(row);
  const off = c.judged && Math.abs(c.goodput.ratio - 1) > GOODPUT_TOLERANCE;
  if (off) missed++;
  console.log(
    `${row.name.padEnd(24)} ${pair(c.goodput)}  ${pair(c.reads)}  ${pair(c.acks)} ${off ? '✗' : c.judged ? '✓' : ''}`,
  );
}
console.log(
  `\n✓ goodput within ${GOODPUT_TOLERANCE * 100} %; rows without a mark have random loss: two runs there, the mean of ten here, shown and not judged`,
);
process.exitCode = missed > 0 ? 1 : 0;
