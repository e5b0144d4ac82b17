/**
 * A kernel by script: it takes the system calls of one thread as they come, checks that they are the expected ones, and
 * answers what the test says. And a small kernel of a few calls that runs several threads in a drawn order.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { QueueMeter } from '../../src/base/queue-meter.ts';
import { Random } from '../../src/base/random.ts';
import { instant, type Instant } from '../../src/base/units.ts';
import type { AppEnv } from '../../src/app/env.ts';
import type { AppLaw, Probe } from '../../src/app/probe.ts';
import * as k from '../../src/kernel/syscall.ts';
import {
  EpollEvents,
  Futex,
  Sys,
  Trap,
  type ThreadBody,
  type ThreadStart,
} from '../../src/kernel/syscall.ts';

/** Takes a frame as the kernel does: it is free for the next call then. */
function take(trap: Trap): { name: string; args: number[]; obj: unknown } {
  const name = k.SYSCALL_NAMES[trap.nr] ?? `nr ${trap.nr}`;
  trap.nr = k.NR_NONE;
  return { name, args: [trap.fd, trap.a, trap.b, trap.c, trap.d], obj: trap.obj };
}

export class FakeProbe implements Probe {
  time = 0;
  readonly latencies: [number, number][] = [];
  readonly counts: Record<string, number> = {};
  readonly meters: QueueMeter[] = [];
  closedAt: number | null = null;
  /** What is to be looked at when the run ends. */
  readonly ends: (() => string | null)[] = [];
  now(): Instant {
    return instant(this.time);
  }
  latency(intended: Instant, done: Instant): void {
    this.latencies.push([intended, done]);
  }
  count(name: string, n: number): void {
    this.counts[name] = (this.counts[name] ?? 0) + n;
  }
  queue(name: string, bound: number): QueueMeter {
    const meter = new QueueMeter(name, bound);
    this.meters.push(meter);
    return meter;
  }
  require(law: AppLaw, holds: boolean, detail: () => string): void {
    ok(holds, `${law}: ${holds ? '' : detail()}`);
  }
  atEnd(_law: AppLaw, broken: () => string | null): void {
    this.ends.push(broken);
  }
  /** Set it to have records in `records`. */
  tracing = false;
  readonly records: string[] = [];
  trace(lane: string, what: string, fields: Readonly<Record<string, number | string>>): void {
    this.records.push([lane, what, ...Object.values(fields)].join(' '));
  }
  closed(at: Instant): void {
    equal(this.closedAt, null);
    this.closedAt = at;
  }
}

export function fakeEnv(name = 'app', seed = '1'): AppEnv {
  return { name, random: new Random(seed), cpus: 1, mutant: null, resolve: (host) => host.length };
}

/** Drives one thread by hand: `call(name, result, ...args)` checks the call it is in and answers it. */
export class Driver {
  readonly spawned: ThreadStart[] = [];
  private body: ThreadBody;
  private pending: ReturnType<typeof take> | null = null;
  done = false;
  private readonly trap = new Trap('test');

  constructor(start: ThreadStart) {
    this.body = start(new Sys(this.trap));
    this.settle(this.body.next(0));
  }

  /** The call that the thread is in. */
  get at(): string {
    return this.done ? 'ended' : this.pending!.name;
  }

  /** What the call that the thread is in carries: the bytes of a write, the buffer of a read. */
  get carries(): unknown {
    return this.pending!.obj;
  }

  /** Checks the call and, as far as given, its arguments (fd, a, b, c, d); answers it. @returns what it carried */
  call(name: string, result: number, ...args: number[]): unknown {
    equal(this.at, name);
    const { obj } = this.pending!;
    deepEqual(this.pending!.args.slice(0, args.length), args);
    if (name === 'clone') this.spawned.push((obj as { start: ThreadStart }).start);
    this.settle(this.body.next(result));
    return obj;
  }

  /** Answers epoll_wait with these (data, events). */
  ready(...events: [data: number, events: number][]): void {
    equal(this.at, 'epoll_wait');
    const into = this.pending!.obj as EpollEvents;
    events.forEach(([data, bits], i) => {
      into.data[i] = data;
      into.events[i] = bits;
    });
    this.settle(this.body.next(events.length));
  }

  /** What epoll_wait or nanosleep was asked to wait, in ns. */
  get timeout(): number {
    return this.at === 'epoll_wait' ? this.pending!.args[2]! : this.pending!.args[1]!;
  }

  /** Ends the thread from outside: its `finally` blocks run. */
  kill(): void {
    this.settle(this.body.return());
  }

  private settle(r: IteratorResult<Trap, ThreadBody | void>): void {
    if (r.done === true && r.value) {
      this.body = r.value;
      r = this.body.next(0);
    }
    this.done = r.done === true;
    this.pending = this.done ? null : take(this.trap);
  }
}

interface FakeThread {
  readonly body: ThreadBody;
  readonly trap: Trap;
  result: number;
  waitsFor: Futex | null;
  /** Its wait may end by itself. */
  patient: boolean;
}

/**
 * Runs threads that make futex calls, sleep and make threads, one call at a time, in the order that `pick` draws. A wait with
 * a time-out may end at any time, for the time is drawn as well.
 */
export class FutexKernel {
  private readonly threads: FakeThread[] = [];
  private readonly pick: (n: number) => number;
  steps = 0;
  /** @param pick an index below n: whose turn it is */
  constructor(pick: (n: number) => number) {
    this.pick = pick;
  }

  spawn(start: ThreadStart): void {
    const trap = new Trap('test');
    const body = start(new Sys(trap));
    this.threads.push({ body, trap, result: 0, waitsFor: null, patient: true });
  }

  /** Until no thread can run. @returns how many still wait */
  run(): number {
    for (;;) {
      const runnable = this.threads.filter((t) => t.waitsFor === null || !t.patient);
      if (runnable.length === 0) return this.threads.length;
      this.step(runnable[this.pick(runnable.length)]!);
      this.steps++;
    }
  }

  private step(t: FakeThread): void {
    if (t.waitsFor !== null) {
      t.waitsFor = null;
      t.result = -k.ETIMEDOUT;
    }
    const r = t.body.next(t.result);
    if (r.done === true) {
      this.threads.splice(this.threads.indexOf(t), 1);
      return;
    }
    const { name, args, obj } = take(t.trap);
    t.result = 0;
    const word = obj as Futex;
    if (name === 'futex_wait') {
      t.patient = args[2] === k.INFINITE;
      if (word.value === args[1]) t.waitsFor = word;
      else t.result = -k.EAGAIN;
    } else if (name === 'clone') {
      this.spawn((obj as { start: ThreadStart }).start);
    } else if (name === 'futex_wake') {
      for (const other of this.threads) {
        if (t.result < args[1]! && other.waitsFor === word) {
          other.waitsFor = null;
          t.result++;
        }
      }
    }
  }
}
