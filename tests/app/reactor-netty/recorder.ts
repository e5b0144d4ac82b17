/**
 * Writes down what happens to the connections of a server in the words of the recorded logs: events of the pipeline, signals,
 * states; with the depth of the receiver queue, its demand, autoRead, pending bytes and writability where they have them.
 */
import type { ChannelOperations } from '../../../src/app/reactor-netty/channel-operations.ts';
import type { ConnectionObserver } from '../../../src/app/reactor-netty/connection-observer.ts';
import type { Handler, TcpServer } from '../../../src/app/reactor-netty/tcp-server.ts';
import type { Channel } from '../../../src/app/netty/channel.ts';
import type { ChannelHandler } from '../../../src/app/netty/handler.ts';
import type { Flux } from '../../../src/app/reactive/flux.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import { UNBOUNDED } from '../../../src/app/reactive/demand.ts';

export type LogEvent = Record<string, unknown>;

export class Recorder {
  readonly events: LogEvent[] = [];
  private ops: ChannelOperations | null = null;

  /** The server, watched at every point where the recorded one was. */
  watch(
    server: TcpServer,
    handler: Handler,
    smallest: number | null = null,
    codec: (channel: Channel) => void = () => {},
  ): TcpServer {
    const init = (channel: Channel): void => {
      this.init(channel);
      codec(channel);
    };
    return server
      .doOnChannelInit(init, smallest)
      .childObserve(this.states())
      .handle((inbound, outbound) => {
        this.ops = inbound.connection;
        this.log({ ev: 'handler.apply' });
        return handler(inbound, outbound);
      });
  }

  /** Signals at one place of a chain; a request for `n`, everything else by its name. */
  signals<T>(at: string, flux: Flux<T>): Flux<T> {
    const say = (what: string): (() => void) => {
      return () => this.log({ ev: `${at}.${what}` });
    };
    return flux.peek({
      subscribe: say('onSubscribe'),
      next: say('onNext'),
      error: say('onError'),
      complete: say('onComplete'),
      cancel: say('cancel'),
      request: (n) => this.log({ ev: `${at}.request`, n: n === UNBOUNDED ? 'unbounded' : n }),
    });
  }

  private log(event: LogEvent): void {
    this.events.push(event);
  }

  private state(channel: Channel): LogEvent {
    const { ops } = this;
    const flux = ops === null || ops.isTerminated ? null : ops.fluxReceive;
    return {
      ...(flux === null ? {} : { q: flux.pending, dem: flux.demand }),
      auto: channel.autoRead,
      ...(channel.isActive ? { pend: channel.pendingBytes } : {}),
      wr: channel.isWritable,
    };
  }

  private states(): ConnectionObserver {
    return {
      onStateChange: (connection, state) => {
        this.log({ ev: 'state', s: `[${state}]`, conn: connection.kind });
        return nothing();
      },
    };
  }

  private init(channel: Channel): void {
    channel.pipeline.addLast(this.pipelineEvents());
    const setAutoRead = channel.setAutoRead.bind(channel);
    channel.setAutoRead = (to, on) => {
      if (to !== channel.autoRead)
        this.log({ ev: 'autoRead', to, ...this.state(channel), auto: to });
      return setAutoRead(to, on);
    };
  }

  private pipelineEvents(): ChannelHandler {
    const log = this.log.bind(this);
    const state = this.state.bind(this);
    let reads = 0;
    return {
      *channelActive(ctx, on) {
        log({ ev: 'channelActive' });
        yield* ctx.fireChannelActive(on);
        log({ ev: 'channelActive.done', ...state(ctx.channel) });
      },
      *channelInactive(ctx, on) {
        log({ ev: 'channelInactive', ...state(ctx.channel) });
        yield* ctx.fireChannelInactive(on);
      },
      *channelRead(ctx, msg, on) {
        reads++;
        log({ ev: 'channelRead', n: msg.bytes });
        yield* ctx.fireChannelRead(msg, on);
        log({ ev: 'channelRead.done', ...state(ctx.channel) });
      },
      *channelReadComplete(ctx, on) {
        log({ ev: 'channelReadComplete', reads, ...state(ctx.channel) });
        reads = 0;
        yield* ctx.fireChannelReadComplete(on);
      },
      *read(ctx, on) {
        log({ ev: 'read()' });
        yield* ctx.read(on);
      },
      *write(ctx, msg, promise, on) {
        yield* ctx.write(msg, promise, on);
        log({ ev: 'write', n: msg.bytes, ...state(ctx.channel) });
      },
      *flush(ctx, on) {
        log({ ev: 'flush' });
        yield* ctx.flush(on);
        log({ ev: 'flush.done', ...state(ctx.channel) });
      },
      *close(ctx, on) {
        log({ ev: 'close()', ...state(ctx.channel) });
        yield* ctx.close(on);
      },
    };
  }
}
