/** The client that asks: what it asks for, when, over which connections, and how it reads the answers. */
import { z } from 'zod';
import { SIZED_HEADER } from '../../../app/codec/frame-options.ts';
import type { Load, Trace } from '../../../app/options.ts';
import { isDrawn, rangeOf } from '../../../base/distribution.ts';
import {
  type AppBody,
  bytes,
  connecting,
  GiB,
  type ModelSchema,
  MOST_TIME,
  spreading,
  time,
  times,
} from './app-fields.ts';
import { amount } from './distribution.ts';
import { documented, quantity, whole } from './fields.ts';

type Body = Extract<AppBody, { model: 'client' }>;

const { connections: _, ...places } = connecting;

/** Each is some hundred bytes of this machine's memory. */
const MOST_USERS = 1_000_000;

/** Of requests and answers that are drawn. */
const SIZES = { min: 1, max: GiB };

const fields = z.strictObject({
  model: z.literal('client'),
  ...places,
  connections: whole({ text: 'How many. Default: 1.' }, { min: 1, max: MOST_USERS }).optional(),
  requests: whole(
    {
      text: 'In all, over the connections in turn. With `at`, those of the list by default; with `mode: partly-open`, as many as the users make.',
      example: '1000',
    },
    { min: 1, max: 1e9 },
  ).optional(),
  request: amount(
    'bytes',
    'Bytes of one request; with `codec: http` of its body, and 0 B is a GET. A trace may say them.',
    SIZES,
    { max: GiB },
  ).optional(),
  response: amount(
    'bytes',
    'Bytes of one answer; with `codec: http` of its body. A trace may say them.',
    SIZES,
    { max: GiB },
  ).optional(),
  codec: documented(z.enum(['fixed', 'sized', 'http']), {
    text: '`fixed`: requests all have the size that the server knows of. `sized`: each begins with eight bytes that say how long it is and how long an answer it wants, as a server with `codec: sized` reads it; where a distribution without a least value gives less, it is these eight. `http`: HTTP/1.1 around both; an answer of another status than 2xx or of another size is none, and after one that says `Connection: close` the next request makes a new connection. Default: sized where sizes are drawn, fixed otherwise.',
  }).optional(),
  mode: documented(z.enum(['closed', 'open', 'partly-open']), {
    text: '`closed`: each user waits for its answer, thinks, asks again. `open`: requests come at their own times, and latency is taken from there. `partly-open`: users come at their own times, each asks and thinks until it leaves. Default: closed.',
    source: 'Schroeder, Wierman, Harchol-Balter, NSDI 2006',
  }).default('closed'),
  think: amount(
    'duration',
    'closed, partly-open: pause between an answer and the next request. Default: 0 ms.',
  ).optional(),
  'think-times': times('closed, partly-open: how `think`, a plain time, spreads.').optional(),
  rate: quantity('frequency', {
    text: 'open: requests per second, over all connections. partly-open: users per second.',
  }).optional(),
  arrivals: documented(z.enum(['poisson', 'fixed']), {
    text: 'With `rate`: exponential gaps, or equal ones. Default: poisson.',
  }).optional(),
  at: documented(z.array(time('When a request comes, from `start` on.')).min(1).max(1_000_000), {
    text: 'open, in place of `rate`: when each request comes, from `start` on.',
    example: '[0 ms, 5 ms, 5 ms]',
  }).optional(),
  trace: documented(z.string(), {
    text: 'open, in place of `rate`: a file beside this one with a line for each request, `.csv` or `.ndjson`. Columns or keys: `time`, and if recorded `size`, `answer`, `user` (from 0; left out: in turn). In CSV the first line names them, with units or without (`time ms, size B`).',
    example: './arrivals.csv',
  }).optional(),
  users: whole(
    { text: 'partly-open: how many come, each with a connection of its own.', example: '100' },
    { min: 1, max: MOST_USERS },
  ).optional(),
  leave: quantity(
    'fraction',
    {
      text: 'partly-open: after each answer the user leaves with this probability.',
      example: '20 %',
    },
    { min: 0.0001, max: 1, why: 'from 0.01 % to 100 %' },
  ).optional(),
  timeout: quantity(
    'duration',
    { text: 'A request without an answer after this has failed. Left out: it waits.' },
    { min: 1, max: MOST_TIME, why: 'left out, it waits' },
  ).optional(),
  'requests-per-connection': whole(
    {
      text: 'A connection is closed after so many answers, and the next request makes a new one; 1: a connection for each request. With `codec: http` the last request says `Connection: close`. Left out: connections are kept.',
      example: '100',
    },
    { min: 1, max: 1e9 },
  ).optional(),
  pipeline: whole(
    {
      text: 'Users that share each connection: so many requests may be on it without an answer. Above 1 with `io: epoll`. Default: 1.',
      example: '8',
    },
    { min: 1, max: 100_000 },
  ).default(1),
  read: bytes('Bytes asked of each read(). Default: 64 KiB.', { min: 1, max: GiB }).prefault(
    '64 KiB',
  ),
  pause: time(
    'Sleep after each read() that does not end an answer: a slow reader. Default: 0 ms.',
  ).prefault('0 ms'),
});

type Written = z.output<typeof fields>;

/** A size that is left to the trace, which traces.ts then looks for. */
export const UNSAID = -1;

/** Keys that belong to some modes only. */
const MODES: { readonly [K in keyof Written]?: readonly Written['mode'][] } = {
  think: ['closed', 'partly-open'],
  'think-times': ['closed', 'partly-open'],
  rate: ['open', 'partly-open'],
  arrivals: ['open', 'partly-open'],
  at: ['open'],
  trace: ['open'],
  users: ['partly-open'],
  leave: ['partly-open'],
  connections: ['closed', 'open'],
  requests: ['closed', 'open'],
};

/** Notes what is wrong with the client as a whole, under one of its keys. */
type Say = (
  at: keyof Written | readonly [keyof Written, number],
  message: string,
  hint?: string,
  atKey?: boolean,
) => void;

export const client: ModelSchema<'client'> = fields.transform((c, ctx): Body => {
  const say: Say = (at, message, hint, atKey = false) =>
    void ctx.issues.push({
      code: 'custom',
      message,
      input: c,
      path: typeof at === 'string' ? [at] : [...at],
      params: { key: atKey, ...(hint === undefined ? {} : { hint }) },
    });
  for (const [key, modes] of Object.entries(MODES) as [keyof Written, Written['mode'][]][])
    if (c[key] !== undefined && !modes.includes(c.mode))
      say(key, `\`${key}\` says nothing with \`mode: ${c.mode}\``, undefined, true);
  if (c.pipeline > 1 && c.io !== 'epoll')
    say(
      'pipeline',
      'a blocking thread cannot ask again before it has its answer',
      'add `io: epoll`, or leave `pipeline` out',
    );
  if (c.pipeline > 1 && c.mode === 'partly-open')
    say('pipeline', 'with `mode: partly-open` each user has a connection of its own');
  if (c.mode === 'partly-open' && c.stagger > 0)
    say(
      'stagger',
      '`stagger` says nothing with `mode: partly-open`',
      'users come at their own times: `rate` says how many in a second',
      true,
    );
  const connections = (c.mode === 'partly-open' ? c.users : c.connections) ?? 1;
  if (connections * c.pipeline > MOST_USERS)
    say(
      'pipeline',
      `${connections} connections with ${c.pipeline} users each: that is more than ${MOST_USERS} users`,
    );
  for (const key of ['request', 'response'] as const)
    if (
      c[key] === undefined &&
      (c.trace === undefined || (c.codec === 'http' && key === 'response'))
    )
      say(key, `missing key \`${key}\``, `e.g. \`${key}: 1 kB\``);
  return {
    model: 'client',
    host: c.host,
    connect: c.connect,
    connections,
    requests: requestsOf(c, say),
    request: c.request ?? UNSAID,
    response: c.response ?? UNSAID,
    codec: codecOf(c, say),
    startNs: c.start,
    staggerNs: c.stagger,
    io: c.io,
    load: loadOf(c, say, ctx),
    timeoutNs: c.timeout ?? null,
    requestsPerConnection: c['requests-per-connection'] ?? null,
    pipeline: c.pipeline,
    read: c.read,
    pauseNs: c.pause,
    sockopt: c.sockopt,
  };
});

function requestsOf(c: Written, say: Say): number {
  if (c.mode === 'partly-open') return 0;
  const there = c.at?.length;
  if (c.requests === undefined && there === undefined && c.trace === undefined)
    say('requests', 'missing key `requests`', 'e.g. `requests: 1000`');
  if (c.requests !== undefined && there !== undefined && c.requests > there)
    say('requests', `${c.requests} requests, and times of ${there}`, `at most ${there}`);
  return c.requests ?? there ?? 0;
}

/** Sizes that differ from request to request are told to the server. */
function codecOf(c: Written, say: Say): 'fixed' | 'sized' | 'http' {
  const sizes = ['request', 'response'] as const;
  const drawn = sizes.find((key) => isDrawn(c[key] ?? 0));
  const codec = c.codec ?? (drawn === undefined ? 'fixed' : 'sized');
  if (codec === 'fixed' && drawn !== undefined)
    say(drawn, 'the server would not know where a drawn size ends', 'leave out `codec: fixed`');
  if (codec === 'http') {
    if (isDrawn(c.response ?? 0))
      say(
        'response',
        'a request of HTTP does not say how long an answer it wants',
        'one size, as the server has it; `codec: sized` says one with each request',
      );
    return codec;
  }
  for (const key of sizes)
    if (c[key] === 0)
      say(key, `a ${key} of 0 B is none`, '`codec: http` has requests and answers without a body');
  const { min, max } = rangeOf(c.request ?? SIZED_HEADER);
  // Only what a distribution without a least value gives is made longer (workload.ts): no size that is written.
  const short = min > 0 ? min : max;
  if (codec === 'sized' && short > 0 && short < SIZED_HEADER)
    say(
      'request',
      `${short} bytes hold no header`,
      `with \`codec: sized\` at least ${SIZED_HEADER} B`,
    );
  return codec;
}

function loadOf(c: Written, say: Say, ctx: z.RefinementCtx): Load {
  const { mean, spread } = spreading('think', c.think, c['think-times'], ctx);
  const think = { thinkNs: mean, think: spread };
  const arrivals = c.arrivals ?? 'poisson';
  const ratePerSec = c.rate ?? 0;
  switch (c.mode) {
    case 'closed':
      return { mode: 'closed', ...think };
    case 'open':
      for (const key of ['rate', 'arrivals'] as const)
        for (const given of ['at', 'trace'] as const)
          if (c[key] !== undefined && c[given] !== undefined)
            say(key, `\`${key}\` says nothing beside \`${given}\``, undefined, true);
      if (c.trace !== undefined) return { mode: 'open', trace: EMPTY, file: fileOf(c, say) };
      if (c.at !== undefined) return { mode: 'open', trace: traceOf(c.at, say) };
      if (ratePerSec <= 0)
        say(
          'rate',
          '`mode: open` needs a `rate` above 0',
          'requests per second, e.g. `rate: 500 /s`',
        );
      return { mode: 'open', ratePerSec, arrivals };
    default:
      if (ratePerSec <= 0)
        say(
          'rate',
          '`mode: partly-open` needs a `rate` above 0',
          'users per second, e.g. `rate: 5 /s`',
        );
      if (c.users === undefined)
        say('users', 'missing key `users`', 'how many come, e.g. `users: 100`');
      if (c.leave === undefined)
        say('leave', 'missing key `leave`', 'after five answers on average: `leave: 20 %`');
      return { mode: 'partly-open', ratePerSec, arrivals, leave: c.leave ?? 1, ...think };
  }
}

function traceOf(at: readonly number[], say: Say): Trace {
  const back = at.findIndex((t, i) => i > 0 && t < at[i - 1]!);
  if (back >= 0) say(['at', back], 'times go back');
  return { timesNs: Float64Array.from(at), requests: null, answers: null, users: null };
}

/** Until the file has been read (resolve.ts). */
const EMPTY: Trace = {
  timesNs: new Float64Array(0),
  requests: null,
  answers: null,
  users: null,
};

function fileOf(c: Written, say: Say): string {
  if (c.at !== undefined) say('at', '`at` says nothing beside `trace`', undefined, true);
  if (!/\.(csv|ndjson|jsonl)$/i.test(c.trace!))
    say('trace', `\`${c.trace!}\` is no trace: its name ends in .csv, .ndjson or .jsonl`);
  return c.trace!;
}
