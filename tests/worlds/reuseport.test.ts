/** Servers that share a port: each has a listener of its own, and a hash of the connection chooses [SO_REUSEPORT]. */
import { expect, it } from 'vitest';
import { LoadError } from '../../src/sim/scenario/problems.ts';
import { load } from '../../src/sim/scenario/load.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { runScenario } from '../../src/sim/run/runner.ts';

const PORT_SHARED = 'sockopt: { SO_REUSEPORT: 1 }';

/** Forty connections to one port that several servers listen on; each asks ten times. */
function workers(options: readonly string[]): RunResult {
  const servers = options.map(
    (more, i) =>
      `worker${i}: { host: server, model: epoll, listen: 8080, request: 100 B, response: 1 kB, ${more} }`,
  );
  const text = `version: 1
scenarios:
  workers:
    shows: Workers on one port.
    hosts: { clients: {}, server: { cpus: 4 } }
    links: [ { between: [clients, server], rate: 1 Gbit/s, delay: 100 us } ]
    apps:
      ${servers.join('\n      ')}
      users: { host: clients, model: client, connect: server:8080, connections: 40, requests: 400, request: 100 B, response: 1 kB }
    stop: { when: users.closed, limit: 10 s }
`;
  return runScenario(load(text, { file: 'workers.yaml' })[0]!);
}

const connections = (r: RunResult): number[] =>
  Object.entries(r.metrics)
    .filter(([name]) => /^worker\d\.connections$/.test(name))
    .map(([, n]) => n);

it('shares the connections of a scenario among the servers that say so', () => {
  const r = workers([PORT_SHARED, PORT_SHARED, PORT_SHARED]);
  expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  const shares = connections(r);
  expect(shares.reduce((a, b) => a + b, 0)).toBe(40);
  // A third each, give or take three standard deviations.
  for (const n of shares) expect(Math.abs(n - 40 / 3)).toBeLessThan(3 * Math.sqrt((40 * 2) / 9));
  expect(r.fingerprint).toBe(workers([PORT_SHARED, PORT_SHARED, PORT_SHARED]).fingerprint);
});

it('is refused where one of them does not (mutants)', () => {
  const said = (options: readonly string[]): string => {
    try {
      workers(options);
    } catch (error) {
      if (error instanceof LoadError) return error.message;
      throw error;
    }
    return 'nothing';
  };
  for (const options of [
    [PORT_SHARED, ''],
    ['', PORT_SHARED],
    ['', ''],
  ])
    expect(said(options.map((o) => (o === '' ? 'backlog: 128' : o)))).toContain(
      '`worker0` listens on server:8080 already',
    );
});
