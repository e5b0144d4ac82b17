/** The models in whole worlds: what each promises holds through a real link, kernel and TCP. */
import { describe as group, expect, it } from 'vitest';
import { run, runScenario } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { describe } from '../../src/sim/scenario/load.ts';

const MS = 1_000_000;

/** Two ideal hosts, 100 Mbit/s, 1 ms one way: what is measured is the model. */
function world(server: object, client: object, listening = true): RunResult {
  const host = { machine: 'ideal' };
  const [scenario] = describe('models', {
    seed: 1,
    shows: 'a model at work',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms' }],
    apps: {
      server: { host: 'b', listen: 80, ...server },
      load: { host: 'a', connect: 'b:80', ...client },
    },
    stop: { when: 'load.closed', limit: '60 s' },
  });
  // What a scenario may not ask for can still happen to a client.
  const apps = scenario!.apps.map((a) =>
    listening || !('listen' in a) ? a : { ...a, listen: 81 },
  );
  const result = runScenario({ ...scenario!, apps });
  expect(result.stop.reason).toBe('when');
  expect(result.invariants.filter((i) => !i.ok)).toEqual([]);
  return result;
}

const SERVERS: readonly (readonly [string, object])[] = [
  ['blocking', { model: 'blocking' }],
  ['a pool', { model: 'blocking', threads: { pool: 2, queue: 2 } }],
  ['epoll', { model: 'epoll' }],
  ['epoll, edge-triggered', { model: 'epoll', trigger: 'edge' }],
  ['stalled', { model: 'stalled', after: '20 kB', stall: '300 ms' }],
];

group('a bulk sender', () => {
  for (const io of ['threads', 'epoll']) {
    it.each(SERVERS)(`in ${io} is read to the last byte by %s`, (_, server) => {
      const r = world(server, {
        model: 'bulk',
        io,
        connections: 5,
        stagger: '1 ms',
        bytes: '100 kB',
      });
      expect(r.metrics['server.bytes_read']).toBe(500_000);
      expect(r.metrics['load.failed'] ?? 0).toBe(0);
    });
  }

  it('gets nothing back but the end from a reader, and all of it from an echo', () => {
    const r = world({ model: 'echo' }, { model: 'bulk', bytes: '30 kB' });
    expect(r.metrics['server.bytes_written']).toBe(30_000);
    expect(r.metrics['load.bytes_read']).toBe(30_000);
  });

  it('sends when it is told to, on connections that were made before', () => {
    const r = world(
      { model: 'epoll' },
      {
        model: 'bulk',
        io: 'epoll',
        connections: 3,
        bytes: '1 kB',
        send: '500 ms',
        'send-stagger': '10 ms',
      },
    );
    expect(r.stop.atNs).toBeGreaterThan(520 * MS);
    expect(r.stop.atNs).toBeLessThan(526 * MS);
  });

  it('fails, and ends, when nobody listens', () => {
    const r = world({ model: 'epoll' }, { model: 'bulk', bytes: '1 kB', connections: 2 }, false);
    expect(r.metrics['load.failed']).toBe(2);
  });
});

const request = { request: '100 B', response: '1 kB', work: '2 ms' };
const ask = { model: 'client', request: '100 B', response: '1 kB' };
const REQUEST_SERVERS = SERVERS.slice(0, 4).map(
  ([name, server]) => [name, { ...server, ...request }] as const,
);

group('a client', () => {
  for (const io of ['threads', 'epoll']) {
    it.each(REQUEST_SERVERS)(
      `in ${io} has every request answered by %s, after RTT and work`,
      (_, server) => {
        const r = world(server, { ...ask, io, connections: 2, requests: 20 });
        expect(r.metrics['load.requests']).toBe(20);
        expect(r.metrics['load.failed'] ?? 0).toBe(0);
        expect(r.metrics['load.latency.p50']).toBeGreaterThan(4 * MS);
      },
    );

    it(`in ${io} charges a stall to the requests that it held up [Gil Tene: coordinated omission]`, () => {
      // Work of 100 ms for each request, a request every 10 ms, one connection of RTT 2 ms: each is later by 92 ms than the last.
      const server = { ...request, model: 'epoll', work: '100 ms' };
      const r = world(server, {
        ...ask,
        io,
        requests: 10,
        mode: 'open',
        rate: '100 /s',
        arrivals: 'fixed',
      });
      // The tenth: connecting, ten times work and RTT (and .2 ms on the wire), less the 90 ms that it came later: 933 ms.
      expect(r.metrics['load.latency.max']! / MS).toBeGreaterThan(932);
      expect(r.metrics['load.latency.max']! / MS).toBeLessThan(936);
    });

    it(`in ${io} fails what is not answered in time, and goes on`, () => {
      const r = world(
        { ...request, model: 'blocking', work: '100 ms' },
        { ...ask, io, requests: 3, timeout: '50 ms' },
      );
      expect(r.metrics['load.failed']).toBe(3);
      expect(r.metrics['load.requests'] ?? 0).toBe(0);
    });

    it(`in ${io} fails every request while nobody listens, and ends`, () => {
      const r = world(
        { ...request, model: 'epoll' },
        { ...ask, io, requests: 4, connections: 2 },
        false,
      );
      expect(r.metrics['load.failed']).toBe(4);
    });
  }

  it('asks for the same things at the same times whoever answers', () => {
    const draws = (server: object): string[] => {
      const [scenario] = describe('draws', {
        seed: 7,
        shows: 'the load belongs to the user',
        hosts: { a: {}, b: {} },
        links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms' }],
        apps: {
          server: { host: 'b', listen: 80, ...request, ...server },
          load: {
            host: 'a',
            connect: 'b:80',
            ...ask,
            connections: 3,
            requests: 30,
            mode: 'open',
            rate: '200 /s',
          },
        },
        stop: { when: 'load.closed', limit: '60 s' },
      });
      const log: string[] = [];
      const w = new World(scenario!);
      w.engine.random.log = (name, key, value) => {
        if (name.startsWith('app/')) log.push(`${name} ${key} ${value}`);
      };
      run(w);
      return log.toSorted();
    };
    const blocking = draws({ model: 'blocking' });
    expect(blocking).toHaveLength(30);
    expect(draws({ model: 'epoll' })).toEqual(blocking);
  });
});
