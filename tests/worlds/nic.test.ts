/** Whole worlds with what a network card can be told, written as in a scenario: every law holds, and each does what it is for. */
import { describe, expect, it } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { describe as describeWorlds } from '../../src/sim/scenario/load.ts';

/** Eight bulk senders and one who asks for little, between machines of four cores. @param host of the server */
function run(host: object, client: object = {}, link: object = {}): RunResult {
  const [scenario] = describeWorlds('cards', {
    seed: 1,
    shows: 'what a network card can be told',
    hosts: { client: { cpus: 4, ...client }, server: { cpus: 4, ...host } },
    links: [{ between: ['client', 'server'], rate: '10 Gbit/s', delay: '50 us', ...link }],
    apps: {
      server: { host: 'server', model: 'netty', listen: 80, codec: 'none', reply: 'none' },
      answers: {
        host: 'server',
        model: 'blocking',
        listen: 81,
        request: '100 B',
        response: '100 B',
      },
      bulk: {
        host: 'client',
        model: 'bulk',
        connect: 'server:80',
        connections: 8,
        bytes: '250 kB',
      },
      ask: {
        host: 'client',
        model: 'client',
        connect: 'server:81',
        requests: 100,
        request: '100 B',
        response: '100 B',
      },
    },
    stop: { when: ['bulk.closed', 'ask.closed'], limit: '300 s' },
  });
  return runScenario(scenario!);
}

function holds(r: RunResult): void {
  expect(r.stop.missing).toEqual([]);
  expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  expect(r.metrics['server.bytes_read']).toBe(2_000_000);
}

const CARDS: Readonly<Record<string, object>> = {
  'adaptive moderation': { nic: { coalesce: { 'adaptive-rx': 'on', 'adaptive-tx': 'on' } } },
  'adaptive moderation in CQE mode': {
    nic: {
      coalesce: {
        'adaptive-rx': 'on',
        'cqe-mode-rx': 'on',
        'adaptive-tx': 'on',
        'cqe-mode-tx': 'on',
      },
    },
  },
  'a pause that ends the wait': { nic: { coalesce: { 'rx-usecs': 5, 'cqe-mode-rx': 'on' } } },
  'four channels': { nic: { queues: 4 } },
  'four channels and fq': { nic: { channels: { combined: 4 }, qdisc: 'fq' } },
  'one channel and three more transmit queues': {
    nic: { channels: { combined: 1, tx: 3 }, irq_affinity: [0, 3, 2, 1] },
  },
  'two channels and two more receive queues': { nic: { channels: { combined: 2, rx: 2 } } },
  'a hash in place of XPS': { nic: { queues: 4, xps_cpus: 'off' } },
  RPS: { nic: { rps_cpus: 'e' } },
  'RPS of two queues, without GRO': {
    nic: { queues: 2, rps_cpus: ['c', '3'], features: { gro: 'off' } },
  },
  RFS: {
    nic: { rps_cpus: 'f', rps_flow_cnt: 512 },
    sysctl: { 'net.core.rps_sock_flow_entries': 1024, 'net.core.flow_limit_cpu_bitmap': 'f' },
  },
  'RPS and an interrupt for each frame': { nic: { rps_cpus: 'e', napi: 'off' } },
  'masks for XPS': { nic: { queues: 2, xps_cpus: ['3', 'c'] } },
};

describe('every law holds, and all bytes arrive, with', () => {
  for (const [name, host] of Object.entries(CARDS))
    for (const machine of ['linux', 'ideal'] as const)
      it(`${name} on machine: ${machine}`, () => {
        const both = { machine, ...host };
        const r = run(both, both);
        holds(r);
        expect(r.firstBroken).toBeNull();
      });
});

describe('busy polling', () => {
  const busy = (sysctl: object, more: object = {}): RunResult =>
    run({ sysctl, ...more, nic: { irq_affinity: [3] } }, { sysctl, nic: { irq_affinity: [3] } });

  it.each<[string, object, object]>([
    ['reads', { 'net.core.busy_read': 50 }, {}],
    ['event loops', { 'net.core.busy_poll': 50 }, {}],
    ['both', { 'net.core.busy_read': 50, 'net.core.busy_poll': 200 }, {}],
    [
      'both, on one core',
      { 'net.core.busy_read': 50, 'net.core.busy_poll': 50 },
      { cpus: 1, nic: {} },
    ],
  ])('by %s: every law holds, and all bytes arrive', (_who, sysctl, more) => {
    const server = { sysctl, nic: { irq_affinity: [3] }, ...more };
    const r = run(server, { sysctl });
    holds(r);
    expect(r.metrics['server.busy_poll.rx_packets']).toBeGreaterThan(0);
    expect(run(server, { sysctl }).fingerprint).toBe(r.fingerprint);
  });

  it('takes time of the system, and gives back latency', () => {
    const [off, on] = [busy({}), busy({ 'net.core.busy_read': 500 })];
    expect(on.metrics['ask.latency.p50']).toBeLessThan(off.metrics['ask.latency.p50']! - 4000);
    expect(on.metrics['client.cpu.system']).toBeGreaterThan(2 * off.metrics['client.cpu.system']!);
  });
});

describe('channels', () => {
  it('`queues` is short for as many combined ones', () => {
    const short = run({ nic: { queues: 4 } });
    expect(short.fingerprint).toBe(run({ nic: { channels: { combined: 4 } } }).fingerprint);
    expect(short.fingerprint).not.toBe(
      run({ nic: { channels: { combined: 1, rx: 3 } } }).fingerprint,
    );
  });
});

it('two runs are alike', () => {
  const all = {
    nic: {
      queues: 4,
      rps_cpus: 'f',
      coalesce: { 'adaptive-rx': 'on', 'adaptive-tx': 'on' },
    },
    sysctl: { 'net.core.busy_read': 50, 'net.core.busy_poll': 50 },
  };
  expect(run(all, all).fingerprint).toBe(run(all, all).fingerprint);
});

describe('the counters of a run', () => {
  it('count what a checksum has shown, once for each name that it has', () => {
    const c = run({}, {}, { corrupt: '2 %' }).counters['server']!;
    const n = c['rx_csum_errors']!;
    expect(n).toBeGreaterThan(10);
    expect(c).toMatchObject({ InCsumErrors: n, 'eth0.rx_csum_errors': n });
    expect(c['InErrs']).toBeGreaterThanOrEqual(n);
  });

  it('are ethtool’s: of the device, of each queue, and how it is set', () => {
    const r = run({
      nic: { channels: { combined: 2, rx: 1 }, ring: { rx: 512 }, coalesce: { 'rx-usecs': 5 } },
    });
    const c = r.counters['server']!;
    expect(c).toMatchObject({
      'eth0.channels.combined': 2,
      'eth0.channels.rx': 1,
      'eth0.channels.tx': 0,
      'eth0.ring.rx': 512,
      'eth0.ring.tx': 1024,
      'eth0.coalesce.rx-usecs': 5,
      'eth0.coalesce.adaptive-rx': 0,
      InCsumErrors: 0,
    });
    const sum = (way: string, what: string, n: number): number =>
      Array.from({ length: n }, (_, i) => c[`eth0.${way}${i}_${what}`]!).reduce((a, b) => a + b);
    expect(sum('rx', 'packets', 3)).toBe(c['eth0.rx_packets']);
    expect(sum('rx', 'bytes', 3)).toBe(c['eth0.rx_bytes']);
    expect(sum('tx', 'packets', 2)).toBe(c['eth0.tx_packets']);
    expect(sum('tx', 'bytes', 2)).toBe(c['eth0.tx_bytes']);
    expect(c['eth0.rx3_packets']).toBeUndefined();
    expect(sum('ch', 'events', 3)).toBeGreaterThan(0);
  });
});

describe('adaptive moderation', () => {
  it('finds a wait of its own', () => {
    const fixed = run({});
    const adaptive = run({ nic: { coalesce: { 'adaptive-rx': 'on' } } });
    expect(fixed.metrics['server.coalesce.rx_usecs']).toBe(16_000);
    expect([1000, 8000, 64_000, 128_000, 256_000]).toContain(
      adaptive.metrics['server.coalesce.rx_usecs'],
    );
  });
});
