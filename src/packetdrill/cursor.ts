/** A walk over tokens, with the errors that a parser owes its reader: what was expected and what stands there. */
import { ScriptError } from './ast.ts';
import type { Token, TokenKind } from './lexer.ts';

/** A construct that the language knows and nobody here models; `what` is a noun: "UDP packets". */
export class Unmodelled extends Error {
  override readonly name = 'Unmodelled';
}

export class Cursor {
  private readonly tokens: readonly Token[];
  private at = 0;

  /** @param tokens their last one is of kind 'end' */
  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  /** The token that comes `ahead` of the next one. */
  peek(ahead = 0): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)]!;
  }

  take(): Token {
    const token = this.peek();
    if (this.at < this.tokens.length - 1) this.at++;
    return token;
  }

  /** Does a word or a sign come next, as written? */
  sees(text: string, ahead = 0): boolean {
    const { kind, text: found } = this.peek(ahead);
    return found === text && (kind === 'punct' || kind === 'word' || kind === 'ellipsis');
  }

  /** Takes a word or a sign if it comes next. */
  accept(text: string): boolean {
    const seen = this.sees(text);
    if (seen) this.take();
    return seen;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.refuse(`'${text}'`);
  }

  takeKind(kind: TokenKind, expected: string): Token {
    if (this.peek().kind !== kind) this.refuse(expected);
    return this.take();
  }

  /** A decimal integer in [0, most]. */
  integer(what: string, most: number): number {
    const token = this.takeKind('number', what);
    const value = Number(token.text);
    if (token.text.includes('.')) this.fail(`${what} must be an integer, not ${token.text}`, token);
    if (value < 0 || value > most)
      this.fail(`${what} must lie between 0 and ${most}, not be ${token.text}`, token);
    return value;
  }

  /** @param expected a noun with its article, or the word or sign in quotes */
  refuse(expected: string): never {
    this.fail(`expected ${expected}, found ${describe(this.peek())}`);
  }

  fail(message: string, at: Token = this.peek()): never {
    throw new ScriptError(message, at.line, at.column);
  }
}

function describe({ kind, text }: Token): string {
  switch (kind) {
    case 'end':
      return 'the end of the script';
    case 'shell':
      return 'a back-quoted command';
    case 'code':
      return 'a %{ }% block';
    case 'option':
      return `the option --${text}, which belongs at the head of the script`;
    case 'string':
      return 'a string';
    case 'number':
    case 'hex':
    case 'word':
    case 'ellipsis':
    case 'address':
    case 'punct':
      return `'${text}'`;
  }
}
