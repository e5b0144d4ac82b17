/** The scenario file that a command works on, and the errors that come of reading it. */
import { load, type LoadOptions } from '../sim/scenario/load.ts';
import type { Scenario } from '../sim/scenario/types.ts';
import { dirname, resolve } from 'node:path';
import type { Io } from './io.ts';
import type { ReadFile } from '../sim/scenario/traces.ts';
import { checkModules, readText, shortened } from './modules.ts';

export const DEFAULT_FILE = 'scenarios.yaml';

export interface FileAndNames {
  /** null: left out, so ./scenarios.yaml. */
  readonly file: string | null;
  readonly names: readonly string[];
}

/** FILE is a first argument that ends in .yaml or .yml, or `-` for standard input. */
export function fileAndNames(words: readonly string[]): FileAndNames {
  const [first, ...rest] = words;
  if (first !== undefined && (first === '-' || /\.ya?ml$/i.test(first)))
    return { file: first, names: rest };
  return { file: null, names: words };
}

export interface OpenedFile extends FileAndNames {
  /** For messages. */
  readonly title: string;
  readonly text: string;
}

export function openFile(words: readonly string[], io: Io): OpenedFile {
  const chosen = fileAndNames(words);
  const path = chosen.file ?? DEFAULT_FILE;
  return { ...chosen, title: path === '-' ? '(standard input)' : path, text: io.readText(path) };
}

export function loadFile(
  opened: OpenedFile,
  options: Omit<LoadOptions, 'file' | 'names'>,
): Scenario[] {
  const scenarios = load(opened.text, {
    ...options,
    file: opened.title,
    names: opened.names,
    readFile: filesBeside(opened.title),
  });
  checkModules(scenarios);
  return scenarios;
}

/** Files that a scenario names, by their path from its own; from here, when it came by standard input. */
export function filesBeside(title: string): ReadFile {
  return (path) => {
    const file = resolve(dirname(resolve(title)), path);
    return { file: shortened(file), text: readText(file) };
  };
}
