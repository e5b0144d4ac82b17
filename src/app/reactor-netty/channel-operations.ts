/**
 * One connection between its channel and its handler: what the channel reads goes into a FluxReceive, what the handler
 * sends goes out through the channel, and the handler's own publisher, subscribed to here, decides how long the connection
 * lives. reactor.netty.channel.ChannelOperations (1.2.2).
 *
 * When the channel closes, the handler's publisher is cancelled before the inbound completes: what is inside it sees a
 * cancellation and no end of the stream, and what was read and not yet requested is lost without a word. When the
 * publisher ends first, the connection is closed.
 */
import type { Message } from '../netty/byte-buf.ts';
import type { Channel } from '../netty/channel.ts';
import type { ChannelHandlerContext } from '../netty/handler.ts';
import { UNBOUNDED } from '../reactive/demand.ts';
import { Flux } from '../reactive/flux.ts';
import type { Publisher, Subscriber, Subscription } from '../reactive/streams.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { Connection, ConnectionObserver } from './connection-observer.ts';
import { FluxReceive } from './flux-receive.ts';
import type { BridgeMeters, ReceiveMeter } from './meters.ts';
import { Inbound } from './inbound.ts';
import { Outbound } from './outbound.ts';

export class ChannelOperations implements Connection, Subscriber<unknown> {
  readonly kind = 'ChannelOperations';
  readonly channel: Channel;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  private readonly listener: ConnectionObserver;
  private readonly meters: BridgeMeters;
  /** What FluxReceive was asked for, so far. */
  readonly received: ReceiveMeter;
  readonly fluxReceive: FluxReceive<Message>;
  /** What it is called in traces and messages. */
  readonly destination: string;
  /** Of the handler's publisher. */
  private subscription: Subscription | null = null;
  /** The handler's publisher has ended, or has been let go. */
  private outboundClosed = false;
  private terminated = false;
  /** Its channel may be used again when this has ended (isPersistent()). */
  private persistent = true;

  /** @param ctx the bridge's place in the pipeline */
  constructor(
    ctx: ChannelHandlerContext,
    listener: ConnectionObserver,
    meters: BridgeMeters,
    mutant: string | null,
  ) {
    this.channel = ctx.channel;
    this.listener = listener;
    this.meters = meters;
    this.destination = `connection-${ctx.channel.ordinal}`;
    this.received = meters.receive(this.destination, (error, on) => this.onUncaught(error, on));
    this.fluxReceive = new FluxReceive(ctx.channel, this.received, mutant);
    const metered = Flux.from(this.fluxReceive)
      .traced(meters.probe, this.destination, 'FluxReceive')
      .metered(() => meters.demand(this.destination));
    this.inbound = new Inbound(this, metered);
    this.outbound = new Outbound(ctx, meters, mutant);
  }

  /** It is no longer bound to the channel: what comes now is the bare channel's. */
  get isTerminated(): boolean {
    return this.terminated;
  }

  /** Subscribes to what the handler has returned; it is asked for everything at once. */
  run(handled: Publisher<unknown>, on: Worker): Sub<void> {
    return handled.subscribe(this, on);
  }

  *onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.subscription !== null || this.outboundClosed) {
      yield* s.cancel(on);
      return;
    }
    this.subscription = s;
    yield* s.request(UNBOUNDED, on);
  }

  *onNext(): Sub<void> {}

  onError(_error: Error, on: Worker): Sub<void> {
    // What fails because the channel is closed is told where it is lost.
    if (!this.outboundClosed && this.channel.isActive) this.meters.failed();
    return this.onHandled(on);
  }

  onComplete(on: Worker): Sub<void> {
    return this.onHandled(on);
  }

  onInboundNext(message: Message, on: Worker): Sub<void> {
    return this.fluxReceive.onInboundNext(message, on);
  }

  onInboundError(error: Error, on: Worker): Sub<void> {
    return this.fluxReceive.onInboundError(error, on);
  }

  /** The channel is inactive. */
  *onInboundClose(on: Worker): Sub<void> {
    if (!this.fluxReceive.hasReceiver) yield* this.fluxReceive.cancel(on);
    yield* this.terminate(on);
  }

  get isPersistent(): boolean {
    return this.persistent;
  }

  dispose(on: Worker): Sub<void> {
    return this.channel.close(on);
  }

  /** Its owner is through with it: a connection of a pool goes back there, any other is closed. */
  *release(on: Worker): Sub<void> {
    const loop = this.channel.eventLoop;
    if (on === loop) yield* this.terminate(on);
    else yield* loop.execute(on, (there) => this.terminate(there));
  }

  /** The handler's publisher has ended, on whatever thread: the rest belongs to the loop. */
  private *onHandled(on: Worker): Sub<void> {
    if (this.outboundClosed || !this.channel.isActive) return;
    this.outboundClosed = true;
    this.persistent = false;
    yield* this.release(on);
  }

  /** Cancels first, completes the inbound then, tells last. */
  private *terminate(on: Worker): Sub<void> {
    if (this.terminated) return;
    this.terminated = true;
    if (!this.outboundClosed) {
      this.outboundClosed = true;
      if (this.subscription !== null) yield* this.subscription.cancel(on);
    }
    yield* this.fluxReceive.onInboundComplete(on);
    yield* this.listener.onStateChange(this, 'disconnecting', on);
  }

  private *onUncaught(error: Error, on: Worker): Sub<void> {
    if (this.listener.onUncaughtException !== undefined)
      yield* this.listener.onUncaughtException(this, error, on);
  }
}
