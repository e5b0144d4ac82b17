// epoll over eventfds and pipes: triggers, order of the ready list, who is woken. Sockets come in readiness.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Epoll } from '../../../src/kernel/epoll.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { sysEpollWait } from '../../../src/kernel/syscalls/epoll.ts';
import type { Syscall } from '../../../src/kernel/thread.ts';
import { prop } from '../../support/prop.ts';
import { Pair, type Side } from './world.ts';

/** Runs one body on the server and gives what it returned into `out`. */
function alone(body: (sys: k.Sys, side: Side, out: number[]) => k.ThreadBody): number[] {
  const w = new Pair();
  const out: number[] = [];
  w.server.run('t', (sys) => body(sys, w.server, out));
  w.run();
  return out;
}

/** An epoll with eventfds of the given counts in it, each with `events`. */
function* setUp(
  sys: k.Sys,
  counts: readonly number[],
  events: number,
): Generator<k.Trap, [number, number[]], number> {
  const ep = yield sys.epollCreate();
  const fds: number[] = [];
  for (const c of counts) {
    const fd = yield sys.eventfd(c, k.NONBLOCK);
    fds.push(fd);
    expect(yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, events)).toBe(0);
  }
  return [ep, fds];
}

describe('epoll', () => {
  it('reports level-triggered readiness again and again, edge-triggered once, one-shot until armed again [epoll(7)]', () => {
    const out = alone(function* (sys, _side, r) {
      const ev = new k.EpollEvents(8);
      for (const mode of [0, k.EPOLLET, k.EPOLLONESHOT]) {
        const [ep, [fd]] = yield* setUp(sys, [1], k.EPOLLIN | mode);
        r.push(yield sys.epollWait(ep, ev, 8, 0));
        r.push(yield sys.epollWait(ep, ev, 8, 0));
        yield sys.write(fd!, 1);
        r.push(yield sys.epollWait(ep, ev, 8, 0));
        yield sys.epollCtl(ep, k.EPOLL_CTL_MOD, fd!, k.EPOLLIN | mode);
        r.push(yield sys.epollWait(ep, ev, 8, 0));
      }
    });
    // LT, LT again, still, still; ET once, new edge, MOD gives another; ONESHOT once, disarmed twice, armed.
    expect(out).toEqual([1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1]);
  });

  it('goes round among more ready files than fit: what was left out comes first [ep_send_events()]', () => {
    const out = alone(function* (sys, _side, r) {
      const [ep] = yield* setUp(sys, [1, 1, 1], k.EPOLLIN);
      const ev = new k.EpollEvents(2);
      for (let i = 0; i < 3; i++) {
        const n = yield sys.epollWait(ep, ev, 2, 0);
        for (let j = 0; j < n; j++) r.push(ev.data[j]!);
      }
    });
    const [a, b, c] = [...new Set(out)].toSorted((x, y) => x - y);
    expect(out).toEqual([a, b, c, a, b, c]);
  });

  it('drops silently what is no longer ready, and sleeps on [ep_send_events()]', () => {
    const w = new Pair();
    const log: string[] = [];
    let shared = -1;
    w.server.run('waiter', function* (sys) {
      const [ep, [fd]] = yield* setUp(sys, [0], k.EPOLLIN);
      shared = fd!;
      const ev = new k.EpollEvents(4);
      const n = yield sys.epollWait(ep, ev, 4, 5_000);
      log.push(`${n} at ${w.now}`);
    });
    w.server.run('other', function* (sys) {
      yield sys.nanosleep(1000);
      yield sys.write(shared, 1);
      yield sys.read(shared, 8); // takes it before the waiter has run
    });
    w.run();
    expect(log).toEqual(['0 at 5000']);
  });

  it('refuses what epoll_ctl(2) refuses', () => {
    const out = alone(function* (sys, _side, r) {
      const [ep, [fd]] = yield* setUp(sys, [0], k.EPOLLIN);
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd!, k.EPOLLIN));
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, 99, k.EPOLLIN));
      r.push(yield sys.epollCtl(fd!, k.EPOLL_CTL_ADD, fd!, k.EPOLLIN));
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_MOD, ep, k.EPOLLIN)); // itself
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_MOD, fd!, k.EPOLLIN | k.EPOLLEXCLUSIVE));
      r.push(yield sys.epollCtl(ep, 7, fd!, k.EPOLLIN));
      const other = yield sys.eventfd(0);
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_MOD, other, k.EPOLLIN));
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_MOD, other, k.EPOLLIN | k.EPOLLEXCLUSIVE));
      r.push(yield sys.epollCtl(99, k.EPOLL_CTL_ADD, other, k.EPOLLIN));
      r.push(yield sys.epollCtl(other, k.EPOLL_CTL_ADD, 99, k.EPOLLIN)); // which of the two is looked at first
      const file = yield sys.open(1000);
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, file, k.EPOLLIN));
      r.push(yield sys.epollCtl(other, k.EPOLL_CTL_ADD, file, k.EPOLLIN));
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_DEL, fd!, 0));
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_DEL, fd!, 0));
      r.push(yield sys.epollWait(ep, new k.EpollEvents(1), 0, 0));
    });
    expect(out).toEqual([
      -k.EEXIST,
      -k.EBADF,
      -k.EINVAL,
      -k.EINVAL,
      -k.EINVAL,
      -k.EINVAL,
      -k.ENOENT,
      -k.EINVAL,
      -k.EBADF,
      -k.EBADF,
      -k.EPERM,
      -k.EPERM,
      0,
      -k.ENOENT,
      -k.EINVAL,
    ]);
  });

  it('takes EPOLLEXCLUSIVE with input, output, errors and edges, and with nothing else; EPOLLWAKEUP with all, and ignores it', () => {
    const out = alone(function* (sys, _side, r) {
      for (const mode of [
        k.EPOLLET,
        k.EPOLLOUT,
        k.EPOLLWAKEUP,
        k.EPOLLONESHOT,
        k.EPOLLRDHUP,
        k.EPOLLPRI,
      ]) {
        const ep = yield sys.epollCreate();
        const fd = yield sys.eventfd(1);
        r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, k.EPOLLIN | k.EPOLLEXCLUSIVE | mode));
        r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_MOD, fd, k.EPOLLIN));
      }
      const [ep, [fd]] = yield* setUp(sys, [1], k.EPOLLIN | k.EPOLLWAKEUP | k.EPOLLONESHOT);
      const ev = new k.EpollEvents(1);
      r.push(yield sys.epollWait(ep, ev, 1, 0), ev.events[0]!, yield sys.epollWait(ep, ev, 1, 0));
      void fd;
    });
    const ok = [0, -k.EINVAL]; // an exclusive item cannot be changed
    const refused = [-k.EINVAL, -k.ENOENT];
    expect(out).toEqual([ok, ok, ok, refused, refused, refused, [1, k.EPOLLIN, 0]].flat());
  });

  it('waits for nanoseconds [epoll_pwait2(2)]', () => {
    const w = new Pair();
    const at: number[] = [];
    w.server.run('t', function* (sys) {
      const [ep] = yield* setUp(sys, [0], k.EPOLLIN);
      for (const ns of [0, 1, 999, 1001]) {
        expect(yield sys.epollWait(ep, new k.EpollEvents(1), 1, ns)).toBe(0);
        at.push(w.now);
      }
    });
    w.run();
    expect(at).toEqual([0, 1, 1000, 2001]);
  });

  it('forgets a file that is closed', () => {
    const out = alone(function* (sys, _side, r) {
      const [ep, [fd]] = yield* setUp(sys, [1], k.EPOLLIN);
      yield sys.close(fd!);
      r.push(yield sys.epollWait(ep, new k.EpollEvents(1), 1, 0));
      r.push(yield sys.epollCtl(ep, k.EPOLL_CTL_DEL, fd!, 0));
    });
    expect(out).toEqual([0, -k.EBADF]);
  });

  it('wakes one of the threads that share it for one event, and each of those with an epoll of their own [measured on 6.18]', () => {
    const wakes = (own: boolean, mode: number): number => {
      const w = new Pair();
      let [ep, fd] = [-1, -1];
      w.server.run('main', function* (sys) {
        fd = yield sys.eventfd(0, k.NONBLOCK);
        if (!own) {
          ep = yield sys.epollCreate();
          yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, k.EPOLLIN | k.EPOLLET);
        }
        for (let i = 0; i < 4; i++) {
          yield sys.spawn(function* (mine) {
            let e = ep;
            if (own) {
              e = yield mine.epollCreate();
              yield mine.epollCtl(e, k.EPOLL_CTL_ADD, fd, k.EPOLLIN | mode);
            }
            yield mine.epollWait(e, new k.EpollEvents(1), 1, k.INFINITE);
          }, `t${i}`);
        }
        yield sys.nanosleep(1000);
        yield sys.write(fd, 1);
      });
      w.run();
      return 4 - w.server.host.waiting().length;
    };
    expect(wakes(false, 0)).toBe(1);
    expect(wakes(true, k.EPOLLET)).toBe(4);
    expect(wakes(true, k.EPOLLEXCLUSIVE)).toBe(1);
  });
});

/** Looks, spends some time, and only then goes to sleep, without looking again. */
const hastyWait: Syscall = (t, trap) => {
  const ep = t.process.fds.get(trap.fd) as Epoll;
  if (trap.phase === 9) return t.waitOn(ep.wq, true);
  if (trap.phase !== 0 || ep.anyReady) return sysEpollWait(t, trap);
  trap.phase = 9;
  return 4000;
};

describe('no wake-up is lost', () => {
  interface Plan {
    readonly files: number;
    readonly waiters: number;
    readonly mode: number;
    readonly writes: readonly { readonly at: number; readonly file: number }[];
    readonly work: number;
    readonly cpus: number;
  }
  const plan: fc.Arbitrary<Plan> = fc.record({
    files: fc.integer({ min: 1, max: 4 }),
    waiters: fc.integer({ min: 1, max: 3 }),
    mode: fc.constantFrom(0, k.EPOLLET, k.EPOLLONESHOT),
    writes: fc.array(fc.record({ at: fc.nat({ max: 20_000 }), file: fc.nat({ max: 3 }) }), {
      minLength: 1,
      maxLength: 25,
    }),
    work: fc.nat({ max: 5_000 }),
    cpus: fc.integer({ min: 1, max: 3 }),
  });

  /** Every count written to an eventfd is read by somebody before the world falls idle. */
  function run(p: Plan, calls: readonly (readonly [number, Syscall])[]): boolean {
    const w = new Pair({ host: { machine: 'linux', cpus: p.cpus }, calls });
    let [written, read] = [0, 0];
    w.server.run('main', function* (sys) {
      const [ep, fds] = yield* setUp(sys, new Array<number>(p.files).fill(0), k.EPOLLIN | p.mode);
      for (let i = 0; i < p.waiters; i++) {
        yield sys.spawn(function* (mine) {
          const ev = new k.EpollEvents(2);
          for (;;) {
            const n = yield mine.epollWait(ep, ev, 2, k.INFINITE);
            for (let j = 0; j < n; j++) {
              const fd = ev.data[j]!;
              const count = new Uint8Array(8);
              while ((yield mine.read(fd, 8, count)) === 8) read += count[0]!;
              yield mine.compute(p.work);
              if (p.mode === k.EPOLLONESHOT) {
                yield mine.epollCtl(ep, k.EPOLL_CTL_MOD, fd, k.EPOLLIN | p.mode);
              }
            }
          }
        }, `w${i}`);
      }
      for (const { at, file } of p.writes.toSorted((a, b) => a.at - b.at)) {
        const t = yield sys.clockGettime();
        if (at > t) yield sys.nanosleep(at - t);
        yield sys.write(fds[file % p.files]!, 1);
        written++;
      }
    });
    w.run();
    return written === p.writes.length && read === written;
  }

  it('between writers and any number of epoll_wait callers', () => {
    prop([plan], (p) => run(p, []), { numRuns: 150 });
  });

  it('and the check notices an epoll_wait that sleeps without a second look [mutant]', () => {
    const property = fc.property(plan, (p) => run(p, [[k.NR_EPOLL_WAIT, hastyWait]]));
    expect(fc.check(property, { seed: 1, numRuns: 300 }).failed).toBe(true);
  });
});
