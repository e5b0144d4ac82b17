/**
 * A quantity that is the same for all, or drawn for each: `work: 2 ms`, or `work: { lognormal: { median: 2 ms, sigma: 1 } }`.
 * One set of names for times and sizes alike.
 */
import { z } from 'zod';
import {
  type Amount,
  type Distribution,
  MOST_DRAWN,
  weighted,
} from '../../../base/distribution.ts';
import { documented, isMap, quantity, withBody } from './fields.ts';

type Kind = 'duration' | 'bytes';

interface Range {
  readonly min?: number;
  readonly max?: number;
}

const EXAMPLES: { readonly [K in Kind]: readonly [least: string, most: string] } = {
  duration: ['1 ms', '1 s'],
  bytes: ['1 kB', '1 MB'],
};
/** What a lognormal is cut at when nothing is written: an hour, or a GiB. */
const MOST: { readonly [K in Kind]: string } = { duration: '60 min', bytes: '1 GiB' };
/** Beyond that the largest of 2^53 draws is e^33 medians. */
const SIGMA_MAX = 4;

function reject(ctx: z.RefinementCtx, input: unknown, message: string, hint: string, key?: string) {
  const path = key === undefined ? {} : { path: [key] };
  ctx.issues.push({ code: 'custom', message, input, ...path, params: { hint } });
  return z.NEVER;
}

/** @param range of each value, in ns or bytes */
function distribution(kind: Kind, range: Range): z.ZodType<Distribution> {
  const [least, most] = EXAMPLES[kind];
  const one = (text: string) => quantity(kind, { text, example: least }, range);
  const fromTo = {
    min: one('The least.'),
    max: quantity(kind, { text: 'The most.', example: most }, range),
  };
  const inOrder = <T extends { min: number; max: number }>(v: T, ctx: z.RefinementCtx): T =>
    v.min <= v.max
      ? v
      : reject(
          ctx,
          v,
          'the least is more than the most',
          `e.g. \`min: ${least}, max: ${most}\``,
          'max',
        );
  const shape = {
    uniform: documented(z.strictObject(fromTo).transform(inOrder), {
      text: 'Every value between the two, as often as any other.',
      example: `{ min: ${least}, max: ${most} }`,
    }),
    exponential: one('Exponential, with this mean.'),
    'hyper-exponential': documented(
      z.strictObject({
        mean: one('Its mean.'),
        c2: documented(z.number().min(1).max(1e6), {
          text: 'Squared coefficient of variation, at least 1.',
          example: '4',
        }),
      }),
      {
        text: 'A mixture of two exponentials, the long values and the short ones each half of the sum.',
        example: `{ mean: ${least}, c2: 4 }`,
      },
    ),
    pareto: documented(
      z
        .strictObject({
          ...fromTo,
          shape: documented(z.number().min(0.01).max(100), {
            text: 'How fast the tail falls: P(X > x) goes as x to the power of minus this.',
            example: '1.2',
          }),
        })
        .transform((v, ctx) =>
          v.min > 0
            ? inOrder(v, ctx)
            : reject(
                ctx,
                v,
                'a Pareto distribution begins above 0',
                `e.g. \`min: ${least}\``,
                'min',
              ),
        ),
      { text: 'Bounded Pareto.', example: `{ min: ${least}, max: ${most}, shape: 1.2 }` },
    ),
    lognormal: documented(
      z
        .strictObject({
          median: one('Half of the values lie below.'),
          sigma: documented(z.number().min(0).max(SIGMA_MAX), {
            text: `Standard deviation of the logarithm, at most ${SIGMA_MAX}.`,
            example: '1',
          }),
          max: quantity(
            kind,
            { text: `What lies beyond counts as this. Default: ${MOST[kind]}.`, example: most },
            range,
          ).prefault(MOST[kind]),
        })
        .transform((v, ctx) =>
          v.median <= v.max
            ? v
            : reject(
                ctx,
                v,
                'half of the values would lie above the most',
                'write `max` too',
                'median',
              ),
        ),
      { text: 'Lognormal.', example: `{ median: ${least}, sigma: 1 }` },
    ),
    empirical: documented(
      z
        .array(
          z.strictObject({
            value: one('A value.'),
            weight: documented(z.number().positive().max(1e12), {
              text: 'How often it comes, beside the weights of the others.',
              example: '3',
            }).optional(),
            upto: quantity('fraction', {
              text: 'Instead of a weight: the share of all that is at most so large. Values between two of the list occur too.',
            }).optional(),
          }),
        )
        .min(1)
        .transform(empirical),
      {
        text: 'As was measured: values with weights, or points of a distribution function.',
        example: `[{ value: ${least}, weight: 9 }, { value: ${most}, weight: 1 }]`,
      },
    ),
  };
  return z
    .strictObject(Object.fromEntries(Object.entries(shape).map(([k, v]) => [k, v.optional()])))
    .transform((v, ctx): Distribution => {
      // A name that is none of these has been complained of.
      if (ctx.issues.length > 0) return z.NEVER;
      const given = Object.entries(v).filter(([, value]) => value !== undefined);
      if (given.length !== 1)
        return reject(
          ctx,
          v,
          'which distribution? give one',
          `one of ${Object.keys(shape).join(', ')}`,
        );
      const [name, value] = given[0]!;
      if (name === 'exponential') return { kind: 'exponential', mean: value as number };
      if (name === 'empirical') return value as Distribution;
      return { kind: name, ...(value as object) } as Distribution;
    });
}

interface Point {
  readonly value: number;
  readonly weight?: number | undefined;
  readonly upto?: number | undefined;
}

function empirical(points: readonly Point[], ctx: z.RefinementCtx): Distribution {
  const give = (message: string, i: number): never => {
    const hint = 'all of them `weight: 3`, or all of them `upto: 50 %`, the last one `upto: 100 %`';
    ctx.issues.push({ code: 'custom', message, input: points, path: [i], params: { hint } });
    return z.NEVER;
  };
  const byWeight = points[0]!.weight !== undefined;
  const values = points.map((p) => p.value);
  for (const [i, p] of points.entries()) {
    if ((p.weight === undefined) === (p.upto === undefined))
      return give('a value has either a `weight` or an `upto`', i);
    if ((p.weight !== undefined) !== byWeight) return give('weights and shares are mixed', i);
    if (byWeight || i === 0) continue;
    if (p.value <= points[i - 1]!.value)
      return give('the values of a distribution function rise', i);
    if (p.upto! < points[i - 1]!.upto!)
      return give('the shares of a distribution function fall', i);
  }
  if (byWeight)
    return weighted(
      values,
      points.map((p) => p.weight!),
    );
  if (points.at(-1)!.upto !== 1)
    return give('a distribution function ends at 100 %', points.length - 1);
  return { kind: 'empirical', values, shares: points.map((p) => p.upto!), lines: true };
}

/** A plain quantity, or a distribution of it. @param alone  what it may be when it is plain */
export function amount(
  kind: Kind,
  text: string,
  range: Range = { max: MOST_DRAWN },
  alone: Range = range,
): z.ZodType<Amount> {
  const plain = quantity(kind, { text }, alone);
  const map = distribution(kind, range);
  const schema = z
    .union([z.string(), z.number(), z.looseObject({})])
    .transform((raw, ctx): Amount => {
      const parsed = isMap(raw) ? map.safeParse(raw) : plain.safeParse(raw);
      if (parsed.success) return parsed.data;
      for (const issue of parsed.error.issues) ctx.issues.push(issue as z.core.$ZodRawIssue);
      // zod goes on after an unknown key: whatever comes next needs a value.
      return 0;
    });
  const example = kind === 'duration' ? '10 ms' : '64 KiB';
  return withBody(
    documented(schema, { text: `${text} Or drawn for each, from a distribution.`, example }),
    map,
  );
}
