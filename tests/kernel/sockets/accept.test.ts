// The SYN queue and the accept queue: what fits, what is dropped and under which name.
import { describe, expect, it } from 'vitest';
import { ms, sec } from '../../../src/base/units.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { tcpOptions } from '../../../src/tcp/index.ts';
import { connectTo, listenOn, Pair, stay, type PairOptions } from './world.ts';

/** `n` clients that connect at once and report when, or −errno; the server listens and runs `serve`. */
function crowd(
  n: number,
  backlog: number,
  options: PairOptions = {},
  serve?: (sys: k.Sys, listener: number) => Generator<k.Trap, void, number>,
): { w: Pair; connected: Map<number, number> } {
  const w = new Pair(options);
  const connected = new Map<number, number>();
  w.server.run('server', function* (sys) {
    const l = yield* listenOn(sys, backlog);
    if (serve !== undefined) yield* serve(sys, l);
    yield* stay(sys);
  });
  for (let i = 0; i < n; i++) {
    w.client.run(`c${i}`, function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      connected.set(i, fd < 0 ? fd : w.now);
      yield* stay(sys);
    });
  }
  return { w, connected };
}

describe('the accept queue', () => {
  it.each([0, 1, 2, 5])(
    'of listen(%i) holds one connection more [sk_acceptq_is_full(), K1]',
    (backlog) => {
      const { w, connected } = crowd(1, backlog);
      // One after the other, so that each handshake is over before the next SYN.
      w.run(ms(1));
      for (let i = 1; i < 10; i++) {
        w.client.run(`later${i}`, function* (sys) {
          yield* connectTo(sys, w.server);
          connected.set(100 + i, w.now);
          yield* stay(sys);
        });
        w.run(ms(1 + i));
      }
      expect(connected.size).toBe(backlog + 1);
      const [l] = w.server.stack.listeners;
      expect(l!.acceptMeter.peak).toBe(l!.acceptMeter.bound);
      expect(w.server.mib.ListenOverflows).toBe(10 - backlog - 1);
      expect(w.server.mib.ListenDrops).toBe(10 - backlog - 1);
    },
  );

  it('of a kernel that tests "at least" holds one less, and the check above notices [mutant]', () => {
    const { w } = crowd(0, 2);
    w.run(1);
    const [l] = w.server.stack.listeners;
    Object.defineProperty(l, 'acceptFull', { get: () => l!.queue.length >= l!.backlog });
    for (let i = 0; i < 5; i++) {
      w.client.run(`c${i}`, function* (sys) {
        yield* connectTo(sys, w.server);
        yield* stay(sys);
      });
      w.run(ms(1 + i));
    }
    expect(l!.acceptMeter.peak).toBe(l!.acceptMeter.bound - 1);
    expect(w.server.mib.ListenOverflows).toBe(3);
  });

  it('is bounded by somaxconn [sk_acceptq_is_full()]', () => {
    const { w } = crowd(20, 1000, { stack: { somaxconn: 3 } });
    w.run(ms(1));
    expect(w.server.stack.listeners[0]!.queue.length).toBe(4);
  });

  /** listen(1): one connection waits already when two handshakes begin at once, for one of which there is room. */
  function twoForOne(
    options: PairOptions,
    serve?: Parameters<typeof crowd>[3],
  ): ReturnType<typeof crowd> {
    const made = crowd(1, 1, options, serve);
    made.w.run(ms(1));
    for (const i of [1, 2]) {
      made.w.client.run(`c${i}`, function* (sys) {
        const fd = yield* connectTo(sys, made.w.server);
        made.connected.set(i, made.w.now);
        if (fd >= 0) made.connected.set(10 + i, yield sys.read(fd, 1));
        yield* stay(sys);
      });
    }
    return made;
  }

  it('when full ignores the handshake ACK; the SYN-ACK comes again and the client, long connected, gets in [tcp_v4_syn_recv_sock()]', () => {
    const accepted: number[] = [];
    const { w, connected } = twoForOne({}, function* (sys, l) {
      yield sys.nanosleep(ms(500));
      for (let i = 0; i < 3; i++) {
        yield sys.accept(l);
        accepted.push(w.now);
      }
    });
    w.run(sec(5));
    expect([connected.get(1), connected.get(2)]).toEqual([1_200_000, 1_200_000]);
    expect(w.server.mib.ListenOverflows).toBe(1);
    // The SYN-ACK of 1.1 ms is repeated a second later and answered a round trip after that.
    expect(accepted).toEqual([ms(500), ms(500), 1_001_300_000]);
  });

  it('when full resets instead with tcp_abort_on_overflow [tcp_v4_syn_recv_sock()]', () => {
    const { w, connected } = twoForOne({ stack: { tcp: tcpOptions({ abortOnOverflow: true }) } });
    w.run(ms(3));
    expect(w.server.mib.ListenOverflows).toBe(1);
    expect(connected.get(12)).toBe(-k.ECONNRESET);
    expect(connected.get(11)).toBeUndefined();
  });

  it('gives data that came before accept() right afterwards [measured on 6.18]', () => {
    const w = new Pair();
    let got = 0;
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.nanosleep(ms(100));
      const fd = yield sys.accept(l);
      got = yield sys.recv(fd, 100_000, k.MSG_DONTWAIT);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      yield sys.write(fd, 50_000);
      yield* stay(sys);
    });
    w.run(ms(200));
    expect(got).toBe(50_000);
  });

  it('is reset when the listener is closed, and nobody can connect any more [life/backlog-zero.pkt]', () => {
    const w = new Pair();
    const results: number[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.nanosleep(ms(1));
      yield sys.close(l);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      results.push(yield sys.read(fd, 10));
      results.push(yield* connectTo(sys, w.server));
    });
    w.run();
    expect(results).toEqual([-k.ECONNRESET, -k.ECONNREFUSED]);
    expect(w.pool.live).toBe(0);
  });
});

describe('the SYN queue', () => {
  it('when full drops SYNs without SYN cookies, and answers them with [tcp_conn_request()]', () => {
    for (const syncookies of [0, 1] as const) {
      // At 10 Mbit/s the handshakes end one by one, so that each finds room in the accept queue.
      const options = { stack: { syncookies }, link: { rate: 10_000_000 } };
      const { w, connected } = crowd(4, 1, options, function* (sys, l) {
        for (;;) yield sys.accept(l);
      });
      w.run(ms(2));
      expect(connected.size).toBe(syncookies === 0 ? 2 : 4);
      expect(w.server.mib.TCPReqQFullDrop).toBe(syncookies === 0 ? 2 : 0);
      expect(w.server.mib.TCPReqQFullDoCookies).toBe(syncookies === 0 ? 0 : 2);
      expect(w.server.mib.SyncookiesRecv).toBe(syncookies === 0 ? 0 : 2);
      const meter = w.server.stack.listeners[0]!.synMeter;
      expect([meter.peak, meter.depth]).toEqual([meter.bound, 0]);
    }
  });

  it('gives a half-open connection up after tcp_synack_retries', () => {
    const w = new Pair({ link: {}, stack: { tcp: tcpOptions({ synackRetries: 1 }) } });
    w.server.run('server', function* (sys) {
      yield* listenOn(sys, 5);
      yield* stay(sys);
    });
    w.run(1);
    // A SYN from nowhere: nobody answers the SYN-ACK, for its way leads to a host without a route back.
    const syn = w.pool.take();
    Object.assign(syn, { src: 1, dst: 2, sport: 7, dport: 80, mss: 1460, window: 1000 });
    syn.flags = 2;
    w.client.nic.wire = { mtu: 1500, transmit: (s, t) => (s.drop(s.segs), t) };
    w.up.transmit(syn, w.engine.now);
    w.run(ms(1));
    expect(w.server.stack.listeners[0]!.synMeter.depth).toBe(1);
    w.run();
    expect(w.server.stack.listeners[0]!.synMeter.depth).toBe(0);
    expect(w.leftovers()).toEqual([]);
  });
});

describe('ports and descriptors', () => {
  it('say EADDRINUSE, EMFILE, EBADF, ENOTSOCK, EINVAL, ENOTCONN, ENETUNREACH', () => {
    const w = new Pair({ host: { nofile: 4 } });
    const out: number[] = [];
    w.server.run('server', function* (sys) {
      yield* listenOn(sys, 5);
      const fd = yield sys.socket();
      out.push(yield sys.bind(fd, 80));
      out.push(yield sys.accept(fd));
      out.push(yield sys.read(fd, 1));
      out.push(yield sys.write(fd, 1));
      out.push(yield sys.shutdown(fd, k.SHUT_WR));
      out.push(yield sys.connect(fd, 77, 1));
      const ev = yield sys.eventfd(0);
      out.push(yield sys.listen(ev, 1));
      yield sys.socket();
      out.push(yield sys.socket());
      out.push(yield sys.close(9));
    });
    w.run();
    expect(out).toEqual([
      -k.EADDRINUSE,
      -k.EINVAL,
      -k.ENOTCONN,
      -k.EPIPE,
      -k.ENOTCONN,
      -k.ENETUNREACH,
      -k.ENOTSOCK,
      -k.EMFILE,
      -k.EBADF,
    ]);
  });
});
