/**
 * One connection, served by a blocking thread: read, work, answer, until the peer closes. The thread waits in read() for
 * the client and in write() for room, and does nothing else meanwhile: that is this style's backpressure and its price.
 */
import type { Fd, Sys, ThreadBody } from '../../kernel/syscall.ts';
import { requestsOf } from '../codec/requests.ts';
import type { CountingOptions, ListenOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { ConnectionWork } from '../work.ts';
import { writeAll } from './write.ts';

/** Reads `read` bytes at a time, sleeping after each read when asked to; with requests, works and answers. */
export function* serveConnection(
  sys: Sys,
  fd: Fd,
  o: CountingOptions,
  probe: Probe,
  work: ConnectionWork,
): ThreadBody {
  try {
    const requests = requestsOf(o);
    const into = requests?.looks === true ? new Uint8Array(o.read) : null;
    for (;;) {
      const n = yield sys.read(fd, o.read, into);
      if (n < 0) probe.count('failed', 1);
      if (n <= 0) return;
      if (o.pauseNs > 0) yield sys.nanosleep(o.pauseNs);
      if (requests === null) continue;
      requests.take(n, into);
      for (let answer = requests.next(); answer !== -1; answer = requests.next()) {
        if (answer < 0) {
          probe.count('failed', 1);
          return;
        }
        const ns = work.next();
        if (ns > 0) yield sys.compute(ns);
        if ((yield* writeAll(sys, fd, answer)) < 0) {
          probe.count('failed', 1);
          return;
        }
        probe.count('requests', 1);
      }
    }
  } finally {
    yield sys.close(fd);
  }
}

/** Sends back all that it reads: what it writes is a stream of its own, of as many bytes. */
export function* echoConnection(sys: Sys, fd: Fd, o: ListenOptions, probe: Probe): ThreadBody {
  try {
    for (;;) {
      const n = yield sys.read(fd, o.read);
      if (n < 0) probe.count('failed', 1);
      if (n <= 0) return;
      if ((yield* writeAll(sys, fd, n)) < 0) {
        probe.count('failed', 1);
        return;
      }
    }
  } finally {
    yield sys.close(fd);
  }
}
