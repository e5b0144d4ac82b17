/**
 * The acceptor's thread (org.apache.tomcat.util.net.Acceptor): counts, accepts with a blocking call, hands over. An accept() that
 * fails, whatever the cause, is tried again at once, then after 50 ms, doubled up to 1.6 s.
 *
 * Left out: pausing, and the check for a kernel that hands out one connection twice.
 */
import {
  EBADF,
  EINTR,
  EINVAL,
  IPPROTO_TCP,
  TCP_NODELAY,
  type Fd,
  type Sys,
} from '../../kernel/syscall.ts';
import type { TomcatOptions } from '../options.ts';
import { AcceptBackoff, type Sub } from '../setup.ts';
import type { LimitLatch } from './limit-latch.ts';
import type { TomcatMeters } from './meters.ts';

/** @param connected takes the connection over, and its place in the latch */
export function* acceptConnections(
  sys: Sys,
  listener: Fd,
  o: TomcatOptions,
  latch: LimitLatch,
  meters: TomcatMeters,
  connected: (fd: Fd) => Sub<void>,
): Sub<void> {
  const backoff = new AcceptBackoff();
  // handleExceptionWithDelay(): no delay after the first failure, only after those that follow it.
  let delay = 0;
  for (;;) {
    if ((yield* latch.countUpOrAwait(sys)) < 0) return;
    const fd = yield sys.accept(listener);
    if (fd >= 0) {
      backoff.reset();
      delay = 0;
      meters.probe.count('connections', 1);
      meters.connections.enter(meters.probe.now());
      // Nagle is off (SocketProperties.tcpNoDelay), if the scenario does not want it.
      yield sys.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, Number(o.sockopt['TCP_NODELAY'] ?? 1));
      yield* connected(fd);
      continue;
    }
    yield* latch.countDown(sys);
    if (isFinal(fd)) return;
    meters.probe.count('failed', 1);
    if (delay > 0) yield sys.nanosleep(delay);
    delay = backoff.next();
  }
}

/** The thread is being ended, or the listener is gone. */
const isFinal = (r: number): boolean => r === -EINTR || r === -EBADF || r === -EINVAL;
