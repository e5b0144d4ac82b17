/** The acceptor of servers that give each connection to a thread: accept() in a loop, as in `while (true) accept()`. */
import { ECONNABORTED, type Fd, type Sys, type ThreadStart } from '../../kernel/syscall.ts';
import type { Probe } from '../probe.ts';
import { AcceptBackoff, isShortage, type Sub } from '../setup.ts';

/** The next connection; −errno when there will be no more (the thread is being ended, the listener is gone). */
export function* nextConnection(
  sys: Sys,
  listener: Fd,
  backoff: AcceptBackoff,
  probe: Probe,
): Sub<Fd> {
  for (;;) {
    const fd = yield sys.accept(listener);
    if (fd >= 0) {
      backoff.reset();
      probe.count('connections', 1);
      return fd;
    }
    // The peer gave up while it was in the queue: the next one may not have. accept(2), "Error handling".
    if (fd === -ECONNABORTED) continue;
    if (!isShortage(fd)) return fd;
    probe.count('failed', 1);
    yield sys.nanosleep(backoff.next());
  }
}

/** A thread for each connection, made by `thread` and numbered from 0. Runs until the listener is gone. */
export function* threadPerConnection(
  sys: Sys,
  listener: Fd,
  probe: Probe,
  thread: (fd: Fd, i: number) => ThreadStart,
): Sub<void> {
  const backoff = new AcceptBackoff();
  for (let i = 0; ; i++) {
    const fd = yield* nextConnection(sys, listener, backoff, probe);
    if (fd < 0) return;
    const tid = yield sys.spawn(thread(fd, i), `connection-${i}`);
    if (tid < 0) {
      probe.count('failed', 1);
      yield sys.close(fd);
    }
  }
}
