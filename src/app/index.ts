/**
 * What a server of one's own is written with, `hostwire/app`: the function that gives it its types, the system calls with
 * their constants and buffers, and the parts that the built-in models are made of.
 *
 * An entry of its own, apart from `hostwire`: a module that runs inside a simulated thread has no use for the simulator,
 * and loads in a fraction of the time (docs/decisions/0004-own-servers.md).
 */
export { app, type AppContext, listenOn, type ListenChoices, type UserMain } from './user.ts';
export type { Plain } from './user-options.ts';
export type { AppEnv, Target } from './env.ts';
export type { AppLaw, Probe } from './probe.ts';
export type { ListenOptions, SockOpts, Spread } from './options.ts';
export type { QueueMeter } from '../base/queue-meter.ts';
export type { Keyed, Random, Stream } from '../base/random.ts';
export type { Duration, Instant } from '../base/units.ts';

// System calls.
export type { Fd, Sys, ThreadBody, ThreadStart, Trap } from '../kernel/syscall.ts';
export { EpollEvents, FD_SETSIZE, FdSet, Futex, PollFd, TcpInfo } from '../kernel/syscall.ts';
export {
  EPOLLIN,
  EPOLLPRI,
  EPOLLOUT,
  EPOLLERR,
  EPOLLHUP,
  POLLNVAL,
  EPOLLRDNORM,
  EPOLLWRNORM,
  EPOLLRDHUP,
  EPOLLEXCLUSIVE,
  EPOLLWAKEUP,
  EPOLLONESHOT,
  EPOLLET,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  NONBLOCK,
  EFD_SEMAPHORE,
  CLOCK_REALTIME,
  CLOCK_MONOTONIC,
  INFINITE,
} from '../kernel/syscall.ts';
export {
  SOL_SOCKET,
  IPPROTO_TCP,
  SO_REUSEADDR,
  SO_ERROR,
  SO_SNDBUF,
  SO_RCVBUF,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_REUSEPORT,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SO_ACCEPTCONN,
  SO_MEMINFO,
  TCP_NODELAY,
  TCP_MAXSEG,
  TCP_CORK,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_KEEPCNT,
  TCP_LINGER2,
  TCP_WINDOW_CLAMP,
  TCP_INFO,
  TCP_QUICKACK,
  TCP_CONGESTION,
  TCP_USER_TIMEOUT,
  TCP_NOTSENT_LOWAT,
  SHUT_RD,
  SHUT_WR,
  SHUT_RDWR,
  MSG_PEEK,
  MSG_DONTWAIT,
  MSG_WAITALL,
  MSG_NOSIGNAL,
  MSG_MORE,
} from '../kernel/syscall.ts';
export {
  EPERM,
  ENOENT,
  EINTR,
  EIO,
  EBADF,
  EAGAIN,
  ENOMEM,
  EFAULT,
  EBUSY,
  EEXIST,
  EINVAL,
  ENFILE,
  EMFILE,
  EPIPE,
  ENOSYS,
  ELOOP,
  EPROTO,
  ENOTSOCK,
  EDESTADDRREQ,
  EMSGSIZE,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EADDRINUSE,
  EADDRNOTAVAIL,
  ENETUNREACH,
  ECONNABORTED,
  ECONNRESET,
  ENOBUFS,
  EISCONN,
  ENOTCONN,
  ETIMEDOUT,
  ECONNREFUSED,
  EHOSTUNREACH,
  EALREADY,
  EINPROGRESS,
  errnoName,
} from '../base/errno.ts';

// Parts to build with.
export {
  AcceptBackoff,
  isShortage,
  openListener,
  setOptions,
  SOCKET_OPTION_NAMES,
  sleepUntil,
  type Sub,
} from './setup.ts';
export { nextConnection, threadPerConnection } from './blocking/accept.ts';
export { writeAll } from './blocking/write.ts';
export { Mutex } from './mutex.ts';
export { type Amount, type Distribution, draw, type Draws } from '../base/distribution.ts';
export { spread } from './spread.ts';
export { FixedFrames } from './codec/fixed.ts';
export { FixedLengthDecoder } from './codec/fixed-length.ts';
export { DelimiterDecoder, encodeDelimited } from './codec/delimiter.ts';
export { type FrameDecoder, FrameError, TooLongFrameError } from './codec/frame.ts';
export type { FrameOptions } from './codec/frame-options.ts';
export { type HttpEvent, type HttpLimits, HttpDecoder } from './codec/http.ts';
export { type HttpHead, HttpError, fieldOf } from './codec/http-head.ts';
export { requestHead, responseHead } from './codec/http-write.ts';
export { JsonDecoder } from './codec/json.ts';
export { encodeLengthField, LengthFieldDecoder } from './codec/length-field.ts';
export { encodeLine, LineDecoder } from './codec/line.ts';
export { parseBytes, parseDuration, parseRate } from '../base/quantity.ts';

// Event loops and Reactive Streams.
export type { Cancellable, Task, Worker } from './worker.ts';
export { bind, type ServerOptions } from './netty/bootstrap.ts';
export type { Channel, ChannelConfig } from './netty/channel.ts';
export { connect, type ClientOptions } from './netty/connect.ts';
export { EventLoopGroup } from './netty/event-loop.ts';
export { type IdleState, IdleStateHandler, ReadTimeoutHandler } from './netty/idle.ts';
export {
  type ChannelHandler,
  type ChannelHandlerContext,
  INPUT_SHUTDOWN,
  INPUT_SHUTDOWN_READ_COMPLETE,
  type UserEvent,
  type WritePromise,
} from './netty/handler.ts';
export type { StreamTrace } from './reactive/assembly.ts';
export { ConnectableFlux, type Disposable } from './reactive/connectable-flux.ts';
export { UNBOUNDED } from './reactive/demand.ts';
export {
  CancellationError,
  OverflowError,
  RejectedError,
  RetryExhaustedError,
  TimeoutError,
} from './reactive/errors.ts';
export { Flux } from './reactive/flux.ts';
export { Mono } from './reactive/mono.ts';
export type { EmitResult } from './reactive/processors/emission.ts';
export { EmitterProcessor } from './reactive/processors/emitter.ts';
export { ReplayProcessor } from './reactive/processors/replay.ts';
export { UnicastProcessor } from './reactive/processors/unicast.ts';
export { type BackoffOptions, Retry, type RetryRule, type RetrySignal } from './reactive/retry.ts';
export type { Scheduler } from './reactive/scheduler.ts';
export { Schedulers } from './reactive/schedulers.ts';
export { type ManySink, type OneSink, Sinks } from './reactive/sinks.ts';
export type { FluxSink, OverflowStrategy } from './reactive/sources/create.ts';
export { type Consumers, LambdaSubscriber } from './reactive/subscriber.ts';
export type { Processor, Publisher, Subscriber, Subscription } from './reactive/streams.ts';
export { ByteBufFlux, bytesOf, type Inbound } from './reactor-netty/inbound.ts';
export type { Outbound } from './reactor-netty/outbound.ts';
export type {
  Connection,
  ConnectionObserver,
  ConnectionState,
} from './reactor-netty/connection-observer.ts';
export {
  PoolAcquirePendingLimitError,
  PoolAcquireTimeoutError,
  type PoolOptions,
} from './reactor-netty/connection-pool.ts';
export { TcpClient, type TcpClientOptions } from './reactor-netty/tcp-client.ts';
export { type Handler, TcpServer, type TcpServerOptions } from './reactor-netty/tcp-server.ts';
