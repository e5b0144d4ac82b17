// What a link refuses to be, and where its error points to.
import { describe, expect, it } from 'vitest';
import { ScenarioError } from '../../src/base/assert.ts';
import { NEVER, ms, ns } from '../../src/base/units.ts';
import {
  LINK_DEFAULTS,
  LINK_SOURCES,
  type LinkOptions,
  byteTime,
  checkLink,
  leastLatency,
} from '../../src/sim/net/options.ts';
import { options } from './support.ts';

const good = options({ rate: 1e9, delay: ms(1) });
const random = (probability: number): LinkOptions['duplicate'] => ({ kind: 'random', probability });

describe('a link is refused', () => {
  it.each<[string, keyof LinkOptions, Partial<LinkOptions>]>([
    ['without time: no rate and no delay', 'delay', { rate: Infinity, delay: ns(0) }],
    [
      'so fast that a short frame takes no time',
      'delay',
      { rate: 1e12, overhead: 0, delay: ns(0) },
    ],
    ['with a rate of 0', 'rate', { rate: 0 }],
    ['with half a bit', 'rate', { rate: 0.5 }],
    ['with a rate past what is exact', 'rate', { rate: 8_999_999_999_999_999 }],
    ['with a delay that is no whole number of ns', 'delay', { delay: ns(1.5) }],
    ['with a negative delay', 'delay', { delay: ns(-1) }],
    ['with an MTU that holds no IP packet', 'mtu', { mtu: 67 }],
    ['with negative overhead', 'overhead', { overhead: -1 }],
    ['with an empty queue', 'limit', { limit: { unit: 'packets', count: 0 } }],
    ['with a probability above 1', 'loss', { loss: random(1.1) }],
    [
      'with a chain whose arrows are no probabilities',
      'loss',
      { loss: { kind: 'gemodel', p: 2, r: 0, lossInBad: 1, lossInGood: 0 } },
    ],
    ['with every 0th frame', 'duplicate', { duplicate: { kind: 'every', every: 0, per: 'link' } }],
    [
      'with frame 0 in a list',
      'corrupt',
      { corrupt: { pick: { kind: 'list', frames: [0], per: 'link' }, undetected: false } },
    ],
    ['with a gap of 0', 'reorder', { reorder: { pick: random(1)!, extra: null, gap: 0 } }],
    [
      'with frames held back for 0 ns',
      'reorder',
      { reorder: { pick: random(1)!, extra: ns(0), gap: 1 } },
    ],
    [
      'with more jitter than delay',
      'jitter',
      { jitter: { distribution: 'uniform', amount: ms(2), keepOrder: false } },
    ],
    [
      'that skips the delay on a wire without a rate',
      'delay',
      { rate: Infinity, reorder: { pick: random(1)!, extra: null, gap: 1 } },
    ],
    ['with faults that end before they begin', 'until', { from: NEVER, until: 5 as never }],
  ])('%s', (_what, key, change) => {
    let error: unknown;
    try {
      checkLink({ ...good, ...change }, ['links', 0]);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(ScenarioError);
    expect((error as ScenarioError).path).toEqual(['links', 0, key]);
  });

  it('not with 1 bit/s, not with 8 Tbit/s, not with its faults switched off', () => {
    for (const change of [{ rate: 1 }, { rate: 8e12 }, { jitter: null, loss: random(0) }]) {
      expect(() => checkLink({ ...good, ...change }, [])).not.toThrow();
    }
  });
});

it('nanoseconds per byte are a fraction in lowest terms', () => {
  expect(byteTime(10e9)).toEqual({ num: 4, den: 5 });
  expect(byteTime(1e9)).toEqual({ num: 8, den: 1 });
  expect(byteTime(Infinity)).toEqual({ num: 0, den: 1 });
});

it('the least latency counts the shortest frame, jitter, and frames that skip the delay', () => {
  const o = options({ rate: 1e9, delay: ms(1), overhead: 0 });
  const jitter = { distribution: 'uniform', amount: ns(400), keepOrder: false } as const;
  expect(leastLatency(o)).toBe(160 + 1_000_000);
  expect(leastLatency({ ...o, jitter })).toBe(160 + 1_000_000 - 400);
  expect(leastLatency({ ...o, reorder: { pick: random(1)!, extra: null, gap: 1 } })).toBe(160);
});

it('each default says where it comes from', () => {
  expect(Object.keys(LINK_SOURCES)).toEqual(Object.keys(LINK_DEFAULTS));
});
