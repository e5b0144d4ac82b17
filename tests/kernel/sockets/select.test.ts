// select(2) and poll(2): what they refuse, what they leave in their sets, and that they agree with each other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ms } from '../../../src/base/units.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { sysSelect } from '../../../src/kernel/syscalls/select.ts';
import type { Syscall } from '../../../src/kernel/thread.ts';
import { prop } from '../../support/prop.ts';
import { connectTo, listenOn, Pair, stay } from './world.ts';

function alone(body: (sys: k.Sys, out: number[]) => k.ThreadBody): number[] {
  const w = new Pair();
  const out: number[] = [];
  w.server.run('t', (sys) => body(sys, out));
  w.run();
  return out;
}

describe('select', () => {
  it('leaves in its sets what is ready, and counts their bits', () => {
    const out = alone(function* (sys, r) {
      const [full, empty] = [yield sys.eventfd(1), yield sys.eventfd(0)];
      const [read, write, except] = [0, 1, 2].map(() => new k.FdSet().add(full).add(empty));
      r.push(yield sys.select(empty + 1, read!, write!, except!, k.INFINITE));
      for (const set of [read!, write!, except!])
        r.push(Number(set.has(full)), Number(set.has(empty)));
    });
    expect(out).toEqual([3, 1, 0, 1, 1, 0, 0]);
  });

  it('does not look at nfds and beyond; with nothing to wait for it sleeps for its timeout', () => {
    const w = new Pair();
    const out: number[] = [];
    w.server.run('t', function* (sys) {
      const fd = yield sys.eventfd(1);
      const set = new k.FdSet().add(fd);
      out.push(yield sys.select(fd, set, null, null, 500), w.now, Number(set.has(fd)));
      out.push(yield sys.select(0, null, null, null, 250), w.now);
    });
    w.run();
    expect(out).toEqual([0, 500, 0, 0, 750]);
  });

  it('refuses a descriptor that is not open, too many and fewer than none, and leaves the sets alone [do_select()]', () => {
    const out = alone(function* (sys, r) {
      const fd = yield sys.eventfd(1);
      const set = new k.FdSet().add(fd).add(77);
      r.push(yield sys.select(78, set, null, null, 0), Number(set.has(fd)), Number(set.has(77)));
      r.push(yield sys.select(-1, set, null, null, 0));
      r.push(yield sys.select(k.FD_SETSIZE + 1, set, null, null, 0));
      r.push(yield sys.select(k.FD_SETSIZE, new k.FdSet().add(fd), null, null, 0));
    });
    expect(out).toEqual([-k.EBADF, 1, 1, -k.EINVAL, -k.EINVAL, 1]);
  });

  it('has no place for descriptor 1024 in its sets [FD_SETSIZE]', () => {
    expect(() => new k.FdSet().add(1023)).not.toThrow();
    expect(() => new k.FdSet().add(1024)).toThrow('poll() takes any');
    expect(() => new k.FdSet().add(-1)).toThrow(RangeError);
    const set = new k.FdSet().add(31).add(32).add(1023);
    set.delete(32);
    set.delete(5000);
    expect([31, 32, 1023, 1024, -1].map((fd) => set.has(fd))).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it('sees the life of a connection as poll does: end of stream and reset are readable', () => {
    const w = new Pair();
    const seen: string[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.select(l + 1, new k.FdSet().add(l), null, null, k.INFINITE);
      const fd = yield sys.accept(l);
      for (let i = 0; i < 3; i++) {
        const [r, x] = [new k.FdSet().add(fd), new k.FdSet().add(fd)];
        const n = yield sys.select(fd + 1, r, null, x, k.INFINITE);
        seen.push(`${n} ${r.has(fd)} ${x.has(fd)} ${yield sys.read(fd, 100)}`);
      }
    });
    w.client.run('client', function* (sys) {
      const fd = yield* connectTo(sys, w.server);
      yield sys.nanosleep(ms(1));
      yield sys.write(fd, 10);
      yield sys.nanosleep(ms(1));
      yield sys.shutdown(fd, k.SHUT_WR);
      yield* stay(sys);
    });
    w.run(ms(50));
    expect(seen).toEqual(['1 true false 10', '1 true false 0', '1 true false 0']);
  });
});

describe('poll', () => {
  it('passes over entries below 0, and refuses more than RLIMIT_NOFILE [do_sys_poll()]', () => {
    const out = alone(function* (sys, r) {
      const fd = yield sys.eventfd(1);
      const fds = [new k.PollFd(-1, k.EPOLLIN), new k.PollFd(fd, k.EPOLLIN), new k.PollFd(55, 0)];
      fds[0]!.revents = 99;
      r.push(yield sys.poll(fds, 0), ...fds.map((p) => p.revents));
      const many = Array.from({ length: 1025 }, () => new k.PollFd(fd, k.EPOLLIN));
      r.push(yield sys.poll(many, 0), yield sys.poll(many.slice(1), 0));
    });
    expect(out).toEqual([2, 0, k.EPOLLIN, k.POLLNVAL, -k.EINVAL, 1024]);
  });
});

/** Sleeps without having looked: what became ready before is missed. */
const hastySelect: Syscall = (t, trap) => {
  if (trap.phase !== 0 || trap.b === 0) return sysSelect(t, trap);
  if (trap.x === 0) {
    trap.x = 1;
    return 3000;
  }
  const { read } = trap.obj as { read: k.FdSet };
  for (let fd = 0; fd < trap.a; fd++)
    if (read.has(fd)) t.addWait(t.process.fds.get(fd)!.wait, false, k.EPOLLIN);
  trap.phase = 0;
  return trap.y++ === 0 ? t.sleep() : sysSelect(t, trap);
};

describe('no wake-up is lost by select', () => {
  interface Plan {
    readonly writes: readonly { readonly pause: number; readonly file: number }[];
    readonly work: number;
    readonly cpus: number;
  }
  const plan: fc.Arbitrary<Plan> = fc.record({
    writes: fc.array(fc.record({ pause: fc.nat(6000), file: fc.nat(2) }), {
      minLength: 1,
      maxLength: 15,
    }),
    work: fc.nat(5000),
    cpus: fc.integer({ min: 1, max: 2 }),
  });

  const run = (p: Plan, calls: readonly (readonly [number, Syscall])[]): boolean => {
    const w = new Pair({ host: { machine: 'linux', cpus: p.cpus }, calls });
    let read = 0;
    w.server.run('main', function* (sys) {
      const fds: number[] = [];
      for (let i = 0; i < 3; i++) fds.push(yield sys.eventfd(0, k.NONBLOCK));
      yield sys.spawn(function* (own) {
        const count = new Uint8Array(8);
        for (;;) {
          const set = new k.FdSet();
          for (const fd of fds) set.add(fd);
          yield own.select(fds.at(-1)! + 1, set, null, null, k.INFINITE);
          for (const fd of fds)
            if (set.has(fd)) while ((yield own.read(fd, 8, count)) === 8) read += count[0]!;
          yield own.compute(p.work);
        }
      }, 'reader');
      for (const { pause, file } of p.writes) {
        yield sys.nanosleep(pause);
        yield sys.write(fds[file]!, 1);
      }
    });
    w.run();
    return read === p.writes.length;
  };

  it('whatever is written when', () => {
    prop([plan], (p) => run(p, []), { numRuns: 100 });
  });

  it('[mutant] by one that sleeps without a second look it is', () => {
    const property = fc.property(plan, (p) => run(p, [[k.NR_SELECT, hastySelect]]));
    expect(fc.check(property, { seed: 1, numRuns: 100 }).failed).toBe(true);
  });
});
