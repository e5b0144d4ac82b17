import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import {
  add,
  type Duration,
  earlier,
  instant,
  LAST,
  later,
  ms,
  NEVER,
  ns,
  sec,
  since,
  START,
  us,
} from '../../src/base/units.ts';

describe('time', () => {
  it('is whole nanoseconds', () => {
    expect([ns(1), us(1), ms(1), sec(1)]).toEqual([1, 1e3, 1e6, 1e9]);
    expect(since(add(instant(5), us(3)), instant(5))).toBe(3000);
    expect([earlier(instant(1), instant(2)), later(instant(1), NEVER)]).toEqual([1, NEVER]);
  });

  it('throws rather than lose a nanosecond past 2^53, and knows never', () => {
    expect(add(LAST, ns(0))).toBe(LAST);
    expect(() => add(LAST, ns(1))).toThrow(InvariantError);
    expect(() => add(START, NaN as never)).toThrow(InvariantError);
    expect(add(NEVER, ns(1))).toBe(NEVER);
    expect(add(START, Infinity as Duration)).toBe(NEVER);
  });
});
