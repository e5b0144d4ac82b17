/** Clients that speak HTTP/1.1, in whole worlds: keep-alive, connections that the server closes, answers that are none. */
import { describe as group, expect, it } from 'vitest';
import { type AppContext, openListener } from '../../src/app/index.ts';
import { ECHO_DEFAULTS } from '../../src/app/options.ts';
import { response, responseHead } from '../../src/app/codec/http-write.ts';
import type { Sys, ThreadBody } from '../../src/kernel/syscall.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { describe, load } from '../../src/sim/scenario/load.ts';

const MS = 1_000_000;

function world(server: object, client: object, main?: Main): RunResult {
  const host = { machine: 'ideal' };
  const [scenario] = describe('http', {
    seed: 1,
    shows: 'a client at work',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '1 Gbit/s', delay: '1 ms' }],
    apps: {
      server: { host: 'b', listen: 80, ...server },
      load: { model: 'client', host: 'a', connect: 'b:80', codec: 'http', ...client },
    },
    stop: { when: 'load.closed', limit: '60 s' },
  });
  const r = runScenario(scenario!, main === undefined ? {} : { apps: { './server.ts': main } });
  expect(r.stop.reason).toBe('when');
  expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  return r;
}

const NETTY = { model: 'netty', codec: 'http', reply: 'answer', response: '3 kB' };
const ASK = { request: '100 B', response: '3 kB', requests: 20, connections: 2 };

type Main = (sys: Sys, context: AppContext) => ThreadBody;

/** Answers each read on each connection, one connection after the other, with what `answers` has for it; null: closes. */
function scripted(answers: (n: number) => Uint8Array | null): Main {
  return function* (sys, { listen }) {
    const listener = yield* openListener(sys, { ...ECHO_DEFAULTS, listen }, 0);
    for (let n = 0; ;) {
      const fd = yield sys.accept(listener);
      for (;;) {
        if ((yield sys.read(fd, 8192)) <= 0) break;
        const answer = answers(n++);
        if (answer === null) break;
        yield sys.write(fd, answer);
        if (String.fromCharCode(...answer).includes('Connection: close')) break;
      }
      yield sys.close(fd);
    }
  };
}
const OWN = { app: './server.ts' };

for (const io of ['threads', 'epoll']) {
  group(`a client of HTTP in ${io}`, () => {
    it('asks Netty on connections that stay, bodies of given sizes', () => {
      const r = world(NETTY, { ...ASK, io });
      expect(r.metrics['load.requests']).toBe(20);
      expect(r.metrics['load.connections']).toBe(2);
      expect(r.metrics['server.requests']).toBe(20);
      expect(r.metrics['load.bytes_read']).toBe(20 * (3000 + responseHead(200, 3000).length));
    });

    it('sends a request without a body as GET, and takes an answer without one', () => {
      const r = world(
        { ...NETTY, response: '0 B' },
        { ...ASK, io, request: '0 B', response: '0 B' },
      );
      expect(r.metrics['load.requests']).toBe(20);
      expect(r.metrics['server.bytes_read']).toBe(20 * 'GET / HTTP/1.1\r\nHost: b\r\n\r\n'.length);
    });

    it('connects anew after an answer that says close [RFC 9112 §9.6]', () => {
      const closing = scripted(() => responseHead(200, 0, 'close'));
      const r = world(OWN, { io, request: '0 B', response: '0 B', requests: 5 }, closing);
      expect(r.metrics).toMatchObject({
        'load.requests': 5,
        'load.failed': 0,
        'load.connections': 5,
      });
    });

    it('connects anew after a connection was closed while it thought, without a failure', () => {
      // Each connection is closed after 50 ms of silence; the user thinks 100 ms.
      const server: Main = function* (sys, { listen }) {
        const listener = yield* openListener(sys, { ...ECHO_DEFAULTS, listen }, 0);
        for (;;) {
          const fd = yield sys.accept(listener);
          if ((yield sys.read(fd, 8192)) > 0) yield sys.write(fd, responseHead(200, 0));
          yield sys.nanosleep(50 * MS);
          yield sys.close(fd);
        }
      };
      const r = world(
        OWN,
        { io, request: '0 B', response: '0 B', requests: 4, think: '100 ms' },
        server,
      );
      expect(r.metrics).toMatchObject({
        'load.requests': 4,
        'load.failed': 0,
        'load.connections': 4,
      });
    });

    it.each([
      ['of another status', responseHead(500, 2)],
      ['of another size', response(new Uint8Array(3))],
      ['that is no HTTP', new Uint8Array(40).fill(10)],
      ['with more behind it', new Uint8Array([...response(new Uint8Array(2)), 1])],
    ])('fails with an answer %s, and goes on with a new connection', (_, wrong) => {
      const server = scripted((n) => (n % 2 === 0 ? wrong : response(new Uint8Array(2))));
      const r = world(OWN, { io, request: '10 B', response: '2 B', requests: 4 }, server);
      expect(r.metrics).toMatchObject({ 'load.requests': 2, 'load.failed': 2 });
    });

    it('fails when the server closes in the middle of an answer', () => {
      const half = scripted((n) => (n === 0 ? null : response(new Uint8Array(2))));
      const r = world(OWN, { io, request: '10 B', response: '2 B', requests: 2 }, half);
      expect(r.metrics).toMatchObject({ 'load.requests': 1, 'load.failed': 1 });
    });
  });
}

group('a scenario with HTTP', () => {
  const said = (client: string): string => {
    const text = `version: 1
scenarios:
  x:
    shows: nothing
    hosts: { a: {}, b: {} }
    links: [{ between: [a, b], delay: 1 ms }]
    apps:
      server: { host: b, model: netty, listen: 80 }
      load: ${client}
`;
    try {
      load(text, { file: 'x.yaml' });
      return '';
    } catch (e) {
      return (e as Error).message;
    }
  };
  it('may ask for nothing, and one without may not', () => {
    const body = 'host: a, model: client, connect: b:80, requests: 1';
    expect(said(`{ ${body}, request: 0 B, response: 0 B, codec: http }`)).toBe('');
    const wrong = said(`{ ${body}, request: 0 B, response: 1 B }`);
    expect(wrong).toContain('a request of 0 B is none');
    expect(wrong).toContain('x.yaml:9');
    expect(said(`{ ${body}, request: 1 B, response: 0 B }`)).toContain('a response of 0 B is none');
  });

  it('does not let a talker or Reactor-Netty speak it', () => {
    expect(
      said('{ host: a, model: talk, connect: b:80, messages: 1, text: x, codec: http }'),
    ).toContain('codec');
  });
});
