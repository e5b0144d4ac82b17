import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FixedFrames } from '../../src/app/codec/fixed.ts';
import { IntendedTimes } from '../../src/app/load/arrivals.ts';
import { bulkSender } from '../../src/app/load/bulk.ts';
import { DueHeap } from '../../src/app/load/due.ts';
import { rawSource } from '../../src/app/load/raw.ts';
import { Workload } from '../../src/app/load/workload.ts';
import { BULK_DEFAULTS, CLIENT_DEFAULTS, type BulkOptions } from '../../src/app/options.ts';
import { Random } from '../../src/base/random.ts';
import { instant, NEVER } from '../../src/base/units.ts';
import * as k from '../../src/kernel/syscall.ts';
import { prop } from '../support/prop.ts';
import { Driver, fakeEnv, FakeProbe } from './driver.ts';

it('cuts a stream into the same messages however the reads fall', () => {
  prop(
    [fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 1, max: 200 }))],
    (size, reads) => {
      const frames = new FixedFrames(size);
      const whole = reads.reduce((sum, n) => sum + frames.take(n), 0);
      const bytes = reads.reduce((sum, n) => sum + n, 0);
      return whole * size + frames.partial === bytes && frames.partial < size;
    },
  );
});

it('gives back users in order of time, then of number, whatever the order they came in', () => {
  prop([fc.array(fc.tuple(fc.nat(20), fc.nat(50)))], (entries) => {
    const heap = new DueHeap();
    for (const [at, user] of entries) heap.push(instant(at), user);
    const sorted = entries.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
    for (const [at, user] of sorted) {
      if (heap.pop(instant(at - 1)) !== -1 || heap.next() !== at || heap.pop(instant(at)) !== user)
        return false;
    }
    return heap.next() === NEVER && heap.pop(instant(1e9)) === -1;
  });
});

describe('intended times', () => {
  const times = (arrivals: 'fixed' | 'poisson', order: number[]): number[] => {
    const t = new IntendedTimes(instant(1000), 300, arrivals, new Random('7'), 'arrivals');
    return order.map((k) => t.at(k));
  };
  const inOrder = (n: number): number[] => Array.from({ length: n }, (_, k) => k);

  it('at a fixed rate are rounded once each, so that no rounding adds up', () => {
    expect(times('fixed', inOrder(6))).toEqual(
      inOrder(6).map((k) => 1000 + Math.round((k * 1e9) / 300)),
    );
  });

  it('end where the clock does, however far apart', () => {
    for (const arrivals of ['fixed', 'poisson'] as const) {
      const t = new IntendedTimes(instant(1000), 1e-9, arrivals, new Random('7'), 'arrivals');
      expect([1, 2, 99].map((k) => t.at(k))).toEqual([9e15, 9e15, 9e15]);
    }
  });

  it('as a Poisson process have the mean gap 1/rate and its spread', () => {
    const n = 20_000;
    const t = times('poisson', inOrder(n));
    const gaps = t.map((at, k) => at - (k === 0 ? 1000 : t[k - 1]!));
    const mean = 1e9 / 300;
    const variance = gaps.reduce((sum, g) => sum + (g - mean) ** 2, 0) / n;
    // Standard errors: 1/√n = 0.7 % of the mean, √8/√n = 2 % of the variance.
    expect(Math.abs(t.at(-1)! / n / mean - 1)).toBeLessThan(0.025);
    expect(Math.abs(variance / mean ** 2 - 1)).toBeLessThan(0.08);
  });

  it('belong to the request, in whatever order the users come round', () => {
    const straight = times('poisson', inOrder(40));
    prop([fc.shuffledSubarray(inOrder(40))], (order) =>
      times('poisson', order).every((t, i) => t === straight[order[i]!]),
    );
  });
});

it('shares the requests out over the users in turn, all of them', () => {
  prop([fc.nat(50), fc.integer({ min: 1, max: 20 })], (requests, connections) => {
    const o = {
      ...CLIENT_DEFAULTS,
      connect: { host: 'a', port: 1 },
      requests,
      request: 1,
      response: 1,
      connections,
    };
    let sum = 0;
    const work = new Workload(o, fakeEnv());
    for (let i = 0; i < connections; i++) sum += work.user(i).left;
    return sum === requests;
  });
});

describe('a raw source', () => {
  const next3 = (o: Parameters<typeof rawSource>[0]): number[] => {
    const s = rawSource(o, fakeEnv());
    return [s.next(), s.next(), s.next()];
  };

  it('sends at the given times, then never again', () => {
    expect(next3({ to: 'b', bytes: 64, when: { kind: 'times', timesNs: [5, 5] } })).toEqual([
      5,
      5,
      NEVER,
    ]);
  });

  it('sends at a rate, as often as asked', () => {
    const when = {
      kind: 'rate',
      arrivals: 'fixed',
      ratePerSec: 1000,
      count: 2,
      startNs: 10,
    } as const;
    expect(next3({ to: 'b', bytes: 64, when })).toEqual([10, 1_000_010, NEVER]);
  });

  it('refuses times that go back', () => {
    expect(() => next3({ to: 'b', bytes: 64, when: { kind: 'times', timesNs: [5, 4] } })).toThrow(
      'go back',
    );
  });
});

const FD = 3;
const bulk = (o: Partial<BulkOptions>): BulkOptions => ({
  ...BULK_DEFAULTS,
  connect: { host: 'server', port: 80 },
  bytes: 150,
  write: 100,
  ...o,
});

describe('the bulk sender with a thread per connection', () => {
  it('writes all, half-closes, waits for the end, closes, and says so', () => {
    const probe = new FakeProbe();
    const t = new Driver((sys) => bulkSender(sys, bulk({ startNs: 50 }), probe, fakeEnv()));
    t.call('clock_gettime', 20);
    t.call('nanosleep', 0, 0, 30);
    t.call('socket', FD);
    t.call('connect', 0, FD, 'server'.length, 80);
    t.call('write', 100, FD, 100);
    t.call('write', 50, FD, 50);
    t.call('shutdown', 0, FD, k.SHUT_WR);
    t.call('read', 10, FD);
    t.call('read', 0, FD);
    expect(probe.closedAt).toBeNull();
    probe.time = 99;
    t.call('close', 0, FD);
    expect(t.done).toBe(true);
    expect(probe.closedAt).toBe(99);
    expect(probe.counts).toEqual({ connections: 1 });
  });

  it('leaves the connection open, for the other end to close, when it is not to close', () => {
    const t = new Driver((sys) =>
      bulkSender(sys, bulk({ bytes: 0, close: false }), new FakeProbe(), fakeEnv()),
    );
    t.call('clock_gettime', 0);
    t.call('socket', FD);
    t.call('connect', 0);
    expect(t.at).toBe('read');
  });

  it('closes and counts what a refused or reset connection did not finish', () => {
    for (const error of [k.ECONNREFUSED, k.ETIMEDOUT]) {
      const probe = new FakeProbe();
      const t = new Driver((sys) => bulkSender(sys, bulk({}), probe, fakeEnv()));
      t.call('clock_gettime', 0);
      t.call('socket', FD);
      t.call('connect', -error);
      t.call('close', 0, FD);
      expect(t.done).toBe(true);
      expect(probe.counts).toEqual({ failed: 1 });
      expect(probe.closedAt).toBe(0);
    }
  });

  it('is through when the last of its connections is', () => {
    const probe = new FakeProbe();
    const main = new Driver((sys) =>
      bulkSender(sys, bulk({ connections: 2, staggerNs: 7, bytes: 0 }), probe, fakeEnv()),
    );
    main.call('clone', 100);
    const second = new Driver(main.spawned[0]!);
    second.call('clock_gettime', 0);
    second.call('nanosleep', 0, 0, 7);
    for (const t of [main, second]) {
      if (t === main) t.call('clock_gettime', 0);
      t.call('socket', FD);
      t.call('connect', 0);
      t.call('shutdown', 0);
      t.call('read', 0);
      expect(probe.closedAt).toBeNull();
      t.call('close', 0);
    }
    expect(probe.closedAt).toBe(0);
  });
});

describe('the bulk sender with one loop', () => {
  const EP = 9;

  it('connects and sends at the given times, waits for room, and ends with the other end', () => {
    const probe = new FakeProbe();
    const o = bulk({ io: 'epoll', connections: 2, startNs: 10, staggerNs: 10, sendNs: 500 });
    const t = new Driver((sys) => bulkSender(sys, o, probe, fakeEnv()));
    t.call('epoll_create', EP);
    t.call('clock_gettime', 0);
    expect(t.timeout).toBe(10);
    t.ready();
    t.call('clock_gettime', 20); // both are due
    for (const [fd, i] of [
      [3, 0],
      [4, 1],
    ] as const) {
      t.call('socket', fd, 0, k.NONBLOCK);
      t.call('connect', -k.EINPROGRESS, fd, 'server'.length, 80);
      t.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, fd, k.EPOLLOUT, i);
    }
    expect(t.timeout).toBe(k.INFINITE);
    t.ready([0, k.EPOLLOUT], [1, k.EPOLLOUT | k.EPOLLERR | k.EPOLLHUP]);
    t.call('getsockopt', 0, 3, k.SOL_SOCKET, k.SO_ERROR);
    t.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, 3, k.EPOLLIN, 0);
    t.call('getsockopt', k.ECONNREFUSED, 4);
    t.call('close', 0, 4);
    t.call('clock_gettime', 400);
    expect(t.timeout).toBe(100);
    t.ready();
    t.call('clock_gettime', 500);
    t.call('write', 70, 3, 100);
    t.call('write', -k.EAGAIN, 3, 80);
    t.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, 3, k.EPOLLOUT, 0);
    t.ready([0, k.EPOLLOUT]);
    t.call('write', 80, 3, 80);
    t.call('shutdown', 0, 3, k.SHUT_WR);
    t.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, 3, k.EPOLLIN, 0);
    t.call('clock_gettime', 600);
    t.ready([0, k.EPOLLIN]);
    t.call('read', 0, 3);
    t.call('close', 0, 3);
    expect(t.done).toBe(true);
    expect(probe.counts).toEqual({ connections: 1, failed: 1 });
    expect(probe.closedAt).not.toBeNull();
  });
});
