/**
 * The grammar of shell texts, as far as scripts use it: commands joined by newline, `;`, `&&` and `||`, pipes, `!`,
 * redirections, quotes, comments and continued lines (POSIX.1-2024, Shell Command Language). What it cannot read is not
 * understood, and then nothing of the text is carried out. Nothing here runs a shell.
 */

import { arithmetic } from './arithmetic.ts';
import type { Shell } from './ast.ts';
import { NotSupported } from './verdict.ts';

/** Pipelines in their order, each with what joins it to the one before. */
export type ShellList = readonly ShellStep[];

export interface ShellStep {
  /** `;`: always; `&&`: after success; `||`: after failure of what was carried out last. */
  readonly join: ';' | '&&' | '||';
  /** `!`: success and failure change places. */
  readonly negate: boolean;
  /** `&` behind it: the list that it ends counts as a success, whatever came of it. */
  readonly background: boolean;
  readonly pipeline: readonly SimpleCommand[];
  /** As written, for messages. */
  readonly text: string;
  readonly line: number;
}

export interface SimpleCommand {
  /** Without quotes; the first is the command. None: only redirections. */
  readonly words: readonly string[];
  readonly redirects: readonly Redirect[];
  readonly line: number;
}

export interface Redirect {
  readonly operator: string;
  readonly target: string;
}

interface Token {
  readonly kind: 'word' | 'operator' | 'redirect';
  readonly text: string;
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

/** Process numbers matter only in the name of a file. */
const PROCESS_NUMBERS = /^\$(PPID|PACKETDRILL_PID|\{PPID\}|\{PACKETDRILL_PID\})/;
/** `a &> f` is `a &` and an empty command `> f`: only bash takes it for one redirection. Elsewhere `&` is not understood. */
const OPERATOR = /^(&&|&(?=>)|\|\||;|\||\n)/;
const REDIRECT = /^([12]?>&[12]|[012]?(?:>>?|<))/;
/** Characters that end a word. */
const ENDS_WORD = /[\s;|&<>()]/;
const RESERVED: readonly string[] = ['if', 'for', 'while', 'until', 'case', '{', 'function'];

/** Lines are those of the script. Throws NotSupported. */
export function parseShell({ text, line }: Shell): ShellList {
  const tokens = tokenize(text, line);
  const steps: ShellStep[] = [];
  let join: ShellStep['join'] = ';';
  let at = 0;
  while (at < tokens.length) {
    const { text: operator, kind } = tokens[at]!;
    if (kind === 'operator' && (operator === '\n' || (operator === ';' && join === ';'))) {
      at++;
      continue;
    }
    const end = endOfPipeline(tokens, at);
    const joint = tokens[end]?.text;
    steps.push({ ...pipeline(tokens.slice(at, end), join, text), background: joint === '&' });
    join = joint === '&&' || joint === '||' ? joint : ';';
    at = end + 1;
  }
  if (join !== ';')
    throw new NotSupported(`shell text with nothing behind ${join}`, tokens.at(-1)!.line);
  return steps;
}

function endOfPipeline(tokens: readonly Token[], from: number): number {
  for (let i = from; i < tokens.length; i++) {
    const { kind, text } = tokens[i]!;
    if (kind === 'operator' && text !== '|') return i;
  }
  return tokens.length;
}

function pipeline(
  tokens: readonly Token[],
  join: ShellStep['join'],
  source: string,
): Omit<ShellStep, 'background'> {
  const { line, from } = tokens[0]!;
  const negate = tokens[0]!.kind === 'word' && tokens[0]!.text === '!';
  const commands: SimpleCommand[] = [];
  let words: string[] = [];
  let redirects: Redirect[] = [];
  let first = line;
  const finish = (): void => {
    if (words.length === 0 && redirects.length === 0)
      throw new NotSupported('shell command without a name', first);
    if (RESERVED.includes(words[0] ?? ''))
      throw new NotSupported(`shell command \`${words[0]}\``, first);
    commands.push({ words, redirects, line: first });
    words = [];
    redirects = [];
  };
  for (let i = negate ? 1 : 0; i < tokens.length; i++) {
    const t = tokens[i]!;
    if (words.length === 0) first = t.line;
    if (t.kind === 'operator') finish();
    else if (t.kind === 'word') words.push(t.text);
    else if (t.text.includes('>&')) redirects.push({ operator: t.text, target: '' });
    else {
      const target = tokens[++i];
      if (target?.kind !== 'word')
        throw new NotSupported(`shell text with nothing behind ${t.text}`, t.line);
      redirects.push({ operator: t.text, target: target.text });
    }
  }
  finish();
  return { join, negate, pipeline: commands, text: source.slice(from, tokens.at(-1)!.to), line };
}

function tokenize(text: string, firstLine: number): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = firstLine;
  const push = (kind: Token['kind'], word: string, length: number): void => {
    tokens.push({ kind, text: word, line, from: at, to: at + length });
    at += length;
  };
  while (at < text.length) {
    const rest = text.slice(at);
    const skipped = /^(\\\n|[ \t\r]+|\\$)/.exec(rest)?.[0];
    if (skipped !== undefined) {
      at += skipped.length;
      if (skipped === '\\\n') line++;
      continue;
    }
    if (rest.startsWith('#')) {
      at += /^[^\n]*/.exec(rest)![0].length;
      continue;
    }
    const redirect = REDIRECT.exec(rest)?.[0];
    const operator = OPERATOR.exec(rest)?.[0];
    if (redirect !== undefined) push('redirect', redirect, redirect.length);
    else if (operator !== undefined) {
      push('operator', operator, operator.length);
      if (operator === '\n') line++;
    } else {
      const { word, length } = readWord(rest, line);
      push('word', word, length);
      line += lines(rest.slice(0, length));
    }
  }
  return tokens;
}

const lines = (text: string): number => text.split('\n').length - 1;

/** One word from the beginning of `rest`: its value, and how much of the text it takes. */
function readWord(rest: string, line: number): { word: string; length: number } {
  let word = '';
  let at = 0;
  const fail = (what: string): never => {
    throw new NotSupported(`shell text with ${what}`, line + lines(rest.slice(0, at)));
  };
  while (at < rest.length && !ENDS_WORD.test(rest[at]!)) {
    const c = rest[at]!;
    if (c === "'") {
      const end = rest.indexOf("'", at + 1);
      if (end < 0) fail("a ' without its pair");
      word += rest.slice(at + 1, end);
      at = end + 1;
    } else if (c === '"') {
      const quoted = doubleQuoted(rest.slice(at + 1));
      if (quoted === null) fail('a " without its pair');
      else {
        word += quoted.text;
        at += quoted.length + 1;
      }
    } else if (c === '\\') {
      if (rest[at + 1] !== '\n') word += rest[at + 1] ?? '';
      at += 2;
    } else if (c === '$') {
      const expansion = expand(rest.slice(at));
      if (expansion === null) fail(`\`${/^\$\S*/.exec(rest.slice(at))![0]}\``);
      else {
        word += expansion.text;
        at += expansion.length;
      }
    } else {
      word += c;
      at++;
    }
  }
  // Nothing was taken: a character that begins no word and is no operator either.
  if (at === 0) fail(`\`${rest[0]}\``);
  return { word, length: at };
}

interface Expansion {
  readonly text: string;
  /** How much of the shell text it takes. */
  readonly length: number;
}

/** What follows a `"`, up to and with the one that ends it; null: none does, or something in it is not understood. */
function doubleQuoted(rest: string): Expansion | null {
  let text = '';
  for (let at = 0; at < rest.length; at++) {
    const c = rest[at]!;
    if (c === '"') return { text, length: at + 1 };
    if (c === '\\' && /["\\$\n]/.test(rest[at + 1] ?? '')) {
      if (rest[at + 1] !== '\n') text += rest[at + 1];
      at++;
    } else if (c === '$') {
      const expansion = expand(rest.slice(at));
      if (expansion === null) return null;
      text += expansion.text;
      at += expansion.length - 1;
    } else text += c;
  }
  return null;
}

/** `$((` expression `))`: constants, `+ - * / %`, parentheses (POSIX.1-2024, Shell Command Language §2.6.4). */
const ARITHMETIC = /^\$\(\(([\d\sa-fxA-FX+*/%()-]*?)\)\)(?!\))/;

/** What begins with `$`: a process number, which is left as it stands, or arithmetic; null: anything else. */
function expand(rest: string): Expansion | null {
  const number = PROCESS_NUMBERS.exec(rest)?.[0];
  if (number !== undefined) return { text: number, length: number.length };
  const sum = ARITHMETIC.exec(rest);
  const value = sum === null ? null : arithmetic(sum[1]!);
  return value === null ? null : { text: String(value), length: sum![0].length };
}
