/**
 * The study of the receive buffer, on a thinner grid: closed forms, what it expects of itself, Linux beside it, and that the
 * page about it shows what comes out.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  claims,
  comparedRows,
  PAGE,
  recordedRows,
  recordedText,
  runGrids,
} from '../../fidelity/buffer-study.ts';
import { compare } from '../../fidelity/compare.ts';
import { mean } from '../../fidelity/transfers.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { boundedGoodput, windowBound } from '../../src/study/closed-form.ts';
import { worldOf } from '../../src/study/grid.ts';
import { judgeSweep } from '../../src/study/judge.ts';
import { picture } from '../../src/study/picture.ts';
import { renderPng, renderSvg } from '../../src/study/render.ts';
import type { Study } from '../../src/study/study.ts';
import { table } from '../../src/study/table.ts';

/** Those that expectations and claims speak of, and one below the knee. */
const SIZES = [4096, 32_768, 65_536, 131_072, 262_144, 1_048_576];
const MODELS = ['blocking', 'reactive'];
const studies = runGrids({ sizes: SIZES, models: MODELS });
const [keepsUp] = studies as [Study, Study, Study];
const MSS = 1448;

interface Bounded {
  readonly label: string;
  readonly window: number;
  readonly goodput: number;
  /** window / RTT, or the payload rate of the link. */
  readonly bound: number;
  /** Whether the window is what decides: at least 10 segments, and its rate below 0.8 of the link's. */
  readonly decided: boolean;
}

/** @param window  which metric is taken for the mean advertised window */
function bounded(study: Study, rttShare: number = 1, window?: string): Bounded[] {
  return Array.from({ length: study.sweep.size }, (_, point) => {
    const world = study.sweep.point(point);
    const bound = windowBound(world)!;
    const mean = study.estimate(point, window ?? bound.window)!.mean;
    const limit = boundedGoodput({ ...bound, rttNs: bound.rttNs * rttShare }, mean);
    return {
      label: world.label,
      window: mean,
      goodput: study.estimate(point, 'goodput')!.mean,
      bound: limit,
      decided: mean >= 10 * MSS && limit < 0.8 * bound.rate,
    };
  });
}

const above = (list: readonly Bounded[]): Bounded[] => list.filter((b) => b.goodput > b.bound);
const tooFarBelow = (list: readonly Bounded[]): Bounded[] =>
  list.filter((b) => b.decided && b.goodput < 0.9 * b.bound);

describe('goodput against min(rate, mean advertised window / RTT)', () => {
  test('never above, whatever the reader does', () => {
    expect(studies.flatMap((s) => above(bounded(s)))).toEqual([]);
  });

  test('at least 0.9 of it where the window decides and the reader keeps up', () => {
    const list = bounded(keepsUp);
    expect(list.filter((b) => b.decided)).toHaveLength(3 * MODELS.length);
    expect(tooFarBelow(list)).toEqual([]);
  });

  test('[mutant] with the RTT a tenth too long, goodput is above; with it a tenth too short, too far below', () => {
    expect(above(bounded(keepsUp, 1.1)).length).toBeGreaterThan(0);
    expect(tooFarBelow(bounded(keepsUp, 0.9)).length).toBeGreaterThan(0);
  });

  test('[mutant] the memory that was used is no window', () => {
    expect(above(bounded(keepsUp, 1, 'server.receive_buffer.peak')).length).toBeGreaterThan(0);
  });

  test('[mutant] a sender that does not wait for the window passes the bound', () => {
    const point = Array.from({ length: keepsUp.sweep.size }, (_, i) => i).find(
      (i) => keepsUp.sweep.point(i).label === '65536, blocking',
    )!;
    const world = worldOf(keepsUp.sweep, point);
    const big = { ...world, apps: world.apps.map((a) => ({ ...a, sockopt: {} })) };
    const { metrics } = runScenario(big);
    const bound = windowBound(world)!;
    const window = keepsUp.estimate(point, bound.window)!.mean;
    expect(metrics['goodput']!).toBeGreaterThan(boundedGoodput(bound, window));
  });
});

describe('what the study expects of itself', () => {
  test.each(studies.map((s) => [s.sweep.name, s] as const))('%s', (_name, study) => {
    const verdicts = judgeSweep(study);
    expect(verdicts.length).toBeGreaterThan(2);
    expect(verdicts.filter((v) => v.ok !== true)).toEqual([]);
    expect(study.failures()).toEqual([]);
  });
});

describe('Linux beside it [tests/vectors/linux-transfers.jsonl]', () => {
  const rows = comparedRows();
  const named = rows.map(([row, c]) => [row.name, c] as const);

  test.each(named)('%s: goodput, read() calls, switches, ACKs within 20 %', (_name, c) => {
    const off = (['goodput', 'reads', 'switches', 'acks'] as const).filter(
      (what) => Math.abs(c[what].ratio - 1) > 0.2,
    );
    expect(off).toEqual([]);
  });

  test('[mutant] a reader with a small buffer of its own reads far more often', () => {
    const row = recordedRows().find((r) => r.name === 'rcvbuf-65536-rtt20')!;
    const { reads } = compare({ ...row, params: { ...row.params, read_bytes: 512 } });
    expect(reads.ratio).toBeGreaterThan(1.2);
  });

  test('the points of the study are the recorded ones, with counts for 20 MB', () => {
    const { points } = keepsUp.sweep.recorded!;
    const recorded = recordedRows().filter((r) => r.params.SO_RCVBUF > 0);
    expect(points).toHaveLength(recorded.length);
    for (const [i, row] of recorded.entries()) {
      const share = 20e6 / row.params.bytes;
      expect(points[i]).toEqual({
        at: {
          SO_RCVBUF: { value: row.params.SO_RCVBUF, dimension: 'count' },
          model: row.params.reader,
        },
        values: {
          goodput: Number(mean(row.recorded.goodput).toFixed(3)) * 1e6,
          'server.syscalls.read': Math.round(mean(row.recorded.reads) * share),
          'server.ctxt.voluntary': Math.round(mean(row.recorded.switches) * share),
        },
      });
    }
  });

  test('the guide shows them', () => {
    expect(readFileSync(PAGE, 'utf8')).toContain(recordedText(rows));
  });
});

describe('the guide [docs/guide/buffer-study.md, written by npm run study]', () => {
  const page = readFileSync(PAGE, 'utf8');
  const words = (line: string): string[] => line.trim().split(/ +/);
  /** Lines of its tables, without the column of the model that is not run here. */
  const shown = new Set(
    page.split('\n').map((line) => {
      const cells = words(line);
      return (cells.length === 4 ? cells.toSpliced(2, 1) : cells).join(' ');
    }),
  );

  test.each(studies.map((s) => [s.sweep.name, s] as const))('%s', (_name, study) => {
    expect(table(study).filter((line) => !shown.has(words(line).join(' ')))).toEqual([]);
  });

  test('what the claims come to', () => {
    expect(page).toContain(claims(studies));
  });
});

test('a picture is a whole SVG and PNG, the same twice, and draws every line, mark and legend', async () => {
  const drawn = picture(keepsUp)!;
  const svg = await renderSvg(drawn);
  expect(await renderSvg(drawn)).toBe(svg);
  for (const text of [
    'goodput (Mbit/s, log scale)',
    'read() calls',
    'blocking',
    'Linux 6.18.44, blocking',
    'min(rate, window / RTT)',
    'SO_RCVBUF (bytes), log scale',
    '256 KiB',
  ])
    expect(svg).toContain(text);
  const png = renderPng(svg);
  expect(String.fromCharCode(...png.subarray(1, 4))).toBe('PNG');
  // An empty page of this size packs to a few kB: the letters are there.
  expect(png.length).toBeGreaterThan(100_000);
});
