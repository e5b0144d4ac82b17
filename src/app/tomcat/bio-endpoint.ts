/**
 * The blocking connector of Tomcat 7 (org.apache.tomcat.util.net.JIoEndpoint): each accepted socket goes to the executor at once, and a
 * thread waits in read() for its request. A connection that stays is given to the executor again after each answer, so it has a
 * thread whether it asks or not; with more than disableKeepAlivePercentage of the threads busy, connections do not stay.
 *
 * A read with a time-out is poll(2), then recv(2), as in the JDK's SocketInputStream of that time.
 */
import {
  EPOLLIN,
  ETIMEDOUT,
  INFINITE,
  PollFd,
  type Fd,
  type Sys,
  type ThreadBody,
} from '../../kernel/syscall.ts';
import { writeAll } from '../blocking/write.ts';
import { HTTP_LIMITS, HttpDecoder, type HttpLimits } from '../codec/http.ts';
import type { AppEnv } from '../env.ts';
import type { TomcatOptions } from '../options.ts';
import type { Sub } from '../setup.ts';
import { type ConnectionWork, Work } from '../work.ts';
import { acceptConnections } from './acceptor.ts';
import { Executor, type PoolThread } from './executor.ts';
import { HttpProcessor, type Wire } from './http-processor.ts';
import type { LimitLatch } from './limit-latch.ts';
import type { TomcatMeters } from './meters.ts';
import { millis } from './poller.ts';

const MS = 1_000_000;

/** The acceptor's thread, which makes the others. */
export function* bioEndpoint(
  sys: Sys,
  o: TomcatOptions,
  listener: Fd,
  latch: LimitLatch,
  meters: TomcatMeters,
  env: AppEnv,
): ThreadBody {
  const executor = new Executor(o, meters, env.mutant);
  const endpoint = new BioEndpoint(o, executor, latch, meters);
  yield* executor.prestart(sys);
  const work = new Work(o, env);
  let accepted = 0;
  yield* acceptConnections(sys, listener, o, latch, meters, (fd) =>
    endpoint.launch(sys, new BioSocket(fd, o, endpoint.limits, work.of(accepted++))),
  );
}

class BioEndpoint {
  readonly limits: HttpLimits;
  private readonly o: TomcatOptions;
  private readonly executor: Executor;
  private readonly latch: LimitLatch;
  private readonly meters: TomcatMeters;
  private readonly processor: HttpProcessor;

  constructor(o: TomcatOptions, executor: Executor, latch: LimitLatch, meters: TomcatMeters) {
    this.o = o;
    this.limits = { ...HTTP_LIMITS, head: o.maxHttpHeaderSize };
    this.executor = executor;
    this.latch = latch;
    this.meters = meters;
    this.processor = new HttpProcessor(o, meters.probe);
  }

  /** Gives the socket to the executor, or closes it. */
  *launch(sys: Sys, socket: BioSocket): Sub<void> {
    const accepted = yield* this.executor.execute(sys, (thread) => this.process(thread, socket));
    if (!accepted) yield* this.close(sys, socket);
  }

  /** SocketProcessor.run() */
  private *process(on: PoolThread, socket: BioSocket): Sub<void> {
    // setKeepAliveLeft(0), which nobody looks at where requests are not counted.
    if (this.isShortOfThreads && socket.keepAliveLeft < Infinity) socket.keepAliveLeft = 0;
    const state = yield* this.processor.service(on, socket);
    if (state === 'closed') return yield* this.close(on.sys, socket);
    socket.lastAccess = yield* millis(on.sys);
    yield* this.launch(on.sys, socket);
  }

  /** Http11Processor.disableKeepAlive(): whole per cent, and more than so many. */
  private get isShortOfThreads(): boolean {
    const { maxThreads, disableKeepAlivePercentage } = this.o;
    return Math.floor((this.executor.active * 100) / maxThreads) > disableKeepAlivePercentage;
  }

  private *close(sys: Sys, socket: BioSocket): Sub<void> {
    this.meters.connections.leave(this.meters.probe.now());
    yield* this.latch.countDown(sys);
    yield sys.close(socket.fd);
  }
}

class BioSocket implements Wire {
  readonly fd: Fd;
  readonly decoder: HttpDecoder;
  readonly work: ConnectionWork;
  keepAliveLeft: number;
  /** When it was given to the executor again, ms; −1: it is new. */
  lastAccess = -1;
  private readonly soTimeout: number | null;
  private readonly keepAliveTimeout: number | null;
  private readonly poll = [new PollFd(-1, EPOLLIN)];

  constructor(fd: Fd, o: TomcatOptions, limits: HttpLimits, work: ConnectionWork) {
    this.fd = fd;
    this.poll[0]!.fd = fd;
    this.work = work;
    this.decoder = new HttpDecoder('request', limits);
    this.keepAliveLeft = o.maxKeepAliveRequests ?? Infinity;
    this.soTimeout = o.connectionTimeoutNs;
    this.keepAliveTimeout = o.keepAliveTimeoutNs;
  }

  /** setRequestLineReadTimeout(): what it waited for a thread is taken off the time for the next request. */
  *readHead(on: PoolThread, first: boolean): Sub<number> {
    if (!first || this.lastAccess < 0) return yield* this.read(on, this.soTimeout);
    if (this.keepAliveTimeout === null) return yield* this.read(on, null);
    const queued = ((yield* millis(on.sys)) - this.lastAccess) * MS;
    return yield* this.read(on, Math.max(MS, this.keepAliveTimeout - queued));
  }

  readBody(on: PoolThread): Sub<number> {
    return this.read(on, this.soTimeout);
  }

  writeAll(on: PoolThread, data: number | Uint8Array): Sub<number> {
    return writeAll(on.sys, this.fd, data);
  }

  /** breakKeepAliveLoop(): the thread goes on only with what has come already. */
  answered(): boolean {
    return !this.decoder.idle;
  }

  private *read(on: PoolThread, timeout: number | null): Sub<number> {
    const { sys, buffer } = on;
    const ready = yield sys.poll(this.poll, timeout ?? INFINITE);
    if (ready <= 0) return ready < 0 ? ready : -ETIMEDOUT;
    const n = yield sys.read(this.fd, buffer.length, buffer);
    // The next read overwrites the buffer, and the decoder keeps what it is given.
    if (n > 0) this.decoder.feed(buffer.slice(0, n));
    return n;
  }
}
