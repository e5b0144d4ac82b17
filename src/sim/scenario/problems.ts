/**
 * What is wrong with a scenario, said so that it can be mended: where (file:line:column and the lines around it), what,
 * and what to write instead. All that is wrong is said at once.
 */
import { ScenarioError } from '../../base/assert.ts';
import type { Path, Position } from './types.ts';

export interface Problem {
  readonly at: Position;
  readonly message: string;
  readonly hint?: string;
}

/** As many as one wants to read at once. */
const MAX_SHOWN = 8;

/** Collects problems; the same one (a variant repeats those of its scenario) is kept once. */
export class Problems {
  private readonly list: Problem[] = [];
  private readonly seen = new Set<string>();

  get size(): number {
    return this.list.length;
  }

  add(p: Problem): void {
    const key = `${placeOf(p.at)}:${p.message}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.list.push(p);
  }

  /** @param texts  the sources by file name, for the frames */
  throwIfAny(texts: ReadonlyMap<string, string>): void {
    if (this.list.length > 0) throw new LoadError(this.list, texts);
  }
}

/** A variant of a scenario that has been looked at. */
export interface Looked {
  readonly label: string;
  readonly problems: readonly Problem[];
  /** References have been followed; of a variant whose form is wrong they are not. */
  readonly resolved: boolean;
}

/** What is wrong with the variants of one scenario: once each, and with which of them where it is not all. */
export function addOfVariants(problems: Problems, looked: readonly Looked[]): void {
  const same = (a: Problem, b: Problem): boolean =>
    a.message === b.message && placeOf(a.at) === placeOf(b.at);
  for (const v of looked) {
    const alike = looked.filter((other) => other.resolved === v.resolved || !v.resolved);
    for (const p of v.problems) {
      const those = alike.filter((other) => other.problems.some((q) => same(p, q)));
      const labels = those.map((other) => `\`${other.label}\``).join(', ');
      const where = those.length === 1 ? `in the variant ${labels}` : `in the variants ${labels}`;
      problems.add(those.length === alike.length ? p : { ...p, message: `${p.message}, ${where}` });
    }
  }
}

const placeOf = (at: Position): string => `${at.file}:${at.line}:${at.column}`;

/** A ScenarioError with everything that was found; its message is ready to be printed. */
export class LoadError extends ScenarioError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], texts: ReadonlyMap<string, string>, path: Path = []) {
    const sorted = problems.toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
    const shown = sorted.slice(0, MAX_SHOWN).map((p) => format(p, texts.get(p.at.file)));
    const more = sorted.length - shown.length;
    if (more > 0) shown.push(`and ${more} more like these`);
    super(shown.join('\n\n'), path, sorted[0]?.hint);
    this.problems = sorted;
  }
}

export function format(p: Problem, text: string | undefined): string {
  const parts = [`${p.at.file}:${p.at.line}:${p.at.column}: ${p.message}`];
  if (text !== undefined) parts.push(frame(text, p.at));
  if (p.hint !== undefined) parts.push(`  hint: ${p.hint}`);
  return parts.filter((s) => s !== '').join('\n');
}

/** The line, two before and one after it, and a caret under the word that is meant. Long lines show the part around it. */
export function frame(text: string, at: Position): string {
  const lines = text.split(/\r?\n/);
  if (at.line > lines.length) return '';
  const width = String(Math.min(at.line + 1, lines.length)).length;
  const from = Math.max(0, at.column - 1 - 48);
  const out: string[] = [];
  for (let n = Math.max(1, at.line - 2); n <= Math.min(lines.length, at.line + 1); n++) {
    const line = lines[n - 1]!.replaceAll('\t', ' ');
    const mark = n === at.line ? '>' : ' ';
    out.push(`${mark} ${String(n).padStart(width)} | ${line.slice(from, from + 68)}`.trimEnd());
    if (n === at.line) {
      const word = /^("[^"]*"|'[^']*'|[^\s,:\]}]+)/.exec(line.slice(at.column - 1))?.[0] ?? ' ';
      const carets = '^'.repeat(Math.max(1, Math.min(word.length, 60 - (at.column - 1 - from))));
      out.push(`  ${' '.repeat(width)} | ${' '.repeat(at.column - 1 - from)}${carets}`);
    }
  }
  return out.join('\n');
}
