/** Who has a thread and for how long; and when silence ends. On ideal machines 1 ms apart, so that times are exact. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { Mutex } from '../../../src/app/mutex.ts';
import { NioSocket } from '../../../src/app/tomcat/nio-socket.ts';
import { prop } from '../../support/prop.ts';
import { ask, broken, GET, type Heard, MS, POST, S, type Step, scripted, world } from './worlds.ts';

/** One thread, one client by script, and one that asks at 1 s and is answered at once if it can be. @returns its latency, ms */
function victim(server: object, steps: readonly Step[]): { latency: number; heard: Heard } {
  const { main, heard } = scripted(steps);
  const one = { minSpareThreads: 1, maxThreads: 1, connectionTimeout: '20 s', maxConnections: 10 };
  const clients = {
    slow: { app: './slow.ts' },
    load: ask({ requests: 1, start: '1 s' }),
  };
  const r = world(
    { ...one, disableKeepAlivePercentage: undefined, ...server },
    clients,
    undefined,
    {
      apps: { './slow.ts': main },
    },
  );
  expect(broken(r)).toEqual([]);
  expect(r.metrics['load.requests']).toBe(1);
  return { latency: r.metrics['load.latency.max']! / MS, heard };
}

/** Two round trips: connecting, asking. */
const AT_ONCE = 4;
const nio = { protocol: 'nio' };
const bio = { protocol: 'bio', disableKeepAlivePercentage: 100 };

describe('a thread of the executor', () => {
  it('with nio is not taken by a connection that is idle, before its first request or after it [C3]', () => {
    expect(victim(nio, []).latency).toBeCloseTo(AT_ONCE, 1);
    expect(victim(nio, [GET]).latency).toBeCloseTo(AT_ONCE, 1);
  });

  it('with nio is not taken by a head that comes in pieces', () => {
    const { latency, heard } = victim(nio, [GET.slice(0, 20), 5 * S, GET.slice(20)]);
    expect(latency).toBeCloseTo(AT_ONCE, 1);
    expect(heard.said[0]!.text).toMatch(/^HTTP\/1.1 200/);
  });

  it('with nio is taken by a body that comes in pieces, until it is whole [C5]', () => {
    // The rest of the body comes 5 s after its head: the other request waits since 1 s, and is answered 5 s + RTT/2 from the start.
    const { latency, heard } = victim(nio, [POST(10), 5 * S, 'x'.repeat(10)]);
    expect(latency).toBeCloseTo(5000 - 1000 + AT_ONCE, 1);
    expect(heard.said[0]!.text).toMatch(/^HTTP\/1.1 200/);
  });

  it('with bio is taken by any connection: an idle one keeps it for keepAliveTimeout [C6]', () => {
    // From the answer at 4 ms, as the server sees it at 3 ms; then the other one is served.
    const { latency, heard } = victim({ ...bio, keepAliveTimeout: '7 s' }, [GET]);
    expect(latency).toBeCloseTo(7000 + 3 - 1000 + 1, 1);
    expect(heard.closedAt / MS).toBeCloseTo(7000 + 4, 1);
  });

  it('with bio is taken by a connection that has not asked, for connectionTimeout', () => {
    const { latency } = victim(bio, []);
    // It was accepted when its handshake was through, at 3 ms.
    expect(latency).toBeCloseTo(20_000 + 3 - 1000 + 1, 1);
  });

  it('with bio is taken by a head that comes in pieces', () => {
    const { latency } = victim(bio, [
      GET.slice(0, 20),
      5 * S,
      GET.slice(20).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    ]);
    expect(latency).toBeCloseTo(5000 - 1000 + AT_ONCE, 1);
  });

  it.each([
    ['nio', nio],
    ['bio', bio],
  ])('with %s gives up a body after connectionTimeout, says 408 and closes', (_, server) => {
    const { latency, heard } = victim({ ...server, connectionTimeout: '3 s' }, [`${POST(10)}x`]);
    // The last byte came with the head, at 3 ms, and the thread waits from there.
    expect(heard.said[0]!.text).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n.*Connection: close/s);
    expect(heard.said[0]!.at / MS).toBeCloseTo(3000 + 4, 1);
    expect(heard.closedAt).toBeLessThan(heard.said[0]!.at + MS);
    expect(latency).toBeCloseTo(3000 + 3 - 1000 + 1, 1);
  });

  it('with nio waits for room as it waits for bytes, and gives up an answer that nobody takes', () => {
    // The client reads nothing: window and send buffer fill, and the thread stands by.
    const r = world(
      { ...nio, minSpareThreads: 1, maxThreads: 1, connectionTimeout: '3 s', response: '20 MB' },
      {
        slow: { app: './slow.ts' },
        load: { ...ask({ requests: 1, start: '1 s', timeout: '100 s' }), response: '20 MB' },
      },
      undefined,
      {
        apps: {
          './slow.ts': function* (sys, { env, connect }) {
            const fd = yield sys.socket();
            yield sys.connect(fd, env.resolve(connect.host), connect.port);
            yield sys.write(
              fd,
              Uint8Array.from(GET, (c) => c.charCodeAt(0)),
            );
            yield sys.nanosleep(100 * S);
          },
        },
      },
    );
    expect(broken(r)).toEqual([]);
    expect(r.metrics['server.failed']).toBe(1);
    expect(r.metrics['load.requests']).toBe(1);
    // The peer's last ACK came some round trips after the request; from there 3 s.
    expect(r.metrics['load.latency.max']! / MS).toBeGreaterThan(2000);
    expect(r.metrics['load.latency.max']! / MS).toBeLessThan(2300);
  });
});

describe('two threads with one socket', () => {
  /** A body that does not come, and a poller that thinks its connection late as soon as a thread waits for it. */
  const hasty = (): { heard: Heard; metrics: Record<string, number> } => {
    const { isLate } = NioSocket.prototype;
    NioSocket.prototype.isLate = function () {
      return this.interestOps !== 0 && this.reader.blocking;
    };
    try {
      const { main, heard } = scripted([`${POST(10)}x`]);
      const r = world({ connectionTimeout: '3 s' }, { slow: { app: './slow.ts' } }, undefined, {
        apps: { './slow.ts': main },
      });
      return { heard, metrics: r.metrics };
    } finally {
      NioSocket.prototype.isLate = isLate;
    }
  };

  it('take turns: the second waits for the first, and finds the socket closed [SocketProcessorBase.run]', () => {
    const { heard, metrics } = hasty();
    expect(metrics).toMatchObject({ 'server.busy_threads.peak': 2, 'server.timed_out': 1 });
    expect(heard.said[0]!.text).toMatch(/^HTTP\/1.1 408/);
  });

  it('[mutant] without a lock the second closes under the first', () => {
    const { lock } = Mutex.prototype;
    // oxlint-disable-next-line require-yield -- nobody waits
    Mutex.prototype.lock = function* () {
      return 0;
    };
    try {
      expect(hasty().heard.said).toEqual([]);
    } finally {
      Mutex.prototype.lock = lock;
    }
  });
});

describe('silence', () => {
  /** When a connection is closed that has been answered once and asks no more; ms after the answer, as the client sees both. */
  const idle = (server: object): number => {
    const { main, heard } = scripted([GET]);
    const r = world(server, { slow: { app: './slow.ts' } }, undefined, {
      apps: { './slow.ts': main },
    });
    expect(broken(r)).toEqual([]);
    expect(r.metrics['server.timed_out']).toBe(1);
    return (heard.closedAt - heard.said[0]!.at) / MS;
  };

  it('after an answer ends, with nio, at the poller’s first look after keepAliveTimeout: one each second while nothing happens', () => {
    prop(
      [fc.integer({ min: 1, max: 9999 })],
      (ms) => {
        // Later than the time-out, not at it: timeout() compares with >.
        const looks = Math.floor(ms / 1000) + 1;
        expect(idle({ keepAliveTimeout: `${ms} ms` })).toBeCloseTo(looks * 1000, 1);
      },
      { numRuns: 12, examples: [[999], [1000], [1001], [3000]] },
    );
  });

  it('after an answer ends, with bio, when keepAliveTimeout is over', () => {
    for (const ms of [1, 999, 1000, 2500])
      expect(idle({ ...bio, keepAliveTimeout: `${ms} ms` })).toBeCloseTo(ms, 1);
  });

  it('is as long as connectionTimeout allows, if nothing else is said', () => {
    expect(idle({ connectionTimeout: '2500 ms' })).toBeCloseTo(3000, 1);
    expect(idle({ ...bio, connectionTimeout: '2500 ms' })).toBeCloseTo(2500, 1);
    expect(idle({})).toBeCloseTo(61_000, 1);
  });

  it('never ends where it may last', () => {
    const { main, heard } = scripted([GET]);
    const server = { keepAliveTimeout: 'never' };
    world(
      server,
      { slow: { app: './slow.ts' } },
      { limit: '300 s' },
      { apps: { './slow.ts': main } },
    );
    expect(heard.said.length).toBe(1);
    expect(heard.closedAt).toBe(-1);
  });

  it.each(['nio', 'bio'])('before the first byte ends with connectionTimeout, %s', (protocol) => {
    const { main, heard } = scripted([]);
    const server = { protocol, connectionTimeout: '4 s', keepAliveTimeout: '9 s' };
    const r = world(server, { slow: { app: './slow.ts' } }, undefined, {
      apps: { './slow.ts': main },
    });
    expect(heard.said).toEqual([]);
    expect(r.metrics['server.timed_out']).toBe(1);
    expect(heard.closedAt / S).toBeCloseTo(protocol === 'nio' ? 5 : 4, 1);
  });

  it('within a head ends with connectionTimeout after the last piece, with nio', () => {
    const { main, heard } = scripted([GET.slice(0, 5), 3 * S, GET.slice(5, 9)]);
    const server = { connectionTimeout: '4500 ms' };
    world(server, { slow: { app: './slow.ts' } }, undefined, { apps: { './slow.ts': main } });
    expect(heard.said).toEqual([]);
    // The last piece came at 3 s; the first look later than 4.5 s after that is at 8 s.
    expect(heard.closedAt / S).toBeCloseTo(8, 1);
  });
});

describe('a request', () => {
  const answer = (steps: readonly Step[], server: object = {}): Heard & { bad: number } => {
    const { main, heard } = scripted(steps);
    const r = world(
      server,
      { slow: { app: './slow.ts' } },
      { limit: '1 s' },
      { apps: { './slow.ts': main } },
    );
    return { ...heard, bad: r.metrics['server.bad_requests']! };
  };
  const padded = (n: number): string =>
    GET.replace('\r\n\r\n', `\r\nx: ${'y'.repeat(n - GET.length - 5)}\r\n\r\n`);

  it.each(['nio', 'bio'])(
    'with a head beyond maxHttpHeaderSize is answered with 400, and closed; %s',
    (protocol) => {
      expect(padded(8192).length).toBe(8192);
      const within = answer([padded(8192)], { protocol });
      expect([within.said[0]!.text.slice(9, 12), within.closedAt, within.bad]).toEqual([
        '200',
        -1,
        0,
      ]);
      const beyond = answer([padded(8193)], { protocol });
      expect([beyond.said[0]!.text.slice(9, 12), beyond.bad]).toEqual(['400', 1]);
      expect(beyond.closedAt).toBeGreaterThan(0);
    },
  );

  it('behind another one is answered in its turn, without the poller [pipelining]', () => {
    const { said } = answer([GET + POST(3) + 'abc' + GET], { response: '5 B' });
    const text = said.map((s) => s.text).join('');
    expect(text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(3);
  });

  it('of HTTP/1.0 is closed after its answer, or told that it is not', () => {
    expect(answer(['GET / HTTP/1.0\r\n\r\n']).closedAt).toBeGreaterThan(0);
    const kept = answer(['GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n']);
    expect(kept.closedAt).toBe(-1);
    expect(kept.said[0]!.text).toContain('Connection: keep-alive');
  });
});
