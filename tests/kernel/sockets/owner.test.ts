// A system call owns its socket from its first look to its release: what comes in between waits.
import { describe, expect, it } from 'vitest';
import { ms, us } from '../../../src/base/units.ts';
import * as k from '../../../src/kernel/syscall.ts';
import type { Sock } from '../../../src/kernel/socket.ts';
import { ACK, write } from '../../../src/tcp/index.ts';
import { connectTo, listenOn, Pair, stay } from './world.ts';

describe('while a call owns the socket', () => {
  it('segments wait in the backlog, and are read in the same call [tcp_recvmsg_locked()]', () => {
    const w = new Pair({ server: { costs: { copyPerKiB: 100_000 } } });
    const reads: number[] = [];
    let sock: Sock | null = null;
    w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5));
      sock = w.server.process.fds.get(fd) as Sock;
      for (let n = 1; n > 0;) {
        n = yield sys.read(fd, 100_000);
        reads.push(n);
      }
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      for (let i = 0; i < 20; i++) {
        yield sys.write(fd, 1000);
        yield sys.nanosleep(us(50));
      }
      yield sys.close(fd);
    });
    w.run();
    expect(reads.reduce((a, b) => a + b)).toBe(20_000);
    // The second read finds what came during the first, and while it copies, more comes.
    expect(reads.length).toBeLessThan(6);
    expect(w.server.stack.backlogMeter.peak).toBeGreaterThan(1);
    expect(w.server.stack.backlogMeter.depth).toBe(0);
    expect(sock!.c!.backlogLen).toBe(0);
    expect(w.leftovers()).toEqual([]);
  });

  it('segments beyond 2·rcvbuf + sndbuf/2 + 64 KiB are dropped: the test is "more than" [tcp_add_backlog()]', () => {
    const w = new Pair();
    let sock: Sock | null = null;
    const server = w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5));
      sock = w.server.process.fds.get(fd) as Sock;
      yield* stay(sys);
    });
    w.client.run('client', function* (sys) {
      yield* connectTo(sys, w.server);
      yield* stay(sys);
    });
    w.run();
    const s = sock!;
    const c = s.c!;
    const core = w.server.host.cores[0]!;
    expect(s.lock(server)).toBe(true);
    for (let i = 0; i < 1000; i++) {
      const ack = w.pool.take();
      Object.assign(ack, {
        src: c.dst,
        dst: c.src,
        sport: c.dport,
        dport: c.sport,
        flags: ACK,
        truesize: 2304,
      });
      ack.seq = c.rcvNxt;
      ack.ack = c.sndUna;
      ack.window = 100;
      s.receive(ack, core);
    }
    const limit = 2 * c.rcvbuf + (c.sndbuf >> 1) + 65_536;
    const kept = Math.floor(limit / 2304) + 1;
    expect(w.server.mib.TCPBacklogDrop).toBe(1000 - kept);
    expect(w.server.stack.backlogPeakBytes).toBe(kept * 2304);
    expect(w.pool.live).toBe(kept);
    while (s.releaseCost(core) >= 0) s.releaseStep(core);
    s.unlock();
    expect([c.backlogLen, w.pool.live]).toEqual([0, 0]);
  });

  it('letting go with a segment unsent, or twice, is a bug that is seen', () => {
    const w = new Pair();
    let sock: Sock | null = null;
    const client = w.client.run('client', function* (sys) {
      sock = w.client.process.fds.get(yield* connectTo(sys, w.server)) as Sock;
      yield* stay(sys);
    });
    w.server.run('server', function* (sys) {
      yield* listenOn(sys, 5);
      yield* stay(sys);
    });
    w.run();
    const s = sock!;
    s.lock(client);
    write(s.c!, 100, w.engine.now);
    expect(() => s.unlock()).toThrow('stack: a segment was left unsent');
    expect(() => s.unlock()).toThrow('socket: released, but not owned');
  });

  it('timers are deferred to its release [tcp_release_cb]', () => {
    // Frames of the client: SYN, ACK, 100 B, … The third is lost, and its retransmission is due in mid-copy.
    const w = new Pair({
      host: { costs: { copyPerKiB: 20_000_000 } },
      link: { loss: { kind: 'list', frames: [3, 4], per: 'flow' } },
    });
    w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5));
      while ((yield sys.read(fd, 65_536)) > 0);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      yield sys.setsockopt(fd, k.IPPROTO_TCP, k.TCP_NODELAY, 1);
      yield sys.write(fd, 100);
      yield sys.write(fd, 32_768); // copies for 640 ms
      yield* stay(sys);
    });
    w.run(ms(600));
    expect(w.client.stack.tcp.mib.RetransSegs).toBe(0);
    w.run(ms(700));
    expect(w.client.stack.tcp.mib.RetransSegs).toBeGreaterThan(0);
  });

  it('another thread waits for it, and the first in line gets it [lock_sock]', () => {
    const w = new Pair({ host: { costs: { copyPerKiB: 1_000_000 }, cpus: 4 } });
    const order: string[] = [];
    w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5));
      yield sys.nanosleep(ms(5));
      for (const name of ['a', 'b', 'c']) {
        yield sys.spawn(function* (own) {
          const n = yield own.read(fd, 1024);
          order.push(`${name} ${n} ${Math.floor(w.now / 1e6)}`);
        }, name);
      }
      yield* stay(sys);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      yield sys.write(fd, 3072);
      yield* stay(sys);
    });
    w.run(ms(20));
    expect(order.map((x) => x.split(' ')[1])).toEqual(['1024', '1024', '1024']);
    const times = order.map((x) => Number(x.split(' ')[2]));
    expect([times[1]! - times[0]!, times[2]! - times[1]!]).toEqual([1, 1]);
  });
});
