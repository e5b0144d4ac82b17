/** What stands in front of a device: the queueing discipline, in the words of tc; byte queue limits, in those of sysfs. */
import { z } from 'zod';
import { DQL_DEFAULTS, type DqlOptions } from '../../../base/dql.ts';
import {
  CODEL_QDISC_DEFAULTS,
  DEFAULT_QDISCS,
  FQ_CODEL_DEFAULTS,
  FQ_DEFAULTS,
  NETEM_DEFAULTS,
  type QdiscOptions,
} from '../../../kernel/qdisc/options.ts';
import { didYouMean } from '../did-you-mean.ts';
import {
  type Doc,
  documented,
  isMap,
  onOff,
  packets,
  quantity,
  reparse,
  whole,
  withBody,
} from './fields.ts';
import { byteLimits, codelKeys, codelOf } from './queue-laws.ts';

const limitsSwitch = onOff({ text: '' }).transform((on): DqlOptions | 'off' =>
  on ? DQL_DEFAULTS : 'off',
);

/** `on`, `off`, or a map of what sysfs has. */
export const byteQueueLimits: z.ZodType<DqlOptions | 'off'> = withBody(
  documented(
    z
      .union([z.boolean(), z.string(), z.looseObject({})])
      .transform((raw, ctx) => reparse(isMap(raw) ? byteLimits : limitsSwitch, raw, ctx)),
    {
      text: 'How many bytes the transmit ring may hold, found by watching completions (BQL); `off`: only descriptors count. Default: on, with `machine: ideal` off.',
      source: 'lib/dynamic_queue_limits.c; /sys/class/net/<dev>/queues/tx-0/byte_queue_limits',
      example: 'on',
    },
  ),
  byteLimits,
);

// ---- queueing disciplines

const duration = (
  text: string,
  example: string,
  range = { min: 0, max: 1e12 },
): z.ZodType<number> => quantity('duration', { text, example }, range);
const share = (text: string): z.ZodType<number> =>
  quantity('fraction', { text, example: '1 %' }, { max: 1, why: 'a probability: 0 % .. 100 %' });
const rate = (text: string): z.ZodType<number> => quantity('rate', { text }, { min: 1 });
const bytes = (doc: Doc, max = 0xffff_ffff): z.ZodType<number> =>
  quantity('bytes', { example: '3 kB', ...doc }, { min: 1, max });
const limitPackets = (text: string): z.ZodType<number> =>
  packets({ text, example: '1000' }, { min: 0, max: 0xffff_ffff });

const fifoLimit = 'What waits at most. Default: txqueuelen';
const pfifo = z
  .strictObject({ limit: limitPackets(`${fifoLimit} packets.`).optional() })
  .transform((q): QdiscOptions => ({ kind: 'pfifo', limit: q.limit ?? -1 }));
const bfifo = z
  .strictObject({
    limit: bytes({ text: `${fifoLimit} full frames.`, example: '100 kB' }).optional(),
  })
  .transform((q): QdiscOptions => ({ kind: 'bfifo', limit: q.limit ?? -1 }));

const fq = z
  .strictObject({
    limit: limitPackets('Packets in all flows. Default: 10000.').optional(),
    flow_limit: limitPackets('Packets in one flow. Default: 100.').optional(),
    quantum: bytes({
      text: 'What a flow may send in its turn. Default: two full frames.',
    }).optional(),
    initial_quantum: bytes({
      text: 'What a flow may send in its first turn. Default: ten full frames.',
      example: '15 kB',
    }).optional(),
    maxrate: rate('No flow exceeds it. Default: none.').optional(),
    pacing: onOff({
      text: 'Packets leave when their sender wants them to; TCP leaves its pacing to the queue. Default: on.',
    }).optional(),
    refill_delay: duration(
      'A flow that was empty for so long begins its next turn with a whole quantum. Default: 40 ms.',
      '40 ms',
    ).optional(),
    ce_threshold: duration(
      'Mark (ECN) what leaves so much later than it wanted. Default: none.',
      '4 ms',
    ).optional(),
    horizon: duration(
      'Nobody may want to leave later than this from now. Default: 10 s.',
      '10 s',
    ).optional(),
    horizon_cap: onOff({
      text: 'What wants to leave beyond the horizon leaves there, and is not dropped. Default: off.',
    }).optional(),
  })
  .transform((q): QdiscOptions => ({
    kind: 'fq',
    limit: q.limit ?? FQ_DEFAULTS.limit,
    flowLimit: q.flow_limit ?? FQ_DEFAULTS.flowLimit,
    quantum: q.quantum ?? FQ_DEFAULTS.quantum,
    initialQuantum: q.initial_quantum ?? FQ_DEFAULTS.initialQuantum,
    maxrate: q.maxrate === undefined ? FQ_DEFAULTS.maxrate : q.maxrate / 8,
    pacing: q.pacing ?? FQ_DEFAULTS.pacing,
    refillDelay: q.refill_delay ?? FQ_DEFAULTS.refillDelay,
    ceThreshold: q.ce_threshold ?? FQ_DEFAULTS.ceThreshold,
    horizon: q.horizon ?? FQ_DEFAULTS.horizon,
    horizonCap: q.horizon_cap ?? FQ_DEFAULTS.horizonCap,
  }));

const ecn = (text: string): z.ZodType<boolean> =>
  onOff({ text: `Mark packets that can be marked (ECN), instead of dropping them. ${text}` });

const codel = z
  .strictObject({
    limit: limitPackets('Packets. Default: 1000.').optional(),
    ...codelKeys,
    ecn: ecn('Default: off.').optional(),
  })
  .transform((q): QdiscOptions => ({
    kind: 'codel',
    ...codelOf(q, CODEL_QDISC_DEFAULTS.ecn),
    limit: q.limit ?? CODEL_QDISC_DEFAULTS.limit,
  }));

const fqCodel = z
  .strictObject({
    limit: limitPackets('Packets in all flows. Default: 10240.').optional(),
    memory_limit: bytes({
      text: 'Memory (truesize) of all packets. Default: 32 MiB.',
      example: '32 MiB',
    }).optional(),
    flows: whole(
      { text: 'Queues that connections are spread over. Default: 1024.', example: '1024' },
      { min: 1, max: 65_536 },
    ).optional(),
    ...codelKeys,
    quantum: bytes({
      text: 'What a flow may send in its turn. Default: one full frame.',
    }).optional(),
    ecn: ecn('Default: on.').optional(),
    drop_batch: limitPackets('Packets dropped at once when it is full. Default: 64.').optional(),
  })
  .transform((q): QdiscOptions => ({
    kind: 'fq_codel',
    ...codelOf(q, FQ_CODEL_DEFAULTS.ecn),
    limit: q.limit ?? FQ_CODEL_DEFAULTS.limit,
    memoryLimit: q.memory_limit ?? FQ_CODEL_DEFAULTS.memoryLimit,
    flows: q.flows ?? FQ_CODEL_DEFAULTS.flows,
    quantum: q.quantum ?? FQ_CODEL_DEFAULTS.quantum,
    dropBatch: Math.max(q.drop_batch ?? FQ_CODEL_DEFAULTS.dropBatch, 1),
  }));

/** A key that has to be there; left out, tc would refuse it as well. */
const must = (key: string, hint: string): { message: string; params: { hint: string } } => ({
  message: `tbf needs \`${key}\``,
  params: { hint },
});

const tbf = z
  .strictObject({
    rate: rate('What leaves in the long run.').optional(),
    burst: bytes({ text: 'What may leave at once.', example: '10 kB' }).optional(),
    limit: bytes({
      text: 'Bytes that wait at most; or say `latency`.',
      example: '100 kB',
    }).optional(),
    latency: duration('The longest wait; or say `limit`.', '50 ms').optional(),
    peakrate: rate('What leaves at no time faster, `mtu` apart.').optional(),
    mtu: bytes({ text: 'What may leave at once at `peakrate`.', example: '1514 B' }).optional(),
  })
  .refine((q) => q.rate !== undefined, must('rate', 'e.g. `rate: 10 Mbit/s`'))
  .refine((q) => q.burst !== undefined, must('burst', 'e.g. `burst: 10 kB`'))
  .refine(
    (q) => (q.limit === undefined) !== (q.latency === undefined),
    must('limit', 'one of `limit: 100 kB` and `latency: 50 ms`'),
  )
  .refine(
    (q) => (q.peakrate === undefined) === (q.mtu === undefined),
    must('mtu', '`peakrate` and `mtu` go together'),
  )
  .refine((q) => q.peakrate === undefined || q.rate === undefined || q.peakrate >= q.rate, {
    message: 'impossible: `peakrate` is below `rate`',
  })
  .transform((q): QdiscOptions => ({
    kind: 'tbf',
    rate: q.rate ?? 0,
    burst: q.burst ?? 0,
    limit: q.limit ?? 0,
    latency: q.latency ?? 0,
    peakrate: q.peakrate ?? Infinity,
    mtu: q.mtu ?? 0,
  }));

const netem = z
  .strictObject({
    limit: limitPackets('Packets that are delayed. Default: 1000.').optional(),
    delay: duration('So late do packets leave.', '20 ms').optional(),
    jitter: duration('… give or take as much, uniformly.', '2 ms').optional(),
    loss: share('Lost, each by itself.').optional(),
    duplicate: share('Sent twice.').optional(),
    corrupt: share('Damaged: the receiver finds the checksum wrong.').optional(),
    reorder: share('Not delayed, so that they overtake.').optional(),
    gap: whole(
      { text: '`reorder`: only each so many-th packet can be. Default: 1.', example: '5' },
      { min: 1, max: 1_000_000 },
    ).optional(),
    rate: rate('One packet after the other, at this rate.').optional(),
    ecn: onOff({ text: 'Mark what would be lost, if it can be. Default: off.' }).optional(),
  })
  .refine((q) => q.jitter === undefined || q.delay !== undefined, {
    message: '`jitter` is part of a `delay`',
  })
  .refine((q) => q.reorder === undefined || q.delay !== undefined, {
    message: '`reorder` needs a `delay`: what is not delayed overtakes',
  })
  .refine((q) => q.gap === undefined || q.reorder !== undefined, {
    message: '`gap` says nothing without `reorder`',
    path: ['gap'],
  })
  .refine((q) => q.ecn !== true || q.loss !== undefined, {
    message: '`ecn` says nothing without `loss`: it marks what would be lost',
    path: ['ecn'],
  })
  .transform((q): QdiscOptions => ({
    kind: 'netem',
    limit: q.limit ?? NETEM_DEFAULTS.limit,
    delay: q.delay ?? NETEM_DEFAULTS.delay,
    jitter: q.jitter ?? NETEM_DEFAULTS.jitter,
    loss: q.loss ?? NETEM_DEFAULTS.loss,
    duplicate: q.duplicate ?? NETEM_DEFAULTS.duplicate,
    corrupt: q.corrupt ?? NETEM_DEFAULTS.corrupt,
    reorder: q.reorder ?? NETEM_DEFAULTS.reorder,
    gap: q.gap ?? NETEM_DEFAULTS.gap,
    rate: q.rate ?? NETEM_DEFAULTS.rate,
    ecn: q.ecn ?? NETEM_DEFAULTS.ecn,
  }));

const qdiscMap = z
  .strictObject({
    pfifo: documented(pfifo, { text: 'First in, first out; a limit in packets.' }).optional(),
    bfifo: documented(bfifo, { text: 'First in, first out; a limit in bytes.' }).optional(),
    fq: documented(fq, {
      text: 'One queue for each connection, in turn; paces.',
      source: 'tc-fq(8)',
    }).optional(),
    codel: documented(codel, {
      text: 'Drops at the head what has waited too long.',
      source: 'tc-codel(8), RFC 8289',
    }).optional(),
    fq_codel: documented(fqCodel, {
      text: 'Connections in turn, CoDel on each.',
      source: 'tc-fq_codel(8), RFC 8290',
    }).optional(),
    tbf: documented(tbf, { text: 'A token bucket.', source: 'tc-tbf(8)' }).optional(),
    netem: documented(netem, {
      text: 'Delay, loss and the like in front of the device; a link has them too.',
      source: 'tc-netem(8)',
    }).optional(),
  })
  .transform((map, ctx): QdiscOptions => {
    const given = Object.values(map).filter((q) => q !== undefined);
    if (given.length === 1) return given[0]!;
    ctx.issues.push({
      code: 'custom',
      message: 'which queue? give one discipline',
      input: map,
      params: { hint: 'e.g. `{ fq_codel: { target: 5 ms } }`' },
    });
    return z.NEVER;
  });

/** A name, or a map of one discipline and what it is told. */
export const qdisc: z.ZodType<QdiscOptions> = withBody(
  documented(
    z.union([z.string(), z.looseObject({})]).transform((raw, ctx): QdiscOptions => {
      if (typeof raw === 'string') {
        const known = DEFAULT_QDISCS[raw];
        if (known !== undefined && Object.hasOwn(DEFAULT_QDISCS, raw)) return known;
        const names = Object.keys(DEFAULT_QDISCS);
        const hint =
          raw === 'tbf' || raw === 'netem'
            ? `it is nothing without being told more, e.g. \`{ ${raw}: ${raw === 'tbf' ? '{ rate: 10 Mbit/s, burst: 10 kB, latency: 50 ms }' : '{ delay: 20 ms }'} }\``
            : didYouMean(raw, names, 'write one of');
        ctx.issues.push({
          code: 'custom',
          message: `\`${raw}\` is no queueing discipline by itself`,
          input: raw,
          params: { hint: hint ?? undefined },
        });
        return z.NEVER;
      }
      return reparse(qdiscMap, raw, ctx);
    }),
    {
      text: 'The queueing discipline in front of the device (tc qdisc): `pfifo_fast`, `pfifo`, `bfifo`, `fq`, `codel`, `fq_codel`, or one with what it is told. Default: net.core.default_qdisc.',
      source: 'tc(8)',
      example: '{ fq_codel: { target: 5 ms } }',
    },
  ),
  qdiscMap,
);
