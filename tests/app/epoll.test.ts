import { describe, expect, it } from 'vitest';
import { epollServer } from '../../src/app/epoll/reader.ts';
import { EPOLL_DEFAULTS, type EpollOptions } from '../../src/app/options.ts';
import * as k from '../../src/kernel/syscall.ts';
import { Driver, fakeEnv, FakeProbe } from './driver.ts';

const LISTENER = 3;
const EP = 4;
const CONN = 5;

function server(o: Partial<EpollOptions>): { loop: Driver; probe: FakeProbe } {
  const probe = new FakeProbe();
  const loop = new Driver((sys) =>
    epollServer(sys, { ...EPOLL_DEFAULTS, listen: 80, read: 1000, ...o }, probe, fakeEnv()),
  );
  loop.call('socket', LISTENER, 0, k.NONBLOCK);
  loop.call('bind', 0, LISTENER, 80);
  loop.call('listen', 0);
  loop.call('epoll_create', EP);
  loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, LISTENER);
  return { loop, probe };
}

/** With one accepted connection. */
function connected(o: Partial<EpollOptions>): { loop: Driver; probe: FakeProbe } {
  const s = server(o);
  const edge = o.trigger === 'edge' ? k.EPOLLET : 0;
  s.loop.ready([LISTENER, k.EPOLLIN]);
  s.loop.call('accept', CONN, LISTENER, k.NONBLOCK);
  s.loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, CONN, k.EPOLLIN | edge, CONN);
  s.loop.call('accept', -k.EAGAIN);
  return s;
}

describe('the level-triggered reader', () => {
  it('reads on after a full read and goes back to epoll_wait after a short one [vectors README]', () => {
    const { loop } = connected({});
    loop.ready([CONN, k.EPOLLIN]);
    loop.call('read', 1000, CONN, 1000);
    loop.call('read', 999, CONN, 1000);
    expect(loop.at).toBe('epoll_wait');
  });

  it('goes back to epoll_wait on EAGAIN', () => {
    const { loop } = connected({});
    loop.ready([CONN, k.EPOLLIN]);
    loop.call('read', 1000);
    loop.call('read', -k.EAGAIN);
    expect(loop.at).toBe('epoll_wait');
  });

  it('sleeps after each read when it has a pause, before it knows whether there is more', () => {
    const { loop } = connected({ pauseNs: 20 });
    loop.ready([CONN, k.EPOLLIN]);
    loop.call('read', 1000);
    loop.call('nanosleep', 0, 0, 20);
    loop.call('read', 1);
    loop.call('nanosleep', 0, 0, 20);
    expect(loop.at).toBe('epoll_wait');
  });

  it('closes at the end of the stream', () => {
    const { loop } = connected({});
    loop.ready([CONN, k.EPOLLIN]);
    loop.call('read', 0);
    loop.call('close', 0, CONN);
    expect(loop.at).toBe('epoll_wait');
  });
});

describe('the edge-triggered reader', () => {
  it('reads until EAGAIN even after a short read: an end of stream behind it would raise no second event [epoll(7)]', () => {
    const { loop } = connected({ trigger: 'edge' });
    loop.ready([CONN, k.EPOLLIN]);
    loop.call('read', 10);
    loop.call('read', 0);
    loop.call('close', 0, CONN);
    expect(loop.at).toBe('epoll_wait');
  });
});

describe('requests', () => {
  const o = { request: 100, response: 5000, workNs: 7 };

  it('works and answers each whole request, and does not read again after a short read', () => {
    const { loop, probe } = connected(o);
    loop.ready([CONN, k.EPOLLIN]);
    loop.call('read', 200);
    for (let i = 0; i < 2; i++) {
      loop.call('compute', 0, 0, 7);
      loop.call('write', 5000, CONN, 5000);
    }
    expect(loop.at).toBe('epoll_wait');
    expect(probe.counts['requests']).toBe(2);
  });

  it('waits for EPOLLOUT when the peer takes no answers, and reads nothing from it meanwhile', () => {
    const { loop, probe } = connected(o);
    loop.ready([CONN, k.EPOLLIN]);
    loop.call('read', 300);
    loop.call('compute', 0);
    loop.call('write', 5000);
    loop.call('compute', 0);
    loop.call('write', 1200, CONN, 5000);
    loop.call('write', -k.EAGAIN, CONN, 3800);
    loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, CONN, k.EPOLLOUT, CONN);
    loop.ready([CONN, k.EPOLLOUT]);
    loop.call('write', 3800, CONN, 3800);
    loop.call('compute', 0);
    loop.call('write', 5000);
    loop.call('read', -k.EAGAIN);
    loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_MOD, CONN, k.EPOLLIN, CONN);
    expect(loop.at).toBe('epoll_wait');
    expect(probe.counts['requests']).toBe(3);
  });

  it('closes a peer that has reset, and counts it', () => {
    const { loop, probe } = connected(o);
    loop.ready([CONN, k.EPOLLIN | k.EPOLLERR | k.EPOLLHUP]);
    loop.call('read', -k.ECONNRESET);
    loop.call('close', 0, CONN);
    expect(probe.counts['failed']).toBe(1);
  });
});

describe('without a free descriptor', () => {
  it('sets the listener aside instead of spinning, and takes it up again after the delay', () => {
    const { loop } = server({});
    loop.ready([LISTENER, k.EPOLLIN]);
    loop.call('accept', -k.EMFILE);
    loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_DEL, LISTENER);
    expect(loop.timeout).toBe(50_000_000);
    loop.ready();
    loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, LISTENER);
    expect(loop.timeout).toBe(k.INFINITE);
  });

  it('takes it up as soon as a descriptor is free', () => {
    const { loop } = connected({});
    loop.ready([LISTENER, k.EPOLLIN], [CONN, k.EPOLLIN]);
    loop.call('accept', -k.EMFILE);
    loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_DEL, LISTENER);
    loop.call('read', 0);
    loop.call('close', 0, CONN);
    loop.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, LISTENER);
    expect(loop.timeout).toBe(k.INFINITE);
  });
});
