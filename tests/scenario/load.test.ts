import { describe, expect, test } from 'vitest';
import { describe as describeWorld, list } from '../../src/sim/scenario/load.ts';
import { parsePath, printPath } from '../../src/sim/scenario/paths.ts';
import { tcpChanges } from '../../src/sim/scenario/sysctl.ts';
import { focusOf, locate, type Scenario } from '../../src/sim/scenario/types.ts';
import { jsonSchema } from '../../src/sim/scenario/schema/json-schema.ts';
import { read, VALID } from './support.ts';

const first = (text: string, set: string[] = []): Scenario => read(text, { set })[0]!;

describe('a valid file', () => {
  const s = first(VALID);

  test('quantities become integers of the base unit', () => {
    const [there, back] = s.links[0]!.directions;
    expect(there.options).toMatchObject({
      rate: 100_000_000,
      delay: 10_000_000,
      overhead: 38,
      mtu: 1500,
      loss: null,
    });
    expect(there.options.limit).toEqual({ unit: 'packets', count: 1000 });
    expect([there.name, back.name]).toEqual(['client->server', 'server->client']);
    expect(s.stop).toEqual({ when: [{ app: 'sender', event: 'closed' }], limitNs: 60_000_000_000 });
  });

  test('times are fixed, or spread as is written', () => {
    const work = (how: string): unknown =>
      first(VALID.replace('read: 64 KiB', `request: 1 kB, work: 1 ms${how}`)).apps.find(
        (a) => a.name === 'server',
      );
    expect(work('')).toMatchObject({ workNs: 1_000_000, work: 'fixed' });
    expect(work(', work-times: exponential')).toMatchObject({ work: 'exponential' });
    expect(work(', work-times: { hyper-exponential: 4 }')).toMatchObject({
      work: { hyperExponential: 4 },
    });
  });

  test('a direction overrides its link', () => {
    expect(s.links[0]!.directions[1].options.loss).toEqual({ kind: 'random', probability: 0.001 });
  });

  test('defaults lie under a scenario, map by map', () => {
    const server = s.hosts.find((h) => h.name === 'server')!;
    expect(server.cpus).toBe(2);
    expect(server.nic).toMatchObject({
      ring: { rx: 512, tx: null },
      coalesce: { rxUsecs: 16, rxFrames: 32 },
    });
    expect(server.sysctl).toEqual({ 'net.ipv4.tcp_rmem': [4096, 131_072, 6_291_456] });
    expect(tcpChanges(server.sysctl)).toEqual({ rmem: [4096, 131_072, 6_291_456] });
  });

  test('a list is replaced, not merged', () => {
    const text = VALID.replace(
      '  seed: 1\n',
      '  seed: 1\n  links: [{ between: [client, server], delay: 1 ms }]\n',
    );
    expect(first(text).links).toHaveLength(1);
    expect(first(text).links[0]!.directions[0].options.delay).toBe(10_000_000);
  });

  test('a host with nothing behind its name has all defaults', () => {
    expect(s.hosts.find((h) => h.name === 'client')).toMatchObject({
      cpus: 1,
      machine: 'linux',
      device: 'nic',
      hz: 250,
    });
  });

  test('every value knows where it was written', () => {
    expect(locate(s.source, ['links', 0, 'delay'])).toEqual({
      file: 'my.yaml',
      line: 19,
      column: 16,
    });
    expect(locate(s.source, ['apps', 'sender', 'nowhere'])).toEqual({
      file: 'my.yaml',
      line: 24,
      column: 7,
    });
  });

  test('the table is about the host that listens', () => {
    expect(focusOf(s)).toBe('server');
  });

  test('it survives structuredClone, so a worker can be handed it', () => {
    expect(structuredClone(s)).toEqual(s);
  });
});

describe('variants', () => {
  test('each value is a run, with what selects it', () => {
    expect(read(VALID).map((s) => [s.label, s.variant, s.settings, s.apps[0]!.model])).toEqual([
      ['blocking', { model: 'blocking' }, ['apps.server.model=blocking'], 'blocking'],
      ['epoll', { model: 'epoll' }, ['apps.server.model=epoll'], 'epoll'],
    ]);
  });

  test('two axes are a product, the first outermost', () => {
    const text = VALID.replace(
      'each: { apps.server.model: [blocking, epoll] }',
      'each: { apps.server.model: [blocking, epoll], apps.server.read: [1 KiB, 64 KiB] }',
    );
    expect(read(text).map((s) => s.label)).toEqual([
      'blocking, 1 KiB',
      'blocking, 64 KiB',
      'epoll, 1 KiB',
      'epoll, 64 KiB',
    ]);
    expect(read(text)[1]!.settings).toEqual([
      'apps.server.model=blocking',
      'apps.server.read=64 KiB',
    ]);
  });

  test('an expectation may be for one combination, by its label', () => {
    const text = VALID.replace(
      'each: { apps.server.model: [blocking, epoll] }',
      'each: { apps.server.model: [blocking, epoll], apps.server.read: [1 KiB, 64 KiB] }',
    ).replace('for: blocking', "for: 'blocking, 64 KiB'");
    const about = read(text).map((s) => [s.label, s.expect.filter((e) => e.applies).length]);
    const most = Math.max(...about.map(([, n]) => n as number));
    expect(about.filter(([, n]) => n === most).map(([label]) => label)).toEqual([
      'blocking, 64 KiB',
    ]);
  });

  test('what selects a variant, given to --set, gives exactly that variant', () => {
    for (const s of read(VALID)) {
      const [again, ...more] = read(VALID, { set: s.settings });
      expect(more).toEqual([]);
      expect({ ...again, source: null }).toEqual({ ...s, source: null });
    }
  });

  test('values may have names, and change several things at once', () => {
    const text = VALID.replace(
      'each: { apps.server.model: [blocking, epoll] }',
      'each: { apps.server: { slow: { pause: 3 ms }, edge: { model: epoll, trigger: edge } } }',
    )
      .replace('for: blocking', 'for: edge')
      .replace('[model=blocking]', '[server=slow]')
      .replace('[model=epoll]', '[server=edge]');
    const runs = read(text);
    expect(runs.map((s) => [s.label, s.variant, s.settings, s.apps[0]!.model])).toEqual([
      ['slow', { server: 'slow' }, ['apps.server=slow'], 'blocking'],
      ['edge', { server: 'edge' }, ['apps.server=edge'], 'epoll'],
    ]);
    // Merged: what is not named stays.
    expect(runs.map((s) => s.apps[0])).toMatchObject([
      { listen: 8080, pauseNs: 3_000_000, sockopt: { SO_RCVBUF: 65_536 } },
      { listen: 8080, pauseNs: 0, trigger: 'edge' },
    ]);
    expect(runs.map((s) => s.expect[1]!.applies)).toEqual([false, true]);
    for (const s of runs) {
      expect({ ...read(text, { set: s.settings })[0], source: null }).toEqual({
        ...s,
        source: null,
      });
    }
  });

  test('an expectation with `for` says nothing about the others', () => {
    expect(read(VALID).map((s) => s.expect[1]!.applies)).toEqual([true, false]);
  });
});

describe('--set', () => {
  test('changes a value, with quotes around a key that holds dots', () => {
    const s = first(VALID, [
      'links.0.delay=5 ms',
      'hosts.server.sysctl."net.ipv4.tcp_rmem"=4096 65536 65536',
    ]);
    expect(s.links[0]!.directions[0].options.delay).toBe(5_000_000);
    expect(
      s.hosts[1]!.sysctl['net.ipv4.tcp_rmem'] ?? s.hosts[0]!.sysctl['net.ipv4.tcp_rmem'],
    ).toEqual([4096, 65_536, 65_536]);
    expect(s.settings.slice(0, 2)).toEqual([
      'links.0.delay=5 ms',
      'hosts.server.sysctl."net.ipv4.tcp_rmem"=4096 65536 65536',
    ]);
  });

  test('adds a key that was not written', () => {
    expect(first(VALID, ['hosts.client.cpus=4']).hosts.find((h) => h.name === 'client')!.cpus).toBe(
      4,
    );
  });

  test('the seed on the command line wins', () => {
    expect(read(VALID, { seed: '77' })[0]!.seed).toBe('77');
    expect(first(VALID, ['seed=9']).seed).toBe('9');
  });
});

describe('links', () => {
  const link = (text: string): Scenario['links'][number]['directions'][number]['options'] =>
    first(VALID.replace('server->client: { loss: 0.1 % }', text)).links[0]!.directions[0].options;

  test.each([
    ['loss: 1 %', { loss: { kind: 'random', probability: 0.01 } }],
    ['loss: { every: 100 }', { loss: { kind: 'every', every: 100, per: 'link' } }],
    [
      'loss: { frames: [7, 3], per: flow }',
      { loss: { kind: 'list', frames: [3, 7], per: 'flow' } },
    ],
    [
      'gemodel: { p: 1 %, r: 10 % }',
      { loss: { kind: 'gemodel', p: 0.01, r: 0.1, lossInBad: 1, lossInGood: 0 } },
    ],
    ['duplicate: 2 %', { duplicate: { kind: 'random', probability: 0.02 } }],
    [
      'corrupt: { every: 9, undetected: on }',
      { corrupt: { pick: { kind: 'every', every: 9, per: 'link' }, undetected: true } },
    ],
    [
      'reorder: { chance: 1 %, by: 5 ms }',
      { reorder: { pick: { kind: 'random', probability: 0.01 }, extra: 5_000_000, gap: 1 } },
    ],
    [
      'reorder: 1 %',
      { reorder: { pick: { kind: 'random', probability: 0.01 }, extra: null, gap: 1 } },
    ],
    ['jitter: 2 ms', { jitter: { distribution: 'uniform', amount: 2_000_000, keepOrder: false } }],
    [
      'jitter: { amount: 2 ms, distribution: exponential, order: kept }',
      { jitter: { distribution: 'exponential', amount: 2_000_000, keepOrder: true } },
    ],
    [
      'loss: 1 %\n        faults: { from: 1 s, until: 2 s }',
      { from: 1_000_000_000, until: 2_000_000_000 },
    ],
  ])('%s', (text, options) => {
    expect(link(text)).toMatchObject(options);
  });

  test("tc's spelling is accepted", () => {
    const text = VALID.replace('100 Mbit/s', '100mbit').replace('delay: 10 ms', 'delay: 10ms');
    expect(first(text).links[0]!.directions[0].options).toMatchObject({ rate: 1e8, delay: 1e7 });
  });
});

test('a world may be described in code, as the object that the YAML would have held', () => {
  const [s, ...more] = describeWorld(
    'made',
    {
      shows: 'Made in code.',
      hosts: { a: {}, b: {} },
      links: [{ between: ['a', 'b'], delay: '1 ms' }],
      apps: {
        b: { host: 'b', model: 'echo', listen: 7 },
        a: { host: 'a', model: 'bulk', connect: 'b:7', bytes: '1 kB' },
      },
    },
    '5',
  );
  expect(more).toEqual([]);
  expect(s).toMatchObject({
    name: 'made',
    seed: '5',
    stop: { when: [{ app: 'a', event: 'closed' }] },
  });
});

test('a path prints as it is read', () => {
  for (const text of ['a.b.c', 'hosts.server.sysctl."net.ipv4.tcp_rmem"', 'links.0."a->b".loss']) {
    expect(parsePath(printPath(parsePath(text)!))).toEqual(parsePath(text));
  }
  expect(parsePath('a..b')).toBeNull();
  expect(parsePath('a."b')).toBeNull();
});

test('list tells names and variants without checking the rest', () => {
  expect(list(VALID.replace('delay: 10 ms', 'delay: nonsense'), 'x')).toEqual([
    { name: 'upload', shows: 'One connection over a clean link.', variants: 2 },
  ]);
});

test('the JSON Schema has every key of a link, with directions by pattern', () => {
  const schema = jsonSchema() as {
    $defs: {
      scenario: {
        properties: Record<string, { items?: { properties: object; patternProperties: object } }>;
      };
    };
  };
  const { links } = schema.$defs.scenario.properties;
  expect(Object.keys(links!.items!.properties)).toContain('gemodel');
  expect(Object.keys(links!.items!.patternProperties)).toHaveLength(1);
  expect(JSON.stringify(schema)).not.toMatch(/"(expects|body)":/);
});
