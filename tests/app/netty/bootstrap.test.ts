/** Accepting, by script: boss and children are threads of their own. */
import { describe, expect, it } from 'vitest';
import { nettyServer } from '../../../src/app/netty/server.ts';
import { NETTY_DEFAULTS, type NettyOptions } from '../../../src/app/options.ts';
import * as k from '../../../src/kernel/syscall.ts';
import { Driver, fakeEnv, FakeProbe } from '../driver.ts';

const LISTENER = 20;
/** Of the boss: its epoll instance, and the listener's place in it. */
const EP = 3;
const KEY = 1;

/** A server with two loops, whose boss waits for connections. */
function server(o: Partial<NettyOptions> = {}): { boss: Driver; probe: FakeProbe } {
  const probe = new FakeProbe();
  const options = { ...NETTY_DEFAULTS, listen: 80, ...o };
  const main = new Driver((sys) => nettyServer(sys, options, probe, fakeEnv()));
  // Two loops for its one core, and the boss.
  for (let fd = EP; main.at === 'epoll_create'; fd += 2) {
    main.call('epoll_create', fd);
    main.call('eventfd', fd + 1);
    main.call('epoll_ctl', 0);
  }
  main.call('socket', LISTENER, 0, k.NONBLOCK);
  main.call('bind', 0, LISTENER, 80);
  main.call('listen', 0, LISTENER, 4096);
  main.call('clone', 1);
  expect(main.at).toBe('ended');
  const boss = new Driver(main.spawned[0]!);
  const edge = o.transport === 'epoll' ? k.EPOLLET : 0;
  boss.ready();
  if (edge !== 0) boss.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, LISTENER, k.EPOLLIN | edge, KEY);
  boss.call('clock_gettime', 0);
  if (edge === 0) boss.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, LISTENER, k.EPOLLIN, KEY);
  return { boss, probe };
}

function accept(boss: Driver, fd: number): void {
  boss.call('accept', fd, LISTENER, k.NONBLOCK);
  boss.call('setsockopt', 0, fd, k.IPPROTO_TCP, k.TCP_NODELAY, 1);
  boss.call('getsockopt', 16_384, fd, k.SOL_SOCKET, k.SO_SNDBUF);
}

describe('a server channel', () => {
  it('gives connections to the loops in turn, each with Nagle off; their threads start with their first one [ServerBootstrapAcceptor] [B12]', () => {
    const { boss, probe } = server();
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    for (const fd of [30, 31, 32]) accept(boss, fd);
    boss.call('accept', -k.EAGAIN);
    for (const fd of [30, 31]) boss.call('clone', fd);
    boss.call('clock_gettime', 0);
    expect(boss.at).toBe('epoll_wait');
    expect(boss.spawned.length).toBe(2);
    expect(probe.counts).toEqual({ connections: 3 });
    expect(probe.meters.filter((m) => m.name === 'tasks').map((m) => m.depth)).toEqual([0, 2, 1]);
  });

  it('sets what the scenario says about Nagle', () => {
    const { boss } = serverWithNagle();
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    boss.call('accept', 30);
    boss.call('setsockopt', 0, 30, k.IPPROTO_TCP, k.TCP_NODELAY, 0);
    expect(boss.at).toBe('getsockopt');
  });

  it('sets child options on what it has accepted [ServerBootstrap.childOption]', () => {
    const { boss } = server({ childSockopt: { SO_RCVBUF: 32_768 } });
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    boss.call('accept', 30);
    boss.call('setsockopt', 0, 30, k.IPPROTO_TCP, k.TCP_NODELAY, 1);
    boss.call('getsockopt', 16_384, 30, k.SOL_SOCKET, k.SO_SNDBUF);
    boss.call('accept', -k.EAGAIN);
    boss.call('setsockopt', 0, 30, k.SOL_SOCKET, k.SO_RCVBUF, 32_768);
    expect(boss.at).toBe('clone');
  });

  it('asks for the send buffer again when a child option has set it [NioSocketChannelConfig.setSendBufferSize]', () => {
    const { boss } = server({ childSockopt: { SO_SNDBUF: 8192 } });
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    accept(boss, 30);
    boss.call('accept', -k.EAGAIN);
    boss.call('setsockopt', 0, 30, k.SOL_SOCKET, k.SO_SNDBUF, 8192);
    boss.call('getsockopt', 16_384, 30, k.SOL_SOCKET, k.SO_SNDBUF);
    expect(boss.at).toBe('clone');
  });

  it('natively gives each connection to its loop before the next accept() [AbstractEpollServerChannel.epollInReady]', () => {
    const { boss } = server({ transport: 'epoll' });
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    for (const fd of [30, 31]) {
      accept(boss, fd);
      boss.call('clone', fd);
    }
    boss.call('accept', -k.EAGAIN);
    boss.call('clock_gettime', 0);
    expect(boss.at).toBe('epoll_wait');
  });

  it('gives those that it has accepted to their loops before it leaves the listener alone', () => {
    const { boss, probe } = server();
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    accept(boss, 30);
    boss.call('accept', -k.EMFILE);
    boss.call('clone', 30);
    boss.call('clock_gettime', 500);
    expect(probe.counts).toEqual({ connections: 1, failed: 1 });
  });

  it.each(['nio', 'epoll'] as const)(
    'over %s accepts 16 in one go; edge-triggered it comes back for the others as a task',
    (transport) => {
      const { boss } = server({ transport });
      boss.ready([KEY, k.EPOLLIN]);
      boss.call('clock_gettime', 0);
      for (let i = 0; i < 16; i++) {
        accept(boss, 30 + i);
        if (transport === 'epoll' && i < 2) boss.call('clone', i);
      }
      if (transport === 'nio') for (const i of [0, 1]) boss.call('clone', i);
      boss.call('clock_gettime', 0);
      if (transport === 'epoll') boss.call('accept', -k.EAGAIN);
      expect(boss.at).toBe(transport === 'nio' ? 'epoll_wait' : 'clock_gettime');
    },
  );

  it('without a free descriptor leaves the listener alone for a second [exceptionCaught] [B12]', () => {
    const { boss, probe } = server();
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    boss.call('accept', -k.EMFILE);
    boss.call('clock_gettime', 500);
    boss.call('clock_gettime', 600);
    boss.call('clock_gettime', 600);
    boss.call('clock_gettime', 600);
    boss.call('epoll_ctl', 0, EP, k.EPOLL_CTL_DEL, LISTENER);
    expect(boss.timeout).toBe(1_000_000_000);
    boss.ready();
    boss.call('clock_gettime', 1_000_000_600);
    boss.call('clock_gettime', 1_000_000_600);
    boss.call('epoll_ctl', 0, EP, k.EPOLL_CTL_ADD, LISTENER, k.EPOLLIN, KEY);
    expect(boss.timeout).toBe(k.INFINITE);
    expect(probe.counts).toEqual({ failed: 1 });
  });

  it('does not mind a peer that gave up while it was in the queue', () => {
    const { boss } = server();
    boss.ready([KEY, k.EPOLLIN]);
    boss.call('clock_gettime', 0);
    boss.call('accept', -k.ECONNABORTED);
    boss.call('accept', -k.EAGAIN);
    expect(boss.at).toBe('clock_gettime');
  });
});

/** A server on whose listener Nagle was turned on. */
function serverWithNagle(): { boss: Driver } {
  const probe = new FakeProbe();
  const options = { ...NETTY_DEFAULTS, listen: 80, loops: 1, sockopt: { TCP_NODELAY: 0 } };
  const main = new Driver((sys) => nettyServer(sys, options, probe, fakeEnv()));
  while (main.at !== 'socket') main.call(main.at, EP);
  main.call('socket', LISTENER);
  main.call('setsockopt', 0, LISTENER, k.IPPROTO_TCP, k.TCP_NODELAY, 0);
  main.call('bind', 0);
  main.call('listen', 0);
  main.call('clone', 1);
  const boss = new Driver(main.spawned[0]!);
  boss.ready();
  boss.call('clock_gettime', 0);
  boss.call('epoll_ctl', 0);
  return { boss };
}
