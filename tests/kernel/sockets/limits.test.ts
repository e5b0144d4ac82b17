// RLIMIT_NOFILE and fs.file-max: who is refused, and that what was waiting goes on waiting.
import { describe, expect, it } from 'vitest';
import { ms } from '../../../src/base/units.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { sysAccept } from '../../../src/kernel/syscalls/socket.ts';
import type { Sock } from '../../../src/kernel/socket.ts';
import type { Syscall } from '../../../src/kernel/thread.ts';
import { connectTo, listenOn, Pair, stay } from './world.ts';

/** accept() that takes the connection out of the queue before it asks for a descriptor. */
const careless: Syscall = (t, trap) => {
  const l = (t.process.fds.get(trap.fd) as Sock).listener!;
  if (trap.phase === 0 && t.process.fds.refusal !== 0) l.shift(t.host.now);
  return sysAccept(t, trap);
};

describe.each([
  ['RLIMIT_NOFILE', k.EMFILE, { nofile: 3 }],
  ['fs.file-max', k.ENFILE, { fileMax: 3 }],
] as const)('a process at its limit of %s', (_name, errno, limit) => {
  /** A server with a listener and two connections' worth of descriptors; what accept said, by and by. */
  const accepts = (calls: readonly (readonly [number, Syscall])[] = []): number[] => {
    const w = new Pair({ server: limit, calls });
    const said: number[] = [];
    w.server.run('server', function* (sys) {
      const l = yield* listenOn(sys, 5);
      yield sys.nanosleep(ms(10)); // three are in the queue
      const fds: number[] = [];
      for (let i = 0; i < 4; i++) {
        const fd = yield sys.accept(l);
        said.push(Math.min(fd, 0));
        if (fd >= 0) fds.push(fd);
        else yield sys.close(fds.shift()!);
      }
      said.push((w.server.process.fds.get(l) as Sock).listener!.queue.length);
    });
    for (let i = 0; i < 3; i++)
      w.client.run(`client${i}`, function* (sys) {
        yield* connectTo(sys, w.server);
        yield* stay(sys);
      });
    w.run(ms(50));
    return said;
  };

  it('cannot accept: the connection stays in the queue, for when there is room [do_accept()]', () => {
    expect(accepts()).toEqual([0, 0, -errno, 0, 0]);
  });

  it('[mutant] and is lost if it is taken out first', () => {
    expect(accepts([[k.NR_ACCEPT, careless]])).not.toEqual([0, 0, -errno, 0, 0]);
  });

  it('gets no descriptor of any kind', () => {
    const w = new Pair({ server: limit });
    const out: number[] = [];
    w.server.run('t', function* (sys) {
      for (let i = 0; i < 3; i++) yield sys.eventfd(0);
      out.push(yield sys.socket(), yield sys.epollCreate(), yield sys.eventfd(0));
      out.push(yield sys.timerfd(), yield sys.open(10), yield sys.pipe([]));
      yield sys.close(0);
      out.push(yield sys.pipe([]), yield sys.eventfd(0)); // room for one end is not enough, and is given back
    });
    w.run();
    expect(out).toEqual([...new Array<number>(7).fill(-errno), 0]);
  });
});

it('file-max counts the files of all processes, and those of one that has ended no more', () => {
  const w = new Pair({ server: { fileMax: 3 } });
  const { host } = w.server;
  const out: number[] = [];
  host.process('other').spawn(function* (sys): k.ThreadBody {
    yield sys.eventfd(0);
    yield sys.eventfd(0);
    yield sys.nanosleep(100);
  });
  w.server.run('t', function* (sys) {
    yield sys.nanosleep(50);
    out.push(yield sys.eventfd(0), yield sys.eventfd(0), host.files.open);
    yield sys.nanosleep(100);
    out.push(host.files.open, yield sys.eventfd(0));
  });
  w.run();
  expect(out).toEqual([0, -k.ENFILE, 3, 1, 1]);
  expect(host.files.open).toBe(0);
});
