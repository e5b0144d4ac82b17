/**
 * A connection as an event loop's handlers see it (io.netty.channel.Channel, socket.SocketChannel): options, state, and the
 * operations, which start at the tail of the pipeline. Operations may be called on any worker; state is the loop's.
 */
import type { Fd } from '../../kernel/syscall.ts';
import type { LoopOptions } from '../options.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { Message } from './byte-buf.ts';
import { EpollUnsafe } from './epoll-unsafe.ts';
import type { EventLoop } from './event-loop.ts';
import type { WritePromise } from './handler.ts';
import type { LoopMeters } from './meters.ts';
import { NioUnsafe } from './nio-unsafe.ts';
import { ChannelPipeline } from './pipeline.ts';
import type { RecvAllocator } from './recv-allocator.ts';
import type { Unsafe } from './unsafe.ts';

/** Options of the channels of one server (io.netty.channel.ChannelOption). */
export interface ChannelConfig {
  /** AUTO_READ at the start: Netty's default is on, Reactor-Netty's off. */
  readonly autoRead: boolean;
  /** ALLOW_HALF_CLOSURE: the peer's FIN is an event, and the channel stays open for writing. */
  readonly allowHalfClosure: boolean;
  readonly maxMessagesPerRead: number;
  readonly waterMarks: LoopOptions['waterMarks'];
  /** RCVBUF_ALLOCATOR: makes one for each channel. */
  readonly recvAllocator: (maxMessagesPerRead: number) => RecvAllocator;
  /** Handlers want to see the bytes that are read; otherwise messages carry their number. */
  readonly realBytes: boolean;
  /** How the channel is broken on purpose: `lost-epollout`, `et-read-stopped-early`; null: not. */
  readonly mutant: string | null;
}

export class Channel {
  readonly fd: Fd;
  readonly eventLoop: EventLoop;
  readonly config: ChannelConfig;
  readonly meters: LoopMeters;
  readonly pipeline: ChannelPipeline;
  readonly unsafe: Unsafe;
  /** Which of its server's connections it is, from 0 in order of accept(); a client's in order of connect(). */
  ordinal = 0;
  private reading: boolean;
  /** AUTO_READ at the start, and how often it was turned on since, less how often off: 0 or 1. */
  private balance: number;

  /** @param sndbuf SO_SNDBUF of the socket, bytes */
  constructor(
    fd: Fd,
    eventLoop: EventLoop,
    config: ChannelConfig,
    meters: LoopMeters,
    sndbuf: number,
  ) {
    this.fd = fd;
    this.eventLoop = eventLoop;
    this.config = config;
    this.meters = meters;
    this.reading = config.autoRead;
    this.balance = config.autoRead ? 1 : 0;
    this.pipeline = new ChannelPipeline(this);
    this.unsafe =
      eventLoop.transport === 'nio' ? new NioUnsafe(this, sndbuf) : new EpollUnsafe(this, sndbuf);
  }

  /** Connected and not closed. */
  get isActive(): boolean {
    return this.unsafe.open;
  }
  get autoRead(): boolean {
    return this.reading;
  }
  /** Pending bytes are below the water marks. False too when it is closed. */
  get isWritable(): boolean {
    return this.unsafe.outbound?.writable ?? false;
  }
  /** Bytes that may be written before it turns unwritable; 0 when it is, or is closed. */
  get bytesBeforeUnwritable(): number {
    return this.unsafe.outbound?.bytesBeforeUnwritable ?? 0;
  }
  /** Bytes that have to go before it turns writable; 0 when it is. */
  get bytesBeforeWritable(): number {
    return this.unsafe.outbound?.bytesBeforeWritable ?? 0;
  }
  /** ChannelOutboundBuffer.totalPendingWriteBytes: messages with 96 bytes for each, partly written ones whole. */
  get pendingBytes(): number {
    return this.unsafe.outbound?.pending ?? 0;
  }

  /** DefaultChannelConfig.setAutoRead(): on asks to read; off takes back what was asked, and ends a read loop. */
  *setAutoRead(enabled: boolean, on: Worker): Sub<void> {
    if (this.reading === enabled) return;
    this.reading = enabled;
    this.countAutoRead(enabled);
    if (enabled) yield* this.read(on);
    else if (on === this.eventLoop) yield* this.unsafe.autoReadCleared();
    else yield* this.eventLoop.execute(on, () => this.clearLate());
  }

  read(on: Worker): Sub<void> {
    return this.pipeline.read(on);
  }
  /** @param promise is told when the kernel has taken the message, or never will */
  write(msg: Message, promise: WritePromise | null, on: Worker): Sub<void> {
    return this.pipeline.write(msg, promise, on);
  }
  flush(on: Worker): Sub<void> {
    return this.pipeline.flush(on);
  }
  writeAndFlush(msg: Message, promise: WritePromise | null, on: Worker): Sub<void> {
    return this.pipeline.writeAndFlush(msg, promise, on);
  }
  close(on: Worker): Sub<void> {
    return this.pipeline.close(on);
  }

  /**
   * closeFuture().addListener(): run on the channel's loop once the descriptor is closed, before the writes that are left
   * fail and before `channelInactive`; in order of adding. Nothing happens when the channel is closed already.
   */
  addCloseListener(listener: (on: Worker) => Sub<void>): void {
    this.unsafe.addCloseListener(listener);
  }
  removeCloseListener(listener: (on: Worker) => Sub<void>): void {
    this.unsafe.removeCloseListener(listener);
  }

  /** Its pending bytes have passed a water mark: tells the handlers. */
  *writabilityChanged(): Sub<void> {
    this.meters.probe.count('writability_changed', 1);
    yield* this.pipeline.fireChannelWritabilityChanged(this.eventLoop);
  }

  /** A write is on its way to the loop and counts from now on (AbstractChannelHandlerContext.WriteTask). */
  *incrementPendingBytes(size: number, on: Worker): Sub<void> {
    if (this.unsafe.outbound?.increment(size) === true) yield* this.writabilityChangedLater(on);
  }
  /** It has arrived, and will count as an entry. */
  *decrementPendingBytes(size: number, on: Worker): Sub<void> {
    if (this.unsafe.outbound?.decrement(size) === true) yield* this.writabilityChangedLater(on);
  }

  private *writabilityChangedLater(on: Worker): Sub<void> {
    yield* this.eventLoop.execute(on, () => this.writabilityChanged());
  }

  private *clearLate(): Sub<void> {
    if (!this.reading) yield* this.unsafe.autoReadCleared();
  }

  private countAutoRead(enabled: boolean): void {
    const { probe } = this.meters;
    probe.count(enabled ? 'auto_read_on' : 'auto_read_off', 1);
    this.balance += enabled ? 1 : -1;
    probe.require(
      'closed-form',
      this.balance === 0 || this.balance === 1,
      () => `autoRead was turned ${enabled ? 'on' : 'off'} twice in a row`,
    );
  }
}
