/**
 * A server of one's own: it answers every message with itself. A message is four bytes of length and then so many bytes.
 * One thread accepts, another serves each connection, all of them with blocking calls.
 */
import { app, listenOn, parseDuration } from 'hostwire/app';
import type { Duration, Fd, Probe, Sub, Sys, ThreadBody } from 'hostwire/app';

/** No message is longer: a length is a stranger's word, and what follows it may be anything. */
const LONGEST = 65_536;

/** What `options:` of the scenario may say. */
interface Options {
  /** CPU time that a message takes, e.g. `20 us`. */
  readonly work?: string;
  /** How many write() calls an answer takes: 1, or 2 with the length in one of its own. */
  readonly writes?: 1 | 2;
}

export default app<Options>(function* (sys, { listen, options, probe }) {
  const work = parseDuration(options.work ?? '0 us');
  const listener = yield* listenOn(sys, listen);
  for (let i = 1; ; i++) {
    const fd = yield sys.accept(listener);
    if (fd < 0) return;
    yield sys.spawn((own) => serve(own, fd, work, options.writes ?? 1, probe), `connection-${i}`);
  }
});

/** One connection, until its client closes it. */
function* serve(sys: Sys, fd: Fd, work: Duration, writes: 1 | 2, probe: Probe): ThreadBody {
  const header = new Uint8Array(4);
  try {
    while (yield* readExactly(sys, fd, header)) {
      const length = new DataView(header.buffer).getUint32(0);
      if (length > LONGEST) return;
      const answer = new Uint8Array(4 + length);
      answer.set(header);
      if (!(yield* readExactly(sys, fd, answer.subarray(4)))) return;
      yield sys.compute(work);
      const first = writes === 1 ? answer.length : 4;
      if ((yield sys.write(fd, answer.subarray(0, first))) < 0) return;
      if (writes === 2 && (yield sys.write(fd, answer.subarray(4))) < 0) return;
      probe.count('messages', 1);
    }
  } finally {
    yield sys.close(fd);
  }
}

/** TCP keeps no boundaries: one read() may bring half a message, or three. @returns false at the end of the stream */
function* readExactly(sys: Sys, fd: Fd, into: Uint8Array): Sub<boolean> {
  for (let have = 0; have < into.length;) {
    const n = yield sys.read(fd, into.length - have, into.subarray(have));
    if (n <= 0) return false;
    have += n;
  }
  return true;
}
