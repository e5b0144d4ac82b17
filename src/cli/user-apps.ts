/**
 * Loads the modules that scenarios name with `app:` through tsx, so that they may be written in TypeScript. Each load is a
 * fresh one: a variable at the top of a module lives as long as its run, and a run does not depend on what ran before it
 * in the same worker.
 *
 * They are loaded as CommonJS whatever their package says (tsx translates `import` and `export`): that is the one way in
 * which stack traces point to the source for every combination of `type` and file name, and it needs no promise. Its
 * price: no `await` at the top of a module.
 */
import Module, { createRequire } from 'node:module';
import * as hostwireApp from '../app/index.ts';
import { mainOf, type UserApps, type UserMain } from '../app/user.ts';
import { LoadError, type Problem } from '../sim/scenario/problems.ts';
import type { Position, Scenario } from '../sim/scenario/types.ts';
import {
  checkModules,
  type Named,
  modulesOf,
  placesIn,
  readText,
  shortened,
  textsOf,
  whereIn,
} from './modules.ts';

/**
 * Loads the applications that a scenario names, for `run(scenario, { apps: await loadApps(scenario) })`.
 *
 * @throws LoadError when a module is not there, cannot be read as a program, fails while it loads, or exports no
 *   application; the place is that of the mistake in the module where there is one
 */
export async function loadApps(scenario: Scenario): Promise<UserApps> {
  return loadAppsNow(scenario);
}

/** The same, for a thread that does not wait. */
export function loadAppsNow(s: Scenario): UserApps {
  checkModules([s]);
  const apps: Record<string, UserMain<never>> = {};
  for (const m of modulesOf(s)) apps[m.app] ??= load(s, m);
  return apps;
}

function load(s: Scenario, m: Named): UserMain<never> {
  let exports: unknown;
  try {
    exports = fresh(m.file);
  } catch (error) {
    throw problemError(s, loadProblem(error, s, m));
  }
  const main = mainOf(exports);
  if (typeof main === 'function') return main;
  const at = exportIn(m.file) ?? whereIn(s, m.path);
  throw problemError(s, { at, message: `${m.app}: ${main.wrong}`, hint: main.hint });
}

/** How many modules have been loaded: each load has a name of its own. */
let loads = 0;

/** What Node calls for every `require`. It is documented nowhere and replaced by many (tsx among them). */
interface Loader {
  _load(this: void, request: string, ...rest: unknown[]): unknown;
}

/**
 * Loads a module and what it imports as if for the first time. `hostwire/app` is the exception: the program hands over its
 * own, so that a module finds it whether or not hostwire is installed beside it, in the version that runs it, at once.
 */
function fresh(file: string): unknown {
  const own = createRequire(import.meta.url);
  const namespace = `hostwire-${++loads}`;
  const tsx = (own('tsx/cjs/api') as typeof import('tsx/cjs/api')).register({ namespace });
  const loader = Module as unknown as Loader;
  const { _load: load } = loader;
  loader._load = (request, ...rest) =>
    request === 'hostwire/app' ? hostwireApp : load(request, ...rest);
  try {
    return tsx.require(file, import.meta.url) as unknown;
  } finally {
    loader._load = load;
    tsx.unregister();
    // tsx takes them back with itself, on newer Nodes: a module's errors are still to come.
    process.setSourceMapsEnabled(true);
    for (const key of Object.keys(own.cache))
      if (key.endsWith(`namespace=${namespace}`)) delete own.cache[key];
  }
}

function problemError(s: Scenario, problem: Problem): LoadError {
  const texts = textsOf([s]);
  const text = readText(problem.at.file);
  if (text !== null) texts.set(problem.at.file, text);
  return new LoadError([problem], texts);
}

// ---- what went wrong, and where ------------------------------------------------------------------------------------

function loadProblem(error: unknown, s: Scenario, m: Named): Problem {
  const said = error instanceof Error ? error.message : String(error);
  // esbuild: "/folder/my-server.ts:3:10: ERROR: Expected …", columns from 0.
  const syntax = /^(.+?):(\d+):(\d+): ERROR: (.+)$/m.exec(said);
  if (syntax !== null) {
    const [, file, line, column, what] = syntax;
    const at = { file: shortened(file!), line: Number(line), column: Number(column) + 1 };
    const hint = /^Top-level await/.test(what!) ? 'load what it needs with `import`' : null;
    const message = hint === null ? what! : '`await` at the top of a module is not supported';
    return { at, message, ...(hint === null ? {} : { hint }) };
  }
  const absent = /^Cannot find (?:module|package) '([^']+)'/.exec(said);
  if (absent !== null) return absentProblem(absent[1]!, error as Error, s, m);
  const name = error instanceof Error ? `${error.name}: ` : 'it threw ';
  const at = error instanceof Error ? (placesIn(error)[0]?.at ?? null) : null;
  return {
    at: at ?? whereIn(s, m.path),
    message: `${m.app} cannot be loaded: ${name}${said.split('\n', 1)[0]}`,
  };
}

/** An `import` of something that is not there; the line is the one that names it. */
function absentProblem(id: string, error: Error, s: Scenario, m: Named): Problem {
  const asked = /^- (.+?)(?:\?namespace=.*)?$/m.exec(error.message)?.[1] ?? m.file;
  const lines = (readText(asked) ?? '').split('\n');
  const index = lines.findIndex((l) => l.includes(`'${id}'`) || l.includes(`"${id}"`));
  const at =
    index < 0
      ? whereIn(s, m.path)
      : { file: shortened(asked), line: index + 1, column: lines[index]!.indexOf(id) };
  const parts = /^(@[^/]+\/)?[^/.][^/]*/.exec(id);
  const hint = parts === null ? 'a path is meant from this file' : `npm install ${parts[0]}`;
  return { at, message: `there is no module \`${id}\``, hint };
}

/** Where a module's default export stands. */
function exportIn(file: string): Position | null {
  const lines = (readText(file) ?? '').split('\n');
  const index = lines.findIndex((l) => /^export\s+(default\b|\{.*\bas default\b)/.test(l));
  return index < 0 ? null : { file: shortened(file), line: index + 1, column: 1 };
}
