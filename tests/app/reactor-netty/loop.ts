/** An event loop without a kernel: tasks wait in a list until the test runs them. What runs here makes no system call. */
import { ok } from 'node:assert/strict';
import type { Sub } from '../../../src/app/setup.ts';
import type { Cancellable, Task, Worker } from '../../../src/app/worker.ts';
import type { Sys } from '../../../src/kernel/syscall.ts';

export class FakeLoop implements Worker {
  readonly name: string;
  readonly tasks: Task[] = [];

  constructor(name = 'loop') {
    this.name = name;
  }

  get sys(): Sys {
    throw new Error(`${this.name} has no system calls`);
  }

  // oxlint-disable-next-line require-yield
  *execute(_on: Worker, task: Task): Sub<boolean> {
    this.tasks.push(task);
    return true;
  }

  schedule(): Sub<Cancellable> {
    throw new Error(`${this.name} has no clock`);
  }

  /** Runs what waits, and what that adds. */
  turn(): void {
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift())
      finish(task(this));
  }
}

/** Runs a part of a thread that makes no system call. */
export function finish<T>(sub: Sub<T>): T {
  const r = sub.next(0);
  ok(r.done === true, 'a system call was made');
  return r.value;
}
