/**
 * Two variants of a scenario see the same workload exactly, and the same network up to each connection's own first
 * difference: a draw belongs to a thing (a user, a request, the n-th frame of a connection), not to a moment.
 */
import { describe, expect, it } from 'vitest';
import type { Keyed } from '../../src/base/random.ts';
import { run } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { load } from '../../src/sim/scenario/load.ts';

const TEXT = `version: 1
scenarios:
  variants:
    shows: One workload and one network, two servers.
    hosts: { client: {}, server: { cpus: 4 } }
    links:
      - { between: [client, server], rate: 50 Mbit/s, delay: 5 ms, loss: 3 %, duplicate: 1 %, jitter: 200 us }
    apps:
      server: { host: server, model: blocking, listen: 80, request: 3 kB, response: 9 kB, work: 30 ms }
      users: { host: client, model: client, connect: server:80, connections: 8, requests: 80, request: 3 kB, response: 9 kB, mode: open, rate: 60 /s }
    stop: { when: users.closed, limit: 300 s }
    each: { apps.server.model: [blocking, epoll] }
`;

/** Every draw of a run: stream → key → value, in order. */
function drawsOf(
  variant: number,
  tamper: (world: World) => void = () => {},
  text = TEXT,
): Map<string, Map<string, number>> {
  const world = new World(load(text, { file: 'variants.yaml' })[variant]!);
  const draws = new Map<string, Map<string, number>>();
  world.engine.random.log = (name, key, value) => {
    if (!draws.has(name)) draws.set(name, new Map());
    draws.get(name)!.set(key, value);
  };
  tamper(world);
  expect(run(world).reason).toBe('when');
  return draws;
}

/** Draws of both runs that have one name and one key, and two values. */
function differences(
  a: Map<string, Map<string, number>>,
  b: Map<string, Map<string, number>>,
): string[] {
  const found: string[] = [];
  for (const [name, keys] of a) {
    for (const [key, value] of keys) {
      const other = b.get(name)?.get(key);
      if (other !== undefined && other !== value) found.push(`${name} ${key}`);
    }
  }
  return found;
}

const workload = (d: Map<string, Map<string, number>>): [string, [string, number][]][] =>
  [...d].filter(([name]) => name.startsWith('app/')).map(([name, keys]) => [name, [...keys]]);

describe('draws of two variants', () => {
  const [blocking, epoll] = [drawsOf(0), drawsOf(1)];

  it('are equal for the workload: names, order and values', () => {
    expect(workload(blocking).length).toBeGreaterThan(0);
    expect(workload(epoll)).toEqual(workload(blocking));
  });

  it('are equal for each frame of each connection that both variants have', () => {
    const links = [...blocking.keys()].filter((name) => name.startsWith('link/'));
    expect(links.length).toBeGreaterThan(3);
    // The runs are two different ones.
    expect([...epoll.values()].map((k) => k.size)).not.toEqual(
      [...blocking.values()].map((k) => k.size),
    );
    expect(differences(blocking, epoll)).toEqual([]);
  });

  it('[mutant] differ when the fate of a frame comes from a common sequence', () => {
    const sequential = (world: World): void => {
      for (const direction of ['client->server', 'server->client']) {
        const keyed: Keyed = world.engine.random.keyed(`link/${direction}/loss`);
        const sequence = world.engine.random.stream(`link/${direction}/loss`);
        keyed.at = (flow, n, salt) => {
          const value = sequence.uniform();
          world.engine.random.log!(`link/${direction}/loss`, `${flow}/${n}/${salt ?? 0}`, value);
          return value;
        };
      }
    };
    expect(differences(drawsOf(0, sequential), drawsOf(1, sequential)).length).toBeGreaterThan(0);
  });
});

describe("draws of a server's work", () => {
  const text = TEXT.replace('work: 30 ms', 'work: 30 ms, work-times: exponential').replace(
    '[blocking, epoll]',
    '[blocking, epoll, netty, reactive]',
  );
  const work = (variant: number, tamper?: (world: World) => void): Map<string, number> =>
    drawsOf(variant, tamper, text).get('app/server/work')!;

  it('are equal for each request of each connection, whoever serves it and when', () => {
    const blocking = work(0);
    expect(blocking.size).toBe(80);
    const [epoll, netty, reactive] = [work(1), work(2), work(3)];
    expect([epoll, netty, reactive]).toEqual([blocking, blocking, blocking]);
    // The runs are different ones: epoll has one thread.
    expect([...epoll.keys()]).not.toEqual([...blocking.keys()]);
  });

  it('[mutant] differ when they come from a common sequence', () => {
    const sequential = (world: World): void => {
      const keyed: Keyed = world.engine.random.keyed('app/server/work');
      const sequence = world.engine.random.stream('app/server/sequence');
      keyed.at = (flow, n) => {
        const value = sequence.uniform();
        world.engine.random.log!('app/server/work', `${flow}/${n}`, value);
        return value;
      };
    };
    expect(work(1, sequential)).not.toEqual(work(0, sequential));
  });
});
