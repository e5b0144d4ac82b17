/** One channel against a kernel by script: which calls it makes, and in which order its handlers are told. */
import { describe, expect, it } from 'vitest';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import type { ChannelConfig } from '../../../src/app/netty/channel.ts';
import type { ChannelHandler } from '../../../src/app/netty/handler.ts';
import { ChannelException } from '../../../src/app/netty/exceptions.ts';
import { RecvAllocator } from '../../../src/app/netty/recv-allocator.ts';
import * as k from '../../../src/kernel/syscall.ts';
import {
  CHANNEL,
  channelRig,
  type ChannelRig,
  endOfTurn,
  EP,
  events,
  FD,
  promiseOf,
  SNDBUF,
} from './rig.ts';

/** Writes down what it is told, and passes it on. */
function witness(log: string[]): ChannelHandler {
  return {
    *channelActive(ctx, on) {
      log.push('active');
      yield* ctx.fireChannelActive(on);
    },
    *channelRead(ctx, msg, on) {
      log.push(`read ${msg.bytes}`);
      yield* ctx.fireChannelRead(msg, on);
    },
    *channelReadComplete(ctx, on) {
      log.push('complete');
      yield* ctx.fireChannelReadComplete(on);
    },
    *channelInactive(ctx, on) {
      log.push('inactive');
      yield* ctx.fireChannelInactive(on);
    },
    *channelWritabilityChanged(ctx, on) {
      log.push(ctx.channel.isWritable ? 'writable' : 'unwritable');
      yield* ctx.fireChannelWritabilityChanged(on);
    },
    *exceptionCaught(ctx, cause, on) {
      log.push(`caught ${cause.message}`);
      yield* ctx.fireExceptionCaught(cause, on);
    },
  };
}

/** Does something with the channel whenever a message comes. */
function whenRead(what: NonNullable<ChannelHandler['channelRead']>): ChannelHandler {
  return { channelRead: what };
}

function open(
  transport: 'nio' | 'epoll',
  handlers: readonly ChannelHandler[] = [],
  config: Partial<ChannelConfig> = {},
): ChannelRig & { log: string[] } {
  const log: string[] = [];
  const r = channelRig(transport, [witness(log), ...handlers], config);
  return { ...r, log };
}

/** Interest as the kernel is told it. */
const flags = (transport: 'nio' | 'epoll', bits: number): number =>
  transport === 'nio' ? bits : bits | k.EPOLLRDHUP | k.EPOLLET;

describe.each(['nio', 'epoll'] as const)('a channel over %s', (transport) => {
  it('reads buffers of 2048, 32768, 65536 until one is not filled, then completes [NioByteUnsafe.read] [B4][B6]', () => {
    const { thread, log, probe } = open(transport);
    events(thread, k.EPOLLIN);
    thread.call('read', 2048, FD, 2048);
    thread.call('read', 32_768, FD, 32_768);
    thread.call('read', 100, FD, 65_536);
    endOfTurn(thread);
    expect(log).toEqual(['active', 'read 2048', 'read 32768', 'read 100', 'complete']);
    expect(thread.at).toBe('epoll_wait');
    expect(probe.counts).toMatchObject({ reads: 3, read_loops: 1 });
  });

  it('ends a loop on EAGAIN without a message [B4]', () => {
    const { thread, log } = open(transport);
    events(thread, k.EPOLLIN);
    thread.call('read', 2048);
    thread.call('read', -k.EAGAIN);
    endOfTurn(thread);
    expect(log).toEqual(['active', 'read 2048', 'complete']);
  });

  it('stops after 16 reads; level-triggered the next epoll_wait reports the rest, edge-triggered a task reads it [MAX_MESSAGES_PER_READ] [B5][B8]', () => {
    const { thread, probe } = open(transport);
    events(thread, k.EPOLLIN);
    thread.call('read', 2048);
    thread.call('read', 32_768);
    for (let i = 2; i < 16; i++) thread.call('read', 65_536, FD, 65_536);
    endOfTurn(thread);
    expect(thread.at).toBe(transport === 'nio' ? 'epoll_wait' : 'read');
    expect(probe.counts).toMatchObject({ reads: 16, read_loops: 1 });
  });

  it('stops in the middle of a loop when a handler turns autoRead off, and asks for nothing [continueReading] [B5]', () => {
    const { thread, log, probe } = open(transport, [
      whenRead((ctx, _msg, on) => ctx.channel.setAutoRead(false, on)),
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 2048);
    if (transport === 'epoll')
      thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, flags(transport, 0));
    endOfTurn(thread);
    if (transport === 'nio') thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_DEL, FD);
    expect(thread.at).toBe('epoll_wait');
    expect(log).toEqual(['active', 'read 2048', 'complete']);
    expect(probe.counts).toMatchObject({ auto_read_off: 1 });
  });

  it('hears of the end of the stream as of a loop without messages, then closes: descriptor, listeners, writes, inactive [AbstractUnsafe.close] [B4]', () => {
    const { thread, log, channel } = open(transport, [
      whenRead((ctx, msg, on) => ctx.write(msg, promiseOf(log, 'write'), on)),
    ]);
    channel.addCloseListener(function* () {
      log.push('closed');
      yield* [];
    });
    const never = function* (): Generator<never, void, number> {
      log.push('never');
      yield* [];
    };
    channel.addCloseListener(never);
    channel.removeCloseListener(never);
    events(thread, k.EPOLLIN);
    thread.call('read', 10);
    endOfTurn(thread);
    events(thread, k.EPOLLIN);
    thread.call('read', 0);
    expect(log).toEqual(['active', 'read 10', 'complete', 'complete']);
    thread.call('close', 0, FD);
    expect(channel.isActive).toBe(false);
    expect([channel.isWritable, channel.bytesBeforeUnwritable]).toEqual([false, 0]);
    expect(log.slice(4)).toEqual(['closed', 'write failed']);
    endOfTurn(thread);
    expect(log.slice(6)).toEqual(['inactive']);
    expect(thread.at).toBe('epoll_wait');
  });

  it('tells its handlers of an error, then closes', () => {
    const { thread, log } = open(transport);
    events(thread, k.EPOLLIN | k.EPOLLERR | k.EPOLLHUP);
    thread.call('read', -k.ECONNRESET);
    thread.call('close', 0, FD);
    endOfTurn(thread);
    expect(log).toEqual(['active', 'complete', 'caught read: ECONNRESET', 'inactive']);
  });

  it('reads nothing before it is asked to when autoRead is off, and asks for EPOLLIN only [doBeginRead] [B7]', () => {
    const r = open(transport, [], { autoRead: false });
    const { thread, channel, loop, probe } = r;
    expect(thread.at).toBe('epoll_wait');
    r.does((on) => loop.execute(on, (self) => channel.setAutoRead(true, self)));
    r.other.call('write', 8);
    wake(r);
    const [op, bits] =
      transport === 'nio'
        ? [k.EPOLL_CTL_ADD, k.EPOLLIN]
        : [k.EPOLL_CTL_MOD, flags(transport, k.EPOLLIN)];
    endOfTurn(thread);
    thread.call('epoll_ctl', 0, EP, op, FD, bits, CHANNEL);
    endOfTurn(thread);
    expect(thread.at).toBe('epoll_wait');
    expect(probe.counts).toMatchObject({ auto_read_on: 1 });
  });

  it('writes nothing before a flush, then all flushed messages in one call [ChannelOutboundBuffer.addFlush] [B9.4]', () => {
    const log: string[] = [];
    const { thread, channel } = open(transport, [
      {
        *channelRead(ctx, _msg, on) {
          yield* ctx.write(ByteBuf.pattern(100), promiseOf(log, 'a'), on);
          yield* ctx.write(ByteBuf.pattern(200), promiseOf(log, 'b'), on);
          expect(channel.pendingBytes).toBe(300 + 2 * 96);
        },
        channelReadComplete: (ctx, on) => ctx.flush(on),
      },
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    thread.call('write', 300, FD, 300);
    endOfTurn(thread);
    expect(log).toEqual(['a ok', 'b ok']);
    expect(channel.pendingBytes).toBe(0);
    expect(thread.at).toBe('epoll_wait');
  });

  it('asks for EPOLLOUT when the kernel takes no more, lets flush() be meanwhile, and goes on with the event [incompleteWrite] [B10]', () => {
    const { thread, log, channel, probe } = open(transport, [
      whenRead((ctx, _msg, on) =>
        ctx.writeAndFlush(ByteBuf.pattern(70_000), promiseOf(log, 'write'), on),
      ),
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    expect(log.at(-1)).toBe('unwritable');
    thread.call('write', 40_000, FD, 70_000);
    thread.call('write', -k.EAGAIN, FD, 30_000);
    control(thread, k.EPOLLIN | k.EPOLLOUT);
    // Another message: it is flushed, and not tried.
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    endOfTurn(thread);
    events(thread, k.EPOLLOUT);
    thread.call('write', 100_000, FD, 100_000);
    control(thread, k.EPOLLIN);
    expect(thread.at).toBe('epoll_wait');
    expect(log.slice(2)).toEqual([
      'unwritable',
      'complete',
      'read 5',
      'complete',
      'write ok',
      'write ok',
      'writable',
    ]);
    expect(channel.pendingBytes).toBe(0);
    expect(probe.counts).toMatchObject({ flushes: 2, writability_changed: 2 });
  });

  it('[mutant lost-epollout] does not ask for it', () => {
    const { thread } = open(
      transport,
      [whenRead((ctx, _msg, on) => ctx.writeAndFlush(ByteBuf.pattern(10), null, on))],
      { mutant: 'lost-epollout' },
    );
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    thread.call('write', -k.EAGAIN);
    endOfTurn(thread);
    expect(thread.at).toBe('epoll_wait');
  });

  it('lets others have their turn after 16 writes, and goes on as a task [WRITE_SPIN_COUNT] [B10]', () => {
    const { thread } = open(transport, [
      whenRead((ctx, _msg, on) => ctx.writeAndFlush(ByteBuf.pattern(40_000), null, on)),
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    for (let i = 0; i < 16; i++) thread.call('write', 2000);
    thread.call('clock_gettime', 0);
    expect(thread.at).toBe('write');
    thread.call('write', 8000, FD, 8000);
    endOfTurn(thread);
    expect(thread.at).toBe('epoll_wait');
  });

  it('takes at most twice the send buffer in one call, then what the kernel shows it takes [adjustMaxBytesPerGatheringWrite] [B10]', () => {
    const { thread } = open(transport, [
      {
        *channelRead(ctx, _msg, on) {
          for (let i = 0; i < 20; i++) yield* ctx.write(ByteBuf.pattern(20_000), null, on);
        },
        channelReadComplete: (ctx, on) => ctx.flush(on),
      },
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    thread.call('write', 2 * SNDBUF, FD, 2 * SNDBUF);
    thread.call('write', 200_000, FD, 200_000);
    // 100 000 are left; less than half is taken: the next call is given half of them.
    thread.call('write', 49_999, FD, 100_000);
    thread.call('write', -k.EAGAIN, FD, 10_001 + 20_000);
    control(thread, k.EPOLLIN | k.EPOLLOUT);
    expect(thread.at).toBe('epoll_wait');
  });

  it('closes when a write fails, and the write fails', () => {
    const { thread, log } = open(transport, [
      whenRead((ctx, msg, on) => ctx.writeAndFlush(msg, promiseOf(log, 'write'), on)),
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    thread.call('write', -k.EPIPE);
    thread.call('close', 0, FD);
    endOfTurn(thread);
    expect(log).toEqual(['active', 'read 5', 'write failed', 'complete', 'inactive']);
  });

  it('counts a write of another thread at once, with 32 bytes for its task, and as an entry when the task runs [WriteTask] [B9.6]', () => {
    const r = open(transport);
    const { thread, channel } = r;
    const pending: number[] = [];
    r.does(function* (on) {
      yield* channel.write(ByteBuf.pattern(65_536), null, on);
    });
    pending.push(channel.pendingBytes);
    r.other.call('write', 8);
    wake(r);
    // It was above the mark as a task, below it in between, and is above it as an entry.
    pending.push(channel.pendingBytes);
    expect(pending).toEqual([65_568, 65_632]);
    endOfTurn(thread);
    // As a task of the task it is told later, as an entry at once.
    expect(r.log).toEqual(['active', 'unwritable', 'unwritable', 'unwritable']);
  });

  it('hands what a handler throws to that handler, and on from there [invokeExceptionCaught]', () => {
    const log: string[] = [];
    const { thread } = open(transport, [
      {
        channelRead: () => {
          throw new ChannelException('no');
        },
        *exceptionCaught(ctx, cause, on) {
          log.push(`self ${cause.message}`);
          yield* ctx.fireExceptionCaught(cause, on);
        },
      },
      {
        *exceptionCaught(ctx, cause, on) {
          log.push(`next ${cause.message}`);
          yield* ctx.close(on);
        },
      },
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    thread.call('close', 0, FD);
    expect(log).toEqual(['self no', 'next no']);
  });

  it('does not hide a mistake of ours', () => {
    const { thread } = open(transport, [
      whenRead(() => {
        throw new RangeError('a bug');
      }),
    ]);
    events(thread, k.EPOLLIN);
    expect(() => thread.call('read', 5)).toThrow('a bug');
  });

  it('gives the bytes themselves when they are wanted', () => {
    const seen: Uint8Array[] = [];
    const { thread } = open(
      transport,
      [
        whenRead(function* (_ctx, msg) {
          seen.push(msg.data!);
          yield* [];
        }),
      ],
      { realBytes: true },
    );
    for (const bytes of [
      [1, 2, 3],
      [4, 5],
    ]) {
      events(thread, k.EPOLLIN);
      (thread.carries as Uint8Array).set(bytes);
      thread.call('read', bytes.length);
      endOfTurn(thread);
    }
    expect(seen.map((b) => [...b])).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('[mutant] the law of read loops is broken by an allocator that goes on after 16, that of sizes by one of its own', () => {
    class Endless extends RecvAllocator {
      override continueReading(): boolean {
        return true;
      }
    }
    class Odd extends RecvAllocator {
      override guess = 1000;
    }
    const { thread } = open(transport, [], { recvAllocator: (n) => new Endless(65_536, n) });
    events(thread, k.EPOLLIN);
    for (let i = 0; i < 17; i++) thread.call('read', 1);
    expect(() => thread.call('read', -k.EAGAIN)).toThrow('17 reads in one loop, the limit is 16');
    const odd = open(transport, [], { recvAllocator: (n) => new Odd(65_536, n) });
    odd.thread.ready([CHANNEL, k.EPOLLIN]);
    expect(() => odd.thread.call('clock_gettime', 0)).toThrow('a buffer of 1000 bytes is given');
  });

  /** The turn ends, and interest in the channel changes: at once, or with the next select. */
  function control(thread: ChannelRig['thread'], bits: number): void {
    const expected = [EP, k.EPOLL_CTL_MOD, FD, flags(transport, bits), CHANNEL];
    if (transport === 'epoll') thread.call('epoll_ctl', 0, ...expected);
    endOfTurn(thread);
    if (transport === 'nio') thread.call('epoll_ctl', 0, ...expected);
  }

  /** Another thread has written to the eventfd. */
  function wake({ thread }: ChannelRig): void {
    thread.ready([0, k.EPOLLIN]);
    if (transport === 'nio') return void thread.call('read', 8);
    thread.call('clock_gettime', 0);
    thread.call('clock_gettime', 0);
  }
});

describe('over the edge-triggered transport', () => {
  const off = whenRead((ctx, _msg, on) => ctx.channel.setAutoRead(false, on));

  it('reading that is turned on again after a full buffer reads at once: no edge will come [doBeginRead] [B7]', () => {
    const r = open('epoll', [off]);
    const { thread, channel } = r;
    events(thread, k.EPOLLIN);
    thread.call('read', 2048, FD, 2048);
    thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, flags('epoll', 0));
    endOfTurn(thread);
    r.does((on) => r.loop.execute(on, (self) => channel.setAutoRead(true, self)));
    r.other.call('write', 8);
    thread.ready([0, k.EPOLLIN]);
    thread.call('clock_gettime', 0);
    thread.call('clock_gettime', 0);
    thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, flags('epoll', k.EPOLLIN));
    thread.call('read', 7, FD, 32_768);
    expect(thread.at).toBe('epoll_ctl');
  });

  it('after a short read it waits for the next edge', () => {
    const r = open('epoll', [off]);
    const { thread, channel } = r;
    events(thread, k.EPOLLIN);
    thread.call('read', 2000, FD, 2048);
    thread.call('epoll_ctl', 0);
    endOfTurn(thread);
    r.does((on) => r.loop.execute(on, (self) => channel.setAutoRead(true, self)));
    r.other.call('write', 8);
    thread.ready([0, k.EPOLLIN]);
    thread.call('clock_gettime', 0);
    thread.call('clock_gettime', 0);
    thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, flags('epoll', k.EPOLLIN));
    endOfTurn(thread);
    expect(thread.at).toBe('epoll_wait');
  });

  it('once the peer has sent its FIN it reads to the end, whatever autoRead says, one read for each task [epollRdHupReady] [B3]', () => {
    const { thread, log } = open('epoll', [off]);
    events(thread, k.EPOLLIN | k.EPOLLRDHUP);
    thread.call('read', 2048);
    thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, flags('epoll', 0));
    // EPOLLRDHUP, in the same event.
    thread.call('read', 32_768);
    thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, k.EPOLLET);
    thread.call('clock_gettime', 0);
    thread.call('read', 10);
    thread.call('read', 0);
    thread.call('close', 0, FD);
    endOfTurn(thread);
    expect(log.filter((l) => l.startsWith('read'))).toEqual(['read 2048', 'read 32768', 'read 10']);
    expect(log.at(-1)).toBe('inactive');
  });

  it('level-triggered it is not even heard of while reading is off [B8]', () => {
    const { thread } = open('nio', [off]);
    events(thread, k.EPOLLIN);
    thread.call('read', 2048);
    endOfTurn(thread);
    thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_DEL, FD);
    expect(thread.at).toBe('epoll_wait');
  });

  it('[mutant et-read-stopped-early] forgets the rest', () => {
    const { thread } = open('epoll', [], {
      mutant: 'et-read-stopped-early',
      maxMessagesPerRead: 1,
    });
    events(thread, k.EPOLLIN);
    thread.call('read', 2048);
    endOfTurn(thread);
    expect(thread.at).toBe('epoll_wait');
  });
});

describe('over the level-triggered transport', () => {
  it('reading that goes off and on again within a turn costs no system call [EPollSelectorImpl.processUpdateQueue]', () => {
    const { thread, probe } = open('nio', [
      whenRead(function* (ctx, _msg, on) {
        yield* ctx.channel.setAutoRead(false, on);
        yield* ctx.channel.setAutoRead(true, on);
      }),
    ]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    endOfTurn(thread);
    expect(thread.at).toBe('epoll_wait');
    expect(probe.counts).toMatchObject({ auto_read_off: 1, auto_read_on: 1 });
  });
});
