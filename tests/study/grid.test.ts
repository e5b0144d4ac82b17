/** The values of a grid, its order, its seeds, and every mistake with its place and its cure. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { load } from '../../src/sim/scenario/load.ts';
import { namesAt, placeOf, seedOf, worldOf } from '../../src/study/grid.ts';
import { prop } from '../support/prop.ts';
import { refusal, SWEEP, sweepOf, WORLD } from './support.ts';

const values = (range: string): readonly string[] =>
  sweepOf(SWEEP.replace('{ log2: [4096, 16384] }', range)).axes[0]!.names;
const delays = (range: string): readonly string[] =>
  sweepOf(SWEEP.replace(/apps.server.sockopt.SO_RCVBUF: .*/, `links.0.delay: ${range}`)).axes[0]!
    .names;

describe('the values of an axis', () => {
  test.each([
    ['{ log2: [4096, 32768] }', ['4096', '8192', '16384', '32768']],
    ['{ linear: [4096, 10000, 2000] }', ['4096', '6096', '8096']],
    ['[5000, 8192]', ['5000', '8192']],
  ])('%s', (range, names) => expect(values(range)).toEqual(names));

  test.each([
    ['{ log2: [1 ms, 8 ms] }', ['1 ms', '2 ms', '4 ms', '8 ms']],
    ['{ linear: [0 ms, 1.5 ms, 500 us] }', ['0 ns', '500 us', '1 ms', '1.5 ms']],
  ])('%s', (range, names) => expect(delays(range)).toEqual(names));

  test('are what the world gets, and what the replay command sets', () => {
    const world = sweepOf().point(3);
    expect(world.apps[0]).toMatchObject({ model: 'epoll', sockopt: { SO_RCVBUF: 8192 } });
    expect(world.settings).toEqual([
      'apps.server.sockopt.SO_RCVBUF=8192',
      'apps.server.model=epoll',
    ]);
  });

  test('a --set on an axis leaves that one value; another changes all points', () => {
    const one = sweepOf(SWEEP, { set: ['apps.server.model=epoll', 'apps.upload.bytes=5 kB'] });
    expect([one.size, one.point(0).apps[1]]).toMatchObject([3, { bytes: 5000 }]);
  });
});

describe('points and repetitions', () => {
  const many = sweepOf(SWEEP.replace('measure', 'repeat: 3\n      measure'));

  test('every combination once, the last axis fastest; the same seeds at every point', () => {
    const runs = Array.from({ length: 18 }, (_, i) => worldOf(many, i));
    expect(new Set(runs.map((w) => `${w.label} ${w.seed}`)).size).toBe(18);
    expect(runs.slice(0, 3).map((w) => w.label)).toEqual([
      '4096, blocking',
      '4096, epoll',
      '8192, blocking',
    ]);
    for (const w of runs) expect(runs.filter((o) => o.seed === w.seed)).toHaveLength(6);
    expect(placeOf(many, 7)).toEqual({ point: 1, repetition: 1 });
    expect(namesAt(many, 1)).toEqual({ SO_RCVBUF: '4096', model: 'epoll' });
  });

  test('seeds count up from a number, and are told apart behind a text', () => {
    const numbers = fc.integer({ min: 0, max: 1e9 });
    prop([numbers, fc.integer({ min: 0, max: 9999 })], (s, k) => {
      expect(seedOf(String(s), k)).toBe(String(s + k));
    });
    expect([seedOf('rain', 0), seedOf('rain', 2)]).toEqual(['rain', 'rain.3']);
  });
});

describe('each mistake is said with its place and its cure', () => {
  const bad = (from: string | RegExp, to: string): string => refusal(SWEEP.replace(from, to));

  test.each<[what: string, from: string | RegExp, to: string, says: string[]]>([
    [
      'an unknown metric',
      'goodput,',
      'godput,',
      ['my.yaml:15:17: no metric is called `godput`', 'did you mean `goodput`?'],
    ],
    ['the same metric twice', 'goodput,', 'goodput, goodput,', ['`goodput` is measured already']],
    [
      'a path that leads nowhere',
      'apps.server.model',
      'apps.sever.model',
      ['my.yaml:14:9: `apps` has no `sever`', 'did you mean `server`?'],
    ],
    [
      'a key that does not exist',
      'SO_RCVBUF',
      'SO_RCVBUFF',
      ['my.yaml:13:9: unknown key `SO_RCVBUFF`', 'did you mean `SO_RCVBUF`?'],
    ],
    [
      'no values',
      '[blocking, epoll]',
      '[]',
      ['my.yaml:14:9: `apps.server.model` needs a list of values'],
    ],
    [
      'a value that cannot be',
      '[blocking, epoll]',
      '[blocking, epol]',
      ['`epol` is none of', 'did you mean `epoll`?'],
    ],
    [
      'a value twice',
      '[blocking, epoll]',
      '[epoll, epoll]',
      ['`model` has the value `epoll` twice'],
    ],
    [
      'an unknown way to give values',
      'log2',
      'log10',
      ['`log10` is no way to give values', 'linear: [from, to, step]'],
    ],
    [
      'an end that is no doubling',
      '16384]',
      '20000]',
      ['20000 is not 4096 doubled some number of times; 16384 or 32768 is'],
    ],
    ['an end before the beginning', '16384]', '1024]', ['its end lies before its beginning']],
    ['a word for a number', '16384]', 'many]', ['my.yaml:13:55: `many` is no number']],
    [
      'too many points',
      '{ log2: [4096, 16384] }',
      '{ linear: [1, 60000, 1] }',
      ['my.yaml:12:7: 120000 points; at most 100000'],
    ],
    [
      'too many runs',
      /16384[^]*measure/,
      '1048576] }\n        apps.server.model: [blocking, epoll]\n      repeat: 10000\n      measure',
      ['18 points, 180000 runs; at most 100000'],
    ],
    ['no grid at all', /vary:[^]*epoll\]\n/, '', ['my.yaml:11:5: missing key `vary`']],
    [
      'an unknown key',
      'measure',
      'measures',
      ['unknown key `measures`', 'did you mean `measure`?'],
    ],
    [
      'a repetition of nothing',
      'measure',
      'repeat: 0\n      measure',
      ['my.yaml:15:15: impossible value: `0`; at least 1'],
    ],
  ])('%s', (_what, from, to, says) => {
    const message = bad(from, to);
    for (const text of says) expect(message).toContain(text);
  });

  const expectation = (that: string, is: string): string =>
    refusal(`${SWEEP}      expect:\n        - { that: '${that}', is: '${is}', source: s }\n`);
  test.each([
    ['goodput[SO_RCVBUF=5]', '>= 0 bit/s', '`SO_RCVBUF` never is `5`'],
    ['goodput[size=5]', '>= 0 bit/s', '`size` is not varied'],
    ['goodput', 'non-decreasing in model', 'the values of `model` are no numbers'],
    ['goodput', 'non-decreasing in SO_RCVBUFF', 'did you mean `SO_RCVBUF`?'],
    ['goodput', 'decreasing', '`decreasing` is no direction'],
    ['goodput', '5 ms', 'a duration is compared with a rate'],
  ])('an expectation: %s %s', (that, is, says) => {
    expect(expectation(that, is)).toContain(says);
  });

  test('recorded points name axes and measures, in units that fit', () => {
    const recorded = (point: string): string =>
      refusal(`${SWEEP}      recorded: { by: Linux, points: [{ ${point} }] }\n`);
    expect(recorded('SO_RCVBUF: 4096, goodput: 1 Mbit/s')).toContain('needs its `model`');
    expect(recorded('SO_RCVBUF: 4096, model: epoll, goodput: 5 ms')).toContain(
      'a rate with its unit',
    );
    expect(recorded('SO_RCVBUF: 4096, model: epoll, latency: 5 ms')).toContain(
      'neither varied nor measured',
    );
  });

  test('hostwire run and validate see them too; each: and expect: of the scenario are left aside', () => {
    expect(() => load(WORLD + SWEEP.replace('goodput,', 'godput,'), { file: 'my.yaml' })).toThrow(
      'godput',
    );
    expect(load(WORLD + SWEEP, { file: 'my.yaml' })).toHaveLength(1);
    const aside = `    each: { links.0.rate: [1 Mbit/s, 2 Mbit/s] }\n    expect: [{ that: 'goodput[rate=1 Mbit/s]', is: 1 Mbit/s, source: s }]\n`;
    expect(sweepOf(aside + SWEEP).size).toBe(6);
  });

  test('a scenario without a sweep, and a file without any', () => {
    expect(refusal('', { names: ['grid'] })).toContain('`grid` has no `sweep:`');
    expect(refusal('')).toContain('no scenario of this file has a `sweep:`');
  });
});
