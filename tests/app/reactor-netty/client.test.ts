/**
 * TcpClient over connections of its own and over a pool: the states that an observer sees, in the order of Reactor-Netty 1.2.2
 * (NewConnectionProvider, DefaultPooledConnectionProvider), and the limits of the pool.
 */
import { describe as group, expect, it } from 'vitest';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { Schedulers } from '../../../src/app/reactive/schedulers.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import type { ConnectionObserver } from '../../../src/app/reactor-netty/connection-observer.ts';
import { poolDefaults } from '../../../src/app/reactor-netty/connection-pool.ts';
import { TcpClient, type TcpClientOptions } from '../../../src/app/reactor-netty/tcp-client.ts';
import type { Handler } from '../../../src/app/reactor-netty/tcp-server.ts';
import type { Sub } from '../../../src/app/setup.ts';
import { app, type AppContext } from '../../../src/app/user.ts';
import type { Sys } from '../../../src/kernel/syscall.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import { describe } from '../../../src/sim/scenario/load.ts';
import { broken } from './world.ts';

const MS = 1_000_000;

interface Tools {
  readonly sys: Sys;
  readonly client: TcpClient;
  readonly context: AppContext;
  /** An observer that writes down what it hears, with a name before it. */
  hears(name: string): ConnectionObserver;
  readonly log: string[];
}

function world(
  options: Partial<TcpClientOptions>,
  play: (tools: Tools) => Sub<void>,
  port = 80,
  server: object = {},
): { log: string[]; result: RunResult } {
  const log: string[] = [];
  const main = app(function* (sys, context) {
    const { probe, env } = context;
    const to = { connect: { host: 'b', port }, probe, env };
    const client = yield* TcpClient.create(sys, to, { loops: 1, ...options });
    const hears = (name: string): ConnectionObserver => ({
      onStateChange: (connection, state) => {
        log.push(`${name} ${state} ${connection.kind} #${connection.channel.fd}`);
        return nothing();
      },
      onConnectFailed: (error) => {
        log.push(`${name} ${error.name} at ${Math.round(probe.now() / MS)} ms`);
        return nothing();
      },
    });
    yield* play({ sys, client, context, hears, log });
    yield sys.nanosleep(100_000 * MS);
  });
  const [scenario] = describe('client', {
    seed: 1,
    shows: 'a client',
    hosts: { a: { cpus: 2 }, b: { cpus: 2 } },
    links: [{ between: ['a', 'b'], rate: '10 Gbit/s', delay: '2 ms' }],
    apps: {
      server: { host: 'b', listen: 80, model: 'reactive', reply: 'same', ...server },
      load: { host: 'a', connect: 'b:80', app: './client.ts' },
    },
    stop: { limit: '90 s' },
  });
  const result = runScenario(scenario!, { apps: { './client.ts': main } });
  expect(broken(result).filter((what) => !what.startsWith('liveness'))).toEqual([]);
  return { log, result };
}

/** Descriptors as the first, the second … that appear. */
function numbered(log: readonly string[]): string[] {
  const fds: string[] = [];
  return log.map((line) =>
    line.replace(/#\d+$/, (fd) => {
      if (!fds.includes(fd)) fds.push(fd);
      return `#${fds.indexOf(fd) + 1}`;
    }),
  );
}

/** Asks once and ends with the answer: the connection is closed. */
const once =
  (log: string[], name: string): Handler =>
  (inbound, outbound) => {
    log.push(`${name} applied`);
    const answer = inbound
      .receive()
      .take(1)
      .doOnNext((m) => void log.push(`${name} got ${m.bytes}`));
    return Mono.from(outbound.send(Mono.just(ByteBuf.of(new Uint8Array(10))))).andThen(
      answer.ignoreElements(),
    );
  };

/** Asks once and gives the connection back with the answer. */
const andBack =
  (log: string[], name: string): Handler =>
  (inbound, outbound) => {
    log.push(`${name} applied`);
    const answer = inbound.receive().doOnNext(function* (m, on) {
      log.push(`${name} got ${m.bytes}`);
      yield* inbound.connection.release(on);
    });
    return Mono.from(outbound.send(Mono.just(ByteBuf.of(new Uint8Array(10))))).andThen(
      answer.ignoreElements(),
    );
  };

group('a connection of its own', () => {
  it.each(['nio', 'epoll'] as const)(
    'over %s: connected, the handler, configured, disconnecting [NewConnectionProvider]',
    (transport) => {
      const { log, result } = world(
        { pool: null, transport },
        function* ({ client, hears, log: l }) {
          yield* client.connect(once(l, 'one'), hears('one'));
        },
      );
      expect(numbered(log)).toEqual([
        'one connected SimpleConnection #1',
        'one applied',
        'one configured ChannelOperations #1',
        'one got 10',
        'one disconnecting ChannelOperations #1',
        'one disconnecting SimpleConnection #1',
      ]);
      expect(result.metrics['load.failed'] ?? 0).toBe(0);
    },
  );

  it('is refused: nobody hears of a state', () => {
    const { log, result } = world(
      { pool: null },
      function* ({ client, hears, log: l }) {
        yield* client.connect(once(l, 'one'), hears('one'));
      },
      81,
    );
    expect(log).toEqual(['one IOException at 4 ms']);
    expect(result.metrics['load.failed']).toBe(1);
  });

  it('fails after the connect timeout, 30 s unless said otherwise [CONNECT_TIMEOUT_MILLIS]', () => {
    const { log } = world({ pool: null, connectTimeoutNs: MS }, function* (t) {
      yield* t.client.connect(once(t.log, 'one'), t.hears('one'));
    });
    expect(log).toEqual(['one IOException at 1 ms']);
  });
});

group('a pool', () => {
  it('has twice the cores, 16 at least, and owners wait 45 s for one [ConnectionProvider]', () => {
    const rest = { pendingAcquireTimeoutNs: 45_000 * MS, leasing: 'fifo' };
    const few = { maxConnections: 16, pendingAcquireMaxCount: 32, ...rest };
    expect(poolDefaults({ cpus: 2 })).toEqual(few);
    const many = { maxConnections: 64, pendingAcquireMaxCount: 128, ...rest };
    expect(poolDefaults({ cpus: 32 })).toEqual(many);
  });

  it('a new one: connected, configured, released; then acquired, configured [DefaultPooledConnectionProvider]', () => {
    const { log, result } = world({ pool: { maxConnections: 1 } }, function* (t) {
      yield* t.client.connect(andBack(t.log, 'one'), t.hears('one'));
      yield* t.client.connect(andBack(t.log, 'two'), t.hears('two'));
      yield* t.client.connect(once(t.log, 'end'), t.hears('end'));
    });
    expect(numbered(log)).toEqual([
      'one connected SimpleConnection #1',
      'one applied',
      'one configured ChannelOperations #1',
      'one got 10',
      'one released ChannelOperations #1',
      'two acquired SimpleConnection #1',
      'two applied',
      'two configured ChannelOperations #1',
      'two got 10',
      'two released ChannelOperations #1',
      'end acquired SimpleConnection #1',
      'end applied',
      'end configured ChannelOperations #1',
      'end got 10',
      // Its publisher has ended: it does not persist.
      'end disconnecting ChannelOperations #1',
    ]);
    expect(result.metrics['server.connections']).toBe(1);
  });

  it('closes what does not persist, and makes a new one for who waits', () => {
    const { log, result } = world({ pool: { maxConnections: 1 } }, function* (t) {
      yield* t.client.connect(once(t.log, 'one'), t.hears('one'));
      yield* t.client.connect(once(t.log, 'two'), t.hears('two'));
    });
    expect(log.filter((line) => line.startsWith('two')).map((line) => line.split(' ')[1])).toEqual([
      'connected',
      'applied',
      'configured',
      'got',
      'disconnecting',
    ]);
    expect(result.metrics['server.connections']).toBe(2);
  });

  const forever: Handler = () => Mono.never();

  it('whoever waits for longer than pendingAcquireTimeout is told so', () => {
    const { log, result } = world({ pool: { maxConnections: 1 } }, function* (t) {
      yield* t.client.connect(forever, t.hears('one'));
      yield* t.client.connect(once(t.log, 'two'), t.hears('two'));
    });
    const two = log.filter((line) => line.startsWith('two'));
    expect(two).toEqual(['two PoolAcquireTimeoutException at 45000 ms']);
    expect(result.metrics['load.pending_acquire.peak']).toBe(1);
  });

  it('one more than may wait is refused at once', () => {
    const { log } = world(
      { pool: { maxConnections: 1, pendingAcquireMaxCount: 1 } },
      function* (t) {
        for (const name of ['one', 'two', 'three']) yield* t.client.connect(forever, t.hears(name));
      },
    );
    expect(log.filter((line) => line.startsWith('three'))).toEqual([
      'three PoolAcquirePendingLimitException at 0 ms',
    ]);
  });

  it.each([
    ['fifo', 1],
    ['lifo', 2],
  ] as const)('%s: of two idle ones the one that was given back %s. is used', (leasing, which) => {
    const { log } = world({ pool: { leasing } }, function* (t) {
      yield* t.client.connect(andBack(t.log, 'one'), t.hears('one'));
      yield* t.client.connect(andBack(t.log, 'two'), t.hears('two'));
      yield t.sys.nanosleep(1000 * MS);
      yield* t.client.connect(andBack(t.log, 'three'), t.hears('three'));
    });
    expect(numbered(log)).toContain(`three acquired SimpleConnection #${which}`);
  });

  /** The server closes a connection whose owner gave it back without having read; later somebody asks for one. @returns what he hears */
  const closedWhileIdle = (transport: 'nio' | 'epoll'): string[] => {
    const back: Handler = (inbound) =>
      Mono.fromCallable(function* (on) {
        yield* inbound.connection.release(on);
        return undefined;
      });
    const idles = function* (t: Tools): Sub<void> {
      yield* t.client.connect(back, t.hears('one'));
      yield t.sys.nanosleep(10_000 * MS);
      yield* t.client.connect(() => Mono.never(), t.hears('two'));
    };
    const { log } = world({ transport }, idles, 80, { 'read-timeout': '2 s' });
    return log.filter((line) => line.startsWith('two')).map((line) => line.split(' ')[1]!);
  };

  it('an idle one over epoll hears the FIN whatever autoRead says: the next owner gets a new one', () => {
    expect(closedWhileIdle('epoll').slice(0, 2)).toEqual(['connected', 'configured']);
  });

  it('an idle one over nio with autoRead off does not, and is given out [DisposableAcquire.run: isActive()]', () => {
    expect(closedWhileIdle('nio').slice(0, 2)).toEqual(['acquired', 'configured']);
  });

  it('an idle one that the server closes leaves the pool [over epoll, which sees it]', () => {
    const { log, result } = world({ transport: 'epoll' }, function* (t) {
      const parallel = Schedulers.parallel(t.context.env);
      yield* t.client.connect(
        (inbound, outbound) =>
          Mono.delay(1000 * MS, parallel).andThen(
            Mono.from(once(t.log, 'one')(inbound, outbound) as Mono<never>),
          ),
        t.hears('one'),
      );
    });
    expect(log.at(-1)).toContain('disconnecting');
    expect(result.metrics['load.failed'] ?? 0).toBe(0);
  });
});
