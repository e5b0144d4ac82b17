/**
 * What stands at the end of a server's pipeline: handlers that block, that work and answer, that hand the work to other threads,
 * and that stop reading from a peer who does not read.
 */
import type { LoopOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import type { ConnectionWork } from '../work.ts';
import type { Worker } from '../worker.ts';
import { ByteBuf, type Message } from './byte-buf.ts';
import { RejectedExecutionException, type ChannelException } from './exceptions.ts';
import {
  INPUT_SHUTDOWN,
  type ChannelHandler,
  type ChannelHandlerContext,
  type UserEvent,
  type WritePromise,
} from './handler.ts';
import { replier } from './replies.ts';
import type { ThreadPool } from './thread-pool.ts';

/** Sleeps after each read before it hands it on. Its event loop stands still meanwhile, and all channels of it. */
export class BlockingHandler implements ChannelHandler {
  private readonly pauseNs: number;

  constructor(pauseNs: number) {
    this.pauseNs = pauseNs;
  }

  *channelRead(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    yield on.sys.nanosleep(this.pauseNs);
    yield* ctx.fireChannelRead(msg, on);
  }
}

/**
 * Reads while the channel is writable and no longer: backpressure by hand. Netty itself goes on reading, and what the peer
 * does not take piles up in the outbound buffer.
 */
export class AutoReadHandler implements ChannelHandler {
  *channelWritabilityChanged(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    yield* ctx.channel.setAutoRead(ctx.channel.isWritable, on);
    yield* ctx.fireChannelWritabilityChanged(on);
  }
}

/** What becomes of each message: work, then the answer. Shared by all channels of a server; the handlers are a channel's own. */
export class Business implements WritePromise {
  private readonly reply: (msg: Message) => Message | null;
  private readonly probe: Probe;
  /** A stream that is only read has no requests. */
  private readonly counts: boolean;

  constructor(o: LoopOptions, probe: Probe) {
    this.reply = replier(o);
    this.probe = probe;
    this.counts = o.codec !== 'none' || o.reply !== 'none';
  }

  /** Works for `ns` on the thread it is called on. @returns the answer, null: none */
  *handle(msg: Message, ns: number, on: Worker): Sub<Message | null> {
    if (ns > 0) yield on.sys.compute(ns);
    const answer = this.reply(msg);
    if (answer === null && this.counts) this.probe.count('requests', 1);
    return answer;
  }

  /** An answer has been taken by the kernel, or its channel was closed before. */
  // oxlint-disable-next-line require-yield -- it only counts
  *complete(_on: Worker, ok: boolean): Sub<void> {
    this.probe.count(ok ? 'requests' : 'failed', 1);
  }
}

/** A mistake of the peer, or a connection that broke, ends the connection. */
abstract class ClosingHandler implements ChannelHandler {
  protected readonly business: Business;
  protected readonly work: ConnectionWork;
  private readonly probe: Probe;

  constructor(business: Business, work: ConnectionWork, probe: Probe) {
    this.business = business;
    this.work = work;
    this.probe = probe;
  }

  *exceptionCaught(ctx: ChannelHandlerContext, _cause: ChannelException, on: Worker): Sub<void> {
    this.probe.count('failed', 1);
    yield* ctx.close(on);
  }

  /** With ALLOW_HALF_CLOSURE: the peer sends no more. What is still to be answered is, and then the channel is closed. */
  *userEventTriggered(ctx: ChannelHandlerContext, event: UserEvent, on: Worker): Sub<void> {
    if (event === INPUT_SHUTDOWN) yield* this.closeWhenWritten(ctx, on);
    yield* ctx.fireUserEventTriggered(event, on);
  }

  /** ChannelFutureListener.CLOSE on a message without bytes: it comes after all that has been written. */
  protected *closeWhenWritten(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    yield* ctx.writeAndFlush(NO_BYTES, { complete: (by) => ctx.close(by) }, on);
  }
}

/** Unpooled.EMPTY_BUFFER */
const NO_BYTES = ByteBuf.pattern(0);

/** Works on the event loop; the answers to all messages of a read loop are flushed together, when it ends. */
export class InlineHandler extends ClosingHandler {
  *channelRead(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    const answer = yield* this.business.handle(msg, this.work.next(), on);
    if (answer !== null) yield* ctx.write(answer, this.business, on);
  }

  *channelReadComplete(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    yield* ctx.flush(on);
  }
}

/**
 * Hands each message to a pool of threads, which work and answer: replies may overtake each other. Nothing here stops the
 * reading, and a message that the pool rejects is gone without a word, as in handlers that catch the exception and go on.
 */
export class OffloadHandler extends ClosingHandler {
  private readonly pool: ThreadPool;
  /** Messages that the pool has and has not answered. */
  private underWay = 0;
  /** The peer sends no more. */
  private ended = false;

  constructor(business: Business, work: ConnectionWork, probe: Probe, pool: ThreadPool) {
    super(business, work, probe);
    this.pool = pool;
  }

  *channelRead(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    const ns = this.work.next();
    this.underWay++;
    let taken = false;
    try {
      taken = yield* this.pool.execute(on, (worker) => this.answer(ctx, msg, ns, worker));
    } catch (e) {
      if (!(e instanceof RejectedExecutionException)) throw e;
    }
    if (!taken) this.underWay--;
  }

  private *answer(ctx: ChannelHandlerContext, msg: Message, ns: number, on: Worker): Sub<void> {
    const answer = yield* this.business.handle(msg, ns, on);
    if (answer !== null) yield* ctx.writeAndFlush(answer, this.business, on);
    this.underWay--;
    if (this.ended && this.underWay === 0) yield* super.closeWhenWritten(ctx, on);
  }

  protected override *closeWhenWritten(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    this.ended = true;
    if (this.underWay === 0) yield* super.closeWhenWritten(ctx, on);
  }
}
