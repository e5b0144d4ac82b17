/**
 * A receiver that stops reading in mid-stream and goes on later: what closes the window, starts the probes, and must
 * reopen. A thread per connection.
 */
import type { Fd, Sys, ThreadBody } from '../../kernel/syscall.ts';
import type { StalledOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { openListener } from '../setup.ts';
import { threadPerConnection } from './accept.ts';

export function* stalledServer(sys: Sys, o: StalledOptions, probe: Probe): ThreadBody {
  const listener = yield* openListener(sys, o, 0);
  yield* threadPerConnection(
    sys,
    listener,
    probe,
    (fd) => (own) => readThenStall(own, fd, o, probe),
  );
}

/** Reads exactly `afterBytes`, sleeps, reads the rest. A stream that ends before that never stalls. */
function* readThenStall(sys: Sys, fd: Fd, o: StalledOptions, probe: Probe): ThreadBody {
  try {
    let left = o.afterBytes;
    for (;;) {
      if (left === 0) {
        yield sys.nanosleep(o.stallNs);
        left = Infinity;
      }
      const n = yield sys.read(fd, left < o.read ? left : o.read);
      if (n < 0) probe.count('failed', 1);
      if (n <= 0) return;
      left -= n;
    }
  } finally {
    yield sys.close(fd);
  }
}
