/** Framing in a pipeline: what a decoder does beside finding frames. */
import { describe, expect, it } from 'vitest';
import { encode } from '../../../src/app/codec/codec.ts';
import { FRAME_DEFAULTS } from '../../../src/app/codec/frame-options.ts';
import { FixedFrames } from '../../../src/app/codec/fixed.ts';
import { LineDecoder } from '../../../src/app/codec/line.ts';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import {
  CountingHandler,
  EncoderHandler,
  FrameHandler,
} from '../../../src/app/netty/decoder-handler.ts';
import type { ChannelHandler, WritePromise } from '../../../src/app/netty/handler.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { CHANNEL, channelRig, type ChannelRig, endOfTurn, EP, events, FD } from './rig.ts';

const utf8 = new TextEncoder();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A channel over nio with a line decoder in front of these handlers. */
function lines(handlers: readonly ChannelHandler[], autoRead = true): ChannelRig {
  const all = [new FrameHandler(new LineDecoder(10)), ...handlers];
  return channelRig('nio', all, { realBytes: true, autoRead });
}

/** Answers the read that the thread is in with these bytes. */
function bring({ thread }: ChannelRig, what: string): void {
  const bytes = utf8.encode(what);
  (thread.carries as Uint8Array).set(bytes);
  thread.call('read', bytes.length);
}

/** Writes down the messages. */
function listener(log: string[]): ChannelHandler {
  return {
    *channelRead(_ctx, msg) {
      log.push(text(msg.data!));
      yield* [];
    },
    *channelReadComplete() {
      log.push('complete');
      yield* [];
    },
    *exceptionCaught(_ctx, cause) {
      log.push(cause.name);
      yield* [];
    },
  };
}

describe('a decoder', () => {
  it('hands on every frame of one read, also after autoRead has gone off [ByteToMessageDecoder.callDecode]', () => {
    const log: string[] = [];
    const r = lines([
      {
        *channelRead(ctx, msg, on) {
          yield* ctx.channel.setAutoRead(false, on);
          yield* ctx.fireChannelRead(msg, on);
        },
      },
      listener(log),
    ]);
    events(r.thread, k.EPOLLIN);
    bring(r, 'a\nb\nc\nd');
    expect(log).toEqual(['a', 'b', 'c', 'complete']);
  });

  it('keeps half a frame for the next read', () => {
    const log: string[] = [];
    const r = lines([listener(log)]);
    events(r.thread, k.EPOLLIN);
    bring(r, 'he');
    endOfTurn(r.thread);
    events(r.thread, k.EPOLLIN);
    bring(r, 'llo\n');
    expect(log).toEqual(['complete', 'hello', 'complete']);
  });

  it('reads on when a reader without autoRead has asked and got half a frame [channelReadComplete]', () => {
    const log: string[] = [];
    const r = lines([listener(log)], false);
    r.does((on) => r.loop.execute(on, (self) => r.channel.read(self)));
    r.other.call('write', 8);
    r.thread.ready([0, k.EPOLLIN]);
    r.thread.call('read', 8);
    endOfTurn(r.thread);
    r.thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, FD, k.EPOLLIN, CHANNEL);
    events(r.thread, k.EPOLLIN);
    bring(r, 'he');
    endOfTurn(r.thread);
    // It is still in the interest list.
    events(r.thread, k.EPOLLIN);
    bring(r, 'llo\n');
    endOfTurn(r.thread);
    r.thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_DEL, FD);
    expect(log).toEqual(['complete', 'hello', 'complete']);
  });

  it('throws what is no frame at the handlers behind it, after the frames before it', () => {
    const log: string[] = [];
    const r = lines([listener(log)]);
    events(r.thread, k.EPOLLIN);
    bring(r, 'a\n0123456789ab\n');
    expect(log).toEqual(['a', 'DecoderException', 'complete']);
  });

  it('counts frames of one size without looking at them', () => {
    const sizes: number[] = [];
    const r = channelRig('nio', [
      new CountingHandler(new FixedFrames(10)),
      {
        *channelRead(_ctx, msg) {
          sizes.push(msg.bytes);
          yield* [];
        },
      },
    ]);
    for (const n of [25, 14, 1]) {
      events(r.thread, k.EPOLLIN);
      r.thread.call('read', n);
      endOfTurn(r.thread);
    }
    expect(sizes).toEqual([10, 10, 10, 10]);
  });
});

it('an encoder frames what is written behind it', () => {
  const r = lines([
    new EncoderHandler((m) => encode('line', m)),
    {
      *channelRead(ctx, msg, on) {
        yield* ctx.write(msg, null, on);
        yield* ctx.writeAndFlush(ByteBuf.of(utf8.encode('!')), null, on);
      },
    },
  ]);
  events(r.thread, k.EPOLLIN);
  bring(r, 'hello\n');
  expect(text(r.thread.call('write', 8, FD, 8) as Uint8Array)).toBe('hello\n!\n');
});

it('a message that an encoder cannot frame is not written, and its promise fails', () => {
  const told: boolean[] = [];
  const promise: WritePromise = {
    *complete(_on, ok) {
      told.push(ok);
      yield* [];
    },
  };
  const narrow = { ...FRAME_DEFAULTS, lengthFieldLength: 1 };
  const r = lines([
    new EncoderHandler((m) => encode('length-field', m, narrow)),
    {
      *channelRead(ctx, msg, on) {
        yield* ctx.write(ByteBuf.of(new Uint8Array(256)), promise, on);
        yield* ctx.write(ByteBuf.of(new Uint8Array(256)), null, on);
        yield* ctx.writeAndFlush(msg, promise, on);
      },
    },
  ]);
  events(r.thread, k.EPOLLIN);
  bring(r, 'hi\n');
  expect(told).toEqual([false]);
  expect(text(r.thread.call('write', 3, FD, 3) as Uint8Array)).toBe('\u0002hi');
  expect(told).toEqual([false, true]);
});
