/**
 * The code blocks of a script: one Python program, run after the script has ended, each block with what was known of the
 * connection when its turn came. Understood are assert, assignment, print and expressions over integers and strings; the
 * rest of Python is named and refused, as a script with it has not been checked.
 */
import { INFO_SYMBOLS } from './symbols.ts';
import { PythonError, lexPython, unescapePython, type PythonToken } from './python-lexer.ts';
import {
  compare,
  convert,
  isTrue,
  negate,
  operate,
  str,
  type PythonValue,
} from './python-values.ts';

export { PythonError } from './python-lexer.ts';

/** A code block; `line` is where its text begins. */
export interface PythonBlock {
  readonly text: string;
  readonly line: number;
}

/** Blocks in their order, each a list of statements. */
export type PythonProgram = readonly (readonly Statement[])[];

interface World {
  readonly variables: Map<string, PythonValue>;
  readonly print: (text: string) => void;
}
type Statement = (world: World) => void;
type Expression = (world: World) => PythonValue;

/** @throws PythonError for what is no Python, and (`unsupported`) for what is none of the subset */
export function parsePython(blocks: readonly PythonBlock[]): PythonProgram {
  return blocks.map(({ text, line }) => new Parser(text, line).block());
}

/**
 * Runs all blocks; what one assigns the next ones see. States and option bits of tcp_info are known by their names.
 *
 * @param snapshots one per block: the values its variables have when it begins
 * @param print gets what `print(…)` prints, a line at a time
 * @returns what went wrong first: a failed assertion, an error, or something unsupported such as a variable that no
 *   snapshot has; null: nothing
 */
export function runPython(
  program: PythonProgram,
  snapshots: readonly ReadonlyMap<string, number>[],
  print: (text: string) => void = () => {},
): PythonError | null {
  const world: World = { variables: new Map(Object.entries(INFO_SYMBOLS)), print };
  try {
    program.forEach((block, i) => {
      for (const [name, value] of snapshots[i] ?? []) world.variables.set(name, value);
      for (const statement of block) statement(world);
    });
    return null;
  } catch (error) {
    if (error instanceof PythonError) return error;
    throw error;
  }
}

/** Words that begin or join what is not of the subset. */
const KEYWORDS: readonly string[] =
  'and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  );

const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];
/** Binary operators from the loosest to the tightest; those of a level join from the left. */
const LEVELS: readonly (readonly string[])[] = [
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '//', '%', '@'],
];
const ASSIGNMENTS: readonly string[] = [
  '+=',
  '-=',
  '*=',
  '/=',
  '//=',
  '%=',
  '&=',
  '|=',
  '^=',
  '<<=',
  '>>=',
];

class Parser {
  private readonly text: string;
  private readonly tokens: readonly PythonToken[];
  private at = 0;

  constructor(text: string, line: number, tokens: readonly PythonToken[] = lexPython(text, line)) {
    this.text = text;
    this.tokens = tokens;
  }

  block(): Statement[] {
    const statements: Statement[] = [];
    while (this.at < this.tokens.length) {
      statements.push(this.statement());
      if (this.accept(';')) this.takeEnd();
      else if (this.sees(',') || this.sees(':'))
        throw new PythonError(`'${this.peek().text}' in a statement`, this.peek().line, true);
      else if (!this.takeEnd()) this.refuse('the end of the statement');
    }
    return statements;
  }

  /** The one expression of a replacement field. */
  only(): Expression {
    const value = this.expression();
    if (!this.takeEnd() || this.at < this.tokens.length) this.refuse(`'}'`);
    return value;
  }

  private statement(): Statement {
    const { kind, text, line } = this.peek();
    if (kind === 'name' && text === 'assert') return this.assertion();
    if (this.accept('pass')) return () => {};
    if (kind === 'name' && KEYWORDS.includes(text) && text !== 'not')
      throw new PythonError(`'${text}' in code blocks`, line, true);
    const next = this.tokens[this.at + 1];
    if (kind === 'name' && next?.kind === 'operator') {
      if (next.text === '=') return this.assignment(text);
      if (ASSIGNMENTS.includes(next.text))
        return this.augmented(text, next.text.slice(0, -1), line);
    }
    const value = this.expression();
    return (world) => void value(world);
  }

  private assertion(): Statement {
    const { line } = this.take();
    const { from } = this.peek();
    const condition = this.expression();
    const source = this.text.slice(from, this.tokens[this.at - 1]!.to).replaceAll(/\\?\s+/g, ' ');
    const message = this.accept(',') ? this.expression() : null;
    return (world) => {
      if (isTrue(condition(world))) return;
      const said = message === null ? '' : `: ${str(message(world))}`;
      throw new PythonError(`assert ${source}${valuesIn(source, world)}${said}`, line);
    };
  }

  private assignment(name: string): Statement {
    this.at += 2;
    const value = this.expression();
    const { kind, line } = this.peek();
    if (kind === 'operator' && this.sees('='))
      throw new PythonError('a = b = c in code blocks', line, true);
    return (world) => void world.variables.set(name, value(world));
  }

  private augmented(name: string, op: string, line: number): Statement {
    this.at += 2;
    const value = this.expression();
    return (world) =>
      void world.variables.set(name, operate(op, lookUp(name, world, line), value(world), line));
  }

  private expression(): Expression {
    const value = this.or();
    const { kind, text, line } = this.peek();
    if (kind === 'name' && KEYWORDS.includes(text))
      throw new PythonError(`'${text}' in an expression`, line, true);
    return value;
  }

  private or(): Expression {
    let left = this.and();
    while (this.accept('or')) {
      const [a, b] = [left, this.and()];
      left = (world) => {
        const value = a(world);
        return isTrue(value) ? value : b(world);
      };
    }
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.accept('and')) {
      const [a, b] = [left, this.not()];
      left = (world) => {
        const value = a(world);
        return isTrue(value) ? b(world) : value;
      };
    }
    return left;
  }

  private not(): Expression {
    if (!this.accept('not')) return this.comparison();
    const value = this.not();
    return (world) => !isTrue(value(world));
  }

  /** a <= b < c holds where both do; b is looked at once. */
  private comparison(): Expression {
    const first = this.binary(0);
    const rest: { op: string; line: number; value: Expression }[] = [];
    while (this.peek().kind === 'operator' && COMPARISONS.includes(this.peek().text)) {
      const { text: op, line } = this.take();
      rest.push({ op, line, value: this.binary(0) });
    }
    if (rest.length === 0) return first;
    return (world) => {
      let left = first(world);
      return rest.every(({ op, line, value }) => {
        const right = value(world);
        const holds = compare(op, left, right, line);
        left = right;
        return holds;
      });
    };
  }

  private binary(level: number): Expression {
    const ops = LEVELS[level];
    if (ops === undefined) return this.unary();
    let left = this.binary(level + 1);
    while (this.peek().kind === 'operator' && ops.includes(this.peek().text)) {
      const { text: op, line } = this.take();
      const [a, b] = [left, this.binary(level + 1)];
      left = (world) => operate(op, a(world), b(world), line);
    }
    return left;
  }

  private unary(): Expression {
    const { kind, text: op, line } = this.peek();
    if (kind !== 'operator' || !['-', '+', '~'].includes(op)) return this.primary();
    this.take();
    const value = this.unary();
    return (world) => negate(op, value(world), line);
  }

  private primary(): Expression {
    const value = this.atom();
    const { kind, text, line } = this.peek();
    if (kind === 'operator' && ['**', '[', '.', '('].includes(text))
      throw new PythonError(`'${text}' in an expression`, line, true);
    return value;
  }

  private atom(): Expression {
    const { kind, text, line } = this.peek();
    switch (kind) {
      case 'number':
        this.take();
        return constant(integer(text, line));
      case 'string':
      case 'format':
        return this.strings();
      case 'name':
        return this.name();
      case 'operator':
        if (this.accept('(')) return this.parentheses();
        if (text === '[' || text === '{')
          throw new PythonError(`'${text}' in an expression`, line, true);
        return this.refuse('an expression');
      case 'end':
        return this.refuse('an expression');
    }
  }

  private name(): Expression {
    const { text, line } = this.take();
    if (text === 'True' || text === 'False') return constant(text === 'True');
    if (text === 'None') return constant(null);
    if (KEYWORDS.includes(text)) throw new PythonError(`'${text}' in an expression`, line, true);
    if (this.accept('(')) return this.call(text, line);
    return (world) => lookUp(text, world, line);
  }

  private call(name: string, line: number): Expression {
    if (name !== 'print' && name !== 'str') throw new PythonError(`the call ${name}()`, line, true);
    const args = this.accept(')') ? [] : this.list();
    if (name === 'str' && args.length !== 1)
      throw new PythonError('str() without its one argument', line, true);
    return (world) => {
      const text = args.map((arg) => str(arg(world))).join(' ');
      if (name === 'str') return text;
      world.print(text);
      return null;
    };
  }

  /** Values up to the closing parenthesis. */
  private list(): Expression[] {
    const values: Expression[] = [];
    do {
      if (this.sees(')')) break;
      values.push(this.expression());
      if (this.sees('=')) throw new PythonError('arguments by name', this.peek().line, true);
    } while (this.accept(','));
    if (!this.accept(')')) this.refuse(`')'`);
    return values;
  }

  /** A tuple where a comma is inside. */
  private parentheses(): Expression {
    const from = this.at;
    const values = this.list();
    const isTuple = values.length !== 1 || this.tokens[this.at - 2]?.text === ',';
    if (values.length === 0 && this.at !== from + 1) this.refuse('an expression');
    return isTuple ? (world) => values.map((value) => value(world)) : values[0]!;
  }

  /** Neighbouring strings are one. */
  private strings(): Expression {
    const parts: Expression[] = [];
    for (;;) {
      const { kind, text, line } = this.peek();
      if (kind === 'string') parts.push(constant(text));
      else if (kind === 'format') parts.push(replacementFields(text, line));
      else return (world) => parts.map((part) => str(part(world))).join('');
      this.take();
    }
  }

  private peek(): PythonToken {
    return this.tokens[this.at] ?? this.tokens.at(-1) ?? NOTHING;
  }

  private take(): PythonToken {
    const token = this.peek();
    this.at++;
    return token;
  }

  private sees(text: string): boolean {
    const { kind, text: found } = this.peek();
    return found === text && (kind === 'operator' || kind === 'name');
  }

  private accept(text: string): boolean {
    const seen = this.sees(text);
    if (seen) this.at++;
    return seen;
  }

  private takeEnd(): boolean {
    const seen = this.peek().kind === 'end';
    if (seen) this.at++;
    return seen;
  }

  private refuse(expected: string): never {
    const { text, line } = this.peek();
    throw new PythonError(`SyntaxError: expected ${expected}, found '${text}'`, line);
  }
}

const NOTHING: PythonToken = { kind: 'end', text: 'nothing', line: 1, from: 0, to: 0 };

const constant =
  (value: PythonValue): Expression =>
  () =>
    value;

function integer(text: string, line: number): number {
  const digits = text.replaceAll('_', '');
  const value = Number(digits);
  if (/^0\d*[1-9]/.test(digits))
    throw new PythonError(`SyntaxError: ${text} with a leading zero`, line);
  if (/[.]|^\d+[eE]/.test(digits))
    throw new PythonError(`the number ${text}: only integers`, line, true);
  if (!Number.isSafeInteger(value)) throw new PythonError('numbers beyond 2^53', line, true);
  return value;
}

function lookUp(name: string, world: World, line: number): PythonValue {
  const value = world.variables.get(name);
  if (value === undefined) throw new PythonError(`the variable ${name}`, line, true);
  return value;
}

/** " (tcpi_snd_cwnd is 9)": the variables of a condition, as far as they are not constants. */
function valuesIn(source: string, world: World): string {
  const names = new Set(source.match(/[A-Za-z_]\w*/g));
  const known = [...names].filter(
    (name) => world.variables.has(name) && !Object.hasOwn(INFO_SYMBOLS, name),
  );
  if (known.length === 0) return '';
  return ` (${known.map((name) => `${name} is ${str(world.variables.get(name)!)}`).join(', ')})`;
}

const FIELD = /\{\{|\}\}|\{([^{}!:=]+)(?:!([rs]))?(?::(0?)(\d*)([a-zA-Z]?))?\}|[{}]/g;

/** An f-string: text, and expressions in braces with an optional conversion and a simple format. */
function replacementFields(text: string, line: number): Expression {
  const parts: Expression[] = [];
  let end = 0;
  for (const match of text.matchAll(FIELD)) {
    parts.push(constant(unescapePython(text.slice(end, match.index))));
    end = match.index + match[0].length;
    const [all, source, conversion, zero = '', width = '', type = ''] = match;
    if (all === '{{' || all === '}}') parts.push(constant(all[0]!));
    else if (source === undefined) throw new PythonError('such a field in an f-string', line, true);
    else {
      const value = new Parser(source, line).only();
      parts.push((world) => {
        const v = value(world);
        const by = type === '' ? (conversion ?? (typeof v === 'number' ? 'd' : 's')) : type;
        return convert(v, typeof v === 'string' ? '-' : zero, Number(width), by, line);
      });
    }
  }
  parts.push(constant(unescapePython(text.slice(end))));
  return (world) => parts.map((part) => str(part(world))).join('');
}
