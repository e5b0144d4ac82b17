/**
 * A channel's side of the socket (io.netty.channel.Channel.Unsafe, AbstractChannel.AbstractUnsafe): what the head of the
 * pipeline calls and the event loop tells. How reading is asked for and goes on differs by transport: nio-unsafe.ts,
 * epoll-unsafe.ts. All of it runs on the channel's event loop.
 *
 * The end of the stream closes the channel, and what is still in the outbound buffer fails, unless ALLOW_HALF_CLOSURE is on:
 * then it is an event, and the channel goes on writing. Left out: SO_LINGER's executor.
 */
import * as k from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { ByteBuf, type Message } from './byte-buf.ts';
import type { Channel, ChannelConfig } from './channel.ts';
import { ChannelIoException } from './exceptions.ts';
import { BUFFER_FULL, SPIN_USED_UP, Writer } from './flush.ts';
import { INPUT_SHUTDOWN, INPUT_SHUTDOWN_READ_COMPLETE, type WritePromise } from './handler.ts';
import { OutboundBuffer } from './outbound-buffer.ts';
import { isTableSize, type RecvAllocator } from './recv-allocator.ts';
import type { Selectable, SelectionKey } from './selection-key.ts';

export abstract class Unsafe implements Selectable {
  /** null once the channel is closed: writes fail then. */
  outbound: OutboundBuffer | null;
  protected readonly channel: Channel;
  protected readonly config: ChannelConfig;
  protected readonly alloc: RecvAllocator;
  /** Reading was asked for, and nothing has been read since. */
  protected readPending = false;
  private registered: SelectionKey | null = null;
  private readonly writer: Writer;
  private inFlush = false;
  /** Who waits for connect(2) to end. */
  private connecting: ((result: number, on: Worker) => Sub<void>) | null = null;
  private inputShutdown = false;
  private inputClosedSeen = false;
  private readonly closeListeners = new Set<(on: Worker) => Sub<void>>();

  /** @param sndbuf SO_SNDBUF of the socket */
  constructor(channel: Channel, sndbuf: number) {
    this.channel = channel;
    this.config = channel.config;
    this.alloc = channel.config.recvAllocator(channel.config.maxMessagesPerRead);
    this.outbound = new OutboundBuffer(channel.config.waterMarks, channel.meters);
    this.writer = new Writer(channel.fd, sndbuf);
  }

  /** Its descriptor has `events`, and is connected. */
  protected abstract onEvents(events: number): Sub<void>;
  /** Reading is wanted (doBeginRead()). */
  abstract beginRead(): Sub<void>;
  /** Interest when the channel is registered. */
  protected abstract readonly initialInterest: number;
  /** Whether the transport believes that the socket holds more. */
  protected abstract maybeMoreToRead(): boolean;
  /** After a read loop. */
  protected abstract finallyRead(): Sub<void>;

  get open(): boolean {
    return this.outbound !== null;
  }

  *ready(events: number): Sub<void> {
    if (this.connecting !== null) yield* this.finishConnect();
    else yield* this.onEvents(events);
  }

  /**
   * connect(2) was called and has not ended: in the loop's interest list until it has (AbstractNioUnsafe.connect).
   *
   * @param connected  is told how it ended, 0 or −errno, before `channelActive`
   */
  *registerConnecting(connected: (result: number, on: Worker) => Sub<void>): Sub<void> {
    const { channel } = this;
    this.connecting = connected;
    const interest = this.initialInterest | k.EPOLLOUT;
    this.registered = yield* channel.eventLoop.register(channel.fd, this, interest);
  }

  /** The connection has come about, or has failed; without an event: it took too long. */
  *finishConnect(timeout = false): Sub<void> {
    const { channel, connecting } = this;
    if (connecting === null) return;
    const loop = channel.eventLoop;
    const error = timeout
      ? k.ETIMEDOUT
      : yield loop.sys.getsockopt(channel.fd, k.SOL_SOCKET, k.SO_ERROR);
    this.connecting = null;
    yield* connecting(-error, loop);
    if (error !== 0) return yield* this.abandon();
    yield* this.unwant(k.EPOLLOUT);
    yield* channel.pipeline.fireChannelActive(loop);
  }

  /** It never was active: closed without a word to the handlers. */
  private *abandon(): Sub<void> {
    const { outbound, channel } = this;
    const loop = channel.eventLoop;
    this.outbound = null;
    loop.deregister(this.registered!);
    yield loop.sys.close(channel.fd);
    yield* outbound!.fail(loop);
  }

  /** In the loop's interest list for life, then `channelActive` (register0()). */
  *register(): Sub<void> {
    const { channel } = this;
    const loop = channel.eventLoop;
    this.registered = yield* loop.register(channel.fd, this, this.initialInterest);
    yield* channel.pipeline.fireChannelRegistered(loop);
    yield* channel.pipeline.fireChannelActive(loop);
  }

  /** autoRead has been turned off (autoReadCleared()). */
  *autoReadCleared(): Sub<void> {
    this.readPending = false;
    yield* this.unwant(k.EPOLLIN);
  }

  *write(msg: Message, promise: WritePromise | null): Sub<void> {
    const { outbound } = this;
    if (outbound === null) {
      if (promise !== null) yield* promise.complete(this.channel.eventLoop, false);
    } else if (outbound.add(msg, promise)) yield* this.channel.writabilityChanged();
  }

  *flush(): Sub<void> {
    if (this.outbound?.addFlush() !== true) return;
    this.channel.meters.probe.count('flushes', 1);
    // A flush that waits for EPOLLOUT goes on with its event.
    if (!this.wants(k.EPOLLOUT)) yield* this.flush0();
  }

  /** Writes what is flushed; not from inside itself. Called by the loop's EPOLLOUT too (forceFlush()). */
  protected *flush0(): Sub<void> {
    const { outbound } = this;
    if (this.inFlush || outbound === null || outbound.isEmpty) return;
    const loop = this.channel.eventLoop;
    this.inFlush = true;
    const end = yield* this.writer.write(outbound, loop, () => this.channel.writabilityChanged());
    this.inFlush = false;
    if (end < 0) yield* this.close();
    else if (end !== BUFFER_FULL) yield* this.unwant(k.EPOLLOUT);
    else if (this.config.mutant !== 'lost-epollout') yield* this.want(k.EPOLLOUT);
    // The others first, then this one again.
    if (end === SPIN_USED_UP) yield* loop.execute(loop, () => this.flush0());
  }

  /**
   * One read loop: read and hand on, again while the transport and the limit allow it, then `channelReadComplete`. The end of
   * the stream and errors close the channel.
   */
  protected *readLoop(): Sub<void> {
    const { channel, alloc } = this;
    const loop = channel.eventLoop;
    alloc.reset();
    let n: number;
    do n = yield* this.readOnce();
    while (n > 0 && this.open && alloc.continueReading(channel.autoRead, this.maybeMoreToRead()));
    this.endOfLoop();
    yield* channel.pipeline.fireChannelReadComplete(loop);
    if (n < 0 && n !== -k.EAGAIN)
      yield* channel.pipeline.fireExceptionCaught(new ChannelIoException('read', n), loop);
    if (n === 0) yield* this.closeOnRead();
    else if (n < 0 && n !== -k.EAGAIN) yield* this.close();
    if (this.open) yield* this.finallyRead();
  }

  /**
   * AbstractNioByteChannel.closeOnRead(): the end of the stream closes the channel, or with ALLOW_HALF_CLOSURE its reading
   * side only. A read after that brings the end once more; then nothing more is tried.
   */
  private *closeOnRead(): Sub<void> {
    const { channel } = this;
    const loop = channel.eventLoop;
    if (!this.config.allowHalfClosure) {
      yield* this.close();
    } else if (!this.inputShutdown) {
      this.inputShutdown = true;
      yield loop.sys.shutdown(channel.fd, k.SHUT_RD);
      yield* channel.pipeline.fireUserEventTriggered(INPUT_SHUTDOWN, loop);
    } else if (!this.inputClosedSeen) {
      this.inputClosedSeen = true;
      this.readPending = false;
      yield* this.unwant(k.EPOLLIN);
      yield* channel.pipeline.fireUserEventTriggered(INPUT_SHUTDOWN_READ_COMPLETE, loop);
    }
  }

  /** Reading is over: the peer's FIN has been seen twice (shouldBreakReadReady()). */
  protected get readingOver(): boolean {
    return this.inputClosedSeen;
  }

  /** @returns what read(2) returned */
  private *readOnce(): Sub<number> {
    const { channel, alloc } = this;
    const { probe } = channel.meters;
    const loop = channel.eventLoop;
    const size = alloc.guess;
    probe.require('closed-form', isTableSize(size), () => `a buffer of ${size} bytes is given`);
    const into = this.config.realBytes ? loop.scratch(size) : null;
    const n = yield loop.sys.read(channel.fd, size, into);
    alloc.lastBytesRead(n, size);
    if (n >= 0) this.readPending = false;
    if (n > 0) {
      probe.count('reads', 1);
      const msg = into === null ? ByteBuf.pattern(n) : ByteBuf.of(into.slice(0, n));
      yield* channel.pipeline.fireChannelRead(msg, loop);
    }
    return n;
  }

  private endOfLoop(): void {
    const { alloc } = this;
    const { probe } = this.channel.meters;
    const most = this.config.maxMessagesPerRead;
    alloc.readComplete();
    probe.count('read_loops', 1);
    probe.require(
      'closed-form',
      alloc.messages <= most,
      () => `${alloc.messages} reads in one loop, the limit is ${most}`,
    );
  }

  /** AbstractUnsafe.close(): the descriptor, the close listeners, the writes that fail, and later `channelInactive`. */
  *close(): Sub<void> {
    const { channel, outbound } = this;
    const loop = channel.eventLoop;
    if (outbound === null) return;
    this.outbound = null;
    loop.deregister(this.registered!);
    yield loop.sys.close(channel.fd);
    for (const listener of this.closeListeners) yield* listener(loop);
    this.closeListeners.clear();
    yield* outbound.fail(loop);
    yield* loop.execute(loop, () => this.inactive());
  }

  /** AbstractUnsafe.fireChannelInactiveAndDeregister() */
  private *inactive(): Sub<void> {
    const { pipeline, eventLoop } = this.channel;
    yield* pipeline.fireChannelInactive(eventLoop);
    yield* pipeline.fireChannelUnregistered(eventLoop);
  }

  addCloseListener(listener: (on: Worker) => Sub<void>): void {
    this.closeListeners.add(listener);
  }
  removeCloseListener(listener: (on: Worker) => Sub<void>): void {
    this.closeListeners.delete(listener);
  }

  protected wants(event: number): boolean {
    return (this.registered!.interest & event) !== 0;
  }
  protected *want(event: number): Sub<void> {
    const key = this.registered!;
    if (this.open) yield* this.channel.eventLoop.setInterest(key, key.interest | event);
  }
  protected *unwant(event: number): Sub<void> {
    const key = this.registered!;
    if (this.open) yield* this.channel.eventLoop.setInterest(key, key.interest & ~event);
  }
}
