/** What docs/guide/buffer-study.md shows: tables of the grids of studies/receive-buffer.yaml, made from their runs. */
import { readFileSync } from 'node:fs';
import { runScenario } from '../src/sim/run/runner.ts';
import { loadSweeps } from '../src/sim/scenario/load.ts';
import { worldOf } from '../src/study/grid.ts';
import { judgeSweep } from '../src/study/judge.ts';
import { Study } from '../src/study/study.ts';
import { table } from '../src/study/table.ts';
import { compare, type Compared, type Pair } from './compare.ts';
import { type Row, rowsOf } from './transfers.ts';

const ROOT = new URL('../', import.meta.url);
const FILE = 'studies/receive-buffer.yaml';
export const PAGE: URL = new URL('docs/guide/buffer-study.md', ROOT);

/** Less than the whole: only these values of its axes. */
export interface Thinned {
  readonly sizes: readonly number[];
  readonly models: readonly string[];
}

/** The grids, run in this thread. */
export function runGrids(thin?: Thinned): Study[] {
  const text = readFileSync(new URL(FILE, ROOT), 'utf8');
  const grids =
    thin === undefined
      ? text
      : text
          .replace('{ log2: [4096, 1048576] }', `[${thin.sizes.join(', ')}]`)
          .replace('[blocking, epoll, reactive]', `[${thin.models.join(', ')}]`);
  return loadSweeps(grids, { file: FILE }).map((sweep) => {
    const study = new Study(sweep);
    for (let run = 0; run < study.total; run++) study.settle(run, runScenario(worldOf(sweep, run)));
    return study;
  });
}

/** The point with this buffer and this model. */
export function pointOf(study: Study, size: number, model: string): number {
  for (let point = 0; point < study.sweep.size; point++) {
    const { variant } = study.sweep.point(point);
    if (variant['SO_RCVBUF'] === String(size) && variant['model'] === model) return point;
  }
  throw new Error(`no point ${size}, ${model}`);
}

const meanOf = (study: Study, size: number, metric: string): number =>
  study.estimate(pointOf(study, size, 'blocking'), metric)!.mean;

const SMALL = 4096;
const LARGE = 1_048_576;

/** `2764 → 68 (1 / 41)` */
function change(study: Study, metric: string, unit: number, digits: number): string {
  const small = meanOf(study, SMALL, metric) / unit;
  const large = meanOf(study, LARGE, metric) / unit;
  const text = (x: number): string => x.toLocaleString('en-US', { maximumFractionDigits: digits });
  return small === large ? text(small) : `${text(small)} → ${text(large)}`;
}

/** From the smallest buffer to the largest, for each of the readers: what the claims come to. */
export function claims(studies: readonly Study[]): string {
  const rows: readonly (readonly [string, string, number, number])[] = [
    ['`read()` calls', 'server.syscalls.read', 1, 0],
    ['voluntary context switches', 'server.ctxt.voluntary', 1, 0],
    ['time with zero window, s', 'server.tcp.zero_window_time', 1e9, 1],
    ['goodput, Mbit/s', 'goodput', 1e6, 2],
    ['most memory in the receive buffer, KiB', 'server.receive_buffer.peak', 1024, 1],
  ];
  return [
    '| from 4 KiB to 1 MiB, blocking | keeps up | is busy for 10 ms | stalls for 500 ms |',
    '| --- | ---: | ---: | ---: |',
    ...rows.map(
      ([name, metric, unit, digits]) =>
        `| ${name} | ${studies.map((s) => change(s, metric, unit, digits)).join(' | ')} |`,
    ),
  ].join('\n');
}

export const gridText = (study: Study): string => `\`\`\`text\n${table(study).join('\n')}\n\`\`\``;

export const verdictText = (study: Study): string =>
  judgeSweep(study)
    .map((v) => `- ${v.ok === true ? '✓' : '✗'} \`${v.text}\` (${v.measured}): ${v.source}`)
    .join('\n');

/** The recorded transfers that vary the receive buffer. */
export function recordedRows(): Row[] {
  const vectors = new URL('tests/vectors/linux-transfers.jsonl', ROOT);
  return rowsOf(readFileSync(vectors, 'utf8')).filter((r) => /rcvbuf-\d+-rtt20$/.test(r.name));
}

export function recordedText(rows: readonly (readonly [Row, Compared])[]): string {
  const cells = (p: Pair, digits: number): string[] => [
    p.linux.toFixed(digits),
    p.ours.toFixed(digits),
    `${p.ratio >= 1 ? '+' : '−'}${Math.abs(100 * (p.ratio - 1)).toFixed(1)} %`,
  ];
  return [
    '| transfer | goodput, Mbit/s: Linux | here | | `read()` calls: Linux | here | | switches: Linux | here | | ACKs: Linux | here | |',
    `| --- |${' ---: |'.repeat(12)}`,
    ...rows.map(([row, c]) => {
      const line = [cells(c.goodput, 2), cells(c.reads, 0), cells(c.switches, 0), cells(c.acks, 0)];
      return `| ${row.name} | ${line.flat().join(' | ')} |`;
    }),
  ].join('\n');
}

export const comparedRows = (): (readonly [Row, Compared])[] =>
  recordedRows().map((row) => [row, compare(row)] as const);

/** The page with its blocks `<!-- study: what -->` … `<!-- end -->` written anew. */
export function withBlocks(page: string, blocks: ReadonlyMap<string, string>): string {
  return page.replaceAll(
    /(<!-- study: (.*?) -->\n)[^]*?(<!-- end -->)/g,
    (_all, head: string, what: string, end: string) => {
      const body = blocks.get(what);
      if (body === undefined) throw new Error(`nothing is called ${what}`);
      return `${head}\n${body}\n\n${end}`;
    },
  );
}

export function blocksOf(
  studies: readonly Study[],
  rows: readonly (readonly [Row, Compared])[],
): Map<string, string> {
  const blocks = new Map([
    ['claims', claims(studies)],
    ['recorded', recordedText(rows)],
  ]);
  for (const s of studies) {
    blocks.set(s.sweep.name, gridText(s));
    blocks.set(`${s.sweep.name}, expected`, verdictText(s));
  }
  return blocks;
}
