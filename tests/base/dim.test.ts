// lib/dim's state machine by itself: what it compares, which way it goes, when it parks and when it is tired.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BETTER,
  compareDim,
  Dim,
  DIM_NEVENTS,
  type DimStats,
  GOING_LEFT,
  GOING_RIGHT,
  PARKING_ON_TOP,
  PARKING_TIRED,
  RX_CQE,
  RX_EQE,
  SAME,
  TX_CQE,
  TX_EQE,
  WORSE,
} from '../../src/base/dim.ts';
import type { Instant } from '../../src/base/units.ts';
import { prop } from '../support/prop.ts';

const stats = (bpms: number, ppms = bpms, epms = 10): DimStats => ({ bpms, ppms, epms });

describe('the profiles [lib/dim/net_dim.c rx_profile, tx_profile]', () => {
  it('are five in each direction and mode, the shortest wait on the left', () => {
    expect(RX_EQE.map((p) => [p.usecs, p.frames])).toEqual([
      [1, 256],
      [8, 256],
      [64, 256],
      [128, 256],
      [256, 256],
    ]);
    expect(RX_CQE.map((p) => [p.usecs, p.frames])).toEqual([
      [2, 256],
      [8, 128],
      [16, 64],
      [32, 64],
      [64, 64],
    ]);
    expect(TX_EQE.map((p) => p.usecs)).toEqual([1, 8, 32, 64, 128]);
    expect(TX_CQE.map((p) => p.usecs)).toEqual([5, 8, 16, 32, 64]);
  });
});

describe('what is better [net_dim_stats_compare]', () => {
  it('bytes count first, then packets, then fewer interrupts; a difference counts from 11 % on', () => {
    expect(compareDim(stats(111), stats(100))).toBe(BETTER);
    expect(compareDim(stats(89), stats(100))).toBe(WORSE);
    expect(compareDim({ bpms: 110, ppms: 200, epms: 1 }, { bpms: 100, ppms: 100, epms: 1 })).toBe(
      BETTER,
    );
    expect(compareDim({ bpms: 110, ppms: 80, epms: 1 }, { bpms: 100, ppms: 100, epms: 9 })).toBe(
      WORSE,
    );
    expect(compareDim({ bpms: 105, ppms: 95, epms: 8 }, { bpms: 100, ppms: 100, epms: 10 })).toBe(
      BETTER,
    );
    expect(compareDim({ bpms: 105, ppms: 95, epms: 12 }, { bpms: 100, ppms: 100, epms: 10 })).toBe(
      WORSE,
    );
    expect(compareDim(stats(110, 110, 11), stats(100, 100, 10))).toBe(SAME); // all by exactly 10 %
  });

  it('anything is better than nothing', () => {
    expect(compareDim(stats(1), stats(0))).toBe(BETTER);
    expect(compareDim(stats(0), stats(0))).toBe(SAME);
  });
});

/** Decides once for each period; the traffic answers to the profile. */
function follow(dim: Dim, periods: number, traffic: (profile: number) => DimStats): number[] {
  const path: number[] = [];
  for (let i = 0; i < periods; i++) {
    dim.decide(traffic(dim.profile));
    path.push(dim.profile);
  }
  return path;
}

describe('the search [net_dim_decision]', () => {
  it('goes right while that helps, and parks on the edge', () => {
    const dim = new Dim();
    const path = follow(dim, 8, (profile) => stats(1000 * (profile + 1)));
    expect(path).toEqual([1, 2, 3, 4, 4, 4, 4, 4]);
    expect(dim.tune).toBe(PARKING_ON_TOP);
  });

  it('turns round where it gets worse, and parks on the profile before', () => {
    const best = [300, 700, 1500, 900, 500];
    const dim = new Dim();
    const path = follow(dim, 6, (profile) => stats(best[profile]!));
    expect(path).toEqual([1, 2, 3, 2, 2, 2]);
    expect(dim.tune).toBe(PARKING_ON_TOP);
  });

  it('leaves a place that it has parked on when the traffic changes', () => {
    const dim = new Dim();
    follow(dim, 8, (profile) => stats(1000 * (profile + 1)));
    expect(follow(dim, 1, () => stats(100))).toEqual([3]);
    expect(dim.tune).toBe(GOING_LEFT);
  });

  it('goes to and fro on the left where no profile is better, until it is tired, rests, and tries again', () => {
    const dim = new Dim();
    const path = follow(dim, 10, () => stats(100));
    expect(path).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect([dim.tired, dim.tune]).toEqual([10, GOING_LEFT]);
    follow(dim, 1, () => stats(100));
    expect([dim.tune, dim.profile]).toEqual([PARKING_TIRED, 0]);
    follow(dim, 9, () => stats(100));
    expect([dim.tune, dim.profile, dim.tired]).toEqual([PARKING_TIRED, 0, 1]);
    follow(dim, 1, () => stats(100));
    expect([dim.tune, dim.profile]).toEqual([GOING_RIGHT, 1]);
  });

  it('stays within its five profiles, whatever comes', () => {
    const any = fc.record({ bpms: fc.nat(3000), ppms: fc.nat(30), epms: fc.nat(9) });
    prop([fc.array(any, { maxLength: 200 })], (list) => {
      const dim = new Dim();
      for (const s of list) {
        const before = dim.profile;
        const changed = dim.decide(s);
        expect(changed).toBe(dim.profile !== before);
        expect(Math.abs(dim.profile - before)).toBeLessThanOrEqual(1);
        expect(dim.profile >= 0 && dim.profile <= 4 && dim.tired <= 10).toBe(true);
      }
    });
  });
});

describe('a period', () => {
  const sampled = (dim: Dim, polls: readonly [events: number, us: number][]): boolean[] =>
    polls.map(([events, us]) =>
      dim.sample(events, 10 * events, 1000 * events, (us * 1000) as Instant),
    );

  it('ends with the 64th interrupt, and the one after a new profile begins with the next poll', () => {
    const dim = new Dim();
    expect(
      sampled(dim, [
        [1, 10],
        [DIM_NEVENTS, 100],
        [DIM_NEVENTS + 1, 200], // 64 since the first: traffic where there was none
        [DIM_NEVENTS + 2, 210], // begins
        [2 * DIM_NEVENTS + 1, 300],
        [2 * DIM_NEVENTS + 2, 310],
      ]),
    ).toEqual([false, false, true, false, false, true]);
  });

  it('of less than a microsecond says nothing yet', () => {
    const dim = new Dim();
    expect(
      sampled(dim, [
        [0, 5],
        [DIM_NEVENTS, 5],
        [DIM_NEVENTS, 6],
      ]),
    ).toEqual([false, false, true]);
  });
});
