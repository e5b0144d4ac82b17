/**
 * What a file descriptor points to, and the table that a process keeps of them (fs/file.c). The threads of a process
 * share one table. A new descriptor is the lowest free number, as POSIX asks.
 *
 * Left out: dup and fork, so a file has one descriptor; what uses it meanwhile (an epoll set, a call in progress) is the
 * file's own business.
 */
import { EMFILE, ENFILE } from '../base/errno.ts';
import type { Syscall } from './thread.ts';
import type { WaitQueue } from './wait-queue.ts';

/** The operations of an open file (struct file_operations). */
export interface File {
  /** 'tcp', 'epoll', 'eventfd', 'timerfd', 'pipe': for traces and for "who waits for what". */
  readonly kind: string;
  /** O_NONBLOCK. */
  nonblock: boolean;
  /** Where poll, epoll and blocked calls wait for this file. */
  readonly wait: WaitQueue;
  /** Which EPOLL… events hold now. Changes nothing. */
  poll(): number;
  readonly read: Syscall;
  readonly write: Syscall;
  /** The descriptor is gone already; `trap` is only scratch. It does not block unless the file lingers. */
  readonly close: Syscall;
}

/** The open files of a machine (struct files_stat_struct). */
export class FileCount {
  /** fs.file-max. Linux lets who may (CAP_SYS_ADMIN) open more; here nobody may. */
  max: number;
  open = 0;

  constructor(max: number) {
    this.max = max;
  }
}

/** A process's open files. */
export class FdTable {
  /** RLIMIT_NOFILE: descriptors are below it. */
  readonly limit: number;
  private readonly files: (File | null)[] = [];
  /** No descriptor below this one is free. */
  private hint = 0;
  /** Open descriptors; the most there were. */
  open = 0;
  peak = 0;
  private readonly machine: FileCount;

  constructor(limit: number, machine: FileCount) {
    this.limit = limit;
    this.machine = machine;
  }

  /** The file at `fd`, or null (EBADF). */
  get(fd: number): File | null {
    return this.files[fd] ?? null;
  }

  /** Puts `file` at the lowest free descriptor. @returns it, or what `refusal` says */
  install(file: File): number {
    const refusal = this.refusal;
    if (refusal !== 0) return refusal;
    const files = this.files;
    let fd = this.hint;
    while (fd < files.length && files[fd] !== null) fd++;
    if (fd === files.length) files.push(file);
    else files[fd] = file;
    this.hint = fd + 1;
    this.machine.open++;
    if (++this.open > this.peak) this.peak = this.open;
    return fd;
  }

  /** Why nothing can be opened: the descriptor is asked for first, then the file. @returns −EMFILE, −ENFILE, or 0: it can */
  get refusal(): number {
    if (this.open >= this.limit) return -EMFILE;
    return this.machine.open >= this.machine.max ? -ENFILE : 0;
  }

  /** Frees `fd`. @returns what it pointed to, or null (EBADF) */
  remove(fd: number): File | null {
    const file = this.files[fd] ?? null;
    if (file === null) return null;
    this.files[fd] = null;
    if (fd < this.hint) this.hint = fd;
    this.open--;
    this.machine.open--;
    return file;
  }

  /** The lowest open descriptor at or above `from`, or −1. */
  nextOpen(from: number): number {
    for (let fd = from; fd < this.files.length; fd++) if (this.files[fd] !== null) return fd;
    return -1;
  }
}
