/** Every law, in generated worlds whose devices have queueing disciplines and byte queue limits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from '../../src/sim/run/mutants.ts';
import { check, invariants, scenarios } from '../../src/testing/index.ts';

const RUNS = 60;

/** As they are, and small ones in which packets are dropped. */
const qdiscs = fc.constantFrom<unknown>(
  'pfifo_fast',
  'fq',
  'fq_codel',
  'codel',
  { pfifo: { limit: 3 } },
  { bfifo: { limit: '20 kB' } },
  { fq: { flow_limit: 5, maxrate: '5 Mbit/s' } },
  { fq_codel: { limit: 10, target: '200 us', interval: '5 ms' } },
  { codel: { limit: 10, target: '200 us', interval: '5 ms', ecn: 'on' } },
  { tbf: { rate: '5 Mbit/s', burst: '4 kB', latency: '20 ms' } },
  { netem: { delay: '3 ms', jitter: '1 ms', duplicate: '2 %' } },
);
const limits = fc.constantFrom<unknown>('on', 'off', { limit_max: '3 kB' });

/** A world whose hosts have them. */
interface HostLike {
  readonly device?: string;
  readonly nic?: object;
}

const worlds = fc
  .tuple(scenarios(), fc.array(fc.tuple(qdiscs, limits), { minLength: 4, maxLength: 4 }))
  .map(([world, drawn]) => {
    const hosts = Object.entries(world.hosts as Record<string, HostLike>);
    const changed = hosts.map(([name, host], i) => {
      const [qdisc, bql] = drawn[i % drawn.length]!;
      // A tun has no ring, and so no byte queue limits.
      const limited = host.device === undefined ? { byte_queue_limits: bql } : {};
      return [name, { ...host, nic: { ...host.nic, qdisc, ...limited } }];
    });
    return { ...world, hosts: Object.fromEntries(changed) };
  }) as ReturnType<typeof scenarios>;

describe('with queueing disciplines', () => {
  it('every law holds in every generated world, and every world finishes once its faults are over', () => {
    check(worlds, invariants.all, { runs: RUNS });
  });

  it.each(['swallowed-in-qdisc', 'unstopped-ring'] as const)(
    '[mutant] and in as few worlds %s is found, by its law',
    (mutant) => {
      const how = { runs: RUNS, mutant, shrinkLimit: 0 };
      expect(() => check(worlds, invariants.all, how)).toThrow(`✗ ${MUTANTS[mutant].breaks}: `);
    },
  );
});
