/**
 * Recorded transfers of a real Linux 6.18, repeated: goodput within the tolerance, row by row. Rows with random loss have
 * other draws here and are not judged; `npm run fidelity` prints all.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compare, GOODPUT_TOLERANCE } from '../fidelity/compare.ts';
import { rowsOf, scenarioOf } from '../fidelity/transfers.ts';
import { runScenario } from '../src/sim/run/runner.ts';
import { load } from '../src/sim/scenario/load.ts';

const rows = rowsOf(
  readFileSync(new URL('./vectors/linux-transfers.jsonl', import.meta.url), 'utf8'),
);
const judged = rows.filter((r) => r.params.loss_ppm === 0);

describe('goodput of a recorded transfer [tests/vectors/linux-transfers.jsonl]', () => {
  it.each(judged.map((r) => [r.name, r] as const))('%s', (_name, row) => {
    const { ratio } = compare(row).goodput;
    expect(Math.abs(ratio - 1)).toBeLessThanOrEqual(GOODPUT_TOLERANCE);
  });

  it('[mutant] a receive buffer that is not doubled misses by far more', () => {
    const row = rows.find((r) => r.name === 'rcvbuf-65536-rtt20')!;
    const halved = scenarioOf(row).replace('SO_RCVBUF: 65536', 'SO_RCVBUF: 32768');
    const goodput =
      runScenario(load(halved, { file: 'halved.yaml' })[0]!).metrics['goodput']! / 1e6;
    expect(Math.abs(goodput / row.goodputMbit - 1)).toBeGreaterThan(2 * GOODPUT_TOLERANCE);
  });
});
