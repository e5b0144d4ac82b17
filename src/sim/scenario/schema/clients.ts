/** What connects and sends: bulk senders, request clients, talkers, raw frames. */
import { z } from 'zod';
import type { ModelName } from '../types.ts';
import {
  type AppBody,
  bytes,
  connecting,
  framing,
  GiB,
  host,
  type ModelSchema,
  time,
  times,
} from './app-fields.ts';
import { documented, onOff, quantity, whole } from './fields.ts';

type Body<M extends ModelName> = Extract<AppBody, { model: M }>;

export const bulk: ModelSchema<'bulk'> = z
  .strictObject({
    model: z.literal('bulk'),
    ...connecting,
    bytes: bytes('Payload on each connection.', { min: 1 }),
    write: bytes('Bytes given to each write(). Default: 64 KiB.', { min: 1, max: GiB }).prefault(
      '64 KiB',
    ),
    send: time(
      'When the first connection begins to write. Left out: as soon as it is connected.',
    ).optional(),
    'send-stagger': time(
      'Time between the first writes of two connections. Default: 0 ms.',
    ).prefault('0 ms'),
    close: onOff({ text: 'Half-close after the last byte. Default: on.' }).default(true),
  })
  .transform(({ start, stagger, send, 'send-stagger': sendStagger, ...rest }) => ({
    ...rest,
    startNs: start,
    staggerNs: stagger,
    sendNs: send ?? null,
    sendStaggerNs: sendStagger,
  }));

const arrivals = documented(z.enum(['poisson', 'fixed']), {
  text: 'Exponential gaps, or equal ones. Default: poisson.',
}).default('poisson');

export const client: ModelSchema<'client'> = z
  .strictObject({
    model: z.literal('client'),
    ...connecting,
    requests: whole({ text: 'In all, over the connections in turn.' }, { min: 1, max: 1e9 }),
    request: bytes('Bytes of one request; with `codec: http` of its body, and 0 B is a GET.', {
      max: GiB,
    }),
    response: bytes('Bytes of one answer; with `codec: http` of its body.', { max: GiB }),
    codec: documented(z.enum(['fixed', 'http']), {
      text: '`fixed`: requests and answers are so many bytes. `http`: HTTP/1.1 around them; an answer of another status than 2xx or of another size is none; a connection that the server closes is made again. Default: fixed.',
    }).default('fixed'),
    mode: documented(z.enum(['closed', 'open']), {
      text: '`closed`: each connection waits for its answer, thinks, asks again. `open`: requests come at their own times. Default: closed.',
    }).default('closed'),
    think: time('closed: pause between an answer and the next request. Default: 0 ms.').optional(),
    'think-times': times('closed: how pauses spread.').optional(),
    rate: quantity('frequency', {
      text: 'open: requests per second, over all connections.',
    }).optional(),
    arrivals: documented(z.enum(['poisson', 'fixed']), {
      text: 'open: exponential gaps, or equal ones. Default: poisson.',
    }).optional(),
    timeout: time(
      'A request without an answer after this has failed. Left out: it waits.',
    ).optional(),
  })
  .transform((c, ctx): Body<'client'> => {
    const open = c.mode === 'open';
    const alien = open ? (['think', 'think-times'] as const) : (['rate', 'arrivals'] as const);
    for (const key of alien) {
      if (c[key] === undefined) continue;
      const message = `\`${key}\` says nothing with \`mode: ${c.mode}\``;
      ctx.issues.push({ code: 'custom', message, input: c, path: [key], params: { key: true } });
    }
    for (const key of ['request', 'response'] as const) {
      if (c[key] > 0 || c.codec === 'http') continue;
      const hint = '`codec: http` has requests and answers without a body';
      const message = `a ${key} of 0 B is none`;
      ctx.issues.push({ code: 'custom', message, input: c, path: [key], params: { hint } });
    }
    if (open && (c.rate === undefined || c.rate <= 0)) {
      const hint = 'requests per second, e.g. `rate: 500 /s`';
      ctx.issues.push({
        code: 'custom',
        message: '`mode: open` needs a `rate` above 0',
        input: c,
        path: ['rate'],
        params: { hint },
      });
      return z.NEVER;
    }
    return {
      model: 'client',
      host: c.host,
      connect: c.connect,
      connections: c.connections,
      requests: c.requests,
      request: c.request,
      response: c.response,
      codec: c.codec,
      startNs: c.start,
      staggerNs: c.stagger,
      io: c.io,
      load: open
        ? { mode: 'open', ratePerSec: c.rate!, arrivals: c.arrivals ?? 'poisson' }
        : { mode: 'closed', thinkNs: c.think ?? 0, think: c['think-times'] ?? 'fixed' },
      timeoutNs: c.timeout ?? null,
      sockopt: c.sockopt,
    };
  });

/** Who talks has two threads for each connection: there is no choice. */
const { io: _, ...connectingThreads } = connecting;

export const talk: ModelSchema<'talk'> = z
  .strictObject({
    model: z.literal('talk'),
    ...connectingThreads,
    messages: whole({ text: 'On each connection.', example: '100' }, { min: 1, max: 1e9 }),
    codec: framing.default('line'),
    text: documented(z.string().min(1), {
      text: 'What a message says, framing left out; `#` stands for its number.',
      example: 'hello #',
    }).optional(),
    size: bytes('Instead of `text:`, so many bytes of pattern.', { min: 1, max: GiB }).optional(),
    gap: time('Time between two messages. Default: 0 ms, as fast as they are taken.').prefault(
      '0 ms',
    ),
    answer: documented(z.enum(['none', 'same', 'upper-case']), {
      text: 'What must come back, byte by byte. Default: none.',
    }).default('none'),
    read: bytes('Bytes asked of each read(). Default: 64 KiB.', { min: 1, max: GiB }).prefault(
      '64 KiB',
    ),
    pause: time('Sleep after each read(): a slow reader of the answers. Default: 0 ms.').prefault(
      '0 ms',
    ),
  })
  .transform(({ start, stagger, gap, pause, text, size, ...rest }, ctx) => {
    const fail = (message: string, key: string): void =>
      void ctx.issues.push({ code: 'custom', message, input: rest, path: [key] });
    if ((text === undefined) === (size === undefined))
      fail('a message is either a `text` or so many bytes (`size`)', 'text');
    const inBytes =
      rest.codec === 'none' || rest.codec === 'fixed' || rest.codec === 'length-field';
    if (size !== undefined && !inBytes)
      fail(
        `\`codec: ${rest.codec}\` needs a \`text\`: pattern bytes may look like framing`,
        'size',
      );
    return {
      ...rest,
      startNs: start,
      staggerNs: stagger,
      gapNs: gap,
      pauseNs: pause,
      text: text ?? null,
      size: size ?? 0,
    };
  });

export const raw: ModelSchema<'raw'> = z
  .strictObject({
    model: z.literal('raw'),
    host,
    to: documented(z.string(), { text: 'The host they go to.', example: 'server' }),
    bytes: bytes('IP bytes of each frame.', { min: 20, max: 65_535 }),
    times: z.array(time('When it is sent.')).min(1).optional(),
    rate: quantity('frequency', { text: 'Frames per second.', example: '10000 /s' }).optional(),
    arrivals,
    count: whole({ text: 'How many, with `rate`.' }, { min: 1, max: 1e9 }).optional(),
    start: time('With `rate`: when it begins. Default: 0 ms.').prefault('0 ms'),
  })
  .transform((r, ctx): Body<'raw'> => {
    const fail = (message: string, key: string): never => {
      const hint = '`times: [0 us, 5 us]`, or `rate: 10000 /s` with `count: 1000`';
      ctx.issues.push({ code: 'custom', message, input: r, path: [key], params: { hint } });
      return z.NEVER;
    };
    const place = { model: 'raw' as const, host: r.host, to: r.to, bytes: r.bytes };
    if (r.times !== undefined) {
      if (r.rate !== undefined) return fail('`times` and `rate` exclude each other', 'rate');
      const back = r.times.findIndex((t, i) => i > 0 && t < r.times![i - 1]!);
      if (back >= 0) return fail('times go back', 'times');
      return { ...place, when: { kind: 'times', timesNs: r.times } };
    }
    if (r.rate === undefined || r.rate <= 0)
      return fail('when? give `times`, or a `rate` above 0', 'rate');
    if (r.count === undefined)
      return fail('`rate` needs `count`: a source without end never stops', 'count');
    const when = {
      kind: 'rate' as const,
      arrivals: r.arrivals,
      ratePerSec: r.rate,
      count: r.count,
      startNs: r.start,
    };
    return { ...place, when };
  });
