/** A process: threads that share one table of open files (struct task_struct's files and signal parts). */
import { assert } from '../base/assert.ts';
import type { Host } from './host.ts';
import { FdTable, type File } from './file.ts';
import type { ThreadStart } from './syscall.ts';
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
  /** While the last thread exits: the file that it is closing (syscalls/misc.ts). */
  closing: File | null = null;
  /** How often it was stopped and not yet continued, since when, and how long it was stopped before, ns. */
  private stops = 0;
  private stoppedSince = 0;
  private stoppedTime = 0;

  constructor(host: Host, pid: number, name: string, nofile: number) {
    this.host = host;
    this.pid = pid;
    this.name = name;
    this.fds = new FdTable(nofile, host.files);
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

  /** None of its threads may run user code. */
  get stopped(): boolean {
    return this.stops > 0;
  }

  /**
   * Its threads stop where they run user code, or when they would return to it: what is under way in the kernel ends first, and
   * who sleeps there sleeps on. So do SIGSTOP (do_signal_stop), the cgroup freezer, and a garbage collector that stops the world
   * (a thread in native code is at a safepoint, and is held when it comes back). Stops nest.
   */
  stop(): void {
    if (this.stops++ > 0) return;
    this.stoppedSince = this.host.engine.now;
    for (const core of this.host.cores) core.poke(); // who computes gives its core up
  }

  /** Ends one stop: with the last one its threads go on, in the order of their creation. */
  cont(): void {
    assert(this.stops > 0, 'process: continued, and not stopped');
    if (--this.stops > 0) return;
    this.stoppedTime += this.host.engine.now - this.stoppedSince;
    for (const thread of this.threads) thread.release();
  }

  /** ns in all that it was stopped. */
  get timeStopped(): number {
    return this.stoppedTime + (this.stops > 0 ? this.host.engine.now - this.stoppedSince : 0);
  }
}
