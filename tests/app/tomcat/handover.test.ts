/** Hand-overs between Tomcat's threads are system calls, and the acceptor's patience with a kernel that refuses. */
import { describe, expect, it } from 'vitest';
import { TOMCAT_DEFAULTS, type TomcatOptions } from '../../../src/app/options.ts';
import { LimitLatch } from '../../../src/app/tomcat/limit-latch.ts';
import { Poller } from '../../../src/app/tomcat/poller.ts';
import { tomcat } from '../../../src/app/tomcat/server.ts';
import * as k from '../../../src/kernel/syscall.ts';
import type { Sys } from '../../../src/kernel/syscall.ts';
import type { Sub } from '../../../src/app/setup.ts';
import { Driver, fakeEnv, FakeProbe } from '../driver.ts';
import { ask, GET, MS, scripted, world } from './worlds.ts';

const LISTENER = 3;
const EP = 4;
const EVENTFD = 5;
const CONN = 6;

function start(o: Partial<TomcatOptions> = {}): { acceptor: Driver; probe: FakeProbe } {
  const probe = new FakeProbe();
  const options = { ...TOMCAT_DEFAULTS, listen: 80, minSpareThreads: 2, ...o };
  const acceptor = new Driver((sys) => tomcat(sys, options, probe, fakeEnv()));
  acceptor.call('socket', LISTENER);
  acceptor.call('bind', 0, LISTENER, 80);
  acceptor.call('listen', 0, LISTENER, options.acceptCount);
  for (let i = 0; i < 2; i++) acceptor.call('clone', 100 + i);
  if (options.protocol === 'nio') {
    acceptor.call('epoll_create', EP);
    acceptor.call('eventfd', EVENTFD);
    acceptor.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD);
    acceptor.call('clone', 102);
  }
  return { acceptor, probe };
}

describe('the acceptor', () => {
  it('makes minSpareThreads and the poller, accepts with a blocking call, and gives the socket to the poller', () => {
    const { acceptor } = start();
    acceptor.call('accept', CONN, LISTENER, 0);
    acceptor.call('setsockopt', 0, CONN, k.IPPROTO_TCP, k.TCP_NODELAY, 1);
    acceptor.call('fcntl', 0, CONN, 1);
    acceptor.call('clock_gettime', 0);
    // The poller has not slept yet: it will look by itself.
    expect(acceptor.at).toBe('accept');
  });

  it('tries again at once when accept() fails, then after 50 ms, doubled up to 1.6 s, and starts over after a success [C2]', () => {
    const { acceptor, probe } = start({ protocol: 'bio' });
    acceptor.call('accept', -k.EMFILE);
    for (const ms of [50, 100, 200, 400, 800, 1600, 1600]) {
      acceptor.call('accept', -k.EMFILE);
      acceptor.call('nanosleep', 0, 0, ms * MS);
    }
    acceptor.call('accept', CONN);
    acceptor.call('setsockopt', 0);
    acceptor.call('accept', -k.ECONNABORTED);
    acceptor.call('accept', -k.EMFILE);
    acceptor.call('nanosleep', 0, 0, 50 * MS);
    expect(probe.counts).toEqual({ connections: 1, failed: 10 });
  });

  it('ends with its listener', () => {
    const { acceptor } = start();
    acceptor.call('accept', -k.EINVAL);
    expect(acceptor.done).toBe(true);
  });

  it('waits for the latch in front of accept()', () => {
    const { acceptor } = start({ protocol: 'bio', maxConnections: 1 });
    acceptor.call('accept', CONN);
    acceptor.call('setsockopt', 0);
    expect(acceptor.at).toBe('futex_wait');
  });
});

it('the latch wakes the acceptor when it waits, and nobody otherwise', () => {
  const latch = new LimitLatch(1);
  function* twice(sys: Sys): Sub<void> {
    yield* latch.countUpOrAwait(sys);
    yield* latch.countDown(sys);
    yield* latch.countUpOrAwait(sys);
    yield* latch.countUpOrAwait(sys);
  }
  const one = new Driver(twice);
  expect(one.at).toBe('futex_wait');
  const other = new Driver((sys) => latch.countDown(sys));
  other.call('futex_wake', 1, 0, 1);
  expect(other.done).toBe(true);
  one.call('futex_wait', 0);
  expect(one.done).toBe(true);
});

describe('a request on a connection that stays', () => {
  /** Of `n` requests of one user, 200 ms apart: what the server's host has called. */
  const calls = (n: number, protocol: string): Record<string, number> => {
    const { metrics } = world({ protocol }, { load: ask({ requests: n, think: '200 ms' }) });
    const names = [
      'read',
      'write',
      'epoll_wait',
      'epoll_ctl',
      'futex_wake',
      'futex_wait',
      'poll',
      'accept',
    ];
    return Object.fromEntries(names.map((name) => [name, metrics[`b.syscalls.${name}`]!]));
  };
  const oneMore = (protocol: string): Record<string, number> => {
    const [less, more] = [calls(2, protocol), calls(3, protocol)];
    return Object.fromEntries(Object.entries(more).map(([name, n]) => [name, n - less[name]!]));
  };

  it('costs with nio: epoll_wait, out of the interest list, a futex, read, write, nothing to read, the eventfd, in again', () => {
    expect(oneMore('nio')).toEqual({
      read: 3, // the request, nothing behind it, the eventfd
      write: 2, // the answer, the eventfd
      epoll_wait: 2, // the request, the wake-up
      epoll_ctl: 2, // DEL and ADD: java.nio takes out what has no interest
      futex_wake: 1,
      futex_wait: 1,
      poll: 0,
      accept: 0,
    });
  });

  it('costs with bio: poll, read, write, and the executor', () => {
    expect(oneMore('bio')).toEqual({
      read: 1,
      write: 1,
      epoll_wait: 0,
      epoll_ctl: 0,
      futex_wake: 1,
      futex_wait: 1,
      poll: 1,
      accept: 0,
    });
  });

  it('[mutant] waits for the poller’s second when nobody writes to its eventfd', () => {
    const slowest = (): number =>
      world({}, { load: ask({ requests: 3, think: '200 ms' }) }).metrics['load.latency.max']! / MS;
    expect(slowest()).toBeCloseTo(4, 1);
    const { prototype } = Poller as unknown as {
      prototype: {
        add: (this: { events: { push: (e: object) => void } }, ...a: unknown[]) => unknown;
      };
    };
    const add = prototype.add;
    // oxlint-disable-next-line require-yield -- that is what is wrong with it
    prototype.add = function* (_sys, socket, ops) {
      this.events.push({ socket, ops } as object);
    };
    try {
      expect(slowest()).toBeGreaterThan(500);
    } finally {
      prototype.add = add;
    }
  });
});

describe('closing', () => {
  /** At so many ms, after one answer that says close: system calls of the server's host. */
  const calls = (server: object, ms: number): number[] => {
    const { main } = scripted([GET, 10_000 * MS]);
    const apps = { './slow.ts': main };
    const one = { maxKeepAliveRequests: 1, ...server };
    const r = world(one, { slow: { app: './slow.ts' } }, { limit: `${ms} ms` }, { apps });
    return ['shutdown', 'close'].map((name) => r.metrics[`b.syscalls.${name}`]!);
  };

  it('takes two steps with nio: the FIN at once, the descriptor with the poller’s next turn [implCloseNonBlockingMode]', () => {
    // The poller fell asleep with the request, at 3 ms, and sleeps for a second.
    expect(calls({}, 10)).toEqual([1, 0]);
    expect(calls({}, 1000)).toEqual([1, 0]);
    expect(calls({}, 1010)).toEqual([1, 1]);
    expect(calls({ protocol: 'bio' }, 10)).toEqual([0, 1]);
  });

  it('with SO_LINGER 0 sends no FIN in front of the reset', () => {
    expect(calls({ sockopt: { SO_LINGER: 0 } }, 1010)).toEqual([0, 1]);
  });
});
