/**
 * What follows from one another in a connection of the reactive server, as measured with Reactor-Netty 1.2.2: how much is
 * requested of the inbound after so many messages are done, and how many bytes can wait in the outbound buffer.
 *
 * A handler in front of the others: when the loop reads, nothing of this connection is under way on it, and what should be
 * equal is.
 */
import type { Message } from '../netty/byte-buf.ts';
import type { ChannelHandler, ChannelHandlerContext, WritePromise } from '../netty/handler.ts';
import { ENTRY_OVERHEAD } from '../netty/outbound-buffer.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { ReceiveMeter } from './meters.ts';

/** What the way a handler is written says about it. */
export interface Forms {
  /** Requested of the inbound at once: flatMap's concurrency, concatMap's 1. */
  readonly ahead: number;
  /**
   * Whether each message that is done is made up for at once. Not when it is done on another thread, from where the request
   * is a task for the loop, nor where flatMap makes up for messages in batches: then it is only a bound.
   */
  readonly exact: boolean;
  /** Messages that can be in the outbound buffer at once. */
  readonly entries: number;
}

export class ClosedForms implements ChannelHandler {
  /** Messages that are done, whatever that means to the operator. */
  done = 0;
  /** Set once the handler has subscribed. */
  received: ReceiveMeter | null = null;
  private readonly forms: Forms;
  private readonly probe: Probe;
  /** Bytes of the largest message written. */
  private largest = 0;

  constructor(forms: Forms, probe: Probe) {
    this.forms = forms;
    this.probe = probe;
  }

  *channelRead(ctx: ChannelHandlerContext, message: Message, on: Worker): Sub<void> {
    this.checkRequested();
    yield* ctx.fireChannelRead(message, on);
  }

  *channelInactive(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    this.checkRequested();
    yield* ctx.fireChannelInactive(on);
  }

  *write(
    ctx: ChannelHandlerContext,
    message: Message,
    promise: WritePromise | null,
    on: Worker,
  ): Sub<void> {
    if (message.bytes > this.largest) this.largest = message.bytes;
    yield* ctx.write(message, promise, on);
    const { pendingBytes } = ctx.channel;
    const most = this.forms.entries * (this.largest + ENTRY_OVERHEAD);
    this.probe.require(
      'closed-form',
      pendingBytes <= most,
      () => `${pendingBytes} bytes wait to be written, at most ${most} can`,
    );
  }

  /** flatMap: c + M in 1 + M requests; concatMap: 1 + M, one at a time. */
  private checkRequested(): void {
    const { received, forms, done } = this;
    if (received === null) return;
    const { requestedTotal: total, requestCalls: calls } = received;
    const most = forms.ahead + done;
    this.probe.require(
      'closed-form',
      (forms.exact ? total === most : total <= most) && calls <= 1 + done,
      () =>
        `${total} messages were requested in ${calls} calls; with ${done} done it should be ${most} in ${1 + done}`,
    );
  }
}
