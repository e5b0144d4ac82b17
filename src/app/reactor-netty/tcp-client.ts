/**
 * A TCP client above Reactive Streams (reactor.netty.tcp.TcpClient, transport.ClientTransport, 1.2.2), over connections of its
 * own (NewConnectionProvider) or of a pool.
 *
 * Without a pool a connection goes connected → configured → disconnecting; who has asked for it gets it when it is configured, and
 * before others hear so. Left out: TLS, proxies, a resolver that takes time.
 */
import type { Sys } from '../../kernel/syscall.ts';
import type { AppEnv, Target } from '../env.ts';
import { connect, CONNECT_TIMEOUT_NS } from '../netty/connect.ts';
import type { Channel } from '../netty/channel.ts';
import { EventLoopGroup } from '../netty/event-loop.ts';
import { ChannelIoException } from '../netty/exceptions.ts';
import { LoopMeters } from '../netty/meters.ts';
import { channelConfig } from '../netty/server.ts';
import { ThreadWorker } from '../netty/thread-worker.ts';
import { REACTIVE_DEFAULTS, type LoopOptions, type SockOpts } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { ChannelOperations } from './channel-operations.ts';
import { ChannelOperationsHandler } from './channel-operations-handler.ts';
import type { ConnectionObserver } from './connection-observer.ts';
import {
  poolDefaults,
  PooledConnectionProvider,
  type Owner,
  type PoolOptions,
} from './connection-pool.ts';
import { BridgeMeters, receiverQueueBound } from './meters.ts';
import type { Handler } from './tcp-server.ts';

export interface TcpClientOptions {
  readonly sockopt: SockOpts;
  readonly loops: number | null;
  readonly transport: LoopOptions['transport'];
  readonly read: number;
  readonly maxMessagesPerRead: number;
  readonly waterMarks: LoopOptions['waterMarks'];
  readonly connectTimeoutNs: number;
  /** null: each connection is new. Left out: a pool with Reactor-Netty's defaults. */
  readonly pool: Partial<PoolOptions> | null;
}

/** What a client is started with: an `AppContext` of `hostwire/app` is one. */
export interface ClientContext {
  readonly connect: Target;
  readonly probe: Probe;
  readonly env: AppEnv;
}

/** LoopResources.DEFAULT_IO_WORKER_COUNT */
const LEAST_LOOPS = 4;

const QUIET: ConnectionObserver = {
  // oxlint-disable-next-line require-yield
  *onStateChange() {},
};

/** Event loops, and a pool unless there is none: made once, for any number of connections. */
export class TcpClient {
  private readonly context: ClientContext;
  private readonly options: Omit<TcpClientOptions, 'pool'>;
  private readonly loops: EventLoopGroup;
  private readonly loopMeters: LoopMeters;
  private readonly bridgeMeters: BridgeMeters;
  private readonly pool: PooledConnectionProvider | null;
  private readonly main: Worker;
  /** Channels made so far. */
  private opened = 0;

  private constructor(
    sys: Sys,
    context: ClientContext,
    { pool, ...options }: TcpClientOptions,
    loops: EventLoopGroup,
    loopMeters: LoopMeters,
  ) {
    const { probe, env } = context;
    this.context = context;
    this.options = options;
    this.loops = loops;
    this.loopMeters = loopMeters;
    this.bridgeMeters = new BridgeMeters(
      probe,
      receiverQueueBound(options.read, null, options.transport),
    );
    this.main = new ThreadWorker('main', sys, loopMeters.laws);
    this.pool =
      pool === null
        ? null
        : new PooledConnectionProvider(
            { ...poolDefaults(env), ...pool },
            (connection, failed, on) =>
              this.open(connection, (bridge) => (connection.bridge = bridge), failed, on),
            probe,
          );
  }

  /** @param sys of the thread that calls this, and `connect` */
  static *create(
    sys: Sys,
    context: ClientContext,
    options: Partial<TcpClientOptions> = {},
  ): Sub<TcpClient> {
    const { read, maxMessagesPerRead, waterMarks, transport } = REACTIVE_DEFAULTS;
    const o: TcpClientOptions = {
      sockopt: {},
      loops: null,
      transport,
      read,
      maxMessagesPerRead,
      waterMarks,
      connectTimeoutNs: CONNECT_TIMEOUT_NS,
      pool: {},
      ...options,
    };
    const meters = new LoopMeters(context.probe, context.env.mutant);
    const threads = o.loops ?? Math.max(context.env.cpus, LEAST_LOOPS);
    const name = `reactor-tcp-${o.transport}`;
    const loops = yield* EventLoopGroup.open(sys, threads, name, o.transport, meters);
    return new TcpClient(sys, context, o, loops, meters);
  }

  /**
   * Asks for a connection, and applies the handler to it when it is configured: what it returns keeps the connection until it
   * ends, and then it is closed. A handler that has an end of its own in mind gives the connection back: `release()`.
   *
   * @param observer  hears of its states, `configured` after the handler has been applied
   */
  *connect(handler: Handler, observer: ConnectionObserver = QUIET): Sub<void> {
    const { probe } = this.context;
    const owner: Owner = {
      observer,
      *acquired(ops, on) {
        yield* ops.run(handler(ops.inbound, ops.outbound), on);
      },
      *failed(error, on) {
        probe.count('failed', 1);
        if (observer.onConnectFailed !== undefined) yield* observer.onConnectFailed(error, on);
      },
    };
    const { pool } = this;
    const loop = this.loops.next();
    if (pool !== null) {
      yield* loop.execute(this.main, (on) => pool.acquire(owner, on));
      return;
    }
    const own = newConnection(owner);
    const failed = (result: number, on: Worker): Sub<void> =>
      owner.failed(new ChannelIoException('connect', result), on);
    yield* loop.execute(this.main, (on) => this.open(own, () => {}, failed, on));
  }

  private *open(
    observer: ConnectionObserver,
    bridged: (bridge: ChannelOperationsHandler) => void,
    failed: (result: number, on: Worker) => Sub<void>,
    on: Worker,
  ): Sub<void> {
    const { context, options, loopMeters, bridgeMeters } = this;
    const { env, connect: target } = context;
    const config = channelConfig(
      { ...REACTIVE_DEFAULTS, ...options, listen: 0, reply: 'same' },
      false,
      env,
    );
    const init = (channel: Channel): void => {
      channel.ordinal = this.opened++;
      const bridge = new ChannelOperationsHandler(observer, bridgeMeters, env.mutant);
      bridged(bridge);
      channel.pipeline.addLast(bridge);
    };
    const { sockopt, connectTimeoutNs } = options;
    const addr = env.resolve(target.host);
    const o = {
      addr,
      port: target.port,
      sockopt,
      config,
      meters: loopMeters,
      connectTimeoutNs,
      init,
    };
    yield* connect(this.loops.next(), o, (r, there) => done(r, failed, there), on);
  }
}

function* done(
  result: number,
  failed: (result: number, on: Worker) => Sub<void>,
  on: Worker,
): Sub<void> {
  if (result < 0) yield* failed(result, on);
}

/** NewConnectionProvider.NewConnectionObserver: the connection is given over at `configured`, and closed when its handler has ended. */
function newConnection(owner: Owner): ConnectionObserver {
  return {
    *onStateChange(connection, state, on) {
      if (state === 'configured' && connection instanceof ChannelOperations)
        yield* owner.acquired(connection, on);
      if (state === 'disconnecting' && connection.channel.isActive) yield* connection.dispose(on);
      yield* owner.observer.onStateChange(connection, state, on);
    },
    *onUncaughtException(connection, error, on) {
      if (owner.observer.onUncaughtException !== undefined)
        yield* owner.observer.onUncaughtException(connection, error, on);
      yield* connection.dispose(on);
    },
  };
}
