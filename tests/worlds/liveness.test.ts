/** Dead is not late: what the liveness law calls a failure, and what only reaches its limit. */
import { expect, it } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { load } from '../../src/sim/scenario/load.ts';

/** A client that writes all before it reads anything, through small buffers. */
function world(server: string, limit: string, rate = '1 Mbit/s', loss = ''): RunResult {
  const buffers = 'net.ipv4.tcp_wmem: 4096 8192 16384, net.ipv4.tcp_rmem: 4096 8192 16384';
  const text = `version: 1
scenarios:
  world:
    shows: A client that writes all before it reads anything.
    hosts: { a: { sysctl: { ${buffers} } }, b: { sysctl: { ${buffers} } } }
    links: [ { between: [a, b], rate: ${rate}, delay: 10 ms${loss} } ]
    apps:
      server: { host: b, model: ${server}, listen: 80 }
      upload: { host: a, model: bulk, connect: b:80, bytes: 2 MB, write: 2 MB }
    stop: { when: upload.closed, limit: ${limit} }
`;
  return runScenario(load(text, { file: 'world.yaml' })[0]!);
}

const verdict = (r: RunResult): string => `${r.stop.reason} ${r.firstBroken ?? 'ok'}`;

it('two applications that wait for each other to read are found out, with what they wait in', () => {
  const dead = world('echo', '3000 s');
  expect(verdict(dead)).toBe('limit liveness');
  const { message } = dead.invariants.find((i) => i.name === 'liveness')!;
  expect(message).toContain('upload: write');
  expect(message).toContain('connection-0: write');
});

it('a limit that is too short, a slow link, or a wire that loses everything are nobody’s deadlock', () => {
  expect(verdict(world('blocking', '1 s'))).toBe('limit ok');
  expect(verdict(world('blocking', '3000 s', '2 kbit/s'))).toBe('limit ok');
  expect(verdict(world('blocking', '100 s', '1 Mbit/s', ', loss: 100 %'))).toBe('limit ok');
});

it('the same applications finish when the server only reads', () => {
  expect(verdict(world('blocking', '3000 s'))).toBe('when ok');
});

it('processes that are stopped for long, and cores that are away for long, are not dead', () => {
  // Each begins as the one before it ends: longer than TCP waits in all.
  const long = 'at: [5 ms, 100005 ms, 200005 ms], for: 100 s';
  const faulty = (faults: string, limit: string, rate = '1 Gbit/s'): RunResult => {
    const text = `version: 1
scenarios:
  world:
    shows: Two applications of which none gets on.
    hosts: { a: {}, b: {} }
    links: [ { between: [a, b], rate: ${rate}, delay: 100 us } ]
    apps:
      server: { host: b, model: blocking, listen: 80 }
      upload: { host: a, model: bulk, connect: b:80, bytes: 500 MB, write: 64 KiB }
    faults: [ ${faults} ]
    stop: { when: upload.closed, limit: ${limit} }
`;
    return runScenario(load(text, { file: 'world.yaml' })[0]!);
  };
  const stopped = faulty(`{ stop: upload, ${long} }, { stop: server, ${long} }`, '290 s');
  expect(verdict(stopped)).toBe('limit ok');
  expect(stopped.waiting.map((w) => `${w.thread}: ${w.call}`)).toContain(
    'connection-0: a stopped process',
  );
  const away = faulty(`{ steal: b, ${long} }`, '290 s', '1 Mbit/s');
  expect(verdict(away)).toBe('limit ok');
});
