/**
 * A connection over loopback, against Linux 6.18.44: a client that writes 8 KiB at a time without a pause, and a server that
 * reads slowly and answers. What the receive queue holds, what it is charged and what the window may grow to (SIOCINQ,
 * SO_MEMINFO, TCP_INFO) were the same in each of five runs there.
 */
import { describe as group, expect, it } from 'vitest';
import type { Sub } from '../../../src/app/setup.ts';
import { app, listenOn } from '../../../src/app/user.ts';
import { TcpInfo } from '../../../src/kernel/tcp-info.ts';
import {
  IPPROTO_TCP,
  SIOCINQ,
  TCP_NODELAY,
  type Fd,
  type Sys,
} from '../../../src/kernel/syscall.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import { describe } from '../../../src/sim/scenario/load.ts';

const MS = 1_000_000;

interface Look {
  readonly advmss: number;
  readonly sndbuf: number;
  readonly read: number;
  readonly inq: number;
  readonly ssthresh: number;
  readonly space: number;
  readonly rmem: number;
  readonly rcvbuf: number;
}

/** A read of so many bytes, a write of so many, a pause in ms, or a look. */
type Deed = readonly ['read' | 'write' | 'pause', number] | 'look';

function* look(sys: Sys, fd: Fd, read: number): Sub<Look> {
  const inq = yield sys.ioctl(fd, SIOCINQ);
  const info = new TcpInfo();
  yield sys.tcpInfo(fd, info);
  return {
    read,
    inq,
    advmss: info.advmss,
    sndbuf: info.sndbuf,
    ssthresh: info.rcv_ssthresh,
    space: info.rcv_space,
    rmem: info.rmem_alloc,
    rcvbuf: info.rcvbuf,
  };
}

function looks(deeds: readonly Deed[]): Look[] {
  const seen: Look[] = [];
  const server = app(function* (sys: Sys, { listen }) {
    const l = yield* listenOn(sys, listen);
    const fd = yield sys.accept(l);
    yield sys.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    yield sys.nanosleep(4 * MS);
    let last = 0;
    for (const deed of deeds) {
      if (deed === 'look') seen.push(yield* look(sys, fd, last));
      else if (deed[0] === 'read') last = yield sys.read(fd, deed[1], null);
      else if (deed[0] === 'write') yield sys.write(fd, deed[1]);
      else if (deed[0] === 'pause') yield sys.nanosleep(deed[1] * MS);
    }
  });
  const client = app(function* (sys: Sys, { connect, env }) {
    const fd = yield sys.socket();
    yield sys.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    yield sys.connect(fd, env.resolve(connect.host), connect.port);
    yield sys.spawn(function* (own) {
      while ((yield own.read(fd, 65_536, null)) > 0);
    }, 'reader');
    for (let i = 0; i < 200; i++) yield sys.write(fd, 8192);
  });
  const [scenario] = describe('loopback', {
    seed: 1,
    shows: 'a connection over loopback',
    hosts: { box: { cpus: 2, sysctl: { 'net.ipv4.tcp_congestion_control': 'bbr' } } },
    apps: {
      server: { host: 'box', listen: 80, app: './server.ts' },
      load: { host: 'box', connect: 'box:80', app: './client.ts' },
    },
    stop: { when: 'server.closed', limit: '10 s' },
  });
  const r = runScenario(scenario!, { apps: { './server.ts': server, './client.ts': client } });
  expect(r.invariants.filter((i) => !i.ok && i.name !== 'liveness')).toEqual([]);
  return seen;
}

/** Answers, reads and looks 20 ms later. */
const echo = (back: number): Deed[] => [['write', back], ['read', 65_536], ['pause', 20], 'look'];

/** BBR's send buffer: three windows of ten segments, 131 328 B each with what they are kept in. */
const ALWAYS = { advmss: 65_483, sndbuf: 3_939_840 };
const HELD = { ...ALWAYS, ssthresh: 110_606, space: 65_483, rmem: 115_520, rcvbuf: 131_072 };

group('loopback [measured on Linux 6.18.44]', () => {
  it('what was queued is one skb: the window stays shut until all of it has been read', () => {
    const full = { ...HELD, ssthresh: 111_616, rmem: 112_448 };
    const seen = looks([
      ['read', 2048],
      ['pause', 20],
      'look',
      ['write', 2048],
      ['read', 32_768],
      ['pause', 20],
      'look',
      ...[32_768, 65_536, 14_336, 65_536].flatMap(echo),
    ]);
    expect(seen).toEqual([
      { read: 2048, inq: 112_640, ...HELD },
      { read: 32_768, inq: 79_872, ...HELD },
      { read: 65_536, inq: 14_336, ...HELD },
      { read: 14_336, inq: 111_616, ...full },
      { read: 65_536, inq: 46_080, ...full },
      { read: 46_080, inq: 111_616, ...full },
    ]);
  });

  it('two reads between two segments count as one of a round trip, and the buffer grows for them', () => {
    const grown = { ...ALWAYS, ssthresh: 111_616, space: 79_872, rmem: 224_064, rcvbuf: 253_733 };
    const seen = looks([
      ['read', 2048],
      ['pause', 1],
      ['read', 32_768],
      ['read', 65_536],
      ['pause', 20],
      'look',
      ...[2048, 32_768, 65_536, 100, 100].flatMap(echo),
    ]);
    expect(seen).toEqual([
      { read: 65_536, inq: 14_336, ...HELD },
      { read: 14_336, inq: 223_232, ...grown },
      { read: 65_536, inq: 157_696, ...grown },
      { read: 65_536, inq: 92_160, ...grown },
      { read: 65_536, inq: 26_624, ...grown },
      { read: 26_624, inq: 223_232, ...grown },
    ]);
  });
});
