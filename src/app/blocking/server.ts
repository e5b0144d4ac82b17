/**
 * Servers with blocking calls: a thread for each connection, or a pool of them that takes accepted connections from a
 * bounded queue (a Java acceptor with an executor). A pool's worker keeps its connection until the peer closes it, so
 * idle connections pin threads. When the queue is full the acceptor waits, with one more connection in its hand, and the
 * kernel's accept queue fills behind it.
 *
 * Left out: a thread per request, keep-alive limits, rejection; those are other servers.
 */
import type { Sys, ThreadBody, ThreadStart } from '../../kernel/syscall.ts';
import type { AppEnv } from '../env.ts';
import type { BlockingOptions, CountingOptions, ListenOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { AcceptBackoff, openListener, type Sub } from '../setup.ts';
import { type ConnectionWork, Work } from '../work.ts';
import { nextConnection, threadPerConnection } from './accept.ts';
import { ConnectionQueue } from './pool.ts';
import { echoConnection, serveConnection } from './serve.ts';

export function* blockingServer(
  sys: Sys,
  o: BlockingOptions,
  probe: Probe,
  env: AppEnv,
): ThreadBody {
  const listener = yield* openListener(sys, o, 0);
  const threads = o.threads;
  const work = new Work(o, env);
  if (threads === 'per-connection') {
    return threadPerConnection(
      sys,
      listener,
      probe,
      (fd, i) => (own) => serveConnection(own, fd, o, probe, work.of(i)),
    );
  }
  const queue = new ConnectionQueue(threads.queue, probe);
  // The queue is first in, first out: the i-th connection taken is the i-th accepted.
  let taken = 0;
  const next = (): ConnectionWork => work.of(taken++);
  const worker: ThreadStart = (own) => labour(own, queue, o, probe, next);
  for (let i = 0; i < threads.pool; i++) yield sys.spawn(worker, `worker-${i}`);
  return feed(sys, listener, queue, probe);
}

export function* echoServer(sys: Sys, o: ListenOptions, probe: Probe): ThreadBody {
  const listener = yield* openListener(sys, o, 0);
  return threadPerConnection(
    sys,
    listener,
    probe,
    (fd) => (own) => echoConnection(own, fd, o, probe),
  );
}

/** The acceptor's loop: accept, then wait for room. */
function* feed(sys: Sys, listener: number, queue: ConnectionQueue, probe: Probe): Sub<void> {
  const backoff = new AcceptBackoff();
  for (;;) {
    const fd = yield* nextConnection(sys, listener, backoff, probe);
    if (fd < 0) return;
    if ((yield* queue.put(sys, fd)) < 0) {
      yield sys.close(fd);
      return;
    }
  }
}

/** A worker: one connection after the other, each until its end. */
function* labour(
  sys: Sys,
  queue: ConnectionQueue,
  o: CountingOptions,
  probe: Probe,
  next: () => ConnectionWork,
): ThreadBody {
  for (;;) {
    const fd = yield* queue.take(sys);
    if (fd < 0) return;
    yield* serveConnection(sys, fd, o, probe, next());
  }
}
