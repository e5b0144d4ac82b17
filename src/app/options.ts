/**
 * What can be set on each model: units in the names, integers, and defaults. A scenario's description of an application
 * (sim/scenario) holds these fields and may be given to a model as it is; fields that may be left out there are optional
 * here, with the default beside them.
 */
import type { Target } from './env.ts';

/** Socket options by Linux's names with Linux's plain numbers (on = 1), or a word (TCP_CONGESTION). */
export type SockOpts = Readonly<Record<string, number | string>>;

/** Every server. */
export interface ListenOptions {
  /** Port. */
  readonly listen: number;
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
  /** User CPU time per request. */
  readonly workNs: number;
}

export interface BlockingOptions extends ServeOptions {
  /** A thread per connection, or a pool behind a queue of accepted connections that holds `queue` of them. */
  readonly threads: 'per-connection' | { readonly pool: number; readonly queue: number };
}

export interface EpollOptions extends ServeOptions {
  readonly trigger: 'level' | 'edge';
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

export interface ClientOptions extends ConnectOptions {
  /** In all, over the connections in turn. */
  readonly requests: number;
  /** Bytes. */
  readonly request: number;
  readonly response: number;
  /**
   * Closed: each user waits for its answer, thinks, and asks again. Open: requests are meant for times that no answer
   * moves; a user whose connection is busy then asks late, and the delay counts.
   */
  readonly load:
    | {
        readonly mode: 'closed';
        readonly thinkNs: number;
        readonly think?: 'fixed' | 'exponential';
      }
    | {
        readonly mode: 'open';
        readonly ratePerSec: number;
        readonly arrivals: 'poisson' | 'fixed';
      };
  /** A request without its whole answer after this has failed, and its connection is replaced; null: waits. */
  readonly timeoutNs: number | null;
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
export const EPOLL_DEFAULTS: Omit<EpollOptions, 'listen'> = { ...SERVE, trigger: 'level' };
export const ECHO_DEFAULTS: Omit<ListenOptions, 'listen'> = LISTEN;
export const STALLED_DEFAULTS: Omit<StalledOptions, 'listen' | 'afterBytes' | 'stallNs'> = LISTEN;
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
