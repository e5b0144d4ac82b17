/** What a study makes of its runs: means, tables, files, expectations, plots. The metrics are made up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chartOf, caption } from '../../src/study/chart.ts';
import { judgeSweep } from '../../src/study/judge.ts';
import { estimate, studentT } from '../../src/base/estimate.ts';
import { labelsOf } from '../../src/study/picture.ts';
import { table } from '../../src/study/table.ts';
import { terminalPlot } from '../../src/study/terminal-plot.ts';
import { csv, ndjson } from '../../src/study/writers.ts';
import { prop } from '../support/prop.ts';
import { type Made, madeUp, SWEEP, sweepOf } from './support.ts';

/** Goodput doubles with the buffer; the seed makes a small difference. */
const doubling: Made = (names, k) => ({
  goodput: Number(names['SO_RCVBUF']) * 1000 + k * 1000,
  'server.syscalls.read': names['model'] === 'epoll' ? 30 : 20,
});
const REPEATED = SWEEP.replace('measure', 'repeat: 3\n      measure');

describe('means', () => {
  test('have half the width of the 95 % interval of Student’s t [a textbook: 4 6 8 ± 4.97]', () => {
    const e = estimate([4, 6, 8])!;
    expect([e.n, e.mean, e.min, e.max]).toEqual([3, 6, 4, 8]);
    expect(e.half).toBeCloseTo(4.968, 2);
  });

  test.each([
    [31, 2.0395],
    [60, 2.0003],
    [120, 1.9799],
    [1000, 1.9623],
  ])('beyond the table: t of %d degrees is %d [tables of statistics]', (degrees, t) => {
    expect(studentT(degrees)).toBeCloseTo(t, 3);
  });

  test('of one run, or of runs that agree, are exact', () => {
    expect(estimate([0.1, 0.1, 0.1])).toMatchObject({ mean: 0.1, half: 0 });
    expect([estimate([7])?.half, estimate([]), estimate([1, Number.NaN])]).toEqual([0, null, null]);
  });
});

describe('files', () => {
  const sweep = sweepOf(REPEATED);

  test('are the same bytes in whatever order the runs come in', () => {
    const whole = madeUp(sweep, doubling);
    const orders = fc.shuffledSubarray(
      Array.from({ length: whole.total }, (_, i) => i),
      { minLength: whole.total },
    );
    prop([orders], (order) => {
      const study = madeUp(sweep, doubling, order);
      expect(csv(study)).toBe(csv(whole));
      expect(ndjson(study)).toBe(ndjson(whole));
    });
    // Broken once: rows as they come in would differ.
    const asTheyCome = [3, 1].map((i) => csv(madeUp(sweep, doubling, [i])).split('\n')[1]);
    expect(asTheyCome).not.toEqual(asTheyCome.toReversed());
  });

  test('have a row per run, in the order of the grid', () => {
    const [head, first, second, ...rest] = csv(madeUp(sweep, doubling)).trimEnd().split('\n');
    expect(head).toBe('SO_RCVBUF,model,seed,goodput,server.syscalls.read,stop,holds,fingerprint');
    expect([first, second]).toEqual([
      '4096,blocking,1,4096000,20,when,true,f0',
      '4096,blocking,2,4097000,20,when,true,f6',
    ]);
    expect(rest).toHaveLength(16);
  });

  test('of an interrupted study hold what is done, down to nothing', () => {
    expect(csv(madeUp(sweep, doubling, [])).split('\n')).toHaveLength(2);
    expect(
      csv(madeUp(sweep, doubling, [4, 0]))
        .trimEnd()
        .split('\n'),
    ).toHaveLength(3);
    expect(JSON.parse(ndjson(madeUp(sweep, doubling, [4])))).toMatchObject({
      scenario: 'grid',
      point: { SO_RCVBUF: '16384', model: 'blocking' },
      seed: '1',
      metrics: { goodput: 16_384_000 },
    });
  });

  test('quote what needs quotes [RFC 4180]', () => {
    const text = SWEEP.replace('[4096, 16384] }', '[4096, 8192] }').replace(
      'apps.server.model: [blocking, epoll]',
      'links.0.between: [[client, server]]',
    );
    expect(csv(madeUp(sweepOf(text), doubling))).toContain('4096,"[client, server]",1,');
  });
});

describe('the table', () => {
  test('has a block per metric, ± where there are several seeds, and a dash for what has not run', () => {
    expect(table(madeUp(sweepOf(REPEATED), doubling, [0, 1, 2, 6, 7, 12])).join('\n'))
      .toMatchInlineSnapshot(`
        "goodput, Mbit/s
        SO_RCVBUF       blocking          epoll
             4096  4.097 ± 0.002  4.096 ± 0.006
             8192      8.192 ± 0              –
            16384              –              –

        server.syscalls.read
        SO_RCVBUF  blocking   epoll
             4096    20 ± 0  30 ± 0
             8192    20 ± 0       –
            16384         –       –"
      `);
  });

  test('fits 80 columns, however many models there are', () => {
    const models = ['blocking', 'epoll', 'netty', 'reactive'];
    const delays = [5, 10, 20].map((ms) => `${ms} ms`);
    const text = REPEATED.replace(
      'apps.server.model: [blocking, epoll]',
      `apps.server.model: [${models.join(', ')}]\n        links.0.delay: [${delays.join(', ')}]`,
    );
    const lines = table(madeUp(sweepOf(text), doubling));
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(80);
    for (const model of models)
      for (const delay of delays) expect(lines.join('\n')).toContain(`${model}, ${delay}`);
  });
});

describe('expectations over points', () => {
  const verdicts = (that: string, is: string, make: Made, order?: readonly number[]) =>
    judgeSweep(
      madeUp(
        sweepOf(`${SWEEP}      expect:\n        - { that: '${that}', is: '${is}', source: s }\n`),
        make,
        order,
      ),
    )[0]!;
  const sinking: Made = (names, k) => ({
    ...doubling(names, k),
    goodput: names['SO_RCVBUF'] === '8192' && names['model'] === 'epoll' ? 8e6 : 8.05e6,
  });

  test('hold when they do for every value of the axes they do not name', () => {
    const ratio = 'goodput[SO_RCVBUF=8192] / goodput[SO_RCVBUF=4096]';
    expect(verdicts(ratio, '2 ± 5 %', doubling)).toMatchObject({
      ok: true,
      cases: 2,
      measured: '2',
    });
    const one = `goodput[SO_RCVBUF=8192,model=epoll]`;
    expect(verdicts(one, '8.192 Mbit/s', doubling)).toMatchObject({ ok: true, cases: 1 });
    expect(verdicts('goodput', '>= 1 Mbit/s', doubling)).toMatchObject({ ok: true, cases: 6 });
  });

  test('say where they do not hold [mutant: one point of six sinks]', () => {
    expect(verdicts('goodput', '>= 8.01 Mbit/s', sinking)).toMatchObject({
      ok: false,
      failures: ['8192, epoll: 8 Mbit/s'],
    });
    const rising = verdicts('goodput', 'non-decreasing in SO_RCVBUF', sinking);
    expect(rising).toMatchObject({
      ok: false,
      failures: ['epoll: 4096: 8.05 Mbit/s, 8192: 8 Mbit/s'],
    });
    expect(verdicts('goodput', 'non-decreasing in SO_RCVBUF ± 1 %', sinking).ok).toBe(true);
    expect(verdicts('goodput', 'non-decreasing in SO_RCVBUF', doubling).ok).toBe(true);
    expect(verdicts('goodput', 'non-increasing in SO_RCVBUF', doubling).ok).toBe(false);
  });

  test('are not decided where points have not run, unless one that has is against them', () => {
    expect(verdicts('goodput', '>= 1 Mbit/s', doubling, [0]).ok).toBe(null);
    expect(verdicts('goodput', '>= 9 Gbit/s', doubling, [0]).ok).toBe(false);
    expect(verdicts('goodput', 'non-decreasing in SO_RCVBUF', doubling, [0]).ok).toBe(null);
  });
});

describe('plots', () => {
  const sweep = sweepOf(
    `${SWEEP}      recorded: { by: Linux, points: [{ SO_RCVBUF: 8192, model: epoll, goodput: 9 Mbit/s }] }\n`,
  );
  const study = madeUp(sweep, doubling);

  test('in a terminal tell lines apart without colour, and say what they show', () => {
    const reads = chartOf(study, sweep.measure[1]!)!;
    expect(terminalPlot(reads, 'Linux').join('\n')).toMatchInlineSnapshot(`
      "read() calls
            30 |+                                 +                                 +
               |
               |
               |
               |o                                 o                                 o
               |
          13.6 |
               |
               |
               |
               |
             0 |
               +---------------------------------------------------------------------
              4 KiB                             8 KiB                           16 KiB
                SO_RCVBUF (log scale)
                o blocking   + epoll
      read() calls against SO_RCVBUF (log x-axis). blocking: 20 everywhere. epoll: 30
      everywhere."
    `);
  });

  test('mark recorded points on their line, and what lies on one another', () => {
    const chart = chartOf(study, sweep.measure[0]!)!;
    expect(chart.recorded).toEqual([{ line: 'epoll', x: 8192, y: 9 }]);
    const text = terminalPlot(chart, 'Linux').join('\n');
    expect(text).toContain('# several   R recorded: Linux');
    expect(text.split('\n').every((line) => line.length <= 80)).toBe(true);
    expect(caption(chart)).toBe(
      'goodput in Mbit/s against SO_RCVBUF (log x-axis). blocking, epoll: rises from 4.10 at 4 KiB to 16.4 at 16 KiB.',
    );
  });

  test.each([
    ['[10, 20, 30]', false],
    ['{ linear: [1000, 20000, 1000] }', false],
    ['[4096, 8192, 16384]', true],
    ['[1000, 5000, 9000, 100000]', true],
  ])(
    'values made by adding are drawn on a linear axis, others far apart on a log one: %s',
    (range, log) => {
      const grid = sweepOf(SWEEP.replace('{ log2: [4096, 16384] }', range));
      expect(chartOf(madeUp(grid, doubling), grid.measure[0]!)!.x.log).toBe(log);
    },
  );

  test('labels of an axis never touch, wherever its values lie', () => {
    const sizes = fc.uniqueArray(fc.integer({ min: 1, max: 1e6 }), { minLength: 2, maxLength: 12 });
    prop(
      [sizes],
      (list) => {
        const grid = sweepOf(SWEEP.replace('{ log2: [4096, 16384] }', `[${list.join(', ')}]`));
        const chart = chartOf(madeUp(grid, doubling), grid.measure[0]!)!;
        const { shown, room } = labelsOf(chart);
        const gaps = shown.slice(1).map((label, i) => label.at - shown[i]!.at);
        expect(gaps.filter((gap) => gap < room)).toEqual([]);
        expect(shown.length).toBeGreaterThan(0);
      },
      { numRuns: 30 },
    );
  });
});
