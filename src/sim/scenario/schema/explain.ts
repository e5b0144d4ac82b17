/** From what zod refuses to what a person reads: where, what, and what to write instead. */
import type { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import { printPath } from '../paths.ts';
import type { Problem } from '../problems.ts';
import { getAt, keyPosition, type Tree } from '../tree.ts';
import { locate, type Path, type Source } from '../types.ts';
import { notesOf } from './fields.ts';

type Issue = z.core.$ZodIssue;

interface Context {
  readonly schema: z.core.$ZodType;
  readonly tree: Tree;
  readonly source: Source;
}

export function explain(issues: readonly Issue[], context: Context): Problem[] {
  return issues.flatMap((issue) => explainOne(issue, issue.path as Path, context));
}

function explainOne(issue: Issue, path: Path, c: Context): Problem[] {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const { keys } = schemaAt(c.schema, path, c.tree);
      return issue.keys.map((key) => {
        const dotted = keys.find((k) => k.startsWith(`${key}.`));
        const hint =
          dotted === undefined
            ? didYouMean(key, keys, 'keys here')
            : `a key that holds dots is quoted, e.g. \`${printPath([...path, dotted])}\``;
        return problem(c, [...path, key], `unknown key \`${key}\``, hint, true);
      });
    }
    case 'invalid_union':
      return explainUnion(issue, path, c);
    case 'invalid_type':
      return [wrongType(path, KINDS[issue.expected] ?? issue.expected, c)];
    case 'invalid_value': {
      const words = issue.values.map(String);
      return [noneOf(path, words, c)];
    }
    case 'too_small':
    case 'too_big':
      return [outOfRange(issue, path, c)];
    case 'custom': {
      const params = issue.params as { hint?: string; key?: boolean } | undefined;
      return [problem(c, path, issue.message, params?.hint, params?.key === true)];
    }
    default:
      return [problem(c, path, issue.message, expectsHint(c, path))];
  }
}

/** A union says no as a whole. What it means is what the branch says that fits best. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, c: Context): Problem[] {
  const options = (issue as { options?: readonly unknown[] }).options;
  if (options !== undefined) return [noneOf(path, options.map(String), c)];
  for (const branch of issue.errors) {
    if (branch.every((i) => i.path.length > 0 || i.code === 'unrecognized_keys')) {
      return branch.flatMap((i) => explainOne(i, [...path, ...(i.path as Path)], c));
    }
  }
  const words = issue.errors.flatMap((branch) =>
    branch.flatMap((i) => (i.code === 'invalid_value' ? i.values.map(String) : [])),
  );
  const written = getAt(c.tree, path);
  if (words.length > 0 && written?.kind === 'scalar' && written.value !== null) {
    return [noneOf(path, words, c)];
  }
  if (written === undefined) return [wrongType(path, '', c)];
  return [problem(c, path, `${describe(written)} does not fit here`, expectsHint(c, path))];
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'on or off',
};

function wrongType(path: Path, expected: string, c: Context): Problem {
  const written = getAt(c.tree, path);
  const hint = expectsHint(c, path);
  if (written === undefined) {
    return problem(c, path, `missing key \`${String(path.at(-1) ?? '')}\``, hint);
  }
  return problem(c, path, `expected ${expected}, not ${describe(written)}`, hint);
}

function noneOf(path: Path, words: readonly string[], c: Context): Problem {
  const written = getAt(c.tree, path);
  if (written === undefined) {
    const hint = `one of ${words.join(', ')}`;
    return problem(c, path, `missing key \`${String(path.at(-1) ?? '')}\``, hint);
  }
  const message = `${describe(written)} is none of ${words.join(', ')}`;
  return problem(c, path, message, didYouMean(textOf(written), words, 'write one of'));
}

function outOfRange(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  path: Path,
  c: Context,
): Problem {
  const written = getAt(c.tree, path);
  if (issue.origin === 'array' || issue.origin === 'string') {
    return problem(
      c,
      path,
      issue.origin === 'array' ? 'an empty list' : 'an empty text',
      expectsHint(c, path),
    );
  }
  const limit =
    issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  const value = written === undefined ? 'this' : describe(written);
  return problem(c, path, `impossible value: ${value}; ${limit}`, undefined);
}

function textOf(t: Tree): string {
  return t.kind === 'scalar' ? t.text : '';
}

function describe(t: Tree): string {
  if (t.kind === 'map') return 'a map';
  if (t.kind === 'list') return 'a list';
  return t.value === null ? 'nothing' : `\`${t.text}\``;
}

function expectsHint(c: Context, path: Path): string | undefined {
  const { expects } = schemaAt(c.schema, path, c.tree);
  return expects === null ? undefined : `e.g. \`${String(path.at(-1) ?? '')}: ${expects}\``;
}

function problem(c: Context, path: Path, message: string, hint?: string, key = false): Problem {
  const at = (key ? keyPosition(c.tree, path) : null) ?? locate(c.source, path) ?? c.tree.at;
  return hint === undefined ? { at, message } : { at, message, hint };
}

interface Place {
  /** Keys that may stand in the map here. */
  readonly keys: readonly string[];
  /** An example of what may stand here. */
  readonly expects: string | null;
}

/** What the schema says about a path, as far as it can be followed. */
function schemaAt(schema: z.core.$ZodType, path: Path, tree: Tree): Place {
  let s: z.core.$ZodType | null = schema;
  let t: Tree | undefined = tree;
  for (const step of path) {
    s = child(unwrap(s, t).schema, String(step));
    t = getAt(t, [step]);
    if (s === null) return { keys: [], expects: null };
  }
  const inner = unwrap(s, t);
  return { keys: keysOf(inner.schema), expects: inner.expects };
}

interface Def {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
}
const defOf = (s: z.core.$ZodType): Def => s._zod.def as unknown as Def;

/** Without defaults, transforms and the like; of a union, the branch that `model:` chooses or the one that is a map. */
function unwrap(
  s: z.core.$ZodType,
  t: Tree | undefined,
): { schema: z.core.$ZodType; expects: string | null } {
  let schema = s;
  let expects: string | null = null;
  for (;;) {
    const notes = notesOf(schema);
    expects ??= notes.expects ?? null;
    const def = defOf(schema);
    const next: z.core.$ZodType | undefined =
      notes.body ?? def.innerType ?? (def.type === 'pipe' ? def.in : undefined) ?? branch(def, t);
    if (next === undefined) return { schema, expects };
    schema = next;
  }
}

function branch(def: Def, t: Tree | undefined): z.core.$ZodType | undefined {
  if (def.type !== 'union' || def.options === undefined) return undefined;
  if (def.discriminator === undefined) {
    return t?.kind === 'map' ? def.options.find((o) => defOf(o).type === 'object') : undefined;
  }
  const name = getAt(t, [def.discriminator]);
  return def.options.find((option) => {
    const object = defOf(option).type === 'pipe' ? defOf(option).in! : option;
    const literal = defOf(object).shape?.[def.discriminator!];
    const values = literal === undefined ? [] : (literal._zod.def as { values?: unknown[] }).values;
    return name?.kind === 'scalar' && values?.includes(name.value) === true;
  });
}

function child(s: z.core.$ZodType, step: string): z.core.$ZodType | null {
  const def = defOf(s);
  if (def.shape !== undefined) {
    if (Object.hasOwn(def.shape, step)) return def.shape[step]!;
    const direction = step.includes('->') ? def.shape[ARROW] : undefined;
    return direction ?? null;
  }
  return def.valueType ?? def.element ?? null;
}

function keysOf(s: z.core.$ZodType): string[] {
  return Object.keys(defOf(s).shape ?? {}).filter((k) => k !== ARROW);
}

/** Stands for every key `a->b` of a link. */
const ARROW = '->';
