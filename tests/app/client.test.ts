import { describe, expect, it } from 'vitest';
import { client } from '../../src/app/load/client.ts';
import { CLIENT_DEFAULTS, type ClientOptions } from '../../src/app/options.ts';
import * as k from '../../src/kernel/syscall.ts';
import { Driver, fakeEnv, FakeProbe } from './driver.ts';

const FD = 3;
const EP = 9;

function start(o: Partial<ClientOptions>): { t: Driver; probe: FakeProbe } {
  const probe = new FakeProbe();
  const all = {
    ...CLIENT_DEFAULTS,
    connect: { host: 'server', port: 80 },
    requests: 2,
    request: 10,
    response: 100,
    ...o,
  };
  return { t: new Driver((sys) => client(sys, all, probe, fakeEnv())), probe };
}

const openLoad = { mode: 'open', ratePerSec: 1000, arrivals: 'fixed' } as const;
const MS = 1_000_000;

describe('a user with a thread of its own', () => {
  it('asks, reads the whole answer, thinks, and asks again', () => {
    const { t, probe } = start({ load: { mode: 'closed', thinkNs: 40 } });
    t.call('clock_gettime', 0);
    t.call('socket', FD);
    t.call('connect', 0, FD, 'server'.length, 80);
    t.call('write', 10, FD, 10);
    t.call('read', 60, FD);
    probe.time = 200;
    t.call('read', 40, FD);
    t.call('clock_gettime', 201);
    t.call('nanosleep', 0, 0, 39);
    t.call('write', 10, FD, 10);
    probe.time = 300;
    t.call('read', 100, FD);
    t.call('close', 0, FD);
    expect(t.done).toBe(true);
    expect(probe.latencies).toEqual([
      [0, 200],
      [240, 300],
    ]);
    expect(probe.counts).toEqual({ connections: 1, requests: 2 });
    expect(probe.closedAt).toBe(300);
  });

  it('in an open loop takes latency from the intended time when the answer before came late [Gil Tene: coordinated omission]', () => {
    const { t, probe } = start({ load: openLoad, startNs: 0 });
    t.call('clock_gettime', 0);
    t.call('socket', FD);
    t.call('connect', 0);
    t.call('write', 10);
    probe.time = 5 * MS; // the second request was meant for 1 ms
    t.call('read', 100);
    t.call('clock_gettime', 5 * MS);
    t.call('write', 10);
    probe.time = 6 * MS;
    t.call('read', 100);
    t.call('close', 0);
    expect(probe.latencies).toEqual([
      [0, 5 * MS],
      [1 * MS, 6 * MS],
    ]);
  });

  it('fails a request that is not answered in time, and replaces the connection', () => {
    const { t, probe } = start({ timeoutNs: 50 });
    t.call('clock_gettime', 0);
    t.call('socket', FD);
    t.call('setsockopt', 0, FD, k.SOL_SOCKET, k.SO_SNDTIMEO, 50);
    t.call('connect', 0);
    t.call('write', 10);
    t.call('poll', 1, 0, 50);
    probe.time = 30;
    t.call('read', 60);
    t.call('poll', 0, 0, 20);
    t.call('close', 0, FD);
    t.call('clock_gettime', 60);
    t.call('socket', FD + 1);
    t.call('setsockopt', 0);
    t.call('connect', 0, FD + 1);
    t.call('write', 10);
    t.call('poll', 1);
    t.call('read', 100);
    t.call('close', 0);
    expect(probe.counts).toEqual({ connections: 2, failed: 1, requests: 1 });
    expect(probe.latencies.length).toBe(1);
  });

  it('fails each request while the server refuses, and ends', () => {
    const { t, probe } = start({});
    for (let i = 0; i < 2; i++) {
      t.call('clock_gettime', 0);
      t.call('socket', FD);
      t.call('connect', -k.ECONNREFUSED);
      t.call('close', 0, FD);
    }
    expect(t.done).toBe(true);
    expect(probe.counts).toEqual({ failed: 2 });
  });

  it('fails a request whose server closes before the end of the answer', () => {
    const { t, probe } = start({ requests: 1 });
    t.call('clock_gettime', 0);
    t.call('socket', FD);
    t.call('connect', 0);
    t.call('write', 10);
    t.call('read', 99);
    t.call('read', 0);
    t.call('close', 0, FD);
    expect(probe.counts).toEqual({ connections: 1, failed: 1 });
  });
});

describe('users in one loop', () => {
  /** Up to the point where user 0 is connected. */
  function connected(o: Partial<ClientOptions>): { t: Driver; probe: FakeProbe } {
    const s = start({ io: 'epoll', ...o });
    s.t.call('epoll_create', EP);
    s.t.call('clock_gettime', 0);
    s.t.call('socket', FD, 0, k.NONBLOCK);
    if (o.timeoutNs === undefined) s.t.call('connect', -k.EINPROGRESS, FD);
    else s.t.call('connect', -k.EINPROGRESS, FD);
    s.t.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, FD, k.EPOLLOUT, 0);
    s.t.ready([0, k.EPOLLOUT]);
    s.t.call('getsockopt', 0, FD, k.SOL_SOCKET, k.SO_ERROR);
    s.t.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, FD, k.EPOLLIN, 0);
    return s;
  }

  it('ask as soon as they are connected, think, ask again, and leave', () => {
    const { t, probe } = connected({ load: { mode: 'closed', thinkNs: 40 } });
    t.call('write', 10, FD, 10);
    t.call('clock_gettime', 5);
    t.ready([0, k.EPOLLIN]);
    t.call('read', 60, FD);
    t.call('clock_gettime', 6);
    t.ready([0, k.EPOLLIN]);
    probe.time = 200;
    t.call('read', 40, FD);
    t.call('clock_gettime', 210);
    expect(t.timeout).toBe(30);
    t.ready();
    t.call('clock_gettime', 240);
    t.call('write', 10, FD, 10);
    probe.time = 300;
    t.ready([0, k.EPOLLIN]);
    t.call('read', 100, FD);
    t.call('close', 0, FD);
    expect(t.done).toBe(true);
    expect(probe.latencies).toEqual([
      [0, 200],
      [240, 300],
    ]);
    expect(probe.counts).toEqual({ connections: 1, requests: 2 });
  });

  it('fail at the deadline, and come back with a new connection', () => {
    const { t, probe } = connected({ timeoutNs: 50 });
    t.call('write', 10, FD);
    t.call('clock_gettime', 20);
    expect(t.timeout).toBe(30);
    probe.time = 50;
    t.ready();
    t.call('clock_gettime', 50);
    t.call('close', 0, FD);
    t.call('socket', FD);
    t.call('connect', -k.EINPROGRESS, FD);
    t.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, FD, k.EPOLLOUT, 0);
    expect(probe.counts).toEqual({ connections: 1, failed: 1 });
    t.ready([0, k.EPOLLOUT]);
    t.call('getsockopt', 0);
    t.call('epoll_ctl', 0);
    t.call('write', 10, FD);
    t.call('clock_gettime', 60);
    expect(t.timeout).toBe(40);
    t.ready([0, k.EPOLLIN]);
    t.call('read', 100, FD);
    t.call('close', 0, FD);
    expect(t.done).toBe(true);
    expect(probe.counts).toEqual({ connections: 2, failed: 1, requests: 1 });
  });

  it('fail each request while the server refuses, and end', () => {
    const { t, probe } = start({ io: 'epoll' });
    t.call('epoll_create', EP);
    t.call('clock_gettime', 0);
    for (let i = 0; i < 2; i++) {
      t.call('socket', FD);
      t.call('connect', -k.EINPROGRESS);
      t.call('epoll_ctl', 0);
      t.ready([0, k.EPOLLOUT | k.EPOLLERR]);
      t.call('getsockopt', k.ECONNREFUSED);
      t.call('close', 0, FD);
      if (i === 0) t.call('clock_gettime', 5);
    }
    expect(t.done).toBe(true);
    expect(probe.counts).toEqual({ failed: 2 });
  });

  it('replace a connection that the server closed between two requests', () => {
    const { t, probe } = connected({ load: { mode: 'closed', thinkNs: 40 } });
    t.call('write', 10, FD);
    t.call('clock_gettime', 5);
    t.ready([0, k.EPOLLIN]);
    t.call('read', 100, FD);
    t.call('clock_gettime', 6);
    t.ready([0, k.EPOLLIN]);
    t.call('close', 0, FD);
    t.call('clock_gettime', 40);
    t.call('socket', FD);
    expect(probe.counts).toEqual({ connections: 1, requests: 1 });
  });
});
