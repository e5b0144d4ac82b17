/** Each limit of Tomcat, when it is reached, and what the client sees of it [io-models C8]. */
import { describe, expect, it } from 'vitest';
import { Executor } from '../../../src/app/tomcat/executor.ts';
import { instant } from '../../../src/base/units.ts';
import { World } from '../../../src/sim/run/world.ts';
import { prop } from '../../support/prop.ts';
import fc from 'fast-check';
import { ask, broken, MS, S, scenarioOf, world } from './worlds.ts';

/** So many clients, one after the other, who ask once each and are answered after a second. */
const crowd = (n: number): object =>
  ask({
    io: 'epoll',
    connections: n,
    requests: n,
    stagger: '10 ms',
    mode: 'open',
    rate: '100 /s',
    arrivals: 'fixed',
  });

const POOL = { minSpareThreads: 2, maxThreads: 6, delay: '1 s' };

describe('the executor [TaskQueue.offer]', () => {
  const peaks = (n: number): { threads: number; queued: number } => {
    const { metrics } = world(POOL, { load: crowd(n) });
    return { threads: metrics['server.threads.peak']!, queued: metrics['server.executor.peak']! };
  };
  /** With n requests at once: threads up to the limit, and only then a queue. (A task for an idle thread passes through it.) */
  const expected = (n: number): { threads: number; queued: number } => ({
    threads: Math.max(2, Math.min(n, 6)),
    queued: Math.max(1, n - 6),
  });

  it('makes threads before it queues: max(core, min(n, max)) threads, n − max in the queue', () => {
    for (let n = 1; n <= 10; n++) expect([n, peaks(n)]).toEqual([n, expected(n)]);
  });

  it('[mutant] that queues first, as the JDK’s pool does, stays at its core', () => {
    const { prototype } = Executor as unknown as { prototype: { accepts: () => boolean } };
    const accepts = prototype.accepts;
    prototype.accepts = () => true;
    try {
      expect(peaks(6)).toEqual({ threads: 2, queued: 4 });
    } finally {
      prototype.accepts = accepts;
    }
  });

  it('ends threads above minSpareThreads that had nothing to do for threadsMaxIdleTime, and keeps the others', () => {
    const w = new World(scenarioOf({ ...POOL, threadsMaxIdleTime: '5 s' }, { load: crowd(6) }));
    const at = (t: number): number => {
      w.engine.run(instant(t));
      return w.apps.get('server')!.queues.find((q) => q.name === 'server.threads')!.depth;
    };
    // The first two requests find an idle thread; the others, 10 ms apart, make one each. All have ended by 1.054 s.
    expect(at(1 * S)).toBe(6);
    expect(at(6 * S)).toBe(6);
    expect(at(6.06 * S)).toBe(2);
    expect(at(60 * S)).toBe(2);
  });
});

describe('maxQueueSize', () => {
  const FULL = { minSpareThreads: 1, maxThreads: 1, maxQueueSize: 1, delay: '1 s' };
  const seen = (r: ReturnType<typeof world>): number[] =>
    ['server.rejected', 'load.failed', 'load.requests', 'server.executor.peak'].map(
      (m) => r.metrics[m]!,
    );

  it.each(['nio', 'bio'])(
    '%s: who finds the queue full is closed, without an answer',
    (protocol) => {
      // BIO takes as many connections as it has threads: more have to be asked for.
      const r = world({ ...FULL, protocol, maxConnections: 10 }, { load: crowd(5) });
      expect(seen(r)).toEqual([3, 3, 2, 1]);
      expect(broken(r)).toEqual([]);
    },
  );

  it('of any size rejects nobody', () => {
    expect(seen(world({ ...FULL, maxQueueSize: 'unlimited' }, { load: crowd(5) }))).toEqual([
      0, 0, 5, 4,
    ]);
  });
});

describe('maxConnections', () => {
  // Everybody comes, asks once, and stays. 900 ms is before the first SYN is sent again.
  const stay = ask({
    io: 'epoll',
    connections: 10,
    requests: 20,
    stagger: '10 ms',
    think: '100 s',
  });
  const FOUR = { maxConnections: 4, acceptCount: 2 };
  const seen = (server: object): number[] => {
    const r = world({ ...FOUR, ...server }, { load: stay }, { limit: '900 ms' });
    expect(broken(r).filter((law) => law !== 'liveness')).toEqual([]);
    const names = [
      'server.connections.peak',
      'b.accept.peak',
      'b.drops.ListenOverflows',
      'b.syscalls.accept',
    ];
    return names.map((m) => r.metrics[m]!);
  };

  it.each(['nio', 'bio'])(
    '%s: 4 are accepted, acceptCount + 1 wait in the kernel, the SYNs of the others are dropped, and accept() is not called [C2]',
    (protocol) => {
      expect(seen({ protocol })).toEqual([4, 3, 3, 4]);
    },
  );

  it('without a limit takes all', () => {
    expect(seen({ maxConnections: 'unlimited' })).toEqual([10, 1, 0, 10]);
  });

  it('is maxThreads with bio, if nothing else is said [JIoEndpoint.bind]', () => {
    const r = world(
      { protocol: 'bio', maxThreads: 3, acceptCount: 10 },
      { load: stay },
      { limit: '900 ms' },
    );
    expect(r.metrics['server.connections.peak']).toBe(3);
    expect(r.metrics['server.connections.bound']).toBe(3);
  });

  it('lets the next one in when somebody leaves', () => {
    // 1 s of silence ends a connection; with a place free the acceptor takes the next one from the kernel.
    const once = ask({
      io: 'epoll',
      connections: 8,
      requests: 8,
      stagger: '10 ms',
      mode: 'open',
      rate: '100 /s',
      arrivals: 'fixed',
    });
    const r = world({ maxConnections: 1, acceptCount: 20, delay: '500 ms' }, { load: once });
    expect(r.metrics['load.requests']).toBe(8);
    expect(r.metrics['server.connections.peak']).toBe(1);
    // One connection at a time, each for 500 ms and what it takes to come and go.
    expect(r.metrics['load.latency.max']! / MS).toBeGreaterThan(8 * 500 - 70);
    expect(r.metrics['load.latency.max']! / MS).toBeLessThan(8 * 510 - 70);
  });
});

describe.each(['nio', 'bio'])('maxKeepAliveRequests, %s', (protocol) => {
  const connections = (n: number | string, requests: number): number => {
    const server = { protocol, maxKeepAliveRequests: n };
    const r = world(server, { load: ask({ requests }) });
    expect(r.metrics['load.failed']).toBe(0);
    expect(r.metrics['load.requests']).toBe(requests);
    return r.metrics['load.connections']!;
  };
  it('n closes a connection with the n-th answer, which says so: ceil(requests / n) connections', () => {
    prop(
      [fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 20 })],
      (n, requests) => {
        expect(connections(n, requests)).toBe(Math.ceil(requests / n));
      },
      { numRuns: 15 },
    );
  });
  it('is 100 if nothing is said, and may be none', () => {
    const r = world({ protocol }, { load: ask({ requests: 201 }) });
    expect(r.metrics['load.connections']).toBe(3);
    expect(connections('unlimited', 250)).toBe(1);
  });
});

describe('disableKeepAlivePercentage', () => {
  // Four connections for four threads, all of which have one: a busy thread for each.
  const closed = (percentage: number | undefined): number => {
    const server = {
      protocol: 'bio',
      maxThreads: 4,
      minSpareThreads: 4,
      disableKeepAlivePercentage: percentage,
    };
    const four = ask({
      io: 'epoll',
      connections: 4,
      requests: 16,
      think: '100 ms',
      stagger: '10 ms',
    });
    return world(server, { load: four }).metrics['load.connections']!;
  };
  it('closes connections after an answer when more threads than that are busy [Http11Processor.disableKeepAlive]', () => {
    expect(closed(100)).toBe(4);
    // Only the fourth finds more than 75 % of the threads busy; and the one that comes in place of it.
    expect(closed(75)).toBe(7);
    expect(closed(0)).toBe(16);
  });
});

describe('whatever the limits and the load', () => {
  const server = fc.record({
    protocol: fc.constantFrom('nio', 'bio'),
    maxThreads: fc.integer({ min: 1, max: 4 }),
    minSpareThreads: fc.integer({ min: 1, max: 4 }),
    maxConnections: fc.oneof(fc.constant('unlimited'), fc.integer({ min: 1, max: 6 })),
    maxQueueSize: fc.oneof(fc.constant('unlimited'), fc.integer({ min: 1, max: 3 })),
    maxKeepAliveRequests: fc.oneof(fc.constant('unlimited'), fc.integer({ min: 1, max: 5 })),
    acceptCount: fc.integer({ min: 0, max: 5 }),
    delay: fc.constantFrom('0 ms', '5 ms', '300 ms'),
    response: fc.constantFrom('0 B', '100 B', '30 kB'),
    connectionTimeout: fc.constantFrom('1 s', '3 s'),
  });
  const load = fc.record({
    io: fc.constantFrom('threads', 'epoll'),
    connections: fc.integer({ min: 1, max: 8 }),
    requests: fc.integer({ min: 1, max: 30 }),
    request: fc.constantFrom('0 B', '10 B', '20 kB'),
    think: fc.constantFrom('0 ms', '20 ms', '2 s'),
    stagger: fc.constantFrom('0 ms', '3 ms'),
  });
  it('all requests are answered or have failed, no law is broken, no limit is passed', () => {
    prop(
      [server, load],
      (s, l) => {
        const client = { ...ask(l), response: s.response, timeout: '100 s' };
        const r = world(s, { load: client }, { when: 'load.closed', limit: '2000 s' });
        expect(broken(r)).toEqual([]);
        expect(r.stop.reason).toBe('when');
        expect(r.metrics['load.requests']! + r.metrics['load.failed']!).toBeGreaterThanOrEqual(
          l.requests,
        );
        expect(r.metrics['server.threads.peak']).toBeLessThanOrEqual(s.maxThreads);
      },
      { numRuns: 25 },
    );
  });
});
