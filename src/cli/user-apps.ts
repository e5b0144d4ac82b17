/**
 * The modules that scenarios name with `app:`: where they are, and loading them through tsx, so that they may be written
 * in TypeScript. Each load is a fresh one: a variable at the top of a module lives as long as its run, and a run does not
 * depend on what ran before it in the same worker.
 *
 * They are loaded as CommonJS whatever their package says (tsx translates `import` and `export`): that is the one way in
 * which stack traces point to the source for every combination of `type` and file name, and it needs no promise. Its
 * price: no `await` at the top of a module.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mainOf, type UserApps, type UserMain } from '../app/user.ts';
import { nearest } from '../base/nearest.ts';
import { LoadError, type Problem } from '../sim/scenario/problems.ts';
import { locate, type Path, type Position, type Scenario } from '../sim/scenario/types.ts';

const MODULE = /\.[cm]?[jt]s$/;

/** One `app:` of a scenario. */
interface Named {
  /** As written. */
  readonly app: string;
  /** Absolute. */
  readonly file: string;
  readonly path: Path;
}

/** A path is meant from the file that the scenario stands in; from here, when it came by standard input or from code. */
function modulesOf(s: Scenario): Named[] {
  const folder = dirname(resolve(s.source.file));
  return s.apps.flatMap((a) =>
    a.model === 'user'
      ? [{ app: a.app, file: resolve(folder, a.app), path: [...a.path, 'app'] }]
      : [],
  );
}

/** Whether somebody's own code runs in it. */
export const hasUserApps = (s: Scenario): boolean => s.apps.some((a) => a.model === 'user');

/** @throws LoadError naming every module that is not there */
export function checkModules(scenarios: readonly Scenario[]): void {
  const problems = new Map<string, Problem>();
  for (const s of scenarios)
    for (const m of modulesOf(s))
      if (!existsSync(m.file)) problems.set(`${s.name} ${m.file}`, missing(s, m));
  if (problems.size > 0) throw new LoadError([...problems.values()], textsOf(scenarios));
}

const textsOf = (scenarios: readonly Scenario[]): Map<string, string> =>
  new Map(scenarios.map((s) => [s.source.file, s.source.text]));

const START = { line: 1, column: 1 } as const;
const whereIn = (s: Scenario, path: Path): Position =>
  locate(s.source, path) ?? { file: s.source.file, ...START };

function missing(s: Scenario, { app, file, path }: Named): Problem {
  const at = whereIn(s, path);
  const message = `there is no ${shortened(file)}`;
  const near = nearest(basename(file), modulesIn(dirname(file)));
  if (near === undefined) return { at, message, hint: 'the path is meant from this file' };
  const folder = app.slice(0, app.length - basename(app).length);
  return { at, message, hint: `did you mean \`${folder}${near}\`?` };
}

function modulesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => MODULE.test(name));
}

/** As one would type it here. */
export function shortened(file: string): string {
  const short = relative(process.cwd(), file);
  return short.startsWith(`..${sep}`) ? file : short.replaceAll(sep, '/');
}

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

function fresh(file: string): unknown {
  const own = createRequire(import.meta.url);
  const namespace = `hostwire-${++loads}`;
  const tsx = (own('tsx/cjs/api') as typeof import('tsx/cjs/api')).register({ namespace });
  try {
    return tsx.require(file, import.meta.url) as unknown;
  } finally {
    tsx.unregister();
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

export function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
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

/** One line of a stack that lies in somebody's own code. */
export interface Place {
  readonly name: string;
  readonly at: Position;
}

/** The folder of the program itself: its own lines in a stack are of no use to the author of a module. */
const OURS = join(fileURLToPath(new URL('..', import.meta.url)), sep);

/** The lines of a stack, innermost first, that are neither hostwire's nor Node's nor a package's. */
export function placesIn(error: Error): Place[] {
  return (error.stack ?? '').split('\n').flatMap((line) => {
    const m = /^\s+at (?:(.*) \()?(?:file:\/\/)?(\/.*?|[A-Za-z]:\\.*?):(\d+):(\d+)\)?$/.exec(line);
    if (m === null) return [];
    const file = m[2]!.replace(/\?namespace=.*$/, '');
    if (file.startsWith(OURS) || file.includes(`${sep}node_modules${sep}`)) return [];
    const at = { file: shortened(file), line: Number(m[3]), column: Number(m[4]) };
    return [{ name: m[1] ?? '', at }];
  });
}
