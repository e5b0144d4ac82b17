/**
 * The text of a scenario file to Scenarios, ready to be built. No file access: whoever has the text (cli/, a test, a
 * browser) gives it. In order: YAML with positions; defaults; `--set`; `each:` to variants; the schema; references.
 */
import type { z } from 'zod';
import { EACH, readVaried, type Setting, type Variant, vary } from './axes.ts';
import { didYouMean } from './did-you-mean.ts';
import { parsePath, printPath, splitSetting } from './paths.ts';
import { addOfVariants, type Problem, Problems } from './problems.ts';
import { resolve } from './resolve.ts';
import { explain } from './schema/explain.ts';
import { scenarioSchema } from './schema/scenario.ts';
import { readSweep, type Sweep } from './sweep.ts';
import {
  flow,
  getAt,
  type MapTree,
  merge,
  parseTree,
  positionsOf,
  setAt,
  toData,
  type Tree,
  treeOf,
  without,
} from './tree.ts';
import { type ReadFile, Traces } from './traces.ts';
import type { Position, Scenario, Source } from './types.ts';

/** Of the format. */
export const VERSION = 1;
const MAX_VARIANTS = 1000;
const SET = '--set';

export interface LoadOptions {
  /** For messages: the name of the file that the text came from. */
  readonly file: string;
  /** `path=value`, as given to `--set`. */
  readonly set?: readonly string[];
  /** Replaces the scenarios' own seed. */
  readonly seed?: string;
  /** Only these scenarios; left out or empty: all. */
  readonly names?: readonly string[];
  /** Reads a file that a scenario names (`trace:`); left out: none can be named. */
  readonly readFile?: ReadFile;
}

/**
 * Every variant of every scenario asked for, in the order of the file.
 *
 * @throws LoadError (a ScenarioError) with all that is wrong, each with file:line:column, the lines around it and a hint
 */
export function load(text: string, options: LoadOptions): Scenario[] {
  const file = read(text, options);
  const { problems } = file;
  const scenarios: Scenario[] = [];
  for (const one of file.chosen) {
    const found = variants(one.tree, file.settings, problems).map((v) => {
      const own: Problem[] = [];
      const scenario = check(one.name, v, file.from, one.at, file.traces, (p) => own.push(p));
      return { label: v.name.label, problems: own, resolved: scenario !== null, scenario };
    });
    addOfVariants(problems, found);
    for (const { scenario: s } of found)
      if (s !== null) scenarios.push(options.seed === undefined ? s : { ...s, seed: options.seed });
    sweepOf(one, file);
  }
  problems.throwIfAny(file.texts);
  return scenarios;
}

/**
 * Every `sweep:` of the scenarios asked for, in the order of the file; at least one.
 *
 * @throws LoadError as `load` does; when a scenario asked for has none
 */
export function loadSweeps(text: string, options: LoadOptions): Sweep[] {
  const file = read(text, options);
  const { problems } = file;
  const sweeps: Sweep[] = [];
  for (const one of file.chosen) {
    const sweep = sweepOf(one, file);
    if (sweep !== null) sweeps.push(sweep);
    else if (options.names?.includes(one.name) === true && !one.tree.entries.has('sweep'))
      problems.add({ at: one.at, message: `\`${one.name}\` has no \`sweep:\``, hint: SWEEP_HINT });
  }
  if (sweeps.length === 0 && problems.size === 0) {
    const at: Position = { file: options.file, line: 1, column: 1 };
    problems.add({ at, message: 'no scenario of this file has a `sweep:`', hint: SWEEP_HINT });
  }
  problems.throwIfAny(file.texts);
  const { seed } = options;
  if (seed === undefined) return sweeps;
  return sweeps.map((s) => ({ ...s, point: (index) => ({ ...s.point(index), seed }) }));
}

const SWEEP_HINT =
  'e.g. `sweep: { vary: { apps.server.read: [4 KiB, 64 KiB] }, measure: [goodput] }`';

/** A file that has been read as YAML, and the scenarios asked for with what `defaults:` puts under them. */
interface Read {
  readonly from: { readonly file: string; readonly text: string };
  readonly chosen: readonly Written[];
  readonly settings: readonly Setting[];
  readonly texts: ReadonlyMap<string, string>;
  readonly traces: Traces;
  readonly problems: Problems;
}

interface Written {
  readonly name: string;
  readonly at: Position;
  readonly tree: MapTree;
}

function read(text: string, options: LoadOptions): Read {
  const texts = new Map([
    [options.file, text],
    [SET, (options.set ?? []).join('\n')],
  ]);
  const problems = new Problems();
  const file = open(text, options.file, problems, texts);
  const settings = (options.set ?? []).map((s, i) => setting(s, i, problems));
  problems.throwIfAny(texts);
  const chosen = choose(file.scenarios, options.names ?? [], problems).flatMap(
    ([name, { key: at, value }]): Written[] => {
      const tree = merge(file.defaults, value);
      if (tree.kind === 'map') return [{ name, at, tree }];
      problems.add({
        at,
        message: `scenario \`${name}\` is empty`,
        hint: 'say what it `shows:`, its `hosts:`, `links:` and `apps:`',
      });
      return [];
    },
  );
  const from = { file: options.file, text };
  const traces = new Traces(options.readFile, texts, problems);
  return { from, chosen, settings: settings.filter((s) => s !== null), texts, traces, problems };
}

/** null: it has none, or what is wrong with it has been said. */
function sweepOf(one: Written, file: Read): Sweep | null {
  const written = one.tree.entries.get('sweep');
  if (written === undefined) return null;
  const { from, settings, texts } = file;
  const build = (v: Variant, problems: Problems): Scenario | null =>
    check(one.name, v, from, one.at, file.traces, (p) => problems.add(p));
  return readSweep(one.tree, written, { ...one, from, settings, texts, build }, file.problems);
}

/** A scenario described in code, as the object that the YAML would have held. */
export function describe(name: string, scenario: unknown, seed?: string): Scenario[] {
  const at: Position = { file: '(code)', line: 1, column: 1 };
  const problems = new Problems();
  const tree = treeOf(scenario, at);
  const none = new Traces(undefined, new Map(), problems);
  const found: (Scenario | null)[] =
    tree.kind === 'map'
      ? variants(tree, [], problems).map((v) =>
          check(name, v, { file: at.file, text: '' }, at, none, (p) => problems.add(p)),
        )
      : [];
  problems.throwIfAny(new Map());
  return found.filter((s) => s !== null).map((s) => (seed === undefined ? s : { ...s, seed }));
}

/** A name and a sentence for each scenario asked for (all, when none is), without checking more of the file than that. */
export function list(
  text: string,
  file: string,
  names: readonly string[] = [],
): { name: string; shows: string; variants: number }[] {
  const problems = new Problems();
  const texts = new Map([[file, text]]);
  const { scenarios, defaults } = open(text, file, problems, texts);
  const chosen = choose(scenarios, names, problems);
  problems.throwIfAny(texts);
  return chosen.map(([name, e]) => {
    const tree = merge(defaults, e.value);
    const shows = getAt(tree, ['shows']);
    const each = getAt(tree, ['each']);
    const axes = each?.kind === 'map' ? [...each.entries.values()] : [];
    const sizes = axes.map(({ value }) => {
      if (value.kind === 'list') return value.items.length;
      return value.kind === 'map' ? value.entries.size : 1;
    });
    return {
      name,
      shows: shows?.kind === 'scalar' ? shows.text : '',
      variants: sizes.reduce((n, k) => n * k, 1),
    };
  });
}

interface Opened {
  readonly defaults: Tree | undefined;
  readonly scenarios: MapTree;
}

const TOP = ['version', 'defaults', 'scenarios'];
const STARTER = '`hostwire init` writes a file to start from';

/** The outermost map: version, defaults, scenarios. Throws at once: without it nothing else makes sense. */
function open(text: string, file: string, problems: Problems, texts: Map<string, string>): Opened {
  const tree = parseTree(text, ({ line, col }) => ({ file, line, column: col }), problems);
  problems.throwIfAny(texts);
  const start: Position = { file, line: 1, column: 1 };
  const give = (at: Position, message: string, hint?: string): void =>
    problems.add(hint === undefined ? { at, message } : { at, message, hint });
  if (tree === null || (tree.kind === 'scalar' && tree.value === null)) {
    give(start, 'the file is empty', STARTER);
  } else if (tree.kind !== 'map') give(tree.at, 'a scenario file is a map', STARTER);
  problems.throwIfAny(texts);
  const top = tree as MapTree;
  for (const [key, e] of top.entries) {
    if (!TOP.includes(key))
      give(e.key, `unknown key \`${key}\``, didYouMean(key, TOP, 'keys here'));
  }
  checkVersion(top, give);
  const defaults = top.entries.get('defaults')?.value;
  if (
    defaults !== undefined &&
    defaults.kind !== 'map' &&
    !(defaults.kind === 'scalar' && defaults.value === null)
  ) {
    give(defaults.at, '`defaults` is a map', 'what stands there is put under every scenario');
  }
  const scenarios = top.entries.get('scenarios');
  if (scenarios === undefined) give(top.at, 'missing key `scenarios`', STARTER);
  else if (scenarios.value.kind !== 'map' || scenarios.value.entries.size === 0) {
    give(scenarios.key, 'no scenarios', STARTER);
  }
  problems.throwIfAny(texts);
  return {
    defaults: defaults?.kind === 'map' ? defaults : undefined,
    scenarios: scenarios!.value as MapTree,
  };
}

function checkVersion(
  top: MapTree,
  give: (at: Position, message: string, hint?: string) => void,
): void {
  const version = top.entries.get('version');
  if (version === undefined) {
    give(top.at, 'missing key `version`', `begin the file with \`version: ${VERSION}\``);
    return;
  }
  const v = version.value;
  const n = v.kind === 'scalar' ? v.value : null;
  if (typeof n === 'number' && n > VERSION) {
    give(
      v.at,
      `the file is written for version ${n} of the format; this hostwire reads version ${VERSION}`,
      'install a newer hostwire',
    );
  } else if (n !== VERSION) {
    give(v.at, `\`${flow(v)}\` is no version of the format`, `write \`version: ${VERSION}\``);
  }
}

function choose(
  scenarios: MapTree,
  names: readonly string[],
  problems: Problems,
): [string, { key: Position; value: Tree }][] {
  if (names.length === 0) return [...scenarios.entries];
  const there = [...scenarios.entries.keys()];
  for (const name of names) {
    if (!scenarios.entries.has(name)) {
      problems.add({
        at: scenarios.at,
        message: `no scenario is called \`${name}\``,
        hint: /[./\\]/.test(name)
          ? 'a file of scenarios comes first, and its name ends in .yaml or .yml'
          : didYouMean(name, there, 'there are')!,
      });
    }
  }
  return [...scenarios.entries].filter(([name]) => names.includes(name));
}

function setting(text: string, index: number, problems: Problems): Setting | null {
  const at: Position = { file: SET, line: index + 1, column: 1 };
  const split = splitSetting(text);
  const path = split === null ? null : parsePath(split.path);
  if (split === null || path === null) {
    const hint = 'write e.g. `--set apps.server.model=epoll`; a key that holds dots is quoted';
    problems.add({
      at,
      message: split === null ? `\`${text}\` has no \`=\`` : `\`${split.path}\` is no path`,
      hint,
    });
    return null;
  }
  if (path[0] === 'each' || path[0] === 'sweep') {
    const hint = 'set a path that it varies, e.g. `apps.server.model=epoll`, or change the file';
    problems.add({ at, message: `\`${path[0]}\` cannot be set from here`, hint });
    return null;
  }
  const origin = ({ col }: { col: number }): Position => ({ ...at, column: split.valueAt + col });
  const value = parseTree(split.value, origin, problems);
  return value === null ? null : { path, value, text: `${printPath(path)}=${flow(value)}`, at };
}

/** The product of `each:`. */
function variants(merged: MapTree, settings: readonly Setting[], problems: Problems): Variant[] {
  const each = merged.entries.get('each');
  const varied = readVaried(without(merged, ['each', 'sweep']), each, EACH, settings, problems);
  if (varied === null) return [];
  const { base, axes } = varied;
  const count = axes.reduce((n, a) => n * a.values.length, 1);
  if (count > MAX_VARIANTS) {
    problems.add({
      at: each!.key,
      message: `${count} variants; at most ${MAX_VARIANTS} run side by side`,
    });
    return [];
  }
  let found: Variant[] = [base];
  for (const axis of axes) {
    found = found.flatMap((v) => axis.values.map((choice) => vary(v, axis, choice)));
  }
  return found;
}

function check(
  name: string,
  v: Variant,
  from: { file: string; text: string },
  at: Position,
  traces: Traces,
  report: (p: Problem) => void,
): Scenario | null {
  const tree = withUserModel(v.tree);
  const source: Source = { ...from, positions: positionsOf(tree, at) };
  const parsed = scenarioSchema.safeParse(withBodies(toData(tree) as Record<string, unknown>));
  if (!parsed.success) {
    const issues = parsed.error.issues as z.core.$ZodIssue[];
    for (const p of explain(issues, { schema: scenarioSchema, tree, source })) report(p);
    return null;
  }
  return resolve(name, parsed.data, v.name, source, traces, report);
}

/** `app: ./my-server.ts` says `model: user`. */
function withUserModel(scenario: MapTree): MapTree {
  const apps = getAt(scenario, ['apps']);
  if (apps?.kind !== 'map') return scenario;
  let tree: Tree = scenario;
  for (const [name, { value }] of apps.entries) {
    const file = getAt(value, ['app']);
    if (file === undefined || getAt(value, ['model']) !== undefined) continue;
    const user: Tree = { kind: 'scalar', at: file.at, value: 'user', text: 'user' };
    tree = setAt(tree, ['apps', name, 'model'], user, file.at);
  }
  return tree as MapTree;
}

/** `client:` with nothing behind it is a host with all defaults. */
function withBodies(scenario: Record<string, unknown>): Record<string, unknown> {
  const out = { ...scenario };
  for (const key of ['hosts', 'routers']) {
    const group = out[key];
    if (typeof group !== 'object' || group === null || Array.isArray(group)) continue;
    out[key] = Object.fromEntries(Object.entries(group).map(([k, v]) => [k, v ?? {}]));
  }
  return out;
}
