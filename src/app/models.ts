/**
 * The models that a scenario can name, and the one function that starts any of them. A model is a generator of system
 * calls: the first thread of a process, which makes the others. `raw` is the exception: a source of frames that has no
 * thread and is plugged in as a device.
 */
import type { Sys, ThreadBody } from '../kernel/syscall.ts';
import { unreachable } from '../base/assert.ts';
import { blockingServer, echoServer } from './blocking/server.ts';
import { stalledServer } from './blocking/stalled.ts';
import type { AppEnv } from './env.ts';
import { epollServer } from './epoll/reader.ts';
import { bulkSender } from './load/bulk.ts';
import { client } from './load/client.ts';
import { slowLoris } from './load/slow-loris.ts';
import { talk } from './load/talk.ts';
import { nettyServer } from './netty/server.ts';
import type {
  BlockingOptions,
  BulkOptions,
  ClientOptions,
  EpollOptions,
  ListenOptions,
  NettyOptions,
  RawOptions,
  ReactiveOptions,
  SlowLorisOptions,
  StalledOptions,
  TalkOptions,
  TomcatOptions,
} from './options.ts';
import type { Probe } from './probe.ts';
import { reactiveServer } from './reactor-netty/server.ts';
import { tomcat } from './tomcat/server.ts';

/** What an application is to the world: it waits for connections, makes them, or sends frames without any. */
export type Role = 'listens' | 'connects' | 'sends';

export interface ModelInfo {
  readonly role: Role;
  /** For lists and help. */
  readonly does: string;
  /** What it counts beside what every application counts (sim/scenario/metrics.ts): 0 when nothing happened. */
  readonly counts?: readonly string[];
}

const LOOP_COUNTS = [
  'reads',
  'read_loops',
  'auto_read_on',
  'auto_read_off',
  'flushes',
  'writability_changed',
];

/** A model's name and its options. A scenario's description of an application may be given as it is. */
export type ThreadApp =
  | ({ readonly model: 'blocking' } & BlockingOptions)
  | ({ readonly model: 'epoll' } & EpollOptions)
  | ({ readonly model: 'tomcat' } & TomcatOptions)
  | ({ readonly model: 'netty' } & NettyOptions)
  | ({ readonly model: 'reactive' } & ReactiveOptions)
  | ({ readonly model: 'talk' } & TalkOptions)
  | ({ readonly model: 'echo' } & ListenOptions)
  | ({ readonly model: 'stalled' } & StalledOptions)
  | ({ readonly model: 'bulk' } & BulkOptions)
  | ({ readonly model: 'client' } & ClientOptions)
  | ({ readonly model: 'slow-loris' } & SlowLorisOptions);
export type App = ThreadApp | ({ readonly model: 'raw' } & RawOptions);

export const MODELS: { readonly [M in App['model']]: ModelInfo } = {
  blocking: {
    role: 'listens',
    does: 'A thread for each connection, or a pool of them behind a bounded queue: read, work, answer.',
  },
  epoll: {
    role: 'listens',
    does: 'One thread with epoll and non-blocking sockets: read, work, answer.',
  },
  tomcat: {
    role: 'listens',
    does: 'HTTP/1.1 on an acceptor, a poller and a pool of threads, as Tomcat; or a thread for each connection, as its BIO.',
    counts: ['rejected', 'timed_out', 'bad_requests'],
  },
  netty: {
    role: 'listens',
    does: 'Event loops with pipelines, as Netty: reads without being asked, writes through an outbound buffer.',
    counts: [...LOOP_COUNTS, 'rejected', 'caller_runs'],
  },
  reactive: {
    role: 'listens',
    does: 'Event loops below Reactive Streams, as Reactor-Netty: reads what was requested.',
    counts: [...LOOP_COUNTS, 'on_next', 'request_calls', 'requested', 'send_request_calls'],
  },
  echo: { role: 'listens', does: 'Sends back what it reads; a thread for each connection.' },
  stalled: {
    role: 'listens',
    does: 'Reads so much, then nothing for a while, then the rest; a thread for each connection.',
  },
  bulk: {
    role: 'connects',
    does: 'Writes so many bytes on each connection, half-closes, waits for the end.',
  },
  client: {
    role: 'connects',
    does: 'Asks and waits for answers: closed loop with think time, open loop, or users who come and leave.',
  },
  'slow-loris': {
    role: 'connects',
    does: 'Begins requests, a few bytes at a time, and never ends them.',
    counts: ['cut'],
  },
  talk: {
    role: 'connects',
    does: 'Sends messages at given gaps and reads what comes back, comparing it byte by byte.',
    counts: ['messages', 'answers', 'mismatched'],
  },
  raw: { role: 'sends', does: 'Frames at given or drawn times, without TCP.' },
};

/** The first thread of the application's process. */
export function startApp(sys: Sys, app: ThreadApp, probe: Probe, env: AppEnv): ThreadBody {
  switch (app.model) {
    case 'blocking':
      return blockingServer(sys, app, probe, env);
    case 'epoll':
      return epollServer(sys, app, probe, env);
    case 'tomcat':
      return tomcat(sys, app, probe, env);
    case 'netty':
      return nettyServer(sys, app, probe, env);
    case 'reactive':
      return reactiveServer(sys, app, probe, env);
    case 'talk':
      return talk(sys, app, probe, env);
    case 'echo':
      return echoServer(sys, app, probe);
    case 'stalled':
      return stalledServer(sys, app, probe);
    case 'bulk':
      return bulkSender(sys, app, probe, env);
    case 'client':
      return client(sys, app, probe, env);
    case 'slow-loris':
      return slowLoris(sys, app, probe, env);
    default:
      return unreachable(app);
  }
}
