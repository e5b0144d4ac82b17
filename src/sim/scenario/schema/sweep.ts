/** `sweep:`: a grid of values, what to measure at each point of it, and what must come out. */
import { z } from 'zod';
import { documented, whole, withBody } from './fields.ts';

export interface SweepExpectBody {
  readonly that: string;
  readonly is: string | number;
  readonly source: string;
}

/** `vary` is read from the tree (sweep.ts), which knows where each value stands. */
export interface SweepBody {
  readonly repeat: number;
  readonly measure: readonly string[];
  readonly expect: readonly SweepExpectBody[];
  readonly recorded: RecordedBody | null;
}

export interface RecordedBody {
  readonly by: string;
  readonly points: readonly Readonly<Record<string, string | number>>[];
}

/** More seeds than this per point tell nothing new. */
const MAX_REPEAT = 10_000;

const quantityOrNumber = z.union([z.string(), z.number()]);

const axisValues = z.union([
  documented(z.array(z.unknown()).min(1), { text: 'The values.', example: '[4 KiB, 64 KiB]' }),
  z.strictObject({
    log2: documented(z.tuple([quantityOrNumber, quantityOrNumber]), {
      text: 'From the first, doubled until the second.',
      example: '[4096, 1048576]',
    }).optional(),
    linear: documented(z.tuple([quantityOrNumber, quantityOrNumber, quantityOrNumber]), {
      text: 'From, to and step.',
      example: '[0 ms, 50 ms, 10 ms]',
    }).optional(),
  }),
]);

const expectSchema = z.strictObject({
  that: documented(z.string(), {
    text: 'A metric, that of one point `goodput[SO_RCVBUF=65536]`, or several with + − × ÷. It is the mean over the repetitions, and must hold for every value of the axes it does not name.',
    example: 'goodput',
  }),
  is: documented(z.union([z.string(), z.number()]), {
    text: 'As in `expect:` of a scenario; or `non-decreasing in SO_RCVBUF`, `non-increasing in SO_RCVBUF`, with `± 1 %` when a step may go so far the wrong way.',
    example: 'non-decreasing in SO_RCVBUF',
  }),
  source: documented(z.string().min(1), {
    text: 'Where that comes from: a measurement, a closed form, a rule.',
    example: "'twice the window, twice the rate'",
  }),
});

const recordedSchema = z.strictObject({
  by: documented(z.string().min(1), {
    text: 'What was measured, for the legend.',
    example: 'Linux 6.18.44',
  }),
  points: documented(z.array(z.record(z.string(), quantityOrNumber)).min(1), {
    text: 'Measured points: a value for each axis, and metrics that `measure:` lists.',
    example: '[{ SO_RCVBUF: 65536, goodput: 30.2 Mbit/s }]',
  }),
});

export const sweepSchema: z.ZodType<SweepBody> = z
  .strictObject({
    vary: withBody(
      documented(z.unknown(), {
        text: 'Paths and the values they take: a list, `log2: [from, to]` or `linear: [from, to, step]`. Every combination is a point.',
        example: '{ apps.server.sockopt.SO_RCVBUF: { log2: [4096, 1048576] } }',
      }),
      z.record(z.string(), axisValues),
    ),
    repeat: whole(
      { text: 'Runs of each point, each with a seed of its own: the same seeds at every point.' },
      { min: 1, max: MAX_REPEAT },
    ).default(1),
    measure: documented(z.array(z.string()).min(1), {
      text: 'Metrics that the table, the files and the plots show (`hostwire metrics` lists all).',
      example: '[goodput, server.syscalls.read]',
    }),
    expect: documented(z.array(expectSchema), {
      text: 'What must come out, over all points.',
    }).default([]),
    recorded: documented(recordedSchema, {
      text: 'Measurements of a real system, drawn beside the results.',
    }).optional(),
  })
  .transform(({ vary: _vary, recorded, ...s }) => ({ ...s, recorded: recorded ?? null }));
