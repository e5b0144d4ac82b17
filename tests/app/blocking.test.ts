import { describe, expect, it } from 'vitest';
import { blockingServer, echoServer } from '../../src/app/blocking/server.ts';
import { stalledServer } from '../../src/app/blocking/stalled.ts';
import {
  BLOCKING_DEFAULTS,
  STALLED_DEFAULTS,
  type BlockingOptions,
} from '../../src/app/options.ts';
import * as k from '../../src/kernel/syscall.ts';
import { Driver, fakeEnv, FakeProbe } from './driver.ts';

const LISTENER = 3;
const CONN = 4;

function server(o: Partial<BlockingOptions>): { main: Driver; probe: FakeProbe } {
  const probe = new FakeProbe();
  const main = new Driver((sys) =>
    blockingServer(sys, { ...BLOCKING_DEFAULTS, listen: 8080, ...o }, probe, fakeEnv()),
  );
  main.call('socket', LISTENER);
  for (const name in o.sockopt)
    main.call('setsockopt', 0, LISTENER, k.SOL_SOCKET, k.SO_RCVBUF, Number(o.sockopt[name]));
  main.call('bind', 0, LISTENER, 8080);
  main.call('listen', 0, LISTENER, o.backlog ?? 128);
  return { main, probe };
}

/** The thread that serves one connection. */
function connection(o: Partial<BlockingOptions>): { thread: Driver; probe: FakeProbe } {
  const { main, probe } = server(o);
  main.call('accept', CONN, LISTENER);
  main.call('clone', 100);
  return { thread: new Driver(main.spawned[0]!), probe };
}

describe('a thread per connection', () => {
  it('sets SO_RCVBUF before listen(), as the measured receiver did [vectors README]', () => {
    const { main } = server({ sockopt: { SO_RCVBUF: 65_536 }, backlog: 5 });
    expect(main.at).toBe('accept');
  });

  it("hands a congestion control over by its place in the kernel's list, and says what the kernel refuses", () => {
    const sockopt = { TCP_CONGESTION: 'reno', TCP_NODELAY: 1 };
    const main = new Driver((sys) =>
      blockingServer(
        sys,
        { ...BLOCKING_DEFAULTS, listen: 80, sockopt },
        new FakeProbe(),
        fakeEnv(),
      ),
    );
    main.call('socket', LISTENER);
    main.call(
      'setsockopt',
      0,
      LISTENER,
      k.IPPROTO_TCP,
      k.TCP_CONGESTION,
      k.CONGESTION_CONTROLS.indexOf('reno'),
    );
    expect(() => main.call('setsockopt', -k.ENOPROTOOPT)).toThrow(
      'setsockopt TCP_NODELAY = 1: ENOPROTOOPT',
    );
  });

  it('reads until the end of the stream, then closes', () => {
    const { thread, probe } = connection({ read: 4096 });
    thread.call('read', 4096, CONN, 4096);
    thread.call('read', 12, CONN, 4096);
    thread.call('read', 0);
    thread.call('close', 0, CONN);
    expect(thread.done).toBe(true);
    expect(probe.counts).toEqual({ connections: 1 });
  });

  it('sleeps after each read when it has a pause', () => {
    const { thread } = connection({ pauseNs: 20_000_000 });
    thread.call('read', 100);
    thread.call('nanosleep', 0, 0, 20_000_000);
    expect(thread.at).toBe('read');
  });

  it('answers each whole request and keeps the rest of a read for the next', () => {
    const { thread, probe } = connection({ request: 100, response: 10, workNs: 5 });
    thread.call('read', 250);
    for (let i = 0; i < 2; i++) {
      thread.call('compute', 0, 0, 5);
      thread.call('write', 10, CONN, 10);
    }
    thread.call('read', 49);
    thread.call('read', 1);
    thread.call('compute', 0);
    thread.call('write', 4, CONN, 10); // an error cut it short: the next call would tell
    thread.call('write', 6, CONN, 6);
    expect(probe.counts['requests']).toBe(3);
  });

  it('counts a reset as a failure and closes all the same', () => {
    const { thread, probe } = connection({});
    thread.call('read', -k.ECONNRESET);
    thread.call('close', 0, CONN);
    expect(thread.done).toBe(true);
    expect(probe.counts['failed']).toBe(1);
  });

  it('gives up a connection whose answers nobody takes any more [EPIPE]', () => {
    const { thread, probe } = connection({ request: 1, response: 1 });
    thread.call('read', 3);
    thread.call('write', -k.EPIPE);
    thread.call('close', 0, CONN);
    expect(thread.done).toBe(true);
    expect(probe.counts).toEqual({ connections: 1, failed: 1 });
  });

  it('closes its connection when it is killed', () => {
    const { thread } = connection({});
    thread.kill();
    expect(thread.at).toBe('close');
  });

  it('waits 50 ms, 100 ms … 1.6 s while accept() has no descriptor, and starts over after a success [io-models C2]', () => {
    const { main } = server({});
    for (const wait of [50, 100, 200, 400, 800, 1600, 1600]) {
      main.call('accept', -k.EMFILE);
      main.call('nanosleep', 0, 0, wait * 1_000_000);
    }
    main.call('accept', CONN);
    main.call('clone', 100);
    main.call('accept', -k.EMFILE);
    main.call('nanosleep', 0, 0, 50_000_000);
    expect(main.at).toBe('accept');
  });

  it('takes the next connection when a peer gave up in the queue [accept(2)]', () => {
    const { main } = server({});
    main.call('accept', -k.ECONNABORTED);
    expect(main.at).toBe('accept');
  });

  it('says which port is taken', () => {
    const main = new Driver((sys) =>
      blockingServer(sys, { ...BLOCKING_DEFAULTS, listen: 80 }, new FakeProbe(), fakeEnv()),
    );
    main.call('socket', LISTENER);
    expect(() => main.call('bind', -k.EADDRINUSE)).toThrow('bind to port 80: EADDRINUSE');
  });
});

describe('a pool', () => {
  it('makes its threads first, then accepts into the queue and waits when it is full', () => {
    const { main, probe } = server({ threads: { pool: 2, queue: 1 } });
    main.call('clone', 100);
    main.call('clone', 101);
    main.call('accept', CONN);
    main.call('accept', CONN + 1);
    expect(main.at).toBe('futex_wait'); // one queued, one in the acceptor's hand
    expect(probe.meters[0]!.depth).toBe(1);

    const worker = new Driver(main.spawned[0]!);
    expect(worker.at).toBe('futex_wake'); // took one, and the acceptor sleeps
    worker.call('futex_wake', 1, 0, 1);
    expect(worker.at).toBe('read');
    main.call('futex_wait', 0);
    expect(main.at).toBe('accept');
    expect(probe.meters[0]!.peak).toBe(1);
  });

  it('goes to the next connection after the end of one', () => {
    const { main } = server({ threads: { pool: 1, queue: 4 } });
    main.call('clone', 100);
    main.call('accept', CONN);
    main.call('accept', CONN + 1);
    const worker = new Driver(main.spawned[0]!);
    worker.call('read', 0, CONN);
    worker.call('close', 0, CONN);
    worker.call('read', 0, CONN + 1);
    worker.call('close', 0, CONN + 1);
    expect(worker.at).toBe('futex_wait');
  });
});

it('echo writes as many bytes as it read', () => {
  const main = new Driver((sys) =>
    echoServer(sys, { ...BLOCKING_DEFAULTS, listen: 7 }, new FakeProbe()),
  );
  main.call('socket', LISTENER);
  main.call('bind', 0);
  main.call('listen', 0);
  main.call('accept', CONN);
  main.call('clone', 100);
  const thread = new Driver(main.spawned[0]!);
  thread.call('read', 1000);
  thread.call('write', 1000, CONN, 1000);
  thread.call('read', 0);
  thread.call('close', 0, CONN);
  expect(thread.done).toBe(true);
});

it('stalled reads exactly so much, sleeps once, and reads the rest', () => {
  const o = { ...STALLED_DEFAULTS, listen: 80, read: 1000, afterBytes: 2500, stallNs: 9 };
  const main = new Driver((sys) => stalledServer(sys, o, new FakeProbe()));
  main.call('socket', LISTENER);
  main.call('bind', 0);
  main.call('listen', 0);
  main.call('accept', CONN);
  main.call('clone', 100);
  const thread = new Driver(main.spawned[0]!);
  thread.call('read', 1000, CONN, 1000);
  thread.call('read', 1000, CONN, 1000);
  thread.call('read', 500, CONN, 500);
  thread.call('nanosleep', 0, 0, 9);
  thread.call('read', 1000, CONN, 1000);
  thread.call('read', 1000, CONN, 1000);
  expect(thread.at).toBe('read');
});
