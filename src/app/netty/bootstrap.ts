/**
 * A listening channel and what it makes of accepted connections (io.netty.bootstrap.ServerBootstrap and its acceptor,
 * AbstractNioMessageChannel, AbstractEpollServerChannel): up to 16 are accepted in one go, each gets its options there and
 * a loop in turn, and starts to live on that loop. Over nio all of them are accepted first, and then each gets its child
 * options and its loop; natively one after the other.
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

/** A connection that has a channel and no loop yet. */
interface Accepted {
  readonly fd: Fd;
  readonly sndbuf: number;
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
    const nio = parent.transport === 'nio';
    /** nio: those that wait until accept() has been called for the last time (readBuf). */
    const accepted: Accepted[] = [];
    let r = 0;
    for (let i = 0; i < ACCEPTS_PER_LOOP; i++) {
      r = yield parent.sys.accept(this.fd, k.NONBLOCK);
      if (r === -k.ECONNABORTED) continue;
      if (r < 0) break;
      const made = yield* this.make(r);
      if (nio) accepted.push(made);
      else yield* this.child(made);
    }
    for (const made of accepted) yield* this.child(made);
    if (isShortage(r)) {
      meters.probe.count('failed', 1);
      yield* this.pause();
    } else if (!nio && (r >= 0 || r === -k.ECONNABORTED)) {
      // No second edge comes for those that still wait.
      yield* parent.execute(parent, () => this.ready());
    }
  }

  /** new NioSocketChannel(), new EpollSocketChannel() */
  private *make(fd: Fd): Sub<Accepted> {
    const { parent, meters, listen } = this.o;
    meters.probe.count('connections', 1);
    // DefaultSocketChannelConfig turns Nagle off; what the scenario says about it is a child option and comes after.
    const nodelay = listen.sockopt['TCP_NODELAY'] ?? 1;
    yield parent.sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_NODELAY, Number(nodelay));
    return { fd, sndbuf: yield* this.sndbuf(fd) };
  }

  /** Of which twice is the first guess at a gathering write (calculateMaxBytesPerGatheringWrite()). */
  private *sndbuf(fd: Fd): Sub<number> {
    return yield this.o.parent.sys.getsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF);
  }

  /** ServerBootstrapAcceptor.channelRead() */
  private *child(made: Accepted): Sub<void> {
    const { parent, children, config, meters, init, childSockopt = {} } = this.o;
    const { fd } = made;
    yield* setOptions(parent.sys, fd, childSockopt);
    // Guessed anew when it has been set (setSendBufferSize()).
    const sndbuf = childSockopt['SO_SNDBUF'] === undefined ? made.sndbuf : yield* this.sndbuf(fd);
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
