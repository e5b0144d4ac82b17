/** Whole worlds with each queueing discipline in front of a device: every law holds, and each does what it is for. */
import { describe, expect, it } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { describe as describeWorlds } from '../../src/sim/scenario/load.ts';

interface Setting {
  /** Of the sender's device, as YAML has it. */
  readonly qdisc?: unknown;
  readonly sysctl?: Record<string, unknown>;
  readonly machine?: 'linux' | 'ideal';
  readonly device?: 'nic' | 'tun';
  readonly connections?: number;
  readonly link?: object;
}

/** Bulk senders and one who asks for little, over 20 Mbit/s and 20 ms. */
function run(s: Setting): RunResult {
  const { machine = 'linux', device = 'nic', connections = 4 } = s;
  const nic = s.qdisc === undefined ? {} : { qdisc: s.qdisc };
  const ecn = { 'net.ipv4.tcp_ecn': 1 };
  const [scenario] = describeWorlds('queues', {
    seed: 1,
    shows: 'a queue in front of a device',
    hosts: {
      client: { machine, device, nic, sysctl: { ...ecn, ...s.sysctl } },
      server: { machine, sysctl: ecn },
    },
    links: [{ between: ['client', 'server'], rate: '20 Mbit/s', delay: '10 ms', ...s.link }],
    apps: {
      server: { host: 'server', model: 'netty', listen: 80, codec: 'none', reply: 'none' },
      answers: {
        host: 'server',
        model: 'blocking',
        listen: 81,
        request: '100 B',
        response: '100 B',
      },
      bulk: { host: 'client', model: 'bulk', connect: 'server:80', connections, bytes: '500 kB' },
      ask: {
        host: 'client',
        model: 'client',
        connect: 'server:81',
        requests: 30,
        request: '100 B',
        response: '100 B',
      },
    },
    stop: { when: ['bulk.closed', 'ask.closed'], limit: '300 s' },
  });
  return runScenario(scenario!);
}

const QDISCS: Readonly<Record<string, unknown>> = {
  pfifo_fast: 'pfifo_fast',
  pfifo: { pfifo: { limit: 30 } },
  bfifo: { bfifo: { limit: '40 kB' } },
  fq: 'fq',
  'fq with maxrate': { fq: { maxrate: '3 Mbit/s', flow_limit: 20 } },
  codel: { codel: { target: '2 ms', interval: '20 ms', ecn: 'on' } },
  fq_codel: { fq_codel: { limit: 40, target: '2 ms' } },
  tbf: { tbf: { rate: '10 Mbit/s', burst: '4 kB', latency: '20 ms' } },
  netem: {
    netem: { delay: '5 ms', jitter: '1 ms', loss: '1 %', duplicate: '1 %', corrupt: '1 %' },
  },
};

describe('every law holds, and all bytes arrive, with', () => {
  for (const [name, qdisc] of Object.entries(QDISCS))
    for (const machine of ['linux', 'ideal'] as const)
      it(`${name} on machine: ${machine}`, () => {
        const r = run({ qdisc, machine });
        expect(r.stop.missing).toEqual([]);
        expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
        expect(r.metrics['server.bytes_read']).toBe(2_000_000);
        expect(run({ qdisc, machine }).fingerprint).toBe(r.fingerprint);
      });
  it('fq_codel in front of a tun', () => {
    const r = run({ qdisc: 'fq_codel', device: 'tun' });
    expect(r.stop.missing).toEqual([]);
    expect(r.metrics['server.bytes_read']).toBe(2_000_000);
    expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  });
});

describe('in a world', () => {
  const median = (r: RunResult): number => r.metrics['ask.latency.p50']!;

  it('who asks for little waits for the greedy in one queue, and not where flows take turns', () => {
    const fifo = median(run({ connections: 30, qdisc: 'pfifo_fast' }));
    const turns = median(run({ connections: 30, qdisc: 'fq_codel' }));
    expect(fifo).toBeGreaterThan(3 * 20_000_000);
    expect(turns).toBeLessThan(2 * 20_000_000);
  });

  it('a token bucket bounds the goodput', () => {
    const rate = run({ qdisc: { tbf: { rate: '5 Mbit/s', burst: '4 kB', latency: '50 ms' } } })
      .metrics['goodput']!;
    expect(rate).toBeLessThan(5e6);
    expect(rate).toBeGreaterThan(4e6);
  });

  it('net.core.default_qdisc is what a device has that is told no other', () => {
    const byDefault = run({ sysctl: { 'net.core.default_qdisc': 'fq_codel' } });
    expect(byDefault.fingerprint).toBe(run({ qdisc: 'fq_codel' }).fingerprint);
    expect(byDefault.fingerprint).not.toBe(run({}).fingerprint);
    const other = { 'net.core.default_qdisc': 'fq_codel' };
    expect(run({ sysctl: other, qdisc: 'pfifo_fast' }).fingerprint).toBe(run({}).fingerprint);
  });

  it('what a queue drops of what it had taken is counted under qdisc_drops', () => {
    const r = run({ qdisc: { netem: { loss: '2 %' } } });
    expect(r.metrics['client.drops.qdisc_drops']).toBeGreaterThan(3);
    expect(r.metrics['client.drops.OutDiscards']).toBe(0);
  });
});
