/**
 * A server on Netty's event loops: a boss that accepts, and as many loops as twice the cores, over which the connections are
 * spread for life. Each reads without being asked, whatever has become of the answers, unless a handler turns that off.
 */
import type { Sys, ThreadBody } from '../../kernel/syscall.ts';
import type { AppEnv } from '../env.ts';
import type { LoopOptions, NettyOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { bind } from './bootstrap.ts';
import type { Channel, ChannelConfig } from './channel.ts';
import { EventLoop, EventLoopGroup } from './event-loop.ts';
import { addCodec, needsBytes } from './frames.ts';
import { ReadTimeoutHandler } from './idle.ts';
import { LoopMeters } from './meters.ts';
import { RecvAllocator } from './recv-allocator.ts';
import {
  AutoReadHandler,
  BlockingHandler,
  Business,
  InlineHandler,
  OffloadHandler,
} from './server-handlers.ts';
import { ThreadPool } from './thread-pool.ts';
import { Work } from '../work.ts';

export function* nettyServer(sys: Sys, o: NettyOptions, probe: Probe, env: AppEnv): ThreadBody {
  const meters = new LoopMeters(probe, env.mutant);
  // NioEventLoopGroup's default: twice the available processors.
  const n = o.loops ?? 2 * env.cpus;
  const parent = yield* EventLoop.open(sys, 'boss', o.transport, meters, o.ioRatio);
  const children = yield* EventLoopGroup.open(sys, n, 'loop', o.transport, meters, o.ioRatio);
  const config = {
    ...channelConfig(o, true, env),
    allowHalfClosure: o.allowHalfClosure ?? false,
  };
  const init = initializer(o, probe, env);
  yield* bind(sys, {
    listen: o,
    childSockopt: o.childSockopt,
    parent,
    children,
    config,
    meters,
    init,
  });
}

/** @param autoRead at the start */
export function channelConfig(o: LoopOptions, autoRead: boolean, env: AppEnv): ChannelConfig {
  return {
    autoRead,
    allowHalfClosure: false,
    maxMessagesPerRead: o.maxMessagesPerRead,
    waterMarks: o.waterMarks,
    recvAllocator: (maxMessages) => new RecvAllocator(o.read, maxMessages),
    realBytes: needsBytes(o),
    mutant: env.mutant,
  };
}

/** The pipeline of each connection: blocking, framing, backpressure, work. */
function initializer(o: NettyOptions, probe: Probe, env: AppEnv): (channel: Channel) => void {
  const work = new Work(o, env);
  const business = new Business(o, probe);
  const { offload } = o;
  const pool =
    offload === null ? null : new ThreadPool(offload.threads, offload.queue, offload.policy, probe);
  return ({ pipeline, ordinal }) => {
    if (o.readTimeoutNs > 0) pipeline.addLast(new ReadTimeoutHandler(o.readTimeoutNs));
    if (o.pauseNs > 0) pipeline.addLast(new BlockingHandler(o.pauseNs));
    addCodec(pipeline, o);
    if (o.backpressure === 'auto-read') pipeline.addLast(new AutoReadHandler());
    const own = work.of(ordinal);
    pipeline.addLast(
      pool === null
        ? new InlineHandler(business, own, probe)
        : new OffloadHandler(business, own, probe, pool),
    );
  };
}
