/**
 * What a handler sends (reactor.netty.NettyOutbound). An Outbound is itself a publisher: of nothing but the end of what it
 * is to send, which begins when it is subscribed to.
 */
import { encodeText } from '../../base/text.ts';
import { ByteBuf, type Message } from '../netty/byte-buf.ts';
import type { ChannelHandlerContext } from '../netty/handler.ts';
import { Flux } from '../reactive/flux.ts';
import { Mono } from '../reactive/mono.ts';
import type { Publisher, Subscriber } from '../reactive/streams.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { AbortedException } from './aborted.ts';
import { WriteFuture } from './future-mono.ts';
import type { BridgeMeters } from './meters.ts';
import { MonoSendMany, type SendObserver } from './mono-send-many.ts';

export class Outbound implements Publisher<never> {
  private readonly ctx: ChannelHandlerContext;
  private readonly meters: BridgeMeters;
  private readonly mutant: string | null;
  /** What has been asked for so far; null: nothing, the connection's own Outbound. */
  private readonly sent: Mono<never> | null;

  /** @param ctx the bridge's place in the pipeline */
  constructor(
    ctx: ChannelHandlerContext,
    meters: BridgeMeters,
    mutant: string | null,
    sent: Mono<never> | null = null,
  ) {
    this.ctx = ctx;
    this.meters = meters;
    this.mutant = mutant;
    this.sent = sent;
  }

  /**
   * Sends what a publisher emits. A Mono's element is written and flushed at once; anything else goes through
   * MonoSendMany: 128 requested ahead, flushed together at the end of the loop's turn.
   */
  send(data: Publisher<Message>): Outbound {
    if (!this.ctx.channel.isActive) return this.andThen(Mono.error(AbortedException.beforeSend()));
    if (data instanceof Mono) return this.andThen(this.sendOne(data));
    const { ctx, meters, mutant } = this;
    const observe = (): SendObserver => meters.send(`connection-${ctx.channel.ordinal}`);
    return this.andThen(Mono.from(new MonoSendMany(data, ctx, observe, mutant)));
  }

  /** The same, of text: UTF-8. */
  sendString(data: Publisher<string>): Outbound {
    return this.send(mapped(data, (text) => ByteBuf.of(encodeText(text))));
  }

  /** The same, of bytes; an array that was emitted is not to be written to any more. */
  sendByteArray(data: Publisher<Uint8Array>): Outbound {
    return this.send(mapped(data, (bytes) => ByteBuf.of(bytes)));
  }

  /** `next`, when all before has been sent: Java's then(). */
  andThen(next: Publisher<never>): Outbound {
    const after = Mono.from(next);
    const all = this.sent === null ? after : this.sent.andThen(after);
    return new Outbound(this.ctx, this.meters, this.mutant, all);
  }

  /** Keeps the connection open when all has been sent: what a handler that subscribes elsewhere returns. */
  neverComplete(): Mono<never> {
    return Mono.from(this.andThen(Mono.never()));
  }

  subscribe(s: Subscriber<never>, on: Worker): Sub<void> {
    return (this.sent ?? Mono.empty()).subscribe(s, on);
  }

  private sendOne(data: Mono<Message>): Mono<never> {
    const { channel } = this.ctx;
    const { meters } = this;
    return data.flatMap(function* (message: Message, on: Worker) {
      const future = new WriteFuture(meters);
      yield* channel.writeAndFlush(message, future, on);
      return Mono.from(future);
    });
  }
}

/** `data` with each element changed, still a Mono when it was one. */
function mapped<T>(data: Publisher<T>, change: (value: T) => Message): Publisher<Message> {
  return data instanceof Mono ? data.map(change) : Flux.from(data).map(change);
}
