// Hosts with little memory for TCP (net.ipv4.tcp_mem): everything is slower, and everything arrives.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { run, runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { World } from '../../src/sim/run/world.ts';
import { describe as describeWorlds } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';
import { prop } from '../support/prop.ts';

interface Tight {
  readonly mem: readonly [number, number, number];
  readonly machine: 'ideal' | 'linux';
  readonly offloads: boolean;
  readonly model: 'blocking' | 'epoll' | 'netty';
  readonly connections: number;
  readonly loss: number;
  readonly sysctl: object;
  readonly seed: number;
}

const tight: fc.Arbitrary<Tight> = fc.record({
  mem: fc
    .tuple(fc.integer({ min: 1, max: 30 }), fc.nat(20), fc.nat(40))
    .map(([low, more, most]) => [low, low + more, low + more + most] as const),
  machine: fc.constantFrom('ideal', 'linux'),
  offloads: fc.boolean(),
  model: fc.constantFrom('blocking', 'epoll', 'netty'),
  connections: fc.integer({ min: 1, max: 10 }),
  loss: fc.constantFrom(0, 0.5, 2),
  sysctl: fc.constantFrom(
    {},
    { 'net.ipv4.tcp_sack': 0 },
    { 'net.ipv4.tcp_shrink_window': 1 },
    { 'net.ipv4.tcp_wmem': '1 16384 4194304' },
  ),
  seed: fc.nat(1000),
});

function scenario(t: Tight, more: object = {}): Scenario {
  const host = {
    machine: t.machine,
    sysctl: { 'net.ipv4.tcp_mem': t.mem.join(' '), ...t.sysctl },
    nic: { features: { tso: t.offloads ? 'on' : 'off', gro: t.offloads ? 'on' : 'off' } },
  };
  const [world] = describeWorlds('tight', {
    seed: t.seed,
    shows: 'hosts with little memory',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '5 ms', loss: `${t.loss} %` }],
    apps: {
      sink: { model: t.model, host: 'b', listen: 80 },
      load: {
        model: 'bulk',
        host: 'a',
        connect: 'b:80',
        bytes: '100 kB',
        connections: t.connections,
        ...more,
      },
    },
    stop: { when: 'load.closed', limit: '3000 s' },
  });
  return world!;
}

const broken = (r: RunResult): string[] =>
  r.invariants.filter((i) => !i.ok).map((i) => `${i.name}: ${i.message}`);

it('whatever the three marks, every law holds and every transfer is finished', () => {
  prop(
    [tight],
    (t) => {
      const r = runScenario(scenario(t));
      expect([broken(r), r.stop.reason]).toEqual([[], 'when']);
    },
    { numRuns: 40 },
  );
});

const FEW: Tight = {
  mem: [10, 20, 40],
  machine: 'linux',
  offloads: true,
  model: 'blocking',
  connections: 20,
  loss: 0,
  sysctl: {},
  seed: 1,
};

it('there is pressure with little memory, and none with much', () => {
  const [few, plenty] = [
    runScenario(scenario(FEW)),
    runScenario(scenario({ ...FEW, mem: [100_000, 200_000, 300_000] })),
  ];
  expect(few.metrics['a.tcp.memory_pressures']).toBeGreaterThan(0);
  expect(few.metrics['a.tcp.memory_pressure_time']).toBeGreaterThan(0);
  // What crosses its own buffer is not refused: each of the twenty may hold a record of 64 KiB and its head beyond the third mark.
  expect(few.metrics['a.tcp.memory.max']).toBeGreaterThan(20 * 4096);
  expect(few.metrics['a.tcp.memory.max']).toBeLessThanOrEqual((40 + 17 * 20) * 4096);
  expect(plenty.metrics['a.tcp.memory_pressures']).toBe(0);
  expect(plenty.metrics['a.tcp.memory_pressure_time']).toBe(0);
});

it('a stream alone on a host without memory takes longer; one that never meets a mark does not notice it', () => {
  const took = (mem: Tight['mem']): number =>
    runScenario(scenario({ ...FEW, connections: 1, mem }, { bytes: '1 MB' })).stop.atNs;
  const plenty = took([100_000, 200_000, 300_000]);
  expect(took([1, 1, 1])).toBeGreaterThan(1.2 * plenty);
  expect(took([2000, 2000, 2000])).toBe(plenty);
});

it('orphans beyond tcp_max_orphans are reset', () => {
  const reset = (most: number): number => {
    const sysctl = { 'net.ipv4.tcp_max_orphans': most };
    const s = scenario({ ...FEW, mem: [1000, 2000, 3000], sysctl });
    return runScenario(s).metrics['b.tcp.aborted_on_memory']!;
  };
  // The server closes last; its FINs are out for a round trip.
  expect(reset(20)).toBe(0);
  expect(reset(0)).toBe(20);
});

it('[mutant] a writer that no pause ends stays where it is, and the law of liveness says so', () => {
  const s = scenario({ ...FEW, mem: [1, 1, 2] }, { sockopt: { SO_SNDBUF: 65_536 } });
  expect(broken(runScenario(s))).toEqual([]);
  const world = new World(s);
  for (const { stack } of world.hosts.values()) stack.pauseOf = () => Infinity;
  expect(run(world).reason).not.toBe('when');
});
