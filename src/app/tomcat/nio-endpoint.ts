/**
 * The NIO connector (org.apache.tomcat.util.net.NioEndpoint): an acceptor, a poller, and an executor that serves whoever is ready. A
 * connection without a request costs no thread, nor does a head that comes in pieces; a body that comes in pieces does.
 */
import type { Fd, Sys, ThreadBody } from '../../kernel/syscall.ts';
import { HTTP_LIMITS } from '../codec/http.ts';
import type { AppEnv } from '../env.ts';
import type { TomcatOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import { Work } from '../work.ts';
import { acceptConnections } from './acceptor.ts';
import { Executor, type PoolThread } from './executor.ts';
import { HttpProcessor } from './http-processor.ts';
import type { LimitLatch } from './limit-latch.ts';
import type { TomcatMeters } from './meters.ts';
import { type Endpoint, NioSocket } from './nio-socket.ts';
import { type Dispatch, millis, Poller } from './poller.ts';

const MS = 1_000_000;
const inMs = (ns: number | null): number => (ns === null ? 0 : ns / MS);

/** The acceptor's thread, which makes the others. */
export function* nioEndpoint(
  sys: Sys,
  o: TomcatOptions,
  listener: Fd,
  latch: LimitLatch,
  meters: TomcatMeters,
  env: AppEnv,
): ThreadBody {
  const executor = new Executor(o, meters, env.mutant);
  const processor = new HttpProcessor(o, meters.probe);
  const dispatch: Dispatch = (on, socket, event) =>
    executor.execute(on, (thread) => processSocket(thread, socket, event, processor, meters.probe));
  yield* executor.prestart(sys);
  const poller = yield* Poller.open(sys, dispatch);
  yield sys.spawn((own) => poller.run(own), 'poller');
  const endpoint: Endpoint = {
    poller,
    latch,
    meters,
    limits: { ...HTTP_LIMITS, head: o.maxHttpHeaderSize },
    maxKeepAliveRequests: o.maxKeepAliveRequests ?? Infinity,
    connectionTimeout: inMs(o.connectionTimeoutNs),
    keepAliveTimeout: inMs(o.keepAliveTimeoutNs),
  };
  const work = new Work(o, env);
  let accepted = 0;
  yield* acceptConnections(sys, listener, o, latch, meters, function* (fd) {
    // setSocketOptions()
    yield sys.setNonblock(fd, true);
    const socket = new NioSocket(endpoint, fd, work.of(accepted++), yield* millis(sys));
    yield* poller.register(sys, socket);
  });
}

/** SocketProcessor, and the connection handler behind it: what a thread does with a socket that it was given. */
function* processSocket(
  on: PoolThread,
  socket: NioSocket,
  event: 'read' | 'write' | 'error',
  processor: HttpProcessor,
  probe: Probe,
): Sub<void> {
  if ((yield* socket.lock.lock(on.sys)) < 0) return;
  try {
    if (socket.closed) return;
    if (event === 'error') probe.count('timed_out', 1);
    const state = event === 'error' ? 'closed' : yield* processor.service(on, socket);
    if (state === 'open') yield* socket.registerReadInterest(on.sys);
    else yield* socket.close(on.sys);
  } finally {
    yield* socket.lock.unlock(on.sys);
  }
}
