/**
 * Script text to tokens. No token means one thing here and another there, except that options (`--name=value`) are taken
 * whole. What a word defined on the command line stands for is put in afterwards (`substitute`), so that options at the
 * head of a script can define words too.
 */
import { ScriptError } from './ast.ts';

export type TokenKind =
  | 'option'
  | 'number'
  | 'hex'
  | 'word'
  | 'string'
  | 'shell'
  | 'code'
  | 'ellipsis'
  | 'address'
  | 'punct'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of strings, shell and code what stands inside, escapes of strings undone; of options the name. */
  readonly text: string;
  /** Of options only. */
  readonly value: string | null;
  readonly line: number;
  readonly column: number;
}

const SPACE = /[ \t\r\n]+/y;
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
/** Strings and commands inside an option's value may hold spaces: `--define=NAME="two words"`. */
const OPTION = /--(\w+)(?:=((?:"(?:\\[^]|[^"\\])*"|`(?:\\[^]|[^`\\])*`|[^\s"`])+))?/y;

type Pattern = readonly [kind: TokenKind, pattern: RegExp, inside: (text: string) => string];

const asIs = (text: string): string => text;
const unquoted = (text: string): string => text.slice(1, -1);

const group = '[0-9a-fA-F]{1,4}';
const IPV4 = String.raw`\d+\.\d+\.\d+\.\d+`;
/** An IPv6 address has `::` or eight groups, which nothing else in a script has: 1:1001 is a range of sequence numbers. */
const IPV6 = [
  `(?:${group}:){1,7}:(?:${group}(?::${group}){0,5})?`,
  `::(?:ffff:(?:0{1,4}:)?)?${IPV4}`,
  `::(?:${group}(?::${group}){0,6})?`,
  `(?:${group}:){7}${group}`,
].join('|');

/** Of several that match the longest is taken, of equally long ones the first. */
const PATTERNS: readonly Pattern[] = [
  ['ellipsis', /\.\.\./y, asIs],
  ['number', /-?\d*\.\d+/y, asIs],
  ['number', /-?\d+/y, asIs],
  ['hex', /0[xX][0-9a-fA-F]+/y, asIs],
  ['word', /\w+/y, asIs],
  ['string', /"(?:\\[^]|[^"\\])*"/y, (text) => unescape(unquoted(text))],
  ['shell', /`(?:\\[^]|[^`\\])*`/y, unquoted],
  ['code', /%\{[^]*?\}%/y, (text) => text.slice(2, -2)],
  ['address', new RegExp(IPV4, 'y'), asIs],
  ['address', new RegExp(IPV6, 'y'), asIs],
];

/** @throws ScriptError where something opens that does not close */
export function lex(text: string): Token[] {
  return new Lexer(text).tokens();
}

class Lexer {
  private readonly text: string;
  private at = 0;
  private line = 1;
  /** Where the line began. */
  private lineStart = 0;

  constructor(text: string) {
    this.text = text;
  }

  tokens(): Token[] {
    const found: Token[] = [];
    for (;;) {
      this.skip();
      const token = this.next();
      found.push(token);
      if (token.kind === 'end') return found;
    }
  }

  /** White space and comments. */
  private skip(): void {
    for (;;) {
      const skipped = this.match(SPACE) ?? this.match(COMMENT);
      if (skipped === null) return;
      this.advance(skipped[0]);
    }
  }

  private next(): Token {
    const { line, at } = this;
    const column = at - this.lineStart + 1;
    if (at === this.text.length) return { kind: 'end', text: '', value: null, line, column };
    const option = this.match(OPTION);
    if (option !== null) {
      this.advance(option[0]);
      return { kind: 'option', text: option[1]!, value: option[2] ?? null, line, column };
    }
    let best = this.text[at]!;
    let [kind, inside]: [TokenKind, Pattern[2]] = ['punct', asIs];
    let longest = 0;
    for (const [k, pattern, f] of PATTERNS) {
      const [match = ''] = this.match(pattern) ?? [];
      if (match.length > longest) [best, kind, inside, longest] = [match, k, f, match.length];
    }
    if (kind === 'punct') this.refuseUnclosed(best, line, column);
    this.advance(best);
    return { kind, text: inside(best), value: null, line, column };
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  private advance(over: string): void {
    for (let i = over.indexOf('\n'); i !== -1; i = over.indexOf('\n', i + 1)) {
      this.line++;
      this.lineStart = this.at + i + 1;
    }
    this.at += over.length;
  }

  private refuseUnclosed(char: string, line: number, column: number): void {
    const closing = this.text.startsWith('%{', this.at)
      ? '}%'
      : this.text.startsWith('/*', this.at)
        ? '*/'
        : char;
    if (char !== '"' && char !== '`' && closing === char) return;
    throw new ScriptError(`what opens here is never closed by ${closing}`, line, column);
  }
}

/** Escapes of C: \n, \t, \\, \", \x00, \033, … Any other escaped character stands for itself. */
const SIMPLE: Readonly<Record<string, string>> = Object.freeze({
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
});

function unescape(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([^]))/g,
    (_, hex: string | undefined, octal: string | undefined, char: string | undefined) => {
      if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8) & 0xff);
      return SIMPLE[char!] ?? char!;
    },
  );
}

/** Puts what defined words stand for in their place: an integer, a word, a "string" or a `command`. */
export function substitute(
  tokens: readonly Token[],
  defines: ReadonlyMap<string, string>,
): readonly Token[] {
  if (defines.size === 0) return tokens;
  return tokens.map((token) => {
    const value = token.kind === 'word' ? defines.get(token.text) : undefined;
    return value === undefined ? token : { ...token, ...defined(value) };
  });
}

function defined(value: string): Pick<Token, 'kind' | 'text'> {
  if (value.startsWith('"')) return { kind: 'string', text: unescape(unquoted(value)) };
  if (value.startsWith('`')) return { kind: 'shell', text: unquoted(value) };
  if (/^0[xX][0-9a-fA-F]+$/.test(value)) return { kind: 'hex', text: value };
  return { kind: /^-?\d+$/.test(value) ? 'number' : 'word', text: value };
}
