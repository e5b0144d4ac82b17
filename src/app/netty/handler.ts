/**
 * Handlers and what they are given (io.netty.channel: ChannelInboundHandler, ChannelOutboundHandler,
 * ChannelHandlerContext, ChannelPromise). A handler has the methods it needs; an event skips those without one, as
 * Netty's execution mask does. All run on the channel's event loop, `on`; what they do there holds it up.
 */
import type { Worker } from '../worker.ts';
import type { Sub } from '../setup.ts';
import type { Message } from './byte-buf.ts';
import type { Channel } from './channel.ts';
import type { ChannelException } from './exceptions.ts';

/**
 * Who is told what became of a write. Told on the channel's event loop: `ok` when the kernel has taken the last byte, and
 * not when the channel was closed before. The message's bytes still count as pending then (ChannelOutboundBuffer.remove()).
 */
export interface WritePromise {
  complete(on: Worker, ok: boolean): Sub<void>;
}

/** Something that a handler tells those behind it (userEventTriggered); compared by identity or by `name`. */
export interface UserEvent {
  readonly name: string;
}

/** The peer has sent its FIN, and the channel stays open for writing (ChannelInputShutdownEvent). */
export const INPUT_SHUTDOWN: UserEvent = { name: 'ChannelInputShutdownEvent' };
/** The same once more, when a read after it has brought nothing either: no more will be tried (ChannelInputShutdownReadComplete). */
export const INPUT_SHUTDOWN_READ_COMPLETE: UserEvent = {
  name: 'ChannelInputShutdownReadComplete',
};

export interface ChannelHandler {
  /** It is in a pipeline: as soon as its channel is registered, or at once when that is. */
  handlerAdded?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  /** It is in the pipeline no more: taken out, or its channel is closed. */
  handlerRemoved?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;

  // Inbound: from the head to the tail.
  channelRegistered?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  channelUnregistered?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  channelActive?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  channelInactive?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  channelRead?(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void>;
  channelReadComplete?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  channelWritabilityChanged?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  userEventTriggered?(ctx: ChannelHandlerContext, event: UserEvent, on: Worker): Sub<void>;
  exceptionCaught?(ctx: ChannelHandlerContext, cause: ChannelException, on: Worker): Sub<void>;

  // Outbound: from the tail to the head.
  read?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  write?(
    ctx: ChannelHandlerContext,
    msg: Message,
    promise: WritePromise | null,
    on: Worker,
  ): Sub<void>;
  flush?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
  close?(ctx: ChannelHandlerContext, on: Worker): Sub<void>;
}

/**
 * A handler's place in its pipeline. `fire…` goes on to the next inbound handler; read, write, flush and close to the next
 * outbound one, and may be called on any worker: on another than the channel's event loop they become tasks of that loop
 * (AbstractChannelHandlerContext).
 */
export interface ChannelHandlerContext {
  readonly channel: Channel;
  readonly handler: ChannelHandler;

  fireChannelRegistered(on: Worker): Sub<void>;
  fireChannelUnregistered(on: Worker): Sub<void>;
  fireChannelActive(on: Worker): Sub<void>;
  fireChannelInactive(on: Worker): Sub<void>;
  fireChannelRead(msg: Message, on: Worker): Sub<void>;
  fireChannelReadComplete(on: Worker): Sub<void>;
  fireChannelWritabilityChanged(on: Worker): Sub<void>;
  fireUserEventTriggered(event: UserEvent, on: Worker): Sub<void>;
  fireExceptionCaught(cause: ChannelException, on: Worker): Sub<void>;

  read(on: Worker): Sub<void>;
  write(msg: Message, promise: WritePromise | null, on: Worker): Sub<void>;
  flush(on: Worker): Sub<void>;
  writeAndFlush(msg: Message, promise: WritePromise | null, on: Worker): Sub<void>;
  close(on: Worker): Sub<void>;
}
