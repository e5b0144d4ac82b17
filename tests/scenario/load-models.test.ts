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
