/** What a link's queue and a device's are told in the same words: CoDel's law, as tc has it, and byte queue limits, as sysfs has them. */
import { z } from 'zod';
import { CODEL_DEFAULTS, type CodelOptions } from '../../../base/codel.ts';
import { DQL_DEFAULTS, type DqlOptions } from '../../../base/dql.ts';
import { linuxNumber, quantity } from './fields.ts';

type Maybe = z.ZodOptional<z.ZodType<number>>;

const wait = (text: string, example: string, min: number): Maybe =>
  quantity('duration', { text, example }, { min, max: 1e11 }).optional();

export const codelKeys: Record<'target' | 'interval' | 'ce_threshold', Maybe> = {
  target: wait('A wait that is acceptable. Default: 5 ms.', '5 ms', 1),
  interval: wait(
    'How long it may be exceeded before packets are dropped. Default: 100 ms.',
    '100 ms',
    1,
  ),
  ce_threshold: wait(
    'Mark (ECN) all that waited longer, as DCTCP needs it. Default: none.',
    '1 ms',
    0,
  ),
};

interface CodelInput {
  readonly target?: number | undefined;
  readonly interval?: number | undefined;
  readonly ce_threshold?: number | undefined;
  readonly ecn?: boolean | undefined;
}

/** @param ecn whether it marks when nothing is said */
export const codelOf = (q: CodelInput, ecn: boolean): CodelOptions => ({
  target: q.target ?? CODEL_DEFAULTS.target,
  interval: q.interval ?? CODEL_DEFAULTS.interval,
  ceThreshold: q.ce_threshold ?? CODEL_DEFAULTS.ceThreshold,
  ecn: q.ecn ?? ecn,
});

const limitBytes = (text: string): Maybe =>
  linuxNumber(
    { dimension: 'bytes', bare: 'B', size: 1 },
    { text, example: '30000' },
    { max: DQL_DEFAULTS.limitMax, why: 'DQL_MAX_LIMIT' },
  ).optional();

export const byteLimits: z.ZodType<DqlOptions> = z
  .strictObject({
    limit_min: limitBytes('The limit never falls below. Default: 0.'),
    limit_max: limitBytes(`The limit never grows beyond. Default: ${DQL_DEFAULTS.limitMax}.`),
    hold_time: linuxNumber(
      { dimension: 'duration', bare: 'ms', size: 1_000_000 },
      {
        text: 'How long there must be bytes to spare before the limit falls, ms. Default: 1000.',
        example: '1000',
      },
      { min: 1, max: 60_000 },
    ).optional(),
  })
  .refine((m) => (m.limit_min ?? 0) <= (m.limit_max ?? Infinity), {
    message: 'impossible: `limit_min` is above `limit_max`',
  })
  .transform((m) => ({
    limitMin: m.limit_min ?? DQL_DEFAULTS.limitMin,
    limitMax: m.limit_max ?? DQL_DEFAULTS.limitMax,
    holdTime: (m.hold_time ?? DQL_DEFAULTS.holdTime / 1_000_000) * 1_000_000,
  }));
