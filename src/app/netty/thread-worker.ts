/** A plain thread as others see it: work on it may hand tasks to event loops, but nobody can hand it any. */
import type { Sys } from '../../kernel/syscall.ts';
import type { StreamLaws } from '../reactive/laws.ts';
import type { Sub } from '../setup.ts';
import type { Cancellable, Task, Worker } from '../worker.ts';

export class ThreadWorker implements Worker {
  readonly name: string;
  readonly sys: Sys;
  readonly laws: StreamLaws | undefined;

  constructor(name: string, sys: Sys, laws?: StreamLaws) {
    this.name = name;
    this.sys = sys;
    this.laws = laws;
  }

  execute(_on: Worker, _task: Task): Sub<boolean> {
    throw new TypeError(`${this.name} takes no tasks: it is a plain thread`);
  }
  schedule(_on: Worker, _task: Task, _delayNs: number): Sub<Cancellable> {
    throw new TypeError(`${this.name} takes no tasks: it is a plain thread`);
  }
}
