/**
 * A listening channel and what it makes of accepted connections (io.netty.bootstrap.ServerBootstrap and its acceptor,
 * AbstractNioMessageChannel, AbstractEpollServerChannel): up to 16 are accepted in one go, each gets its options there and
 * a loop in turn, and starts to live on that loop.
 *
 * Without a free descriptor the listener is left alone for a second (ServerBootstrapAcceptor.exceptionCaught).
 */
import * as k from '../../kernel/syscall.ts';
import type { Fd, Sys } from '../../kernel/syscall.ts';
import type { ListenOptions, SockOpts } from '../options.ts';
import { isShortage, openListener, setOptions, type Sub } from '../setup.ts';
import { Channel, type ChannelConfig } from './channel.ts';
import type { EventLoop, EventLoopGroup } from './event-loop.ts';
import type { LoopMeters } from './meters.ts';
import type { Selectable, SelectionKey } from './selection-key.ts';
import { ThreadWorker } from './thread-worker.ts';

/** ChannelMetadata.defaultMaxMessagesPerRead of a server channel. */
const ACCEPTS_PER_LOOP = 16;
/** How long the listener is left alone after accept() has failed. */
const PAUSE_NS = 1_000_000_000;

export interface ServerOptions {
  readonly listen: ListenOptions;
  /** ServerBootstrap.childOption() */
  readonly childSockopt?: SockOpts;
  /** The loop that accepts; it may be one of the others. */
  readonly parent: EventLoop;
  readonly children: EventLoopGroup;
  readonly config: ChannelConfig;
  readonly meters: LoopMeters;
  /** ChannelInitializer: puts the handlers into a new channel's pipeline, before it is registered. */
  readonly init: (channel: Channel) => void;
}

/**
 * Binds, and lets the parent loop accept from now on. Called on the program's first thread, which may end then.
 *
 * @throws ScenarioError when the port is taken or an option is refused
 */
export function* bind(sys: Sys, o: ServerOptions): Sub<void> {
  const fd = yield* openListener(sys, o.listen, k.NONBLOCK);
  const server = new ServerChannel(o, fd);
  yield* o.parent.execute(new ThreadWorker('main', sys), () => server.register());
}

class ServerChannel implements Selectable {
  private readonly o: ServerOptions;
  private readonly fd: Fd;
  private key: SelectionKey | null = null;
  private accepted = 0;

  constructor(o: ServerOptions, fd: Fd) {
    this.o = o;
    this.fd = fd;
  }

  *register(): Sub<void> {
    this.key = yield* this.o.parent.register(this.fd, this, k.EPOLLIN);
  }

  *ready(): Sub<void> {
    const { parent, meters } = this.o;
    for (let i = 0; i < ACCEPTS_PER_LOOP; i++) {
      const fd = yield parent.sys.accept(this.fd, k.NONBLOCK);
      if (fd >= 0) yield* this.child(fd);
      else if (isShortage(fd)) {
        meters.probe.count('failed', 1);
        return yield* this.pause();
      } else if (fd !== -k.ECONNABORTED) return;
    }
    // No second edge comes for those that still wait.
    if (parent.transport === 'epoll') yield* parent.execute(parent, () => this.ready());
  }

  /** ServerBootstrapAcceptor.channelRead() */
  private *child(fd: Fd): Sub<void> {
    const { parent, children, config, meters, init, listen } = this.o;
    meters.probe.count('connections', 1);
    // DefaultSocketChannelConfig turns Nagle off; what the scenario says about it is a child option and comes after.
    const nodelay = listen.sockopt['TCP_NODELAY'] ?? 1;
    yield parent.sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_NODELAY, Number(nodelay));
    yield* setOptions(parent.sys, fd, this.o.childSockopt ?? {});
    // Of which twice is the first guess at a gathering write (calculateMaxBytesPerGatheringWrite()).
    const sndbuf = yield parent.sys.getsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF);
    const loop = children.next();
    const channel = new Channel(fd, loop, config, meters, sndbuf);
    channel.ordinal = this.accepted++;
    yield* loop.execute(parent, () => {
      init(channel);
      return channel.unsafe.register();
    });
  }

  private *pause(): Sub<void> {
    const { parent } = this.o;
    yield* parent.setInterest(this.key!, 0);
    yield* parent.schedule(parent, () => parent.setInterest(this.key!, k.EPOLLIN), PAUSE_NS);
  }
}
