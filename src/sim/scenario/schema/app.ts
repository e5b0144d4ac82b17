/** Applications: one schema per model, told apart by `model:`. */
import { z } from 'zod';
import type { Codec, LoopOptions, Reply } from '../../../app/options.ts';
import { CONGESTION_CONTROLS } from '../../../tcp/options.ts';
import type { AppSpec, ModelName } from '../types.ts';
import { documented, onOff, port, quantity, whole } from './fields.ts';
import { userApp } from './user-app.ts';

/** Each model's options, without name and place. */
export type AppBody = {
  [M in ModelName]: Omit<Extract<AppSpec, { model: M }>, 'name' | 'path'>;
}[ModelName];

const GiB = 1_073_741_824;

/** Linux's plain numbers by Linux's names; on and off for switches. What each does: kernel/syscalls/sockopt.ts. */
const SOCKOPTS: Readonly<Record<string, { text: string; max: number; min?: number }>> = {
  SO_RCVBUF: { text: 'Receive buffer, bytes; the kernel doubles it.', max: 0x3fff_ffff },
  SO_SNDBUF: { text: 'Send buffer, bytes; the kernel doubles it.', max: 0x3fff_ffff },
  SO_RCVLOWAT: { text: 'Readable from so many bytes.', max: 0x7fff_ffff },
  SO_KEEPALIVE: { text: 'Probe a silent peer.', max: 1 },
  SO_LINGER: { text: 'Seconds that close() waits; 0 resets the connection.', max: 32_767 },
  SO_REUSEPORT: { text: 'Several listeners on one port.', max: 1 },
  TCP_NODELAY: { text: 'Nagle off.', max: 1 },
  TCP_CORK: { text: 'Only full segments.', max: 1 },
  TCP_MAXSEG: { text: 'Upper limit of the MSS.', min: 88, max: 32_767 },
  TCP_KEEPIDLE: { text: 'Seconds of silence before probes.', min: 1, max: 32_767 },
  TCP_KEEPINTVL: { text: 'Seconds between probes.', min: 1, max: 32_767 },
  TCP_KEEPCNT: { text: 'Unanswered probes.', min: 1, max: 127 },
  TCP_WINDOW_CLAMP: { text: 'Upper limit of the window, bytes.', max: 0x7fff_ffff },
  TCP_QUICKACK: { text: 'Acknowledge at once.', max: 1 },
  TCP_USER_TIMEOUT: {
    text: 'Milliseconds without an acknowledgement before giving up.',
    max: 0x7fff_ffff,
  },
  TCP_NOTSENT_LOWAT: {
    text: 'Unsent bytes above which the socket is not writable.',
    max: 0xffff_ffff,
  },
};

function sockoptValue(o: { text: string; max: number; min?: number }): z.ZodType<number> {
  if (o.max === 1) {
    const onOffOrNumber = z.union([z.literal([0, 1, 'on', 'off']), z.boolean()]);
    const schema = onOffOrNumber.transform((v) => (v === 1 || v === true || v === 'on' ? 1 : 0));
    return documented(schema, { text: o.text, example: '1' });
  }
  return whole({ text: o.text, example: '65536' }, { min: o.min ?? 0, max: o.max });
}

const sockopt = documented(
  z
    .strictObject({
      ...Object.fromEntries(
        Object.entries(SOCKOPTS).map(([name, o]) => [name, sockoptValue(o).optional()]),
      ),
      TCP_CONGESTION: documented(z.enum(CONGESTION_CONTROLS), {
        text: 'Congestion control.',
      }).optional(),
    })
    .transform((map) => map as Record<string, number | string>)
    .prefault({}),
  { text: 'Socket options by Linux’s names, set before listen() or connect().' },
);

const host = documented(z.string(), { text: 'The host it runs on.', example: 'server' });
const bytes = (text: string, range: { min?: number; max?: number } = {}): z.ZodType<number> =>
  quantity('bytes', { text }, range);
const time = (text: string): z.ZodType<number> => quantity('duration', { text });

const listening = {
  host,
  listen: port({ text: 'Port.', example: '8080' }),
  start: time('When it begins to accept; it listens from the beginning. Default: 0 ms.').prefault(
    '0 ms',
  ),
  backlog: whole(
    {
      text: 'As given to listen(); the kernel takes min(backlog, somaxconn). Default: 128.',
      example: '128',
    },
    { min: 0, max: 0x7fff_ffff },
  ).default(128),
  read: bytes('Bytes asked of each read(). Default: 64 KiB.', { min: 1, max: GiB }).prefault(
    '64 KiB',
  ),
  sockopt,
};

const serving = {
  ...listening,
  pause: time('Sleep after each read(). Default: 0 ms.').prefault('0 ms'),
  request: bytes('Bytes of one request; 0 B: a stream that is only read. Default: 0 B.', {
    max: GiB,
  }).prefault('0 B'),
  response: bytes('Bytes of one answer. Default: 0 B.', { max: GiB }).prefault('0 B'),
  work: time('User CPU time per request. Default: 0 ms.').prefault('0 ms'),
};

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

const connectTo = documented(
  z.string().transform((text, ctx) => {
    const m = /^([A-Za-z_][A-Za-z0-9_-]*):(\d{1,5})$/.exec(text.trim());
    const p = m === null ? 0 : Number(m[2]);
    if (m === null || p < 1 || p > 65_535) {
      const hint = 'host and port, e.g. `server:8080`';
      ctx.issues.push({
        code: 'custom',
        message: `\`${text}\` is no address`,
        input: text,
        params: { hint },
      });
      return z.NEVER;
    }
    return { host: m[1]!, port: p };
  }),
  { text: 'Host and port.', example: 'server:8080' },
);

const connecting = {
  host,
  connect: connectTo,
  connections: whole({ text: 'How many. Default: 1.' }, { min: 1, max: 1_000_000 }).default(1),
  start: time('When the first connection is made. Default: 0 ms.').prefault('0 ms'),
  stagger: time('Time between the starts of two connections. Default: 0 ms.').prefault('0 ms'),
  io: documented(z.enum(['threads', 'epoll']), {
    text: 'A blocking thread per connection, or one thread with epoll for all. Default: threads.',
  }).default('threads'),
  sockopt,
};

const blocking = z
  .strictObject({ model: z.literal('blocking'), ...serving, threads })
  .transform(({ start, pause, work, ...rest }) => ({
    ...rest,
    startNs: start,
    pauseNs: pause,
    workNs: work,
  }));

const epoll = z
  .strictObject({
    model: z.literal('epoll'),
    ...serving,
    trigger: documented(z.enum(['level', 'edge']), {
      text: 'EPOLLET or not. Default: level.',
    }).default('level'),
  })
  .transform(({ start, pause, work, ...rest }) => ({
    ...rest,
    startNs: start,
    pauseNs: pause,
    workNs: work,
  }));

const codec = documented(z.enum(['none', 'fixed', 'line', 'length-field', 'json']), {
  text: 'How messages are told apart: `none`, what one read() brings; `fixed`, by `request:`; `line`, by line feed; `length-field`, four bytes of length before each; `json`, one object after the other.',
});
const waterMark = (text: string, initial: string) =>
  bytes(`${text} Default: ${initial}.`, { max: GiB }).prefault(initial);

/** What the servers on event loops share; Netty's words and Netty's defaults. */
const looping = {
  ...serving,
  backlog: whole(
    { text: 'As given to listen(). Default: 4096, net.core.somaxconn.', example: '4096' },
    { min: 0, max: 0x7fff_ffff },
  ).default(4096),
  read: bytes(
    'The largest buffer of a read() (AdaptiveRecvByteBufAllocator starts with 2 KiB). Default: 64 KiB.',
    { min: 64, max: GiB },
  ).prefault('64 KiB'),
  loops: whole(
    { text: 'Event loops. Left out: what the framework makes of the cores.', example: '4' },
    { min: 1, max: 1024 },
  ).optional(),
  codec: codec.optional(),
  reply: documented(z.enum(['none', 'answer', 'same', 'upper-case']), {
    text: 'What is sent back for a message: nothing, `response:` bytes, the message, the message in upper case.',
  }).optional(),
  'max-messages-per-read': whole(
    { text: 'Reads of one channel before the others get their turn. Default: 16.', example: '16' },
    { min: 1, max: 1_000_000 },
  ).default(16),
  'water-marks': documented(
    z
      .strictObject({
        low: waterMark('Writable again below so many bytes.', '32 KiB'),
        high: waterMark('Not writable above so many bytes.', '64 KiB'),
      })
      .prefault({}),
    { text: 'WRITE_BUFFER_WATER_MARK.', example: '{ low: 32 KiB, high: 64 KiB }' },
  ),
  transport: documented(z.enum(['nio', 'epoll']), {
    text: '`nio`: level-triggered; `epoll`: the native transport of Netty 4.1, edge-triggered. Default: nio.',
  }).default('nio'),
};

/** What follows from what was left out: a request size means fixed frames that are answered. */
function loopOptions<
  T extends {
    start: number;
    pause: number;
    work: number;
    request: number;
    loops?: number | undefined;
    codec?: Codec | undefined;
    reply?: Reply | undefined;
    'max-messages-per-read': number;
    'water-marks': { low: number; high: number };
  },
>(
  o: T,
  ctx: z.RefinementCtx,
): Omit<
  T,
  'start' | 'pause' | 'work' | 'max-messages-per-read' | 'water-marks' | 'loops' | 'codec' | 'reply'
> &
  Pick<
    LoopOptions,
    'pauseNs' | 'workNs' | 'loops' | 'codec' | 'reply' | 'maxMessagesPerRead' | 'waterMarks'
  > {
  const {
    start,
    pause,
    work,
    loops,
    codec: named,
    reply,
    'max-messages-per-read': maxMessagesPerRead,
    'water-marks': waterMarks,
    ...rest
  } = o;
  const wrong = (message: string, key: string): void =>
    void ctx.issues.push({ code: 'custom', message, input: o, path: [key] });
  const how = named ?? (o.request > 0 ? 'fixed' : 'none');
  if (how === 'fixed' && o.request === 0) wrong('`codec: fixed` needs a `request` size', 'codec');
  if (how !== 'fixed' && o.request > 0)
    wrong(`\`request\` says nothing with \`codec: ${how}\``, 'request');
  if (waterMarks.low > waterMarks.high)
    wrong('the low water mark lies above the high one', 'water-marks');
  return {
    ...rest,
    startNs: start,
    pauseNs: pause,
    workNs: work,
    loops: loops ?? null,
    codec: how,
    reply: reply ?? (how === 'fixed' ? 'answer' : 'none'),
    maxMessagesPerRead,
    waterMarks,
  };
}

const netty = z
  .strictObject({
    model: z.literal('netty'),
    ...looping,
    backpressure: documented(z.enum(['none', 'auto-read']), {
      text: '`auto-read`: a handler turns autoRead off while the channel is not writable. Default: none, as Netty does by itself.',
    }).default('none'),
    offload: documented(
      z.strictObject({
        threads: whole({ text: 'Worker threads.', example: '2' }, { min: 1, max: 100_000 }),
        queue: whole(
          { text: 'Messages that may wait for a worker.', example: '100' },
          { min: 1, max: 1_000_000_000 },
        ),
        policy: documented(z.enum(['abort', 'caller-runs', 'discard']), {
          text: 'When the queue is full: the message is lost with an exception, the event loop does the work itself, the message is lost. Default: abort.',
        }).default('abort'),
      }),
      {
        text: 'Hands the work to a pool of threads instead of doing it on the loop.',
        example: '{ threads: 2, queue: 100 }',
      },
    ).optional(),
  })
  .transform(({ offload, ...o }, ctx) => ({ ...loopOptions(o, ctx), offload: offload ?? null }));

const reactive = z
  .strictObject({
    model: z.literal('reactive'),
    ...looping,
    form: documented(z.enum(['operator', 'send']), {
      text: '`operator`: receive().flatMap(m -> send(Mono.just(m))); `send`: send(receive()), through MonoSendMany. Default: operator.',
    }).default('operator'),
    operator: documented(z.enum(['flatMap', 'concatMap']), {
      text: 'Which one. Default: flatMap.',
    }).default('flatMap'),
    concurrency: whole(
      { text: 'flatMap: messages worked on at once. Default: 256.', example: '256' },
      { min: 1, max: 0x7fff_ffff },
    ).default(256),
    delay: time(
      'Time that each message takes elsewhere (Mono.delay) before it is answered; the loop goes on. Default: 0 ms.',
    ).prefault('0 ms'),
  })
  .transform(({ delay, ...o }, ctx) => ({ ...loopOptions(o, ctx), delayNs: delay }));

const echo = z
  .strictObject({ model: z.literal('echo'), ...listening })
  .transform(({ start, ...rest }) => ({ ...rest, startNs: start }));

const stalled = z
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

const bulk = z
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

const client = z
  .strictObject({
    model: z.literal('client'),
    ...connecting,
    requests: whole({ text: 'In all, over the connections in turn.' }, { min: 1, max: 1e9 }),
    request: bytes('Bytes of one request.', { min: 1, max: GiB }),
    response: bytes('Bytes of one answer.', { min: 1, max: GiB }),
    mode: documented(z.enum(['closed', 'open']), {
      text: '`closed`: each connection waits for its answer, thinks, asks again. `open`: requests come at their own times. Default: closed.',
    }).default('closed'),
    think: time('closed: pause between an answer and the next request. Default: 0 ms.').optional(),
    'think-times': documented(z.enum(['fixed', 'exponential']), {
      text: 'closed: every pause alike, or drawn with that mean. Default: fixed.',
    }).optional(),
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
  .transform((c, ctx): AppBody => {
    const open = c.mode === 'open';
    const alien = open ? (['think', 'think-times'] as const) : (['rate', 'arrivals'] as const);
    for (const key of alien) {
      if (c[key] === undefined) continue;
      const message = `\`${key}\` says nothing with \`mode: ${c.mode}\``;
      ctx.issues.push({ code: 'custom', message, input: c, path: [key], params: { key: true } });
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

const talk = z
  .strictObject({
    model: z.literal('talk'),
    ...connecting,
    messages: whole({ text: 'On each connection.', example: '100' }, { min: 1, max: 1e9 }),
    codec: codec.default('line'),
    text: documented(z.string(), {
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

const raw = z
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
  .transform((r, ctx): AppBody => {
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

export const MODELS: readonly ModelName[] = [
  'blocking',
  'epoll',
  'netty',
  'reactive',
  'echo',
  'stalled',
  'bulk',
  'client',
  'talk',
  'raw',
  'user',
];
/** Those that put something on a wire of themselves. */
export const SOURCES: readonly ModelName[] = ['bulk', 'client', 'talk', 'raw'];

export const appSchema: z.ZodType<AppBody> = z.discriminatedUnion('model', [
  blocking,
  epoll,
  netty,
  reactive,
  echo,
  stalled,
  bulk,
  client,
  talk,
  raw,
  userApp(host, connectTo),
]);
