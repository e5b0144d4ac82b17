/**
 * HTTP/1.1 at the head of a pipeline, as servers have it: HttpServerCodec, HttpServerKeepAliveHandler and HttpObjectAggregator of
 * Netty 4.1 in one. A message is the body of a request; what is written is the body of an answer. After a request that says
 * `Connection: close` the last answer that is owed says so too, and the channel is closed once it is written (RFC 9112 §9.6).
 */
import { HttpBodyDecoder } from '../codec/http-frames.ts';
import { response } from '../codec/http-write.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { ByteBuf, type Message } from './byte-buf.ts';
import { FrameHandler } from './decoder-handler.ts';
import type { ChannelHandlerContext, WritePromise } from './handler.ts';

export class HttpHandler extends FrameHandler {
  private readonly requests: HttpBodyDecoder;
  /** No request has asked for the end (persistentConnection). */
  private persistent = true;
  /** Answers owed to requests up to the one that did (pendingResponses). */
  private owed = 0;

  constructor() {
    const requests = new HttpBodyDecoder();
    super(requests);
    this.requests = requests;
  }

  protected override *emit(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    if (this.persistent) {
      this.owed++;
      this.persistent = this.requests.persistent;
    }
    yield* super.emit(ctx, msg, on);
  }

  *write(
    ctx: ChannelHandlerContext,
    msg: Message,
    promise: WritePromise | null,
    on: Worker,
  ): Sub<void> {
    if (msg.data === null) return yield* ctx.write(msg, promise, on);
    this.owed--;
    const last = this.owed === 0 && !this.persistent;
    const answer = ByteBuf.of(response(msg.data, last ? 'close' : null));
    yield* ctx.write(answer, last ? closing(ctx, promise) : promise, on);
  }
}

/** ChannelFutureListener.CLOSE, behind who else waits for the write. */
const closing = (ctx: ChannelHandlerContext, promise: WritePromise | null): WritePromise => ({
  *complete(on, ok) {
    if (promise !== null) yield* promise.complete(on, ok);
    yield* ctx.close(on);
  },
});
