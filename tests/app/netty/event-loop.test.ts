import { describe, expect, it } from 'vitest';
import type { Sub } from '../../../src/app/setup.ts';
import type { Cancellable, Task, Worker } from '../../../src/app/worker.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { ENDED, EVENTFD, rig, WAKEUP } from './rig.ts';

/** A task that computes for `ns`, so that a test sees it run. */
const computing = (ns: number): Task =>
  function* (on) {
    yield on.sys.compute(ns);
  };

/** A loop that has gone to sleep. */
function asleep(transport: 'nio' | 'epoll'): ReturnType<typeof rig> {
  const r = rig(transport, computing(1));
  r.thread.ready();
  r.thread.call('compute', 0);
  r.thread.call('clock_gettime', 0);
  expect(r.thread.at).toBe('epoll_wait');
  return r;
}

describe.each(['nio', 'epoll'] as const)('an event loop over %s', (transport) => {
  it('is made with an epoll instance and an eventfd, and its thread starts with its first task [SingleThreadEventExecutor.execute]', () => {
    const r = rig(transport, computing(7));
    expect(r.thread.at).toBe('epoll_wait');
    expect(r.thread.timeout).toBe(0);
    r.thread.ready();
    r.thread.call('compute', 0, 0, 7);
  });

  it('waits for ever when there is neither task nor deadline, and not at all while tasks wait [calculateStrategy] [B1]', () => {
    const r = asleep(transport);
    expect(r.thread.timeout).toBe(k.INFINITE);
    r.does((on) => r.loop.execute(on, computing(1)));
    r.other.call('write', 8, EVENTFD, 1);
    wake(r);
    r.thread.call('compute', 0);
  });

  it('is woken once, by whoever comes first while it sleeps [nextWakeupNanos]', () => {
    const r = asleep(transport);
    r.does((on) => r.loop.execute(on, computing(1)));
    expect(r.other.at).toBe('write');
    r.other.call('write', 8, EVENTFD, 1);
    r.does((on) => r.loop.execute(on, computing(2)));
    expect(r.other.at).toBe('nanosleep');
    expect(r.tasks.depth).toBe(2);
    wake(r);
    r.thread.call('compute', 0, 0, 1);
    // It runs: nobody wakes it.
    r.does((on) => r.loop.execute(on, computing(3)));
    expect(r.other.at).toBe('nanosleep');
    r.thread.call('compute', 0, 0, 2);
    r.thread.call('compute', 0, 0, 3);
    expect(r.tasks.depth).toBe(0);
  });

  it('does not wake itself', () => {
    const r = asleep(transport);
    r.does((on) =>
      r.loop.execute(on, function* (loop) {
        yield* r.loop.execute(loop, computing(5));
      }),
    );
    r.other.call('write', 8);
    wake(r);
    expect(r.thread.at).toBe('compute');
  });

  it('looks at the clock every 64 tasks and goes back to its channels when the time is used up [runAllTasks] [B1]', () => {
    const r = asleep(transport);
    r.does(function* (on) {
      for (let i = 0; i < 130; i++) yield* r.loop.execute(on, computing(i + 1));
    });
    r.other.call('write', 8);
    wake(r);
    let ran = 0;
    for (; r.thread.at === 'compute'; ran++) r.thread.call('compute', 0);
    expect(ran).toBe(64);
    r.thread.call('clock_gettime', 1_000_000);
    expect(r.thread.at).toBe('epoll_wait');
    expect(r.thread.timeout).toBe(0);
    expect(r.tasks.depth).toBe(66);
  });

  it('runs a scheduled task when it is due and sleeps until then [AbstractScheduledEventExecutor] [B1]', () => {
    const r = rig(transport, function* (on) {
      yield* on.schedule(on, computing(9), 5_000_000);
    });
    r.thread.ready();
    r.thread.call('clock_gettime', 100);
    r.thread.call('clock_gettime', 100);
    r.thread.call('clock_gettime', 200);
    expect(r.thread.timeout).toBe(transport === 'nio' ? 5_000_000 : 4_999_900);
    r.thread.ready();
    r.thread.call('clock_gettime', 5_000_100);
    r.thread.call('compute', 0, 0, 9);
    r.thread.call('clock_gettime', 5_000_100);
    expect(r.thread.timeout).toBe(k.INFINITE);
  });

  it('is woken by another thread for a deadline that comes before its own, not for a later one [beforeScheduledTaskSubmitted]', () => {
    const r = asleep(transport);
    r.does((on) => r.loop.schedule(on, computing(1), 1000));
    r.other.call('clock_gettime', 50);
    r.other.call('write', 8, EVENTFD, 1);
    wake(r);
    r.thread.call('clock_gettime', 100);
    r.thread.call('clock_gettime', 100);
    r.thread.call('clock_gettime', 100);
    expect(r.thread.timeout).toBe(950);
    r.does((on) => r.loop.schedule(on, computing(2), 5000));
    r.other.call('clock_gettime', 120);
    expect(r.other.at).toBe('nanosleep');
  });

  it('forgets a task that was taken back before it had begun', () => {
    const r = asleep(transport);
    let handle: Cancellable | null = null;
    r.does(function* (on: Worker): Sub<void> {
      handle = yield* r.loop.schedule(on, computing(1), 1000);
    });
    r.other.call('clock_gettime', 50);
    r.other.call('write', 8);
    handle!.cancel();
    wake(r);
    r.thread.call('clock_gettime', 100);
    r.thread.call('clock_gettime', 100);
    expect(r.thread.timeout).toBe(k.INFINITE);
  });

  it('ends with its thread', () => {
    const r = asleep(transport);
    r.thread.call('epoll_wait', -k.EINTR);
    expect(r.thread.at).toBe(ENDED);
  });
});

/** The eventfd is ready: java.nio reads it and does not report it, the native transport takes it for I/O and does not read it. */
function wake(r: ReturnType<typeof rig>): void {
  r.thread.ready([WAKEUP, k.EPOLLIN]);
  if (r.loop.transport === 'nio') return void r.thread.call('read', 8, EVENTFD, 8);
  r.thread.call('clock_gettime', 0);
  r.thread.call('clock_gettime', 0);
}
