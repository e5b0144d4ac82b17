/**
 * A channel that connects (io.netty.bootstrap.Bootstrap.connect): its loop calls connect(2) and goes on; the channel is active when
 * the handshake is over, and fails when that takes longer than CONNECT_TIMEOUT_MILLIS.
 */
import * as k from '../../kernel/syscall.ts';
import type { SockOpts } from '../options.ts';
import { setOptions, type Sub } from '../setup.ts';
import type { Cancellable, Worker } from '../worker.ts';
import { Channel, type ChannelConfig } from './channel.ts';
import type { EventLoop } from './event-loop.ts';
import type { LoopMeters } from './meters.ts';

/** ChannelOption.CONNECT_TIMEOUT_MILLIS */
export const CONNECT_TIMEOUT_NS = 30_000_000_000;

export interface ClientOptions {
  readonly addr: number;
  readonly port: number;
  readonly sockopt: SockOpts;
  readonly config: ChannelConfig;
  readonly meters: LoopMeters;
  readonly connectTimeoutNs: number;
  /** ChannelInitializer: puts the handlers into the pipeline, before connect(2). */
  readonly init: (channel: Channel) => void;
}

/**
 * Connects on `loop`, from any worker.
 *
 * @param connected  is told 0 on success, before `channelActive`; else −errno
 */
export function* connect(
  loop: EventLoop,
  o: ClientOptions,
  connected: (result: number, on: Worker) => Sub<void>,
  on: Worker,
): Sub<void> {
  if (on === loop) yield* begin(loop, o, connected);
  else yield* loop.execute(on, () => begin(loop, o, connected));
}

function* begin(
  loop: EventLoop,
  o: ClientOptions,
  connected: (result: number, on: Worker) => Sub<void>,
): Sub<void> {
  const { sys } = loop;
  const fd = yield sys.socket(k.NONBLOCK);
  if (fd < 0) return yield* connected(fd, loop);
  yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_NODELAY, Number(o.sockopt['TCP_NODELAY'] ?? 1));
  yield* setOptions(sys, fd, o.sockopt);
  const sndbuf = yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF);
  const channel = new Channel(fd, loop, o.config, o.meters, sndbuf);
  o.meters.probe.count('connections', 1);
  o.init(channel);
  const { unsafe } = channel;
  const r = yield sys.connect(fd, o.addr, o.port);
  let timer: Cancellable | null = null;
  yield* unsafe.registerConnecting((result, there) => {
    timer?.cancel();
    return connected(result, there);
  });
  // Refused at once, or, over loopback, connected at once: there is nothing to wait for.
  if (r !== -k.EINPROGRESS) return yield* unsafe.finishConnect();
  timer = yield* loop.schedule(loop, () => unsafe.finishConnect(true), o.connectTimeoutNs);
}
