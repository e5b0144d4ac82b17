/**
 * Clients that take their time, against servers that wait for them in a thread and servers that do not: who keeps a pool's
 * threads is served first, and everybody else waits; an event loop serves the others meanwhile.
 */
import { describe as group, expect, it } from 'vitest';
import { slowLoris } from '../../src/app/load/slow-loris.ts';
import { SLOW_LORIS_DEFAULTS, type SlowLorisOptions } from '../../src/app/options.ts';
import * as k from '../../src/kernel/syscall.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { describe } from '../../src/sim/scenario/load.ts';
import { Driver, fakeEnv, FakeProbe } from './driver.ts';

const MS = 1_000_000;

function world(server: object, apps: object, stop: object = { limit: '60 s' }): RunResult {
  const host = { machine: 'ideal', cpus: 2 };
  const [scenario] = describe('slow', {
    seed: 1,
    shows: 'clients that take their time',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms' }],
    apps: { server: { host: 'b', listen: 80, ...server }, ...apps },
    stop,
  });
  const result = runScenario(scenario!);
  expect(result.stop.reason).toBe('when');
  expect(result.invariants.filter((i) => !i.ok)).toEqual([]);
  return result;
}

const FIXED = { request: '100 B', response: '1 kB' };
const POOL = { model: 'blocking', threads: { pool: 4, queue: 100 } };
/** Somebody with a real question, a second later. */
const good = {
  good: { host: 'a', connect: 'b:80', model: 'client', start: '1 s', requests: 10, ...FIXED },
};
const loris = (o: object): object => ({
  loris: {
    host: 'a',
    connect: 'b:80',
    model: 'slow-loris',
    interval: '500 ms',
    bytes: '99 B',
    ...o,
  },
});

group('slow-loris', () => {
  const waits = (server: object, connections: number): RunResult =>
    world({ ...FIXED, ...server }, { ...good, ...loris({ connections, hold: '20 s' }) });

  it('keeps every thread of a pool as long as it likes', () => {
    const { metrics } = waits(POOL, 4);
    // From second 1 to second 20, when the first thread is let go.
    expect(metrics['good.latency.max']! / 1e9).toBeGreaterThan(18.9);
    expect(metrics['good.latency.max']! / 1e9).toBeLessThan(19.1);
    // Forty bytes in twenty seconds, from each; what one host sends to one port counts together.
    expect(metrics['loris.bytes_written']).toBe(4 * 40 + 10 * 100);
    expect(metrics['server.requests']).toBe(10);
  });

  it('leaves one thread of the pool: that is enough for the others', () => {
    expect(waits(POOL, 3).metrics['good.latency.max']! / MS).toBeLessThan(5);
  });

  it.each([
    ['an event loop', { model: 'netty', loops: 1 }],
    ['a reactive server', { model: 'reactive', loops: 1 }],
    ['plain epoll', { model: 'epoll' }],
    ['a thread for each connection', { model: 'blocking' }],
  ])('does nothing to %s, three hundred strong', (_, server) => {
    expect(waits({ ...server, backlog: 4096 }, 300).metrics['good.latency.max']! / MS).toBeLessThan(
      5,
    );
  });

  it('is cut by a server that tells requests apart, and comes back', () => {
    // 'GET ' as a length is more than a netty server takes: the decoder's exception closes the connection.
    const { metrics } = world(
      { model: 'netty', loops: 1, codec: 'length-field', reply: 'same' },
      loris({ interval: '100 ms', hold: '2 s' }),
    );
    // A byte at 0, .1, .2, .3 s, cut, and a new connection a tenth of a second later.
    expect(metrics['loris.cut']).toBe(5);
    expect(metrics['loris.connections']).toBe(5);
  });

  it('without an end is not waited for', () => {
    const r = world({ ...FIXED, model: 'epoll' }, { ...good, ...loris({}) }, { limit: '10 s' });
    expect(r.stop.atNs / 1e9).toBeLessThan(2);
  });

  it('sends its text a few bytes at a time, then goes on with `a`, and stops at its bytes', () => {
    const probe = new FakeProbe();
    const o: SlowLorisOptions = {
      ...SLOW_LORIS_DEFAULTS,
      connect: { host: 'server', port: 80 },
      text: 'xyz',
      write: 2,
      intervalNs: 10,
      bytes: 5,
      holdNs: 100,
    };
    const t = new Driver((sys) => slowLoris(sys, o, probe, fakeEnv()));
    t.call('epoll_create', 9);
    t.call('clock_gettime', 0);
    t.call('socket', 3, 0, k.NONBLOCK);
    t.call('connect', -k.EINPROGRESS);
    t.call('epoll_ctl', 0);
    t.ready([0, k.EPOLLOUT]);
    t.call('getsockopt', 0);
    t.call('epoll_ctl', 0);
    const said: string[] = [];
    const hear = (n: number): void =>
      void said.push(new TextDecoder().decode(t.call('write', n) as Uint8Array));
    hear(2);
    t.call('clock_gettime', 0);
    for (const now of [10, 20]) {
      expect(t.timeout).toBe(10);
      probe.time = now;
      t.ready();
      t.call('clock_gettime', now);
      hear(now === 10 ? 2 : 1);
    }
    expect(said).toEqual(['xy', 'za', 'a']);
    expect(t.timeout).toBe(10);
    t.ready();
    t.call('clock_gettime', 30);
    expect(t.timeout).toBe(70);
    t.ready();
    t.call('clock_gettime', 100);
    t.call('close', 0, 3);
    expect(t.done).toBe(true);
  });
});

group('slow readers', () => {
  const BIG = { request: '100 B', response: '200 kB' };
  const small = { SO_SNDBUF: 16_384 };
  /** Four of them read 10 kB a second: twenty seconds. */
  const readers = {
    readers: {
      host: 'a',
      connect: 'b:80',
      model: 'client',
      io: 'epoll',
      connections: 4,
      requests: 4,
      read: '1 kB',
      pause: '100 ms',
      sockopt: { SO_RCVBUF: 8192 },
      ...BIG,
    },
  };
  const asker = { good: { ...good.good, ...BIG, requests: 1 } };

  it('keep every thread of a pool in write()', () => {
    const { metrics } = world({ ...POOL, ...BIG, sockopt: small }, { ...readers, ...asker });
    expect(metrics['readers.latency.p50']! / 1e9).toBeGreaterThan(19);
    expect(metrics['good.latency.max']! / 1e9).toBeGreaterThan(15);
  });

  it.each([
    ['netty', { model: 'netty', loops: 1 }],
    ['plain epoll', { model: 'epoll' }],
  ])('leave %s to the others', (_, server) => {
    const { metrics } = world({ ...server, ...BIG, sockopt: small }, { ...readers, ...asker });
    expect(metrics['readers.latency.p50']! / 1e9).toBeGreaterThan(19);
    expect(metrics['good.latency.max']! / MS).toBeLessThan(500);
  });
});
