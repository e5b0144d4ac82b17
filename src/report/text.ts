/**
 * The report that people read: one block per scenario and seed, its variants side by side in at most 80 columns; then what
 * was expected, with the command that replays each failure.
 */
import { printDuration } from '../base/quantity.ts';
import type { Duration } from '../base/units.ts';
import { type ExpectationVerdict, holds, type RunResult } from '../sim/run/result.ts';
import { type Row, rows } from './rows.ts';
import { type Paint, plain, WIDTH, wrap } from './style.ts';

export interface TextOptions {
  readonly paint?: Paint;
  /** Columns for sentences; the table keeps to 80. */
  readonly width?: number;
  /** As given on the command line, for replay commands; null: ./scenarios.yaml. */
  readonly file?: string | null;
}

/** One scenario with one seed: its variants. Lines without line ends. */
export function reportText(runs: readonly RunResult[], options: TextOptions = {}): string[] {
  const paint = options.paint ?? plain;
  const first = runs[0];
  if (first === undefined) return [];
  return [
    ...wrap(heading(runs)).map((line) => paint('strong', line)),
    ...wrap(first.shows, options.width),
    '',
    ...table(runs, paint),
    '',
    ...stops(runs, paint, options),
    ...expectations(runs, paint, options),
    ...invariants(runs, paint, options),
    ...fingerprints(runs),
  ];
}

/** The last line of all. @param total  runs that were asked for; those without a result do not hold */
export function summaryText(
  runs: readonly RunResult[],
  total: number,
  exit: number,
  paint: Paint = plain,
): string {
  const good = runs.filter(holds).length;
  const text = `${good} of ${total} ${total === 1 ? 'run holds' : 'runs hold'} · exit ${exit}`;
  return paint(good === total ? 'good' : 'bad', text);
}

function heading(runs: readonly RunResult[]): string {
  const first = runs[0]!;
  const times = runs.map((r) => r.simulatedNs);
  const most = printDuration(Math.max(...times) as Duration, 2);
  const least = printDuration(Math.min(...times) as Duration, 2);
  const simulated = least === most ? most : `${least} to ${most}`;
  const wall = (runs.reduce((n, r) => n + r.wallMs, 0) / 1000).toFixed(2);
  const count = runs.length === 1 ? '1 run' : `${runs.length} runs`;
  return `${first.scenario} · seed ${first.seed} · ${first.profile} · ${count} of ${simulated} simulated, ${wall} s`;
}

const LABEL = 35;
const COLUMN = 13;

/** As many variants side by side as fit, three at most; then the next. */
function table(runs: readonly RunResult[], paint: Paint): string[] {
  const out: string[] = [];
  for (let i = 0; i < runs.length;) {
    let n = Math.min(3, runs.length - i);
    while (n > 1 && LABEL + n * columnWidth(rows(runs.slice(i, i + n))) > WIDTH) n--;
    const block = runs.slice(i, i + n);
    if (i > 0) out.push('');
    out.push(...tableBlock(block, paint));
    i += n;
  }
  return out;
}

function columnWidth(list: readonly Row[]): number {
  return Math.max(COLUMN, ...list.flatMap((r) => r.cells.map((c) => c.length + 1)));
}

function tableBlock(runs: readonly RunResult[], paint: Paint): string[] {
  const list = rows(runs);
  const width = columnWidth(list);
  const labels = runs.map((r) => cut(r.label, width - 1).padStart(width)).join('');
  const lines = list.map(({ label, unit, cells }) => {
    const head = unit === '' ? cut(label, LABEL).padEnd(LABEL) : headWithUnit(label, unit);
    return (head + cells.map((c) => c.padStart(width)).join('')).trimEnd();
  });
  const titled = runs.some((r) => r.label !== '');
  return titled ? [paint('strong', ' '.repeat(LABEL) + labels), ...lines] : lines;
}

function headWithUnit(label: string, unit: string): string {
  return `${cut(label, LABEL - unit.length - 1).padEnd(LABEL - unit.length - 1)} ${unit}`;
}

const cut = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text;

const MOST_WAITING = 5;

/** A run that did not end as `stop:` says. */
function stops(runs: readonly RunResult[], paint: Paint, options: TextOptions): string[] {
  return runs.flatMap((r) => {
    if (r.stop.reason === 'when') return [];
    const at = printDuration(r.stop.atNs as Duration);
    const missing =
      r.stop.missing.length === 0 ? '' : `: ${r.stop.missing.join(', ')} did not happen`;
    const what = {
      limit: `not finished at its limit of ${at}${missing}`,
      idle: `nothing left to do at ${at}${missing}`,
      stopped: `stopped at ${at}`,
    }[r.stop.reason];
    const waiting = r.waiting.slice(0, MOST_WAITING).map((w) => {
      const since = printDuration(w.sinceNs as Duration);
      return `    ${w.host}: ${w.thread} waits in ${w.call} since ${since}`;
    });
    const more = r.waiting.length - waiting.length;
    if (more > 0) waiting.push(`    and ${more} more threads`);
    return [...failure(paint, `${named(r)}${what}`), ...waiting, replay(r, options, true)];
  });
}

const named = (r: RunResult): string => (r.label === '' ? '' : `${r.label}: `);

function failure(paint: Paint, text: string): string[] {
  return wrap(text, WIDTH - 2).map((line, i) =>
    i === 0 ? `${paint('bad', '✗')} ${line}` : `  ${line}`,
  );
}

/** One line for an expectation that all variants meet; otherwise one for each that does not. */
function expectations(runs: readonly RunResult[], paint: Paint, options: TextOptions): string[] {
  const texts = new Map<string, { run: RunResult; verdict: ExpectationVerdict }[]>();
  for (const run of runs) {
    for (const verdict of run.expectations) {
      const key = `${verdict.text}\n${verdict.source}`;
      texts.set(key, [...(texts.get(key) ?? []), { run, verdict }]);
    }
  }
  return [...texts.values()].flatMap((list) => {
    const bad = list.filter((v) => v.verdict.ok === false);
    const first = list[0]!.verdict;
    if (bad.length > 0)
      return bad.flatMap((v) => expectationFailed(v.run, v.verdict, paint, options));
    const undecided = list.every((v) => v.verdict.ok === null);
    const mark = undecided ? paint('faint', '·') : paint('good', '✓');
    const source = undecided ? 'not decided: another variant did not run' : first.source;
    return [`${mark} ${withSource(first.text, source, options.width ?? WIDTH)}`];
  });
}

/** The text, and as much of its source as fits on the line. */
function withSource(text: string, source: string, width: number): string {
  const left = text.padEnd(40);
  const room = width - 2 - left.length - 2;
  return room < 12 ? text : `${left}  ${cut(source, room)}`;
}

function expectationFailed(
  r: RunResult,
  v: ExpectationVerdict,
  paint: Paint,
  options: TextOptions,
): string[] {
  const p = v.position;
  const at = p === null ? '' : `${p.file}:${p.line}:${p.column}`;
  const line = `${v.text}  ${named(r)}${v.actualText}`;
  const fits = line.length + at.length + 4 <= WIDTH;
  const lines = fits
    ? [`${paint('bad', '✗')} ${line.padEnd(WIDTH - 2 - at.length)}${at}`.trimEnd()]
    : [...failure(paint, line), ...(at === '' ? [] : [`    ${at}`])];
  return [...lines, replay(r, options, v.alone)];
}

function invariants(runs: readonly RunResult[], paint: Paint, options: TextOptions): string[] {
  const broken = runs.flatMap((r) =>
    r.invariants
      .filter((i) => !i.ok)
      .flatMap((i) => [
        ...failure(paint, `${named(r)}invariant ${i.name}: ${i.message}`),
        replay(r, options, true),
      ]),
  );
  const good = Math.min(...runs.map((r) => r.invariants.filter((i) => i.ok).length));
  const line = runs.every((r) => r.invariants.length === 0)
    ? `${paint('faint', '·')} invariants were not checked`
    : `${paint('good', '✓')} ${good} invariants`;
  return [...broken, line];
}

const PER_LINE = 3;

function fingerprints(runs: readonly RunResult[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < runs.length; i += PER_LINE) {
    const list = runs.slice(i, i + PER_LINE).map((r) => r.fingerprint);
    lines.push(`${(i === 0 ? 'fingerprint' : '').padEnd(12)}  ${list.join('  ')}`);
  }
  return lines;
}

/** What it takes to run something again. */
export type Replayed = Pick<RunResult, 'scenario' | 'seed' | 'settings' | 'variant' | 'mutant'>;

/** The command that gives this run again, and nothing else. */
export function replayCommand(r: Replayed, file: string | null, alone: boolean): string {
  const axes = Object.keys(r.variant).length;
  const settings = alone ? r.settings : r.settings.slice(0, r.settings.length - axes);
  const parts = [
    'npx hostwire run',
    ...(file === null ? [] : [quoted(file)]),
    quoted(r.scenario),
    `--seed ${quoted(r.seed)}`,
  ];
  const broken = r.mutant === null ? [] : [`--mutant ${r.mutant}`];
  return [...parts, ...settings.map((s) => `--set ${quoted(s)}`), ...broken].join(' ');
}

const replay = (r: RunResult, options: TextOptions, alone: boolean): string =>
  `    ${replayCommand(r, options.file ?? null, alone)}`;

/** For a shell: quotes only where they are needed. */
const quoted = (word: string): string =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
