/** The real outside world: files, terminal, clock, environment. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Io, UsageError } from './io.ts';
import { PARTIAL, partialOf } from './output-files.ts';
import { threads } from './runners.ts';

export function realIo(): Io {
  quietOnClosedPipe(process.stdout);
  quietOnClosedPipe(process.stderr);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    terminal: { colour: colourful(), progress: process.stderr.isTTY === true, columns: columns() },
    readText(path) {
      try {
        return readFileSync(path === '-' ? 0 : path, 'utf8');
      } catch (error) {
        throw new UsageError(
          `cannot read ${path === '-' ? 'standard input' : path}: ${reason(error)}`,
        );
      }
    },
    exists: existsSync,
    kindOf(path) {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? null : stat.isDirectory() ? 'folder' : 'file';
    },
    filesBelow,
    createText(path, text) {
      try {
        writeFileSync(path, text, { flag: 'wx' });
      } catch (error) {
        throw new UsageError(`cannot write ${path}: ${reason(error)}`);
      }
    },
    writableFolder(path) {
      try {
        makeFolder(resolve(path));
        accessSync(path, constants.W_OK);
        // A folder may say yes and still refuse (a full or read-only disk).
        const probe = partialOf(join(path, '.hostwire'));
        writeFileSync(probe, '');
        rmSync(probe);
      } catch (error) {
        throw new UsageError(`cannot write to ${path}: ${reason(error)}`);
      }
    },
    replaceText: replace,
    replaceBytes: replace,
    removePartial(folder) {
      for (const name of readdirSync(folder)) {
        if (name.endsWith(PARTIAL)) rmSync(join(folder, name), { force: true });
      }
    },
    now: () => performance.now(),
    cpus: availableParallelism(),
    onInterrupt(handler) {
      process.on('SIGINT', handler);
      return () => process.off('SIGINT', handler);
    },
    runner: threads,
  };
}

function filesBelow(folder: string, ending: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return filesBelow(path, ending);
        return entry.name.endsWith(ending) ? [path] : [];
      });
  } catch (error) {
    throw new UsageError(`cannot read ${folder}: ${reason(error)}`);
  }
}

function replace(path: string, content: string | Uint8Array): void {
  const temporary = partialOf(path);
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UsageError(`cannot write ${path}: ${reason(error)}`);
  }
}

/** As mkdir -p. Node's own `recursive` never returns where a file system says ENOENT for a parent that exists (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'it is there already',
};

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}

/** NO_COLOR (no-color.org) and FORCE_COLOR, as Node itself reads them. */
function colourful(): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0';
  return process.stdout.isTTY === true && TERM !== 'dumb';
}

/** As wide as the terminal, within reason: lines longer than this are hard to read. */
const columns = (): number => Math.max(80, Math.min(process.stdout.columns ?? 80, 140));

/** `| head` closes the pipe: what is left to print is nobody's loss. */
function quietOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
