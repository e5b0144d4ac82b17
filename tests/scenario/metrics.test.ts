import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import { judge } from '../../src/sim/run/judge.ts';
import { matchMetric, METRICS, NAMED_COUNTERS } from '../../src/sim/scenario/metrics.ts';
import { result } from '../report/result.ts';
import { read, VALID } from './support.ts';

/** A world in which every kind of thing is there: a pool, a link with a queue, requests, a NIC, event loops with theirs, a Tomcat. */
const ALL_KINDS = `version: 1
scenarios:
  all:
    shows: Every metric there is.
    hosts: { client: {}, server: {} }
    links:
      - { between: [client, server], rate: 100 Mbit/s, delay: 1 ms, limit: 10 packets }
    apps:
      server: { host: server, model: blocking, threads: { pool: 1, queue: 1 }, listen: 8080, request: 1 kB, response: 20 kB }
      asker: { host: client, model: client, connect: server:8080, connections: 3, requests: 6, request: 1 kB, response: 20 kB }
      loop: { host: server, model: netty, listen: 8081, codec: line, reply: same, offload: { threads: 1, queue: 1 } }
      streams: { host: server, model: reactive, listen: 8082, codec: line, reply: same }
      web: { host: server, model: tomcat, listen: 8083, maxQueueSize: 10 }
      browser: { host: client, model: client, codec: http, connect: server:8083, requests: 2, request: 0 B, response: 0 B }
      talker: { host: client, model: talk, connect: server:8081, messages: 3, text: hello }
      caller: { host: client, model: talk, connect: server:8082, messages: 3, text: hello }
      loris: { host: client, model: slow-loris, connect: server:8082, interval: 1 s }
    stop: { when: [asker.closed, talker.closed, caller.closed, browser.closed], limit: 10 s }
    expect:
      - { that: asker.requests, is: 6, source: all are answered }
`;

describe('the list of metrics', () => {
  const [scenario] = read(ALL_KINDS);
  const measured = Object.keys(runScenario(scenario!).metrics);

  /** Metrics that are measured and not listed; metrics that are listed and not measured. */
  const differences = (listed: readonly string[], names: readonly string[]): string[][] => {
    const found = names.map((name) => [name, matchMetric(name)[0]?.def.pattern] as const);
    const patterns = new Set(found.map(([, pattern]) => pattern));
    return [
      found.filter(([, p]) => p === undefined || !listed.includes(p)).map(([name]) => name),
      listed.filter((pattern) => !patterns.has(pattern)),
    ];
  };
  const listed = METRICS.map((m) => m.pattern);

  test('is what a run measures, no more and no less', () => {
    expect(differences(listed, measured)).toEqual([[], []]);
  });

  test('would be found to lack one, or to have one too many', () => {
    expect(differences(listed.slice(1), measured)).toEqual([[listed[0]], []]);
    expect(differences([...listed, '<host>.moods'], measured)).toEqual([[], ['<host>.moods']]);
  });

  test('names every system call, drop and cause that a run counts, and no other', () => {
    const under = (prefix: string): string[] =>
      measured
        .filter((name) => name.startsWith(prefix) && !name.endsWith('.median'))
        .map((name) => name.slice(prefix.length));
    const sorted = (names: readonly string[]): string[] => names.toSorted();
    expect(sorted(under('server.syscalls.'))).toEqual(sorted(NAMED_COUNTERS['<call>']));
    expect(sorted(under('server.drops.'))).toEqual(sorted(NAMED_COUNTERS['<LinuxName>']));
    expect(sorted(under('link.client->server.drops.'))).toEqual(sorted(NAMED_COUNTERS['<why>']));
  });

  test('has each name once', () => {
    expect(new Set(listed).size).toBe(METRICS.length);
  });
});

describe('an expectation', () => {
  const metrics = {
    goodput: 30e6,
    'server.syscalls.read': 2700,
    'server.receive_buffer.peak': 100,
    'server.receive_buffer.bound': 128,
  };

  /** Whether `that` is `is`, for a blocking run beside an epoll run of 24 Mbit/s. */
  function holds(that: string, is: string): boolean | null {
    const text = VALID.replace(
      'that: goodput, is: 25 .. 34 Mbit/s',
      () => `that: '${that}', is: '${is}'`,
    );
    const [one, other] = read(text);
    const runs = [
      { scenario: one!, result: result('blocking', { metrics }) },
      { scenario: other!, result: result('epoll', { metrics: { ...metrics, goodput: 24e6 } }) },
    ];
    judge(runs);
    return runs[0]!.result.expectations[0]!.ok;
  }

  test.each([
    ['goodput', '30 Mbit/s', true],
    ['goodput', '30000001 bit/s', false],
    ['goodput', '<= 30 Mbit/s', true],
    ['goodput', '< 30 Mbit/s', false],
    ['goodput', '>= 30.1 Mbit/s', false],
    ['goodput', '25 .. 34 Mbit/s', true],
    ['goodput', '31 Mbit/s .. 34 Mbit/s', false],
    ['goodput', '33 Mbit/s ± 10 %', true],
    ['goodput', '33 Mbit/s ± 9 %', false],
    ['goodput', '33 Mbit/s ± 3 Mbit/s', true],
    ['goodput', '33 Mbit/s ± 2.9 Mbit/s', false],
    ['goodput', '29 ± 1 Mbit/s', true],
    ['goodput', '> goodput[model=epoll]', true],
    ['goodput / goodput[model=epoll]', '1.25 ± 1 %', true],
    ['goodput - goodput[model=epoll]', '6 Mbit/s', true],
    ['(goodput + goodput[model=epoll]) ÷ 2', '27 Mbit/s', true],
    ['2 × server.syscalls.read', '5400', true],
    ['server.receive_buffer.peak', '<= server.receive_buffer.bound', true],
    ['server.receive_buffer.peak', '> server.receive_buffer.bound', false],
    ['server.drops.ListenOverflows', '0', true],
    ['server.eagain', '0', false],
  ])('%s is %s: %s', (that, is, ok) => {
    expect(holds(that, is)).toBe(ok);
  });

  test('about a variant that did not run is not decided', () => {
    const runs = read(VALID, { set: ['apps.server.model=blocking'] }).map((scenario) => ({
      scenario,
      result: result('blocking', { metrics }),
    }));
    judge(runs);
    expect(runs[0]!.result.expectations.map((e) => [e.ok, e.alone]).at(-1)).toEqual([null, false]);
  });
});
