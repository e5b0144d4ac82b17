/**
 * Files that a run writes as it goes. They are written under another name and renamed when the run has ended, so that
 * whoever looks finds either the whole file or none.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Standard output was closed by its reader, e.g. `| head`. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

interface Open {
  readonly fd: number;
  readonly temporary: string;
  readonly path: string;
}

/** What a file is called until it is whole. */
export const partialOf = (path: string): string => `${path}${PARTIAL}`;
export const PARTIAL: string = `.${process.pid}.partial`;

export class OutputFiles {
  private readonly open: Open[] = [];

  /** @param path  null: standard output */
  text(path: string | null): (text: string) => void {
    if (path === null) return (text) => writeAll(1, Buffer.from(text));
    const { fd } = this.create(path);
    return (text) => writeAll(fd, Buffer.from(text));
  }

  bytes(folder: string, name: string): (bytes: Uint8Array) => void {
    const { fd } = this.create(join(folder, name));
    return (bytes) => writeAll(fd, bytes);
  }

  commit(): void {
    for (const { fd, temporary, path } of this.open) {
      closeSync(fd);
      renameSync(temporary, path);
    }
    this.open.length = 0;
  }

  abort(): void {
    for (const { fd, temporary } of this.open) {
      closeSync(fd);
      rmSync(temporary, { force: true });
    }
    this.open.length = 0;
  }

  private create(path: string): Open {
    const temporary = partialOf(path);
    const entry: Open = { fd: openSync(temporary, 'w'), temporary, path };
    this.open.push(entry);
    return entry;
  }
}

/** All of it, also into a pipe that is full at the moment. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new OutputClosed();
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // sleep 1 ms
    }
  }
}
