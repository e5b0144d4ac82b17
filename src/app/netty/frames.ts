/** Puts a codec's handlers at the end of a pipeline, as a server's ChannelInitializer does. */
import { decoderOf, encode, looksAtBytes } from '../codec/codec.ts';
import { FixedFrames } from '../codec/fixed.ts';
import type { LoopOptions } from '../options.ts';
import { CountingHandler, EncoderHandler, FrameHandler } from './decoder-handler.ts';
import { HttpHandler } from './http-handler.ts';
import type { ChannelPipeline } from './pipeline.ts';

/** Whether a server with these options has to see the bytes that it reads. */
export function needsBytes(o: LoopOptions): boolean {
  return looksAtBytes(o.codec) || o.reply === 'same' || o.reply === 'upper-case';
}

export function addCodec(pipeline: ChannelPipeline, o: LoopOptions): void {
  const { codec } = o;
  if (codec === 'none') return;
  if (codec === 'http') {
    pipeline.addLast(new HttpHandler());
    return;
  }
  if (needsBytes(o)) pipeline.addLast(new FrameHandler(decoderOf(codec, o.request, o.frame)!));
  else pipeline.addLast(new CountingHandler(new FixedFrames(o.request)));
  if (looksAtBytes(codec))
    pipeline.addLast(new EncoderHandler((message) => encode(codec, message, o.frame)));
}
