/** Every law, in generated worlds, for each of the servers; and that each of these properties can fail. */
import { describe, expect, it } from 'vitest';
import { MUTANT_NAMES } from '../../src/sim/run/mutant-names.ts';
import { MUTANTS } from '../../src/sim/run/mutants.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { OWN_SERVERS } from './own-servers.ts';
import {
  check,
  type CheckError,
  type Invariant,
  invariants,
  links,
  messages,
  requests,
  run,
  scenarios,
  serverModels,
  uploads,
  yaml,
} from '../../src/testing/index.ts';
import { hostwire } from '../cli/fake-io.ts';

/** Worlds of each server; HOSTWIRE_RUNS multiplies them. */
const RUNS = 60;

const MODELS = ['blocking', 'epoll', 'netty', 'reactive'] as const;

/** What check() throws. */
function failureOf(checking: () => void): CheckError {
  try {
    checking();
  } catch (error) {
    return error as CheckError;
  }
  throw new Error('the check has passed');
}

it('every law holds in every generated world, and every world finishes once its faults are over', () => {
  check(scenarios(), invariants.all, { runs: RUNS });
});

describe('[mutant] the law finds, in as few worlds,', () => {
  const laws: Readonly<Record<string, Invariant>> = Object.fromEntries(
    Object.values(invariants).map((i) => [i.law, i]),
  );
  /** Many messages through one reactive server: what only a long queue shows. */
  const many = scenarios({
    server: serverModels({ models: ['reactive'], ordered: true }),
    workload: messages({ answer: 'same', messages: 400, maxBytes: 40_000 }),
    clients: 1,
  });
  /** What the reactive model has no key for: servers of one's own. */
  const own = (path: keyof typeof OWN_SERVERS): typeof many =>
    scenarios({
      server: path,
      workload: messages({ answer: 'same', messages: 400, maxBytes: 40_000 }),
      clients: 1,
    });
  /** Tomcats with the limits that a mutant ignores, and clients that come all at once. */
  const tomcats = (limits: object): typeof many =>
    scenarios({
      server: serverModels({ models: ['tomcat'] }).map((s) => ({
        ...s,
        acceptCount: undefined,
        maxConnections: undefined,
        maxThreads: 1,
        delay: '20 ms',
        ...limits,
      })),
      workload: requests({ codec: 'http' }),
    });
  const worldsOf: Readonly<Record<string, typeof many>> = {
    'unlatched-acceptor': tomcats({ maxConnections: 1 }),
    'overgrown-pool': tomcats({}),
    'overfull-task-queue': tomcats({ maxQueueSize: 1 }),
    'unbounded-receiver-queue': many,
    'late-refill': many,
    'late-replenish': own('./flat-map.ts'),
    'greedy-concat-map': own('./concat-map.ts'),
    'late-prefetch': own('./prefetch.ts'),
  };

  it.each(MUTANT_NAMES)('%s', (mutant) => {
    const { breaks } = MUTANTS[mutant];
    const failure = failureOf(() =>
      check(worldsOf[mutant] ?? scenarios(), laws[breaks], {
        runs: RUNS,
        mutant,
        shrinkLimit: 0,
        apps: OWN_SERVERS,
      }),
    );
    expect(failure.message).toContain(`✗ ${breaks}: `);
  });
});

describe.each(MODELS)('with %s servers', (model) => {
  const worlds = scenarios({ server: serverModels({ models: [model] }) });

  it('every law holds: bytes in order and once, bounded queues, demand, wake-ups, liveness', () => {
    check(worlds, invariants.all, { runs: RUNS });
  });

  it('a fault that is everywhere is shown in the smallest world: defaults, one connection, one byte', () => {
    const failure = failureOf(() => check(worlds, invariants.all, { mutant: 'unbilled-time' }));
    expect(yaml(failure.world!)).toBe(`version: 1
scenarios:
  generated:
    shows: A generated world.
    seed: 1
    hosts:
      client: {}
      server: {}
    links:
      - { between: [ client, server ], rate: 100 Mbit/s, delay: 1 ms }
    apps:
      server: { host: server, model: ${model}, listen: 80 }
      client: { host: client, model: bulk, connect: server:80, bytes: 1 B, start: 1 ms }
    stop:
      when: client.closed
      limit: 3000 s
    expect:
      - { that: client.failed, is: 0, source: "faults end, and TCP tries for longer" }
`);
  });
});

it('with tomcat, nio and bio, every law holds, and every request is answered', () => {
  const server = serverModels({ models: ['tomcat'] });
  check(scenarios({ server, workload: requests({ codec: 'http' }) }), invariants.all, {
    runs: RUNS,
  });
});

it('a world that fails is replayed from its YAML by `hostwire run`: the same law, the same fingerprint', async () => {
  const damaged = links().map((l) => ({
    ...l,
    there: { corrupt: { chance: '50 %', undetected: true } },
  }));
  const worlds = scenarios({ workload: uploads(), link: damaged, clients: 1 });
  const { message, world } = failureOf(() => check(worlds, invariants.inOrder));
  expect(message).toContain('✗ in-order: ');
  const first = run(world!);
  expect(run(world!).invariants).toEqual(first.invariants);
  const told = await hostwire('run failing.yaml', {
    files: { 'failing.yaml': yaml(world!) },
    run: runScenario,
  });
  expect(told.code).toBe(1);
  expect(told.out).toContain(`✗ invariant in-order`);
  expect(told.out).toContain(first.fingerprint);
});
