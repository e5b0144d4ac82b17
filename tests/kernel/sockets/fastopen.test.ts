// Fast Open between two hosts: cookies, data in SYNs, and what happens when something is lost, wrong or too much.
import { describe, expect, it } from 'vitest';
import type { Duration } from '../../../src/base/units.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { tcpOptions, type TcpOptions } from '../../../src/tcp/options.ts';
import { at, connectTo, listenOn, Pair, PORT, stay, type Body, type Side } from './world.ts';

const CLIENT = 1;
const SERVER = 2;
const EVERY_LISTENER = 0x400;

const world = (options: Partial<TcpOptions> = {}): Pair =>
  new Pair({
    stack: { tcp: tcpOptions({ fastopen: CLIENT | SERVER | EVERY_LISTENER, ...options }) },
  });

const to = (side: Side): k.SockAddr => ({ family: k.AF_INET, addr: side.addr, port: PORT });

/** Answers each request with 10 bytes and closes; tells when it read what. */
function answers(w: Pair, log: string[], connections: number, setUp?: Body): Body {
  return function* (sys) {
    const l = yield* listenOn(sys, 5);
    if (setUp !== undefined) yield* setUp(sys);
    for (let i = 0; i < connections; i++) {
      const fd = yield sys.accept(l);
      log.push(`accepted ${w.now / 1000}`);
      const n = yield sys.read(fd, 4096);
      log.push(`read ${n} ${w.now / 1000}`);
      yield sys.write(fd, 10);
      yield sys.close(fd);
    }
    yield* stay(sys);
  };
}

/** One request by sendto(MSG_FASTOPEN); tells when the answer has come. */
function* request(
  w: Pair,
  sys: k.Sys,
  log: string[],
  bytes = 100,
): Generator<k.Trap, void, number> {
  const fd = yield sys.socket();
  const start = w.now;
  log.push(`sent ${yield sys.sendto(fd, bytes, k.MSG_FASTOPEN, to(w.server))}`);
  const n = yield sys.read(fd, 4096);
  log.push(`answer ${n} after ${(w.now - start) / 1000}`);
  yield sys.close(fd);
}

describe('Fast Open', () => {
  it('asks for a cookie once, then has its answer after one round trip instead of two [RFC 7413 §2]', () => {
    const w = world();
    const log: string[] = [];
    w.server.run('server', answers(w, [], 3));
    w.client.run('client', function* (sys) {
      yield* request(w, sys, log);
      yield* request(w, sys, log);
      // Mutant: what it knows is gone.
      w.client.stack.flushMetrics();
      yield* request(w, sys, log);
    });
    w.run(1e9);
    expect(log).toEqual([
      'sent 100',
      'answer 10 after 400',
      'sent 100',
      'answer 10 after 200',
      'sent 100',
      'answer 10 after 400',
    ]);
    const { mib } = w.server.stack.tcp;
    expect([mib.TCPFastOpenCookieReqd, mib.TCPFastOpenPassive, mib.TCPFastOpenPassiveFail]).toEqual(
      [2, 1, 0],
    );
    expect(w.client.stack.tcp.mib.TCPFastOpenActive).toBe(1);
  });

  it('lets the server read and answer before the handshake is complete', () => {
    const w = world();
    const log: string[] = [];
    w.server.run('server', answers(w, log, 2));
    w.client.run('client', function* (sys) {
      yield* request(w, sys, []);
      yield sys.nanosleep(1e6);
      log.push(`second ${w.now / 1000}`);
      yield* request(w, sys, []);
    });
    w.run(1e9);
    // 100 µs after it was sent; the handshake's ACK comes 200 µs later.
    const second = Number(log.find((line) => line.startsWith('second'))!.split(' ')[1]);
    expect(log.slice(-2)).toEqual([`accepted ${second + 100}`, `read 100 ${second + 100}`]);
  });

  it('sends what does not fit into the SYN after it, and the same bytes only once', () => {
    const w = world();
    const log: string[] = [];
    const got: number[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      for (const want of [1, 5000]) {
        const fd = yield sys.accept(l);
        const bytes = new Uint8Array(want);
        got.push(yield sys.recv(fd, want, k.MSG_WAITALL, bytes));
        got.push(bytes[0]!, bytes[want - 1]!);
        yield sys.close(fd);
      }
    });
    w.client.run('client', function* (sys) {
      for (const size of [1, 5000]) {
        const fd = yield sys.socket();
        const data = Uint8Array.from({ length: size }, (_, i) => i % 251);
        log.push(String(yield sys.sendto(fd, data, k.MSG_FASTOPEN, to(w.server))));
        yield sys.read(fd, 1);
        yield sys.close(fd);
      }
    });
    w.run(1e9);
    expect(log).toEqual(['1', '5000']);
    expect(got).toEqual([1, 0, 0, 5000, 0, 4999 % 251]);
  });

  it('falls back to the ordinary handshake when the SYN is lost: the next has no data, which follows the SYN-ACK [RFC 7413 §4.1.3.1]', () => {
    const w = world();
    const log: string[] = [];
    w.server.run('server', answers(w, [], 2));
    w.client.run('client', function* (sys) {
      yield* request(w, sys, log);
      yield sys.nanosleep(1e6);
      let lost = 0;
      const real = w.client.nic.wire;
      w.client.nic.wire = {
        mtu: real.mtu,
        transmit: (skb, when) => {
          if (lost++ > 0) return real.transmit(skb, when);
          skb.drop(skb.segs);
          return when;
        },
      };
      yield* request(w, sys, log);
    });
    w.run(3e9);
    expect(log.slice(2)).toEqual(['sent 100', `answer 10 after ${1_000_000 + 400}`]);
    expect(w.client.stack.tcp.mib.TCPFastOpenActiveFail).toBe(1);
    expect(w.server.stack.tcp.mib.TCPFastOpenPassive).toBe(0);
  });

  it('gives a client with a wrong cookie the right one, and a connection all the same', () => {
    const w = world();
    const log: string[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      for (let i = 0; i < 3; i++) {
        const fd = yield sys.accept(l);
        yield sys.read(fd, 100);
        yield sys.write(fd, 10);
        yield sys.close(fd);
        // From now on another key: the cookie that was handed out is worth nothing.
        if (i === 0)
          yield sys.setsockopt(l, k.IPPROTO_TCP, k.TCP_FASTOPEN_KEY, new Uint8Array(16).fill(7));
      }
      yield* stay(sys);
    });
    w.client.run('client', function* (sys) {
      for (let i = 0; i < 3; i++) {
        yield* request(w, sys, log);
        yield sys.nanosleep(1e6);
      }
    });
    w.run(1e9);
    expect(log.filter((_, i) => i % 2 === 1)).toEqual([
      'answer 10 after 400',
      'answer 10 after 400',
      'answer 10 after 200',
    ]);
    expect(w.server.stack.tcp.mib.TCPFastOpenPassiveFail).toBe(1);
  });

  it('takes no more connections than TCP_FASTOPEN says before their handshakes are complete [RFC 7413 §5.1]', () => {
    const passive = (length: number): number[] => {
      const w = world({ fastopen: CLIENT | SERVER });
      w.server.run('server', function* (sys) {
        const l = yield* listenOn(sys, 5);
        yield sys.setsockopt(l, k.IPPROTO_TCP, k.TCP_FASTOPEN, length);
        yield* stay(sys);
      });
      w.client.run('first', function* (sys) {
        const fd = yield sys.socket();
        yield sys.sendto(fd, 1, k.MSG_FASTOPEN, to(w.server));
        for (let i = 0; i < 3; i++)
          yield sys.spawn(function* (own) {
            const s = yield own.socket();
            yield own.sendto(s, 1, k.MSG_FASTOPEN, to(w.server));
            yield* stay(own);
          });
        yield* stay(sys);
      });
      w.run(1e8);
      const { mib } = w.server.stack.tcp;
      return [mib.TCPFastOpenPassive, mib.TCPFastOpenListenOverflow];
    };
    expect(passive(2)).toEqual([2, 1]);
    expect(passive(3)).toEqual([3, 0]);
    // A listener that did not ask for it has none, unless the sysctl says so.
    expect(passive(0)).toEqual([0, 0]);
  });

  it('resets what a closing listener has not handed out', () => {
    const w = world();
    const log: number[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      const fd = yield sys.accept(l);
      yield sys.nanosleep(1e6);
      yield sys.close(l);
      yield sys.close(fd);
    });
    w.client.run('client', function* (sys) {
      const a = yield sys.socket();
      yield sys.sendto(a, 1, k.MSG_FASTOPEN, to(w.server));
      const b = yield sys.socket();
      log.push(yield sys.sendto(b, 1, k.MSG_FASTOPEN, to(w.server)));
      log.push(yield sys.read(b, 10));
    });
    w.run(1e9);
    expect(log).toEqual([1, -k.ECONNRESET]);
  });
});

describe('TCP_FASTOPEN_CONNECT', () => {
  it('lets connect() return at once when there is a cookie, and the first write send the SYN', () => {
    const w = world();
    const log: string[] = [];
    w.server.run('server', answers(w, [], 2));
    w.client.run('client', function* (sys) {
      for (let i = 0; i < 2; i++) {
        const fd = yield sys.socket();
        yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_FASTOPEN_CONNECT, 1);
        const start = w.now;
        log.push(
          `connect ${yield sys.connect(fd, w.server.addr, PORT)} after ${(w.now - start) / 1000}`,
        );
        const p = new k.PollFd(fd, k.EPOLLOUT);
        yield sys.poll([p], 0);
        log.push(`writable ${p.revents === k.EPOLLOUT}`);
        if (i === 1) log.push(`again ${yield sys.connect(fd, w.server.addr, PORT)}`);
        yield sys.write(fd, 100);
        yield sys.read(fd, 100);
        log.push(`answer after ${(w.now - start) / 1000}`);
        yield sys.close(fd);
      }
    });
    w.run(1e9);
    expect(log).toEqual([
      'connect 0 after 200',
      'writable true',
      'answer after 400',
      'connect 0 after 0',
      'writable true',
      `again ${-k.EISCONN}`,
      'answer after 200',
    ]);
  });
});

describe('a socket that may not, or may no more', () => {
  it('is told so: EOPNOTSUPP without the client bit and for AF_UNSPEC, EALREADY while it connects, EISCONN once it has', () => {
    const off = world({ fastopen: SERVER });
    const on = world();
    const log: number[] = [];
    off.client.run('client', function* (sys) {
      const fd = yield sys.socket();
      log.push(yield sys.sendto(fd, 1, k.MSG_FASTOPEN, to(off.server)));
      log.push(yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_FASTOPEN_CONNECT, 1));
    });
    off.run();
    on.server.run('server', function* (sys) {
      yield* listenOn(sys, 5);
      yield* stay(sys);
    });
    on.client.run('client', function* (sys) {
      const fd = yield sys.socket(k.NONBLOCK);
      log.push(yield sys.sendto(fd, 1, k.MSG_FASTOPEN, { family: k.AF_UNSPEC, addr: 0, port: 0 }));
      log.push(yield sys.sendto(fd, 1, k.MSG_FASTOPEN, to(on.server)));
      log.push(yield sys.sendto(fd, 1, k.MSG_FASTOPEN, to(on.server)));
      log.push(yield sys.write(fd, 1));
      yield sys.nanosleep(1e6);
      // The first time that it is looked at after the handshake it is connected, and writes.
      log.push(yield sys.sendto(fd, 1, k.MSG_FASTOPEN, to(on.server)));
      log.push(yield sys.sendto(fd, 1, k.MSG_FASTOPEN, to(on.server)));
    });
    on.run(1e8);
    expect(log).toEqual([
      -k.EOPNOTSUPP,
      -k.EOPNOTSUPP,
      -k.EOPNOTSUPP,
      -k.EINPROGRESS,
      -k.EALREADY,
      -k.EAGAIN,
      1,
      -k.EISCONN,
    ]);
  });

  it('pauses after SYNs that nobody answered, twice as long each time [net.ipv4.tcp_fastopen_blackhole_timeout_sec]', () => {
    const disabled = (timeoutS: number): number[] => {
      const w = world({
        fastopenBlackholeTimeoutS: timeoutS,
        synRetries: 2,
        synLinearTimeouts: 0,
        fastopen: CLIENT | 4,
      });
      const cache = w.client.stack.tcp.fastOpen;
      const log: number[] = [];
      w.up.tap = null;
      w.client.nic.wire = {
        mtu: 1500,
        transmit: (skb, when) => {
          skb.drop(skb.segs);
          return when;
        },
      };
      w.client.run('client', function* (sys) {
        const fd = yield sys.socket();
        log.push(yield sys.sendto(fd, 100, k.MSG_FASTOPEN, to(w.server)));
        const now = w.now as Duration;
        log.push(cache.disabled(timeoutS, at(now + 1)) ? 1 : 0);
        log.push(cache.disabled(timeoutS, at(now + timeoutS * 1e9)) ? 1 : 0);
      });
      w.run(20e9);
      return log;
    };
    expect(disabled(10)).toEqual([-k.ETIMEDOUT, 1, 0]);
    expect(disabled(0)).toEqual([-k.ETIMEDOUT, 0, 0]);
  });
});

describe('a connection that used connect() before', () => {
  it('is not touched by any of this', () => {
    const w = world();
    const got: number[] = [];
    w.server.run('server', answers(w, [], 1));
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      got.push(yield sys.write(fd, 1), yield sys.read(fd, 100));
    });
    w.run(1e9);
    expect(got).toEqual([1, 10]);
    expect(w.server.stack.tcp.mib.TCPFastOpenCookieReqd).toBe(0);
  });
});
