// Recorded arrivals: what a file beside the scenario may hold, and what is said when it holds something else.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTrace } from '../../src/sim/scenario/trace.ts';
import type { Problem } from '../../src/sim/scenario/problems.ts';
import { prop } from '../support/prop.ts';
import { problems, read, said } from './support.ts';

/** A world whose client plays this file. */
const world = (client: string, server = 'codec: sized'): string => `version: 1
scenarios:
  replay:
    shows: A trace.
    seed: 1
    hosts: { a: {}, b: {} }
    links: [{ between: [a, b], rate: 1 Gbit/s, delay: 1 ms }]
    apps:
      server: { host: b, model: epoll, listen: 80, ${server} }
      load: { host: a, model: client, connect: 'b:80', mode: open, ${client} }
`;
const PLAY = 'codec: sized, trace: ./arrivals.csv';
const files =
  (all: Record<string, string>) =>
  (path: string): { file: string; text: string | null } => ({
    file: path.replace('./', ''),
    text: all[path] ?? null,
  });
const load = (text: string, all: Record<string, string>): unknown =>
  read(text, { readFile: files(all) })[0]!.apps.find((a) => a.name === 'load');
const refused = (text: string, all: Record<string, string>): string[] =>
  said(problems(text, { readFile: files(all) }));

describe('a trace', () => {
  const expected = {
    requests: 3,
    load: {
      trace: {
        timesNs: Float64Array.from([0, 1_500_000, 1_500_000]),
        requests: Float64Array.from([100, 2000, 8]),
        answers: Float64Array.from([1, 2, 3000]),
        users: Float64Array.from([0, 1, 0]),
      },
    },
  };

  test('is CSV, with units in the first line or in each cell', () => {
    const client = `${PLAY}, connections: 2`;
    const units =
      'time ms, size B, answer B, user\n0, 100, 1, 0\n1.5, 2000, 2, 1\r\n1.5, 8, 3000, 0\n';
    const cells = 'user,answer,size,time\n0,1 B,100 B,0 s\n1,2 B,2 kB,1500 us\n0,3 kB,8 B,1.5 ms';
    for (const text of [units, cells])
      expect(load(world(client), { './arrivals.csv': text })).toMatchObject(expected);
  });

  test('is NDJSON, an object on each line', () => {
    const text = `{"time": "0 ms", "size": "100 B", "answer": "1 B", "user": 0}
{"time": "1500 us", "size": "2 kB", "answer": "2 B", "user": 1}
{"time": "1.5 ms", "size": "8 B", "answer": "3 kB", "user": 0}
`;
    const client = 'codec: sized, trace: ./arrivals.ndjson, connections: 2';
    expect(load(world(client), { './arrivals.ndjson': text })).toMatchObject(expected);
  });

  test('may leave sizes to the client, and be played in part', () => {
    const client = 'requests: 2, request: 100 B, response: 1 kB, trace: ./arrivals.csv';
    const spec = load(world(client, 'request: 100 B, response: 1 kB'), {
      './arrivals.csv': 'time ms\n1\n2\n3\n',
    });
    expect(spec).toMatchObject({
      requests: 2,
      request: 100,
      load: { trace: { timesNs: Float64Array.from([1e6, 2e6, 3e6]), requests: null, users: null } },
    });
  });

  test('says the sizes of requests in HTTP, however small, and not those of answers', () => {
    const http = (client: string): string =>
      world(`codec: http, trace: ./a.csv${client}`, '').replace('epoll', 'tomcat');
    const sized = { './a.csv': 'time ms,size B\n0,1\n0,7\n' };
    expect(load(http(', response: 0 B'), sized)).toMatchObject({
      response: 0,
      load: { trace: { requests: Float64Array.from([1, 7]) } },
    });
    expect(
      load(http(', request: 0 B, response: 0 B'), { './a.csv': 'time ms\n0\n' }),
    ).toMatchObject({ request: 0, load: { trace: { requests: null } } });
    expect(refused(http(''), sized)).toEqual([
      'my.yaml:10:7 missing key `response` [e.g. `response: 1 kB`]',
    ]);
    expect(refused(http(', response: 0 B'), { './a.csv': 'time ms\n0\n' })).toEqual([
      'my.yaml:10:7 missing key `request` [or a column `size` of ./a.csv]',
    ]);
    const answers = { './a.csv': 'time ms,size B,answer B\n0,1,1\n' };
    expect(refused(http(', response: 1 B'), answers)).toEqual([
      'my.yaml:10:88 ./a.csv has sizes of answers, which HTTP does not ask for [leave them out of it]',
    ]);
  });

  test('is read once for all variants', () => {
    let reads = 0;
    const text = world('codec: sized, trace: ./a.csv, timeout: 1 s').replace(
      '    apps:',
      '    each: { apps.load.timeout: [1 s, 2 s, 3 s] }\n    apps:',
    );
    const got = read(text, {
      readFile: () => {
        reads++;
        return { file: 'a.csv', text: 'time ms,size B,answer B\n0,8,8\n' };
      },
    });
    expect(got).toHaveLength(3);
    const traces = got.map((s) => (s.apps[1] as { load: { trace: unknown } }).load.trace);
    expect(new Set(traces).size).toBe(1);
    expect(reads).toBe(1);
  });

  test('of any values comes back as it was', () => {
    const row = fc.tuple(fc.nat(1e9), fc.integer({ min: 1, max: 1e9 }), fc.nat(99));
    prop([fc.array(row, { minLength: 1 })], (rows) => {
      const sorted = rows.toSorted((a, b) => a[0] - b[0]);
      const text = ['time ns,answer B,user', ...sorted.map((r) => r.join(','))].join('\n');
      const r = readTrace({ file: 'a.csv', text }, (p) => expect.unreachable(p.message))!;
      const { timesNs, answers, users } = r.trace;
      expect(sorted).toEqual(sorted.map((_, i) => [timesNs[i], answers![i], users![i]]));
    });
  });
});

describe('what is refused', () => {
  const WHOLE: readonly [title: string, text: string, says: string[]][] = [
    ['nothing', '', ['a.csv:1:1 no requests [a line `time ms, size B`, then one for each]']],
    [
      'only names',
      'time ms\n',
      ['a.csv:1:1 no requests [a line `time ms, size B`, then one for each]'],
    ],
    [
      'no names',
      '0,1\n',
      ['a.csv:1:1 `0` is no column [the first line names the columns, e.g. `time ms, size B`]'],
    ],
    [
      'a wrong name',
      'time ms, sise B\n',
      ['a.csv:1:10 `sise B` is no column [did you mean `size`?]'],
    ],
    [
      'a name twice',
      'time ms,time s\n',
      ['a.csv:1:9 a second `time` [the first line names the columns, e.g. `time ms, size B`]'],
    ],
    [
      'a unit of another kind',
      'time kB\n',
      [
        'a.csv:1:1 `kB` is no unit of `time` [the first line names the columns, e.g. `time ms, size B`]',
      ],
    ],
    [
      'no times',
      'size B\n1\n',
      [
        'a.csv:1:1 no column is called `time` [the first line names the columns, e.g. `time ms, size B`]',
      ],
    ],
    [
      'a cell too few',
      'time ms,size B\n1,2\n3\n',
      ['a.csv:3:1 1 cell, and the first line names 2 columns'],
    ],
    [
      'a cell too many',
      'time ms\n1\n2,3\n',
      ['a.csv:3:3 more cells than the 1 column of the first line'],
    ],
    ['a time without a unit', 'time\n5\n', ["a.csv:2:1 '5' has no unit [write 5 us, 5 ms, 5 s]"]],
    [
      'times that go back',
      'time ms\n1\n3\n2\n',
      ['a.csv:4:1 `2` lies before the time of the line above'],
    ],
    [
      'a size of nothing',
      'time ms, size B\n1, 0\n',
      ["a.csv:2:4 impossible value: '0' [from 1 B to 1 GiB]"],
    ],
    [
      'a time that no run lasts for',
      'time s\n1\n1000001\n',
      ["a.csv:3:1 impossible value: '1000001' [at most 11 days]"],
    ],
    [
      'a user of no number',
      'time ms,user\n1,Bob\n',
      ['a.csv:2:3 `Bob` is no user [they are numbered from 0]'],
    ],
    [
      'an empty line between',
      'time ms\n1\n\n2\n',
      ["a.csv:3:1 '' is not a duration [write for example 10 us, 10 ms, 10 s]"],
    ],
    [
      'much of it',
      `time ms\n${'x\n'.repeat(99)}`,
      [2, 3, 4, 5, 6, 7, 8, 9].map(
        (n) => `a.csv:${n}:1 'x' is not a duration [write for example 10 us, 10 ms, 10 s]`,
      ),
    ],
  ];
  const LINES: typeof WHOLE = [
    [
      'no JSON',
      '{"time": "1 ms"}\nfoo\n',
      [
        'a.ndjson:2:1 not an object of JSON [one on each line, e.g. `{"time": "5 ms", "size": "1 kB"}`]',
      ],
    ],
    [
      'a wrong key',
      '{"time": "1 ms", "sise": "1 kB"}\n',
      ['a.ndjson:1:18 unknown key `sise` [did you mean `size`?]'],
    ],
    [
      'no time',
      '{"size": "1 kB"}\n',
      ['a.ndjson:1:1 missing key `time` [e.g. `{"time": "5 ms"}`]'],
    ],
    [
      'a key that is missing',
      '{"time": "1 ms", "size": "1 kB"}\n{"time": "1 ms"}\n',
      ['a.ndjson:2:1 `size` is missing, and given for the requests before'],
    ],
    [
      'a key with a quotation mark in it',
      '{"time": "1 ms", "a\\"b": 1}\n',
      ['a.ndjson:1:18 unknown key `a"b` [keys here: time, size, answer, user]'],
    ],
    [
      'a key that is written with escapes',
      '{"ti\\u006de": 5}\n',
      ["a.ndjson:1:1 '5' has no unit [write 5 us, 5 ms, 5 s]"],
    ],
    [
      'a key that comes late',
      '{"time": "1 ms"}\n{"time": "1 ms", "size": "1 kB"}\n',
      ['a.ndjson:2:18 `size` is given here, and not for the request before'],
    ],
  ];

  const tell = (file: string, text: string): string[] => {
    const found: Problem[] = [];
    expect(readTrace({ file, text }, (p) => void found.push(p))).toBeNull();
    return said(found);
  };
  test.each(WHOLE)('CSV: %s', (_, text, says) => expect(tell('a.csv', text)).toEqual(says));
  test.each(LINES)('NDJSON: %s', (_, text, says) => expect(tell('a.ndjson', text)).toEqual(says));

  const FITS = 'time ms, size B, answer B, user\n0, 100, 1, 3\n1, 7, 1, 0\n';
  test.each([
    [
      'a file that is not there',
      PLAY,
      {},
      ['my.yaml:10:89 there is no arrivals.csv [the path is meant from this file]'],
    ],
    [
      'another kind of file',
      'codec: sized, trace: ./arrivals.txt',
      {},
      ['my.yaml:10:89 `./arrivals.txt` is no trace: its name ends in .csv, .ndjson or .jsonl'],
    ],
    [
      'users and sizes that the client has not',
      PLAY,
      { './arrivals.csv': FITS },
      [
        'arrivals.csv:2:1 user 3 of 1: they are numbered from 0 [`connections: 4` of `load`]',
        'arrivals.csv:3:1 7 bytes hold no header [at least 8 B]',
      ],
    ],
    [
      'sizes that nobody says',
      'trace: ./arrivals.csv',
      { './arrivals.csv': 'time ms,size B,answer B\n1,8,8\n' },
      [
        'my.yaml:10:7 `server` reads sizes, and these requests do not say theirs [add `codec: sized` here]',
        'my.yaml:10:75 ./arrivals.csv has sizes, which the server has to be told [add `codec: sized`]',
      ],
    ],
    [
      'sizes that nobody has',
      PLAY,
      { './arrivals.csv': 'time ms\n1\n' },
      [
        'my.yaml:10:7 missing key `request` [or a column `size` of ./arrivals.csv]',
        'my.yaml:10:7 missing key `response` [or a column `answer` of ./arrivals.csv]',
      ],
    ],
    [
      'a rate beside it',
      `${PLAY}, rate: 5 /s`,
      {},
      ['my.yaml:10:105 `rate` says nothing beside `trace`'],
    ],
    [
      'more requests than there are',
      `${PLAY}, requests: 3`,
      { './arrivals.csv': 'time ms,size B,answer B\n1,8,8\n' },
      ['my.yaml:10:115 3 requests, and ./arrivals.csv has 1'],
    ],
  ] as [string, string, Record<string, string>, string[]][])('%s', (_, client, all, says) => {
    expect(refused(world(client), all)).toEqual(says);
  });

  test('a trace where nobody can read files', () => {
    expect(said(problems(world(PLAY)))).toEqual([
      'my.yaml:10:89 ./arrivals.csv cannot be read from here [from code: `load(text, { readFile })`, or `at:`]',
    ]);
  });
});
