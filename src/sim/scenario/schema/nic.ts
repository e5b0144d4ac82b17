/** A network card, in the words of ethtool and sysfs. */
import { z } from 'zod';
import type { NicSpec } from '../types.ts';
import { cpuMasks, documented, nsecs, onOff, packets, usecs, whole } from './fields.ts';
import { byteQueueLimits, qdisc } from './queues.ts';

const count = (text: string): z.ZodType<number> =>
  whole({ text, example: '4' }, { min: 1, max: 64 });

const ring = (text: string): z.ZodType<number> =>
  whole({ text, example: '512' }, { min: 1, max: 65_536 });

export const nicSchema: z.ZodType<NicSpec> = z
  .strictObject({
    queues: count(
      'Queues in each direction, a pair of them on each interrupt (ethtool -L combined): short for `channels: { combined: … }`. Default: 1.',
    ).optional(),
    channels: documented(
      z.strictObject({
        combined: count('Interrupts with a receive and a transmit queue. Default: 1.').optional(),
        rx: count('… and so many with a receive queue alone.').optional(),
        tx: count('… or so many with a transmit queue alone.').optional(),
      }),
      {
        text: 'Receive and transmit queues, and interrupts (ethtool -L). With several transmit queues the root of the qdiscs is mq, and `qdisc:` says what each queue has.',
        source: 'net/sched/sch_mq.c; net/core/dev.c netdev_pick_tx()',
        example: '{ combined: 4 }',
      },
    ).optional(),
    irq_affinity: documented(z.array(z.int().min(0).max(31)), {
      text: 'The core of each interrupt (/proc/irq/…/smp_affinity_list). Default: number i on core i, from the first again when there are no more.',
      example: '[0, 1]',
    }).optional(),
    xps_cpus: cpuMasks(
      {
        text: 'The cores that send by each transmit queue, a mask for each (/sys/class/net/…/queues/tx-<n>/xps_cpus); `off`: a hash of the connection chooses. Default: the cores are dealt out to the queues in turn, as drivers do.',
        source:
          'drivers/net/ethernet/mellanox/mlx5/core/en_main.c mlx5e_set_default_xps_cpumasks()',
        example: "['1', '2']",
      },
      true,
    ).optional(),
    rps_cpus: cpuMasks({
      text: 'The cores that take the packets of each receive queue through IP and TCP, chosen by a hash of the connection, a mask for each queue (/sys/class/net/…/queues/rx-<n>/rps_cpus). Default: 0, the core that polls.',
      source: 'net/core/dev.c get_rps_cpu()',
      example: "['e', 'd']",
    }).optional(),
    rps_flow_cnt: whole(
      {
        text: 'Slots of each receive queue’s table for RFS: packets go to the core that has read the connection last (…/queues/rx-<n>/rps_flow_cnt).',
        source: 'net/core/dev.c get_rps_cpu()',
        example: '4096',
      },
      { min: 0, max: 1 << 24 },
    ).optional(),
    ring: z
      .strictObject({
        rx: ring('Receive descriptors (ethtool -G rx).').optional(),
        tx: ring('Transmit descriptors (ethtool -G tx).').optional(),
      })
      .optional(),
    coalesce: z
      .strictObject({
        'rx-usecs': usecs(
          {
            text: 'How long a receive interrupt may be held back, waiting for more frames (ethtool -C rx-usecs, µs).',
          },
          { max: 65_535 },
        ).optional(),
        'rx-frames': packets(
          { text: 'So many frames end the wait (ethtool -C rx-frames).' },
          { min: 0, max: 65_535 },
        ).optional(),
        'tx-usecs': usecs(
          {
            text: 'How long the interrupt for sent frames may be held back (ethtool -C tx-usecs, µs).',
          },
          { max: 65_535 },
        ).optional(),
        'tx-frames': packets(
          { text: 'So many sent frames end the wait (ethtool -C tx-frames).' },
          { min: 0, max: 65_535 },
        ).optional(),
        'adaptive-rx': onOff({
          text: 'Find rx-usecs and rx-frames by the load: lib/dim tries five profiles, from 1 µs to 256 µs (ethtool -C adaptive-rx).',
          source: 'lib/dim/net_dim.c',
        }).optional(),
        'adaptive-tx': onOff({
          text: 'Find tx-usecs and tx-frames by the load (ethtool -C adaptive-tx).',
          source: 'lib/dim/net_dim.c',
        }).optional(),
        'cqe-mode-rx': onOff({
          text: 'Each frame starts the wait of rx-usecs anew, in place of the first one only (ethtool -C cqe-mode-rx).',
          source: 'include/linux/dim.h DIM_CQ_PERIOD_MODE_START_FROM_CQE',
        }).optional(),
        'cqe-mode-tx': onOff({
          text: 'The same for sent frames (ethtool -C cqe-mode-tx).',
        }).optional(),
      })
      .optional(),
    features: z
      .strictObject({
        tso: onOff({
          text: 'The device cuts large packets into frames (ethtool -K tso).',
        }).optional(),
        gso: onOff({
          text: 'The kernel cuts large packets as late as it can (ethtool -K gso).',
        }).optional(),
        gro: onOff({
          text: 'The kernel joins received frames of one connection before TCP sees them (ethtool -K gro).',
        }).optional(),
      })
      .optional(),
    napi: onOff({
      text: 'Poll under load; off: one interrupt per frame, which is how receive livelock came about.',
    }).optional(),
    threaded: onOff({
      text: 'Poll in a kernel thread for each queue, which competes with others for its core (/sys/class/net/…/threaded).',
    }).optional(),
    gro_flush_timeout: nsecs(
      {
        text: 'How long GRO may hold frames over the end of a poll; 0: not (/sys/class/net/…/gro_flush_timeout, ns).',
        example: '20 us',
      },
      { max: 1_000_000_000 },
    ).optional(),
    napi_defer_hard_irqs: whole(
      {
        text: 'So many polls without a frame before the interrupt is armed again; a timer polls until then, every gro_flush_timeout (/sys/class/net/…).',
        example: '2',
      },
      { min: 0, max: 0x7fff_ffff },
    ).optional(),
    txqueuelen: packets(
      {
        text: 'Packets that wait in front of the device (ip link set txqueuelen).',
        example: '1000',
        source: 'include/net/sch_generic.h DEFAULT_TX_QUEUE_LEN: 1000',
      },
      { min: 1, max: 0xffff_ffff },
    ).optional(),
    byte_queue_limits: byteQueueLimits.optional(),
    qdisc: qdisc.optional(),
  })
  .transform((n): NicSpec => ({
    channels: channelsOf(n.queues, n.channels),
    irqAffinity: n.irq_affinity ?? null,
    xps: n.xps_cpus ?? null,
    rps: n.rps_cpus ?? null,
    rpsFlows: n.rps_flow_cnt ?? 0,
    ring: { rx: n.ring?.rx ?? null, tx: n.ring?.tx ?? null },
    coalesce: {
      rxUsecs: n.coalesce?.['rx-usecs'] ?? null,
      rxFrames: n.coalesce?.['rx-frames'] ?? null,
      txUsecs: n.coalesce?.['tx-usecs'] ?? null,
      txFrames: n.coalesce?.['tx-frames'] ?? null,
      adaptiveRx: n.coalesce?.['adaptive-rx'] ?? false,
      adaptiveTx: n.coalesce?.['adaptive-tx'] ?? false,
      cqeModeRx: n.coalesce?.['cqe-mode-rx'] ?? false,
      cqeModeTx: n.coalesce?.['cqe-mode-tx'] ?? false,
    },
    features: {
      tso: n.features?.tso ?? null,
      gso: n.features?.gso ?? null,
      gro: n.features?.gro ?? null,
    },
    napi: n.napi ?? null,
    threaded: n.threaded ?? null,
    groFlushTimeout: n.gro_flush_timeout ?? null,
    deferHardIrqs: n.napi_defer_hard_irqs ?? null,
    txqueuelen: n.txqueuelen ?? null,
    bql: n.byte_queue_limits ?? null,
    qdisc: n.qdisc ?? null,
  }));

/** What was written, each `null` when it was not; check-nic.ts says which of it goes together. */
function channelsOf(
  queues: number | undefined,
  c:
    | { combined?: number | undefined; rx?: number | undefined; tx?: number | undefined }
    | undefined,
): NicSpec['channels'] {
  if (queues === undefined && c === undefined) return null;
  return {
    short: queues ?? null,
    combined: c === undefined ? null : (c.combined ?? 1),
    rx: c?.rx ?? 0,
    tx: c?.tx ?? 0,
  };
}
