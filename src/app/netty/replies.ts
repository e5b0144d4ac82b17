/** What is sent back for a message. */
import { filler, looksAtBytes, upperCase } from '../codec/codec.ts';
import type { LoopOptions } from '../options.ts';
import { ByteBuf, type Message } from './byte-buf.ts';

/** @returns the answer to a message, or null when there is none */
export function replier(o: LoopOptions): (msg: Message) => Message | null {
  switch (o.reply) {
    case 'none':
      return () => null;
    case 'same':
      return (msg) => msg;
    case 'upper-case':
      return (msg) => ByteBuf.of(upperCase(msg.data!));
    default: {
      const answer = looksAtBytes(o.codec)
        ? ByteBuf.of(filler(o.codec, o.response))
        : ByteBuf.pattern(o.response);
      return () => answer;
    }
  }
}
