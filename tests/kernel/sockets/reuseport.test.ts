// SO_REUSEPORT: several listeners on one port, each with queues of its own [net/core/sock_reuseport.c].
import { describe, expect, it } from 'vitest';
import * as k from '../../../src/kernel/syscall.ts';
import type { Sock } from '../../../src/kernel/socket.ts';
import { connectTo, Pair, PORT, stay, type PairOptions } from './world.ts';

/** socket, with SO_REUSEPORT or not, bind and listen: its descriptor, or what the call that failed has said. */
function* listenInGroup(sys: k.Sys, grouped = true): Generator<k.Trap, number, number> {
  const fd = yield sys.socket();
  yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_REUSEPORT, grouped ? 1 : 0);
  const bound = yield sys.bind(fd, PORT);
  if (bound < 0) return bound;
  const listening = yield sys.listen(fd, 128);
  return listening < 0 ? listening : fd;
}

/** `count` listeners; `clients` connect one after the other. */
function crowd(
  count: number,
  clients: number,
  options: PairOptions = {},
  before: (w: Pair) => void = () => {},
): Pair {
  const w = new Pair(options);
  w.server.run('server', function* (sys) {
    for (let i = 0; i < count; i++) yield* listenInGroup(sys);
    yield* stay(sys);
  });
  w.run(1);
  before(w);
  for (let i = 0; i < clients; i++)
    w.client.run(`client ${i}`, function* (sys) {
      yield sys.nanosleep(1e6 * i);
      yield* connectTo(sys, w.server);
      yield* stay(sys);
    });
  w.run(1e6 * (clients + 1));
  return w;
}

const accepted = (w: Pair): number[] => w.server.stack.listeners.map((l) => l.accepted);

describe('a group of listeners', () => {
  /** Of the counts being those of even chances; 16.27 is passed once in a thousand times with three degrees of freedom. */
  const chiSquare = (counts: readonly number[]): number => {
    const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
    return counts.reduce((sum, n) => sum + ((n - mean) * (n - mean)) / mean, 0);
  };

  it('shares connections evenly, by a hash of each [reuseport_select_sock]', () => {
    const counts = accepted(crowd(4, 400));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(400);
    expect(chiSquare(counts)).toBeLessThan(16.27);
  });
  it('would be noticed to prefer one (mutants: the first always, and a hash of the port that is left as it is)', () => {
    const first = (w: Pair): void => {
      const { ports } = w.server.stack;
      const all = ports.listeners.bind(ports);
      ports.listeners = (port) => all(port).slice(0, 1);
    };
    expect(accepted(crowd(4, 40, {}, first))).toEqual([40, 0, 0, 0]);
    const low = (w: Pair): void => {
      const chosen = (group: readonly Sock[], syn: { sport: number }): Sock =>
        group[Math.floor((syn.sport / 65_536) * group.length)]!;
      Object.assign(w.server.stack, { chosen });
    };
    expect(chiSquare(accepted(crowd(4, 400, {}, low)))).toBeGreaterThan(16.27);
  });
  it('does so alike in every run of one seed, and otherwise under another', () => {
    const run = (seed: string): number[] => accepted(crowd(3, 60, { seed }));
    expect(run('a')).toEqual(run('a'));
    expect(run('a')).not.toEqual(run('b'));
    const fingerprint = (seed: string): string => crowd(3, 60, { seed }).engine.fingerprint();
    expect(fingerprint('a')).toBe(fingerprint('a'));
  });
  it('of one draws nothing: it is a listener like any other', () => {
    const lanes = (count: number): string[] =>
      [...crowd(count, 2).engine.random.lanes()].map((l) => l.name);
    expect(lanes(1)).not.toContain('random/keyed/server/reuseport');
    expect(lanes(2)).toContain('random/keyed/server/reuseport');
  });

  it('loses with a listener what waited in its queue, and nothing else; what comes then goes to the others', () => {
    const w = new Pair();
    const results: number[] = [];
    const fds: number[] = [];
    w.server.run('server', function* (sys) {
      for (let i = 0; i < 2; i++) fds.push(yield* listenInGroup(sys));
      yield sys.nanosleep(50e6);
      yield sys.close(fds[0]!);
      yield* stay(sys);
    });
    for (let i = 0; i < 40; i++)
      w.client.run(`client ${i}`, function* (sys) {
        yield sys.nanosleep(1e6 * (1 + i) + (i >= 20 ? 50e6 : 0));
        const fd = yield* connectTo(sys, w.server);
        results[i] = yield sys.read(fd, 1);
        yield* stay(sys);
      });
    w.run(40e6);
    const [one, other] = accepted(w) as [number, number];
    expect([one + other, one > 0, other > 0]).toEqual([20, true, true]);
    w.run(200e6);
    expect(results.filter((r) => r === -k.ECONNRESET)).toHaveLength(one);
    expect(accepted(w)).toEqual([one, other + 20]);
  });
  it('counts overflows of each queue by itself, and all under one name', () => {
    const w = new Pair();
    w.server.run('server', function* (sys) {
      for (let i = 0; i < 2; i++) {
        const fd = yield* listenInGroup(sys);
        yield sys.listen(fd, i);
      }
      yield* stay(sys);
    });
    for (let i = 0; i < 20; i++)
      w.client.run(`client ${i}`, function* (sys) {
        yield sys.nanosleep(1e6 * i);
        yield* connectTo(sys, w.server);
        yield* stay(sys);
      });
    w.run(30e6);
    expect(accepted(w)).toEqual([1, 2]);
    const drops = w.server.stack.listeners.map((l) => l.drops);
    expect(drops.every((n) => n > 0)).toBe(true);
    expect(w.server.mib.ListenOverflows).toBe(drops[0]! + drops[1]!);
    expect(w.server.mib.ListenOverflows).toBe(20 - 3);
  });
});

describe('SO_REUSEPORT', () => {
  it('must be said by all: else bind() fails with EADDRINUSE', () => {
    const second = (first: boolean, then: boolean): number => {
      const results: number[] = [];
      const w = new Pair();
      w.server.run('server', function* (sys) {
        yield* listenInGroup(sys, first);
        results.push(yield* listenInGroup(sys, then));
        yield* stay(sys);
      });
      w.run(1);
      return Math.min(results[0]!, 0);
    };
    expect([second(true, true), second(true, false), second(false, true)]).toEqual([
      0,
      -k.EADDRINUSE,
      -k.EADDRINUSE,
    ]);
  });
  it('is read back, passes to accepted sockets, and lets a server begin anew beside its connections', () => {
    const results: number[] = [];
    const w = new Pair();
    w.server.run('server', function* (sys) {
      const l = yield* listenInGroup(sys);
      const a = yield sys.accept(l);
      for (const fd of [l, a, yield sys.socket()])
        results.push(yield sys.getsockopt(fd, k.SOL_SOCKET, k.SO_REUSEPORT));
      yield sys.close(l);
      results.push(Math.min(yield* listenInGroup(sys), 0));
      const plain = yield sys.socket();
      results.push(yield sys.bind(plain, PORT));
      yield* stay(sys);
    });
    w.client.run('client', function* (sys) {
      yield* connectTo(sys, w.server);
      yield* stay(sys);
    });
    w.run(1e9);
    expect(results).toEqual([1, 1, 0, 0, -k.EADDRINUSE]);
  });
  it('does not count where two share by SO_REUSEADDR: the second that listens fails', () => {
    const results: number[] = [];
    const w = new Pair();
    w.server.run('server', function* (sys) {
      const fds: number[] = [];
      for (const grouped of [1, 0]) {
        const fd = yield sys.socket();
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_REUSEADDR, 1);
        yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_REUSEPORT, grouped);
        results.push(yield sys.bind(fd, PORT));
        fds.push(fd);
      }
      for (const fd of fds) results.push(yield sys.listen(fd, 1));
      yield* stay(sys);
    });
    w.run(1);
    expect(results).toEqual([0, 0, 0, -k.EADDRINUSE]);
  });
});
