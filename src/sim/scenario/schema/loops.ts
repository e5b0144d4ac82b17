/** Servers on event loops: Netty, and Reactor-Netty on top of it. */
import { z } from 'zod';
import type { Amount } from '../../../base/distribution.ts';
import { FRAME_DEFAULTS, misfit, type FrameOptions } from '../../../app/codec/frame-options.ts';
import type { Codec, Framing, Reply, SockOpts, Spread } from '../../../app/options.ts';
import {
  alien,
  bytes,
  checkFrame,
  childSockopt,
  loopCodec,
  frame,
  loopFraming,
  GiB,
  type ModelSchema,
  serve,
  serving,
  time,
} from './app-fields.ts';
import { documented, whole } from './fields.ts';

const waterMark = (text: string, initial: string, min: number) =>
  bytes(`${text} Default: ${initial}.`, { min, max: GiB }).prefault(initial);

/** What the servers on event loops share; Netty's words and Netty's defaults. */
const looping = {
  ...serving,
  backlog: whole(
    { text: 'As given to listen(). Default: 4096, net.core.somaxconn.', example: '4096' },
    { min: 0, max: 0x7fff_ffff },
  ).default(4096),
  'child-sockopt': childSockopt,
  read: bytes(
    'The largest buffer of a read() (AdaptiveRecvByteBufAllocator starts with 2 KiB). Default: 64 KiB.',
    { min: 64, max: GiB },
  ).prefault('64 KiB'),
  loops: whole(
    { text: 'Event loops. Left out: what the framework makes of the cores.', example: '4' },
    { min: 1, max: 1024 },
  ).optional(),
  frame: frame.optional(),
  reply: documented(z.enum(['none', 'answer', 'same', 'upper-case']), {
    text: 'What is sent back for a message: nothing, `response:` bytes, the message, the message in upper case. Default: answer with `codec:` fixed, sized or http, none with the others.',
  }).optional(),
  'max-messages-per-read': whole(
    { text: 'Reads of one channel before the others get their turn. Default: 16.', example: '16' },
    { min: 1, max: 1_000_000 },
  ).default(16),
  'water-marks': documented(
    z
      .strictObject({
        low: waterMark('Writable again below so many bytes: at least 1.', '32 KiB', 1),
        high: waterMark('Not writable above so many bytes.', '64 KiB', 0),
      })
      .prefault({}),
    { text: 'WRITE_BUFFER_WATER_MARK.', example: '{ low: 32 KiB, high: 64 KiB }' },
  ),
  'io-ratio': whole(
    {
      text: 'Percent of a turn that goes to channels; tasks get the rest, at least 64 of them. 100: all tasks, however long they take. Default: 50.',
      example: '50',
    },
    { min: 1, max: 100 },
  ).default(50),
  transport: documented(z.enum(['nio', 'epoll']), {
    text: '`nio`: level-triggered; `epoll`: the native transport of Netty 4.1, edge-triggered. Default: nio.',
  }).default('nio'),
  'read-timeout': time(
    'A connection from which nothing is read for so long is closed (ReadTimeoutHandler). Default: 0 ms, never.',
  ).prefault('0 ms'),
};

/** Who frames messages so waits for answers. */
const ASKING: readonly Codec[] = ['fixed', 'sized', 'http'];

/** What follows from what was left out: a request size means fixed frames that are answered. */
function loopOptions<
  C extends Codec,
  T extends {
    start: number;
    pause: number;
    work: Amount | undefined;
    'work-times': Spread | undefined;
    request: number;
    response: number;
    loops?: number | undefined;
    codec?: C | undefined;
    frame?: FrameOptions | undefined;
    'io-ratio': number;
    reply?: Reply | undefined;
    'child-sockopt': SockOpts;
    'read-timeout': number;
    'max-messages-per-read': number;
    'water-marks': { low: number; high: number };
  },
>(o: T, ctx: z.RefinementCtx) {
  const {
    loops,
    codec: named,
    frame: frames,
    reply,
    'child-sockopt': childOptions,
    'read-timeout': readTimeoutNs,
    'io-ratio': ioRatio,
    'max-messages-per-read': maxMessagesPerRead,
    'water-marks': waterMarks,
    ...rest
  } = serve(o, ctx);
  const how: C | 'fixed' | 'none' = named ?? (o.request > 0 ? 'fixed' : 'none');
  const replies: Reply = reply ?? (ASKING.includes(how) ? 'answer' : 'none');
  const wrong = (message: string, key: string): void =>
    void ctx.issues.push({ code: 'custom', message, input: o, path: [key] });
  if (how === 'fixed' && o.request === 0) wrong('`codec: fixed` needs a `request` size', 'codec');
  if (how !== 'fixed' && o.request > 0)
    wrong(`\`request\` says nothing with \`codec: ${how}\``, 'request');
  if (how === 'sized') {
    alien('response', 'codec: sized', o, o.response, ctx);
    if (replies !== 'answer' && replies !== 'none')
      wrong(`\`reply: ${replies}\` is not what a request with \`codec: sized\` asks for`, 'reply');
  }
  if (replies !== 'answer' && how !== 'sized')
    alien(
      'response',
      `reply: ${replies}`,
      o,
      o.response,
      ctx,
      '`reply: answer` sends so many bytes for each message',
    );
  if (waterMarks.low > waterMarks.high)
    wrong('the low water mark lies above the high one', 'water-marks');
  checkFrame(how, frames, o, ctx);
  const long =
    how === 'length-field' && replies === 'answer'
      ? misfit(o.response, frames ?? FRAME_DEFAULTS)
      : null;
  if (long !== null) wrong(long, 'response');
  return {
    ...rest,
    ...(frames === undefined ? {} : { frame: frames }),
    ioRatio,
    loops: loops ?? null,
    codec: how,
    reply: replies,
    childSockopt: childOptions,
    readTimeoutNs,
    maxMessagesPerRead,
    waterMarks,
  };
}

export const netty: ModelSchema<'netty'> = z
  .strictObject({
    model: z.literal('netty'),
    ...looping,
    codec: loopCodec.optional(),
    'allow-half-closure': documented(z.boolean(), {
      text: 'ALLOW_HALF_CLOSURE: the peer’s FIN ends reading, and what is still to be written is. Default: false, the channel is closed and what waits is lost.',
    }).default(false),
    backpressure: documented(z.enum(['none', 'auto-read']), {
      text: '`auto-read`: a handler turns autoRead off while the channel is not writable. Default: none, as Netty does by itself.',
    }).default('none'),
    offload: documented(
      z.strictObject({
        threads: whole({ text: 'Worker threads.', example: '2' }, { min: 1, max: 100_000 }),
        queue: whole(
          {
            text: 'Messages that may wait for a worker; 0: a message finds an idle worker, or no place.',
            example: '100',
          },
          { min: 0, max: 1_000_000_000 },
        ),
        policy: documented(z.enum(['abort', 'caller-runs', 'discard', 'discard-oldest']), {
          text: 'When the queue is full: the message is lost with an exception, the event loop does the work itself, the message is lost, the one that has waited longest is. Default: abort.',
        }).default('abort'),
      }),
      {
        text: 'Hands the work to a pool of threads instead of doing it on the loop.',
        example: '{ threads: 2, queue: 100 }',
      },
    ).optional(),
  })
  .transform(({ offload, 'allow-half-closure': allowHalfClosure, ...o }, ctx) => ({
    ...loopOptions<Codec, typeof o>(o, ctx),
    allowHalfClosure,
    offload: offload ?? null,
  }));

export const reactive: ModelSchema<'reactive'> = z
  .strictObject({
    model: z.literal('reactive'),
    ...looping,
    codec: loopFraming.optional(),
    form: documented(z.enum(['operator', 'send']), {
      text: '`operator`: receive().flatMap(m -> send(Mono.just(m))); `send`: send(receive()), through MonoSendMany. Default: operator.',
    }).default('operator'),
    operator: documented(z.enum(['flatMap', 'concatMap']), {
      text: 'Which one; with `form: send` the one that waits for `delay`. Default: flatMap.',
    }).optional(),
    concurrency: whole(
      { text: 'flatMap: messages worked on at once. Default: 256.', example: '256' },
      { min: 1, max: 0x7fff_ffff },
    ).optional(),
    delay: time(
      'Time that each message takes elsewhere (Mono.delay) before it is answered; the loop goes on. Default: 0 ms.',
    ).prefault('0 ms'),
  })
  .transform(({ delay, ...o }, ctx) => {
    const operator = o.operator ?? 'flatMap';
    if (o.form === 'send' && delay === 0) {
      const hint =
        'each message goes on to `send` there by itself: only a `delay` takes an operator';
      for (const key of ['operator', 'concurrency'] as const)
        alien(key, 'form: send', o, o[key], ctx, hint);
    } else if (operator === 'concatMap') {
      const hint = 'concatMap works on one message at a time';
      alien('concurrency', 'operator: concatMap', o, o.concurrency, ctx, hint);
    }
    return {
      ...loopOptions<Framing, typeof o>(o, ctx),
      operator,
      concurrency: o.concurrency ?? 256,
      delayNs: delay,
    };
  });
