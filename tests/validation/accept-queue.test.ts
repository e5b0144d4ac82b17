/**
 * The accept queue as it was measured on Linux 6.18 over loopback: who gets in, who waits, and when a SYN that found it full is
 * let in. Over `lo` on an ideal machine a handshake takes no time, so every figure is exact.
 */
import { describe, expect, it } from 'vitest';
import { sec } from '../../src/base/units.ts';
import { Listener } from '../../src/kernel/listen.ts';
import * as k from '../../src/kernel/syscall.ts';
import { writeSysctls } from '../../src/kernel/sysctl.ts';
import { connectTo, listenOn, Pair, stay, type Side } from '../kernel/sockets/world.ts';

const somaxconn = (n: number): Record<string, number[]> => ({ 'net.core.somaxconn': [n] });

/** One machine: a listener, and clients that connect to it over `lo`. */
class Loopback {
  readonly w = new Pair({ host: { nofile: 10_000 } });
  /** When client i was connected, or −errno. */
  readonly admitted = new Map<number, number>();
  private clients = 0;

  constructor(
    backlog: number,
    most = 4096,
    serve: (sys: k.Sys, listener: number) => k.ThreadBody = stay,
  ) {
    writeSysctls(this.side.stack, somaxconn(most));
    this.side.run('server', function* (sys) {
      yield* serve(sys, yield* listenOn(sys, backlog));
      yield* stay(sys);
    });
    this.w.run(0);
  }

  get side(): Side {
    return this.w.server;
  }
  get listener(): Listener {
    return this.side.stack.listeners[0]!;
  }

  /** `n` more clients, client i after `at(i)` ns. */
  connect(n: number, at: (i: number) => number = () => 0): this {
    const { side, admitted, w } = this;
    for (let j = 0; j < n; j++) {
      const i = this.clients++;
      side.run(`client-${i}`, function* (sys) {
        if (at(i) > 0) yield sys.nanosleep(at(i));
        const fd = yield* connectTo(sys, side);
        admitted.set(i, fd < 0 ? fd : w.now);
        yield* stay(sys);
      });
    }
    return this;
  }

  /** `ss`: clients in each state, and the listener's Recv-Q. */
  get shows(): { established: number; synSent: number; recvQ: number } {
    const states = [...this.side.stack.ehash.all()].flatMap((s) =>
      'c' in s && s.dport === 80 ? [(s as { c: { state: string } }).c.state] : [],
    );
    const count = (state: string): number => states.filter((s) => s === state).length;
    return {
      established: count('ESTABLISHED'),
      synSent: count('SYN-SENT'),
      recvQ: this.listener.queue.length,
    };
  }

  /** The mutant: a kernel that tests "at least" where Linux tests "more than". */
  atLeast(): this {
    const l = this.listener;
    Object.defineProperty(l, 'acceptFull', { get: () => l.queue.length >= l.backlog });
    return this;
  }
}

const full = (n: number): { established: number; synSent: number; recvQ: number } => ({
  established: 3,
  synSent: n - 3,
  recvQ: 3,
});

describe('listen(2) without accept(): the queue takes one more [validation K1; sk_acceptq_is_full()]', () => {
  it.each([4, 20, 200])('of %i clients at once three are ESTABLISHED, the rest SYN_SENT', (n) => {
    const m = new Loopback(2).connect(n);
    m.w.run(sec(1) - 1);
    expect(m.shows).toEqual(full(n));
  });

  it('nginx, listen(511), shows a Recv-Q of 512', () => {
    const m = new Loopback(511).connect(600);
    m.w.run(sec(1) - 1);
    expect(m.shows).toEqual({ established: 512, synSent: 88, recvQ: 512 });
    expect(m.listener.acceptMeter.peak).toBe(m.listener.acceptMeter.bound);
  });

  it.each([4, 20, 200])('[mutant] a test for "at least" lets one less of %i in', (n) => {
    const m = new Loopback(2).atLeast().connect(n);
    m.w.run(sec(1) - 1);
    expect(m.shows).toEqual({ established: 2, synSent: n - 2, recvQ: 2 });
  });
});

describe('somaxconn is looked at by listen(), and then no more [validation K2; __sys_listen()]', () => {
  /** In the queue of listen(64): while somaxconn is 4, once it is 64, once listen(64) has been called again. */
  function queued(atWrite: (m: Loopback) => void = () => {}): number[] {
    const m = new Loopback(64, 4, function* (sys, l) {
      yield sys.nanosleep(sec(5));
      yield sys.listen(l, 64);
    }).connect(20);
    const seen: number[] = [];
    const look = (at: number): void => {
      m.w.run(at);
      seen.push(m.listener.queue.length);
    };
    look(sec(1) - 1);
    writeSysctls(m.side.stack, somaxconn(64));
    atWrite(m);
    look(sec(5) - 1);
    look(sec(12));
    const { peak, bound } = m.listener.acceptMeter;
    expect(peak).toBeLessThanOrEqual(bound);
    return seen;
  }

  it('5 with somaxconn 4; raised to 64, still 5; all 20 once listen(64) is called again', () => {
    expect(queued()).toEqual([5, 5, 20]);
  });

  it('[mutant] a queue that follows somaxconn has all 20 before', () => {
    const follows = (m: Loopback): void => void (m.listener.backlog = m.side.stack.somaxconn);
    expect(queued(follows)).toEqual([5, 20, 20]);
  });
});

describe('a full queue of two and one that waits [validation K3; tcp_syn_linear_timeouts 4]', () => {
  /** When the waiter gets in, ns, if accept() takes one connection at `opens`. */
  function admitted(opens: number, linear = 4): number | undefined {
    const m = new Loopback(1, 4096, function* (sys, l) {
      yield sys.nanosleep(opens);
      yield sys.accept(l);
    });
    writeSysctls(m.side.stack, { 'net.ipv4.tcp_syn_linear_timeouts': [linear] });
    m.connect(3).w.run(sec(30));
    return m.admitted.get(2);
  }
  const STAIRS: readonly (readonly [opensMs: number, second: number])[] = [
    [200, 1],
    [1500, 2],
    [2500, 3],
    [3900, 4],
    [8000, 11],
  ];

  it.each(STAIRS)('a slot that opens at %i ms is taken at %i s, exactly', (opens, second) => {
    expect(admitted(opens * 1e6)).toBe(sec(second));
  });

  it('[mutant] a client that doubles from the first second climbs other stairs', () => {
    const doubling = STAIRS.map(([opens]) => admitted(opens * 1e6, 0));
    expect(doubling).toEqual([1, 3, 3, 7, 15].map(sec));
  });
});

// ---- K4 --------------------------------------------------------------------------------------------------------------

const CLIENTS = 1612;
/** Client i begins at the i-th of 1,612 equal steps of two seconds; accept() is called 300 times a second, never on a SYN's nanosecond. */
const beginsAt = (i: number): number => Math.floor((i * 2e9) / CLIENTS);
const acceptsAt = (j: number): number => Math.floor((j * 1e9) / 300) - 77;
/** A SYN's repetitions, seconds after the first: tcp_syn_linear_timeouts 4, then doubling. */
const RETRIES = [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67];

/** The whole of it without a kernel: SYNs and accepts in order of time, and a counter. */
function model(room: number): { admitted: number[]; overflows: number; at2s: number[] } {
  const events: { t: number; client: number; retry: number }[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    RETRIES.forEach((s, retry) => events.push({ t: beginsAt(i) + s * 1e9, client: i, retry }));
  }
  for (let j = 1; j <= CLIENTS; j++) events.push({ t: acceptsAt(j), client: -1, retry: 0 });
  events.sort((a, b) => a.t - b.t);
  const admitted: number[] = [];
  let queue = 0;
  let accepted = 0;
  let overflows = 0;
  let at2s = [0, 0];
  for (const { t, client } of events) {
    if (client < 0) {
      if (queue === 0) throw new Error('accept() would wait, which this model does not know');
      queue--;
      accepted++;
    } else if (admitted[client] === undefined) {
      if (queue < room) {
        admitted[client] = t;
        queue++;
      } else overflows++;
    }
    if (t <= 2e9) at2s = [accepted, queue];
  }
  return { admitted, overflows, at2s };
}

describe('1,612 handshakes in 2 s against 300 accepts a second [validation K4]', () => {
  function burst(mutate: (m: Loopback) => void = () => {}): ReturnType<typeof model> {
    let accepted = 0;
    const m = new Loopback(511, 4096, function* (sys, l) {
      for (let j = 1; j <= CLIENTS; j++) {
        yield sys.nanosleep(acceptsAt(j) - (yield sys.clockGettime()));
        yield sys.accept(l);
        accepted++;
      }
    });
    mutate(m);
    m.connect(CLIENTS, beginsAt);
    m.w.run(2e9);
    const at2s = [accepted, m.listener.queue.length];
    m.w.run(sec(200));
    const admitted = Array.from({ length: CLIENTS }, (_, i) => m.admitted.get(i)!);
    return { admitted, overflows: m.side.mib.ListenOverflows, at2s };
  }

  it('lets each client in when a model of thirty lines does, to the nanosecond, and drops as many SYNs', () => {
    const got = burst();
    expect(got).toEqual(model(512));
    expect(got.at2s[0]).toBe(600);
    expect(Math.abs(got.at2s[1]! - 512)).toBeLessThanOrEqual(1);
    // 500 were dropped at the SYN, some of them twice: by the third second the queue has room for all.
    const seconds = got.admitted.map((t, i) => (t - beginsAt(i)) / 1e9);
    expect(new Set(seconds)).toEqual(new Set([0, 1, 2]));
  });

  it('[mutant] with a queue of one less it does not', () => {
    expect(burst((m) => m.atLeast())).not.toEqual(model(512));
    expect(burst((m) => m.atLeast())).toEqual(model(511));
  });
});
