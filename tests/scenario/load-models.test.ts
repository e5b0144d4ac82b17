// Loads as people write them: what is understood, and what is refused, where, and with which cure.
import { describe, expect, test } from 'vitest';
import type { AppSpec } from '../../src/sim/scenario/types.ts';
import { problems, read, said } from './support.ts';

/** A server and a client, each with more keys. */
const file = (client: string, server = ''): string => `version: 1
scenarios:
  load:
    shows: A load.
    seed: 1
    hosts: { a: {}, b: {} }
    links: [{ between: [a, b], rate: 1 Gbit/s, delay: 1 ms }]
    apps:
      server: { host: b, model: epoll, listen: 80, request: 100 B, response: 1 kB${server} }
      load: { host: a, model: client, connect: 'b:80', ${client} }
`;
const app = (text: string, name: string): AppSpec =>
  read(text)[0]!.apps.find((a) => a.name === name)!;
const refused = (text: string): string[] => said(problems(text));

const ASK = 'requests: 10, request: 100 B, response: 1 kB';

describe('a time that is drawn', () => {
  const work = (how: string): string => file(ASK, `, work: ${how}`);

  test('has a distribution, and its mean beside it', () => {
    const spec = (how: string): AppSpec => app(work(how), 'server');
    expect(spec('2 ms')).toMatchObject({ workNs: 2e6, work: 'fixed' });
    expect(spec('{ exponential: 2 ms }')).toMatchObject({
      workNs: 2e6,
      work: { kind: 'exponential', mean: 2e6 },
    });
    expect(spec('{ uniform: { min: 1 ms, max: 3 ms } }')).toMatchObject({
      workNs: 2e6,
      work: { kind: 'uniform', min: 1e6, max: 3e6 },
    });
    expect(spec('{ hyper-exponential: { mean: 1 ms, c2: 4 } }')).toMatchObject({
      work: { kind: 'hyper-exponential', mean: 1e6, c2: 4 },
    });
    expect(spec('{ pareto: { min: 1 ms, max: 1 s, shape: 1.5 } }')).toMatchObject({
      work: { kind: 'pareto', min: 1e6, max: 1e9, shape: 1.5 },
    });
    expect(spec('{ lognormal: { median: 1 ms, sigma: 2 } }')).toMatchObject({
      work: { kind: 'lognormal', median: 1e6, sigma: 2, max: 3.6e12 },
    });
    expect(
      spec('{ empirical: [{ value: 9 ms, weight: 1 }, { value: 1 ms, weight: 3 }] }'),
    ).toMatchObject({
      workNs: 3e6,
      work: { kind: 'empirical', values: [1e6, 9e6], shares: [0.75, 1], lines: false },
    });
    expect(
      spec('{ empirical: [{ value: 1 ms, upto: 0 % }, { value: 3 ms, upto: 100 % }] }'),
    ).toMatchObject({
      workNs: 2e6,
      work: { kind: 'empirical', values: [1e6, 3e6], shares: [0, 1], lines: true },
    });
  });

  test.each([
    [
      '{ pareto: { min: 0 ms, max: 1 s, shape: 1 } }',
      ['my.yaml:9:107 a Pareto distribution begins above 0 [e.g. `min: 1 ms`]'],
    ],
    [
      '{ uniform: { min: 2 ms, max: 1 ms } }',
      ['my.yaml:9:119 the least is more than the most [e.g. `min: 1 ms, max: 1 s`]'],
    ],
    [
      '{ exponential: 2 kB }',
      [
        "my.yaml:9:105 '2 kB' is a number of bytes, not a duration [write for example 10 us, 10 ms, 10 s]",
      ],
    ],
    [
      '{ exponentail: 2 ms }',
      ['my.yaml:9:92 unknown key `exponentail` [did you mean `exponential`?]'],
    ],
    [
      '{}',
      [
        'my.yaml:9:84 which distribution? give one [one of uniform, exponential, hyper-exponential, pareto, lognormal, empirical]',
      ],
    ],
    [
      '{ exponential: 1 ms }, work-times: exponential',
      [
        'my.yaml:9:113 `work` is a distribution already [leave out `work-times`, or write the mean alone: `work: 10 ms`]',
      ],
    ],
    [
      '{ lognormal: { median: 1 ms, sigma: 9 } }',
      ['my.yaml:9:126 impossible value: `9`; at most 4'],
    ],
    [
      '{ lognormal: { median: 90 min, sigma: 1 } }',
      ['my.yaml:9:113 half of the values would lie above the most [write `max` too]'],
    ],
    ['{ exponential: 1000001 s }', ["my.yaml:9:105 impossible value: '1000001 s' is too large"]],
    [
      '{ empirical: [{ value: 1 ms }] }',
      [
        'my.yaml:9:104 a value has either a `weight` or an `upto` [all of them `weight: 3`, or all of them `upto: 50 %`, the last one `upto: 100 %`]',
      ],
    ],
    [
      '{ empirical: [{ value: 1 ms, weight: 1 }, { value: 2 ms, upto: 100 % }] }',
      [
        'my.yaml:9:132 weights and shares are mixed [all of them `weight: 3`, or all of them `upto: 50 %`, the last one `upto: 100 %`]',
      ],
    ],
    [
      '{ empirical: [{ value: 1 ms, upto: 10 % }, { value: 2 ms, upto: 90 % }] }',
      [
        'my.yaml:9:133 a distribution function ends at 100 % [all of them `weight: 3`, or all of them `upto: 50 %`, the last one `upto: 100 %`]',
      ],
    ],
    [
      '{ empirical: [{ value: 2 ms, upto: 10 % }, { value: 1 ms, upto: 100 % }] }',
      [
        'my.yaml:9:133 the values of a distribution function rise [all of them `weight: 3`, or all of them `upto: 50 %`, the last one `upto: 100 %`]',
      ],
    ],
  ])('%s is refused', (how, says) => {
    expect(refused(work(how))).toEqual(says);
  });
});

describe('a client', () => {
  const load = (how: string): AppSpec => app(file(how), 'load');
  const sized = (how: string): string =>
    file(how).replace('request: 100 B, response: 1 kB }', 'codec: sized }');
  const open = `request: 100 B, response: 1 kB, mode: open`;
  const partly = 'request: 100 B, response: 1 kB, mode: partly-open';

  test('is closed by default, and keeps its connections', () => {
    expect(load(ASK)).toMatchObject({
      load: { mode: 'closed', thinkNs: 0, think: 'fixed' },
      codec: 'fixed',
      requestsPerConnection: null,
      pipeline: 1,
      read: 65_536,
      pauseNs: 0,
    });
    expect(load(`${ASK}, think: { exponential: 1 s }`)).toMatchObject({
      load: { mode: 'closed', thinkNs: 1e9, think: { kind: 'exponential', mean: 1e9 } },
    });
  });

  test('is told when to ask', () => {
    expect(load(`${open}, at: [0 ms, 5 ms, 5 ms]`)).toMatchObject({
      requests: 3,
      load: { mode: 'open', trace: { timesNs: Float64Array.from([0, 5e6, 5e6]) } },
    });
    expect(load(`${partly}, rate: 5 /s, users: 9, leave: 20 %, think: 1 s`)).toMatchObject({
      connections: 9,
      load: { mode: 'partly-open', ratePerSec: 5, arrivals: 'poisson', leave: 0.2, thinkNs: 1e9 },
    });
  });

  test('with sizes that are drawn says them', () => {
    const drawn = 'requests: 10, request: { uniform: { min: 8 B, max: 1 kB } }, response: 1 kB';
    expect(app(sized(drawn), 'load')).toMatchObject({
      codec: 'sized',
      request: { kind: 'uniform', min: 8, max: 1000 },
      response: 1000,
    });
    expect(refused(file(drawn))).toEqual([
      'my.yaml:10:7 its requests say how long they are, and `server` does not read that [add `codec: sized` to `server`, and leave out its `request` and `response`]',
    ]);
    expect(refused(file(`${drawn}, codec: fixed`))).toEqual([
      'my.yaml:10:70 the server would not know where a drawn size ends [leave out `codec: fixed`]',
    ]);
    expect(refused(sized(ASK))).toEqual([
      'my.yaml:10:7 `server` reads sizes, and these requests do not say theirs [add `codec: sized` here]',
    ]);
    expect(refused(sized('requests: 10, request: 7 B, response: 1 kB, codec: sized'))).toEqual([
      'my.yaml:10:79 7 bytes hold no header [with `codec: sized` at least 8 B]',
    ]);
    expect(refused(file(ASK, ', codec: sized'))).toEqual([
      'my.yaml:9:52 `request` says nothing with `codec: sized`',
      'my.yaml:9:68 `response` says nothing with `codec: sized`',
    ]);
  });

  test.each([
    [
      'request: 100 B, response: 1 kB',
      ['my.yaml:10:7 missing key `requests` [e.g. `requests: 1000`]'],
    ],
    [
      `${ASK}, rate: 5 /s, leave: 20 %`,
      [
        'my.yaml:10:102 `rate` says nothing with `mode: closed`',
        'my.yaml:10:114 `leave` says nothing with `mode: closed`',
      ],
    ],
    [
      `${open}, requests: 5`,
      [
        'my.yaml:10:7 `mode: open` needs a `rate` above 0 [requests per second, e.g. `rate: 500 /s`]',
      ],
    ],
    [`${open}, at: [1 ms, 0 ms]`, ['my.yaml:10:111 times go back']],
    [`${open}, at: [1 ms], requests: 2`, ['my.yaml:10:122 2 requests, and times of 1 [at most 1]']],
    [
      `${open}, at: [1 ms], arrivals: fixed`,
      ['my.yaml:10:112 `arrivals` says nothing beside `at`'],
    ],
    [
      `${open}, rate: 1 /s, requests: 1, think: 1 ms`,
      ['my.yaml:10:125 `think` says nothing with `mode: open`'],
    ],
    [
      partly,
      [
        'my.yaml:10:7 `mode: partly-open` needs a `rate` above 0 [users per second, e.g. `rate: 5 /s`]',
        'my.yaml:10:7 missing key `users` [how many come, e.g. `users: 100`]',
        'my.yaml:10:7 missing key `leave` [after five answers on average: `leave: 20 %`]',
      ],
    ],
    [
      `${partly}, rate: 1 /s, users: 5, leave: 0 %`,
      ["my.yaml:10:136 impossible value: '0 %' is too small (from 0.01 % to 100 %)"],
    ],
    [
      `${partly}, rate: 1 /s, users: 5, leave: 9 %, connections: 3`,
      ['my.yaml:10:141 `connections` says nothing with `mode: partly-open`'],
    ],
    [
      `${ASK}, pipeline: 4`,
      [
        'my.yaml:10:112 a blocking thread cannot ask again before it has its answer [add `io: epoll`, or leave `pipeline` out]',
      ],
    ],
    [
      `${partly}, rate: 1 /s, users: 5, leave: 9 %, io: epoll, pipeline: 2`,
      ['my.yaml:10:162 with `mode: partly-open` each user has a connection of its own'],
    ],
    [
      `${ASK}, io: epoll, connections: 1000, pipeline: 1001`,
      ['my.yaml:10:142 1000 connections with 1001 users each: that is more than 1000000 users'],
    ],
    [
      `${ASK}, timeout: 0 ms`,
      ["my.yaml:10:111 impossible value: '0 ms' is too small (left out, it waits)"],
    ],
    [
      `${ASK}, connections: 1000, stagger: 1002 s`,
      ['my.yaml:10:130 the last of 1000 connections would come after more than 11 days'],
    ],
    [`${ASK}, start: 1000001 s`, ["my.yaml:10:109 impossible value: '1000001 s' is too large"]],
  ])('%s is refused', (how, says) => {
    expect(refused(file(how))).toEqual(says);
  });
});

describe('a slow-loris', () => {
  const slow = (how: string): string =>
    file(ASK).replace(
      '      load:',
      `      slow: { host: a, model: slow-loris, connect: 'b:80'${how} }\n      load:`,
    );

  test('holds on to the end of the run, which does not wait for it, or as long as is written', () => {
    const [s] = read(slow(', interval: 15 s'));
    expect(s!.apps.find((a) => a.name === 'slow')).toMatchObject({
      intervalNs: 15e9,
      write: 1,
      bytes: null,
      holdNs: null,
    });
    expect(s!.stop.when.map((w) => w.app)).toEqual(['load']);
    const [held] = read(slow(', interval: 15 s, hold: 1 min, bytes: 99 B'));
    expect(held!.stop.when.map((w) => w.app)).toEqual(['slow', 'load']);
  });

  test.each([
    ['', ['my.yaml:10:7 missing key `interval` [e.g. `interval: 15 s`]']],
    [', interval: 1 s, write: 1 MiB', ["my.yaml:10:82 impossible value: '1 MiB' is too large"]],
    [', interval: 0 s', ["my.yaml:10:70 impossible value: '0 s' is too small"]],
    [
      ', interval: 1 s, io: threads',
      [
        'my.yaml:10:75 unknown key `io` [keys here: model, host, connect, connections, start, stagger, sockopt, interval, write, text, bytes, hold]',
      ],
    ],
  ])('%s is refused', (how, says) => {
    expect(refused(slow(how))).toEqual(says);
  });
});

describe('frames whose length does not fit', () => {
  const NARROW = 'frame: { length-field-length: 1 }';
  const ADJUSTED = 'frame: { length-adjustment: 10 }';
  const talking = (how: string, server = 'reply: same'): string =>
    file(ASK)
      .replace(
        /server: .*/,
        `server: { host: b, model: netty, listen: 80, codec: length-field, ${server} }`,
      )
      .replace(
        /load: .*/,
        `load: { host: a, model: talk, connect: 'b:80', messages: 10, codec: length-field, ${how} }`,
      );

  test.each([
    [
      `size: 256 B, ${NARROW}`,
      ['my.yaml:10:95 a message of 256 bytes does not fit a length field of 1'],
    ],
    [
      `text: 'm #', ${ADJUSTED}`,
      ['my.yaml:10:95 a message of 3 bytes is shorter than the length adjustment of 10'],
    ],
    [
      `text: '${'x'.repeat(254)}#', ${NARROW}`,
      ['my.yaml:10:95 a message of 256 bytes does not fit a length field of 1'],
    ],
  ])('are refused of a talker: %.40s', (how, says) => {
    expect(refused(talking(how))).toEqual(says);
  });

  test('are refused of an answer', () => {
    const server = (bytes: number): string =>
      talking('size: 9 B', `reply: answer, response: ${bytes} B, ${NARROW}`);
    expect(refused(server(256))).toEqual([
      'my.yaml:9:98 a message of 256 bytes does not fit a length field of 1',
    ]);
    expect(read(server(255))).toHaveLength(1);
  });
});

test('a server that frames requests answers them, be it HTTP; one that frames messages is silent', () => {
  const netty = (how: string): AppSpec =>
    app(
      file(ASK).replace(
        / apps:[^]*/,
        ` apps:
      server: { host: b, model: netty, listen: 80, ${how} }
      load: { host: a, model: talk, connect: 'b:80', messages: 1, text: hi }
`,
      ),
      'server',
    );
  expect(netty('request: 9 B')).toMatchObject({ reply: 'answer' });
  expect(netty('codec: http')).toMatchObject({ reply: 'answer' });
  expect(netty('codec: http, reply: none')).toMatchObject({ reply: 'none' });
  expect(netty('codec: line')).toMatchObject({ reply: 'none' });
});
