/** Netty's server of HTTP and `Connection: close`, with a client that only listens after it has asked. */
import { describe as group, expect, it } from 'vitest';
import type { AppContext } from '../../../src/app/index.ts';
import { joined, requestHead, response } from '../../../src/app/codec/http-write.ts';
import { SO_RCVTIMEO, SOL_SOCKET, type Sys, type ThreadBody } from '../../../src/kernel/syscall.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import { describe } from '../../../src/sim/scenario/load.ts';

const BODY = 1000;

/** Bytes that come before the server closes, −1: it does not within a second. */
function heard(asks: readonly ('close' | null)[], server: object): number {
  let bytes = -1;
  function* client(sys: Sys, { connect, env }: AppContext): ThreadBody {
    const fd = yield sys.socket();
    yield sys.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, 1e9);
    yield sys.connect(fd, env.resolve(connect.host), connect.port);
    yield sys.write(fd, joined(...asks.map((c) => requestHead('/', 'b', 0, c))));
    let got = 0;
    let n = yield sys.read(fd, 8192);
    for (; n > 0; n = yield sys.read(fd, 8192)) got += n;
    bytes = n === 0 ? got : -1;
    yield sys.close(fd);
  }
  const host = { machine: 'ideal' };
  const [scenario] = describe('keep-alive', {
    seed: 1,
    shows: 'a server that closes',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '1 Gbit/s', delay: '1 ms' }],
    apps: {
      server: {
        model: 'netty',
        host: 'b',
        listen: 80,
        codec: 'http',
        reply: 'answer',
        response: '1 kB',
        work: '1 ms',
        ...server,
      },
      load: { app: './client.ts', host: 'a', connect: 'b:80' },
    },
    stop: { when: 'load.closed', limit: '10 s' },
  });
  const r = runScenario(scenario!, { apps: { './client.ts': client } });
  expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  return bytes;
}

const stays = response(new Uint8Array(BODY)).length;
const goes = response(new Uint8Array(BODY), 'close').length;

group.each([
  ['on the loop', {}],
  ['on other threads', { offload: { threads: 2, queue: 10 } }],
])('a server of HTTP that works %s', (_, server) => {
  it('closes behind its answer to a request that says close [RFC 9112 §9.6]', () => {
    expect(heard(['close'], server)).toBe(goes);
  });

  it('answers first what was asked before', () => {
    expect(heard([null, null, 'close'], server)).toBe(2 * stays + goes);
  });

  it('keeps a connection of which nobody says so', () => {
    expect(heard([null, null], server)).toBe(-1);
  });
});
