/** A process: threads that share one table of open files (struct task_struct's files and signal parts). */
import type { Host } from './host.ts';
import { FdTable, type File } from './file.ts';
import { SYSCALL_NAMES, type ThreadStart } from './syscall.ts';
import { Thread } from './thread.ts';
import { wakeUpNew } from './sched.ts';

export class Process {
  readonly host: Host;
  readonly pid: number;
  readonly name: string;
  readonly fds: FdTable;
  readonly threads: Thread[] = [];
  /** Threads that have not ended. */
  alive = 0;
  /** Completed system calls of its threads by number (SYSCALL_NAMES). */
  readonly syscalls: Float64Array = new Float64Array(SYSCALL_NAMES.length);
  /** While the last thread exits: the file that it is closing (syscalls/misc.ts). */
  closing: File | null = null;

  constructor(host: Host, pid: number, name: string, nofile: number) {
    this.host = host;
    this.pid = pid;
    this.name = name;
    this.fds = new FdTable(nofile);
  }

  /**
   * A new thread of this process, runnable at once.
   *
   * @param name must be unique on the host; left out: the process's name, with a number from the second thread on
   * @param affinity the cores it may use, one bit each; −1: all
   */
  spawn(start: ThreadStart, name = '', affinity = -1): Thread {
    const n = this.threads.length;
    const called = name !== '' ? name : n === 0 ? this.name : `${this.name}/${n}`;
    const thread = new Thread(this, this.host.nextId(), called, start, this.host.cores[0]!);
    thread.affinity = affinity;
    this.threads.push(thread);
    this.alive++;
    wakeUpNew(thread);
    return thread;
  }
}
