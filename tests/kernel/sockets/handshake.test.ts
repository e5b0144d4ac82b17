// Connections between two threads on two hosts: set up, used, refused and closed.
import { describe, expect, it } from 'vitest';
import * as k from '../../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair, PORT } from './world.ts';

describe('a connection', () => {
  it('is made by connect and accept one round trip later, echoes, and closes to nothing', () => {
    const w = new Pair();
    const log: string[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      const fd = yield sys.accept(l);
      log.push(`accepted at ${w.now}`);
      for (;;) {
        const n = yield sys.read(fd, 4096);
        if (n <= 0) break;
        yield sys.write(fd, n);
      }
      yield sys.close(fd);
      yield sys.close(l);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      log.push(`connected at ${w.now}`);
      expect(yield sys.write(fd, 1000)).toBe(1000);
      let got = 0;
      while (got < 1000) got += yield sys.read(fd, 4096);
      log.push(`echoed ${got} at ${w.now}`);
      yield sys.close(fd);
    });
    expect(w.run()).toBe('idle');
    expect(log).toEqual(['connected at 200000', 'accepted at 300000', 'echoed 1000 at 400000']);
    expect(w.leftovers()).toEqual([]);
  });

  it('is refused where nobody listens: ECONNREFUSED, once; the socket can be used again', () => {
    const w = new Pair();
    const results: number[] = [];
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket();
      results.push(yield sys.connect(fd, w.server.addr, 9));
      results.push(yield sys.connect(fd, w.server.addr, 9));
      yield sys.close(fd);
    });
    w.run();
    expect(results).toEqual([-k.ECONNREFUSED, -k.ECONNREFUSED]);
    expect(w.server.stack.tcp.mib.OutRsts).toBe(2);
    expect(w.leftovers()).toEqual([]);
  });

  it('takes over the options of its own socket or listener, also those set after listen(), and of no other', () => {
    const w = new Pair();
    const seen: number[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.setsockopt(l, k.IPPROTO_TCP, k.TCP_KEEPIDLE, 10);
      const fd = yield sys.accept(l);
      yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_KEEPIDLE, 20);
      for (const s of [l, fd, yield sys.socket()])
        seen.push(yield sys.getsockopt(s, k.IPPROTO_TCP, k.TCP_KEEPIDLE));
    });
    w.client.run('client', function* (sys) {
      const a = yield sys.socket();
      yield sys.setsockopt(a, k.IPPROTO_TCP, k.TCP_KEEPIDLE, 30);
      const b = yield sys.socket();
      yield sys.connect(a, w.server.addr, PORT);
      for (const s of [a, b]) seen.push(yield sys.getsockopt(s, k.IPPROTO_TCP, k.TCP_KEEPIDLE));
    });
    w.run();
    expect(seen.toSorted((x, y) => x - y)).toEqual([10, 20, 30, 7200, 7200]);
  });

  it('counts who accepts: two threads blocked in accept get one connection each', () => {
    const w = new Pair();
    const got: string[] = [];
    w.server.run('main', function* (sys) {
      const l = yield* listenOn(sys, 5);
      for (const name of ['a', 'b']) {
        yield sys.spawn(function* (own) {
          const fd = yield own.accept(l);
          got.push(`${name} ${fd}`);
          yield own.close(fd);
        }, name);
      }
    });
    for (const name of ['x', 'y']) {
      w.client.run(name, function* (sys) {
        const fd = yield* connectTo(sys, w.server);
        expect(yield sys.read(fd, 10)).toBe(0);
        yield sys.close(fd);
      });
    }
    w.run();
    expect(got.toSorted()).toEqual(['a 1', 'b 1']);
  });

  it('is given up with ETIMEDOUT when no SYN-ACK comes, after ten more SYNs [tcp_syn_retries]', () => {
    const w = new Pair({ link: { loss: { kind: 'random', probability: 1 } } });
    const sent: number[] = [];
    const transmit = w.up.transmit.bind(w.up);
    w.client.nic.wire = { mtu: 1500, transmit: (skb, t) => (sent.push(t / 1e9), transmit(skb, t)) };
    const results: number[] = [];
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket();
      yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDTIMEO, 1_000_000);
      results.push(yield sys.connect(fd, w.server.addr, 80));
      yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDTIMEO, 0);
      results.push(yield sys.connect(fd, w.server.addr, 80));
      yield sys.close(fd);
    });
    w.run();
    expect(results).toEqual([-k.EINPROGRESS, -k.ETIMEDOUT]);
    expect(sent.map((t) => Math.floor(t + 0.01))).toEqual([0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67]);
    expect(w.leftovers()).toEqual([]);
  });

  it('to the host itself goes by lo, with segments of up to 64 KiB', () => {
    const w = new Pair();
    let got = 0;
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.spawn(function* (own) {
        const fd = yield* connectTo(own, w.server);
        yield own.write(fd, 1_000_000);
        yield own.close(fd);
      }, 'client');
      const fd = yield sys.accept(l);
      for (let n = 1; n > 0; got += n) n = yield sys.read(fd, 100_000);
      yield sys.close(fd);
    });
    w.run();
    expect(got).toBe(1_000_000);
    expect(w.server.nic.counters.tx_packets).toBe(0);
    expect(w.leftovers()).toEqual([]);
  });

  it('draws the same numbers whatever else happens on the host, and others with another seed [DESIGN §2]', () => {
    const syns = (seed: string, others: number): number => {
      const w = new Pair({ seed });
      let first = 0;
      w.client.nic.wire = {
        mtu: 1500,
        transmit: (skb, t) => ((first ||= skb.wireSeq), w.up.transmit(skb, t)),
      };
      w.client.run('client', function* (sys) {
        yield* connectTo(sys, w.server);
        for (let i = 0; i < others; i++) yield* connectTo(sys, w.server);
      });
      w.run();
      return first;
    };
    expect(syns('a', 0)).toBe(syns('a', 5));
    expect(syns('a', 0)).not.toBe(syns('b', 0));
  });
});

describe('a write() and a read() that wait in SYN-SENT [validation R8: queue_send_recv_in_syn_sent]', () => {
  /** Both wait from the start, one thread each; `serve` decides what the SYN meets 50 ms later. */
  function queued(port: number): { results: Record<string, number>; at: Record<string, number> } {
    // The first SYN and the first SYN-ACK are lost: the third SYN, after two seconds, is through.
    const w = new Pair({ link: { loss: { kind: 'list', frames: [1], per: 'flow' } } });
    const results: Record<string, number> = {};
    const at: Record<string, number> = {};
    const done = (name: string, r: number): void => {
      results[name] = r;
      at[name] = w.now;
    };
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      const fd = yield sys.accept(l);
      done('got', yield sys.read(fd, 4096));
      yield sys.write(fd, 700);
      yield sys.close(fd);
      yield sys.close(l);
    });
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket(k.NONBLOCK);
      done('connect', yield sys.connect(fd, w.server.addr, port));
      yield sys.setNonblock(fd, false);
      yield sys.spawn(function* (own) {
        done('write', yield own.write(fd, 500));
      }, 'writer');
      yield sys.spawn(function* (own) {
        done('read', yield own.read(fd, 4096));
      }, 'reader');
      yield sys.nanosleep(3_000_000_000);
      yield sys.close(fd);
    });
    w.run(5e9);
    return { results, at };
  }

  it('go on when the SYN-ACK has come: what was written follows it, what is answered is read', () => {
    const { results, at } = queued(PORT);
    expect(results).toEqual({ connect: -k.EINPROGRESS, write: 500, got: 500, read: 700 });
    // 2 s, and 200 us to the SYN-ACK; another 100 there, and back.
    expect(at).toEqual({
      connect: 0,
      write: 2_000_200_000,
      got: 2_000_300_000,
      read: 2_000_400_000,
    });
  });

  it('end when it is refused: one is told ECONNREFUSED, the other finds the connection gone [sock_error]', () => {
    const { results, at } = queued(9);
    expect(results['connect']).toBe(-k.EINPROGRESS);
    expect([results['write'], results['read']]).toContain(-k.ECONNREFUSED);
    expect([-k.ECONNREFUSED, -k.EPIPE]).toContain(results['write']);
    expect([-k.ECONNREFUSED, 0]).toContain(results['read']);
    expect(results['write'] === results['read']).toBe(false);
    // The reset is not the listener's first frame: only the SYN was lost.
    expect([at['write'], at['read']]).toEqual([1_000_200_000, 1_000_200_000]);
  });
});
