/**
 * The kinds of value that scenarios are made of. A quantity carries its unit; a key that is Linux's own takes Linux's plain
 * number, and a unit may be written and must fit. Each says in `meta` what a reader (and an editor) should know.
 */
import { z } from 'zod';
import type { Dimension } from '../types.ts';
import { readQuantity } from '../units.ts';

/** A description, and where the default comes from. Both go into the JSON Schema and into docs. */
export interface Doc {
  readonly text: string;
  readonly source?: string;
  readonly example?: string;
}

export function documented<T extends z.ZodType>(schema: T, doc: Doc): T {
  const source = doc.source === undefined ? '' : ` Source: ${doc.source}.`;
  return schema.meta({
    description: doc.text + source,
    ...(doc.example === undefined ? {} : { expects: doc.example }),
  }) as T;
}

interface Range {
  readonly min?: number;
  readonly max?: number;
  /** What the limits mean, for the error. */
  readonly why?: string;
}

const EXAMPLES: { readonly [D in Dimension]: string } = {
  time: '10 ms',
  rate: '100 Mbit/s',
  bytes: '64 KiB',
  share: '0.1 %',
  count: '1000 packets',
  'per-second': '500 /s',
};

const textOrNumber: z.ZodUnion<[z.ZodString, z.ZodNumber]> = z.union([z.string(), z.number()]);

function reject(ctx: z.RefinementCtx, input: unknown, message: string, hint?: string): never {
  ctx.issues.push({ code: 'custom', message, input, params: { hint } });
  return z.NEVER;
}

function within(value: number, range: Range, raw: string | number, ctx: z.RefinementCtx): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, why } = range;
  if (value >= min && value <= max) return value;
  const side = value < min ? 'too small' : 'too large';
  return reject(ctx, raw, `impossible value: ${raw} is ${side}${why === undefined ? '' : ` (${why})`}`);
}

/** A number with its unit, as an integer of the dimension's base unit (a share of 1 for `share`). */
export function quantity(dimension: Dimension, doc: Doc, range: Range = {}): z.ZodType<number> {
  const schema = textOrNumber.transform((raw, ctx) => {
    const r = readQuantity(raw, dimension);
    return r.ok ? within(r.value, range, raw, ctx) : reject(ctx, raw, r.message, r.hint);
  });
  return documented(schema, { example: EXAMPLES[dimension], ...doc });
}

/** A number of Linux's own: plain, in the unit that Linux takes there; with another unit written, it is converted. */
export function linuxNumber(
  unit: { readonly dimension: Dimension; readonly per: number } | null,
  doc: Doc,
  range: Range = {},
): z.ZodType<number> {
  const schema = textOrNumber.transform((raw, ctx) => {
    const plain = typeof raw === 'number' ? raw : /^\d+$/.test(raw.trim()) ? Number(raw) : null;
    if (plain !== null) {
      if (!Number.isSafeInteger(plain)) return reject(ctx, raw, `expected a whole number, not ${raw}`);
      return within(plain, range, raw, ctx);
    }
    if (unit === null) return reject(ctx, raw, `expected a plain number, not \`${raw}\``);
    const r = readQuantity(raw, unit.dimension);
    if (!r.ok) return reject(ctx, raw, r.message, r.hint);
    const value = r.value / unit.per;
    if (!Number.isInteger(value)) return reject(ctx, raw, `\`${raw}\` is not a whole number of this key's unit`);
    return within(value, range, raw, ctx);
  });
  return documented(schema, { example: '16', ...doc });
}

export const usecs = (doc: Doc, range: Range = {}): z.ZodType<number> =>
  linuxNumber({ dimension: 'time', per: 1000 }, doc, range);

/** A plain whole number. */
export function whole(doc: Doc, range: { min: number; max: number }): z.ZodType<number> {
  return documented(z.int().min(range.min).max(range.max), doc);
}

/** on/off as in ethtool; YAML's true and false too. */
export function onOff(doc: Doc): z.ZodType<boolean> {
  const schema = z
    .union([z.boolean(), z.literal(['on', 'off'])])
    .transform((v) => v === true || v === 'on');
  return documented(schema, { example: 'on', ...doc });
}

export const port = (doc: Doc): z.ZodType<number> => whole(doc, { min: 1, max: 65_535 });

/** A name of a host, router or application: it becomes part of metric names, so it has no dots. */
export const NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_-]*$/;
/** Names that metrics have taken. */
export const RESERVED: readonly string[] = ['link', 'goodput', 'latency', 'duration'];

/** A map of named things; a name without a body is one with all defaults. */
export function named<T>(what: string, body: z.ZodType<T>): z.ZodType<Record<string, T>> {
  return z.record(z.string(), body).superRefine((map, ctx) => {
    for (const name of Object.keys(map)) {
      const bad = !NAME.test(name)
        ? `\`${name}\` cannot name ${what}: letters, digits, - and _, beginning with a letter`
        : RESERVED.includes(name)
          ? `\`${name}\` cannot name ${what}: metrics are called so`
          : null;
      if (bad !== null) ctx.issues.push({ code: 'custom', message: bad, input: map, path: [name], params: { key: true } });
    }
  });
}
