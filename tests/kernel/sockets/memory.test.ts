// Writers on a host whose memory for TCP is used up (net/core/stream.c sk_stream_wait_memory).
import { describe, expect, it } from 'vitest';
import { EAGAIN, ECONNRESET } from '../../../src/base/errno.ts';
import { ms, us } from '../../../src/base/units.ts';
import {
  SO_LINGER,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SOL_SOCKET,
  type Trap,
} from '../../../src/kernel/syscall.ts';
import { tcpOptions } from '../../../src/tcp/index.ts';
import { type Body, connectTo, listenOn, Pair, PORT } from './world.ts';

/** What a write gets at once: the rest of a page with two records. */
const ROUND = 4096 - 2 * 832;
/** Shortest and longest pause, ns: 2 and HZ/5 + 1 jiffies. */
const SHORTEST = ms(8);
const LONGEST = ms(204);

/** Other sockets of the client hold more than there may be. */
function world(pause: number | null, client: Body, server: Body | null = null): Pair {
  const w = new Pair({ stack: { tcp: tcpOptions({ mem: [1, 1, 2] }) } });
  w.client.stack.tcp.memory.allocated += 1000;
  if (pause !== null) w.client.stack.pauseOf = () => pause;
  w.server.run('server', server ?? reader);
  w.client.run('client', client);
  return w;
}

/** Connects with a send buffer of its own, which does not shrink: it has room, and the host has no memory. */
function* roomy(sys: Parameters<Body>[0], to: Pair['server']): Generator<Trap, number, number> {
  const fd = yield sys.socket();
  yield sys.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 65_536);
  yield sys.connect(fd, to.addr, PORT);
  return fd;
}

function* reader(sys: Parameters<Body>[0]): ReturnType<Body> {
  const fd = yield sys.accept(yield* listenOn(sys, 5));
  for (;;) if ((yield sys.read(fd, 1 << 20)) <= 0) return;
}

describe('a blocking write, when the host has no memory', () => {
  const times: number[] = [];
  const write = (rounds: number, pause: number | null): number => {
    let took = -1;
    const w = world(pause, function* (sys) {
      const fd = yield* roomy(sys, w.server);
      const from = w.now;
      expect(yield sys.write(fd, rounds * ROUND)).toBe(rounds * ROUND);
      took = w.now - from;
    });
    w.run();
    return took;
  };

  it('takes a page, and pauses before the next', () => {
    expect(write(1, 0)).toBe(0);
    expect(write(6, 0)).toBe(5 * SHORTEST);
    expect(write(6, 0.999)).toBe(5 * LONGEST);
  });

  it('does not when its own buffer has shrunk: what is acknowledged makes room', () => {
    const ends: number[] = [];
    const w = world(0, function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      const from = w.now;
      // A page, and the record that crosses the buffer of 4608 bytes, in each round trip.
      yield sys.write(fd, 6 * (ROUND + 1448));
      ends.push(w.now - from);
    });
    w.run();
    expect(ends).toEqual([5 * us(200)]);
  });

  it('pauses for as long as is drawn, between 8 and 204 ms, and not always as long', () => {
    times.push(...[2, 3, 4, 5, 6].map((n) => write(n, null)));
    const pauses = times.map((t, i) => t - (times[i - 1] ?? 0));
    for (const t of pauses) {
      expect(t).toBeGreaterThanOrEqual(SHORTEST);
      expect(t).toBeLessThanOrEqual(LONGEST);
    }
    expect(new Set(pauses).size).toBeGreaterThan(2);
  });

  it('that may not wait takes what it gets, then EAGAIN', () => {
    const got: number[] = [];
    const w = world(0, function* (sys) {
      const fd = yield* roomy(sys, w.server);
      yield sys.setNonblock(fd, true);
      got.push(yield sys.write(fd, 10_000), yield sys.write(fd, 10_000));
      yield sys.nanosleep(ms(1));
      got.push(yield sys.write(fd, 10_000)); // what was out is acknowledged
    });
    w.run();
    expect(got).toEqual([ROUND, -EAGAIN, ROUND]);
  });

  it('ends after the pause in which its SO_SNDTIMEO was over, with what it has done', () => {
    const ends: number[][] = [];
    const w = world(0.5, function* (sys) {
      const fd = yield* roomy(sys, w.server);
      yield sys.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, ms(150));
      const from = w.now;
      ends.push([yield sys.write(fd, 100_000), w.now - from]);
    });
    w.run();
    // Two pauses of 108 ms: the second begins before the deadline, and is not cut short.
    expect(ends).toEqual([[2 * ROUND, ms(216)]]);
  });

  it('ends when the connection does', () => {
    const ends: number[] = [];
    const w = world(
      0.999,
      function* (sys) {
        const fd = yield* roomy(sys, w.server);
        const from = w.now;
        ends.push(yield sys.write(fd, 100_000));
        ends.push(yield sys.write(fd, 1));
        expect(w.now - from).toBeLessThan(ms(10));
      },
      function* (sys) {
        const fd = yield sys.accept(yield* listenOn(sys, 5));
        yield sys.nanosleep(ms(5));
        yield sys.setsockopt(fd, SOL_SOCKET, SO_LINGER, 0);
        yield sys.close(fd);
      },
    );
    w.run();
    expect(ends).toEqual([ROUND, -ECONNRESET]);
  });
});

it('[mutant] a write that waits for room in its buffer instead waits for ever', () => {
  let done = false;
  const w = world(Infinity, function* (sys) {
    const fd = yield* roomy(sys, w.server);
    yield sys.write(fd, 10_000);
    done = true;
  });
  w.run();
  expect(done).toBe(false);
});
