/** Any load, any server, a wire that loses: every request is accounted for, all laws hold, and the run is the same twice. */
import fc from 'fast-check';
import { describe as group, expect, it, vi } from 'vitest';
import { AppRun } from '../../src/sim/run/apps.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { describe } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';
import { prop } from '../support/prop.ts';

const size = fc.oneof(
  fc.integer({ min: 8, max: 30_000 }).map((n) => `${n} B`),
  fc.constant({ pareto: { min: '8 B', max: '100 kB', shape: 1.1 } }),
  fc.constant({ lognormal: { median: '1 kB', sigma: 1, max: '50 kB' } }),
);
const mode = fc.oneof(
  fc.record({ requests: fc.integer({ min: 1, max: 30 }), think: fc.constantFrom('0 ms', '3 ms') }),
  fc.record({
    mode: fc.constant('open'),
    requests: fc.integer({ min: 1, max: 30 }),
    rate: fc.constantFrom('50 /s', '2000 /s'),
  }),
  fc.record({
    mode: fc.constant('partly-open'),
    users: fc.integer({ min: 1, max: 12 }),
    leave: fc.constantFrom('20 %', '100 %'),
    rate: fc.constantFrom('50 /s', '2000 /s'),
    think: fc.constantFrom('0 ms', '3 ms'),
  }),
);
const how = fc.record(
  {
    connections: fc.integer({ min: 1, max: 4 }),
    'requests-per-connection': fc.integer({ min: 1, max: 5 }),
    pipeline: fc.integer({ min: 1, max: 4 }),
    pause: fc.constantFrom('1 ms', '20 ms'),
    read: fc.constantFrom('100 B', '3 kB', '64 KiB'),
    timeout: fc.constantFrom('5 ms', '300 ms'),
    stagger: fc.constantFrom('1 ms', '7 ms'),
  },
  { requiredKeys: [] },
);
const server = fc.constantFrom(
  { model: 'blocking' },
  { model: 'blocking', threads: { pool: 2, queue: 2 } },
  { model: 'epoll', trigger: 'edge' },
  { model: 'epoll' },
  { model: 'netty', loops: 2 },
  { model: 'reactive', loops: 1, operator: 'concatMap' },
);

interface Drawn {
  readonly request: unknown;
  readonly response: unknown;
  readonly mode: { readonly users?: number };
  readonly how: {
    readonly pipeline?: number;
    readonly connections?: number;
    readonly stagger?: string;
  };
  readonly io: string;
  readonly server: { readonly model: string };
  readonly codec?: 'http';
  readonly loss: string;
}

const server11 = fc.oneof(
  fc.record({
    model: fc.constant('netty'),
    codec: fc.constant('http'),
    reply: fc.constant('answer'),
  }),
  fc.record(
    {
      model: fc.constant('tomcat'),
      protocol: fc.constantFrom('nio', 'bio'),
      maxThreads: fc.integer({ min: 10, max: 12 }),
      maxKeepAliveRequests: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: ['model'] },
  ),
);

const world = fc.record({
  request: size,
  response: size,
  mode,
  how,
  io: fc.constantFrom('threads', 'epoll'),
  server,
  loss: fc.constantFrom('0 %', '0 %', '2 %'),
}) as fc.Arbitrary<Drawn>;

/** In HTTP the server says how long answers are. */
const world11 = fc
  .record({
    request: fc.oneof(size, fc.constant('0 B')),
    response: fc.constantFrom('0 B', '1 B', '3 kB', '30 kB'),
    mode,
    how,
    io: fc.constantFrom('threads', 'epoll'),
    server: server11,
    loss: fc.constantFrom('0 %', '0 %', '2 %'),
  })
  .map((w) => ({
    ...w,
    codec: 'http',
    server: { ...w.server, response: w.response },
  })) as unknown as fc.Arbitrary<Drawn>;

function scenarioOf(w: Drawn): Scenario {
  const { pipeline, connections, stagger, ...rest } = w.how;
  // Users who come and go have a connection each.
  const shared = w.mode.users === undefined;
  return describe('any', {
    seed: 1,
    shows: 'any load',
    hosts: { a: {}, b: { cpus: 2 } },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms', loss: w.loss }],
    apps: {
      server: {
        host: 'b',
        listen: 80,
        work: '200 us',
        ...(w.codec === undefined ? { codec: 'sized' } : {}),
        ...w.server,
      },
      load: {
        host: 'a',
        model: 'client',
        connect: 'b:80',
        codec: w.codec ?? 'sized',
        request: w.request,
        response: w.response,
        io: w.io,
        ...(shared && w.io === 'epoll' && pipeline !== undefined ? { pipeline } : {}),
        ...(shared && connections !== undefined ? { connections } : {}),
        ...(shared && stagger !== undefined ? { stagger } : {}),
        ...w.mode,
        ...rest,
      },
    },
    stop: { when: 'load.closed', limit: '10 min' },
  })[0]!;
}

group('any load', () => {
  const accounted = (w: Drawn): void => {
    const s = scenarioOf(w);
    const r = runScenario(s);
    expect(r.stop.reason).toBe('when');
    expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
    const spec = s.apps.find((a) => a.model === 'client')!;
    const answered = r.metrics['load.requests']!;
    const failed = r.metrics['load.failed']!;
    if (w.mode.users === undefined) {
      // A connection may fail by itself, before there is anything to ask on it.
      expect(answered + failed).toBeGreaterThanOrEqual(spec.requests);
      expect(answered).toBeLessThanOrEqual(spec.requests);
    }
    for (const name of ['load.latency', 'load.service_latency'])
      expect(r.histograms.find((h) => h.name === name)?.count ?? 0).toBe(answered);
    // A server that closes with requests unread resets the connection, and what it has answered may be lost (RFC 9112 §9.6).
    const resets = w.server.model === 'tomcat' && (w.how.pipeline ?? 1) > 1;
    if (!('timeout' in w.how) && w.loss === '0 %' && !resets) expect(failed).toBe(0);
  };

  it('answers or fails every request, once', () => {
    prop([world], accounted, { numRuns: 60 });
  });

  it('does so in HTTP, whoever ends the connections', () => {
    prop([world11], accounted, { numRuns: 100 });
  });

  it('[mutant] unless the loop forgets those that went with a connection', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { count } = AppRun.prototype;
    vi.spyOn(AppRun.prototype, 'count').mockImplementation(function (this: AppRun, name, n) {
      if (name !== 'failed') count.call(this, name, n);
    });
    expect(() => prop([world], accounted, { numRuns: 60 })).toThrow('Counterexample');
    vi.restoreAllMocks();
  });

  it('is the same twice', () => {
    prop(
      [world],
      (w) => {
        const s = scenarioOf(w);
        return runScenario(s).fingerprint === runScenario(s, { invariants: false }).fingerprint;
      },
      { numRuns: 15 },
    );
  });
});
