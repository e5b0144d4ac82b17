/** Servers that block, and the plain epoll loop. */
import { z } from 'zod';
import { alien, bytes, listening, type ModelSchema, serve, serving, time } from './app-fields.ts';
import { documented, whole } from './fields.ts';

const pool = z.strictObject({
  pool: whole({ text: 'Worker threads.', example: '8' }, { min: 1, max: 100_000 }),
  queue: whole(
    { text: 'Accepted connections that may wait for a worker.', example: '100' },
    { min: 1, max: 1_000_000 },
  ),
});

const threads = documented(z.union([z.literal('per-connection'), pool]), {
  text: '`per-connection`, or a pool behind a bounded queue. Default: per-connection.',
  example: '{ pool: 8, queue: 100 }',
}).default('per-connection');

const counting = {
  ...serving,
  codec: documented(z.enum(['fixed', 'sized']), {
    text: 'How requests are told apart: `fixed`, by `request:`; `sized`, each says how long it is and how long an answer it wants. Default: fixed.',
  }).optional(),
};

/** A request that says its size leaves nothing for the server to say; a stream that is only read has no requests. */
function count<
  T extends Parameters<typeof serve>[0] & {
    request: number;
    response: number;
    codec?: 'fixed' | 'sized' | undefined;
  },
>(o: T, ctx: z.RefinementCtx) {
  const { codec, ...rest } = serve(o, ctx);
  if (codec === 'sized') {
    for (const key of ['request', 'response'] as const) alien(key, 'codec: sized', o, o[key], ctx);
  } else if (o.request === 0) {
    const hint =
      'say how long a request is, e.g. `request: 1 kB`: without, the stream is only read';
    for (const key of ['response', 'work'] as const)
      alien(key, 'without `request`', o, o[key], ctx, hint);
  }
  return { ...rest, codec: codec ?? ('fixed' as const) };
}

export const blocking: ModelSchema<'blocking'> = z
  .strictObject({ model: z.literal('blocking'), ...counting, threads })
  .transform(count);

export const epoll: ModelSchema<'epoll'> = z
  .strictObject({
    model: z.literal('epoll'),
    ...counting,
    trigger: documented(z.enum(['level', 'edge']), {
      text: 'EPOLLET or not. Default: level.',
    }).default('level'),
  })
  .transform(count);

export const echo: ModelSchema<'echo'> = z
  .strictObject({ model: z.literal('echo'), ...listening })
  .transform(({ start, ...rest }) => ({ ...rest, startNs: start }));

export const stalled: ModelSchema<'stalled'> = z
  .strictObject({
    model: z.literal('stalled'),
    ...listening,
    after: bytes('Bytes read of each connection before it stalls.'),
    stall: time('For how long it does not read.'),
  })
  .transform(({ start, after, stall, ...rest }) => ({
    ...rest,
    startNs: start,
    afterBytes: after,
    stallNs: stall,
  }));
