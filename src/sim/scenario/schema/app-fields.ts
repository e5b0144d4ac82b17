/** What applications of several models share: where they run, what they listen on or connect to, socket options, framing. */
import { z } from 'zod';
import { FRAME_DEFAULTS, wrongFrame, type FrameOptions } from '../../../app/codec/frame-options.ts';
import type {
  Codec,
  ConnectOptions,
  Framing,
  ServeOptions,
  SockOpts,
  Spread,
} from '../../../app/options.ts';
import { type Amount, isDrawn, meanOf, MOST_DRAWN } from '../../../base/distribution.ts';
import { CONGESTION_CONTROLS } from '../../../tcp/options.ts';
import type { AppSpec, ModelName } from '../types.ts';
import { amount } from './distribution.ts';
import { documented, port, quantity, whole } from './fields.ts';

/** Each model's options, without name and place. */
export type AppBody = {
  [M in ModelName]: Omit<Extract<AppSpec, { model: M }>, 'name' | 'path'>;
}[ModelName];
/** The schema of one model, and of several: told apart by `model:`. */
export type ModelSchema<M extends ModelName> = z.ZodType<Extract<AppBody, { model: M }>> &
  z.core.$ZodTypeDiscriminable;

type Target = ConnectOptions['connect'];

/** One reader for each key. */
export type Fields<T> = { readonly [K in keyof T]: z.ZodType<T[K]> };

// As written, before the keys get the names that models know.
interface Listening {
  host: string;
  listen: number;
  start: number;
  backlog: number;
  read: number;
  sockopt: SockOpts;
}
interface Serving extends Listening {
  pause: number;
  request: number;
  response: number;
  work: Amount | undefined;
  'work-times': Spread | undefined;
}
interface Connecting {
  host: string;
  connect: Target;
  connections: number;
  start: number;
  stagger: number;
  io: 'threads' | 'epoll';
  sockopt: SockOpts;
}

export const GiB = 1_073_741_824;
/** ns, 11 days: what comes so long after the longest run may last (`stop.limit`) is still an exact time. */
export const MOST_TIME: number = MOST_DRAWN;

/** Linux's plain numbers by Linux's names; on and off for switches. What each does: kernel/syscalls/sockopt.ts. */
const SOCKOPTS: Readonly<Record<string, { text: string; max: number; min?: number }>> = {
  SO_RCVBUF: { text: 'Receive buffer, bytes; the kernel doubles it.', max: 0x3fff_ffff },
  SO_SNDBUF: { text: 'Send buffer, bytes; the kernel doubles it.', max: 0x3fff_ffff },
  SO_RCVLOWAT: { text: 'Readable from so many bytes.', max: 0x7fff_ffff },
  SO_KEEPALIVE: { text: 'Probe a silent peer.', max: 1 },
  SO_LINGER: { text: 'Seconds that close() waits; 0 resets the connection.', max: 32_767 },
  SO_BUSY_POLL: {
    text: 'Microseconds for which a read polls the device before it sleeps.',
    max: 0x7fff_ffff,
  },
  SO_PREFER_BUSY_POLL: {
    text: 'Interrupts are put off after that, where napi_defer_hard_irqs and gro_flush_timeout say how.',
    max: 1,
  },
  SO_BUSY_POLL_BUDGET: { text: 'Packets that one look takes; 0: 8.', max: 0xffff },
  SO_MAX_PACING_RATE: {
    text: 'Upper limit of the pacing rate, bytes/s.',
    min: 1,
    max: 0xffff_ffff,
  },
  IP_TOS: { text: 'DS field of what leaves; the ECN bits are TCP’s.', max: 252 },
  SO_REUSEPORT: {
    text: 'Several servers on one port, if all say so: a hash of each connection chooses.',
    max: 1,
  },
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
  const example = String(Math.min(65_536, o.max));
  return whole({ text: o.text, example }, { min: o.min ?? 0, max: o.max });
}

const socketOptions = (text: string): z.ZodType<SockOpts> =>
  documented(
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
    { text },
  );

export const sockopt: z.ZodType<SockOpts> = socketOptions(
  'Socket options by Linux’s names, set before listen() or connect().',
);
export const childSockopt: z.ZodType<SockOpts> = socketOptions(
  'Socket options that are set on each connection once it has been accepted (ServerBootstrap.childOption).',
);

export const host: z.ZodType<string> = documented(z.string(), {
  text: 'The host it runs on.',
  example: 'server',
});
export const bytes = (
  text: string,
  range: { min?: number; max?: number } = {},
): z.ZodType<number> => quantity('bytes', { text }, range);
export const time = (text: string): z.ZodType<number> =>
  quantity('duration', { text }, { max: MOST_TIME });

/** How times spread about their mean. */
export const times = (text: string): z.ZodType<Spread> =>
  documented(
    z.union([
      z.literal(['fixed', 'exponential']),
      z
        .strictObject({
          'hyper-exponential': documented(z.number().min(1).max(1e6), {
            text: 'Squared coefficient of variation, at least 1: a mixture of two exponentials, the long times and the short ones each half of the sum.',
            example: '4',
          }),
        })
        .transform((o) => ({ hyperExponential: o['hyper-exponential'] })),
    ]),
    {
      text: `${text} \`fixed\`: all alike; \`exponential\`, or \`hyper-exponential\` with its C²: drawn for each, with that mean. Default: fixed.`,
      example: 'exponential',
    },
  );

export const listening: Fields<Listening> = {
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

/** What a request costs whoever answers it. */
export const working: Fields<Pick<Serving, 'work' | 'work-times'>> = {
  work: amount('duration', 'User CPU time per request. Default: 0 ms.').optional(),
  'work-times': times('How `work`, a plain time, spreads.').optional(),
};

export const serving: Fields<Serving> = {
  ...listening,
  pause: time('Sleep after each read(). Default: 0 ms.').prefault('0 ms'),
  request: bytes('Bytes of one request; 0 B: a stream that is only read. Default: 0 B.', {
    max: GiB,
  }).prefault('0 B'),
  response: bytes('Bytes of one answer. Default: 0 B.', { max: GiB }).prefault('0 B'),
  ...working,
};

/**
 * A time that is drawn as a distribution says, or spreads about its mean as the key beside it says.
 *
 * @param key  of the time; `<key>-times` is the one beside it
 */
export function spreading(
  key: 'work' | 'think',
  time: Amount | undefined,
  times: Spread | undefined,
  ctx: z.RefinementCtx,
): { readonly mean: number; readonly spread: Spread } {
  const wrong = (message: string, hint: string): void => {
    const path = [`${key}-times`];
    ctx.issues.push({ code: 'custom', message, input: times, path, params: { key: true, hint } });
  };
  if (time === undefined && times !== undefined)
    wrong(`\`${key}-times\` says nothing without \`${key}\``, `add its mean: \`${key}: 10 ms\``);
  if (time === undefined || !isDrawn(time)) return { mean: time ?? 0, spread: times ?? 'fixed' };
  if (times !== undefined)
    wrong(
      `\`${key}\` is a distribution already`,
      `leave out \`${key}-times\`, or write the mean alone: \`${key}: 10 ms\``,
    );
  return { mean: meanOf(time), spread: time };
}

/** `start`, `pause` and `work` under the names that models know. */
export function serve<T extends Pick<Serving, 'start' | 'pause' | 'work' | 'work-times'>>(
  { start, pause, work, 'work-times': workTimes, ...rest }: T,
  ctx: z.RefinementCtx,
): Omit<T, 'start' | 'pause' | 'work' | 'work-times'> &
  Required<Pick<ServeOptions, 'startNs' | 'pauseNs' | 'workNs' | 'work'>> {
  const { mean, spread } = spreading('work', work, workTimes, ctx);
  return { ...rest, startNs: start, pauseNs: pause, workNs: mean, work: spread };
}

/** A key that says nothing beside another one, or without one: 0 is what it is when it is left out. */
export function alien(
  key: string,
  beside: string,
  input: unknown,
  value: unknown,
  ctx: z.RefinementCtx,
  hint?: string,
): void {
  if (value === undefined || value === 0) return;
  const how = beside.startsWith('without ') ? beside : `with \`${beside}\``;
  const message = `\`${key}\` says nothing ${how}`;
  ctx.issues.push({ code: 'custom', message, input, path: [key], params: { key: true, hint } });
}

const FRAMINGS = ['none', 'fixed', 'line', 'length-field', 'json', 'delimiter'] as const;
const ON_LOOPS = [...FRAMINGS, 'sized'] as const;
const apart = (sized: string): string =>
  `How messages are told apart: \`none\`, what one read() brings; \`fixed\`, by \`request:\`;${sized} \`line\`, by line feed; \`length-field\`, four bytes of length before each, or as \`frame:\` says; \`json\`, one object after the other; \`delimiter\`, by the bytes that \`frame:\` gives`;
const SIZED = ' `sized`, each says how long it is and how long an answer it wants;';

/** Of who talks. */
export const framing: z.ZodType<Exclude<Framing, 'sized'>> = documented(z.enum(FRAMINGS), {
  text: `${apart('')}.`,
});

/** Of event loops. */
export const loopFraming: z.ZodType<Framing> = documented(z.enum(ON_LOOPS), {
  text: `${apart(SIZED)}.`,
});

export const loopCodec: z.ZodType<Codec> = documented(z.enum([...ON_LOOPS, 'http']), {
  text: `${apart(SIZED)}; \`http\`, HTTP/1.1: a message is the body of a request, and is answered by a response.`,
});

/** What `codec:` leaves open, in the words of Netty's decoders. */
export const frame: z.ZodType<FrameOptions> = documented(
  z
    .strictObject({
      'max-frame-length': bytes(
        'The longest frame, of a length field with its header; a longer one is skipped, and an error. Default: 1 MiB.',
        { min: 1, max: GiB },
      ).default(FRAME_DEFAULTS.maxFrameLength),
      'length-field-offset': whole(
        { text: 'Bytes in front of the length field. Default: 0.', example: '2' },
        { min: 0, max: 65_535 },
      ).default(FRAME_DEFAULTS.lengthFieldOffset),
      'length-field-length': whole(
        { text: 'Bytes of the length field: 1, 2, 3, 4 or 8. Default: 4.', example: '2' },
        { min: 1, max: 8 },
      ).default(FRAME_DEFAULTS.lengthFieldLength),
      'length-adjustment': whole(
        {
          text: 'Added to the length to get the bytes behind its field: -4 when it counts itself. Default: 0.',
          example: '-4',
        },
        { min: -65_535, max: 65_535 },
      ).default(FRAME_DEFAULTS.lengthAdjustment),
      'initial-bytes-to-strip': whole(
        {
          text: 'Bytes taken off the front of a frame. Default: up to the end of the length field.',
        },
        { min: 0, max: 65_535 },
      ).optional(),
      delimiter: documented(z.string(), {
        text: 'What ends a frame, with `codec: delimiter`. Default: a NUL.',
        example: '"\\r\\n"',
      }).default(FRAME_DEFAULTS.delimiter),
    })
    .transform((f): FrameOptions => ({
      maxFrameLength: f['max-frame-length'],
      lengthFieldOffset: f['length-field-offset'],
      lengthFieldLength: f['length-field-length'],
      lengthAdjustment: f['length-adjustment'],
      initialBytesToStrip: f['initial-bytes-to-strip'] ?? null,
      delimiter: f.delimiter,
    })),
  {
    text: 'What `codec:` leaves open; the words are those of Netty’s decoders.',
    example: '{ length-field-length: 2, max-frame-length: 64 KiB }',
  },
);

const FRAMED: readonly Codec[] = ['line', 'length-field', 'json', 'delimiter'];

/** Keys of `frame:` that one codec alone reads. */
const FRAME_OF: { readonly [K in keyof FrameOptions]?: Codec } = {
  lengthFieldOffset: 'length-field',
  lengthFieldLength: 'length-field',
  lengthAdjustment: 'length-field',
  initialBytesToStrip: 'length-field',
  delimiter: 'delimiter',
};

const written = (key: string): string => key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** Says what is wrong with `frame:` beside that codec: its keys speak of one codec or another. */
export function checkFrame(
  codec: Codec,
  o: FrameOptions | undefined,
  input: unknown,
  ctx: z.RefinementCtx,
): void {
  if (o === undefined) return;
  const say = (message: string, path: string[], hint?: string): void =>
    void ctx.issues.push({ code: 'custom', message, input, path, params: { hint } });
  if (!FRAMED.includes(codec))
    return say(`\`frame\` says nothing with \`codec: ${codec}\``, ['frame']);
  for (const [key, reader] of Object.entries(FRAME_OF) as [keyof FrameOptions, Codec][])
    if (reader !== codec && o[key] !== FRAME_DEFAULTS[key])
      say(
        `\`${written(key)}\` says nothing with \`codec: ${codec}\``,
        ['frame', written(key)],
        `it belongs to \`codec: ${reader}\``,
      );
  const wrong = wrongFrame(codec, o);
  if (wrong !== null) say(wrong.message, ['frame', written(wrong.key)], wrong.hint);
}

export const connectTo: z.ZodType<Target> = documented(
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

export const connecting: Fields<Connecting> = {
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
