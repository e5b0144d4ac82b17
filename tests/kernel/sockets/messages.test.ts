// sendmsg and what it may say, recvmsg and what it tells, ioctl, sendfile, splice, pointers that point nowhere, connect(AF_UNSPEC).
import { describe, expect, it } from 'vitest';
import * as k from '../../../src/kernel/syscall.ts';
import { tcpOptions } from '../../../src/tcp/options.ts';
import { connectTo, listenOn, Pair, PORT, stay, type Body, type PairOptions } from './world.ts';

/** A connection between two threads: `server` has the accepted end. */
function talk(
  client: (sys: k.Sys, fd: number, w: Pair) => k.ThreadBody,
  server: (sys: k.Sys, fd: number, w: Pair) => k.ThreadBody,
  options: PairOptions = {},
): Pair {
  const w = new Pair(options);
  w.server.run('server', function* (sys) {
    const l = yield* listenOn(sys, 5);
    yield* server(sys, yield sys.accept(l), w);
    yield* stay(sys);
  });
  w.client.run('client', function* (sys) {
    yield* client(sys, yield* connectTo(sys, w.server), w);
    yield* stay(sys);
  });
  w.run(10e9);
  return w;
}

const bytes = (...b: number[]): Uint8Array => Uint8Array.from(b);

describe('sendmsg and recvmsg', () => {
  it('take one message from several buffers, empty ones among them, and spread it over others', () => {
    const parts = [new Uint8Array(1), new Uint8Array(0), new Uint8Array(4)];
    const results: number[] = [];
    talk(
      function* (sys, fd) {
        const msg = new k.MsgHdr([bytes(), bytes(1, 2), bytes(), bytes(3)]);
        results.push(yield sys.sendmsg(fd, msg, 0));
        results.push(yield sys.sendmsg(fd, new k.MsgHdr([bytes(), 0]), 0));
        results.push(yield sys.sendmsg(fd, new k.MsgHdr([bytes(4), 2]), 0));
      },
      function* (sys, fd) {
        yield sys.nanosleep(1e6);
        results.push(yield sys.recvmsg(fd, new k.MsgHdr(parts), 0));
      },
    );
    expect(results).toEqual([3, 0, 3, 5]);
    // Beside real bytes a number stands for zeros.
    expect(parts).toEqual([bytes(1), bytes(), bytes(2, 3, 4, 0)]);
  });

  it('tell how much is left to a socket that asked, and after the FIN never 0 [TCP_INQ]', () => {
    const told: (number | undefined)[] = [];
    const read = function* (sys: k.Sys, fd: number, n: number): Generator<k.Trap, void, number> {
      const msg = new k.MsgHdr([n]);
      yield sys.recvmsg(fd, msg, 0);
      told.push(msg.control[0]?.data);
      expect(msg.control.length === 0 || msg.control[0]!.type === k.TCP_CM_INQ).toBe(true);
    };
    talk(
      function* (sys, fd) {
        yield sys.write(fd, 1000);
        yield sys.nanosleep(10e6);
        yield sys.write(fd, 1000);
        yield sys.close(fd);
      },
      function* (sys, fd) {
        yield sys.nanosleep(1e6);
        yield* read(sys, fd, 100);
        yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_INQ, 1);
        yield* read(sys, fd, 300);
        yield* read(sys, fd, 600);
        yield sys.nanosleep(20e6);
        yield* read(sys, fd, 1000);
        yield* read(sys, fd, 1000);
      },
    );
    expect(told).toEqual([undefined, 600, 0, 1, 1]);
  });

  it('keep a record apart from what is written later, and join what was written before [MSG_EOR]', () => {
    const sizes = (flags: number): number[] => {
      const seen: number[] = [];
      talk(
        function* (sys, fd, w) {
          yield sys.nanosleep(1e6);
          w.client.nic.wire = watched(w, seen);
          // What is in flight, smaller than a segment, holds all of this back (Nagle).
          yield sys.write(fd, 10);
          yield sys.send(fd, 400, flags);
          yield sys.send(fd, 300, flags);
          yield sys.write(fd, 200);
        },
        function* (sys, fd) {
          for (;;) if ((yield sys.read(fd, 4096)) <= 0) break;
        },
      );
      return seen;
    };
    expect(sizes(0)).toEqual([10, 900]);
    expect(sizes(k.MSG_EOR)).toEqual([10, 400, 300, 200]);
  });

  it('give EFAULT for a buffer that is not there, and what was received stays', () => {
    const results: number[] = [];
    talk(
      function* (sys, fd) {
        results.push(yield sys.write(fd, new k.BadAddress(10)));
        results.push(yield sys.sendmsg(fd, new k.MsgHdr([new k.BadAddress(10)]), 0));
        results.push(yield sys.write(fd, 5));
      },
      function* (sys, fd) {
        yield sys.nanosleep(1e6);
        results.push(yield sys.read(fd, 10, new k.BadAddress(10)));
        results.push(yield sys.recv(fd, 10, k.MSG_TRUNC, new Uint8Array(10)));
      },
    );
    expect(results).toEqual([-k.EFAULT, -k.EFAULT, 5, -k.EFAULT, 5]);
  });
});

/** The client's wire, which notes the payload of each skb. */
function watched(w: Pair, seen: number[]): Pair['client']['nic']['wire'] {
  const real = w.client.nic.wire;
  return {
    mtu: real.mtu,
    transmit: (skb, when) => {
      if (skb.len > 0) seen.push(skb.len);
      return real.transmit(skb, when);
    },
  };
}

describe('ioctl', () => {
  it('counts what can be read, what is not acknowledged, and what is not sent', () => {
    const results: number[] = [];
    talk(
      function* (sys, fd) {
        yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_CORK, 1);
        yield sys.write(fd, 700);
        results.push(yield sys.ioctl(fd, k.SIOCOUTQ), yield sys.ioctl(fd, k.SIOCOUTQNSD));
        yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_CORK, 0);
        results.push(yield sys.ioctl(fd, k.SIOCOUTQ), yield sys.ioctl(fd, k.SIOCOUTQNSD));
        yield sys.nanosleep(100e6);
        results.push(yield sys.ioctl(fd, k.SIOCOUTQ), yield sys.ioctl(fd, 0x1234));
      },
      function* (sys, fd) {
        yield sys.nanosleep(1e6);
        results.push(yield sys.ioctl(fd, k.SIOCINQ));
      },
    );
    expect(results).toEqual([700, 700, 700, 0, 700, 0, -k.ENOTTY]);
  });
});

describe('sendfile and splice', () => {
  it('send from a file, from its position or from where they are told', () => {
    const results: number[] = [];
    talk(
      function* (sys, fd) {
        const file = yield sys.open(1000);
        results.push(yield sys.sendfile(fd, file, -1, 600));
        results.push(yield sys.sendfile(fd, file, -1, 600));
        results.push(yield sys.sendfile(fd, file, -1, 600));
        results.push(yield sys.sendfile(fd, file, 900, 600));
        results.push(yield sys.sendfile(fd, fd, 0, 1));
      },
      function* (sys, fd) {
        results.push(yield sys.recv(fd, 1100, k.MSG_WAITALL));
      },
    );
    expect(results).toEqual([600, 400, 0, 100, -k.EINVAL, 1100]);
  });

  it('move what has arrived into a pipe, and what is in a pipe to the other side, byte for byte', () => {
    const results: number[] = [];
    const back = new Uint8Array(6);
    talk(
      function* (sys, fd) {
        yield sys.write(fd, bytes(1, 2, 3, 4, 5, 6));
        results.push(yield sys.recv(fd, 6, k.MSG_WAITALL, back));
      },
      function* (sys, fd) {
        const ends: number[] = [];
        yield sys.pipe(ends);
        const [out, into] = ends as [number, number];
        yield sys.nanosleep(1e6);
        results.push(yield sys.splice(fd, into, 4, 0));
        results.push(yield sys.splice(fd, into, 100, 0));
        results.push(yield sys.splice(out, fd, 100, 0));
        results.push(yield sys.splice(out, fd, 100, k.SPLICE_F_NONBLOCK));
        results.push(yield sys.splice(fd, fd, 1, 0));
      },
    );
    expect(results).toEqual([4, 2, 6, -k.EAGAIN, -k.EINVAL, 6]);
    expect(back).toEqual(bytes(1, 2, 3, 4, 5, 6));
  });
});

describe('connect(AF_UNSPEC)', () => {
  it('resets the connection, leaves ECONNRESET to be told once, and the socket may connect again', () => {
    const results: number[] = [];
    const w = new Pair();
    const server: Body = function* (sys) {
      const l = yield* listenOn(sys, 5);
      const a = yield sys.accept(l);
      results.push(yield sys.read(a, 10));
      const b = yield sys.accept(l);
      results.push(yield sys.read(b, 10));
      yield* stay(sys);
    };
    w.server.run('server', server);
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_NODELAY, 1);
      results.push(yield sys.disconnect(fd));
      results.push(yield sys.write(fd, 1));
      results.push(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_ERROR));
      results.push(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_ERROR));
      results.push(yield sys.connect(fd, w.server.addr, PORT));
      results.push(yield sys.getsockopt(fd, k.IPPROTO_TCP, k.TCP_NODELAY));
      results.push(yield sys.write(fd, 7));
      yield* stay(sys);
    });
    w.run(1e9);
    expect(results).toEqual([0, -k.EPIPE, k.ECONNRESET, 0, -k.ECONNRESET, 0, 1, 7, 7]);
  });
});

describe('the buffers of a connection', () => {
  it('are those of the socket when it connects again [sk_rcvbuf, sk_sndbuf]', () => {
    const sizes: number[] = [];
    talk(
      function* (sys, fd, w) {
        const look = function* (): Generator<k.Trap, void, number> {
          for (const o of [k.SO_RCVBUF, k.SO_SNDBUF])
            sizes.push(yield sys.getsockopt(fd, k.SOL_SOCKET, o));
        };
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_RCVBUF, 10_000);
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF, 20_000);
        yield* look();
        yield sys.disconnect(fd);
        yield* look();
        sizes.push(yield sys.connect(fd, w.server.addr, PORT));
        yield* look();
      },
      function* () {},
    );
    expect(sizes).toEqual([20_000, 40_000, 20_000, 40_000, 0, 20_000, 40_000]);
  });
});

describe('TCP_DEFER_ACCEPT', () => {
  it('wakes accept() only when there is data; the client saves an ACK', () => {
    const log: string[] = [];
    const w = new Pair();
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.setsockopt(l, k.IPPROTO_TCP, k.TCP_DEFER_ACCEPT, 5);
      log.push(`deferred ${yield sys.getsockopt(l, k.IPPROTO_TCP, k.TCP_DEFER_ACCEPT)} s`);
      yield sys.accept(l);
      log.push(`accepted ${w.now / 1e6}`);
      yield* stay(sys);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      log.push(`connected ${w.now / 1e6}`);
      yield sys.nanosleep(500e6);
      yield sys.write(fd, 1);
      yield* stay(sys);
    });
    w.run(2e9);
    expect(log).toEqual(['deferred 7 s', 'connected 0.2', 'accepted 500.3']);
    expect(w.server.stack.tcp.mib.TCPDeferAcceptDrop).toBe(1);
  });
});

describe('TCP_SYNCNT', () => {
  it('says how often a SYN is sent again, whatever the sysctl says', () => {
    const failedAfter = (count: number): number => {
      const w = new Pair({ stack: { tcp: tcpOptions({ synLinearTimeouts: 0 }) } });
      let end = -1;
      w.client.nic.wire = { mtu: 1500, transmit: (skb, when) => (skb.drop(skb.segs), when) };
      w.client.run('client', function* (sys) {
        const fd = yield sys.socket();
        if (count > 0) yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_SYNCNT, count);
        expect(yield sys.connect(fd, w.server.addr, PORT)).toBe(-k.ETIMEDOUT);
        end = w.now / 1e9;
      });
      w.run(200e9);
      return end;
    };
    expect([1, 3, 0].map(failedAfter)).toEqual([3, 15, 127]);
  });
});

describe('urgent data', () => {
  it('ends a read in front of its mark, and the next one skips the byte [RFC 6093 §3.1]', () => {
    const results: number[] = [];
    const read = (urgent: boolean): number[] => {
      results.length = 0;
      talk(
        function* (sys, fd, w) {
          yield sys.nanosleep(1e6);
          const real = w.client.nic.wire;
          w.client.nic.wire = {
            mtu: real.mtu,
            transmit: (skb, when) => {
              if (urgent && skb.len > 0) {
                skb.flags |= 0x20;
                skb.urgent = 60;
              }
              return real.transmit(skb, when);
            },
          };
          yield sys.write(fd, 100);
        },
        function* (sys, fd) {
          yield sys.nanosleep(10e6);
          const p = new k.PollFd(fd, k.EPOLLPRI);
          yield sys.poll([p], 0);
          results.push(p.revents & k.EPOLLPRI, yield sys.read(fd, 1000));
          yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_RCVTIMEO, 1e6);
          results.push(yield sys.read(fd, 1000));
        },
      );
      return [...results];
    };
    expect(read(true)).toEqual([k.EPOLLPRI, 59, 40]);
    expect(read(false)).toEqual([0, 100, -k.EAGAIN]);
  });
});
