// Several threads on one pipe, with splice() among them: the pipe's mutex is held throughout a call [fs/splice.c, fs/pipe.c].
import { expect, describe, it } from 'vitest';
import { EBADF } from '../../../src/base/errno.ts';
import { PIPE_SIZE } from '../../../src/kernel/pipe.ts';
import * as k from '../../../src/kernel/syscall.ts';
import type { Thread } from '../../../src/kernel/thread.ts';
import { connectTo, listenOn, Pair, stay, type Body } from './world.ts';

/** Copying takes time, and there is a core for each thread. */
const slow = { cpus: 4, costs: { copyPerKiB: 1000 } } as const;

interface Scene {
  readonly w: Pair;
  /** Descriptors of the server: two connections, the pipe's ends. */
  readonly a: number;
  readonly b: number;
  readonly out: number;
  readonly into: number;
}

/** Two connections, whose clients do as told; then `then` on the server. */
function scene(
  client: (sys: k.Sys, fd: number, i: number) => k.ThreadBody,
  then: (s: Scene) => Body,
): Pair {
  const w = new Pair({ server: slow });
  w.server.run('server', function* (sys) {
    const l = yield* listenOn(sys, 5);
    const a = yield sys.accept(l);
    const b = yield sys.accept(l);
    const ends: number[] = [];
    yield sys.pipe(ends);
    yield sys.nanosleep(50e6);
    const [out, into] = ends as [number, number];
    yield* then({ w, a, b, out, into })(sys);
    yield* stay(sys);
  });
  for (const i of [0, 1])
    w.client.run(`client ${i}`, function* (sys) {
      yield sys.nanosleep(1e6 * i);
      yield* client(sys, yield* connectTo(sys, w.server), i);
      yield* stay(sys);
    });
  w.run(10e9);
  return w;
}

/** Spawns a thread that makes one call; its result goes into `results`. */
const once = (sys: k.Sys, results: number[], call: (s: k.Sys) => k.Trap): k.Trap =>
  sys.spawn(function* (s): k.ThreadBody {
    results.push(yield call(s));
  });

describe('two threads that splice', () => {
  it('put no more into one pipe than it holds', () => {
    const results: number[] = [];
    let waited = 0;
    scene(
      function* (sys, fd) {
        yield sys.write(fd, 60_000);
      },
      ({ a, b, out, into }) =>
        function* (sys) {
          yield once(sys, results, (s) => s.splice(a, into, 60_000, 0));
          yield once(sys, results, (s) => s.splice(b, into, 60_000, 0));
          yield sys.nanosleep(100e6);
          waited = results.length;
          // What there is can be read, and is no more than that.
          results.push(yield sys.read(out, 200_000));
        },
    );
    expect(waited).toBe(2);
    expect(results).toEqual([60_000, PIPE_SIZE - 60_000, PIPE_SIZE]);
  });

  it('take each byte out of one pipe once', () => {
    const got = [0, 0];
    const sum = [0, 0];
    const results: number[] = [];
    scene(
      function* (sys, fd, i) {
        const buf = new Uint8Array(60_000);
        for (;;) {
          const n = yield sys.read(fd, buf.length, buf);
          if (n <= 0) return;
          got[i]! += n;
          for (let j = 0; j < n; j++) sum[i]! += buf[j]!;
        }
      },
      ({ a, b, out, into }) =>
        function* (sys) {
          yield sys.write(into, new Uint8Array(30_000).fill(1));
          yield sys.write(into, new Uint8Array(30_000).fill(2));
          yield once(sys, results, (s) => s.splice(out, a, 40_000, 0));
          yield once(sys, results, (s) => s.splice(out, b, 40_000, 0));
          yield sys.nanosleep(100e6);
        },
    );
    expect(results).toEqual([40_000, 20_000]);
    expect([got, sum]).toEqual([
      [40_000, 20_000],
      [50_000, 40_000],
    ]);
  });

  it('leave a reader nothing of what they are sending', () => {
    const results: number[] = [];
    scene(
      function* (sys, fd) {
        yield sys.recv(fd, 60_000, k.MSG_WAITALL);
      },
      ({ a, out, into }) =>
        function* (sys) {
          yield sys.write(into, 60_000);
          yield once(sys, results, (s) => s.splice(out, a, 60_000, 0));
          // Sooner ready, for it copies half as much.
          yield once(sys, results, (s) => s.read(out, 30_000));
          yield sys.nanosleep(100e6);
          yield sys.write(into, 7);
          yield sys.nanosleep(1e6);
        },
    );
    expect(results).toEqual([60_000, 7]);
  });
});

describe('a thread that waits for a socket in splice()', () => {
  /** Bytes that another thread has written into the pipe after 100 ms. */
  const written = (kill: boolean): number[] => {
    const results: number[] = [];
    let splicer: Thread | null = null;
    scene(
      function* () {},
      ({ w, a, into }) =>
        function* (sys) {
          splicer = w.server.run('splicer', function* (s) {
            results.push(yield s.splice(a, into, 100, 0));
          });
          yield sys.nanosleep(1e6);
          yield once(sys, results, (s) => s.write(into, 10));
          yield sys.nanosleep(100e6);
          if (kill) splicer.kill();
        },
    );
    return results;
  };
  /** Bytes that a client has got of 60,000 that are spliced to it, and that are in the pipe, 100 ms after the splicer's end. */
  const sent = (killAfter: number): { readonly got: number[]; readonly left: number } => {
    const got = [0, 0, 0];
    let left = 0;
    scene(
      function* (sys, fd) {
        const buf = new Uint8Array(60_000);
        for (;;) {
          const n = yield sys.read(fd, buf.length, buf);
          if (n <= 0) return;
          for (let j = 0; j < n; j++) got[buf[j]!]!++;
        }
      },
      ({ w, a, out, into }) =>
        function* (sys) {
          yield sys.setsockopt(a, k.SOL_SOCKET, k.SO_SNDBUF, 4096);
          yield sys.write(into, new Uint8Array(30_000).fill(1));
          yield sys.write(into, new Uint8Array(30_000).fill(2));
          const splicer = w.server.run('splicer', function* (s) {
            yield s.splice(out, a, 60_000, 0);
          });
          yield sys.nanosleep(killAfter);
          splicer.kill();
          yield sys.nanosleep(100e6);
          yield sys.write(into, new Uint8Array(1));
          left = (yield sys.read(out, 100_000)) - 1;
        },
    );
    return { got, left };
  };
  it('leaves nothing of what it has sent in the pipe when it is killed', () => {
    const cut = sent(1e6);
    expect(cut.got[1]! + cut.got[2]! + cut.left).toBe(60_000);
    expect(cut.left).toBeGreaterThan(0);
    expect(cut.got[1]).toBeGreaterThan(0);
    expect(sent(1e9)).toEqual({ got: [0, 30_000, 30_000], left: 0 });
  });

  it('keeps the pipe meanwhile, as Linux does, and lets go when it is killed', () => {
    expect(written(false)).toEqual([]);
    expect(written(true)).toEqual([10]);
  });

  it('lets go of the pipe when another thread has closed the socket meanwhile', () => {
    const results: number[] = [];
    scene(
      function* () {},
      ({ a, into }) =>
        function* (sys) {
          yield once(sys, results, (s) => s.splice(a, into, 100, 0));
          yield sys.nanosleep(1e6);
          yield sys.close(a);
          yield sys.nanosleep(1e6);
          results.push(yield sys.write(into, 10));
        },
    );
    expect(results).toEqual([-EBADF, 10]);
  });
});
