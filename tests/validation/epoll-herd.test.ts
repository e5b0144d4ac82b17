/**
 * Who is woken for a connection when four threads wait for one listener [facts io-models D3.5; measured on Linux 6.18: 4
 * waiters, 20 connections, 30 ms apart]. On one shared instance: 26 returns of epoll_wait level-triggered, 20 edge-triggered;
 * with an instance each: 21 level-triggered, and with EPOLLEXCLUSIVE all 20 to one waiter.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ms } from '../../src/base/units.ts';
import { EpItem } from '../../src/kernel/epoll.ts';
import * as k from '../../src/kernel/syscall.ts';
import { connectTo, listenOn, Pair } from '../kernel/sockets/world.ts';

afterEach(() => void vi.restoreAllMocks());
const WAITERS = 4;
const CONNECTIONS = 20;

interface Herd {
  /** Threads woken in the kernel, for all connections together. */
  readonly wakes: number;
  /** Returns of epoll_wait with an event. */
  readonly returns: number;
  /** Connections that each waiter got. */
  readonly got: readonly number[];
}

function herd(own: boolean, mode: number): Herd {
  const w = new Pair({ host: { machine: 'linux' }, server: { cpus: WAITERS } });
  const got = new Array<number>(WAITERS).fill(0);
  let returns = 0;
  let before = 0;
  const woken = (): number => w.server.process.threads.reduce((sum, t) => sum + t.wakeups, 0);
  w.server.run('main', function* (sys) {
    const l = yield* listenOn(sys, 128);
    yield sys.setNonblock(l, true);
    const shared = yield sys.epollCreate();
    if (!own) yield sys.epollCtl(shared, k.EPOLL_CTL_ADD, l, k.EPOLLIN | mode);
    for (let i = 0; i < WAITERS; i++) {
      yield sys.spawn(function* (mine) {
        const ep = own ? yield mine.epollCreate() : shared;
        if (own) yield mine.epollCtl(ep, k.EPOLL_CTL_ADD, l, k.EPOLLIN | mode);
        const ev = new k.EpollEvents(8);
        for (;;) {
          yield mine.epollWait(ep, ev, 8, k.INFINITE);
          returns++;
          const fd = yield mine.accept(l, k.NONBLOCK);
          if (fd < 0) continue;
          got[i]!++;
          yield mine.close(fd);
        }
      }, `waiter${i}`);
    }
    yield sys.nanosleep(ms(10));
    before = woken();
  });
  w.client.run('client', function* (sys) {
    for (let i = 0; i < CONNECTIONS; i++) {
      yield sys.nanosleep(ms(30));
      yield sys.close(yield* connectTo(sys, w.server));
    }
  });
  w.run(ms(1000));
  expect(got.reduce((a, b) => a + b)).toBe(CONNECTIONS);
  return { wakes: woken() - before, returns, got };
}

describe('four waiters, twenty connections', () => {
  it('with an instance each are all woken for every connection: a herd; most find nothing and sleep on in the kernel', () => {
    const { wakes, returns } = herd(true, 0);
    expect(wakes).toBe(WAITERS * CONNECTIONS);
    // [K] 21: who looks before the first has accepted returns, too. That depends on who is how fast.
    expect(returns).toBeGreaterThanOrEqual(CONNECTIONS);
    expect(returns).toBeLessThanOrEqual(wakes);
  });

  it('with an instance each and EPOLLEXCLUSIVE are woken one at a time, and it is always the same one [K]', () => {
    const { wakes, returns, got } = herd(true, k.EPOLLEXCLUSIVE);
    expect([wakes, returns]).toEqual([CONNECTIONS, CONNECTIONS]);
    expect(got.toSorted((a, b) => a - b)).toEqual([0, 0, 0, CONNECTIONS]);
  });

  it('on one instance are woken one at a time when it is edge-triggered [K]', () => {
    const { wakes, returns } = herd(false, k.EPOLLET);
    expect([wakes, returns]).toEqual([CONNECTIONS, CONNECTIONS]);
  });

  it('on one instance take turns', () => {
    const { got } = herd(false, k.EPOLLET);
    expect(got).toEqual(new Array(WAITERS).fill(CONNECTIONS / WAITERS));
  });

  it('on one instance, level-triggered, wake a second one for what goes back to the list: 20 to 40 [K: 26 returns]', () => {
    const { wakes, returns } = herd(false, 0);
    expect(wakes).toBe(2 * CONNECTIONS);
    expect(returns).toBeGreaterThanOrEqual(CONNECTIONS);
    expect(returns).toBeLessThanOrEqual(wakes);
  });

  it('[mutant] with exclusive items that do not use up the wake-up are a herd again', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { onWake } = EpItem.prototype;
    vi.spyOn(EpItem.prototype, 'onWake').mockImplementation(function (this: EpItem, key, sync) {
      onWake.call(this, key, sync);
      return false;
    });
    expect(herd(true, k.EPOLLEXCLUSIVE).wakes).toBe(WAITERS * CONNECTIONS);
  });
});
