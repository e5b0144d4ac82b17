/** Arbitrary servers: hostwire's own models, each with the choices that its users have. */
import fc from 'fast-check';
import { type Written, written, writtenOrNothing } from '../world.ts';
import { sockopts } from './hosts.ts';
import { maybe } from './support.ts';
import type { WorkKind } from './workloads.ts';

/** Servers that read, work and answer; `stalled` only reads, and for a while not even that. */
export type ServerModel = 'blocking' | 'epoll' | 'tomcat' | 'netty' | 'reactive' | 'stalled';

/** Who can do what. Messages need a codec, and so an event loop's pipeline. */
const CAN: { readonly [K in WorkKind]: readonly ServerModel[] } = {
  uploads: ['blocking', 'epoll', 'netty', 'reactive', 'stalled'],
  requests: ['blocking', 'epoll', 'netty', 'reactive'],
  http: ['tomcat'],
  messages: ['netty', 'reactive'],
};

export interface ServerChoices {
  /** Only these, of which the first is what shrinks end with. Default: `['blocking', 'epoll', 'netty', 'reactive']`. */
  readonly models?: readonly ServerModel[];
  /**
   * Only servers that answer in the order in which they were asked, as `messages` demands: nothing that hands work to
   * several threads, or waits for several answers at once. Default: false.
   */
  readonly ordered?: boolean;
}

/** Drawn once, read by whichever model it becomes: what does not apply to it is left out. */
const choice = {
  model: fc.nat(59),
  backlog: maybe(fc.constantFrom(2, 1)),
  read: maybe(fc.constantFrom('700 B', '1 B')),
  pause: maybe(fc.constantFrom('1 ms', '300 ms')),
  sockopt: sockopts().map(writtenOrNothing),
  edge: fc.boolean(),
  pool: maybe(
    fc.record({ pool: fc.integer({ min: 1, max: 3 }), queue: fc.integer({ min: 1, max: 4 }) }),
  ),
  loops: maybe(fc.integer({ min: 1, max: 2 })),
  maxMessagesPerRead: maybe(fc.constant(1)),
  // A low mark of 0 is lawful and never reached: Netty is writable again below it, and nothing is below 0.
  waterMarks: maybe(fc.constantFrom({ low: '1 KiB', high: '4 KiB' }, { low: '1 B', high: '2 B' })),
  autoRead: fc.boolean(),
  offload: maybe(
    fc.record({ threads: fc.integer({ min: 1, max: 2 }), queue: fc.constantFrom(4, 1) }),
  ),
  send: fc.boolean(),
  operator: maybe(fc.constant('concatMap')),
  concurrency: maybe(fc.constantFrom(2, 1)),
  delay: maybe(fc.constantFrom('1 ms', '20 ms')),
};
type Choice = {
  readonly [K in keyof typeof choice]: (typeof choice)[K] extends fc.Arbitrary<infer T> ? T : never;
};

/** A server for work of a kind that is drawn beside it. */
export const serverOf: fc.Arbitrary<(kind: WorkKind) => Written> = fc
  .record(choice)
  .map((c) => (kind) => of(CAN[kind], kind === 'messages', c));

function of(models: readonly ServerModel[], ordered: boolean, c: Choice): Written {
  return written(bodyOf(models[c.model % models.length]!, ordered, c));
}

/**
 * A server of hostwire's own on port 80: blocking (a thread per connection, or a pool), epoll (level- and edge-triggered),
 * Netty's event loops, Reactor-Netty's streams; and `tomcat`, where `models` says so, for `requests({ codec: 'http' })`. Shrinks to the first of the models with its defaults.
 *
 *     scenarios({ server: serverModels({ models: ['netty'], ordered: true }), workload: messages() })
 */
export function serverModels(choices: ServerChoices = {}): fc.Arbitrary<Written> {
  const { models = CAN.requests, ordered = false } = choices;
  return fc.record(choice).map((c) => of(models, ordered, c));
}

function bodyOf(model: ServerModel, ordered: boolean, c: Choice): Written {
  const common = {
    model,
    listen: 80,
    // Who is as slow as that lets nobody in for minutes, and a SYN is not sent again for ever (tcp_syn_retries).
    backlog: c.pause === '300 ms' ? undefined : c.backlog,
    sockopt: c.sockopt,
    // One byte at a time with a pause would take for ever and show nothing.
    read: c.pause !== undefined && c.read === '1 B' ? '700 B' : c.read,
  };
  switch (model) {
    case 'blocking':
      return { ...common, pause: c.pause, threads: c.pool };
    case 'epoll':
      return { ...common, pause: c.pause, trigger: c.edge ? 'edge' : undefined };
    case 'stalled':
      return { ...common, after: '3 kB', stall: '2 s' };
    case 'tomcat':
      return tomcat(c);
    case 'netty':
      return {
        ...loop(common, c),
        backpressure: c.autoRead ? 'auto-read' : undefined,
        // The other policies lose messages, and a client that waits for the answer waits for ever.
        offload:
          c.offload === undefined || ordered ? undefined : { ...c.offload, policy: 'caller-runs' },
      };
    case 'reactive': {
      const operator = ordered && c.delay !== undefined ? 'concatMap' : c.operator;
      // Keys that say nothing are refused: to send without a delay takes no operator, and concatMap has no concurrency.
      const operates = !c.send || c.delay !== undefined;
      return {
        ...loop(common, c),
        form: c.send ? 'send' : undefined,
        operator: operates ? operator : undefined,
        concurrency: operates && operator !== 'concatMap' ? c.concurrency : undefined,
        delay: c.delay,
      };
    }
  }
}

/** Limits that make clients wait; those that make them fail are left out, and so is silence that ends a connection. */
function tomcat(c: Choice): Written {
  return {
    model: 'tomcat',
    listen: 80,
    protocol: c.edge ? 'bio' : undefined,
    sockopt: c.sockopt,
    acceptCount: c.backlog,
    maxThreads: c.pool?.pool,
    minSpareThreads: c.loops,
    maxConnections: c.concurrency,
    maxKeepAliveRequests: c.maxMessagesPerRead,
    delay: c.delay,
    connectionTimeout: 'never',
  };
}

/** What the servers on event loops share. */
function loop(common: Written, c: Choice): Written {
  return {
    ...common,
    // The least that an event loop's buffer may be.
    read: common['read'] === '1 B' ? '64 B' : common['read'],
    pause: c.pause,
    loops: c.loops,
    'max-messages-per-read': c.maxMessagesPerRead,
    'water-marks': c.waterMarks,
    transport: c.edge ? 'epoll' : undefined,
  };
}
