import { describe, expect, test } from 'vitest';
import { compared, compareText } from '../../src/report/compare.ts';
import { reportJson } from '../../src/report/json.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import type { Comparison } from '../../src/sim/scenario/types.ts';
import { result } from './result.ts';

const COMPARE: Comparison = {
  to: 'blocking',
  metrics: [
    { text: 'latency.mean', name: 'latency.mean', dimension: 'duration' },
    { text: 'server.wakeups', name: 'server.wakeups', dimension: 'count' },
    { text: 'server.auto_read_off', name: 'server.auto_read_off', dimension: 'count' },
  ],
};

const run = (label: string, seed: string, latency: number, wakeups: number): RunResult =>
  result(label, {
    seed,
    compare: COMPARE,
    metrics: { 'latency.mean': latency, 'server.wakeups': wakeups },
  });

// Seeds differ by a factor of three; the variants, on each of them, by 5 us sharp and by about 100 wake-ups.
const SEEDS: readonly (readonly [seed: string, latency: number, wakeups: number, less: number])[] =
  [
    ['1', 100_000, 1000, 99],
    ['2', 200_000, 2000, 100],
    ['3', 300_000, 3000, 104],
  ];
const RUNS = SEEDS.flatMap(([seed, latency, wakeups, less]) => [
  run('blocking', seed, latency, wakeups),
  run('netty', seed, latency + 5000, wakeups - less),
]);

describe('variants that are compared', () => {
  test('are paired by seed: what the seeds do to both is in neither interval', () => {
    const [latency, wakeups] = compared(RUNS)!.metrics;
    expect(latency!.differences[0]).toMatchObject({ n: 3, mean: 5000, half: 0 });
    expect(wakeups!.differences[0]!.mean).toBe(-101);
    // t(2) = 4.303, standard deviation √7, of three: 4.303 · √(7 / 3).
    expect(wakeups!.differences[0]!.half).toBeCloseTo(6.573, 3);
    expect(wakeups!.base).toMatchObject({ mean: 2000, min: 1000, max: 3000 });
  });

  test('[mutant] paired with another seed they are as far apart as the seeds', () => {
    const shifted = RUNS.map((r) =>
      r.label === 'netty' ? { ...r, seed: String((Number(r.seed) % 3) + 1) } : r,
    );
    expect(compared(shifted)!.metrics[0]!.differences[0]!.half).toBeGreaterThan(100_000);
  });

  test('have a row each, with the digits that the interval leaves', () => {
    expect(`\n${compareText(RUNS).join('\n')}\n`).toBe(`
small-receive-buffer · differences from blocking with the same arrivals · 3
seeds: the mean difference and its 95 % interval

                                        blocking         netty
latency.mean                    us           200         +5 ±0
server.wakeups                              2000   −101.0 ±6.6
server.auto_read_off                           –             –
`);
  });

  test('that differ by the same on every seed show by how much, be it less than one', () => {
    const runs = SEEDS.flatMap(([seed, latency, wakeups]) => [
      run('blocking', seed, latency, wakeups),
      run('netty', seed, latency + 250, wakeups),
    ]);
    expect(compareText(runs)[4]).toBe(
      'latency.mean                    us           200     +0.250 ±0',
    );
    expect(compareText(runs)[5]).toBe(
      'server.wakeups                              2000          0 ±0',
    );
  });

  test('with one seed differ by so much, and nothing is said about how sure that is', () => {
    const lines = compareText(RUNS.slice(0, 2));
    expect(lines[0]).toBe(
      'small-receive-buffer · differences from blocking with the same arrivals · seed 1',
    );
    expect(lines[4]).toBe('server.wakeups                              1000           −99');
  });

  test.each([2, 3, 5])('%i of them keep to 80 columns', (n) => {
    const many = RUNS.flatMap((r) =>
      r.label === 'blocking'
        ? [r]
        : Array.from({ length: n }, (_, i) => ({ ...r, label: `a-long-name-of-a-variant-${i}` })),
    );
    const lines = compareText(many);
    expect(lines.filter((l) => l.length > 80)).toEqual([]);
    for (let i = 0; i < n; i++) expect(lines.join('\n')).toContain(`variant-${i}`);
  });

  test('are left out where a seed has not run in all of them', () => {
    expect(compared(RUNS.slice(0, 3))!.seeds).toEqual(['1']);
    expect(compared(RUNS.slice(1, 2))).toBeNull();
    expect(compared([result('a'), result('b')])).toBeNull();
  });

  test('are in the JSON too', () => {
    const { comparisons } = JSON.parse(reportJson(RUNS, 0)) as { comparisons: unknown[] };
    expect(comparisons).toEqual([JSON.parse(JSON.stringify(compared(RUNS)))]);
    expect(JSON.parse(reportJson([result('a')], 0))).not.toHaveProperty('comparisons');
  });
});
