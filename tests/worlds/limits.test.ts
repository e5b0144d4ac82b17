/** `nofile:` and fs.file-max: a server that has no descriptor for a client serves it when another one has gone. */
import { describe, expect, it } from 'vitest';
import { describe as describeWorlds } from '../../src/sim/scenario/load.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { runScenario } from '../../src/sim/run/runner.ts';

const CLIENTS = 12;

function serve(model: string, server: object): RunResult {
  const [scenario] = describeWorlds('limits', {
    shows: 'more clients than descriptors',
    hosts: { client: { machine: 'ideal' }, server: { machine: 'ideal', ...server } },
    links: [{ between: ['client', 'server'], rate: '1 Gbit/s', delay: '1 ms' }],
    apps: {
      server: { model, host: 'server', listen: 80, request: '100 B', response: '1 kB' },
      load: {
        model: 'client',
        host: 'client',
        connect: 'server:80',
        connections: CLIENTS,
        requests: 5 * CLIENTS,
        request: '100 B',
        response: '1 kB',
      },
    },
    stop: { when: 'load.closed', limit: '60 s' },
  });
  const r = runScenario(scenario!);
  expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  return r;
}

describe.each(['blocking', 'epoll', 'netty'])('a %s server', (model) => {
  it('with few descriptors answers all its clients, later', () => {
    const free = serve(model, {});
    const most = free.metrics['server.descriptors.peak']!;
    expect(most).toBeGreaterThan(CLIENTS);
    for (const short of [{ nofile: 8 }, { sysctl: { 'fs.file-max': 8 } }]) {
      const r = serve(model, short);
      expect(r.metrics['server.descriptors.peak']).toBe(8);
      expect(r.metrics['load.requests']).toBe(5 * CLIENTS);
      expect(r.metrics['load.failed']).toBe(0);
      expect(r.metrics['latency.max']).toBeGreaterThan(free.metrics['latency.max']!);
    }
  });
});

it('slices are as long as `sched:` says: two who compute on one core take turns', () => {
  const switches = (base_slice_ns: string, hrtick: boolean): number => {
    const host = { machine: 'ideal', sched: { base_slice_ns, hrtick } };
    const load = { model: 'client', host: 'client', requests: 1, request: '1 B', response: '1 B' };
    const server = { model: 'blocking', host: 'server', request: '1 B', response: '1 B' };
    const [scenario] = describeWorlds('turns', {
      shows: 'two servers on one core',
      hosts: { client: host, server: host },
      links: [{ between: ['client', 'server'], delay: '1 ms' }],
      apps: {
        a: { ...server, listen: 80, work: '9700 us' },
        b: { ...server, listen: 81, work: '9700 us' },
        first: { ...load, connect: 'server:80', connections: 1 },
        second: { ...load, connect: 'server:81', connections: 1 },
      },
    });
    return runScenario(scenario!).metrics['server.ctxt.involuntary']!;
  };
  // 9.7 ms each in slices of 1 ms or 5 ms, the first of them half as long; without a timer they end at ticks, every 4 ms. One
  // more or less: who writes the answer first.
  const expected = [2 * 10, 2 * 2, (2 * 9.7) / 4, (2 * 9.7) / 8];
  [
    switches('1 ms', true),
    switches('5 ms', true),
    switches('1 ms', false),
    switches('5 ms', false),
  ].forEach((n, i) => expect(Math.abs(n - expected[i]!)).toBeLessThanOrEqual(1));
});
