// A connection and a card with several transmit queues: its segments keep their order, from whatever core they are written.
import { describe, expect, it } from 'vitest';
import { us } from '../../../src/base/units.ts';
import { Sock } from '../../../src/kernel/socket.ts';
import {
  IPPROTO_TCP,
  type Sys,
  TCP_NODELAY,
  type ThreadBody,
} from '../../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair, stay } from './world.ts';

/** Two threads, each on its core, write to one connection in turn; another one fills the queue of the first core. */
function run(mutant: boolean): { order: number[]; queues: number[] } {
  const w = new Pair({
    host: { cpus: 2, costs: { tcpOutput: 500 } },
    nic: { queues: 2, txQueues: 2, bql: null },
    link: { rate: 1e8, delay: us(50) },
  });
  const order: number[] = [];
  const queues = new Set<number>();
  const { nic, process } = w.client;
  let shared: Sock | null = null;
  const transmit = w.up.transmit.bind(w.up);
  w.up.transmit = (train, at) => {
    const s = shared;
    if (s?.c !== null && s !== null && train.flow === s.c.flow && train.len > 0)
      order.push(train.wireSeq | 0);
    return transmit(train, at);
  };
  for (const q of nic.txQueues) {
    const start = q.startXmit.bind(q);
    q.startXmit = (skb) => {
      if (shared !== null && skb.owner === shared.c && skb.len > 0) queues.add(q.index);
      start(skb);
    };
  }
  w.server.run('server', function* (sys) {
    const listener = yield* listenOn(sys, 5);
    for (let i = 0; i < 2; i++) {
      const fd = yield sys.accept(listener);
      yield sys.spawn(function* (own): ThreadBody {
        while ((yield own.read(fd, 65_536)) > 0);
      });
    }
    yield* stay(sys);
  });
  let fd = -1;
  const half = (core: number) =>
    function* (sys: Sys): ThreadBody {
      if (core === 0) {
        fd = yield* connectTo(sys, w.server);
        yield sys.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        shared = process.fds.get(fd) as Sock;
        if (mutant) shared.mayChangeQueue = () => true;
      }
      yield sys.nanosleep(2_000_000 + core * 37_000);
      for (let i = 0; i < 200; i++) {
        yield sys.write(fd, 500);
        // After a pause, in which all is sent and acknowledged, now this one writes first, now that one.
        const later = (i / 20 + core) % 2 === 0 ? 0 : 300_000;
        yield sys.nanosleep(i % 20 === 0 ? 20_000_000 + later : 74_000);
      }
      yield* stay(sys);
    };
  process.spawn(half(0), 'first', 1);
  process.spawn(half(1), 'second', 2);
  process.spawn(
    function* (sys): ThreadBody {
      const other = yield* connectTo(sys, w.server);
      for (let i = 0; i < 300; i++) yield sys.write(other, 10_000);
      yield* stay(sys);
    },
    'greedy',
    1,
  );
  w.run(800_000_000);
  return { order, queues: [...queues].toSorted((a, b) => a - b) };
}

const rising = (list: readonly number[]): boolean =>
  list.every((x, i) => i === 0 || ((x - list[i - 1]!) | 0) > 0);

describe('a connection that is written from two cores [ooo_okay]', () => {
  it('uses both of their queues, and its segments leave in order', () => {
    const { order, queues } = run(false);
    expect(queues).toEqual([0, 1]);
    expect(order.length).toBeGreaterThan(100);
    expect(rising(order)).toBe(true);
  });

  it('mutant: one that always takes the queue of the core that sends overtakes itself', () => {
    expect(rising(run(true).order)).toBe(false);
  });
});
