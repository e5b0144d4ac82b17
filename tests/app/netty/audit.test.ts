// What Netty 4.1 does, line by line (docs/decisions/0003 and the facts of its source): the lines that other tests here do not
// hold, and a list that says which test holds which.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import { ChannelException } from '../../../src/app/netty/exceptions.ts';
import {
  INPUT_SHUTDOWN,
  type ChannelHandler,
  type UserEvent,
} from '../../../src/app/netty/handler.ts';
import { LoopMeters } from '../../../src/app/netty/meters.ts';
import { EventLoop } from '../../../src/app/netty/event-loop.ts';
import { NETTY_DEFAULTS, REACTIVE_DEFAULTS } from '../../../src/app/options.ts';
import { ThreadWorker } from '../../../src/app/netty/thread-worker.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Task, Worker } from '../../../src/app/worker.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { Driver, FakeProbe } from '../driver.ts';
import { channelRig, endOfTurn, events, EP, FD, promiseOf } from './rig.ts';

/** A handler that writes down the events that it is told of, and passes them on. */
function witness(name: string, log: string[]): ChannelHandler {
  function* say(what: string): Sub<void> {
    log.push(`${name} ${what}`);
    yield* [];
  }
  return {
    handlerAdded: () => say('added'),
    handlerRemoved: () => say('removed'),
    *channelRegistered(ctx, on) {
      yield* say('registered');
      yield* ctx.fireChannelRegistered(on);
    },
    *channelUnregistered(ctx, on) {
      yield* say('unregistered');
      yield* ctx.fireChannelUnregistered(on);
    },
    *channelActive(ctx, on) {
      yield* say('active');
      yield* ctx.fireChannelActive(on);
    },
    *channelInactive(ctx, on) {
      yield* say('inactive');
      yield* ctx.fireChannelInactive(on);
    },
    *channelRead(ctx, msg, on) {
      yield* say(`read ${msg.bytes}`);
      yield* ctx.fireChannelRead(msg, on);
    },
    *userEventTriggered(ctx, event, on) {
      yield* say(event.name);
      yield* ctx.fireUserEventTriggered(event, on);
    },
    *write(ctx, msg, promise, on) {
      yield* say(`write ${msg.bytes}`);
      yield* ctx.write(msg, promise, on);
    },
  };
}

describe('a pipeline [DefaultChannelPipeline]', () => {
  it('tells inbound events from the head to the tail, outbound ones from the tail to the head', () => {
    const log: string[] = [];
    const answers: ChannelHandler = {
      *channelRead(ctx, _msg, on) {
        yield* ctx.channel.write(ByteBuf.pattern(7), null, on);
      },
    };
    const { thread } = channelRig('nio', [witness('a', log), witness('b', log), answers]);
    expect(log).toEqual([
      'a added',
      'b added',
      'a registered',
      'b registered',
      'a active',
      'b active',
    ]);
    log.length = 0;
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    expect(log).toEqual(['a read 5', 'b read 5', 'b write 7', 'a write 7']);
  });

  it('tells them that the channel is closed, and then, from the last to the first, that they are out [destroy]', () => {
    const log: string[] = [];
    const { thread } = channelRig('nio', [witness('a', log), witness('b', log)]);
    log.length = 0;
    events(thread, k.EPOLLIN);
    thread.call('read', 0);
    thread.call('close', 0);
    endOfTurn(thread);
    expect(log).toEqual([
      'a inactive',
      'b inactive',
      'a unregistered',
      'b unregistered',
      'b removed',
      'a removed',
    ]);
  });

  it('takes handlers in and out while the channel is open; an event under way goes on from where it is', () => {
    const log: string[] = [];
    const [a, b, c] = [witness('a', log), witness('b', log), witness('c', log)];
    const changes: ChannelHandler = {
      *channelRead(ctx, msg, on) {
        const { pipeline } = ctx.channel;
        yield* pipeline.remove(b, on);
        yield* pipeline.insert(c, a, on);
        yield* pipeline.remove(changes, on);
        yield* ctx.fireChannelRead(msg, on);
      },
    };
    const { thread, channel } = channelRig('nio', [a, changes, b]);
    log.length = 0;
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    endOfTurn(thread);
    expect(log).toEqual(['a read 5', 'b removed', 'c added']);
    expect([...channel.pipeline.handlers()]).toEqual([a, c]);
    log.length = 0;
    events(thread, k.EPOLLIN);
    thread.call('read', 6);
    expect(log).toEqual(['a read 6', 'c read 6']);
    expect(() => channel.pipeline.addLast(b)).toThrow('registered');
    expect(() => channel.pipeline.remove(b, channel.eventLoop).next(0)).toThrow(
      'not in the pipeline',
    );
  });

  it('carries events of the handlers’ own; what one throws there goes to its own exceptionCaught', () => {
    const log: string[] = [];
    const mine: UserEvent = { name: 'mine' };
    const fires: ChannelHandler = {
      *channelRead(ctx, _msg, on) {
        yield* ctx.fireUserEventTriggered(mine, on);
      },
    };
    const throws: ChannelHandler = {
      *userEventTriggered() {
        yield* [];
        throw new ChannelException('no');
      },
      *exceptionCaught(_ctx, cause) {
        log.push(cause.message);
        yield* [];
      },
    };
    const { thread } = channelRig('nio', [fires, witness('a', log), throws]);
    log.length = 0;
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    expect(log).toEqual(['a mine', 'no']);
  });
});

/** A loop with this ratio that is woken for a channel's I/O of `io` ns with `tasks` tasks waiting. @returns how many it runs */
function ran(ioRatio: number, io: number, tasks: number, each: number): number {
  const probe = new FakeProbe();
  let loop: EventLoop | null = null;
  const other = new Driver(function* (sys) {
    loop = yield* EventLoop.open(sys, 'loop', 'nio', new LoopMeters(probe), ioRatio);
    const self = new ThreadWorker('other', sys);
    yield* loop.execute(self, function* (on: Worker) {
      const target = {
        *ready(): Sub<void> {
          for (let i = 0; i < tasks; i++) yield* loop!.execute(on, task);
        },
      };
      yield* (on as EventLoop).register(FD, target, k.EPOLLIN);
    });
  });
  const task: Task = function* (on) {
    yield on.sys.compute(1);
  };
  while (other.at !== 'ended') other.call(other.at, EP);
  const thread = new Driver(other.spawned[0]!);
  thread.ready();
  while (thread.at === 'clock_gettime') thread.call('clock_gettime', 0);
  thread.call('epoll_ctl', 0);
  thread.ready([1, k.EPOLLIN]);
  let now = 0;
  let calls = 0;
  let computed = 0;
  // With 100 nobody asks what the I/O has taken.
  for (; thread.at !== 'epoll_wait';) {
    if (thread.at === 'compute') {
      computed++;
      now += each;
      thread.call('compute', 0);
    } else {
      if (ioRatio < 100 && ++calls === 2) now += io;
      thread.call('clock_gettime', now);
    }
  }
  return computed;
}

/** Answers calls with 0 until one of these comes. */
function until(thread: Driver, ...names: string[]): void {
  while (!names.includes(thread.at)) thread.call(thread.at, 0);
}

describe('a turn of the loop', () => {
  it.each([
    // Time for tasks is io · (100 − ratio) / ratio, looked at every 64.
    [50, 1_000, 320, 10, 128],
    [80, 1_000, 320, 10, 64],
    [20, 1_000, 640, 10, 448],
    // At 100 the I/O leaves no time, and all tasks run all the same.
    [100, 1_000, 320, 10, 320],
  ])(
    'with ioRatio %i and %i ns of I/O runs, of %i tasks of %i0 ns, %i [NioEventLoop.run] [B1]',
    (ratio, io, tasks, each, expected) => {
      expect(ran(ratio, io, tasks, each)).toBe(expected);
    },
  );

  it('writes before it reads: OP_WRITE, then OP_READ [processSelectedKey] [B3]', () => {
    const { thread, channel, loop } = channelRig('nio', []);
    const writes: Task = (on) => channel.writeAndFlush(ByteBuf.pattern(10), null, on);
    events(thread, k.EPOLLIN);
    thread.call('read', -k.EAGAIN);
    endOfTurn(thread);
    const other = new Driver(function* (sys) {
      yield* loop.execute(new ThreadWorker('other', sys), writes);
    });
    other.call('write', 8);
    thread.ready([0, k.EPOLLIN]);
    thread.call('read', 8);
    until(thread, 'write');
    thread.call('write', -k.EAGAIN);
    until(thread, 'epoll_wait');
    events(thread, k.EPOLLIN | k.EPOLLOUT);
    thread.call('write', 10, FD, 10);
    expect(thread.at).toBe('read');
  });
});

describe.each(['nio', 'epoll'] as const)('with ALLOW_HALF_CLOSURE, over %s', (transport) => {
  it('the peer’s FIN ends reading and is an event; the channel goes on writing [closeOnRead] [B4]', () => {
    const log: string[] = [];
    const r = channelRig(transport, [witness('a', log)], { allowHalfClosure: true });
    const { thread, channel, loop } = r;
    log.length = 0;
    events(thread, transport === 'nio' ? k.EPOLLIN : k.EPOLLIN | k.EPOLLRDHUP);
    thread.call('read', 0);
    thread.call('shutdown', 0, FD, k.SHUT_RD);
    until(thread, 'read', 'epoll_wait');
    // Level-triggered the socket is still readable; edge-triggered it is read again in any case.
    if (thread.at === 'epoll_wait') events(thread, k.EPOLLIN);
    thread.call('read', 0);
    until(thread, 'epoll_wait');
    expect(log).toEqual(['a ChannelInputShutdownEvent', 'a ChannelInputShutdownReadComplete']);
    expect(channel.isActive).toBe(true);
    const other = new Driver(function* (sys) {
      yield* loop.execute(new ThreadWorker('other', sys), (on) =>
        channel.writeAndFlush(ByteBuf.pattern(10), promiseOf(log, 'write'), on),
      );
    });
    other.call('write', 8);
    thread.ready([0, k.EPOLLIN]);
    until(thread, 'write');
    thread.call('write', 10, FD, 10);
    expect(log.at(-1)).toBe('write ok');
  });

  it('nobody is told of it when it is off: the channel closes', () => {
    const log: string[] = [];
    const { thread, channel } = channelRig(transport, [witness('a', log)]);
    events(thread, k.EPOLLIN);
    thread.call('read', 0);
    thread.call('close', 0, FD);
    expect(channel.isActive).toBe(false);
    expect(log).not.toContain(`a ${INPUT_SHUTDOWN.name}`);
  });
});

describe('the outbound buffer and its flush', () => {
  it('says how much fits: one byte more than to the high mark, 0 when it is over it [bytesBeforeUnwritable] [B9.3]', () => {
    const seen: number[] = [];
    const handler: ChannelHandler = {
      *channelRead({ channel }, _msg, on) {
        seen.push(channel.bytesBeforeUnwritable);
        yield* channel.write(ByteBuf.pattern(65_536 - 96), null, on);
        seen.push(channel.bytesBeforeUnwritable);
        yield* channel.write(ByteBuf.pattern(0), null, on);
        seen.push(channel.bytesBeforeUnwritable, channel.bytesBeforeWritable);
      },
    };
    const { thread } = channelRig('nio', [handler]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    expect(seen).toEqual([65_537, 1, 0, 65_632 - 32_768 + 1]);
  });

  it('is not re-entered: what a promise writes and flushes goes out in the same flush [inFlush0] [B11]', () => {
    let left = 3;
    const handler: ChannelHandler = {
      *channelRead(ctx, _msg, on) {
        function* again(by: Worker): Sub<void> {
          if (left-- > 0)
            yield* ctx.writeAndFlush(ByteBuf.pattern(10 + left), { complete: again }, by);
        }
        yield* again(on);
      },
    };
    const { thread } = channelRig('nio', [handler]);
    events(thread, k.EPOLLIN);
    thread.call('read', 5);
    // Three writes one after the other, with nothing in between.
    for (const n of [12, 11, 10]) thread.call('write', n, FD, n);
    expect(left).toBe(-1);
  });
});

it('the defaults are Netty’s [B13]', () => {
  expect(NETTY_DEFAULTS).toMatchObject({
    backlog: 4096,
    read: 65_536,
    maxMessagesPerRead: 16,
    waterMarks: { low: 32_768, high: 65_536 },
    loops: null,
    backpressure: 'none',
  });
  expect(NETTY_DEFAULTS.allowHalfClosure ?? false).toBe(false);
  expect(NETTY_DEFAULTS.ioRatio ?? 50).toBe(50);
  expect(REACTIVE_DEFAULTS.waterMarks).toEqual(NETTY_DEFAULTS.waterMarks);
});

/** Lines that nothing holds, and why. */
const NOT_HELD: Readonly<Record<string, string>> = {
  B2: 'a selector that returns without reason is a bug of the JDK and of old kernels; ours has no such bug',
};

it('each line has a test that names it, or a reason', () => {
  const folder = import.meta.dirname;
  const texts = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
  const lines = [
    ...Array.from({ length: 14 }, (_, i) => `B${i + 1}`).filter((line) => line !== 'B9'),
    ...Array.from({ length: 6 }, (_, i) => `B9.${i + 1}`),
  ];
  const named = new Set(texts.flatMap((text) => text.match(/\[B[\d.]+\](?=[^\n]*['`],?)/g) ?? []));
  expect(lines.filter((line) => !named.has(`[${line}]`) && !(line in NOT_HELD))).toEqual([]);
  expect(lines.filter((line) => named.has(`[${line}]`) && line in NOT_HELD)).toEqual([]);
});
