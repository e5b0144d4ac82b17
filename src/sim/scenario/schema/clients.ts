/** What connects and sends: bulk senders, request clients, talkers, raw frames. */
import { z } from 'zod';
import { FRAME_DEFAULTS, misfit } from '../../../app/codec/frame-options.ts';
import { encodeText } from '../../../base/text.ts';
import type { ModelName } from '../types.ts';
import {
  alien,
  type AppBody,
  bytes,
  checkFrame,
  frame,
  connecting,
  framing,
  GiB,
  MOST_TIME,
  host,
  type ModelSchema,
  time,
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
  .transform(({ start, stagger, send, 'send-stagger': sendStagger, ...rest }, ctx) => {
    if (send === undefined) {
      const hint = 'say when the first begins to write, e.g. `send: 1 s`';
      alien('send-stagger', 'without `send`', rest, sendStagger, ctx, hint);
    }
    return {
      ...rest,
      startNs: start,
      staggerNs: stagger,
      sendNs: send ?? null,
      sendStaggerNs: sendStagger,
    };
  });

const arrivals = documented(z.enum(['poisson', 'fixed']), {
  text: 'With `rate`: exponential gaps, or equal ones. Default: poisson.',
}).optional();

/** Who talks has two threads for each connection, and a slow loris one for all: there is no choice. */
const { io: _, ...connectingThreads } = connecting;

export const slowLoris: ModelSchema<'slow-loris'> = z
  .strictObject({
    model: z.literal('slow-loris'),
    ...connectingThreads,
    interval: quantity(
      'duration',
      { text: 'Time between two writes on a connection.', example: '15 s' },
      { min: 1, max: MOST_TIME },
    ),
    write: bytes('Bytes of each write. Default: 1 B.', { min: 1, max: 65_536 }).prefault('1 B'),
    text: documented(z.string(), {
      text: 'What each connection says first; then `a` without end. Default: the beginning of a GET whose last header goes on.',
    }).default('GET / HTTP/1.1\r\nHost: server\r\nX-a: '),
    bytes: bytes(
      'After so many a connection says no more: one less than `request` for a server that counts. Left out: it goes on.',
      { min: 1 },
    ).optional(),
    hold: time(
      'How long each connection is held, from its start on; what the server ends is made again. Left out: to the end of the run, which then does not wait for it.',
    ).optional(),
  })
  .transform(({ start, stagger, interval, bytes: most, hold, ...rest }) => ({
    ...rest,
    startNs: start,
    staggerNs: stagger,
    intervalNs: interval,
    bytes: most ?? null,
    holdNs: hold ?? null,
  }));

export const talk: ModelSchema<'talk'> = z
  .strictObject({
    model: z.literal('talk'),
    ...connectingThreads,
    messages: whole({ text: 'On each connection.', example: '100' }, { min: 1, max: 1e9 }),
    codec: framing.default('line'),
    frame: frame.optional(),
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
  .transform(({ start, stagger, gap, pause, text, size, frame: frames, ...rest }, ctx) => {
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
    checkFrame(rest.codec, frames, rest, ctx);
    if (rest.codec === 'length-field') {
      // The first and the last message have the shortest and the longest number.
      const numbered = (m: number): number =>
        text === undefined ? (size ?? 0) : encodeText(text.replaceAll('#', String(m))).length;
      const wrong = [1, rest.messages]
        .map((m) => misfit(numbered(m), frames ?? FRAME_DEFAULTS))
        .find((w) => w !== null);
      if (wrong !== undefined) fail(wrong, text === undefined ? 'size' : 'text');
    }
    return {
      ...rest,
      ...(frames === undefined ? {} : { frame: frames }),
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
      for (const key of ['arrivals', 'count', 'start'] as const)
        alien(key, 'times', r, r[key], ctx);
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
      arrivals: r.arrivals ?? 'poisson',
      ratePerSec: r.rate,
      count: r.count,
      startNs: r.start,
    };
    return { ...place, when };
  });
