// Byte queue limits: what a transmit ring holds, and that the limit finds its place (lib/dynamic_queue_limits.c).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dql } from '../../../src/base/dql.ts';
import { prop } from '../../support/prop.ts';
import { LIMITS, type Outcome, saturate } from './saturate.ts';

const settled = (o: Outcome): boolean =>
  Math.abs(o.limit - 2 * o.perCompletion) <= 2 * o.packet && o.idle === 0;

describe('byte queue limits', () => {
  it('settle within two packets of twice what the wire sends from completion to completion, and the wire is never idle', () => {
    const settings = [
      fc.constantFrom(1e8, 3e8, 1e9),
      fc.integer({ min: 100, max: 1460 }),
      fc.integer({ min: 0, max: 200 }),
    ] as const;
    prop(
      [...settings],
      (rate, payload, txUsecs) => {
        const o = saturate({ rate, payload, txUsecs });
        expect([o, settled(o)]).toEqual([o, true]);
        expect(o.peak).toBeLessThanOrEqual(o.bound);
        expect(o.waiting).toBeGreaterThan(0); // the rest is in the qdisc
      },
      { numRuns: 20 },
    );
  });

  it('and where completions cost time: the interval is what it then is', () => {
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 16, host: { machine: 'linux' } });
    expect([o, settled(o)]).toEqual([o, true]);
  });

  it('fall again when the wire has become slower, after the hold time, and not without one (mutant)', () => {
    const slower = { rate: 1e9, payload: 1000, txUsecs: 100, slowsBy: 8 };
    expect(settled(saturate(slower))).toBe(true);
    const never = { ...LIMITS, holdTime: Infinity };
    expect(settled(saturate({ ...slower, bql: never }))).toBe(false);
  });

  it('keep to limit_min and limit_max', () => {
    const o = { rate: 1e9, payload: 1460, txUsecs: 100 };
    expect(saturate({ ...o, bql: { ...LIMITS, limitMax: 6000 } }).limit).toBe(6000);
    expect(saturate({ ...o, bql: { ...LIMITS, limitMin: 50_000 } }).limit).toBe(50_000);
  });

  it('mutant: a limit of one packet leaves the wire idle between completions', () => {
    const bql = { ...LIMITS, limitMax: 1514 };
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 100, bql });
    expect(o.idle).toBeGreaterThan(0.5);
  });

  it('mutant: a queue that is never stopped holds more than its bound', () => {
    const mutant = (dql: Dql): void => void Object.defineProperty(dql, 'avail', { value: 0 });
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 16, mutant });
    expect(o.peak).toBeGreaterThan(o.bound);
  });

  it('without them only descriptors count', () => {
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 16, bql: null });
    expect([o.limit, o.used]).toEqual([Infinity, 64]);
  });
});
