/** What is drawn can be run, covers what it promises, and shrinks to what a reader would have written first. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { describe as read } from '../../src/sim/scenario/load.ts';
import {
  between,
  bufferSizes,
  faults,
  hosts,
  links,
  messages,
  requests,
  scenarios,
  serverModels,
  sockopts,
  uploads,
  workloads,
  yaml,
} from '../../src/testing/index.ts';
import { prop } from '../support/prop.ts';

/** Where an arbitrary ends when everything fails. */
function smallest<T>(arb: fc.Arbitrary<T>): T {
  const found = fc.check(fc.property(arb, () => false));
  return (found.counterexample as [T])[0];
}

const sample = <T>(arb: fc.Arbitrary<T>, n = 400): T[] => fc.sample(arb, { numRuns: n, seed: 1 });

describe('a generated world', () => {
  it('is one that a scenario file can hold', () => {
    const choices = [
      scenarios(),
      scenarios({ clients: 5, connections: 9, maxBytes: 10 }),
      scenarios({ faults: false, limit: '10 s' }),
      scenarios({ server: './my-server.ts', workload: messages({ codec: 'json' }) }),
      scenarios({ server: { app: './my-server.ts', listen: 80, options: { a: 1 } } }),
      scenarios({ workload: requests({ request: 100, response: 2000 }) }),
    ];
    prop([fc.oneof(...choices)], (w) => {
      expect(read('generated', w)).toHaveLength(1);
    });
  });

  it('shrinks to two hosts with all defaults, no faults, one connection and one byte', () => {
    expect(smallest(scenarios({ clients: 4 }))).toEqual({
      shows: 'A generated world.',
      seed: 1,
      hosts: { client: {}, server: {} },
      links: [{ between: ['client', 'server'], rate: '100 Mbit/s', delay: '1 ms' }],
      apps: {
        server: { host: 'server', model: 'blocking', listen: 80 },
        client: {
          host: 'client',
          model: 'bulk',
          connect: 'server:80',
          bytes: '1 B',
          start: '1 ms',
        },
      },
      stop: { when: 'client.closed', limit: '3000 s' },
      expect: [{ that: 'client.failed', is: 0, source: 'faults end, and TCP tries for longer' }],
    });
  });

  it('has what breaks programs in many of its kind: faults, small buffers, several clients, slow readers', () => {
    const worlds = sample(scenarios()).map((w) => yaml(w));
    const share = (pattern: RegExp): number =>
      worlds.filter((w) => pattern.test(w)).length / worlds.length;
    const kinds: readonly (readonly [RegExp, number])[] = [
      [/loss: |gemodel: /, 0.3],
      [/reorder: /, 0.3],
      [/duplicate: /, 0.3],
      [/corrupt: /, 0.3],
      [/SO_RCVBUF: (1|2304|4096) |tcp_rmem: 4096 8192/, 0.2],
      [/ring: \{ rx: [48],/, 0.2],
      [/routers:/, 0.3],
      [/client-2:/, 0.2],
      [/pause: 300 ms|model: stalled/, 0.15],
      [/connections: [234]/, 0.5],
      [/machine: ideal/, 0.4],
      [/model: client/, 0.3],
      [/model: bulk/, 0.3],
    ];
    for (const [pattern, least] of kinds)
      expect([pattern, share(pattern) > least]).toEqual([pattern, true]);
  });

  it('stays within the bounds that it was given', () => {
    const few = scenarios({
      clients: 3,
      connections: 2,
      maxBytes: 5000,
      workload: uploads({ maxBytes: 5000, connections: 2 }),
    });
    for (const w of sample(few, 200)) {
      expect(Object.keys(w.hosts).length).toBeLessThanOrEqual(4);
      const { bytes, connections = 1 } = w.apps['client'] as {
        bytes: string;
        connections?: number;
      };
      expect(Number.parseInt(bytes)).toBeLessThanOrEqual(5000);
      expect(connections).toBeLessThanOrEqual(2);
    }
  });
});

test('parts shrink to nothing, or to the first that one would think of', () => {
  expect(smallest(hosts())).toEqual({});
  expect(smallest(faults())).toEqual({});
  expect(smallest(sockopts())).toEqual({});
  expect(smallest(bufferSizes())).toBe(131_072);
  expect(smallest(serverModels())).toEqual({ model: 'blocking', listen: 80 });
  expect(smallest(workloads()).client).toEqual({ model: 'bulk', bytes: '1 B', start: '1 ms' });
  expect(smallest(requests()).client).toEqual({
    model: 'client',
    requests: 1,
    request: '1 B',
    response: '1 B',
    start: '1 ms',
  });
  expect(smallest(messages()).client).toEqual({
    model: 'talk',
    messages: 1,
    codec: 'line',
    text: 'a#',
    answer: 'upper-case',
    start: '1 ms',
  });
  expect(between('a', 'b', smallest(links()))).toEqual({
    between: ['a', 'b'],
    rate: '100 Mbit/s',
    delay: '1 ms',
  });
});

test('a link without faults has none, and one of a microsecond no jitter that is larger', () => {
  for (const l of sample(links({ faults: null }))) expect([l.there, l.back]).toEqual([{}, {}]);
  const short = sample(links()).filter((l) => l.delay === '1 us');
  expect(short.length).toBeGreaterThan(20);
  for (const l of short) expect('jitter' in l.there || 'jitter' in l.back).toBe(false);
});

test('sizes lie near multiples of a segment more often than by chance', () => {
  const sizes = sample(uploads()).map((w) => Number.parseInt(String(w.client['bytes'])) % 1448);
  const near = sizes.filter((rest) => rest <= 8 || rest >= 1440).length / sizes.length;
  expect(near).toBeGreaterThan(0.1);
  expect(near).toBeLessThan(0.9);
});

test('what is written as YAML is what was generated', () => {
  prop([scenarios({ server: './my-server.ts' })], (w) => {
    expect(parse(yaml(w, 'mine')) as unknown).toEqual({ version: 1, scenarios: { mine: w } });
  });
});
