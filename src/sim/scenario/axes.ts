/**
 * Axes: paths into a scenario and the values they take by turns. `each:` has them side by side, a `sweep:` as a grid.
 */
import { didYouMean } from './did-you-mean.ts';
import { parsePath, printPath } from './paths.ts';
import type { Problems } from './problems.ts';
import { type Entry, flow, getAt, type MapTree, merge, setAt, type Tree } from './tree.ts';
import type { Path, Position } from './types.ts';

/** What a variant is called and how it is selected. */
export interface VariantName {
  readonly label: string;
  readonly variant: Readonly<Record<string, string>>;
  readonly settings: readonly string[];
  /** Every axis with all its values: what `for:` and `goodput[…]` may speak of. */
  readonly axes: ReadonlyMap<string, readonly string[]>;
}

/** One `--set`. */
export interface Setting {
  readonly path: Path;
  readonly value: Tree;
  readonly text: string;
  readonly at: Position;
}

/** A path, and the values that are put there. */
export interface Axis {
  /** The last step of the path, or all of it where two axes end alike. */
  readonly key: string;
  readonly path: Path;
  readonly at: Position;
  /** Those that run. */
  readonly values: readonly Choice[];
  /** Those that are written, for `for:`. */
  readonly written: readonly Choice[];
}

/** One value of an axis: what it is called (by itself, or by the name it was given), and what it sets. */
export interface Choice {
  readonly name: string;
  readonly value: Tree;
}

export interface Variant {
  readonly tree: MapTree;
  readonly name: VariantName;
}

/** Where axes are written, and how. */
export interface AxesForm {
  readonly key: string;
  readonly example: string;
  /** What one axis takes, in words. */
  readonly takes: string;
  /** The values behind a path; null: what is wrong has been said. Empty: there are none. */
  choices(values: Tree, path: string, problems: Problems): readonly Choice[] | null;
}

export const EACH: AxesForm = {
  key: 'each',
  example: 'each: { apps.server.model: [blocking, epoll] }',
  takes: 'a list of values, or a map of them by name',
  choices: listed,
};

/** What is varied: the world that all share, `--set` applied, and the axes. */
export interface Varied {
  readonly base: Variant;
  readonly axes: readonly Axis[];
}

/** A `--set` on the path of an axis leaves that one value of it. null: what is wrong has been said. */
export function readVaried(
  tree: MapTree,
  written: Entry | undefined,
  form: AxesForm,
  settings: readonly Setting[],
  problems: Problems,
): Varied | null {
  const before = problems.size;
  const axes = written === undefined ? [] : readAxes(written, form, tree, settings, problems);
  const rest = settings.filter((s) => !axes.some((a) => printPath(a.path) === printPath(s.path)));
  let base: Tree = tree;
  for (const s of rest) {
    if (isThere(base, s.path, s.at, problems)) base = setAt(base, s.path, s.value, s.at);
  }
  if (problems.size > before) return null;
  const name: VariantName = {
    label: '',
    variant: {},
    settings: rest.map((s) => s.text),
    axes: new Map(axes.map((a) => [a.key, a.written.map((c) => c.name)])),
  };
  return { base: { tree: base as MapTree, name }, axes };
}

/** The variant with one more axis settled. */
export function vary(v: Variant, axis: Axis, { name, value }: Choice): Variant {
  return {
    tree: setAt(v.tree, axis.path, merge(getAt(v.tree, axis.path), value), axis.at) as MapTree,
    name: {
      label: v.name.label === '' ? name : `${v.name.label}, ${name}`,
      variant: { ...v.name.variant, [axis.key]: name },
      settings: [...v.name.settings, `${printPath(axis.path)}=${name}`],
      axes: v.name.axes,
    },
  };
}

function readAxes(
  written: Entry,
  form: AxesForm,
  tree: Tree,
  settings: readonly Setting[],
  problems: Problems,
): Axis[] {
  if (written.value.kind !== 'map') {
    problems.add({
      at: written.key,
      message: `\`${form.key}\` is a map of paths`,
      hint: `e.g. \`${form.example}\``,
    });
    return [];
  }
  const axes: Axis[] = [];
  for (const [text, e] of written.value.entries) {
    const path = parsePath(text);
    if (path === null) {
      problems.add({
        at: e.key,
        message: `\`${text}\` is no path`,
        hint: 'e.g. `apps.server.model`',
      });
      continue;
    }
    const values = form.choices(e.value, text, problems);
    if (values === null) continue;
    if (values.length === 0) {
      problems.add({
        at: e.key,
        message: `\`${text}\` needs ${form.takes}`,
        hint: 'e.g. `[blocking, epoll]`',
      });
    } else if (isThere(tree, path, e.key, problems)) {
      const given = settings.findLast((s) => printPath(s.path) === printPath(path));
      axes.push({
        key: String(path.at(-1)),
        path,
        at: e.key,
        written: values,
        values: given === undefined ? values : [chosen(given.value, values)],
      });
    }
  }
  const twice = (a: Axis): boolean => axes.filter((b) => b.key === a.key).length > 1;
  return axes.map((a) => (twice(a) ? { ...a, key: printPath(a.path) } : a));
}

/** A list of values, or a map of values by name. A value that is a map is merged into what stands at the path. */
function listed(values: Tree): readonly Choice[] {
  if (values.kind === 'list') return values.items.map((value) => ({ name: flow(value), value }));
  if (values.kind === 'map')
    return [...values.entries].map(([name, e]) => ({ name, value: e.value }));
  return [];
}

/** What `--set` gives an axis: the name of a value, or another value. */
function chosen(value: Tree, written: readonly Choice[]): Choice {
  const name = flow(value);
  return written.find((c) => c.name === name) ?? { name, value };
}

/** Maps whose keys are names: a path through them must name something that is there. The rest is the schema's to check. */
const NAMED = ['hosts', 'apps', 'routers'];

function isThere(tree: Tree, path: Path, at: Position, problems: Problems): boolean {
  const [head, name] = path.map(String);
  const group = getAt(tree, [head ?? '']);
  if (NAMED.includes(head ?? '') && name !== undefined) {
    const names = group?.kind === 'map' ? [...group.entries.keys()] : [];
    if (names.includes(name)) return true;
    problems.add({
      at,
      message: `\`${head}\` has no \`${name}\``,
      ...hinted(didYouMean(name, names, 'there are')),
    });
    return false;
  }
  if (
    group?.kind === 'list' &&
    name !== undefined &&
    !(Number(name) >= 0 && Number(name) < group.items.length)
  ) {
    const message = `\`${head}\` has no entry \`${name}\``;
    problems.add({
      at,
      message,
      hint: `entries are counted from 0: 0 .. ${group.items.length - 1}`,
    });
    return false;
  }
  return true;
}

const hinted = (hint: string | undefined): { hint?: string } =>
  hint === undefined ? {} : { hint };
