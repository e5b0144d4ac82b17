/** Tomcat's connector, with the names of its attributes (tomcat.apache.org, Configuration Reference, "The HTTP Connector"). */
import { z } from 'zod';
import { TOMCAT_DEFAULTS as DEFAULT } from '../../../app/options.ts';
import {
  bytes,
  GiB,
  host,
  type ModelSchema,
  sockopt,
  spreading,
  time,
  working,
} from './app-fields.ts';
import { documented, port, read, whole } from './fields.ts';

const MS = 1_000_000;
const MOST = 0x7fff_ffff;

function reject(ctx: z.RefinementCtx, input: unknown, message: string, hint: string): never {
  ctx.issues.push({ code: 'custom', message, input, params: { hint } });
  return z.NEVER;
}

/** A whole number, or `unlimited`, where Tomcat takes −1. */
function limit(text: string, example: string): z.ZodType<number | null> {
  const schema = z.union([z.literal('unlimited'), z.int()]).transform((v, ctx) => {
    if (v === 'unlimited') return null;
    if (v >= 1 && v <= MOST) return v;
    const message = `impossible value: \`${v}\`; at least 1`;
    return reject(ctx, v, message, 'no limit, which Tomcat writes as -1, is `unlimited`');
  });
  return documented(schema, { text, example });
}

/** A time that Tomcat counts in milliseconds, or `never`, where it takes −1. */
function patience(text: string): z.ZodType<number | null> {
  const schema = z.union([z.string(), z.number()]).transform((raw, ctx) => {
    if (raw === 'never') return null;
    const ns = read(raw, 'duration', ctx)?.value;
    if (ns === undefined) return z.NEVER;
    if (ns > 0 && ns % MS === 0 && ns <= MOST * MS) return ns;
    const message = `impossible value: \`${raw}\`; Tomcat counts in whole milliseconds, from 1 on`;
    return reject(ctx, raw, message, 'for ever, which Tomcat writes as -1, is `never`');
  });
  return documented(schema, { text, example: '20 s' });
}

const buffer = (text: string): z.ZodType<number> =>
  bytes(`${text} Default: 8 KiB.`, { min: 256, max: GiB }).prefault('8 KiB');

export const tomcat: ModelSchema<'tomcat'> = z
  .strictObject({
    model: z.literal('tomcat'),
    host,
    listen: port({ text: 'Port.', example: '8080' }),
    start: time('When it begins to accept; it listens from the beginning. Default: 0 ms.').prefault(
      '0 ms',
    ),
    sockopt,
    protocol: documented(z.enum(['nio', 'bio']), {
      text: '`nio`: a thread for each request (Tomcat 10.1). `bio`: a thread for each connection (Tomcat 7). Default: nio.',
    }).default('nio'),
    response: bytes('Bytes of the body of one answer. Default: 0 B.', { max: GiB }).prefault('0 B'),
    ...working,
    delay: time(
      'How long each request waits for somebody else, a database say; its thread sleeps. Default: 0 ms.',
    ).prefault('0 ms'),
    acceptCount: whole(
      {
        text: 'As given to listen(): connections that may wait in the kernel, and one more. Default: 100.',
        example: '100',
      },
      { min: 0, max: MOST },
    ).default(DEFAULT.acceptCount),
    maxConnections: limit(
      'Connections that are accepted; at the limit accept() is not called; `unlimited`. Default: 8192; with `bio`, `maxThreads`.',
      '8192',
    ).optional(),
    maxThreads: whole(
      { text: 'Threads of the executor. Default: 200.' },
      { min: 1, max: 100_000 },
    ).default(DEFAULT.maxThreads),
    minSpareThreads: whole(
      {
        text: 'Threads that are made at the start and never end; not more than `maxThreads`. Default: 10.',
      },
      { min: 1, max: 100_000 },
    ).default(DEFAULT.minSpareThreads),
    maxQueueSize: limit(
      'Sockets that may wait for a thread; one more is closed. Default: unlimited.',
      '100',
    ).optional(),
    threadsMaxIdleTime: time(
      'How long a thread above `minSpareThreads` lives without work. Default: 60 s.',
    ).prefault('60 s'),
    connectionTimeout: patience(
      'How long a connection may be silent before its first byte, within a request, or while an answer is not taken; `never`. Default: 60 s, the code’s own; the server.xml that Tomcat ships says 20 s.',
    ).prefault('60 s'),
    keepAliveTimeout: patience(
      'How long a connection may be silent between two requests; `never`. Default: `connectionTimeout`.',
    ).optional(),
    maxKeepAliveRequests: limit(
      'Requests on one connection: the last one is answered with `Connection: close`; `unlimited`. Default: 100.',
      '100',
    ).optional(),
    maxHttpHeaderSize: buffer('Bytes of a request’s head; a longer one is answered with 400.'),
    appReadBufSize: buffer('Bytes asked of each read().'),
    appWriteBufSize: buffer('Bytes given to each write().'),
    disableKeepAlivePercentage: whole(
      {
        text: '`bio`: with more than so many per cent of the threads busy, connections are closed after an answer. Default: 75.',
        example: '75',
      },
      { min: 0, max: 100 },
    ).optional(),
  })
  .transform(({ start, work, 'work-times': workTimes, delay, ...o }, ctx) => {
    const { threadsMaxIdleTime, connectionTimeout, keepAliveTimeout, ...rest } = o;
    const wrong = (key: string, message: string, hint: string): void =>
      void ctx.issues.push({
        code: 'custom',
        message,
        input: o,
        path: [key],
        params: { hint, key: true },
      });
    if (o.protocol === 'nio' && o.disableKeepAlivePercentage !== undefined)
      wrong(
        'disableKeepAlivePercentage',
        '`disableKeepAlivePercentage` says nothing with `protocol: nio`',
        'an idle connection takes no thread there; it is `protocol: bio` that it belongs to',
      );
    const { mean, spread } = spreading('work', work, workTimes, ctx);
    const most = o.protocol === 'bio' ? o.maxThreads : DEFAULT.maxConnections;
    return {
      ...rest,
      startNs: start,
      workNs: mean,
      work: spread,
      delayNs: delay,
      maxConnections: o.maxConnections === undefined ? most : o.maxConnections,
      maxQueueSize: o.maxQueueSize ?? null,
      threadsMaxIdleNs: threadsMaxIdleTime,
      connectionTimeoutNs: connectionTimeout,
      keepAliveTimeoutNs: keepAliveTimeout === undefined ? connectionTimeout : keepAliveTimeout,
      maxKeepAliveRequests:
        o.maxKeepAliveRequests === undefined
          ? DEFAULT.maxKeepAliveRequests
          : o.maxKeepAliveRequests,
      disableKeepAlivePercentage:
        o.disableKeepAlivePercentage ?? DEFAULT.disableKeepAlivePercentage,
    };
  });
