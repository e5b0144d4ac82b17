/**
 * The kinds of value that scenarios are made of. A quantity carries its unit; a key that is Linux's own takes Linux's plain
 * number, and a unit may be written and must fit. Each says in `meta` what a reader (and an editor) should know.
 */
import { z } from 'zod';
import { ScenarioError } from '../../../base/assert.ts';
import { type Dimension, parseQuantity, type Quantity } from '../../../base/quantity.ts';

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
  duration: '10 ms',
  rate: '100 Mbit/s',
  bytes: '64 KiB',
  fraction: '0.1 %',
  packets: '1000 packets',
  frequency: '500 /s',
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
  return reject(
    ctx,
    raw,
    `impossible value: '${raw}' is ${side}${why === undefined ? '' : ` (${why})`}`,
  );
}

/** What base/quantity.ts reads, with its refusal turned into an issue; null: refused. */
export function read(
  raw: string | number,
  wanted: Dimension | readonly Dimension[],
  ctx: z.RefinementCtx,
  bare?: string,
): Quantity | null {
  try {
    return parseQuantity(raw, wanted, bare);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    reject(ctx, raw, error.message, error.hint);
    return null;
  }
}

/** A number with its unit, in the dimension's base unit: ns, bytes, bit/s, packets, a share of 1, 1/s. */
export function quantity(dimension: Dimension, doc: Doc, range: Range = {}): z.ZodType<number> {
  const schema = textOrNumber.transform((raw, ctx) => {
    const q = read(raw, dimension, ctx);
    return q === null ? z.NEVER : within(q.value, range, raw, ctx);
  });
  return documented(schema, { example: EXAMPLES[dimension], ...doc });
}

/**
 * A number of Linux's own: plain, in the unit that Linux takes there. A unit may be written, and must fit.
 *
 * @param unit  Linux's unit; `size` of them in the base unit
 */
export function linuxNumber(
  unit: { readonly dimension: Dimension; readonly bare: string; readonly size: number },
  doc: Doc,
  range: Range = {},
): z.ZodType<number> {
  const schema = textOrNumber.transform((raw, ctx) => {
    const q = read(raw, unit.dimension, ctx, unit.bare);
    if (q === null) return z.NEVER;
    const n = q.value / unit.size;
    if (!Number.isInteger(n))
      return reject(ctx, raw, `'${raw}' is not a whole number of ${unit.bare}`);
    return within(n, range, raw, ctx);
  });
  return documented(schema, { example: '16', ...doc });
}

export const usecs = (doc: Doc, range: Range = {}): z.ZodType<number> =>
  linuxNumber({ dimension: 'duration', bare: 'us', size: 1000 }, doc, range);

/** A duration that Linux counts in ns. */
export const nsecs = (doc: Doc, range: Range = {}): z.ZodType<number> =>
  linuxNumber({ dimension: 'duration', bare: 'ns', size: 1 }, doc, range);

export const packets = (doc: Doc, range: Range = {}): z.ZodType<number> =>
  linuxNumber({ dimension: 'packets', bare: 'packets', size: 1 }, doc, range);

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

/** Hexadecimal masks of cores, as in sysfs: one for all, or a list; `off` where that is said to have a meaning. */
export function cpuMasks(doc: Doc, off: true): z.ZodType<readonly number[] | 'off'>;
export function cpuMasks(doc: Doc): z.ZodType<readonly number[]>;
export function cpuMasks(doc: Doc, off = false): z.ZodType<readonly number[] | 'off'> {
  const one = z.union([z.string(), z.number()]);
  const schema = z.union([z.string(), z.number(), z.array(one).min(1)]).transform((raw, ctx) => {
    if (off && raw === 'off') return raw;
    return Array.isArray(raw)
      ? raw.map((mask, i) => cpuMask(mask, [i], ctx))
      : [cpuMask(raw, [], ctx)];
  });
  return documented(schema, { example: "'f'", ...doc });
}

/** @param path where it stands in a list */
function cpuMask(raw: string | number, path: number[], ctx: z.RefinementCtx): number {
  const text = String(raw);
  const wrong = (message: string, hint: string): never => {
    ctx.issues.push({ code: 'custom', message, input: raw, path, params: { hint } });
    return z.NEVER;
  };
  // YAML has read what looks like a decimal number: nobody knows any more how it was written.
  if (typeof raw === 'number' && !(Number.isInteger(raw) && raw >= 0 && raw <= 9))
    return wrong(
      'a mask is hexadecimal, and this a decimal number',
      "write it in quotes, e.g. `'10'` for core 4",
    );
  if (/^(0x)?[\da-f]{1,8}$/i.test(text)) return Number.parseInt(text.replace(/^0x/i, ''), 16);
  return wrong(
    `\`${text}\` is no mask of cores`,
    "hexadecimal, a bit for each core: e.g. `'f'` for cores 0 to 3",
  );
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
      if (bad !== null)
        ctx.issues.push({
          code: 'custom',
          message: bad,
          input: map,
          path: [name],
          params: { key: true },
        });
    }
  });
}

export const isMap = (v: unknown): v is object => typeof v === 'object' && v !== null;

/**
 * What `schema` makes of `raw`; what it objects to, its caller objects to.
 *
 * @param at  where that is for the caller, of a path within `raw`
 */
export function reparse<T>(
  schema: z.ZodType<T>,
  raw: unknown,
  ctx: z.RefinementCtx,
  at: (path: PropertyKey[]) => PropertyKey[] = (path) => path,
): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues)
    ctx.issues.push({ ...issue, path: at(issue.path) } as z.core.$ZodRawIssue);
  return z.NEVER;
}

/** `body`: the map that a field takes when it is not written in its short form, for errors and for the JSON Schema. */
export function withBody<T extends z.ZodType>(schema: T, body: z.ZodType): T {
  return schema.meta({ ...schema.meta(), body }) as T;
}

/** What `documented` and `withBody` noted. */
export interface Notes {
  readonly expects?: string;
  readonly body?: z.core.$ZodType;
}
export const notesOf = (schema: z.core.$ZodType): Notes =>
  (z.globalRegistry.get(schema) ?? {}) as Notes;
