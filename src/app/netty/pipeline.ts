/**
 * The handlers of one channel, from the head, where the socket is, to the tail (io.netty.channel.DefaultChannelPipeline,
 * AbstractChannelHandlerContext). Inbound events run towards the tail, outbound ones towards the head.
 *
 * What a handler throws in an inbound event goes to the `exceptionCaught` of that same handler, then on from there. The tail
 * swallows what nobody wanted. Handlers may be put in and taken out while the channel is open: an event that is under way
 * goes on from where it is. Left out: handlers on executors of their own, names of handlers.
 */
import { nothing } from '../reactive/user.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { Message } from './byte-buf.ts';
import type { Channel } from './channel.ts';
import { ChannelException } from './exceptions.ts';
import type { ChannelHandler, ChannelHandlerContext, UserEvent, WritePromise } from './handler.ts';

class Context implements ChannelHandlerContext {
  readonly channel: Channel;
  readonly handler: ChannelHandler;
  prev: Context | null = null;
  next: Context | null = null;

  constructor(channel: Channel, handler: ChannelHandler) {
    this.channel = channel;
    this.handler = handler;
  }

  *fireChannelRegistered(on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.channelRegistered === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.channelRegistered!(ctx, on), on);
  }

  *fireChannelUnregistered(on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.channelUnregistered === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.channelUnregistered!(ctx, on), on);
  }

  *fireChannelActive(on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.channelActive === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.channelActive!(ctx, on), on);
  }

  *fireChannelInactive(on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.channelInactive === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.channelInactive!(ctx, on), on);
  }

  *fireChannelRead(msg: Message, on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.channelRead === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.channelRead!(ctx, msg, on), on);
  }

  *fireChannelReadComplete(on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.channelReadComplete === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.channelReadComplete!(ctx, on), on);
  }

  *fireChannelWritabilityChanged(on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.channelWritabilityChanged === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.channelWritabilityChanged!(ctx, on), on);
  }

  *fireUserEventTriggered(event: UserEvent, on: Worker): Sub<void> {
    let ctx = this.next;
    while (ctx !== null && ctx.handler.userEventTriggered === undefined) ctx = ctx.next;
    if (ctx !== null) yield* ctx.guard(ctx.handler.userEventTriggered!(ctx, event, on), on);
  }

  *fireExceptionCaught(cause: ChannelException, on: Worker): Sub<void> {
    if (this.next !== null) yield* this.next.exceptionCaught(cause, on);
  }

  *read(on: Worker): Sub<void> {
    const { eventLoop } = this.channel;
    if (on !== eventLoop) {
      yield* eventLoop.execute(on, (loop) => this.read(loop));
      return;
    }
    let ctx = this.prev;
    while (ctx !== null && ctx.handler.read === undefined) ctx = ctx.prev;
    if (ctx !== null) yield* ctx.handler.read!(ctx, on);
  }

  *write(msg: Message, promise: WritePromise | null, on: Worker): Sub<void> {
    if (on !== this.channel.eventLoop) yield* this.writeTask(msg, promise, false, on);
    else yield* this.invokeWrite(msg, promise, on);
  }

  *flush(on: Worker): Sub<void> {
    const { eventLoop } = this.channel;
    if (on !== eventLoop) {
      yield* eventLoop.execute(on, (loop) => this.flush(loop));
      return;
    }
    let ctx = this.prev;
    while (ctx !== null && ctx.handler.flush === undefined) ctx = ctx.prev;
    if (ctx !== null) yield* ctx.handler.flush!(ctx, on);
  }

  *writeAndFlush(msg: Message, promise: WritePromise | null, on: Worker): Sub<void> {
    if (on !== this.channel.eventLoop) {
      yield* this.writeTask(msg, promise, true, on);
      return;
    }
    yield* this.invokeWrite(msg, promise, on);
    yield* this.flush(on);
  }

  *close(on: Worker): Sub<void> {
    const { eventLoop } = this.channel;
    if (on !== eventLoop) {
      yield* eventLoop.execute(on, (loop) => this.close(loop));
      return;
    }
    let ctx = this.prev;
    while (ctx !== null && ctx.handler.close === undefined) ctx = ctx.prev;
    if (ctx !== null) yield* ctx.handler.close!(ctx, on);
  }

  private *invokeWrite(msg: Message, promise: WritePromise | null, on: Worker): Sub<void> {
    let ctx = this.prev;
    while (ctx !== null && ctx.handler.write === undefined) ctx = ctx.prev;
    if (ctx !== null) yield* ctx.handler.write!(ctx, msg, promise, on);
  }

  /**
   * AbstractChannelHandlerContext.WriteTask: the message counts as pending from now on, with the task's own size, until the
   * task runs and the message is written.
   */
  private *writeTask(
    msg: Message,
    promise: WritePromise | null,
    flush: boolean,
    on: Worker,
  ): Sub<void> {
    const { channel } = this;
    const size = msg.bytes + WRITE_TASK_OVERHEAD;
    yield* channel.incrementPendingBytes(size, on);
    yield* channel.eventLoop.execute(on, (loop) =>
      this.runWriteTask(size, msg, promise, flush, loop),
    );
  }

  private *runWriteTask(
    size: number,
    msg: Message,
    promise: WritePromise | null,
    flush: boolean,
    on: Worker,
  ): Sub<void> {
    yield* this.channel.decrementPendingBytes(size, on);
    if (flush) yield* this.writeAndFlush(msg, promise, on);
    else yield* this.write(msg, promise, on);
  }

  /** invokeExceptionCaught(): a handler that does not say what to do passes it on. */
  private *exceptionCaught(cause: ChannelException, on: Worker): Sub<void> {
    const { handler } = this;
    if (handler.exceptionCaught === undefined) yield* this.fireExceptionCaught(cause, on);
    else yield* handler.exceptionCaught(this, cause, on);
  }

  /** Runs one of this handler's methods; what it throws becomes its own `exceptionCaught`. */
  private *guard(method: Sub<void>, on: Worker): Sub<void> {
    try {
      yield* method;
    } catch (e) {
      if (!(e instanceof ChannelException)) throw e;
      yield* this.exceptionCaught(e, on);
    }
  }
}

/** io.netty.transport.writeTaskSizeOverhead */
const WRITE_TASK_OVERHEAD = 32;

/** The end of a pipeline at the socket: outbound events become calls on it, and reading goes on by itself (HeadContext). */
const HEAD: Readonly<ChannelHandler> = {
  *channelActive(ctx, on) {
    yield* ctx.fireChannelActive(on);
    if (ctx.channel.autoRead) yield* ctx.channel.read(on);
  },
  *channelReadComplete(ctx, on) {
    yield* ctx.fireChannelReadComplete(on);
    if (ctx.channel.autoRead) yield* ctx.channel.read(on);
  },
  read: (ctx) => ctx.channel.unsafe.beginRead(),
  write: (ctx, msg, promise) => ctx.channel.unsafe.write(msg, promise),
  flush: (ctx) => ctx.channel.unsafe.flush(),
  close: (ctx) => ctx.channel.unsafe.close(),
};

/** The other end: messages and exceptions that come this far are dropped (TailContext logs them). */
const TAIL: Readonly<ChannelHandler> = {};

export class ChannelPipeline {
  private readonly channel: Channel;
  private readonly head: Context;
  private readonly tail: Context;
  /** Handlers have been told that they are there. */
  private registered = false;

  constructor(channel: Channel) {
    this.channel = channel;
    this.head = new Context(channel, HEAD);
    this.tail = new Context(channel, TAIL);
    this.head.next = this.tail;
    this.tail.prev = this.head;
  }

  /**
   * Puts a handler before the tail, as a ChannelInitializer does: it hears of it when the channel is registered. Later
   * `insert` is the one to call.
   *
   * @returns its context
   */
  addLast(handler: ChannelHandler): ChannelHandlerContext {
    if (this.registered) throw new TypeError('addLast: the channel is registered; use insert()');
    return this.link(handler, this.tail.prev!);
  }

  /** Puts a handler into the pipeline of a registered channel: behind `after`, first of all when that is null. */
  *insert(handler: ChannelHandler, after: ChannelHandler | null, on: Worker): Sub<void> {
    const ctx = this.link(handler, after === null ? this.head : this.contextOf(after));
    if (this.registered) yield* handler.handlerAdded?.(ctx, on) ?? nothing();
  }

  /** Takes a handler out. @throws TypeError when it is not there */
  *remove(handler: ChannelHandler, on: Worker): Sub<void> {
    const ctx = this.contextOf(handler);
    // Its own links stay: an event that it is at goes on from there.
    ctx.prev!.next = ctx.next;
    ctx.next!.prev = ctx.prev;
    if (this.registered) yield* handler.handlerRemoved?.(ctx, on) ?? nothing();
  }

  /** One handler in the place of another: the new one is told first. */
  *replace(old: ChannelHandler, handler: ChannelHandler, on: Worker): Sub<void> {
    yield* this.insert(handler, old, on);
    yield* this.remove(old, on);
  }

  /** The handlers, from the head on. */
  *handlers(): Generator<ChannelHandler, void, undefined> {
    for (let ctx = this.head.next!; ctx !== this.tail; ctx = ctx.next!) yield ctx.handler;
  }

  /** The channel has its loop: handlers hear that they are there, then of that (invokeHandlerAddedIfNeeded). */
  *fireChannelRegistered(on: Worker): Sub<void> {
    this.registered = true;
    for (let ctx = this.head.next!; ctx !== this.tail; ctx = ctx.next!)
      yield* ctx.handler.handlerAdded?.(ctx, on) ?? nothing();
    yield* this.head.fireChannelRegistered(on);
  }

  /** The channel is closed: the handlers hear of it and, from the last to the first, that they are taken out (destroy()). */
  *fireChannelUnregistered(on: Worker): Sub<void> {
    yield* this.head.fireChannelUnregistered(on);
    for (let ctx = this.tail.prev!; ctx !== this.head; ctx = ctx.prev!)
      yield* ctx.handler.handlerRemoved?.(ctx, on) ?? nothing();
  }

  private contextOf(handler: ChannelHandler): Context {
    for (let ctx = this.head.next!; ctx !== this.tail; ctx = ctx.next!)
      if (ctx.handler === handler) return ctx;
    throw new TypeError('this handler is not in the pipeline');
  }

  private link(handler: ChannelHandler, before: Context): Context {
    const ctx = new Context(this.channel, handler);
    ctx.prev = before;
    ctx.next = before.next!;
    ctx.next.prev = ctx;
    before.next = ctx;
    return ctx;
  }

  // Inbound events come in at the head, which is a handler like the others.
  fireChannelActive(on: Worker): Sub<void> {
    return HEAD.channelActive!(this.head, on);
  }
  fireChannelInactive(on: Worker): Sub<void> {
    return this.head.fireChannelInactive(on);
  }
  fireChannelRead(msg: Message, on: Worker): Sub<void> {
    return this.head.fireChannelRead(msg, on);
  }
  fireChannelReadComplete(on: Worker): Sub<void> {
    return HEAD.channelReadComplete!(this.head, on);
  }
  fireChannelWritabilityChanged(on: Worker): Sub<void> {
    return this.head.fireChannelWritabilityChanged(on);
  }
  fireUserEventTriggered(event: UserEvent, on: Worker): Sub<void> {
    return this.head.fireUserEventTriggered(event, on);
  }
  fireExceptionCaught(cause: ChannelException, on: Worker): Sub<void> {
    return this.head.fireExceptionCaught(cause, on);
  }

  // Outbound operations start at the tail.
  read(on: Worker): Sub<void> {
    return this.tail.read(on);
  }
  write(msg: Message, promise: WritePromise | null, on: Worker): Sub<void> {
    return this.tail.write(msg, promise, on);
  }
  flush(on: Worker): Sub<void> {
    return this.tail.flush(on);
  }
  writeAndFlush(msg: Message, promise: WritePromise | null, on: Worker): Sub<void> {
    return this.tail.writeAndFlush(msg, promise, on);
  }
  close(on: Worker): Sub<void> {
    return this.tail.close(on);
  }
}
