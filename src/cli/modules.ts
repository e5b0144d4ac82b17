/** The modules that scenarios name with `app:`: where they are, whether they are there, and their lines in a stack. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearest } from '../base/nearest.ts';
import { LoadError, type Problem } from '../sim/scenario/problems.ts';
import { locate, type Path, type Position, type Scenario } from '../sim/scenario/types.ts';

const MODULE = /\.[cm]?[jt]s$/;

/** One `app:` of a scenario. */
export interface Named {
  /** As written. */
  readonly app: string;
  /** Absolute. */
  readonly file: string;
  readonly path: Path;
}

/** A path is meant from the file that the scenario stands in; from here, when it came by standard input or from code. */
export function modulesOf(s: Scenario): Named[] {
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

export const textsOf = (scenarios: readonly Scenario[]): Map<string, string> =>
  new Map(scenarios.map((s) => [s.source.file, s.source.text]));

const START = { line: 1, column: 1 } as const;
export const whereIn = (s: Scenario, path: Path): Position =>
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

export function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** One line of a stack that lies in somebody's own code. */
export interface Place {
  readonly name: string;
  readonly at: Position;
}

/** The folder of the program itself: its own lines in a stack are of no use to the author of a module. */
const OURS = join(fileURLToPath(new URL('..', import.meta.url)), sep);

/** A line of a stack, unless it is hostwire's, Node's or a package's. @param file  a path or a file: URL */
export function placeOf(name: string, file: string, line: number, column: number): Place | null {
  const path = pathOf(file);
  if (path === null || path.startsWith(OURS) || path.includes(`${sep}node_modules${sep}`))
    return null;
  return { name, at: { file: shortened(path), line, column } };
}

/** What tsx has loaded carries the name of its load; null: Node's own, or made up. */
export function pathOf(file: string): string | null {
  const plain = file.replace(/\?namespace=.*$/, '');
  if (plain.startsWith('file:')) return fileURLToPath(plain);
  return isAbsolute(plain) ? plain : null;
}

/** The lines of a stack, innermost first, that are neither hostwire's nor Node's nor a package's. */
export function placesIn(error: Error): Place[] {
  return (error.stack ?? '').split('\n').flatMap((line) => {
    const m = /^\s+at (?:(.*) \()?(.+?):(\d+):(\d+)\)?$/.exec(line);
    return m === null ? [] : (placeOf(m[1] ?? '', m[2]!, Number(m[3]), Number(m[4])) ?? []);
  });
}
