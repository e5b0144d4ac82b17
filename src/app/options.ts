/**
 * What can be set on each model: units in the names, integers, and defaults. A scenario's description of an application
 * (sim/scenario) holds these fields and may be given to a model as it is; fields that may be left out there are optional
 * here, with the default beside them.
 */
import type { Amount, Distribution } from '../base/distribution.ts';
import type { FrameOptions } from './codec/frame-options.ts';
import type { Target } from './env.ts';

/** Socket options by Linux's names with Linux's plain numbers (on = 1), or a word (TCP_CONGESTION). */
export type SockOpts = Readonly<Record<string, number | string>>;

/**
 * How times spread about their mean: not at all, as an exponential, or wider (`hyperExponential` is C²: distribution.ts); or
 * a distribution with a mean of its own, which is then told beside it.
 */
export type Spread = 'fixed' | 'exponential' | { readonly hyperExponential: number } | Distribution;

/** Every server. */
export interface ListenOptions {
  /** Port. */
  readonly listen: number;
  /** When it begins to accept, from the start of the run; it listens from the beginning. Default 0. */
  readonly startNs?: number;
  /** As given to listen(2); the kernel takes min(backlog, somaxconn). */
  readonly backlog: number;
  /** Bytes asked of each read(). */
  readonly read: number;
  /** Set on the listening socket before listen(), so that accepted sockets inherit them. */
  readonly sockopt: SockOpts;
}

/** Servers that read a stream, or requests and answer them. */
export interface ServeOptions extends ListenOptions {
  /** Sleep after each read(). */
  readonly pauseNs: number;
  /** Bytes of one request and of its answer; 0: no requests, only a stream that is read. */
  readonly request: number;
  readonly response: number;
  /** User CPU time per request: its mean, and how it spreads (default `fixed`). */
  readonly workNs: number;
  readonly work?: Spread;
}

/** How servers without a pipeline tell requests apart. */
export interface CountingOptions extends ServeOptions {
  /** `fixed` (default): by `request`. `sized`: each says how long it is and how long its answer is to be. */
  readonly codec?: 'fixed' | 'sized';
}

export interface BlockingOptions extends CountingOptions {
  /** A thread per connection, or a pool behind a queue of accepted connections that holds `queue` of them. */
  readonly threads: 'per-connection' | { readonly pool: number; readonly queue: number };
}

/**
 * Tomcat's connector, in its own words (org.apache.coyote.http11.Http11NioProtocol of 10.1, Http11Protocol of 7.0). Requests are
 * HTTP/1.1, with bodies as long as they say. Null: no limit, or for ever.
 */
export interface TomcatOptions
  extends Omit<ListenOptions, 'backlog' | 'read'>, Pick<ServeOptions, 'workNs' | 'work'> {
  /** `bio`, JIoEndpoint: a thread of the executor for each connection. `nio`: for each request. */
  readonly protocol: 'nio' | 'bio';
  /** Bytes of the body of an answer. */
  readonly response: number;
  /** How long each request waits for somebody else; its thread waits with it. */
  readonly delayNs: number;
  /** Given to listen(2) as its backlog. */
  readonly acceptCount: number;
  readonly maxConnections: number | null;
  readonly maxThreads: number;
  readonly minSpareThreads: number;
  readonly maxQueueSize: number | null;
  /** How long threads above minSpareThreads live without work. */
  readonly threadsMaxIdleNs: number;
  /** Whole milliseconds, both. */
  readonly connectionTimeoutNs: number | null;
  readonly keepAliveTimeoutNs: number | null;
  readonly maxKeepAliveRequests: number | null;
  /** Bytes. */
  readonly maxHttpHeaderSize: number;
  readonly appReadBufSize: number;
  readonly appWriteBufSize: number;
  /** bio: with more than this share of the threads busy, answers say `close`; per cent. */
  readonly disableKeepAlivePercentage: number;
}

export interface EpollOptions extends CountingOptions {
  readonly trigger: 'level' | 'edge';
}

/** How messages are told apart in the stream; `none`: what one read() brings is one message. */
export type Framing = 'none' | 'fixed' | 'sized' | 'line' | 'length-field' | 'json' | 'delimiter';
/** A message may have a head as well: then it is the body that is handled. */
export type Codec = Framing | 'http';
/** What is sent back for a message: nothing, an answer of `response` bytes, the message, the message in upper case. */
export type Reply = 'none' | 'answer' | 'same' | 'upper-case';

/** Event loops, alone or below a reactive server. The words and the defaults are Netty's. */
export interface LoopOptions extends ServeOptions {
  // `read` is the largest buffer that a read is given (AdaptiveRecvByteBufAllocator's maximum).
  /** Set on each accepted connection (ServerBootstrap.childOption); `sockopt` is the listener's, and what they inherit of it. */
  readonly childSockopt: SockOpts;
  /** Threads of the worker group; null: what the framework makes of the host's cores. */
  readonly loops: number | null;
  readonly codec: Codec;
  /** What `codec` leaves open; default FRAME_DEFAULTS. */
  readonly frame?: FrameOptions;
  readonly reply: Reply;
  /** Reads of one channel before the others get their turn (MAX_MESSAGES_PER_READ). */
  readonly maxMessagesPerRead: number;
  /** WRITE_BUFFER_WATER_MARK, bytes. */
  readonly waterMarks: { readonly low: number; readonly high: number };
  /** Part of a turn's time that goes to channels, the rest to tasks, 1 … 100; 100: tasks as long as there are any. */
  readonly ioRatio?: number;
  /** `nio` is level-triggered; `epoll`, the native transport of Netty 4.1, edge-triggered. */
  readonly transport: 'nio' | 'epoll';
  /** A connection from which nothing is read for so long is closed (ReadTimeoutHandler); 0: never. */
  readonly readTimeoutNs: number;
}

export interface NettyOptions extends LoopOptions {
  /** The peer's FIN ends reading only, and the channel stays open for writing (ALLOW_HALF_CLOSURE). Default false. */
  readonly allowHalfClosure?: boolean;
  /** Whether a handler turns autoRead off while the channel is not writable. Netty by itself does not. */
  readonly backpressure: 'none' | 'auto-read';
  /** Hands the work to a pool of threads behind a bounded queue, instead of doing it on the loop. */
  readonly offload: {
    readonly threads: number;
    readonly queue: number;
    readonly policy: 'abort' | 'caller-runs' | 'discard' | 'discard-oldest';
  } | null;
}

export interface ReactiveOptions extends LoopOptions {
  // Reactor-Netty has a server of its own for HTTP, and this is not it.
  readonly codec: Framing;
  /**
   * How the handler is written: `receive().operator(m -> send(Mono.just(m)))`, or `send(receive())`, which Reactor-Netty
   * sends through MonoSendMany.
   */
  readonly form: 'operator' | 'send';
  readonly operator: 'flatMap' | 'concatMap';
  /** flatMap: how many messages are worked on at once. */
  readonly concurrency: number;
  /** Time that each message takes on another thread (Mono.delay) before it is answered; the loop goes on meanwhile. */
  readonly delayNs: number;
}

export interface StalledOptions extends ListenOptions {
  /** Bytes read of each connection before it stalls. */
  readonly afterBytes: number;
  readonly stallNs: number;
}

/** Every client. */
export interface ConnectOptions {
  readonly connect: Target;
  readonly connections: number;
  /** When the first connection is made, from the start of the run. */
  readonly startNs: number;
  /** Time between the starts of two connections. */
  readonly staggerNs: number;
  readonly sockopt: SockOpts;
  /** A blocking thread per connection (default), or one thread with epoll for all of them. */
  readonly io?: 'threads' | 'epoll';
}

export interface BulkOptions extends ConnectOptions {
  /** Of each connection. */
  readonly bytes: number;
  /** Bytes given to each write(). */
  readonly write: number;
  /** Half-closes after the last byte and waits for the other end's FIN; otherwise leaves the connections open. */
  readonly close: boolean;
  /** When the first connection begins to write, from the start of the run; null (default): each as soon as it is connected. */
  readonly sendNs?: number | null;
  /** Time between the first writes of two connections, when `sendNs` is given; default 0. */
  readonly sendStaggerNs?: number;
}

/** Arrivals that were recorded: request k came at timesNs[k], which never go back. Columns that are null were not recorded. */
export interface Trace {
  readonly timesNs: Float64Array;
  /** Bytes of request k and of its answer, in place of what the client says. */
  readonly requests: Float64Array | null;
  readonly answers: Float64Array | null;
  /** Whose request it is, below `connections` · `pipeline`; null: in turn. */
  readonly users: Float64Array | null;
}

/**
 * Closed: each user waits for its answer, thinks, and asks again. Open: requests are meant for times that no answer moves; a
 * user whose connection is busy then asks late, and the delay counts. Partly open: users come at times that no answer
 * moves, each asks and thinks as in a closed loop, and leaves for good.
 */
export type Load =
  | { readonly mode: 'closed'; readonly thinkNs: number; readonly think?: Spread }
  | {
      readonly mode: 'open';
      readonly ratePerSec: number;
      readonly arrivals: 'poisson' | 'fixed';
    }
  /** `file`: the name of what it was read from, where it was. */
  | { readonly mode: 'open'; readonly trace: Trace; readonly file?: string }
  | {
      readonly mode: 'partly-open';
      /** Users a second; `connections` of them come in all. */
      readonly ratePerSec: number;
      readonly arrivals: 'poisson' | 'fixed';
      /** After each answer the user leaves with this probability, above 0. */
      readonly leave: number;
      readonly thinkNs: number;
      readonly think?: Spread;
    };

export interface ClientOptions extends ConnectOptions {
  /** In all, over the users in turn. Partly open: without meaning, the users' leaving decides. */
  readonly requests: number;
  /**
   * Bytes of each, with `codec: 'http'` those of the bodies, and a request of 0 is a GET. Drawn requests need `sized` or
   * `http`, drawn answers `sized`, or the server would not know.
   */
  readonly request: Amount;
  readonly response: Amount;
  /**
   * Where a request and an answer end: all have one size (default), each request says how long it is and how long its answer
   * is to be (codec/sized.ts), or there is HTTP/1.1 around both.
   */
  readonly codec?: 'fixed' | 'sized' | 'http';
  readonly load: Load;
  /** A request without its whole answer after this has failed, and its connection is replaced; null: waits. */
  readonly timeoutNs: number | null;
  /** A connection is closed after so many answers, and the next request makes a new one; null (default): never. */
  readonly requestsPerConnection?: number | null;
  /** Users that share each connection: so many requests may be unanswered on it. Above 1 only with `io: epoll`. Default 1. */
  readonly pipeline?: number;
  /** Bytes asked of each read() (default 64 KiB), and the sleep after one that does not end an answer (default 0). */
  readonly read?: number;
  readonly pauseNs?: number;
}

/** Begins requests and never ends them; one thread for all connections. */
export interface SlowLorisOptions extends Omit<ConnectOptions, 'io'> {
  /** What each connection says first, as bytes; then `a` after `a`. */
  readonly text: string;
  /** Bytes of one write(), and the time between two. */
  readonly write: number;
  readonly intervalNs: number;
  /** After so many bytes a connection says no more; null: it goes on. */
  readonly bytes: number | null;
  /** How long each connection is held from its start, however often the server ends it; null: to the end of the run. */
  readonly holdNs: number | null;
}

/** Sends messages and reads what comes back, each with a thread of its own. */
export interface TalkOptions extends ConnectOptions {
  /** Of each connection. */
  readonly messages: number;
  readonly codec: Framing;
  /** What `codec` leaves open; default FRAME_DEFAULTS. */
  readonly frame?: FrameOptions;
  /** What a message says, framing left out; null: `size` bytes of pattern. A `#` stands for the message's number. */
  readonly text: string | null;
  readonly size: number;
  /** Time between two messages; 0: as fast as the connection takes them. */
  readonly gapNs: number;
  /** What must come back: nothing, the same bytes, or the same in upper case. The answers are compared byte by byte. */
  readonly answer: 'none' | 'same' | 'upper-case';
  /** Bytes asked of each read(), and the sleep after it: a slow reader of the answers. */
  readonly read: number;
  readonly pauseNs: number;
}

export interface RawOptions {
  /** The host they go to. */
  readonly to: string;
  /** IP bytes of each frame, headers included. */
  readonly bytes: number;
  readonly when:
    | { readonly kind: 'times'; readonly timesNs: readonly number[] }
    | {
        readonly kind: 'rate';
        readonly arrivals: 'poisson' | 'fixed';
        /** Frames a second. */
        readonly ratePerSec: number;
        readonly count: number;
        readonly startNs: number;
      };
}

// What a scenario need not write. Sizes are what programs commonly use: 64 KiB is the read and write size of the measured
// transfers, 128 the backlog that glibc's SOMAXCONN was for most of its life.
const LISTEN = { backlog: 128, read: 65_536, sockopt: {} };
const SERVE = { ...LISTEN, pauseNs: 0, request: 0, response: 0, workNs: 0 };
const CONNECT = { connections: 1, startNs: 0, staggerNs: 0, sockopt: {}, io: 'threads' } as const;

export const BLOCKING_DEFAULTS: Omit<BlockingOptions, 'listen'> = {
  ...SERVE,
  threads: 'per-connection',
};
/**
 * The code's own defaults, those of a connector without attributes. The server.xml that Tomcat ships writes `connectionTimeout`
 * into it, 20 s (conf/server.xml); Spring Boot leaves it as it is here.
 */
export const TOMCAT_DEFAULTS: Omit<TomcatOptions, 'listen'> = {
  sockopt: {},
  protocol: 'nio',
  response: 0,
  workNs: 0,
  delayNs: 0,
  acceptCount: 100,
  maxConnections: 8192,
  maxThreads: 200,
  minSpareThreads: 10,
  maxQueueSize: null,
  threadsMaxIdleNs: 60_000_000_000,
  connectionTimeoutNs: 60_000_000_000,
  keepAliveTimeoutNs: 60_000_000_000,
  maxKeepAliveRequests: 100,
  maxHttpHeaderSize: 8192,
  appReadBufSize: 8192,
  appWriteBufSize: 8192,
  disableKeepAlivePercentage: 75,
};
export const EPOLL_DEFAULTS: Omit<EpollOptions, 'listen'> = { ...SERVE, trigger: 'level' };
const LOOP = {
  ...SERVE,
  // Netty listens with net.core.somaxconn (NetUtil.SOMAXCONN).
  backlog: 4096,
  childSockopt: {},
  loops: null,
  codec: 'none',
  reply: 'none',
  maxMessagesPerRead: 16,
  waterMarks: { low: 32_768, high: 65_536 },
  transport: 'nio',
  readTimeoutNs: 0,
} as const;
export const NETTY_DEFAULTS: Omit<NettyOptions, 'listen'> = {
  ...LOOP,
  backpressure: 'none',
  offload: null,
};
export const REACTIVE_DEFAULTS: Omit<ReactiveOptions, 'listen'> = {
  ...LOOP,
  form: 'operator',
  operator: 'flatMap',
  concurrency: 256,
  delayNs: 0,
};
export const TALK_DEFAULTS: Omit<TalkOptions, 'connect' | 'messages'> = {
  ...CONNECT,
  codec: 'line',
  text: null,
  size: 0,
  gapNs: 0,
  answer: 'none',
  read: 65_536,
  pauseNs: 0,
};
export const ECHO_DEFAULTS: Omit<ListenOptions, 'listen'> = LISTEN;
export const STALLED_DEFAULTS: Omit<StalledOptions, 'listen' | 'afterBytes' | 'stallNs'> = LISTEN;
const { io: _, ...CONNECT_ONE_WAY } = CONNECT;
export const SLOW_LORIS_DEFAULTS: Omit<SlowLorisOptions, 'connect' | 'intervalNs'> = {
  ...CONNECT_ONE_WAY,
  text: 'GET / HTTP/1.1\r\nHost: server\r\nX-a: ',
  write: 1,
  bytes: null,
  holdNs: null,
};
export const BULK_DEFAULTS: Omit<BulkOptions, 'connect' | 'bytes'> = {
  ...CONNECT,
  write: 65_536,
  close: true,
  sendNs: null,
  sendStaggerNs: 0,
};
export const CLIENT_DEFAULTS: Omit<ClientOptions, 'connect' | 'requests' | 'request' | 'response'> =
  {
    ...CONNECT,
    load: { mode: 'closed', thinkNs: 0 },
    timeoutNs: null,
  };
