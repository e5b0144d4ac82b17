/**
 * A TCP server above Reactive Streams (reactor.netty.tcp.TcpServer, transport.ServerTransport, resources.LoopResources;
 * 1.2.2): event loops that accept, a pipeline per connection whose last handler is the bridge, and one function that says
 * what becomes of what is received.
 *
 * Left out: TLS, proxy protocol, metrics handlers, unbinding: a server lives as long as its process.
 */
import type { Sys } from '../../kernel/syscall.ts';
import type { AppEnv } from '../env.ts';
import { bind } from '../netty/bootstrap.ts';
import type { Channel } from '../netty/channel.ts';
import { EventLoopGroup } from '../netty/event-loop.ts';
import { LoopMeters } from '../netty/meters.ts';
import { channelConfig } from '../netty/server.ts';
import { REACTIVE_DEFAULTS, type ListenOptions, type LoopOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Publisher } from '../reactive/streams.ts';
import type { Sub } from '../setup.ts';
import { ChannelOperations } from './channel-operations.ts';
import { ChannelOperationsHandler } from './channel-operations-handler.ts';
import { both, type ConnectionObserver } from './connection-observer.ts';
import type { Inbound } from './inbound.ts';
import { BridgeMeters, receiverQueueBound } from './meters.ts';
import type { Outbound } from './outbound.ts';

/**
 * Says what becomes of one connection. Called once for each, on its event loop, before anything is read. The publisher that
 * it returns is subscribed to at once and keeps the connection open: when it completes or fails, the connection is
 * closed; when the connection closes first, it is cancelled. Its elements are ignored.
 */
export type Handler = (inbound: Inbound, outbound: Outbound) => Publisher<unknown>;

/** What a server is started with: an `AppContext` of `hostwire/app` is one. */
export interface ServerContext {
  /** The port, when `port()` does not say. */
  readonly listen: number;
  readonly probe: Probe;
  readonly env: AppEnv;
}

/** Socket and channel options, named as in a scenario. */
export type TcpServerOptions = ListenOptions &
  Pick<LoopOptions, 'childSockopt' | 'loops' | 'maxMessagesPerRead' | 'waterMarks' | 'transport'>;

interface Settings {
  readonly options: LoopOptions;
  readonly handler: Handler | null;
  readonly observer: ConnectionObserver | null;
  readonly init: (channel: Channel) => void;
  /** Bytes of the smallest message that the pipeline makes of the stream; null: it makes none. */
  readonly smallest: number | null;
  readonly realBytes: boolean;
}

/**
 * Describes a server, and starts it. Immutable, as in Reactor-Netty: each method gives a new one.
 *
 * The upper-case server of every introduction, as a module of one's own:
 *
 * ```ts
 * export default app(function* (sys, context) {
 *   const server = TcpServer.create(sys, context).handle((inbound, outbound) =>
 *     inbound.receive().asString().map((s) => s.toUpperCase()).flatMap((s) => outbound.sendString(Mono.just(s))),
 *   );
 *   yield* server.bindNow();
 * });
 * ```
 */
export class TcpServer {
  private readonly sys: Sys;
  private readonly context: ServerContext;
  private readonly settings: Settings;

  private constructor(sys: Sys, context: ServerContext, settings: Settings) {
    this.sys = sys;
    this.context = context;
    this.settings = settings;
  }

  /**
   * A server on the port of `listen:`, with Reactor-Netty's defaults.
   *
   * @param sys of the thread that will call `bindNow`
   * @param options what is to differ from the defaults: backlog 4096, buffers of at most 64 KiB, 16 reads of a connection in
   *   a row, water marks at 32 and 64 KiB, transport nio, one event loop per core and at least four
   */
  static create(
    sys: Sys,
    context: ServerContext,
    options: Partial<TcpServerOptions> = {},
  ): TcpServer {
    return new TcpServer(sys, context, {
      options: { ...REACTIVE_DEFAULTS, listen: options.listen ?? context.listen, ...options },
      handler: null,
      observer: null,
      init: () => {},
      smallest: null,
      realBytes: true,
    });
  }

  port(listen: number): TcpServer {
    return this.with({ options: { ...this.settings.options, listen } });
  }

  /** What becomes of each connection; the last one given counts. */
  handle(handler: Handler): TcpServer {
    return this.with({ handler });
  }

  /**
   * Who hears of each connection's states. A server's handler comes first: at `configured` it has been applied and
   * subscribed to, and when its publisher completes at once, `disconnecting` is told before `configured`.
   */
  childObserve(observer: ConnectionObserver): TcpServer {
    const { observer: known } = this.settings;
    return this.with({ observer: known === null ? observer : both(known, observer) });
  }

  /**
   * Puts handlers into a new channel's pipeline, in front of the bridge: a codec, and `receive()` then gives messages instead of what a read
   * brought.
   *
   * @param smallest bytes of the smallest message with its framing: a decoder hands on all that one read completes,
   *   whatever was requested, and this bounds how many there can be; null: the handlers make no messages
   */
  doOnChannelInit(init: (channel: Channel) => void, smallest: number | null): TcpServer {
    return this.with({ init, smallest });
  }

  /** Reads carry the number of their bytes, not the bytes: for handlers that do not look at them. */
  countBytesOnly(): TcpServer {
    return this.with({ realBytes: false });
  }

  /**
   * Opens the port and starts to accept. The thread that calls it is free then: connections live on the event loops.
   *
   * @throws TypeError when there is no handler
   * @throws ScenarioError when the port is taken or an option is refused
   */
  *bindNow(): Sub<void> {
    const { sys, settings } = this;
    const { probe, env } = this.context;
    const { options } = settings;
    const listener = this.listener();
    const loopMeters = new LoopMeters(probe, env.mutant);
    const bridgeMeters = new BridgeMeters(
      probe,
      receiverQueueBound(options.read, settings.smallest, options.transport),
    );
    const threads = options.loops ?? Math.max(env.cpus, LEAST_LOOPS);
    const name = `reactor-tcp-${options.transport}`;
    const loops = yield* EventLoopGroup.open(
      sys,
      threads,
      name,
      options.transport,
      loopMeters,
      options.ioRatio,
    );
    yield* bind(sys, {
      listen: options,
      childSockopt: options.childSockopt,
      // No selector thread of its own: LoopResources.DEFAULT_IO_SELECT_COUNT is −1.
      parent: loops.next(),
      children: loops,
      config: { ...channelConfig(options, false, env), realBytes: settings.realBytes },
      meters: loopMeters,
      init: (channel) => {
        settings.init(channel);
        channel.pipeline.addLast(new ChannelOperationsHandler(listener, bridgeMeters, env.mutant));
      },
    });
  }

  /** The server's own observer around the handler and, after it, who else wants to hear. */
  private listener(): ConnectionObserver {
    const { handler, observer } = this.settings;
    if (handler === null) throw new TypeError('TcpServer: handle() has not been called');
    const applied = onConnection(handler);
    const { probe } = this.context;
    return childObserver(observer === null ? applied : both(applied, observer), probe);
  }

  private with(change: Partial<Settings>): TcpServer {
    return new TcpServer(this.sys, this.context, { ...this.settings, ...change });
  }
}

/** LoopResources.DEFAULT_IO_WORKER_COUNT: max(availableProcessors, 4), where Netty has twice the processors. */
const LEAST_LOOPS = 4;

/** TcpServer.OnConnectionHandle: applies the handler and subscribes to what it returns, all in `channelActive`. */
function onConnection(handler: Handler): ConnectionObserver {
  return {
    *onStateChange(connection, state, on) {
      if (state !== 'configured' || !(connection instanceof ChannelOperations)) return;
      yield* connection.run(handler(connection.inbound, connection.outbound), on);
    },
  };
}

/** ServerTransport.ChildObserver: closes what is let go or has failed, before anybody else hears of it. */
function childObserver(next: ConnectionObserver, probe: Probe): ConnectionObserver {
  return {
    *onStateChange(connection, state, on) {
      if (state === 'disconnecting' && connection.channel.isActive) yield* connection.dispose(on);
      yield* next.onStateChange(connection, state, on);
    },
    *onUncaughtException(connection, error, on) {
      probe.count('failed', 1);
      if (next.onUncaughtException !== undefined)
        yield* next.onUncaughtException(connection, error, on);
      yield* connection.dispose(on);
    },
  };
}
