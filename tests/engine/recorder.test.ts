import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/base/units.ts';
import { firstDifference, Recorder } from '../../src/engine/recorder.ts';

type Row = [time: number, lane: string, what: string, fields?: Record<string, number | string>];

function recording(...rows: Row[]): Recorder {
  const r = new Recorder();
  for (const [time, lane, what, fields] of rows)
    r.record(time as Instant, lane, what, fields ?? {});
  return r;
}

describe('recorder', () => {
  it('sorts what was noticed late to its own time, and leaves equal times as they came', () => {
    const r = recording([5, 'a', 'x'], [3, 'nic', 'drop'], [5, 'b', 'y'], [3, 'a', 'z']);
    expect(r.sorted().map((x) => x.what)).toEqual(['drop', 'z', 'x', 'y']);
    expect(r.records.map((x) => x.what)).toEqual(['x', 'drop', 'y', 'z']);
  });

  it('finds no difference between equal recordings, however their lanes are interleaved', () => {
    const a = recording([1, 'a', 'x', { n: 1 }], [2, 'b', 'y'], [3, 'a', 'z']);
    const b = recording([2, 'b', 'y'], [1, 'a', 'x', { n: 1 }], [3, 'a', 'z']);
    expect(firstDifference(a.records, b.records)).toBeNull();
  });

  it('names the lane whose first difference is earliest, not the one that was recorded first', () => {
    const a = recording([9, 'late', 'x', { n: 1 }], [4, 'early', 'y', { n: 1 }], [8, 'early', 'z']);
    const b = recording([9, 'late', 'x', { n: 2 }], [4, 'early', 'y', { n: 2 }], [8, 'early', 'z']);
    const d = firstDifference(a.records, b.records);
    expect(d).toMatchObject({ lane: 'early', index: 0 });
    expect(d?.a?.fields).toEqual({ n: 1 });
    expect(d?.b?.fields).toEqual({ n: 2 });
  });

  it('sees a record that only one has, another order in a lane, another field', () => {
    const base: Row[] = [
      [1, 'a', 'x', { n: 1 }],
      [1, 'a', 'y', { n: 2 }],
    ];
    const a = recording(...base).records;
    expect(firstDifference(a, recording(base[0]!).records)).toMatchObject({ index: 1, b: null });
    expect(firstDifference(recording(base[0]!).records, a)).toMatchObject({ index: 1, a: null });
    expect(firstDifference(a, recording(base[1]!, base[0]!).records)).toMatchObject({ index: 0 });
    const other = recording([1, 'a', 'x', { n: 1, m: 0 }], base[1]!);
    expect(firstDifference(a, other.records)).toMatchObject({ index: 0 });
  });
});
