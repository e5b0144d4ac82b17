/** What a check says when it fails, how it is replayed, and what it does with everything else that can go wrong. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { app, type Fd, type Sys, type ThreadBody, type UserMain } from '../../src/app/index.ts';
import {
  assertInvariants,
  BrokenInvariant,
  check,
  CheckError,
  type CheckOptions,
  invariant,
  invariants,
  messages,
  requests,
  run,
  type RunResult,
  scenarios,
  serverModels,
  uploads,
  type WorldObject,
} from '../../src/testing/index.ts';

function failureOf(checking: () => void): CheckError {
  try {
    checking();
  } catch (error) {
    if (error instanceof CheckError) return error;
    throw error;
  }
  throw new Error('the check has passed');
}

/** Small and quick. */
const calm = scenarios({
  workload: uploads({ maxBytes: 5000, connections: 2 }),
  faults: false,
  clients: 1,
});
const bytesOf = (w: WorldObject): number => Number.parseInt(String(w.apps['client']!['bytes']));

/** The worlds that a check tries. */
function tried(options: CheckOptions): WorldObject[] {
  const seen: WorldObject[] = [];
  check(calm, (_, world) => void seen.push(world), options);
  return seen;
}

describe('a check', () => {
  it('that fails tells the law, the simulated time, the smallest world as YAML, and how to replay it', () => {
    const failure = failureOf(() =>
      check(calm, invariants.all, { seed: 7, mutant: 'unbilled-time' }),
    );
    expect(failure.message)
      .toBe(`✗ conserve-cpu: the time billed on each core is the time that has passed
at 1 ms of simulated time: client core 0: 999999 ns billed of 1000000

Found in case 1 and made smaller 19 times:
--------------------------------------------------------------------------------
version: 1
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
      server: { host: server, model: blocking, listen: 80 }
      client: { host: client, model: bulk, connect: server:80, bytes: 1 B, start: 1 ms }
    stop:
      when: client.closed
      limit: 3000 s
    expect:
      - { that: client.failed, is: 0, source: "faults end, and TCP tries for longer" }
--------------------------------------------------------------------------------
Save it as failing.yaml and replay it:  npx hostwire run failing.yaml --mutant unbilled-time
The same case in the test:  { seed: 7, path: '${failure.path}' }`);
    expect(failure.world).toMatchObject({ hosts: { client: {}, server: {} } });
    expect(failure.stack).toMatch(/^CheckError: [^]*\n {4}at .*check\.test\.ts/);
    expect(failure.stack).not.toContain('src/testing/check.ts');
  });

  it('that is given a seed and a path tries that case alone, first', () => {
    const big = (_: RunResult, w: WorldObject): boolean => bytesOf(w) < 1449;
    const first = failureOf(() => check(calm, big));
    expect(bytesOf(first.world!)).toBe(1449);
    const seen: number[] = [];
    const { seed, path } = first;
    const again = failureOf(() =>
      check(calm, (r, w) => (seen.push(bytesOf(w)), big(r, w)), { seed, path, shrinkLimit: 0 }),
    );
    expect(seen).toEqual([1449]);
    expect(again.message).toContain('Found in case 1, and left as it is');
  });

  it('tries as many worlds as it is told, the same for the same seed', () => {
    expect(tried({})).toHaveLength(100);
    expect(tried({ runs: 7, seed: 1 })).toEqual(tried({ runs: 7, seed: 1 }));
    expect(tried({ runs: 7, seed: 1 })).not.toEqual(tried({ runs: 7, seed: 2 }));
    expect(tried({ timeLimit: 100, runs: 10_000 }).length).toBeLessThan(10_000);
  });

  it('asks for all invariants when it is not told which, for one, for several, or for what a function says', () => {
    const never = invariant('never', () => 'it never holds', 'nothing is good enough');
    expect(() => check(calm, undefined, { runs: 3 })).not.toThrow();
    expect(() => check(calm, [invariants.all, never])).toThrow('✗ never: nothing is good enough');
    expect(() => check(calm, never)).toThrow('of simulated time: it never holds');
    expect(() => check(calm, () => 'wrong')).toThrow(/✗ the demand: .*\n.*: wrong\n/);
    expect(() => check(calm, () => false)).toThrow('it is false');
    expect(() => check(calm, () => true, { runs: 3 })).not.toThrow();
    const failure = failureOf(() => check(calm, (r: RunResult) => expect(r.hosts).toEqual([])));
    expect(failure.message).toContain("expected [ 'client', 'server' ] to deeply equal []");
    expect(failure.cause).toBeInstanceOf(Error);
  });

  it('of a property prints all that it has drawn, and its worlds as files', () => {
    const property = fc.property(calm, fc.nat(), (world, n) => {
      assertInvariants(
        run(world),
        invariant('small', () => (n < 3 ? null : `${n} is large`)),
      );
    });
    const { message, world } = failureOf(() => check(property));
    expect(message).toContain('✗ small: small\nat 5.148 ms of simulated time: 3 is large');
    expect(message).toContain('\nwith 3\n');
    expect(message).toContain('      server: { host: server, model: blocking, listen: 80 }\n');
    expect(bytesOf(world!)).toBe(1);
    const plain = failureOf(() =>
      check(
        fc.property(fc.nat(), (n) => n < 50),
        { runs: 1000 },
      ),
    );
    expect(plain.message).toContain('\nwith 50\n');
    expect(plain.world).toBeNull();
    expect(() => check(fc.property(fc.nat(), () => true))).not.toThrow();
  });

  it('refuses a property that waits: worlds do not', () => {
    const waits = fc.asyncProperty(fc.nat(), () => Promise.resolve(true));
    expect(() => check(waits)).toThrow('use fc.property');
  });

  it('shows what is drawn and is no world, and does not end with it when it looked for something else', () => {
    const broken = calm.map((w) => ({ ...w, hosts: { client: {} } }));
    expect(failureOf(() => check(broken)).message).toMatch(
      /✗ ScenarioError: the case can be run\n/,
    );
    // Everything below 1449 bytes is no world here, and everything from 50 on fails. What is drawn first is what is looked for.
    const fragile = calm.map((w) =>
      bytesOf(w) < 1449 ? { ...w, links: [{ between: 'nobody' }] } : w,
    );
    const failure = failureOf(() => check(fragile, (_, w) => bytesOf(w) < 50, { seed: 2 }));
    expect(bytesOf(failure.world!)).toBe(1449);
  });
});

describe('the environment', () => {
  const names = ['HOSTWIRE_RUNS', 'HOSTWIRE_SEED'] as const;
  const before = names.map((name) => process.env[name]);
  afterEach(() => {
    names.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    });
  });

  it('multiplies the runs of all checks by HOSTWIRE_RUNS', () => {
    process.env['HOSTWIRE_RUNS'] = '2.5';
    expect(tried({ runs: 4 })).toHaveLength(10);
    process.env['HOSTWIRE_RUNS'] = '0.001';
    expect(tried({ runs: 4 })).toHaveLength(1);
    process.env['HOSTWIRE_RUNS'] = 'many';
    expect(() => tried({})).toThrow('HOSTWIRE_RUNS=many is no number');
  });

  it('draws other worlds for another HOSTWIRE_SEED', () => {
    process.env['HOSTWIRE_SEED'] = '5';
    expect(tried({ runs: 3 })).toEqual(tried({ runs: 3, seed: 5 }));
  });
});

/** A server of one's own with a thread for each connection. */
const server = (serve: (sys: Sys, fd: Fd) => ThreadBody): UserMain =>
  app(function* (sys, { listen }) {
    const listener = yield sys.socket();
    yield sys.bind(listener, listen);
    yield sys.listen(listener, 128);
    for (;;) {
      const fd = yield sys.accept(listener);
      if (fd < 0) return;
      yield sys.spawn((own) => serve(own, fd));
    }
  });

const PATH = './mine.ts';

describe('a server of one’s own', () => {
  const worlds = scenarios({ server: PATH, workload: requests({ request: 100, response: 10 }) });
  const good = server(function* (sys, fd) {
    let have = 0;
    for (let n; (n = yield sys.read(fd, 100)) > 0;) {
      for (have += n; have >= 100; have -= 100) yield sys.write(fd, 10);
    }
    yield sys.close(fd);
  });

  it('that is right passes', () => {
    check(worlds, invariants.all, { apps: { [PATH]: good } });
  });

  it('that forgets what came of a request is found: somebody waits for ever', () => {
    const forgets = server(function* (sys, fd) {
      for (let n; (n = yield sys.read(fd, 99)) > 0;) if (n === 100) yield sys.write(fd, 10);
      yield sys.close(fd);
    });
    const failure = failureOf(() => check(worlds, invariants.all, { apps: { [PATH]: forgets } }));
    expect(failure.message).toMatch(/✗ (liveness|finished): /);
    expect(failure.world!.apps).toMatchObject({
      server: { host: 'server', app: PATH, listen: 80 },
      client: { requests: 1, request: '100 B', response: '10 B' },
    });
  });

  it('that throws is told with the line that threw', () => {
    const throws = server(function* (sys, fd) {
      const n = yield sys.read(fd, 100);
      throw new RangeError(`${n} bytes are unheard of`);
    });
    const { message, cause } = failureOf(() =>
      check(worlds, invariants.all, { apps: { [PATH]: throws } }),
    );
    expect(message).toMatch(/^✗ \.\/mine\.ts: /);
    expect(message).toMatch(/thread \S+ on server: 100 bytes are unheard of\n.*check\.test\.ts/);
    expect(cause).toBeInstanceOf(RangeError);
  });

  it('that never stops to send is stopped, and told so', () => {
    const endless = server(function* (sys, fd) {
      for (;;) if ((yield sys.write(fd, 65_536)) < 0) return;
    });
    const options = { apps: { [PATH]: endless }, worldLimit: 50, shrinkLimit: 300 };
    const talks = scenarios({ server: PATH, workload: messages({ answer: 'none' }) });
    const { message } = failureOf(() => check(talks, invariants.all, options));
    expect(message).toContain('✗ finished: the run ends as its `stop:` says');
    expect(message).toContain('after 50 ms of real time it is still going');
  });

  it('that the test does not hand over is asked for by name', () => {
    expect(() => check(worlds)).toThrow(/mine\.ts/);
  });
});

it('assertInvariants throws what is broken, with the run', () => {
  const [w] = fc.sample(scenarios({ server: serverModels({ models: ['epoll'] }) }), 1) as [
    WorldObject,
  ];
  const result = run(w, { mutant: 'unbilled-time' });
  let thrown: unknown;
  try {
    assertInvariants(result);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(BrokenInvariant);
  expect((thrown as BrokenInvariant).law).toBe('conserve-cpu');
  expect((thrown as BrokenInvariant).result).toBe(result);
});
