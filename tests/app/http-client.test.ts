/** Clients that speak HTTP/1.1, in whole worlds: keep-alive, connections that the server closes, answers that are none. */
import { describe as group, expect, it } from 'vitest';
import { type AppContext, openListener } from '../../src/app/index.ts';
import { CLIENT_DEFAULTS, ECHO_DEFAULTS } from '../../src/app/options.ts';
import { HttpDecoder } from '../../src/app/codec/http.ts';
import { response, responseHead } from '../../src/app/codec/http-write.ts';
import { Asker } from '../../src/app/load/ask.ts';
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

    it('says with the last request of a connection that it is the last, and Netty closes [RFC 9112 §9.6]', () => {
      const r = world(NETTY, { ...ASK, io, 'requests-per-connection': 4 });
      const close = 'Connection: close\r\n'.length;
      const head = 'POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\n'.length;
      expect(r.metrics).toMatchObject({
        'load.requests': 20,
        'load.failed': 0,
        'load.connections': 6, // 10 of each of two: 4, 4, 2
        'server.bytes_read': 20 * (head + 100) + 4 * close,
        'load.bytes_read': 20 * (responseHead(200, 3000).length + 3000) + 4 * close,
      });
    });

    it('may draw the sizes of its requests, which a server learns from each', () => {
      const request = { uniform: { min: '1 B', max: '100 kB' } };
      const r = world(
        { model: 'tomcat', response: '3 kB' },
        { ...ASK, io, request, pause: '10 us', read: '1 kB' },
      );
      expect(r.metrics).toMatchObject({ 'load.requests': 20, 'load.failed': 0 });
      expect(r.metrics['server.bytes_read']).toBeGreaterThan(200_000);
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

group('several requests on a connection', () => {
  const MANY = {
    ...ASK,
    io: 'epoll',
    requests: 40,
    connections: 1,
    pipeline: 4,
    sockopt: { TCP_NODELAY: 1 },
  };

  it.each([NETTY, { model: 'tomcat', response: '3 kB' }])(
    'are answered by $model one after the other [RFC 9112 §9.3.2]',
    (server) => {
      const r = world(server, MANY);
      expect(r.metrics).toMatchObject({
        'load.requests': 40,
        'load.failed': 0,
        'load.connections': 1,
        'server.requests': 40,
      });
      // Four in each round trip of 2 ms, after the handshake's: one by one they need 40.
      expect(r.stop.atNs).toBeLessThan(15 * 2 * MS);
    },
  );

  it('are asked again when an answer before them says close [RFC 9112 §9.6]', () => {
    const r = world({ model: 'tomcat', response: '3 kB', maxKeepAliveRequests: 3 }, MANY);
    expect(r.metrics).toMatchObject({
      'load.requests': 40,
      'load.failed': 0,
      'load.connections': 14,
      'server.requests': 40,
    });
  });

  it('come before those that had not been asked, when they are asked again', () => {
    // Two requests on each connection, of which the first is answered, with `close`.
    const asked: number[][] = [];
    const server: Main = function* (sys, { listen }) {
      const listener = yield* openListener(sys, { ...ECHO_DEFAULTS, listen }, 0);
      const buffer = new Uint8Array(8192);
      for (;;) {
        const fd = yield sys.accept(listener);
        const decoder = new HttpDecoder('request');
        const sizes: number[] = [];
        asked.push(sizes);
        while (sizes.length < (asked.length < 3 ? 2 : 1)) {
          decoder.feed(buffer.slice(0, yield sys.read(fd, 8192, buffer)));
          for (let e = decoder.next(); e !== null; e = decoder.next())
            if (e.kind === 'head' && e.head.framing.kind === 'length')
              sizes.push(e.head.framing.bytes);
        }
        yield sys.write(fd, responseHead(200, 0, 'close'));
        yield sys.close(fd);
      }
    };
    const request = { uniform: { min: '1 B', max: '900 B' } };
    const how = { io: 'epoll', pipeline: 3, 'requests-per-connection': 2 };
    const r = world(OWN, { ...how, request, response: '0 B', requests: 3 }, server);
    expect(r.metrics).toMatchObject({ 'load.requests': 3, 'load.failed': 0 });
    const [[a, b], [b2, c], [c2]] = asked as [number[], number[], number[]];
    expect([b2, c2]).toEqual([b, c]);
    expect(new Set([a, b, c]).size).toBe(3);
  });

  it('fail together with an answer that is none', () => {
    const server = scripted((n) => (n === 0 ? responseHead(500, 0) : responseHead(200, 0)));
    const r = world(
      OWN,
      { io: 'epoll', request: '0 B', response: '0 B', requests: 4, pipeline: 4 },
      server,
    );
    expect(r.metrics).toMatchObject({ 'load.requests': 0, 'load.failed': 4 });
  });
});

it('a request is whole whatever the kernel takes of it, and between those of other connections', () => {
  const o = { ...CLIENT_DEFAULTS, connect: { host: 'b', port: 1 }, requests: 1 };
  const asker = new Asker({ ...o, request: 0, response: 0, codec: 'http' });
  const pending = [
    { of: { request: 100_000, answer: 1 }, last: false },
    { of: { request: 7, answer: 1 }, last: true },
    { of: { request: 0, answer: 1 }, last: true },
  ].map((p) => ({
    ...p,
    left: asker.length(p.of, p.last),
    decoder: new HttpDecoder('request'),
  }));
  for (let turn = 0; pending.some((p) => p.left > 0); turn++) {
    for (const p of pending.filter(({ left }) => left > 0)) {
      const rest = asker.rest(p.of, p.last, p.left);
      const bytes = typeof rest === 'number' ? new Uint8Array(rest) : rest;
      const n = Math.min(bytes.length, turn < 20 ? 9 : 50_000);
      p.decoder.feed(bytes.slice(0, n));
      p.left -= n;
    }
  }
  for (const { of, last, decoder } of pending) {
    const head = decoder.next();
    expect(head).toMatchObject({ kind: 'head', head: { persistent: !last } });
    const body: number[] = [];
    for (let e = decoder.next(); e?.kind === 'body'; e = decoder.next()) body.push(...e.bytes);
    expect([body.length, decoder.idle]).toEqual([of.request, true]);
    // `x` in the first write, then pattern, which is 0 here: nothing of a longer head before.
    expect(body.filter((b) => b !== 0x78 && b !== 0)).toEqual([]);
  }
});

group('a scenario with HTTP', () => {
  const said = (client: string, server = 'model: netty, codec: http'): string => {
    const text = `version: 1
scenarios:
  x:
    shows: nothing
    hosts: { a: {}, b: {} }
    links: [{ between: [a, b], delay: 1 ms }]
    apps:
      server: { host: b, listen: 80, ${server} }
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
    const plain = 'model: epoll, request: 1 B, response: 1 B';
    const wrong = said(`{ ${body}, request: 0 B, response: 1 B }`, plain);
    expect(wrong).toContain('a request of 0 B is none');
    expect(wrong).toContain('x.yaml:9');
    expect(said(`{ ${body}, request: 1 B, response: 0 B }`, plain)).toContain(
      'a response of 0 B is none',
    );
  });

  const asking = (codec: string, server: string): string =>
    said(
      `{ ${codec}, host: a, model: client, connect: b:80, requests: 1, request: 9 B, response: 9 B }`,
      server,
    );
  it.each(['model: tomcat', 'model: netty, codec: http'])('asks %s', (server) => {
    expect(asking('codec: http', server)).toBe('');
  });

  it.each([
    ['codec: http', 'model: netty', 'add `codec: http` to `server`'],
    ['codec: http', 'model: epoll, request: 9 B, response: 9 B', '`model: tomcat`, and'],
    ['codec: fixed', 'model: tomcat', 'add `codec: http` here'],
    ['codec: fixed', 'model: netty, codec: http', 'add `codec: http` here'],
    ['codec: sized', 'model: tomcat', 'leave `codec: sized` out'],
  ])('does not ask with %s of %s, and hears what to change', (codec, server, cure) => {
    const text = asking(codec, server);
    expect(text).toContain(cure);
    expect(text).toContain('x.yaml:9:22');
  });

  it('draws no answers, of which a request says nothing', () => {
    const text = said(
      '{ host: a, model: client, connect: b:80, requests: 1, request: 9 B, response: { exponential: 9 B }, codec: http }',
    );
    expect(text).toContain('x.yaml:9:81');
    expect(text).toContain('how long an answer it wants');
    expect(text).toContain('one size, as the server has it');
  });

  it('does not let a talker or Reactor-Netty speak it', () => {
    expect(
      said('{ host: a, model: talk, connect: b:80, messages: 1, text: x, codec: http }'),
    ).toContain('codec');
  });
});
