/** What stands in front of a device: byte queue limits, in the words of sysfs. */
import { z } from 'zod';
import { DQL_DEFAULTS, type DqlOptions } from '../../../kernel/dql-options.ts';
import { documented, linuxNumber, onOff, withBody } from './fields.ts';

const isMap = (v: unknown): v is object => typeof v === 'object' && v !== null;

const limitBytes = (text: string): z.ZodType<number> =>
  linuxNumber(
    { dimension: 'bytes', bare: 'B', size: 1 },
    { text, example: '30000' },
    { max: DQL_DEFAULTS.limitMax, why: 'DQL_MAX_LIMIT' },
  );

const limitsMap = z
  .strictObject({
    limit_min: limitBytes('The limit never falls below. Default: 0.').optional(),
    limit_max: limitBytes(
      `The limit never grows beyond. Default: ${DQL_DEFAULTS.limitMax}.`,
    ).optional(),
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
  .transform((m): DqlOptions => ({
    limitMin: m.limit_min ?? DQL_DEFAULTS.limitMin,
    limitMax: m.limit_max ?? DQL_DEFAULTS.limitMax,
    holdTime: (m.hold_time ?? DQL_DEFAULTS.holdTime / 1_000_000) * 1_000_000,
  }));

const limitsSwitch = onOff({ text: '' });

/** `on`, `off`, or a map of what sysfs has. */
export const byteQueueLimits: z.ZodType<DqlOptions | 'off'> = withBody(
  documented(
    z
      .union([z.boolean(), z.string(), z.looseObject({})])
      .transform((raw, ctx): DqlOptions | 'off' => {
        const parsed = isMap(raw)
          ? limitsMap.safeParse(raw)
          : limitsSwitch.transform((on) => (on ? DQL_DEFAULTS : 'off')).safeParse(raw);
        if (parsed.success) return parsed.data as DqlOptions | 'off';
        for (const issue of parsed.error.issues) ctx.issues.push(issue as z.core.$ZodRawIssue);
        return z.NEVER;
      }),
    {
      text: 'How many bytes the transmit ring may hold, found by watching completions (BQL); `off`: only descriptors count. Default: on, with `machine: ideal` off.',
      source: 'lib/dynamic_queue_limits.c; /sys/class/net/<dev>/queues/tx-0/byte_queue_limits',
      example: 'on',
    },
  ),
  limitsMap,
);
