/**
 * Bulk senders: each connection writes so many bytes, `write` at a time, half-closes and waits for the other end's FIN; what
 * the other end sends is read and thrown away once all is written. A blocking thread per connection; bulk-loop.ts does the
 * same for thousands of connections in one thread.
 */
import { SHUT_WR, type Sys, type ThreadBody, type ThreadStart } from '../../kernel/syscall.ts';
import type { AppEnv } from '../env.ts';
import type { BulkOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { setOptions, sleepUntil, type Sub } from '../setup.ts';
import { bulkLoop, sendTime } from './bulk-loop.ts';
import { READ } from './loop.ts';
import { Unfinished } from './unfinished.ts';

export function* bulkSender(sys: Sys, o: BulkOptions, probe: Probe, env: AppEnv): ThreadBody {
  const addr = env.resolve(o.connect.host);
  if (o.io === 'epoll') return bulkLoop(sys, o, probe, addr);
  const unfinished = new Unfinished(o.connections, probe);
  for (let i = 1; i < o.connections; i++) {
    const sender: ThreadStart = (own) => sendBulk(own, o, probe, addr, i, unfinished);
    yield sys.spawn(sender, `connection-${i}`);
  }
  return sendBulk(sys, o, probe, addr, 0, unfinished);
}

function* sendBulk(
  sys: Sys,
  o: BulkOptions,
  probe: Probe,
  addr: number,
  i: number,
  unfinished: Unfinished,
): ThreadBody {
  try {
    yield* sleepUntil(sys, o.startNs + i * o.staggerNs);
    const r = yield* transfer(sys, o, probe, addr, sendTime(o, i));
    if (r < 0) probe.count('failed', 1);
  } finally {
    unfinished.one();
  }
}

/** @returns 0, or −errno of the call that failed */
function* transfer(
  sys: Sys,
  o: BulkOptions,
  probe: Probe,
  addr: number,
  sendAt: number | null,
): Sub<number> {
  const fd = yield sys.socket();
  if (fd < 0) return fd;
  try {
    yield* setOptions(sys, fd, o.sockopt);
    const connected = yield sys.connect(fd, addr, o.connect.port);
    if (connected < 0) return connected;
    probe.count('connections', 1);
    if (sendAt !== null) yield* sleepUntil(sys, sendAt);
    for (let left = o.bytes; left > 0;) {
      const n = yield sys.write(fd, left < o.write ? left : o.write);
      if (n < 0) return n;
      left -= n;
    }
    if (o.close) yield sys.shutdown(fd, SHUT_WR);
    for (;;) {
      const n = yield sys.read(fd, READ);
      if (n <= 0) return n;
    }
  } finally {
    yield sys.close(fd);
  }
}
