/**
 * Bytes to messages, in a pipeline (io.netty.handler.codec.ByteToMessageDecoder, MessageToByteEncoder). Every frame of one
 * read is handed on, one after the other, even when autoRead goes off in between: behind a decoder a reader gets what a
 * read brought, not what it asked for.
 */
import type { FixedFrames } from '../codec/fixed.ts';
import { FrameError, type FrameDecoder } from '../codec/frame.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { ByteBuf, type Message } from './byte-buf.ts';
import { DecoderException } from './exceptions.ts';
import type { ChannelHandler, ChannelHandlerContext, WritePromise } from './handler.ts';

export abstract class ByteToMessageDecoder implements ChannelHandler {
  /** A read came in since the last `channelReadComplete`; a message went out. */
  private got = false;
  protected gave = false;

  /** Hands on what has become whole with `msg`. */
  protected abstract decode(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void>;

  *channelRead(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    this.got = true;
    yield* this.decode(ctx, msg, on);
  }

  /** Half a message is no answer to a reader who asked for one: reading goes on. */
  *channelReadComplete(ctx: ChannelHandlerContext, on: Worker): Sub<void> {
    const hungry = this.got && !this.gave && !ctx.channel.autoRead;
    this.got = false;
    this.gave = false;
    if (hungry) yield* ctx.read(on);
    yield* ctx.fireChannelReadComplete(on);
  }

  protected *emit(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    this.gave = true;
    yield* ctx.fireChannelRead(msg, on);
  }
}

/** Frames that are told apart by their bytes. */
export class FrameHandler extends ByteToMessageDecoder {
  private readonly decoder: FrameDecoder;

  constructor(decoder: FrameDecoder) {
    super();
    this.decoder = decoder;
  }

  protected *decode(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    this.decoder.feed(msg.data!);
    for (let frame = this.next(); frame !== null; frame = this.next())
      yield* this.emit(ctx, ByteBuf.of(frame), on);
  }

  private next(): Uint8Array | null {
    try {
      return this.decoder.next();
    } catch (e) {
      if (e instanceof FrameError) throw new DecoderException(e.message);
      throw e;
    }
  }
}

/** Messages of one size whose bytes nobody looks at. */
export class CountingHandler extends ByteToMessageDecoder {
  private readonly frames: FixedFrames;
  private readonly message: ByteBuf;

  constructor(frames: FixedFrames) {
    super();
    this.frames = frames;
    this.message = ByteBuf.pattern(frames.size);
  }

  protected *decode(ctx: ChannelHandlerContext, msg: Message, on: Worker): Sub<void> {
    for (let whole = this.frames.take(msg.bytes); whole > 0; whole--)
      yield* this.emit(ctx, this.message, on);
  }
}

/** Puts what marks a frame around each message that is written. */
export class EncoderHandler implements ChannelHandler {
  private readonly encode: (message: Uint8Array) => Uint8Array;

  constructor(encode: (message: Uint8Array) => Uint8Array) {
    this.encode = encode;
  }

  *write(
    ctx: ChannelHandlerContext,
    msg: Message,
    promise: WritePromise | null,
    on: Worker,
  ): Sub<void> {
    let framed = msg;
    try {
      if (msg.data !== null) framed = ByteBuf.of(this.encode(msg.data));
    } catch (e) {
      if (!(e instanceof FrameError)) throw e;
      // AbstractChannelHandlerContext.notifyOutboundHandlerException(): who has written hears of it, the pipeline does not.
      if (promise !== null) yield* promise.complete(on, false);
      return;
    }
    yield* ctx.write(framed, promise, on);
  }
}
