// Threads in virtual time, without a kernel's costs: computing and sleeping take the time they say, everything else none.
// Whose turn it is among those that can run is drawn, and a system call acts when its thread has its turn again: so others
// may run before each call and after it.
import { equal } from 'node:assert/strict';
import { StreamLaws } from '../../../src/app/reactive/laws.ts';
import { ParallelScheduler } from '../../../src/app/reactive/schedulers.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Cancellable, Worker } from '../../../src/app/worker.ts';
import {
  EAGAIN,
  ETIMEDOUT,
  NR_NONE,
  SYSCALL_NAMES,
  Sys,
  Trap,
  type Futex,
  type ThreadBody,
  type ThreadStart,
} from '../../../src/kernel/syscall.ts';
import { FakeProbe } from '../driver.ts';

interface Thread {
  readonly name: string;
  readonly body: ThreadBody;
  readonly trap: Trap;
  result: number;
  /** The call that it has yielded and that has not acted yet. */
  call: string | null;
  /** When it can go on by itself. */
  at: number;
  /** What it waits for, and is not there yet. */
  word: Futex | null;
}

export class Machine {
  now = 0;
  /** System calls by name. */
  readonly calls: Record<string, number> = {};
  /** `parallel`, of two threads. */
  readonly parallel: ParallelScheduler = new ParallelScheduler('parallel', 2);
  private readonly threads: Thread[] = [];
  private readonly probe = new FakeProbe();
  private readonly laws: StreamLaws;
  private readonly pick: (n: number) => number;

  /** @param pick an index below n: whose turn it is */
  constructor(pick: (n: number) => number = () => 0, mutant: string | null = null) {
    this.pick = pick;
    this.laws = new StreamLaws(this.probe, mutant);
  }

  spawn(start: ThreadStart, name: string): void {
    const trap = new Trap(name);
    const body = start(new Sys(trap));
    this.threads.push({ name, body, trap, result: 0, call: null, at: this.now, word: null });
  }

  /** A thread that runs `part` and ends. */
  start(name: string, part: (on: Worker) => Sub<void>): void {
    this.spawn((sys) => part(new PlainWorker(name, sys, this.laws)), name);
  }

  /** Until no thread can run. @returns the names of those that wait for ever */
  run(): string[] {
    for (;;) {
      const now = this.now;
      const ready = this.threads.filter((t) => t.at <= now);
      if (ready.length > 0) {
        this.step(ready[this.pick(ready.length)]!);
        continue;
      }
      const next = Math.min(...this.threads.map((t) => t.at));
      if (next === Infinity) break;
      this.now = next;
    }
    // All that is still under way is at rest now.
    for (const broken of this.probe.ends) equal(broken(), null);
    return this.threads.map((t) => t.name);
  }

  /** Runs one part of a thread, and all that follows from it. @returns the names of the threads that are left */
  go(part: (on: Worker) => Sub<void>): string[] {
    this.start('main', part);
    return this.run();
  }

  private step(t: Thread): void {
    if (t.call !== null) {
      this.act(t, t.call);
      return;
    }
    if (t.word !== null) {
      t.word = null;
      t.result = -ETIMEDOUT;
    }
    const r = t.body.next(t.result);
    if (r.done === true) {
      this.threads.splice(this.threads.indexOf(t), 1);
      return;
    }
    t.call = SYSCALL_NAMES[t.trap.nr]!;
    t.trap.nr = NR_NONE;
  }

  private act(t: Thread, name: string): void {
    const { trap } = t;
    t.call = null;
    this.calls[name] = (this.calls[name] ?? 0) + 1;
    t.result = 0;
    if (name === 'compute' || name === 'nanosleep') t.at = this.now + trap.a;
    else if (name === 'clock_gettime') t.result = this.now;
    else if (name === 'clone') this.clone(trap.obj as { start: ThreadStart; name: string });
    else if (name === 'futex_wait') this.futexWait(t, trap.obj as Futex);
    else if (name === 'futex_wake') t.result = this.futexWake(trap.obj as Futex, trap.a);
    else equal(name, 'sched_yield');
  }

  private clone(thread: { start: ThreadStart; name: string }): void {
    this.spawn(thread.start, thread.name);
  }

  private futexWait(t: Thread, word: Futex): void {
    if (word.value !== t.trap.a) {
      t.result = -EAGAIN;
    } else {
      t.word = word;
      t.at = t.trap.b < 0 ? Infinity : this.now + t.trap.b;
    }
  }

  private futexWake(word: Futex, most: number): number {
    const woken = this.threads.filter((t) => t.word === word).slice(0, most);
    for (const t of woken) {
      t.word = null;
      t.at = this.now;
    }
    return woken.length;
  }
}

/** A thread that nobody gives work to. */
class PlainWorker implements Worker {
  readonly name: string;
  readonly sys: Sys;
  readonly laws: StreamLaws;

  constructor(name: string, sys: Sys, laws: StreamLaws) {
    this.name = name;
    this.sys = sys;
    this.laws = laws;
  }

  execute(): Sub<boolean> {
    throw new Error(`${this.name} takes no tasks`);
  }

  schedule(): Sub<Cancellable> {
    throw new Error(`${this.name} takes no tasks`);
  }
}
