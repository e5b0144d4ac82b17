/** Every law has an invariant by its own name, and `all` is what `hostwire run` exits with. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { LAWS } from '../../src/sim/run/ledger.ts';
import { MUTANT_NAMES } from '../../src/sim/run/mutant-names.ts';
import { MUTANTS } from '../../src/sim/run/mutants.ts';
import { holds } from '../../src/sim/run/result.ts';
import {
  assertInvariants,
  BrokenInvariant,
  invariant,
  type Invariant,
  invariants,
  run,
  runEach,
  type WorldObject,
} from '../../src/testing/index.ts';

/** A transfer long enough for each mutant to find its victim, to a server that cannot keep up. */
const WORLD: WorldObject = {
  shows: 'A transfer to a slow reader.',
  hosts: { client: {}, server: {} },
  links: [
    { between: ['client', 'server'], rate: '100 Mbit/s', delay: '1 ms', loss: { every: 50 } },
  ],
  apps: {
    server: {
      host: 'server',
      model: 'epoll',
      listen: 80,
      backlog: 1,
      pause: '1 ms',
      sockopt: { SO_RCVBUF: 8192 },
    },
    client: {
      host: 'client',
      model: 'bulk',
      connect: 'server:80',
      bytes: '300 kB',
      connections: 5,
    },
  },
};

describe('invariants', () => {
  it('are there for every law, by its name in camel case, and say what the law says', () => {
    const names = Object.keys(LAWS).map((law) => law.replace(/-./g, (s) => s[1]!.toUpperCase()));
    expect(Object.keys(invariants)).toEqual([...names, 'finished', 'expectations', 'all']);
    expect(invariants.noLostWakeup.law).toBe('no-lost-wakeup');
    expect(invariants.noLostWakeup.says).toBe(LAWS['no-lost-wakeup']);
    expectTypeOf(invariants.insideWindow).toEqualTypeOf<Invariant>();
  });

  it('hold in a good run', () => {
    const result = run(WORLD);
    for (const i of Object.values(invariants)) expect([i.law, i(result)]).toEqual([i.law, null]);
    expect(() => assertInvariants(result)).not.toThrow();
  });

  it.each(MUTANT_NAMES)(
    '[mutant] %s is told by `all` as `hostwire run` would, with its law first',
    (mutant) => {
      const result = run(WORLD, { mutant });
      expect(invariants.all(result) === null).toBe(holds(result));
      if (holds(result)) return;
      expect(invariants.all(result)).toMatch(new RegExp(`^${result.firstBroken ?? 'finished'}: `));
      expect(() => assertInvariants(result)).toThrow(BrokenInvariant);
      // The laws that a run is not asked for do not matter.
      const others = Object.values(invariants).filter(
        (i) => i.parts.length === 1 && i(result) === null,
      );
      expect(others.length).toBeGreaterThan(5);
      expect(() => assertInvariants(result, others)).not.toThrow();
    },
  );

  it('[mutant] most of them find their victim here', () => {
    const found = MUTANT_NAMES.filter(
      (m) => run(WORLD, { mutant: m }).firstBroken === MUTANTS[m].breaks,
    );
    expect(found.length).toBeGreaterThan(7);
  });

  it('a run that reaches its limit has not finished, and says who waits for what', () => {
    const late = run({ ...WORLD, stop: { when: 'client.closed', limit: '20 ms' } });
    expect(invariants.finished(late)).toMatch(
      /^the run reached its limit, but not client\.closed; waiting: client: /,
    );
    expect(invariants.liveness(late)).toBeNull();
    expect(invariants.all(late)).toMatch(/^finished: the run reached its limit/);
  });

  it('what is expected and does not come out is told', () => {
    const expect_ = [{ that: 'client.connections', is: 6, source: 'a mistake' }];
    const wrong = run({ ...WORLD, expect: expect_ });
    expect(invariants.expectations(wrong)).toMatch(/client\.connections = 6: it is 5/);
    expect(invariants.all(wrong)).toMatch(/^expectations: /);
  });

  it('nothing is said to hold when nobody looked', () => {
    expect(invariants.inOrder(run(WORLD, { invariants: false }))).toMatch(/nobody looked/);
  });

  it('of one’s own are asked like the others', () => {
    const few = invariant(
      'few reads',
      (r) => (r.metrics['server.syscalls.read']! < 10 ? null : 'too many'),
      'a buffer is read at once',
    );
    const result = run(WORLD);
    expect(few(result)).toBe('too many');
    expect(() => assertInvariants(result, [invariants.all, few])).toThrow('few reads: too many');
    expect([few.law, few.says]).toEqual(['few reads', 'a buffer is read at once']);
  });
});

describe('run', () => {
  it('runs one variant, and runEach all of them, judged together', () => {
    const models = {
      ...WORLD,
      each: { 'apps.server.model': ['blocking', 'epoll'] },
      expect: [
        {
          that: 'goodput',
          is: '<= goodput[model=blocking]',
          source: 'one thread is no faster than five',
        },
      ],
    };
    expect(() => run(models)).toThrow('the world has 2 variants, run() runs one');
    const results = runEach(models);
    expect(results.map((r) => r.label)).toEqual(['blocking', 'epoll']);
    expect(results.flatMap((r) => r.expectations.map((e) => e.ok))).toEqual([
      true,
      expect.any(Boolean),
    ]);
  });

  it('says what is wrong with an object that is no world', () => {
    expect(() => run({ ...WORLD, hosts: { client: {} } })).toThrow(/server/);
    expect(() => run({ ...WORLD, aps: {} })).toThrow(/aps/);
  });
});
