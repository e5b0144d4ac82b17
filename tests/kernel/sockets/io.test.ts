// Reading, writing and closing.
import { describe, expect, it } from 'vitest';
import { ms, sec } from '../../../src/base/units.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair, type PairOptions } from './world.ts';

type Script = (
  sys: k.Sys,
  fd: number,
  log: (x: number | string) => void,
) => Generator<k.Trap, void, number>;

/** One connection: what `client` and `server` do with their ends, and what they noted. */
function talk(
  client: Script,
  server: Script,
  options: PairOptions = {},
): { w: Pair; c: (number | string)[]; s: (number | string)[] } {
  const w = new Pair(options);
  const [c, s]: (number | string)[][] = [[], []];
  w.server.run('server', function* (sys) {
    const l = yield* listenOn(sys, 5);
    const fd = yield sys.accept(l);
    yield sys.close(l);
    yield* server(sys, fd, (x) => s!.push(x));
  });
  w.client.run('client', function* (sys) {
    const fd = yield* connectTo(sys, w.server);
    yield* client(sys, fd, (x) => c!.push(x));
  });
  return { w, c: c!, s: s! };
}

function* readAll(sys: k.Sys, fd: number, max = 65_536): Generator<k.Trap, number, number> {
  let got = 0;
  for (;;) {
    const n = yield sys.read(fd, max);
    if (n <= 0) return n < 0 ? n : got;
    got += n;
  }
}

describe('read', () => {
  it('without data says EAGAIN when non-blocking, at once and for MSG_DONTWAIT, and after SO_RCVTIMEO [socket(7)]', () => {
    const { w, s } = talk(
      function* (sys) {
        yield sys.nanosleep(sec(1));
      },
      function* (sys, fd, log) {
        log(yield sys.recv(fd, 10, k.MSG_DONTWAIT));
        yield sys.setNonblock(fd, true);
        log(yield sys.read(fd, 10));
        yield sys.setNonblock(fd, false);
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_RCVTIMEO, ms(5));
        const before = yield sys.clockGettime();
        log(yield sys.read(fd, 10));
        log((yield sys.clockGettime()) - before);
      },
    );
    w.run();
    expect(s).toEqual([-k.EAGAIN, -k.EAGAIN, -k.EAGAIN, ms(5)]);
  });

  it('waits for all with MSG_WAITALL, looks without taking with MSG_PEEK [recv(2)]', () => {
    const { w, s } = talk(
      function* (sys, fd) {
        for (let i = 0; i < 4; i++) {
          yield sys.write(fd, new Uint8Array([10 * i, 10 * i + 1]));
          yield sys.nanosleep(ms(1));
        }
        yield sys.close(fd);
      },
      function* (sys, fd, log) {
        const bytes = new Uint8Array(8);
        log(yield sys.recv(fd, 2, k.MSG_PEEK, bytes));
        log(bytes.join());
        log(yield sys.recv(fd, 6, k.MSG_WAITALL, bytes));
        log(bytes.join());
        log(yield sys.recv(fd, 6, k.MSG_WAITALL));
      },
    );
    w.run();
    expect(s).toEqual([2, '0,1,0,0,0,0,0,0', 6, '0,1,10,11,20,21,0,0', 2]);
  });

  it('waits for SO_RCVLOWAT bytes, or for as many as it asks for if that is less [api/rcvlowat.pkt]', () => {
    const { w, s } = talk(
      function* (sys, fd) {
        for (let i = 0; i < 4; i++) {
          yield sys.nanosleep(ms(10));
          yield sys.write(fd, 1000);
        }
        yield sys.close(fd);
      },
      function* (sys, fd, log) {
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_RCVLOWAT, 2500);
        log(yield sys.read(fd, 10_000));
        yield sys.nanosleep(ms(15));
        log(yield sys.read(fd, 600));
        log(yield sys.read(fd, 10_000));
        log(yield sys.read(fd, 10_000));
      },
    );
    w.run();
    expect(s).toEqual([3000, 600, 400, 0]);
  });

  it('in two threads at once: each byte goes to one of them', () => {
    const w = new Pair();
    let [a, b] = [0, 0];
    w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5));
      yield sys.spawn(function* (own) {
        a = yield* readAll(own, fd, 700);
      }, 'other');
      b = yield* readAll(sys, fd, 900);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      for (let i = 0; i < 20; i++) {
        yield sys.write(fd, 1000);
        yield sys.nanosleep(ms(1));
      }
      yield sys.close(fd);
    });
    w.run();
    expect(a + b).toBe(20_000);
    expect(w.server.host.waiting()).toEqual([]);
  });
});

describe('write', () => {
  it('blocks until all is taken, while the reader sleeps with a zero window [zwin/blocking-write-wakes.pkt]', () => {
    const { w, c, s } = talk(
      function* (sys, fd, log) {
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF, 10_000);
        log(yield sys.write(fd, 500_000));
        log((yield sys.clockGettime()) > sec(2) ? 'late' : 'early');
        yield sys.close(fd);
      },
      function* (sys, fd, log) {
        yield sys.nanosleep(sec(2));
        log(yield* readAll(sys, fd));
        yield sys.close(fd);
      },
    );
    w.run();
    expect(c).toEqual([500_000, 'late']);
    expect(s).toEqual([500_000]);
    expect(w.leftovers()).toEqual([]);
  });

  it('non-blocking takes what fits, then says EAGAIN', () => {
    const { w, c } = talk(
      function* (sys, fd, log) {
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF, 10_000);
        yield sys.setNonblock(fd, true);
        let total = 0;
        for (;;) {
          const n = yield sys.write(fd, 1_000_000);
          if (n < 0) {
            log(n);
            break;
          }
          total += n;
          yield sys.nanosleep(ms(1));
        }
        log(total > 20_000 && total < 1_000_000 ? 'some' : total);
      },
      function* (sys) {
        yield sys.nanosleep(sec(1));
      },
    );
    w.run(sec(1));
    expect(c).toEqual([-k.EAGAIN, 'some']);
  });

  it('after shutdown says EPIPE; the other direction goes on: half-close [life/half-close.pkt]', () => {
    const { w, c, s } = talk(
      function* (sys, fd, log) {
        yield sys.write(fd, 100);
        log(yield sys.shutdown(fd, k.SHUT_WR));
        log(yield sys.write(fd, 1));
        log(yield* readAll(sys, fd));
        yield sys.close(fd);
      },
      function* (sys, fd, log) {
        log(yield* readAll(sys, fd));
        yield sys.nanosleep(ms(50));
        log(yield sys.write(fd, 30_000));
        yield sys.close(fd);
      },
    );
    w.run();
    expect(c).toEqual([0, -k.EPIPE, 30_000]);
    expect(s).toEqual([100, 30_000]);
    expect(w.leftovers()).toEqual([]);
  });

  it('and read after a reset: ECONNRESET once, then EPIPE and the end of the stream [api/blocking-read-rst.pkt]', () => {
    const { w, c } = talk(
      function* (sys, fd, log) {
        yield sys.write(fd, 1000);
        log(yield sys.read(fd, 10));
        log(yield sys.read(fd, 10));
        log(yield sys.write(fd, 10));
        log(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_ERROR));
        yield sys.close(fd);
      },
      function* (sys, fd) {
        yield sys.nanosleep(ms(1));
        yield sys.close(fd); // unread data: RST
      },
    );
    w.run();
    expect(c).toEqual([-k.ECONNRESET, 0, -k.EPIPE, 0]);
    expect(w.server.stack.tcp.mib.TCPAbortOnClose).toBe(1);
    expect(w.leftovers()).toEqual([]);
  });
});

describe('close', () => {
  it('with SO_LINGER waits for the ACK of its FIN, not for the peer [life/linger-blocking-close.pkt]', () => {
    const { w, c } = talk(
      function* (sys, fd, log) {
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_LINGER, 2);
        yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_NODELAY, 1);
        yield sys.write(fd, 1000);
        const before = yield sys.clockGettime();
        log(yield sys.close(fd));
        log((yield sys.clockGettime()) - before);
      },
      function* (sys, fd) {
        yield sys.nanosleep(ms(900));
        yield* readAll(sys, fd);
        yield sys.close(fd);
      },
    );
    w.run();
    expect(c[0]).toBe(0);
    expect(c[1]).toBeGreaterThanOrEqual(200_000);
    expect(c[1]).toBeLessThan(ms(100));
    expect(w.leftovers()).toEqual([]);
  });

  it('lingers by what its own socket has been told, and no other [socket(7)]', () => {
    const { w, c, s } = talk(
      function* (sys, fd, log) {
        log(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_LINGER));
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_LINGER, 2);
        log(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_LINGER));
        yield sys.write(fd, 1);
      },
      function* (sys, fd, log) {
        yield sys.read(fd, 1);
        log(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_LINGER));
      },
    );
    w.run();
    expect([c, s]).toEqual([[-1, 2], [-1]]);
  });

  it('with SO_LINGER 0 resets [socket(7)]', () => {
    const { w, s } = talk(
      function* (sys, fd) {
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_LINGER, 0);
        yield sys.close(fd);
      },
      function* (sys, fd, log) {
        log(yield sys.read(fd, 10));
      },
    );
    w.run();
    expect(s).toEqual([-k.ECONNRESET]);
    expect(w.leftovers()).toEqual([]);
  });

  it('of 1 000 connections leaves nothing behind: no skb, no socket, no port', () => {
    const w = new Pair({ host: { nofile: 3000 } });
    let served = 0;
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 4096);
      for (let i = 0; i < 1000; i++) {
        const fd = yield sys.accept(l);
        yield sys.spawn(function* (own) {
          const n = yield* readAll(own, fd);
          served += n;
          yield own.close(fd);
        }, `s${i}`);
      }
      yield sys.close(l);
    });
    for (let i = 0; i < 1000; i++) {
      w.client.run(`c${i}`, function* (sys) {
        const fd = yield* connectTo(sys, w.server);
        yield sys.write(fd, 5000);
        yield sys.close(fd);
      });
    }
    w.run();
    expect(served).toBe(5_000_000);
    expect(w.leftovers()).toEqual([]);
    expect(w.client.stack.ports.conflicts(32_768, { reuse: false, reusePort: false })).toBe(false);
  });

  it('and a frame that somebody keeps is noticed [mutant]', () => {
    const { w } = talk(
      function* (sys, fd) {
        yield sys.write(fd, 100);
        yield sys.close(fd);
      },
      function* (sys, fd) {
        yield* readAll(sys, fd);
        yield sys.close(fd);
      },
    );
    const transmit = w.up.transmit.bind(w.up);
    let kept = false;
    w.client.nic.wire = {
      mtu: 1500,
      transmit: (skb, at) => {
        if (!kept && skb.len > 0) skb.hold(1);
        kept ||= skb.len > 0;
        return transmit(skb, at);
      },
    };
    w.run();
    expect(w.leftovers()).toEqual(['1 skbs']);
  });
});
