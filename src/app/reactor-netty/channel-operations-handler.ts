/**
 * The last handler of a pipeline, where Netty's events become signals: `reactor.right.reactiveBridge`
 * (reactor.netty.channel.ChannelOperationsHandler, 1.2.2). It has nothing to say about writability: for TCP
 * ChannelOperations.onWritabilityChanged is empty.
 */
import type { Message } from '../netty/byte-buf.ts';
import type { ChannelException } from '../netty/exceptions.ts';
import type { ChannelHandler, ChannelHandlerContext } from '../netty/handler.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { ChannelOperations } from './channel-operations.ts';
import type { Connection, ConnectionObserver } from './connection-observer.ts';
import type { BridgeMeters } from './meters.ts';

export class ChannelOperationsHandler implements ChannelHandler {
  private readonly listener: ConnectionObserver;
  private readonly meters: BridgeMeters;
  private readonly mutant: string | null;
  private ops: ChannelOperations | null = null;
  private ctx: ChannelHandlerContext | null = null;

  constructor(listener: ConnectionObserver, meters: BridgeMeters, mutant: string | null) {
    this.listener = listener;
    this.meters = meters;
    this.mutant = mutant;
  }

  *channelActive(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    this.ctx = ctx;
    yield* this.listener.onStateChange(simpleConnection(ctx), 'connected', on);
    yield* this.configure(on);
  }

  /** Binds new operations to the channel, on its loop: once it is active, and each time that a pool gives it out again. */
  *configure(on: Worker): Sub<void> {
    const ctx = this.ctx!;
    if (this.ops !== null) this.meters.release(this.ops.received);
    // FluxReceive begins with reading turned off.
    yield* ctx.channel.setAutoRead(false, on);
    this.ops = new ChannelOperations(ctx, this.listener, this.meters, this.mutant);
    yield* this.listener.onStateChange(this.ops, 'configured', on);
  }

  *channelRead(_ctx: ChannelHandlerContext, message: Message, on: Worker): Sub<void> {
    // An empty buffer is no message.
    if (message.bytes > 0 && this.ops !== null) yield* this.ops.onInboundNext(message, on);
  }

  *channelInactive(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    const { ops } = this;
    if (ops !== null && !ops.isTerminated) yield* ops.onInboundClose(on);
    else yield* this.listener.onStateChange(simpleConnection(ctx), 'disconnecting', on);
    if (ops !== null) this.meters.release(ops.received);
  }

  *exceptionCaught(ctx: ChannelHandlerContext, cause: ChannelException, on: Worker): Sub<void> {
    const { ops } = this;
    if (ops !== null && !ops.isTerminated) yield* ops.onInboundError(cause, on);
    else if (this.listener.onUncaughtException !== undefined)
      yield* this.listener.onUncaughtException(simpleConnection(ctx), cause, on);
  }
}

/** The channel before anything is bound to it, and after. */
function simpleConnection({ channel }: ChannelHandlerContext): Connection {
  return { kind: 'SimpleConnection', channel, dispose: (on) => channel.close(on) };
}
