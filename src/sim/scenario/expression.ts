/**
 * The small language of `that:` and `is:`. Numbers with units, metrics, metrics of another variant in brackets, + − × ÷ and
 * parentheses; and on the right side a comparison, an interval, a tolerance or a plain value. A minus between two names
 * needs spaces around it: `a-b` is one name.
 */
import { ScenarioError } from '../../base/assert.ts';
import { type Dimension as Unit, parseQuantity } from '../../base/quantity.ts';
import type { Check, Dimension, Expr } from './types.ts';

/** What a metric's name means in this world. Throws ScenarioError when it means nothing. */
export type Resolve = (name: string) => { readonly name: string; readonly dimension: Dimension };

const ALL: readonly Unit[] = ['duration', 'bytes', 'rate', 'packets', 'fraction', 'frequency'];

type Token =
  | { readonly kind: 'number'; readonly digits: string; readonly unit: string | null }
  | { readonly kind: 'name'; readonly text: string; readonly where: Record<string, string> | null }
  | { readonly kind: 'sign'; readonly text: string };

const SIGNS = [
  '..',
  '<=',
  '>=',
  '==',
  '±',
  '+-',
  '<',
  '>',
  '=',
  '(',
  ')',
  '+',
  '-',
  '−',
  '*',
  '×',
  '/',
  '÷',
];
const SAME: Readonly<Record<string, string>> = {
  '==': '=',
  '+-': '±',
  '−': '-',
  '×': '*',
  '÷': '/',
};

const NUMBER =
  /^(\d+(?:\.\d+)?(?:[eE][+-]?\d+(?![A-Za-z]))?)(?:\s*(\/s(?![A-Za-z_.])|[A-Za-zµμ%][A-Za-zµμ%]*(?:\/s(?![A-Za-z_.]))?))?/;
const NAME_AND_WHERE =
  /^([A-Za-z_][A-Za-z0-9_]*(?:(?:\.|->|-(?=[A-Za-z0-9_]))[A-Za-z0-9_]+)*)(?:\[([^\]]*)\])?/;

function tokens(text: string): Token[] {
  const out: Token[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const number = NUMBER.exec(rest);
    const name = number === null ? NAME_AND_WHERE.exec(rest) : null;
    const sign = SIGNS.find((s) => rest.startsWith(s));
    if (number !== null) {
      out.push({ kind: 'number', digits: number[1]!, unit: number[2] ?? null });
      rest = rest.slice(number[0].length);
    } else if (name !== null) {
      out.push({
        kind: 'name',
        text: name[1]!,
        where: name[2] === undefined ? null : selector(name[2]),
      });
      rest = rest.slice(name[0].length);
    } else if (sign !== undefined) {
      out.push({ kind: 'sign', text: SAME[sign] ?? sign });
      rest = rest.slice(sign.length);
    } else {
      throw new ScenarioError(`\`${rest.slice(0, 12)}\` is no part of an expression`, [], GRAMMAR);
    }
    rest = rest.trimStart();
  }
  return out;
}

const GRAMMAR =
  'e.g. `<= 5 ms`, `25 Mbit/s .. 34 Mbit/s`, `2714 ± 25 %`, `goodput[model=epoll] * 2`';

function selector(text: string): Record<string, string> {
  const where: Record<string, string> = {};
  for (const part of text.split(',')) {
    const eq = part.indexOf('=');
    if (eq < 1) {
      throw new ScenarioError(
        `\`[${text}]\` names no variant`,
        [],
        'write e.g. `goodput[model=epoll]`',
      );
    }
    where[
      part
        .slice(0, eq)
        .trim()
        .replaceAll(/^["']|["']$/g, '')
    ] = part.slice(eq + 1).trim();
  }
  return where;
}

class Parser {
  private readonly list: Token[];
  private readonly resolve: Resolve;
  private i = 0;

  constructor(text: string, resolve: Resolve) {
    this.list = tokens(text);
    this.resolve = resolve;
  }

  /** The next sign, taken when it is one of those. */
  sign(...signs: string[]): string | null {
    const t = this.list[this.i];
    if (t?.kind !== 'sign' || !signs.includes(t.text)) return null;
    this.i++;
    return t.text;
  }

  end(): void {
    const t = this.list[this.i];
    if (t === undefined) return;
    const text = t.kind === 'number' ? t.digits : t.text;
    throw new ScenarioError(`\`${text}\` is too much here`, [], GRAMMAR);
  }

  sum(): Expr {
    let left = this.product();
    for (let op = this.sign('+', '-'); op !== null; op = this.sign('+', '-')) {
      left = combine(op === '+' ? 'sum' : 'difference', left, this.product());
    }
    return left;
  }

  private product(): Expr {
    let left = this.atom();
    for (let op = this.sign('*', '/'); op !== null; op = this.sign('*', '/')) {
      left = combine(op === '*' ? 'product' : 'quotient', left, this.atom());
    }
    return left;
  }

  private atom(): Expr {
    if (this.sign('(') !== null) {
      const inner = this.sum();
      if (this.sign(')') === null) throw new ScenarioError('a `)` is missing', [], GRAMMAR);
      return inner;
    }
    const t = this.list[this.i++];
    if (t?.kind === 'number') return numberOf(t.digits, t.unit);
    if (t?.kind === 'name') {
      const { name, dimension } = this.resolve(t.text);
      return { kind: 'metric', name, dimension, where: t.where };
    }
    throw new ScenarioError('a number or a metric is missing', [], GRAMMAR);
  }
}

function numberOf(digits: string, unit: string | null): Expr {
  if (unit === null) return { kind: 'number', value: Number(digits), dimension: null };
  const q = parseQuantity(`${digits} ${unit}`, ALL);
  return { kind: 'number', value: q.value, dimension: q.dimension };
}

/** Some numbers have no fixed unit: products of two quantities, for instance. */
type Inferred = Dimension | 'any';

export function dimensionOf(e: Expr): Inferred {
  switch (e.kind) {
    case 'number':
      return e.dimension ?? 'count';
    case 'metric':
      return e.dimension;
    case 'sum':
    case 'difference': {
      const left = dimensionOf(e.left);
      return left === 'any' || isZero(e.left) ? dimensionOf(e.right) : left;
    }
    case 'product':
    case 'quotient': {
      const left = dimensionOf(e.left);
      const right = dimensionOf(e.right);
      if (isScalar(right)) return left;
      if (e.kind === 'product') return isScalar(left) ? right : 'any';
      return left === right ? 'count' : 'any';
    }
  }
}

const isScalar = (d: Inferred): boolean => d === 'count' || d === 'fraction';
const isZero = (e: Expr): boolean => e.kind === 'number' && e.value === 0;

/** May `b` stand where an `a` does? Packets are a count, and a queue counts what its limit counts. */
function fits(a: Inferred, b: Inferred): boolean {
  if (a === b || a === 'any' || b === 'any') return true;
  return a === 'count' && (b === 'packets' || b === 'bytes');
}

const SAMPLE: { readonly [D in Dimension]: string } = {
  rate: '25 Mbit/s',
  duration: '10 ms',
  bytes: '64 KiB',
  fraction: '5 %',
  packets: '10 packets',
  frequency: '100 /s',
  count: '10',
};

function combine(
  kind: 'sum' | 'difference' | 'product' | 'quotient',
  left: Expr,
  right: Expr,
): Expr {
  if (kind === 'sum' || kind === 'difference') demandUnit(right, left);
  return { kind, left, right };
}

function demandUnit(value: Expr, like: Expr): void {
  const wanted = dimensionOf(like);
  const got = dimensionOf(value);
  if (isZero(value) || isZero(like) || fits(wanted, got) || fits(got, wanted)) return;
  const sample = wanted === 'any' ? '' : SAMPLE[wanted];
  if (value.kind === 'number' && value.dimension === null) {
    throw new ScenarioError(`\`${value.value}\` has no unit`, [], `write e.g. \`${sample}\``);
  }
  throw new ScenarioError(`a ${got} is compared with a ${wanted}`, [], `write e.g. \`${sample}\``);
}

/** The left side. */
export function parseThat(text: string, resolve: Resolve): Expr {
  const p = new Parser(text, resolve);
  const e = p.sum();
  p.end();
  return e;
}

/** The right side, against what the left side measures. */
export function parseIs(text: string, that: Expr, resolve: Resolve): Check {
  const p = new Parser(text, resolve);
  const op = p.sign('<', '<=', '=', '>=', '>') as '<' | '<=' | '=' | '>=' | '>' | null;
  let value = p.sum();
  if (op === null && p.sign('..') !== null) {
    const to = p.sum();
    p.end();
    // `25 .. 34 Mbit/s`: the unit is written once.
    value = lendUnit(text, value, to);
    demandUnit(value, that);
    demandUnit(to, that);
    if (value.kind === 'number' && to.kind === 'number' && value.value > to.value) {
      throw new ScenarioError('the interval is empty: its ends are the wrong way round', []);
    }
    return { kind: 'range', from: value, to };
  }
  if (op === null && p.sign('±') !== null) {
    const tolerance = p.sum();
    p.end();
    const relative = dimensionOf(tolerance) === 'fraction';
    if (!relative) value = lendUnit(text, value, tolerance);
    demandUnit(value, that);
    if (!relative) demandUnit(tolerance, that);
    return { kind: 'near', value, tolerance, relative };
  }
  p.end();
  demandUnit(value, that);
  return { kind: 'compare', op: op ?? '=', value };
}

function lendUnit(text: string, value: Expr, from: Expr): Expr {
  if (value.kind !== 'number' || value.dimension !== null || from.kind !== 'number') return value;
  if (from.dimension === null || value.value === 0) return value;
  const list = tokens(text);
  const first = list[0];
  const last = list.at(-1);
  if (first?.kind !== 'number' || last?.kind !== 'number') return value;
  return numberOf(first.digits, last.unit);
}

/** Every metric in an expression. */
export function metricsIn(e: Expr): Extract<Expr, { kind: 'metric' }>[] {
  if (e.kind === 'metric') return [e];
  return e.kind === 'number' ? [] : [...metricsIn(e.left), ...metricsIn(e.right)];
}

export function metricsInCheck(c: Check): Extract<Expr, { kind: 'metric' }>[] {
  switch (c.kind) {
    case 'compare':
      return metricsIn(c.value);
    case 'range':
      return [...metricsIn(c.from), ...metricsIn(c.to)];
    case 'near':
      return [...metricsIn(c.value), ...metricsIn(c.tolerance)];
  }
}
