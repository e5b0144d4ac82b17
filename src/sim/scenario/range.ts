/**
 * The values of an axis of a sweep: a list, `log2: [from, to]` or `linear: [from, to, step]`. Plain numbers stay plain
 * numbers (Linux's own), quantities stay quantities and are printed with a unit that loses nothing.
 */
import { ScenarioError } from '../../base/assert.ts';
import {
  type Dimension as Unit,
  EXACT,
  parseQuantity,
  printBytes,
  printDuration,
  printRate,
} from '../../base/quantity.ts';
import type { Duration } from '../../base/units.ts';
import type { AxesForm, Choice } from './axes.ts';
import type { Problems } from './problems.ts';
import { flow, type ScalarTree, type Tree } from './tree.ts';
import type { Dimension } from './types.ts';

export const VARY: AxesForm = {
  key: 'vary',
  example: 'vary: { apps.server.sockopt.SO_RCVBUF: { log2: [4096, 1048576] } }',
  takes: 'a list of values, `log2: [from, to]` or `linear: [from, to, step]`',
  choices,
};

/** More values than any axis needs: stops `linear: [0, 1000000000, 1]` before it costs memory. */
export const MAX_VALUES = 100_000;

/** A number on an axis. `count`: a plain one. */
export interface Value {
  readonly value: number;
  readonly dimension: Dimension;
}

const ALL: readonly Unit[] = ['duration', 'bytes', 'rate', 'packets', 'fraction', 'frequency'];

/** What a value of an axis measures; null when it is no number (`blocking`). */
export function valueOf(text: string): Value | null {
  if (/^-?\d+(\.\d+)?$/.test(text.trim())) return { value: Number(text), dimension: 'count' };
  try {
    return parseQuantity(text, ALL);
  } catch (error) {
    if (error instanceof ScenarioError) return null;
    throw error;
  }
}

function choices(values: Tree, path: string, problems: Problems): readonly Choice[] | null {
  if (values.kind === 'list') return values.items.map((value) => ({ name: flow(value), value }));
  if (values.kind !== 'map') return [];
  const [form, ...more] = [...values.entries.keys()];
  if (form === undefined) return [];
  const range = values.entries.get(form)!;
  const wrong = (message: string, hint: string, at = range.key): null => {
    problems.add({ at, message, hint });
    return null;
  };
  if ((form !== 'log2' && form !== 'linear') || more.length > 0) {
    const unknown = form === 'log2' || form === 'linear' ? more[0]! : form;
    return wrong(
      `\`${path}\`: \`${unknown}\` is no way to give values`,
      'write a list, `{ log2: [from, to] }` or `{ linear: [from, to, step] }`',
      values.entries.get(unknown)!.key,
    );
  }
  const example = form === 'log2' ? '`log2: [4096, 1048576]`' : '`linear: [0 ms, 50 ms, 10 ms]`';
  const items = range.value.kind === 'list' ? range.value.items : [];
  if (items.length !== (form === 'log2' ? 2 : 3)) {
    return wrong(
      `\`${form}\` takes ${form === 'log2' ? 'two numbers' : 'three numbers'}`,
      `e.g. ${example}`,
    );
  }
  const numbers: Value[] = [];
  for (const item of items) {
    const n = item.kind === 'scalar' ? valueOf(item.text) : null;
    if (n === null) return wrong(`\`${flow(item)}\` is no number`, `e.g. ${example}`, item.at);
    numbers.push(n);
  }
  const [from, to, step] = numbers as [Value, Value, Value | undefined];
  const odd = numbers.findIndex((n) => n.dimension !== from.dimension);
  if (odd > 0) {
    return wrong(
      `\`${flow(items[odd]!)}\` and \`${flow(items[0]!)}\` have different units`,
      `e.g. ${example}`,
      items[odd]!.at,
    );
  }
  const found = step === undefined ? doubled(from, to) : stepped(from, to, step);
  if (typeof found === 'string') return wrong(found, `e.g. ${example}`);
  return found.map((v) => choiceOf(print(v, from.dimension), from.dimension, items[0]!));
}

/** @returns what is wrong, in words */
function doubled(from: Value, to: Value): number[] | string {
  if (from.value <= 0) return '`log2` begins above 0: nothing doubled is nothing';
  const out: number[] = [];
  for (let v = from.value; v <= to.value; v *= 2) out.push(v);
  if (out.length === 0) return '`log2` has no values: its end lies before its beginning';
  const last = out.at(-1)!;
  if (last !== to.value) {
    const near = `${print(last, from.dimension)} or ${print(2 * last, from.dimension)}`;
    return `${print(to.value, from.dimension)} is not ${print(from.value, from.dimension)} doubled some number of times; ${near} is`;
  }
  return out;
}

/** To 12 digits, so that 0.1 + 2 · 0.1 is 0.3. */
function stepped(from: Value, to: Value, step: Value): number[] | string {
  if (step.value <= 0) return '`linear` goes up: its step is above 0';
  const count = Math.floor((to.value - from.value) / step.value + 1e-9) + 1;
  if (count < 1) return '`linear` has no values: its end lies before its beginning';
  if (count > MAX_VALUES) return `${count} values; at most ${MAX_VALUES} on one axis`;
  return Array.from({ length: count }, (_, i) =>
    Number((from.value + i * step.value).toPrecision(12)),
  );
}

function print(value: number, dimension: Dimension): string {
  switch (dimension) {
    case 'duration':
      return printDuration(value as Duration, EXACT);
    case 'bytes':
      return printBytes(value, EXACT);
    case 'rate':
      return printRate(value, EXACT);
    case 'packets':
      return `${value} packets`;
    case 'fraction':
      return `${Number((100 * value).toPrecision(12))} %`;
    case 'frequency':
      return `${value} /s`;
    case 'count':
      return String(value);
  }
}

function choiceOf(text: string, dimension: Dimension, like: Tree): Choice {
  const plain = dimension === 'count';
  const value: ScalarTree = {
    kind: 'scalar',
    at: like.at,
    value: plain ? Number(text) : text,
    text,
  };
  return { name: text, value };
}
