/**
 * A study as files: CSV and NDJSON with a row per run, JSON with a record per point. Rows are in the order of the grid, then
 * of the seeds, whatever order the runs came in; values are in the units of docs/metrics.md, in full. A study that was
 * interrupted gives the rows that are done.
 */
import { VERSION } from '../sim/run/version.ts';
import { namesAt } from './grid.ts';
import type { SweepVerdict } from './judge.ts';
import type { Kept, Study } from './study.ts';

/** RFC 4180, with line feeds. Columns: the axes, `seed`, the metrics, how the run ended, its fingerprint. */
export function csv(study: Study): string {
  const { axes, measure } = study.sweep;
  const head = [
    ...axes.map((a) => a.key),
    'seed',
    ...measure.map((m) => m.name),
    'stop',
    'holds',
    'fingerprint',
  ];
  const rows = [...runs(study)].map(({ names, run }) => [
    ...axes.map((a) => names[a.key]!),
    run.seed,
    ...measured(study, run).map(number),
    run.stop,
    String(run.ok),
    run.fingerprint,
  ]);
  return [head, ...rows].map((cells) => `${cells.map(field).join(',')}\n`).join('');
}

/** One JSON object a line. */
export function ndjson(study: Study): string {
  const { name, measure } = study.sweep;
  const lines = [...runs(study)].map(({ names, run }) => {
    const values = measured(study, run);
    return JSON.stringify({
      scenario: name,
      point: names,
      seed: run.seed,
      metrics: Object.fromEntries(measure.map((m, i) => [m.name, finite(values[i]!)])),
      stop: run.stop,
      holds: run.ok,
      fingerprint: run.fingerprint,
    });
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** The whole study, with means and 95 % intervals, as `--json` prints it. */
export function studyJson(study: Study, verdicts: readonly SweepVerdict[]): unknown {
  const { sweep } = study;
  return {
    version: VERSION,
    scenario: sweep.name,
    shows: sweep.shows,
    axes: sweep.axes.map(({ key, names }) => ({ key, values: names })),
    repeat: sweep.repeat,
    runs: { done: study.done, total: study.total },
    measure: sweep.measure.map(({ name, dimension }) => ({ name, dimension })),
    points: Array.from({ length: sweep.size }, (_, point) => ({
      point: namesAt(sweep, point),
      seeds: study.runsOf(point).map((r) => r.seed),
      fingerprints: study.runsOf(point).map((r) => r.fingerprint),
      metrics: Object.fromEntries(
        sweep.measure.map((m) => [m.name, study.estimate(point, m.metric)]),
      ),
    })),
    recorded: sweep.recorded,
    expectations: verdicts,
  };
}

function* runs(study: Study): Iterable<{ names: Readonly<Record<string, string>>; run: Kept }> {
  const { sweep } = study;
  for (let point = 0; point < sweep.size; point++) {
    const names = namesAt(sweep, point);
    for (const run of study.runsOf(point)) yield { names, run };
  }
}

const measured = (study: Study, run: Kept): number[] =>
  study.sweep.measure.map((m) => run.values[study.kept.indexOf(m.metric)]!);

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
/** Empty: there is no such value. */
const number = (value: number): string => (Number.isFinite(value) ? String(value) : '');

const field = (text: string): string =>
  /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
