/** Links, in the words of tc-netem(8). A key `a->b:` overrides what the link says, for that direction. */
import { z } from 'zod';
import { CODEL_DEFAULTS, type CodelOptions } from '../../../base/codel.ts';
import { instant, NEVER, START } from '../../../base/units.ts';
import {
  type Corrupt,
  type GilbertElliott,
  type Jitter,
  LINK_SOURCES,
  type LinkOptions,
  type Pick,
  type QueueLimit,
  type Reorder,
} from '../../net/options.ts';
import {
  type Doc,
  documented,
  isMap,
  onOff,
  quantity,
  read,
  reparse,
  whole,
  withBody,
} from './fields.ts';
import { byteLimits, codelKeys, codelOf } from './queue-laws.ts';

/** `1000 packets` or `64 KiB`. */
export function limit(doc: Doc): z.ZodType<QueueLimit> {
  const schema = z.union([z.string(), z.number()]).transform((raw, ctx): QueueLimit => {
    const q = read(raw, ['packets', 'bytes'], ctx);
    if (q === null) return z.NEVER;
    if (q.value >= 1)
      return { unit: q.dimension === 'packets' ? 'packets' : 'bytes', count: q.value };
    const params = { hint: 'leave `limit` out for a device that waits for the wire' };
    ctx.issues.push({
      code: 'custom',
      message: 'impossible value: a queue holds at least one',
      input: raw,
      params,
    });
    return z.NEVER;
  });
  return documented(schema, { example: '1000 packets', ...doc });
}

const probability = (text: string): z.ZodType<number> =>
  quantity('fraction', { text }, { max: 1, why: 'a probability: 0 % .. 100 %' });

/** The keys by which a fault says which frames it means. */
const pickKeys = {
  chance: probability('Each frame by itself with this probability.').optional(),
  every: whole({ text: 'Every n-th frame.' }, { min: 1, max: 1e9 }).optional(),
  frames: documented(z.array(z.int().min(1)), {
    text: 'These frames, counted from 1.',
    example: '[3, 7]',
  }).optional(),
  per: documented(z.enum(['link', 'flow']), {
    text: '`every` and `frames` count all frames of this direction, or each connection its own. Default: link.',
  }).optional(),
};

interface PickInput {
  readonly chance?: number | undefined;
  readonly every?: number | undefined;
  readonly frames?: readonly number[] | undefined;
  readonly per?: 'link' | 'flow' | undefined;
}

function pickOf(v: PickInput, ctx: z.RefinementCtx): Pick {
  const given = [v.chance, v.every, v.frames].filter((x) => x !== undefined);
  if (given.length !== 1) {
    ctx.issues.push({
      code: 'custom',
      message: 'which frames? give one of `chance`, `every`, `frames`',
      input: v,
      params: { hint: 'e.g. `{ chance: 0.1 % }`, `{ every: 100 }`, `{ frames: [3, 7] }`' },
    });
    return z.NEVER;
  }
  if (v.chance !== undefined && v.per !== undefined)
    ctx.issues.push({
      code: 'custom',
      message: '`per` says nothing with `chance`',
      input: v,
      path: ['per'],
      params: { key: true, hint: 'each frame by itself: there is nothing to count' },
    });
  const per = v.per ?? 'link';
  if (v.chance !== undefined) return { kind: 'random', probability: v.chance };
  if (v.every !== undefined) return { kind: 'every', every: v.every, per };
  return { kind: 'list', frames: v.frames!.toSorted((a, b) => a - b), per };
}

/** A probability, or a map that says which frames and maybe more. */
function fault<T>(text: string, map: z.ZodType<T>, fromChance: (p: number) => T): z.ZodType<T> {
  const short = probability(text).transform(fromChance);
  const schema = z
    .union([z.string(), z.number(), z.looseObject({})])
    .transform((raw, ctx) => reparse(isMap(raw) ? map : short, raw, ctx));
  return withBody(documented(schema, { text, example: '0.1 %' }), map);
}

const picked = (p: number): Pick => ({ kind: 'random', probability: p });

const pickMap: z.ZodType<Pick> = z.strictObject(pickKeys).transform(pickOf);

const corruptMap: z.ZodType<Corrupt> = z
  .strictObject({
    ...pickKeys,
    undetected: onOff({ text: 'The checksum happens to match, the frame is delivered.' }).default(
      false,
    ),
  })
  .transform((v, ctx) => ({ pick: pickOf(v, ctx), undetected: v.undetected }));

const reorderMap: z.ZodType<Reorder> = z
  .strictObject({
    ...pickKeys,
    by: quantity(
      'duration',
      { text: 'They arrive so much later. Left out: they skip the delay, as in netem.' },
      { min: 1 },
    ).optional(),
    gap: whole(
      { text: 'At least so many frames from one to the next.' },
      { min: 1, max: 1e9 },
    ).default(1),
  })
  .transform((v, ctx) => ({
    pick: pickOf(v, ctx),
    extra: (v.by ?? null) as Reorder['extra'],
    gap: v.gap,
  }));

const gemodel: z.ZodType<GilbertElliott> = documented(
  z
    .strictObject({
      p: probability('From good to bad, per frame.'),
      r: probability('From bad to good, per frame.'),
      '1-h': probability('Loss in the bad state. Default: 100 %.').prefault('100 %'),
      '1-k': probability('Loss in the good state. Default: 0 %.').prefault('0 %'),
    })
    .transform((g) => ({
      kind: 'gemodel' as const,
      p: g.p,
      r: g.r,
      lossInBad: g['1-h'],
      lossInGood: g['1-k'],
    })),
  { text: 'Losses in bursts: Gilbert–Elliott.', source: 'tc-netem(8) loss gemodel' },
);

const jitterMap: z.ZodType<Jitter> = z
  .strictObject({
    amount: quantity('duration', {
      text: 'uniform: delay ± amount; exponential: a tail with this mean.',
    }),
    distribution: z.enum(['uniform', 'exponential']).default('uniform'),
    order: documented(z.enum(['kept', 'free']), {
      text: '`kept`: no frame arrives before one that was sent earlier. Default: free, as in netem.',
    }).default('free'),
  })
  .transform((j) => ({
    distribution: j.distribution,
    amount: j.amount as Jitter['amount'],
    keepOrder: j.order === 'kept',
  }));

const jitter: z.ZodType<Jitter> = withBody(
  documented(
    z
      .union([z.string(), z.number(), z.looseObject({})])
      .transform((raw, ctx) =>
        isMap(raw)
          ? reparse(jitterMap, raw, ctx)
          : reparse(jitterMap, { amount: raw }, ctx, () => []),
      ),
    { text: 'A random part of the delay.', source: 'tc-netem(8) delay', example: '2 ms' },
  ),
  jitterMap,
);

const codel: z.ZodType<CodelOptions> = z
  .strictObject({
    ...codelKeys,
    ecn: onOff({
      text: 'Mark frames that can be marked (ECN), instead of dropping them. Default: off.',
    }).optional(),
  })
  .transform((q) => codelOf(q, CODEL_DEFAULTS.ecn));

const S = LINK_SOURCES;

const directionKeys = {
  rate: quantity(
    'rate',
    {
      text: 'Bits per second of IP packet + overhead. Left out: sending takes no time.',
      source: S.rate,
    },
    { min: 1 },
  ).optional(),
  delay: quantity('duration', { text: 'One way, in each direction.', source: S.delay }).optional(),
  mtu: quantity(
    'bytes',
    { text: 'Largest IP packet. Default: 1500 B.', source: S.mtu, example: '1500 B' },
    { min: 68, max: 65_536 },
  ).optional(),
  overhead: quantity(
    'bytes',
    {
      text: 'What each packet takes on the wire besides itself; 0 B for a bare IP wire. Default: 38 B.',
      source: S.overhead,
      example: '38 B',
    },
    { max: 1000 },
  ).optional(),
  limit: limit({
    text: 'Drop-tail queue in front of the wire. Left out: the sending device waits, nothing is dropped.',
    source: S.limit,
  }).optional(),
  codel: documented(codel, {
    text: 'The queue drops frames at its head when they wait for too long. Without `limit` it holds 1000 packets.',
    source: 'RFC 8289; tc-codel(8)',
    example: '{ target: 5 ms, ecn: on }',
  }).optional(),
  bql: documented(byteLimits, {
    text: 'A device with byte queue limits takes frames out of the queue ahead of the wire, as few as keep it busy; what they wait there `codel` does not see. One completion interrupt for each frame. Takes what `byte_queue_limits` of a NIC takes.',
    source: 'lib/dynamic_queue_limits.c; sysfs byte_queue_limits',
    example: '{ hold_time: 1 s }',
  }).optional(),
  loss: fault<LinkOptions['loss'] & {}>('Frames that are lost.', pickMap, picked).optional(),
  gemodel: gemodel.optional(),
  duplicate: fault('Frames that arrive twice.', pickMap, picked).optional(),
  corrupt: fault<Corrupt>(
    'Frames that are damaged; the receiver drops them by their checksum.',
    corruptMap,
    (p) => ({ pick: picked(p), undetected: false }),
  ).optional(),
  reorder: fault<Reorder>('Frames that leave their place in the order.', reorderMap, (p) => ({
    pick: picked(p),
    extra: null,
    gap: 1,
  })).optional(),
  jitter: jitter.optional(),
  faults: z
    .strictObject({
      from: quantity('duration', { text: 'Faults begin.' }).optional(),
      until: quantity('duration', { text: 'Faults end.' }).optional(),
    })
    .optional(),
};

const directionObject = z.strictObject(directionKeys);
type DirectionInput = z.output<typeof directionObject>;

function optionsOf(d: DirectionInput, ctx: z.RefinementCtx): Partial<LinkOptions> {
  if (d.loss !== undefined && d.gemodel !== undefined) {
    ctx.issues.push({
      code: 'custom',
      message: '`loss` and `gemodel` both say which frames are lost: keep one',
      input: d,
      path: ['gemodel'],
    });
  }
  const o: { -readonly [K in keyof LinkOptions]?: LinkOptions[K] } = {};
  if (d.rate !== undefined) o.rate = d.rate;
  if (d.delay !== undefined) o.delay = d.delay as LinkOptions['delay'];
  if (d.mtu !== undefined) o.mtu = d.mtu;
  if (d.overhead !== undefined) o.overhead = d.overhead;
  if (d.limit !== undefined) o.limit = d.limit;
  if (d.codel !== undefined) o.codel = d.codel;
  if (d.bql !== undefined) o.bql = d.bql;
  if (d.loss !== undefined || d.gemodel !== undefined) o.loss = d.gemodel ?? d.loss ?? null;
  if (d.duplicate !== undefined) o.duplicate = d.duplicate;
  if (d.corrupt !== undefined) o.corrupt = d.corrupt;
  if (d.reorder !== undefined) o.reorder = d.reorder;
  if (d.jitter !== undefined) o.jitter = d.jitter;
  if (d.faults !== undefined) {
    o.from = d.faults.from === undefined ? START : instant(d.faults.from);
    o.until = d.faults.until === undefined ? NEVER : instant(d.faults.until);
  }
  return o;
}

export const directionSchema: z.ZodType<Partial<LinkOptions>> =
  directionObject.transform(optionsOf);

/** A link as written: both directions, with what each has of its own. */
export interface LinkBody {
  readonly between: readonly [string, string];
  readonly both: Partial<LinkOptions>;
  readonly overrides: ReadonlyMap<string, Partial<LinkOptions>>;
}

const end = z.string();

const linkKeys = {
  between: documented(z.tuple([end, end]), {
    text: 'The two hosts or routers that it joins.',
    example: '[client, server]',
  }),
  ...directionKeys,
};

/** Loose, because of the keys `a->b`, which are checked by hand; `linkDoc` says what that comes to. */
const linkObject = z.looseObject(linkKeys);

/** What a link takes, for errors and the JSON Schema: the key `->` stands for all keys `a->b`. */
const linkDoc = z.strictObject({ ...linkKeys, '->': directionObject.optional() });

export const linkSchema: z.ZodType<LinkBody> = withBody(
  linkObject.transform((raw, ctx): LinkBody => {
    const input = raw as typeof raw & DirectionInput;
    const overrides = new Map<string, Partial<LinkOptions>>();
    const unknown: string[] = [];
    for (const [key, value] of Object.entries(input)) {
      if (key === 'between' || Object.hasOwn(directionKeys, key)) continue;
      if (!key.includes('->')) {
        unknown.push(key);
        continue;
      }
      const direction = reparse(directionSchema, value, ctx, (path) => [key, ...path]);
      overrides.set(key.replaceAll(' ', ''), direction);
    }
    if (unknown.length > 0) {
      ctx.issues.push({ code: 'unrecognized_keys', keys: unknown, input });
    }
    return { between: input.between, both: optionsOf(input, ctx), overrides };
  }),
  linkDoc,
);
