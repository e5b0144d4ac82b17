/**
 * YAML as a tree of maps, lists and scalars that know where they were written. Everything that happens before the schema
 * (defaults, variants, `--set`) happens on this tree, so that an error still points at the text that caused it.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit as visitYaml,
} from 'yaml';
import { type Path, type Position, pathKey } from './types.ts';
import { type Problem, Problems } from './problems.ts';

export type Tree = MapTree | ListTree | ScalarTree;
export type Scalar = string | number | boolean | null;

export interface Entry {
  readonly key: Position;
  readonly value: Tree;
}
export interface MapTree {
  readonly kind: 'map';
  readonly at: Position;
  readonly entries: ReadonlyMap<string, Entry>;
}
export interface ListTree {
  readonly kind: 'list';
  readonly at: Position;
  readonly items: readonly Tree[];
}
export interface ScalarTree {
  readonly kind: 'scalar';
  readonly at: Position;
  readonly value: Scalar;
  /** As written, without quotes. */
  readonly text: string;
}

/** Deeper or larger than any scenario: stops alias bombs before they cost memory. */
const MAX_DEPTH = 64;
const MAX_NODES = 200_000;
/** Characters: 20 for each of those values. Longer text is not even parsed, which would take a second for each 100,000 values. */
const MAX_TEXT = 20 * MAX_NODES;

/** Parses one YAML document; what is wrong with it as YAML goes into `problems`, and null is returned. */
export function parseTree(text: string, origin: Origin, problems: Problems): Tree | null {
  const lines = new LineCounter();
  const at = (offset: number): Position => origin(lines.linePos(Math.max(0, offset)));
  const before = problems.size;
  if (text.length > MAX_TEXT) {
    problems.add({
      at: origin({ line: 1, col: 1 }),
      message: `${text.length} characters of YAML; a scenario file has at most ${MAX_TEXT}`,
      hint: 'split it into several files; for many frames of `model: raw` give `rate:` and `count:` instead of `times:`',
    });
    return null;
  }
  let doc: Document.Parsed;
  try {
    doc = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      version: '1.2',
      uniqueKeys: false,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.add({ at: origin({ line: 1, col: 1 }), message: 'the YAML is nested too deeply' });
    return null;
  }
  // What is wrong first is what is wrong; the rest mostly follows from it.
  const [first] = [...doc.errors, ...doc.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (first !== undefined) {
    const [end] = first.pos;
    const quote = /closing ["']/.test(first.message) ? openQuote(doc, end) : null;
    problems.add(
      quote === null
        ? syntaxProblem(first.code, first.message, at(end))
        : { at: at(quote), message: 'not valid YAML: this quote is never closed' },
    );
  }
  if (problems.size > before) return null;
  if (doc.contents === null) return { kind: 'scalar', at: at(0), value: null, text: '' };
  const walk = new Walk(doc, at, problems);
  const tree = walk.tree(doc.contents, 0);
  return problems.size > before ? null : tree;
}

/** From line and column in the parsed text to a position for people. */
export type Origin = (p: { line: number; col: number }) => Position;

const TWICE = 'keep one of the two; the same key twice in a map is never what one means';

const CURES: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'one file holds one document: remove the `---` line',
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'indent the lines of one map alike',
  MISSING_CHAR: 'a bracket, brace or quote is not closed, or a comma is missing',
  UNEXPECTED_TOKEN: 'quote a text that holds YAML signs such as , : [ ] { } #',
  BLOCK_AS_IMPLICIT_KEY: 'a value that holds `: ` needs quotes',
  MULTILINE_IMPLICIT_KEY: 'a `:` is missing after a key',
  TAG_RESOLVE_FAILED: 'scenarios use no tags: remove the `!…`',
};

/** Where a quoted text begins that has no end; it is only noticed where the file ends. */
function openQuote(doc: Document.Parsed, end: number): number | null {
  let start: number | null = null;
  visitYaml(doc, {
    Scalar(_key, node) {
      const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE';
      if (quoted && node.range != null && node.range[1] >= end) start = node.range[0];
    },
  });
  return start;
}

function syntaxProblem(code: string, message: string, at: Position): Problem {
  const open = /end with a (\S)/.exec(message)?.[1];
  const bare = /^Implicit map keys need to be followed/.test(message);
  const hint =
    open !== undefined
      ? `a \`${open}\` is missing, here or on a line above`
      : CURES[bare ? 'MULTILINE_IMPLICIT_KEY' : code];
  const what = `not valid YAML: ${message.split('\n', 1)[0]!.replace(/\.$/, '')}`;
  return hint === undefined ? { at, message: what } : { at, message: what, hint };
}

const quote = (s: string): string => `\`${s.length > 40 ? `${s.slice(0, 39)}…` : s}\``;

class Walk {
  private readonly doc: Document.Parsed;
  private readonly at: (offset: number) => Position;
  private readonly problems: Problems;
  private nodes = 0;

  constructor(doc: Document.Parsed, at: (offset: number) => Position, problems: Problems) {
    this.doc = doc;
    this.at = at;
    this.problems = problems;
  }

  tree(node: unknown, depth: number): Tree {
    const at = this.at((node as Node | null)?.range?.[0] ?? 0);
    if (depth > MAX_DEPTH || ++this.nodes > MAX_NODES) {
      if (this.nodes < Infinity) {
        this.problems.add({
          at,
          message:
            depth > MAX_DEPTH
              ? `nested more than ${MAX_DEPTH} deep`
              : `larger than ${MAX_NODES} values`,
          hint: 'an alias that contains itself, or aliases of aliases?',
        });
      }
      this.nodes = Infinity;
      return { kind: 'scalar', at, value: null, text: '' };
    }
    if (isAlias(node)) return this.tree(node.resolve(this.doc), depth + 1);
    if (isMap(node)) {
      const entries = new Map<string, Entry>();
      for (const pair of node.items) this.entry(pair, entries, at, depth);
      return { kind: 'map', at, entries };
    }
    if (isSeq(node)) {
      return { kind: 'list', at, items: node.items.map((item) => this.tree(item, depth + 1)) };
    }
    if (isScalar(node)) return this.scalar(node.value, node.source, at);
    return { kind: 'scalar', at, value: null, text: '' };
  }

  private entry(pair: Pair, entries: Map<string, Entry>, parent: Position, depth: number): void {
    const key = isAlias(pair.key) ? pair.key.resolve(this.doc) : pair.key;
    const at = this.at((pair.key as Node | null)?.range?.[0] ?? -1);
    if (!isScalar(key)) {
      this.problems.add({ at: key === null ? parent : at, message: 'a key must be a plain name' });
      return;
    }
    const name = key.value === null ? (key.source ?? '') : (key.source ?? String(key.value));
    if (name === '') this.problems.add({ at, message: 'a key must have a name' });
    else if (entries.has(name))
      this.problems.add({
        at,
        message: `duplicate key ${quote(name)}`,
        hint: TWICE,
      });
    else
      entries.set(name, {
        key: at,
        value: pair.value === null ? emptyAt(at) : this.tree(pair.value, depth + 1),
      });
  }

  private scalar(value: unknown, source: string | undefined, at: Position): Tree {
    if (value === null || typeof value === 'boolean' || typeof value === 'string') {
      return { kind: 'scalar', at, value, text: source ?? String(value ?? '') };
    }
    return { kind: 'scalar', at, value: Number(value), text: source ?? String(value) };
  }
}

const emptyAt = (at: Position): ScalarTree => ({ kind: 'scalar', at, value: null, text: '' });

/** A tree from plain data, all of it at one position: for worlds described in code. */
export function treeOf(value: unknown, at: Position): Tree {
  if (Array.isArray(value)) return { kind: 'list', at, items: value.map((v) => treeOf(v, at)) };
  if (typeof value === 'object' && value !== null) {
    const entries = new Map<string, Entry>();
    for (const [k, v] of Object.entries(value)) {
      if (v !== undefined) entries.set(k, { key: at, value: treeOf(v, at) });
    }
    return { kind: 'map', at, entries };
  }
  const scalar =
    typeof value === 'number' || typeof value === 'boolean'
      ? value
      : value === null
        ? null
        : String(value);
  return { kind: 'scalar', at, value: scalar, text: String(value) };
}

/** Maps merge key by key, `over` winning; anything else is replaced. An empty value over a map leaves the map. */
export function merge(under: Tree | undefined, over: Tree): Tree {
  if (under === undefined || under.kind !== 'map') return over;
  if (over.kind === 'scalar' && over.value === null) return under;
  if (over.kind !== 'map') return over;
  const entries = new Map(under.entries);
  for (const [k, e] of over.entries) {
    entries.set(k, { key: e.key, value: merge(under.entries.get(k)?.value, e.value) });
  }
  return { kind: 'map', at: over.at, entries };
}

/** `tree` with `value` at `path`; maps on the way are made when they are missing. `key`: where the path was written. */
export function setAt(tree: Tree | undefined, path: Path, value: Tree, key: Position): Tree {
  const head = path[0];
  if (head === undefined) return value;
  const rest = path.slice(1);
  if (tree?.kind === 'list') {
    return {
      kind: 'list',
      at: tree.at,
      items: tree.items.map((item, i) =>
        i === Number(head) ? setAt(item, rest, value, key) : item,
      ),
    };
  }
  const entries = new Map(tree?.kind === 'map' ? tree.entries : []);
  const old = entries.get(String(head));
  entries.set(String(head), { key: old?.key ?? key, value: setAt(old?.value, rest, value, key) });
  return { kind: 'map', at: tree?.at ?? key, entries };
}

/** The map, less some of its keys. */
export function without(tree: MapTree, keys: readonly string[]): MapTree {
  const entries = [...tree.entries].filter(([key]) => !keys.includes(key));
  return { kind: 'map', at: tree.at, entries: new Map(entries) };
}

/** One line of YAML, for labels and `--set`. */
export function flow(tree: Tree): string {
  switch (tree.kind) {
    case 'scalar':
      return tree.text;
    case 'list':
      return `[${tree.items.map(flow).join(', ')}]`;
    case 'map':
      return `{ ${[...tree.entries].map(([k, e]) => `${k}: ${flow(e.value)}`).join(', ')} }`;
  }
}

export function getAt(tree: Tree | undefined, path: Path): Tree | undefined {
  let t = tree;
  for (const step of path) {
    if (t?.kind === 'map') t = t.entries.get(String(step))?.value;
    else if (t?.kind === 'list') t = t.items[Number(step)];
    else return undefined;
  }
  return t;
}

/** Plain data for the schema. */
export function toData(tree: Tree): unknown {
  switch (tree.kind) {
    case 'scalar':
      return tree.value;
    case 'list':
      return tree.items.map(toData);
    case 'map':
      return Object.fromEntries([...tree.entries].map(([k, e]) => [k, toData(e.value)]));
  }
}

/**
 * Where each value stands: a scalar where it is written, a map where its name is.
 *
 * @param at  where the name of the whole is
 */
export function positionsOf(tree: Tree, at: Position = tree.at): Map<string, Position> {
  const positions = new Map<string, Position>();
  visit(tree, [], at, positions);
  return positions;
}

function visit(tree: Tree, path: Path, at: Position, into: Map<string, Position>): void {
  into.set(pathKey(path), tree.kind === 'scalar' && tree.text !== '' ? tree.at : at);
  if (tree.kind === 'map') {
    for (const [k, e] of tree.entries) visit(e.value, [...path, k], e.key, into);
  } else if (tree.kind === 'list') {
    tree.items.forEach((item, i) => visit(item, [...path, i], item.at, into));
  }
}

/** The key's own position: what an "unknown key" points at. */
export function keyPosition(tree: Tree, path: Path): Position | null {
  const parent = getAt(tree, path.slice(0, -1));
  const last = path.at(-1);
  if (parent?.kind !== 'map' || last === undefined) return null;
  return parent.entries.get(String(last))?.key ?? null;
}
