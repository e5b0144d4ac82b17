/**
 * Waking a loop from other threads: whatever the order in which threads run between their system calls, each task runs once
 * and the loop does not sleep on one.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventLoop } from '../../../src/app/netty/event-loop.ts';
import { LoopMeters } from '../../../src/app/netty/meters.ts';
import { ThreadWorker } from '../../../src/app/netty/thread-worker.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { type EpollEvents, Sys, type ThreadStart, Trap } from '../../../src/kernel/syscall.ts';
import { prop } from '../../support/prop.ts';
import { FakeProbe } from '../driver.ts';
import { WAKEUP } from './rig.ts';

const EVENTFD = 4;

interface Thread {
  readonly body: ReturnType<ThreadStart>;
  readonly trap: Trap;
  result: number;
  /** In epoll_wait without a time-out. */
  asleep: boolean;
}

/** A kernel of one eventfd in one epoll instance. Threads run from call to call, in a drawn order. */
class Kernel {
  private readonly threads: Thread[] = [];
  private readonly edge: boolean;
  /** The eventfd's counter, and whether it has risen since epoll_wait told of it. */
  private count = 0;
  private risen = false;
  /** Loses what is written to the eventfd while nobody sleeps. */
  private readonly deaf: boolean;
  writes = 0;

  constructor(edge: boolean, deaf: boolean) {
    this.edge = edge;
    this.deaf = deaf;
  }

  spawn(start: ThreadStart): void {
    const trap = new Trap('test');
    this.threads.push({ body: start(new Sys(trap)), trap, result: 0, asleep: false });
  }

  /** @param order whose turn it is, as far as it goes; then the first that can run */
  run(order: readonly number[]): void {
    for (let i = 0; ; i++) {
      const runnable = this.threads.filter((t) => !t.asleep || this.ready);
      if (runnable.length === 0) return;
      this.step(runnable[(order[i] ?? 0) % runnable.length]!);
    }
  }

  private get ready(): boolean {
    return this.edge ? this.risen : this.count > 0;
  }

  /** The call that the thread is in takes effect, and the thread goes on to its next one. */
  private step(t: Thread): void {
    if (!this.perform(t)) return;
    t.trap.nr = k.NR_NONE;
    if (t.body.next(t.result).done === true) this.threads.splice(this.threads.indexOf(t), 1);
  }

  /** @returns false when it sleeps */
  private perform(t: Thread): boolean {
    const { nr, obj, b: timeout } = t.trap;
    t.result = 0;
    if (nr === k.NR_SPAWN) this.spawn((obj as { start: ThreadStart }).start);
    else if (nr === k.NR_EPOLL_CREATE) t.result = 3;
    else if (nr === k.NR_EVENTFD) t.result = EVENTFD;
    else if (nr === k.NR_READ) this.count = 0;
    else if (nr === k.NR_WRITE) this.rise();
    else if (nr === k.NR_EPOLL_WAIT) {
      t.asleep = !this.ready && timeout === k.INFINITE;
      if (this.ready) this.report(t, obj as EpollEvents);
    }
    return !t.asleep;
  }

  /** epoll_wait finds the eventfd ready. */
  private report(t: Thread, events: EpollEvents): void {
    events.data[0] = WAKEUP;
    events.events[0] = k.EPOLLIN;
    this.risen = false;
    t.result = 1;
  }

  private rise(): void {
    this.writes++;
    if (this.deaf && !this.threads.some((t) => t.asleep)) return;
    this.count++;
    this.risen = true;
  }
}

/** `senders` threads give the loop `each` tasks, `gap` calls apart. @returns the tasks that ran, and what it took to wake the loop */
function play(
  transport: 'nio' | 'epoll',
  senders: number,
  each: number,
  gap: number,
  order: readonly number[],
  deaf = false,
): { ran: string[]; writes: number } {
  const kernel = new Kernel(transport === 'epoll', deaf);
  const ran: string[] = [];
  kernel.spawn(function* (sys) {
    const loop = yield* EventLoop.open(sys, 'loop', transport, new LoopMeters(new FakeProbe()));
    for (let s = 0; s < senders; s++) {
      yield sys.spawn(function* (own) {
        const self = new ThreadWorker(`sender-${s}`, own);
        for (let i = 0; i < each; i++) {
          yield* loop.execute(self, function* (on) {
            yield on.sys.compute(1);
            ran.push(`${s}.${i}`);
          });
          for (let step = 0; step < gap; step++) yield own.compute(1);
        }
      });
    }
  });
  kernel.run(order);
  return { ran, writes: kernel.writes };
}

describe.each(['nio', 'epoll'] as const)('over %s', (transport) => {
  const cases = [
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 0, max: 20 }),
    fc.array(fc.nat({ max: 7 }), { minLength: 100, maxLength: 400 }),
  ] as const;

  it('every task runs once, those of one thread in order, and none costs more than one wake-up [nextWakeupNanos]', () => {
    prop([...cases], (senders, each, gap, order) => {
      const { ran, writes } = play(transport, senders, each, gap, order);
      expect(ran.length).toBe(senders * each);
      for (let s = 0; s < senders; s++) {
        const own = ran.filter((task) => task.startsWith(`${s}.`));
        expect(own).toEqual(Array.from({ length: each }, (_, i) => `${s}.${i}`));
      }
      expect(writes).toBeLessThanOrEqual(senders * each);
    });
  });

  it('[mutant] a wake-up that is lost while the loop is on its way to sleep leaves a task behind', () => {
    expect(() =>
      prop([...cases], (senders, each, gap, order) => {
        expect(play(transport, senders, each, gap, order, true).ran.length).toBe(senders * each);
      }),
    ).toThrow(/replay/);
  });
});
