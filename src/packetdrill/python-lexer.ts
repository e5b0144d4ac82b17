/** Tokens of the Python that code blocks hold. */

/** What is wrong with a code block. `unsupported`: legal Python perhaps, but not of the subset that is understood. */
export class PythonError extends Error {
  override readonly name = 'PythonError';
  /** Of the script, 1-based. */
  readonly line: number;
  readonly unsupported: boolean;
  constructor(message: string, line: number, unsupported = false) {
    super(message);
    this.line = line;
    this.unsupported = unsupported;
  }
}

export interface PythonToken {
  /** 'end' closes a logical line; 'format' is an f-string. */
  readonly kind: 'number' | 'string' | 'format' | 'name' | 'operator' | 'end';
  /** Of strings what stands inside, escapes undone except in f-strings. */
  readonly text: string;
  readonly line: number;
  /** Where in the text of the block it begins and ends. */
  readonly from: number;
  readonly to: number;
}

type Pattern = readonly [kind: 'name' | 'number' | 'operator', pattern: RegExp];

const PATTERNS: readonly Pattern[] = [
  ['name', /[A-Za-z_]\w*/y],
  [
    'number',
    /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y,
  ],
  ['operator', /\*\*=?|\/\/=?|<<=?|>>=?|[=!<>]=|[-+*/%&|^@]=|:=|->|[-+*/%&|^~<>=()[\]{},:;.@]/y],
];
const STRING = /([fFrRbBuU]{0,2})(?:("""|''')|"((?:\\[^]|[^"\\\n])*)"|'((?:\\[^]|[^'\\\n])*)')/y;
const BLANK = /[ \t\f\r]+/y;
const COMMENT = /#[^\n]*/y;
const CONTINUATION = /\\\r?\n/y;

/**
 * @param text begins on `line`, at the left margin
 * @throws PythonError
 */
export function lexPython(text: string, line: number): PythonToken[] {
  return new PythonLexer(text, line).tokens();
}

class PythonLexer {
  private readonly text: string;
  private line: number;
  private at = 0;
  /** Brackets that are open: inside them a line does not end. */
  private depth = 0;
  private readonly found: PythonToken[] = [];

  constructor(text: string, line: number) {
    this.text = text;
    this.line = line;
  }

  tokens(): PythonToken[] {
    while (this.at < this.text.length) this.step();
    if (this.depth > 0) throw new PythonError('SyntaxError: a bracket is never closed', this.line);
    this.endLine(0);
    return this.found;
  }

  private step(): void {
    if (this.text[this.at] === '\n') {
      if (this.depth === 0) this.endLine(1);
      else this.at++;
      this.line++;
    } else if (this.skip(CONTINUATION)) this.line++;
    else if (!this.skip(COMMENT) && !this.skipBlank() && !this.string()) this.word();
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  private skip(pattern: RegExp): boolean {
    const match = this.match(pattern);
    this.at += match?.[0].length ?? 0;
    return match !== null;
  }

  /** Python reads meaning into the blanks before the first word of a line; here no line is inside another. */
  private skipBlank(): boolean {
    const isMargin = this.text[this.at - 1] === '\n' && this.text[this.at - 2] !== '\\';
    if (!this.skip(BLANK)) return false;
    const next = this.text[this.at] ?? '\n';
    if (isMargin && this.startsLine() && next !== '\n' && next !== '#')
      throw new PythonError('IndentationError: unexpected indent', this.line);
    return true;
  }

  private startsLine(): boolean {
    return this.depth === 0 && (this.found.at(-1)?.kind ?? 'end') === 'end';
  }

  private endLine(length: number): void {
    if (this.startsLine()) this.at += length;
    else this.push('end', 'the end of the line', length);
  }

  private push(kind: PythonToken['kind'], text: string, length: number): void {
    this.found.push({ kind, text, line: this.line, from: this.at, to: this.at + length });
    this.at += length;
  }

  private string(): boolean {
    const match = this.match(STRING);
    if (match === null) return false;
    const [all, prefix = '', triple, double, single] = match;
    if (triple !== undefined) throw new PythonError('triple-quoted strings', this.line, true);
    const inside = double ?? single ?? '';
    if (prefix === '') this.push('string', unescapePython(inside), all.length);
    else if (/^[fF]$/.test(prefix)) this.push('format', inside, all.length);
    else throw new PythonError(`strings with the prefix ${prefix}`, this.line, true);
    return true;
  }

  private word(): void {
    for (const [kind, pattern] of PATTERNS) {
      const [text] = this.match(pattern) ?? [];
      if (text === undefined) continue;
      if (kind === 'operator' && '([{'.includes(text)) this.depth++;
      if (kind === 'operator' && ')]}'.includes(text)) this.depth--;
      return this.push(kind, text, text.length);
    }
    const found = this.text.slice(this.at, this.at + 10);
    throw new PythonError(`SyntaxError: cannot read '${found}'`, this.line);
  }
}

const ESCAPES: Readonly<Record<string, string>> = Object.freeze({
  n: '\n',
  t: '\t',
  r: '\r',
  "'": "'",
  '"': '"',
  '\\': '\\',
  '\n': '',
});

/** Escapes as messages use them; any other stays as it is. */
export function unescapePython(text: string): string {
  return text.replaceAll(/\\([^])/g, (all, char: string) => ESCAPES[char] ?? all);
}
