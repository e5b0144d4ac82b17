/** What is sent back for a message. */
import { filler, looksAtBytes, upperCase } from '../codec/codec.ts';
import { answerOf } from '../codec/sized.ts';
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
      if (o.codec === 'sized') return (msg) => ByteBuf.pattern(answerOf(msg.data!));
      const answer = looksAtBytes(o.codec)
        ? ByteBuf.of(filler(o.codec, o.response))
        : ByteBuf.pattern(o.response);
      return () => answer;
    }
  }
}
