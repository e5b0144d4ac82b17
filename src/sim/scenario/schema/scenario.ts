/** The whole file, and one scenario in it. */
import { z } from 'zod';
import { type AppBody, appSchema } from './app.ts';
import { type FaultBody, faultSchema } from './faults.ts';
import { documented, named, quantity } from './fields.ts';
import { type HostBody, hostSchema, PROFILES, type RouterBody, routerSchema } from './host.ts';
import { type LinkBody, linkSchema } from './link.ts';
import { sweepSchema } from './sweep.ts';

export interface ExpectBody {
  readonly that: string;
  readonly is: string | number;
  readonly for: readonly string[] | null;
  readonly source: string;
}

export interface CompareBody {
  readonly to: string;
  readonly metrics: readonly string[];
}

/** One variant of a scenario: quantities read, references not yet followed. */
export interface ScenarioBody {
  readonly shows: string;
  readonly seed: string;
  readonly profile: string;
  readonly hosts: Readonly<Record<string, HostBody>>;
  readonly routers: Readonly<Record<string, RouterBody>>;
  readonly links: readonly LinkBody[];
  readonly apps: Readonly<Record<string, AppBody>>;
  readonly faults: readonly FaultBody[];
  readonly stop: { readonly when: readonly string[] | null; readonly limitNs: number };
  readonly compare: CompareBody | null;
  readonly expect: readonly ExpectBody[];
}

const oneOrMore = (text: string, example: string): z.ZodType<readonly string[]> =>
  documented(
    z
      .union([z.string(), z.array(z.string()).min(1)])
      .transform((v) => (typeof v === 'string' ? [v] : v)),
    { text, example },
  );

const expectSchema: z.ZodType<ExpectBody> = z
  .strictObject({
    that: documented(z.string(), {
      text: 'A metric (`hostwire metrics` lists them), one of another variant `goodput[model=epoll]`, or several with + − × ÷.',
      example: 'goodput',
    }),
    is: documented(z.union([z.string(), z.number()]), {
      text: 'What it must be: `<= x`, an interval `a .. b`, `x ± 5 %`, `x ± y`, or just `x`. For x, a number with its unit or an expression of metrics.',
      example: '25 Mbit/s .. 34 Mbit/s',
    }),
    for: oneOrMore('Only these variants.', '[blocking, epoll]').optional(),
    source: documented(z.string().min(1), {
      text: 'Where that value comes from: a measurement, a closed form, a rule.',
      example: "'80 KiB / 20.4 ms = 32 Mbit/s'",
    }),
  })
  .transform((e) => ({ that: e.that, is: e.is, for: e.for ?? null, source: e.source }));

const compareSchema: z.ZodType<CompareBody> = z.strictObject({
  to: documented(z.string(), {
    text: 'The variant that the others are compared with.',
    example: 'blocking',
  }),
  metrics: documented(z.array(z.string()).min(1), {
    text: 'What is compared (`hostwire metrics` lists all): a row each.',
    example: '[latency.mean, server.ctxt.voluntary]',
  }),
});

const eachValues = z.union([
  z.array(z.unknown()).min(1),
  z.record(z.string(), z.record(z.string(), z.unknown())),
]);

/** `each:` and `sweep:` are taken out before a scenario gets here (load.ts); they stand here for editors and error messages. */
export const scenarioSchema: z.ZodType<ScenarioBody> = z
  .strictObject({
    shows: documented(z.string().min(1), {
      text: 'What the scenario shows, in a sentence.',
      example: 'What one sees when it runs.',
    }),
    seed: documented(z.union([z.int(), z.string()]), {
      text: 'Everything random is drawn from it. Default: 1.',
      example: '1',
    }).default(1),
    profile: documented(z.enum(PROFILES), {
      text: 'Supplies what is not written; `hostwire show linux-6.18` prints it with sources. `rfc`: TCP as the RFCs have it where Linux does otherwise: the RTO (RFC 6298, at least 1 s), the windows of reno and cubic (RFC 5681, RFC 9438, with fractions of a segment). Default: `linux-6.18`.',
      example: 'linux-6.18',
    }).default('linux-6.18'),
    hosts: documented(named('a host', hostSchema), {
      text: 'Machines, by name.',
      example: '{ client: {}, server: {} }',
    }),
    routers: documented(named('a router', routerSchema), {
      text: 'Forwarders, by name.',
      example: '{ middle: {} }',
    }).prefault({}),
    links: documented(z.array(linkSchema), {
      text: 'Wires between hosts and routers.',
      example: '[{ between: [client, server] }]',
    }).default([]),
    apps: documented(named('an application', appSchema), {
      text: 'Applications, by name.',
      example: '{ upload: { model: bulk } }',
    }),
    faults: documented(z.array(faultSchema), {
      text: 'Pauses of processes, and cores that are taken away. (What happens to frames is said with their link.)',
      example: '[{ gc: server, every: 100 ms, for: 10 ms }]',
    }).default([]),
    stop: documented(
      z.strictObject({
        when: oneOrMore(
          'The run ends when all these have happened. Default: every client, bulk sender and raw source has closed.',
          'upload.closed',
        ).optional(),
        limit: quantity(
          'duration',
          {
            text: 'Simulated time after which the run has failed: it did not finish. Default: 60 s.',
            example: '60 s',
          },
          { min: 1, max: 8e15, why: 'the clock is exact for 104 days' },
        ).prefault('60 s'),
      }),
      { text: 'When the run ends.' },
    ).prefault({}),
    each: documented(z.record(z.string(), eachValues), {
      text: 'Paths and the values they take by turns, in a list or by name: every combination is a variant, run side by side. A value that is a map is merged into what stands there.',
      example: '{ apps.server.model: [blocking, epoll] }',
    }).optional(),
    compare: documented(compareSchema, {
      text: 'Differences between the variants of `each:`, seed by seed: they see the same arrivals, so what differs is only what `each:` varies. `--seeds 1..20` gives the mean difference and its 95 % interval.',
    }).optional(),
    expect: documented(z.array(expectSchema), { text: 'What must come out.' }).default([]),
    sweep: documented(sweepSchema, {
      text: 'A grid of values, and what to measure at each of its points: `hostwire sweep` runs it.',
    }).optional(),
  })
  .transform(({ each: _each, sweep: _sweep, ...s }) => ({
    ...s,
    seed: String(s.seed),
    compare: s.compare ?? null,
    stop: { when: s.stop.when ?? null, limitNs: s.stop.limit },
  }));
