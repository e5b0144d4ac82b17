/** Every law, in generated worlds whose network cards have several queues, steer packets, adapt, and are polled by threads. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { check, invariants, scenarios } from '../../src/testing/index.ts';

const RUNS = 60;

/** What fits a machine of two cores, with a ring of any size. */
const cards = fc.constantFrom<object>(
  { queues: 2 },
  { queues: 3, qdisc: 'fq', xps_cpus: 'off' },
  { channels: { combined: 1, tx: 2 }, irq_affinity: [0, 1, 0] },
  { channels: { combined: 2, rx: 1 }, rps_cpus: ['0', '2', '1'] },
  { rps_cpus: '3' },
  { rps_cpus: '2', napi: 'off' },
  { queues: 2, rps_cpus: ['2', '1'], rps_flow_cnt: 4 },
  { coalesce: { 'adaptive-rx': 'on', 'adaptive-tx': 'on' } },
  { coalesce: { 'adaptive-rx': 'on', 'cqe-mode-rx': 'on', 'cqe-mode-tx': 'on' }, queues: 2 },
  { gro_flush_timeout: '50 us', napi_defer_hard_irqs: 2, queues: 2 },
  { threaded: 'on', rps_cpus: '3' },
);
const sysctls = fc.record({
  'net.core.busy_read': fc.constantFrom(0, 5, 100),
  'net.core.busy_poll': fc.constantFrom(0, 50),
  'net.core.netdev_max_backlog': fc.constantFrom(1000, 4),
  'net.core.rps_sock_flow_entries': fc.constant(8),
  'net.core.flow_limit_cpu_bitmap': fc.constantFrom('0', '3'),
});

interface Host {
  readonly nic?: { readonly ring?: object };
  readonly costs?: object;
  readonly sysctl?: object;
}

/** A world whose hosts have them. */
const worlds = fc
  .tuple(scenarios(), fc.array(fc.tuple(cards, sysctls), { minLength: 4, maxLength: 4 }))
  .map(([world, drawn]) => {
    const hosts = Object.entries(world.hosts as Record<string, Host | null>);
    const changed = hosts.map(([name, host], i) => {
      const [card, sysctl] = drawn[i % drawn.length]!;
      const { ring } = host?.nic ?? {};
      return [
        name,
        {
          ...host,
          cpus: 2,
          device: 'nic',
          nic: { ...card, ...(ring === undefined ? {} : { ring }) },
          costs: { ...host?.costs, busyPoll: '200 ns' },
          sysctl: { ...host?.sysctl, ...sysctl },
        },
      ];
    });
    return { ...world, hosts: Object.fromEntries(changed) };
  });

describe('with network cards of many kinds', () => {
  it('every law holds in every generated world, and every world finishes once its faults are over', () => {
    check(worlds as ReturnType<typeof scenarios>, invariants.all, { runs: RUNS });
  });
});
