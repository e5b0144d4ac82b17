/**
 * What ethtool prints of a network card: -S (counters, of each queue under mlx5's names: rx0_packets), and under the words in which
 * a scenario sets them -c (coalesce), -g (ring), -l (channels).
 */
import type { Nic } from './nic.ts';

/** ethtool -S. All that has arrived must have been taken in (`nic.sync`). */
export function ethtoolStatistics(nic: Nic): Record<string, number> {
  const all: Record<string, number> = Object.fromEntries(Object.entries(nic.counters));
  nic.queues.forEach((q, i) => {
    all[`ch${i}_events`] = q.irq.count;
    if (i >= nic.options.queues) return;
    all[`rx${i}_packets`] = q.rxPackets;
    all[`rx${i}_bytes`] = q.rxBytes;
    all[`rx${i}_missed_errors`] = q.missed;
  });
  nic.txQueues.forEach((q, i) => {
    all[`tx${i}_packets`] = q.packets;
    all[`tx${i}_bytes`] = q.bytes;
  });
  return all;
}

/** ethtool -c (of the first queue, as it is now), -g and -l. A switch is 1 or 0. */
export function ethtoolSettings(nic: Nic): Record<string, number> {
  const { options: o } = nic;
  const [{ rxModeration: rx, txModeration: tx }] = nic.queues as [Nic['queues'][number]];
  const combined = Math.min(o.queues, o.txQueues);
  return {
    'coalesce.adaptive-rx': rx.dim === null ? 0 : 1,
    'coalesce.adaptive-tx': tx.dim === null ? 0 : 1,
    'coalesce.cqe-mode-rx': rx.moves ? 1 : 0,
    'coalesce.cqe-mode-tx': tx.moves ? 1 : 0,
    'coalesce.rx-usecs': rx.delay / 1000,
    'coalesce.rx-frames': rx.frames,
    'coalesce.tx-usecs': tx.delay / 1000,
    'coalesce.tx-frames': tx.frames,
    'ring.rx': o.rxRing,
    'ring.tx': o.txRing,
    'channels.combined': combined,
    'channels.rx': o.queues - combined,
    'channels.tx': o.txQueues - combined,
  };
}
