/**
 * Handlers that notice that nothing happens (io.netty.handler.timeout): a channel that has read nothing, written nothing, or done
 * neither for a while; and one that is closed for it.
 *
 * Time is taken when a read loop is over and when the kernel has taken a write; while a read is being handed on a channel is not
 * idle, however long that takes. Left out: observeOutput, user events (whoever is to hear of it is called).
 */
import type { Sub } from '../setup.ts';
import type { Cancellable, Worker } from '../worker.ts';
import type { Message } from './byte-buf.ts';
import { ChannelException } from './exceptions.ts';
import type { ChannelHandler, ChannelHandlerContext, WritePromise } from './handler.ts';

/** What has not happened (IdleState). */
export type IdleState = 'reader' | 'writer' | 'all';

/** For how long, ns; 0: never mind. */
export interface IdleTimes {
  readonly readerNs: number;
  readonly writerNs: number;
  readonly allNs: number;
}

/** @param first  nothing has happened since the last time either, when it is false */
export type OnIdle = (
  ctx: ChannelHandlerContext,
  state: IdleState,
  first: boolean,
  on: Worker,
) => Sub<void>;

export class IdleStateHandler implements ChannelHandler {
  private readonly times: IdleTimes;
  private readonly onIdle: OnIdle;
  private reading = false;
  private lastRead = 0;
  private lastWrite = 0;
  private readonly first: Record<IdleState, boolean> = { reader: true, writer: true, all: true };
  private readonly timers: Partial<Record<IdleState, Cancellable>> = {};
  private closed = false;

  constructor(times: IdleTimes, onIdle: OnIdle) {
    this.times = times;
    this.onIdle = onIdle;
  }

  *channelActive(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    const now = yield on.sys.clockGettime();
    this.lastRead = now;
    this.lastWrite = now;
    const { readerNs, writerNs, allNs } = this.times;
    if (readerNs > 0) yield* this.watch(ctx, 'reader', readerNs, on);
    if (writerNs > 0) yield* this.watch(ctx, 'writer', writerNs, on);
    if (allNs > 0) yield* this.watch(ctx, 'all', allNs, on);
    yield* ctx.fireChannelActive(on);
  }

  *channelInactive(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    this.closed = true;
    for (const timer of Object.values(this.timers)) timer.cancel();
    yield* ctx.fireChannelInactive(on);
  }

  *channelRead(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    this.reading = true;
    this.first.reader = true;
    this.first.all = true;
    yield* ctx.fireChannelRead(msg, on);
  }

  *channelReadComplete(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    if (this.reading) {
      this.lastRead = yield on.sys.clockGettime();
      this.reading = false;
    }
    yield* ctx.fireChannelReadComplete(on);
  }

  write(
    ctx: ChannelHandlerContext,
    msg: Message,
    promise: WritePromise | null,
    on: Worker,
  ): Sub<void> {
    const { writerNs, allNs } = this.times;
    if (writerNs === 0 && allNs === 0) return ctx.write(msg, promise, on);
    const told: WritePromise = { complete: (there, ok) => this.written(promise, there, ok) };
    return ctx.write(msg, told, on);
  }

  private *written(promise: WritePromise | null, on: Worker, ok: boolean): Sub<void> {
    this.lastWrite = yield on.sys.clockGettime();
    this.first.writer = true;
    this.first.all = true;
    if (promise !== null) yield* promise.complete(on, ok);
  }

  private *watch(ctx: ChannelHandlerContext, state: IdleState, ns: number, on: Worker): Sub<void> {
    if (this.closed) return;
    this.timers[state] = yield* on.schedule(on, (there) => this.look(ctx, state, there), ns);
  }

  /** ReaderIdleTimeoutTask, WriterIdleTimeoutTask, AllIdleTimeoutTask. */
  private *look(ctx: ChannelHandlerContext, state: IdleState, on: Worker): Sub<void> {
    if (this.closed) return;
    const ns = this.times[`${state}Ns`];
    const now = yield on.sys.clockGettime();
    const left = state !== 'writer' && this.reading ? ns : ns - (now - this.since(state));
    if (left > 0) return yield* this.watch(ctx, state, left, on);
    const first = this.first[state];
    this.first[state] = false;
    yield* this.watch(ctx, state, ns, on);
    yield* this.onIdle(ctx, state, first, on);
  }

  private since(state: IdleState): number {
    if (state === 'reader') return this.lastRead;
    return state === 'writer' ? this.lastWrite : Math.max(this.lastRead, this.lastWrite);
  }
}

/** Nothing was read for as long as was allowed. */
export class ReadTimeoutException extends ChannelException {
  override readonly name = 'ReadTimeoutException';
}

/** Closes a channel from which nothing has been read for so long, and says why. */
export class ReadTimeoutHandler extends IdleStateHandler {
  constructor(ns: number) {
    super({ readerNs: ns, writerNs: 0, allNs: 0 }, function* (ctx, _state, _first, on) {
      const why = `nothing was read for ${ns / 1_000_000} ms`;
      yield* ctx.fireExceptionCaught(new ReadTimeoutException(why), on);
      yield* ctx.close(on);
    });
  }
}
