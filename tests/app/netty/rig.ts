/** An event loop on a thread of its own, driven by hand: the test is its kernel. */
import type { QueueMeter } from '../../../src/base/queue-meter.ts';
import { Channel, type ChannelConfig } from '../../../src/app/netty/channel.ts';
import { EventLoop } from '../../../src/app/netty/event-loop.ts';
import type { ChannelHandler, WritePromise } from '../../../src/app/netty/handler.ts';
import { LoopMeters } from '../../../src/app/netty/meters.ts';
import { RecvAllocator } from '../../../src/app/netty/recv-allocator.ts';
import { ThreadWorker } from '../../../src/app/netty/thread-worker.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Task, Worker } from '../../../src/app/worker.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { Driver, FakeProbe } from '../driver.ts';

export const EP = 3;
export const EVENTFD = 4;
export const FD = 9;
/** The integer that comes back with the events of the eventfd, and of the first channel. */
export const WAKEUP = 0;
/** Where a driver is when its thread has ended. */
export const ENDED = 'ended';
export const CHANNEL = 1;

export interface Rig {
  readonly loop: EventLoop;
  readonly probe: FakeProbe;
  /** Tasks that wait for the loop. */
  readonly tasks: QueueMeter;
  /** The loop's thread. */
  readonly thread: Driver;
  /** Another thread: gives it tasks and runs what they are given. */
  readonly other: Driver;
  /** What `other` does next; it stands in nanosleep in between. */
  does(what: (on: Worker) => Sub<unknown>): void;
}

/** A loop that has run `first` as far as its first system call. */
export function rig(transport: 'nio' | 'epoll', first: Task): Rig {
  const probe = new FakeProbe();
  const meters = new LoopMeters(probe);
  let loop: EventLoop | null = null;
  let next: (on: Worker) => Sub<unknown> = (on) => loop!.execute(on, first);
  const other = new Driver(function* (sys) {
    loop = yield* EventLoop.open(sys, 'loop', transport, meters);
    const self = new ThreadWorker('other', sys);
    for (;;) {
      yield* next(self);
      yield sys.nanosleep(1);
    }
  });
  other.call('epoll_create', EP);
  other.call('eventfd', EVENTFD, 0, 0, k.NONBLOCK);
  const trigger = transport === 'epoll' ? k.EPOLLET : 0;
  other.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, EVENTFD, k.EPOLLIN | trigger, WAKEUP);
  other.call('clone', 2);
  const thread = new Driver(other.spawned[0]!);
  return {
    loop: loop!,
    probe,
    tasks: probe.meters.find((m) => m.name === 'tasks')!,
    thread,
    other,
    does(what) {
      next = what;
      other.call('nanosleep', 0);
    },
  };
}

export interface ChannelRig extends Rig {
  readonly channel: Channel;
}

/** A loop with one channel that has become active; the thread stands in the epoll_wait after that. */
export function channelRig(
  transport: 'nio' | 'epoll',
  handlers: readonly ChannelHandler[],
  config: Partial<ChannelConfig> = {},
): ChannelRig {
  let channel: Channel | null = null;
  const r = rig(transport, function* (on) {
    channel = new Channel(
      FD,
      on as EventLoop,
      { ...CONFIG, ...config },
      new LoopMeters(r.probe),
      SNDBUF,
    );
    for (const handler of handlers) channel.pipeline.addLast(handler);
    yield* channel.unsafe.register();
  });
  const { thread } = r;
  thread.ready();
  const reads = config.autoRead ?? true;
  if (transport === 'nio') {
    thread.call('clock_gettime', 0);
    if (reads) thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, FD, k.EPOLLIN, CHANNEL);
  } else {
    const bare = k.EPOLLRDHUP | k.EPOLLET;
    thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, FD, bare, CHANNEL);
    if (reads) thread.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, bare | k.EPOLLIN, CHANNEL);
    thread.call('clock_gettime', 0);
  }
  return { ...r, channel: channel! };
}

/** SO_SNDBUF of the channel: a gathering write takes up to twice as much at first. */
export const SNDBUF = 50_000;
const CONFIG: ChannelConfig = {
  autoRead: true,
  allowHalfClosure: false,
  maxMessagesPerRead: 16,
  waterMarks: { low: 32_768, high: 65_536 },
  recvAllocator: (maxMessages) => new RecvAllocator(65_536, maxMessages),
  realBytes: false,
  mutant: null,
};

/** The thread has `events` for its channel; the clock that times the I/O has been asked. */
export function events(thread: Driver, bits: number): void {
  thread.ready([CHANNEL, bits]);
  thread.call('clock_gettime', 0);
}

/** Finishes the turn: the clock once more, what tasks there are, and back to epoll_wait. */
export function endOfTurn(thread: Driver): void {
  for (let i = 0; thread.at === 'clock_gettime' && i < 3; i++) thread.call('clock_gettime', 0);
}

/** A promise that writes down what it is told. */
export function promiseOf(log: unknown[], name: string): WritePromise {
  return {
    // oxlint-disable-next-line require-yield -- it only writes down
    *complete(_on, ok) {
      log.push(`${name} ${ok ? 'ok' : 'failed'}`);
    },
  };
}
