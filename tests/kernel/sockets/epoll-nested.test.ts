// An epoll instance in another: readiness goes through, circles and deep nests are refused, nothing is lost.
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ms } from '../../../src/base/units.ts';
import { Epoll } from '../../../src/kernel/epoll.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { prop } from '../../support/prop.ts';
import { connectTo, listenOn, Pair, stay } from './world.ts';

afterEach(() => void vi.restoreAllMocks());
const ADD = k.EPOLL_CTL_ADD;
const IN = k.EPOLLIN;

function alone(body: (sys: k.Sys, out: number[]) => k.ThreadBody): number[] {
  const w = new Pair();
  const out: number[] = [];
  w.server.run('t', (sys) => body(sys, out));
  w.run();
  return out;
}

/** So many instances, not yet in one another. */
function* instances(sys: k.Sys, n: number): Generator<k.Trap, number[], number> {
  const eps: number[] = [];
  for (let i = 0; i < n; i++) eps.push(yield sys.epollCreate());
  return eps;
}

describe('an epoll instance in another', () => {
  it('is readable while one of its files is, for epoll, poll and select', () => {
    const out = alone(function* (sys, r) {
      const [inner, outer] = yield* instances(sys, 2);
      const fd = yield sys.eventfd(0, k.NONBLOCK);
      yield sys.epollCtl(inner!, ADD, fd, IN);
      r.push(yield sys.epollCtl(outer!, ADD, inner!, IN));
      const ev = new k.EpollEvents(4);
      const look = function* (): Generator<k.Trap, void, number> {
        const p = new k.PollFd(inner!, IN);
        const set = new k.FdSet().add(inner!);
        r.push(yield sys.epollWait(outer!, ev, 4, 0), yield sys.poll([p], 0));
        r.push(yield sys.select(inner! + 1, set, null, null, 0));
      };
      yield* look();
      yield sys.write(fd, 1);
      yield* look();
      yield* look(); // level-triggered: again
      yield sys.read(fd, 8);
      yield* look();
    });
    expect(out).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
  });

  it('wakes who waits for the outer one, once for each edge with EPOLLET', () => {
    const w = new Pair();
    const woke: number[] = [];
    w.server.run('t', function* (sys) {
      const [inner, middle, outer] = yield* instances(sys, 3);
      const fd = yield sys.eventfd(0, k.NONBLOCK);
      yield sys.epollCtl(inner!, ADD, fd, IN);
      yield sys.epollCtl(middle!, ADD, inner!, IN);
      yield sys.epollCtl(outer!, ADD, middle!, IN | k.EPOLLET);
      yield sys.spawn(function* (own) {
        for (let i = 1; i <= 3; i++) {
          yield own.nanosleep(1000);
          yield own.write(fd, 1);
        }
      });
      while ((yield sys.epollWait(outer!, new k.EpollEvents(1), 1, 5000)) > 0) woke.push(w.now);
    });
    w.run();
    expect(woke).toEqual([1000, 2000, 3000]);
  });

  it('is refused in itself, in a circle, and more than five deep [ep_loop_check()]', () => {
    const out = alone(function* (sys, r) {
      const eps = yield* instances(sys, 7);
      r.push(yield sys.epollCtl(eps[0]!, ADD, eps[0]!, IN));
      // Each in the one before: five are allowed, the sixth is too deep, from below and from above.
      for (let i = 0; i < 5; i++) r.push(yield sys.epollCtl(eps[i]!, ADD, eps[i + 1]!, IN));
      r.push(yield sys.epollCtl(eps[6]!, ADD, eps[0]!, IN));
      r.push(yield sys.epollCtl(eps[6]!, ADD, eps[1]!, IN)); // a shorter way down
      // Circles of two and of five.
      r.push(yield sys.epollCtl(eps[1]!, ADD, eps[0]!, IN));
      r.push(yield sys.epollCtl(eps[4]!, ADD, eps[0]!, IN));
      r.push(yield sys.epollCtl(eps[5]!, ADD, eps[6]!, IN | k.EPOLLEXCLUSIVE));
    });
    const loop = -k.ELOOP;
    expect(out).toEqual([-k.EINVAL, 0, 0, 0, 0, loop, loop, 0, loop, loop, -k.EINVAL]);
  });

  it('may be put elsewhere once it was taken out, or the outer one closed', () => {
    const out = alone(function* (sys, r) {
      const [a, b] = yield* instances(sys, 2);
      r.push(yield sys.epollCtl(a!, ADD, b!, IN), yield sys.epollCtl(b!, ADD, a!, IN));
      yield sys.epollCtl(a!, k.EPOLL_CTL_DEL, b!, 0);
      r.push(yield sys.epollCtl(b!, ADD, a!, IN));
      yield sys.close(b!);
      const chain = [a!, ...(yield* instances(sys, 4))];
      for (let i = 0; i < 4; i++) r.push(yield sys.epollCtl(chain[i]!, ADD, chain[i + 1]!, IN));
    });
    expect(out).toEqual([0, -k.ELOOP, 0, 0, 0, 0, 0]);
  });

  it('that is closed leaves the outer one, whose waiters sleep on', () => {
    const out = alone(function* (sys, r) {
      const [inner, outer] = yield* instances(sys, 2);
      const fd = yield sys.eventfd(1);
      yield sys.epollCtl(inner!, ADD, fd, IN);
      yield sys.epollCtl(outer!, ADD, inner!, IN);
      yield sys.close(inner!);
      r.push(yield sys.epollWait(outer!, new k.EpollEvents(1), 1, 1000));
    });
    expect(out).toEqual([0]);
  });

  it('asks a socket for room on behalf of who asks it [tcp_poll() sets SOCK_NOSPACE]', () => {
    const w = new Pair();
    let events = 0;
    w.client.run('client', function* (sys) {
      const fd = yield sys.socket(k.NONBLOCK);
      yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDBUF, 20_000);
      const [inner, outer] = yield* instances(sys, 2);
      yield sys.connect(fd, w.server.addr, 80);
      yield sys.epollCtl(inner!, ADD, fd, k.EPOLLOUT);
      yield sys.epollCtl(outer!, ADD, inner!, IN);
      const ev = new k.EpollEvents(1);
      for (;;) {
        if ((yield sys.epollWait(outer!, ev, 1, ms(500))) === 0) break;
        events++;
        // Up to the mark and no further: no write is refused, so only the next wait can ask to be told.
        while ((w.client.process.fds.get(fd)!.poll() & k.EPOLLOUT) !== 0)
          expect(yield sys.write(fd, 1000)).toBe(1000);
        if (events === 5) break;
      }
    });
    w.server.run('server', function* (sys) {
      const fd = yield sys.accept(yield* listenOn(sys, 5));
      for (;;) {
        yield sys.nanosleep(ms(1));
        if ((yield sys.read(fd, 100_000)) <= 0) break;
      }
    });
    w.run(ms(3000));
    expect(events).toBe(5);
  });
});

describe('no wake-up is lost through nested instances', () => {
  interface Plan {
    readonly depth: number;
    readonly mode: number;
    readonly cpus: number;
    readonly writes: readonly number[];
    readonly work: number;
  }
  const plan: fc.Arbitrary<Plan> = fc.record({
    depth: fc.integer({ min: 1, max: 4 }),
    mode: fc.constantFrom(0, k.EPOLLET),
    cpus: fc.integer({ min: 1, max: 3 }),
    writes: fc.array(fc.nat({ max: 8000 }), { minLength: 1, maxLength: 20 }),
    work: fc.nat({ max: 5000 }),
  });

  const run = (p: Plan): boolean => {
    const w = new Pair({ host: { machine: 'linux', cpus: p.cpus } });
    let read = 0;
    w.server.run('main', function* (sys) {
      const fd = yield sys.eventfd(0, k.NONBLOCK);
      const eps = yield* instances(sys, p.depth + 1);
      yield sys.epollCtl(eps.at(-1)!, ADD, fd, IN | p.mode);
      for (let i = 0; i < p.depth; i++) yield sys.epollCtl(eps[i]!, ADD, eps[i + 1]!, IN | p.mode);
      yield sys.spawn(function* (own) {
        const ev = new k.EpollEvents(2);
        const count = new Uint8Array(8);
        for (;;) {
          // From the outermost in, as one who finds an event goes and asks where it is.
          for (const ep of eps) yield own.epollWait(ep, ev, 2, ep === eps[0] ? k.INFINITE : 0);
          while ((yield own.read(fd, 8, count)) === 8) read += count[0]!;
          yield own.compute(p.work);
        }
      }, 'reader');
      for (const pause of p.writes) {
        yield sys.nanosleep(pause);
        yield sys.write(fd, 1);
      }
    });
    w.run();
    return read === p.writes.length;
  };

  it('whatever the depth, the trigger and the cores', () => {
    prop([plan], run, { numRuns: 100 });
  });

  it('[mutant] that do not tell the outer one lose some', () => {
    vi.spyOn(Epoll.prototype, 'wakeOne').mockImplementation(function (this: Epoll, sync) {
      return !this.wq.empty && this.wq.wake(0, 1, sync) > 0;
    });
    expect(fc.check(fc.property(plan, run), { seed: 1, numRuns: 50 }).failed).toBe(true);
  });
});

it('a server that waits through a nested instance answers [one listener, one connection]', () => {
  const w = new Pair();
  const got: number[] = [];
  w.server.run('server', function* (sys) {
    const l = yield* listenOn(sys, 5);
    const [inner, outer] = yield* instances(sys, 2);
    yield sys.epollCtl(inner!, ADD, l, IN);
    yield sys.epollCtl(outer!, ADD, inner!, IN);
    const ev = new k.EpollEvents(1);
    yield sys.epollWait(outer!, ev, 1, k.INFINITE);
    const fd = yield sys.accept(l, k.NONBLOCK);
    yield sys.epollCtl(inner!, ADD, fd, IN | k.EPOLLRDHUP);
    yield sys.epollWait(outer!, ev, 1, k.INFINITE);
    got.push(yield sys.read(fd, 100));
  });
  w.client.run('client', function* (sys) {
    const fd = yield* connectTo(sys, w.server);
    yield sys.nanosleep(ms(1));
    yield sys.write(fd, 10);
    yield* stay(sys);
  });
  w.run(ms(50));
  expect(got).toEqual([10]);
});
