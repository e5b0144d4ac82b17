// poll and epoll on sockets, and that no wake-up is lost on them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ms, us } from '../../../src/base/units.ts';
import type { Sock } from '../../../src/kernel/socket.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { sysRead } from '../../../src/kernel/syscalls/fd.ts';
import type { Syscall } from '../../../src/kernel/thread.ts';
import { inq } from '../../../src/tcp/index.ts';
import { prop } from '../../support/prop.ts';
import { connectTo, listenOn, Pair, stay } from './world.ts';

const IN = k.EPOLLIN;
const OUT = k.EPOLLOUT;
const RDHUP = k.EPOLLRDHUP;

describe('epoll on a socket', () => {
  it.each([
    ['level-triggered', 0, 10],
    ['edge-triggered', k.EPOLLET, 1],
    ['one-shot', k.EPOLLONESHOT, 1],
  ])(
    '%s, reading 1 KiB of 10 KiB a time, with flag %i, returns %i times [measured on 6.18]',
    (_name, mode, times) => {
      const w = new Pair();
      let wakes = 0;
      w.server.run('server', function* (sys) {
        const fd = yield sys.accept(yield* listenOn(sys, 5), k.NONBLOCK);
        yield sys.nanosleep(ms(10));
        const ep = yield sys.epollCreate();
        yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, IN | mode);
        const ev = new k.EpollEvents(4);
        while ((yield sys.epollWait(ep, ev, 4, ms(5))) > 0) {
          wakes++;
          yield sys.read(fd, 1024);
        }
      });
      w.client.run('client', function* (sys) {
        const fd = yield* connectTo(sys, w.server);
        yield sys.write(fd, 10_240);
        yield* stay(sys);
      });
      w.run(ms(100));
      expect(wakes).toBe(times);
    },
  );

  it('edge-triggered tells of every new segment, before the rest is read too [measured on 6.18, api/epoll-et-oneshot-rearm.pkt]', () => {
    const w = new Pair();
    const seen: number[] = [];
    w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5), k.NONBLOCK);
      const ep = yield sys.epollCreate();
      yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, IN | k.EPOLLET);
      const ev = new k.EpollEvents(4);
      while ((yield sys.epollWait(ep, ev, 4, ms(50))) > 0) seen.push(yield sys.read(fd, 400));
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      for (let i = 0; i < 3; i++) {
        yield sys.write(fd, 1000);
        yield sys.nanosleep(ms(10));
      }
      yield* stay(sys);
    });
    w.run(ms(200));
    expect(seen).toEqual([400, 400, 400]);
  });

  it('EPOLLOUT comes after a refused write, once a third of the buffer is free, and once [sk_stream_is_writeable()]', () => {
    const w = new Pair();
    const free: number[] = [];
    let events = 0;
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket(k.NONBLOCK);
      yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF, 20_000);
      const ep = yield sys.epollCreate();
      yield sys.connect(fd, w.server.addr, 80);
      yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, OUT | k.EPOLLET);
      const ev = new k.EpollEvents(4);
      yield sys.epollWait(ep, ev, 4, k.INFINITE);
      while ((yield sys.write(fd, 100_000)) > 0);
      const c = (w.client.process.fds.get(fd) as Sock).c!;
      while ((yield sys.epollWait(ep, ev, 4, ms(500))) > 0) {
        events++;
        free.push(c.wmemQueued / c.sndbuf);
      }
    });
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.setsockopt(l, k.SOL_SOCKET, k.SO_RCVBUF, 8000);
      const fd = yield sys.accept(l);
      for (;;) {
        yield sys.nanosleep(ms(20));
        yield sys.read(fd, 1000);
      }
    });
    w.run(ms(1500));
    expect(events).toBe(1);
    expect(free[0]).toBeLessThanOrEqual(2 / 3);
    expect(free[0]).toBeGreaterThan(0.5);
  });
});

describe('poll', () => {
  it('sees a connection through its life [api/poll-life-cycle.pkt, api/connect-nonblocking-epoll.pkt]', () => {
    const w = new Pair();
    const server: number[] = [];
    const client: number[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      const ask = function* (fd: number, timeout: number): Generator<k.Trap, void, number> {
        const p = new k.PollFd(fd, IN | OUT | RDHUP);
        yield sys.poll([p], timeout);
        server.push(p.revents);
      };
      yield* ask(l, 0);
      yield* ask(l, k.INFINITE);
      const fd = yield sys.accept(l);
      yield* ask(fd, 0);
      const p = new k.PollFd(fd, IN | RDHUP);
      yield sys.poll([p], k.INFINITE);
      server.push(p.revents);
      yield* ask(fd, 0);
      yield sys.shutdown(fd, k.SHUT_WR);
      yield* ask(fd, 0);
      server.push(yield sys.poll([new k.PollFd(77, IN)], 0));
    });
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket(k.NONBLOCK);
      const p = new k.PollFd(fd, IN | OUT | RDHUP);
      yield sys.poll([p], 0);
      client.push(p.revents);
      client.push(yield sys.connect(fd, w.server.addr, 80));
      client.push(yield sys.connect(fd, w.server.addr, 80));
      client.push(yield sys.read(fd, 1), yield sys.write(fd, 1));
      client.push(yield sys.poll([p], 0), yield sys.poll([p], ms(1)));
      client.push(p.revents);
      client.push(yield sys.connect(fd, w.server.addr, 80));
      client.push(yield sys.connect(fd, w.server.addr, 80));
      yield sys.nanosleep(ms(1));
      yield sys.shutdown(fd, k.SHUT_WR);
    });
    w.run();
    expect(server).toEqual([
      0,
      IN,
      OUT,
      IN | RDHUP,
      IN | OUT | RDHUP,
      IN | OUT | RDHUP | k.EPOLLHUP,
      1,
    ]);
    expect(client).toEqual([
      OUT | k.EPOLLHUP,
      -k.EINPROGRESS,
      -k.EALREADY,
      -k.EAGAIN,
      -k.EAGAIN,
      0,
      1,
      OUT,
      0,
      -k.EISCONN,
    ]);
  });

  it('after a reset shows everything at once, and data stays readable [api/rst-keeps-queued-data.pkt]', () => {
    const w = new Pair();
    const out: number[] = [];
    w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5));
      yield sys.nanosleep(ms(10));
      const p = new k.PollFd(fd, IN | OUT | RDHUP);
      yield sys.poll([p], 0);
      out.push(p.revents);
      out.push(
        yield sys.read(fd, 600),
        yield sys.write(fd, 10),
        yield sys.read(fd, 600),
        yield sys.read(fd, 600),
      );
      yield sys.poll([p], 0);
      out.push(p.revents);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      yield sys.write(fd, 1000);
      yield sys.nanosleep(ms(1));
      yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_LINGER, 0);
      yield sys.close(fd);
    });
    w.run();
    const all = IN | OUT | RDHUP | k.EPOLLHUP;
    expect(out).toEqual([all | k.EPOLLERR, 600, -k.ECONNRESET, 400, 0, all]);
    expect(w.pool.live).toBe(0);
  });
});

/** A read that looks, lets go of the socket, and sleeps without looking at what the backlog brought. */
const hastyRead: Syscall = (t, trap) => {
  const s = t.process.fds.get(trap.fd) as Sock;
  const c = s.c!;
  if (trap.phase === 77) {
    while (s.releaseCost(t.core) >= 0) s.releaseStep(t.core);
    s.unlock();
    return t.waitOn(s.wait, false);
  }
  if (trap.phase !== 0 || s.owner !== null || inq(c) > 0 || c.rcvShutdown || c.error !== 0)
    return sysRead(t, trap);
  s.lock(t);
  trap.phase = 77;
  return 50_000;
};

describe('no wake-up is lost on a socket', () => {
  interface Plan {
    readonly cpus: number;
    readonly readers: number;
    readonly how: 'blocking' | 'epoll' | 'edge' | 'poll';
    readonly writes: readonly { readonly pause: number; readonly bytes: number }[];
    readonly read: number;
    readonly work: number;
    readonly rcvbuf: number;
  }
  const plan: fc.Arbitrary<Plan> = fc.record({
    cpus: fc.integer({ min: 1, max: 2 }),
    readers: fc.integer({ min: 1, max: 2 }),
    how: fc.constantFrom('blocking', 'epoll', 'edge', 'poll'),
    writes: fc.array(
      fc.record({ pause: fc.nat({ max: 20_000 }), bytes: fc.integer({ min: 1, max: 20_000 }) }),
      { minLength: 1, maxLength: 12 },
    ),
    read: fc.integer({ min: 100, max: 5000 }),
    work: fc.nat({ max: 10_000 }),
    rcvbuf: fc.integer({ min: 3_000, max: 60_000 }),
  });

  /** All that was written is read, and every reader sees the end of the stream. */
  function run(p: Plan, calls: readonly (readonly [number, Syscall])[] = []): boolean {
    const w = new Pair({ host: { machine: 'linux', cpus: p.cpus }, calls, link: { delay: us(5) } });
    let [got, ended] = [0, 0];
    function* reader(sys: k.Sys, fd: number): k.ThreadBody {
      const ep = yield sys.epollCreate();
      yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, IN | RDHUP | (p.how === 'edge' ? k.EPOLLET : 0));
      const ev = new k.EpollEvents(1);
      const pfd = new k.PollFd(fd, IN);
      for (;;) {
        if (p.how === 'epoll' || p.how === 'edge') yield sys.epollWait(ep, ev, 1, k.INFINITE);
        if (p.how === 'poll') yield sys.poll([pfd], k.INFINITE);
        let n: number;
        do {
          n = yield sys.read(fd, p.read);
          if (n > 0) got += n;
          yield sys.compute(p.work);
        } while (n > 0);
        if (n === 0) break;
        if (n !== -k.EAGAIN) throw new Error(`read: ${n}`);
      }
      ended++;
    }
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.setsockopt(l, k.SOL_SOCKET, k.SO_RCVBUF, p.rcvbuf);
      const fd = yield sys.accept(l, p.how === 'blocking' ? 0 : k.NONBLOCK);
      for (let i = 0; i < p.readers; i++) yield sys.spawn((own) => reader(own, fd), `r${i}`);
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      for (const { pause, bytes } of p.writes) {
        yield sys.nanosleep(pause);
        yield sys.write(fd, bytes);
      }
      yield sys.close(fd);
    });
    w.run();
    const sent = p.writes.reduce((sum, x) => sum + x.bytes, 0);
    return got === sent && ended === p.readers && w.pool.live === 0;
  }

  it('whether readers block, poll or use epoll, one or two of them, on one core or two', () => {
    prop([plan], (p) => run(p), { numRuns: 100 });
  });

  it('and the check notices a read that sleeps without a second look [mutant]', () => {
    const property = fc.property(plan, (p) =>
      run({ ...p, how: 'blocking', cpus: 2, readers: 1 }, [[k.NR_READ, hastyRead]]),
    );
    expect(fc.check(property, { seed: 1, numRuns: 200 }).failed).toBe(true);
  });
});
