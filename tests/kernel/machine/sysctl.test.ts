/** net.core's sysctls on a machine: what they are when nobody writes them, and that those written while it runs are heeded. */
import { describe, expect, it } from 'vitest';
import { softnetOptionsOf, writeSysctls } from '../../../src/kernel/sysctl.ts';
import { Pair } from '../sockets/world.ts';

const MS = 1_000_000;

describe('net.core.netdev_budget_usecs [net/core/hotdata.c, net_rx_action()]', () => {
  const budget = (hz: number | 'exact', usecs?: number): number =>
    softnetOptionsOf(usecs === undefined ? {} : { 'net.core.netdev_budget_usecs': [usecs] }, hz)
      .budgetNs;

  it('is two jiffies when nobody has written it: 2 * USEC_PER_SEC / HZ', () => {
    expect([100, 250, 1000].map((hz) => budget(hz))).toEqual([20 * MS, 8 * MS, 2 * MS]);
    // 6666 us, rounded up to jiffies of 3,333,333 ns.
    expect(budget(300)).toBe(6_666_666);
    expect(budget('exact')).toBe(8 * MS);
  });

  it('is counted in jiffies, rounded up', () => {
    expect([1, 4000, 4001, 0].map((us) => budget(250, us))).toEqual([4 * MS, 4 * MS, 8 * MS, 0]);
    expect(budget('exact', 4001)).toBe(4_001_000);
  });
});

it('what is written reaches the softirqs of a machine that runs, and a later write without it takes it back', () => {
  const { server } = new Pair({});
  const { host } = server.stack;
  writeSysctls(server.stack, {
    'net.core.netdev_budget': [100],
    'net.core.netdev_max_backlog': [7],
    'net.core.busy_read': [50],
  });
  expect(host.softnet).toMatchObject({ budget: 100, maxBacklog: 7, busyRead: 50, weight: 64 });
  writeSysctls(server.stack, {});
  expect(host.softnet).toMatchObject({ budget: 300, maxBacklog: 1000, busyRead: 0 });
});
