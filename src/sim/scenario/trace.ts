/**
 * Recorded arrivals, as a file beside the scenario holds them: a line for each request, in order of time. Whoever has files
 * gives the text (LoadOptions.readFile); here it is read line by line, never as a whole list of lines, and what is wrong
 * with it is said with line and column.
 *
 * CSV has a line of names first: `time`, and if they were recorded `size`, `answer`, `user`. A name may carry the unit of its
 * column (`time ms`), cells without it carry their own (`5 ms`). NDJSON has objects with these keys. Quotes inside cells,
 * comments and empty lines between are left out.
 */
import type { Trace } from '../../app/options.ts';
import { ScenarioError } from '../../base/assert.ts';
import { MOST_DRAWN } from '../../base/distribution.ts';
import { type Dimension, parseQuantity } from '../../base/quantity.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Problem } from './problems.ts';

/** A file, as far as it could be read: its name for messages. */
export interface TraceText {
  readonly file: string;
  /** null: there is none. */
  readonly text: string | null;
}

export interface Recorded {
  readonly trace: Trace;
  /** The line of the first request; each next one has the next. */
  readonly firstLine: number;
}

const NAMES = ['time', 'size', 'answer', 'user'] as const;
type Name = (typeof NAMES)[number];
const KINDS: { readonly [N in Name]: Dimension | null } = {
  time: 'duration',
  size: 'bytes',
  answer: 'bytes',
  user: null,
};
/** More is no use to anybody, and each costs a fraction of a second to read. */
const MOST_REQUESTS = 10_000_000;
/** A file that is wrong is mostly wrong in every line. */
const MOST_PROBLEMS = 8;
const GiB = 1_073_741_824;

interface Cell {
  readonly name: Name;
  readonly written: string;
  readonly column: number;
  /** Of the column; undefined: the cell has its own. */
  readonly unit: string | undefined;
}

/** What is wrong here; the column counts from 1. */
type Fail = (column: number, message: string, hint?: string) => void;

/** @returns null when something is wrong, and has been told to `problems` */
export function readTrace(
  { file, text }: { file: string; text: string },
  problems: (p: Problem) => void,
): Recorded | null {
  const columns = new Map<Name, number[]>();
  let line = 0;
  let wrong = 0;
  let requests = 0;
  let header: ReturnType<typeof headerOf> = null;
  const csv = /\.csv$/i.test(file);
  const fail: Fail = (column, message, hint) => {
    if (++wrong > MOST_PROBLEMS) return;
    const at = { file, line, column };
    problems(hint === undefined ? { at, message } : { at, message, hint });
  };
  for (let from = 0; from < text.length && wrong < MOST_PROBLEMS;) {
    const end = text.indexOf('\n', from);
    const row = text.slice(from, end < 0 ? text.length : end).replace(/\r$/, '');
    from = end < 0 ? text.length : end + 1;
    line++;
    if (csv && header === null) {
      header = headerOf(row, fail);
      if (header === null) return null;
      continue;
    }
    if (row.trim() === '' && from >= text.length) break;
    const cells = csv ? cellsOf(row, header!, fail) : objectOf(row, fail);
    if (cells === null) continue;
    take(cells, columns, requests++, fail);
    if (requests > MOST_REQUESTS) fail(1, `more than ${MOST_REQUESTS} requests`);
  }
  line ||= 1;
  if (wrong === 0 && requests === 0)
    fail(
      1,
      'no requests',
      csv ? 'a line `time ms, size B`, then one for each' : '{"time": "5 ms"}',
    );
  if (wrong > 0) return null;
  const column = (name: Name): Float64Array | null => {
    const values = columns.get(name);
    return values === undefined ? null : Float64Array.from(values);
  };
  const trace = {
    timesNs: column('time')!,
    requests: column('size'),
    answers: column('answer'),
    users: column('user'),
  };
  return { trace, firstLine: csv ? 2 : 1 };
}

/** The names of the columns, with their units. */
function headerOf(row: string, fail: Fail): { name: Name; unit: string | undefined }[] | null {
  const header: { name: Name; unit: string | undefined }[] = [];
  const EXAMPLE = 'the first line names the columns, e.g. `time ms, size B`';
  for (const { written, column } of split(row)) {
    const [word = '', unit, ...more] = written.split(/\s+/);
    const name = NAMES.find((n) => n === word);
    if (name === undefined) {
      const hint = /^\d/.test(word) ? EXAMPLE : didYouMean(word, NAMES, 'columns are');
      fail(column, `\`${written}\` is no column`, hint);
      return null;
    }
    if (header.some((h) => h.name === name) || more.length > 0) {
      fail(
        column,
        more.length > 0 ? `\`${written}\` is no column` : `a second \`${name}\``,
        EXAMPLE,
      );
      return null;
    }
    if (unit !== undefined && !isUnit(name, unit)) {
      fail(column, `\`${unit}\` is no unit of \`${name}\``, EXAMPLE);
      return null;
    }
    header.push({ name, unit });
  }
  if (header.some((h) => h.name === 'time')) return header;
  fail(1, 'no column is called `time`', EXAMPLE);
  return null;
}

function isUnit(name: Name, unit: string): boolean {
  const kind = KINDS[name];
  try {
    return kind !== null && parseQuantity(`1 ${unit}`, kind).value > 0;
  } catch (error) {
    if (error instanceof ScenarioError) return false;
    throw error;
  }
}

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

function* split(row: string): Generator<{ written: string; column: number }, void> {
  for (let at = 0; at <= row.length;) {
    const comma = row.indexOf(',', at);
    const end = comma < 0 ? row.length : comma;
    const cell = row.slice(at, end);
    yield { written: cell.trim(), column: at + 1 + (cell.length - cell.trimStart().length) };
    at = end + 1;
  }
}

function cellsOf(
  row: string,
  header: NonNullable<ReturnType<typeof headerOf>>,
  fail: Fail,
): Cell[] | null {
  const cells: Cell[] = [];
  for (const { written, column } of split(row)) {
    const h = header[cells.length];
    if (h === undefined) {
      fail(column, `more cells than the ${plural(header.length, 'column')} of the first line`);
      return null;
    }
    cells.push({ ...h, written, column });
  }
  if (cells.length === header.length) return cells;
  fail(
    1,
    `${plural(cells.length, 'cell')}, and the first line names ${plural(header.length, 'column')}`,
  );
  return null;
}

function objectOf(row: string, fail: Fail): Cell[] | null {
  let object: unknown;
  try {
    object = JSON.parse(row);
  } catch {
    object = null;
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    fail(1, 'not an object of JSON', 'one on each line, e.g. `{"time": "5 ms", "size": "1 kB"}`');
    return null;
  }
  const cells: Cell[] = [];
  for (const [key, value] of Object.entries(object)) {
    // A key that is written with escapes (\u0061) is not found: the beginning of the line has to do.
    const column = Math.max(0, row.indexOf(JSON.stringify(key))) + 1;
    const name = NAMES.find((n) => n === key);
    if (name === undefined) {
      fail(column, `unknown key \`${key}\``, didYouMean(key, NAMES, 'keys here'));
      return null;
    }
    cells.push({ name, written: String(value), column, unit: undefined });
  }
  if (cells.some((c) => c.name === 'time')) return cells;
  fail(1, 'missing key `time`', 'e.g. `{"time": "5 ms"}`');
  return null;
}

/** Puts the k-th request's values behind the others. */
function take(cells: readonly Cell[], columns: Map<Name, number[]>, k: number, fail: Fail): void {
  for (const cell of cells) {
    let values = columns.get(cell.name);
    if (values === undefined) {
      if (k > 0) {
        fail(cell.column, `\`${cell.name}\` is given here, and not for the request before`);
        return;
      }
      columns.set(cell.name, (values = []));
    }
    const before = values.at(-1) ?? 0;
    const value = valueOf(cell, fail) ?? before;
    if (cell.name === 'time' && value < before)
      fail(cell.column, `\`${cell.written}\` lies before the time of the line above`);
    values.push(value);
  }
  for (const [name, values] of columns)
    if (values.length <= k) {
      fail(1, `\`${name}\` is missing, and given for the requests before`);
      values.push(0);
    }
}

/** null: it is none, which has been said. */
function valueOf({ name, written, column, unit }: Cell, fail: Fail): number | null {
  const kind = KINDS[name];
  if (kind === null) {
    if (/^\d{1,9}$/.test(written)) return Number(written);
    fail(column, `\`${written}\` is no user`, 'they are numbered from 0');
    return null;
  }
  try {
    const { value } = parseQuantity(written, kind, unit);
    if (kind === 'bytes' && (value < 1 || value > GiB))
      fail(column, `impossible value: '${written}'`, 'from 1 B to 1 GiB');
    if (kind === 'duration' && value > MOST_DRAWN)
      fail(column, `impossible value: '${written}'`, 'at most 11 days');
    return value;
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    fail(column, error.message, error.hint);
    return null;
  }
}
