/** A descriptor that one thread closes while another is in a call on it. */
import { describe, expect, it } from 'vitest';
import { EBADF } from '../../../src/base/errno.ts';
import type { Fd, ThreadBody } from '../../../src/kernel/syscall.ts';
import { Pair, PORT } from './world.ts';

const WRITE_NS = 10_000;
const BEGIN = 100_000_000;

/** A thread writes, or reads, from 100 ms on for 10 µs or more; another closes the descriptor so much later. */
function closes(after: number, call: 'write' | 'read'): { results: number[]; closed: number } {
  const w = new Pair({ server: { machine: 'linux', cpus: 2, costs: { tcpOutput: WRITE_NS } } });
  const results: number[] = [];
  let closed = -1;
  let fd = -1 as Fd;
  w.client.run('sink', function* (sys): ThreadBody {
    const conn = yield sys.socket();
    yield sys.connect(conn, w.server.addr, PORT);
    yield sys.write(conn, 100);
    while ((yield sys.read(conn, 65_536)) > 0);
    yield sys.close(conn);
  });
  w.server.process.spawn(
    function* (sys): ThreadBody {
      const listener = yield sys.socket();
      yield sys.bind(listener, PORT);
      yield sys.listen(listener, 8);
      fd = yield sys.accept(listener);
      yield sys.nanosleep(BEGIN - (yield sys.clockGettime()));
      for (let n = 1; n > 0;) {
        n = call === 'write' ? yield sys.write(fd, 1000) : yield sys.read(fd, 10);
        results.push(n);
      }
      yield sys.close(listener);
    },
    'caller',
    1,
  );
  w.server.process.spawn(
    function* (sys): ThreadBody {
      yield sys.nanosleep(BEGIN + after - (yield sys.clockGettime()));
      yield sys.close(fd);
      closed = w.engine.now;
    },
    'closer',
    2,
  );
  w.run();
  return { results, closed };
}

describe('close() while another thread is in a call on the descriptor', () => {
  it.each(['write', 'read'] as const)(
    'waits for a %s that owns the socket, at any moment of it',
    (call) => {
      for (let after = 500; after < 40_000; after += 700) {
        const { results, closed } = closes(after, call);
        expect(closed).toBeGreaterThan(0);
        expect(results.at(-1)).toBe(-EBADF);
      }
    },
  );
});
