/**
 * A trace sink that keeps what it is told, and the search for the first thing that two recordings disagree on: what
 * `--verify` prints when a scenario, run twice, does not do the same twice.
 *
 * Records come in the order in which things were noticed. That is not the order in which they happened: a drop is known
 * when the ring is next looked at. What holds is the order within a lane.
 */
import type { TraceRecord, TraceSink } from '../base/trace.ts';
import type { Instant } from '../base/units.ts';

export class Recorder implements TraceSink {
  on = true;
  /** As they came in. */
  readonly records: TraceRecord[] = [];

  record(time: Instant, lane: string, what: string, fields: TraceRecord['fields']): void {
    this.records.push({ time, lane, what, fields });
  }

  /** By time; equal times as they came in. */
  sorted(): TraceRecord[] {
    return this.records.toSorted((x, y) => x.time - y.time);
  }
}

/** Where two recordings part. */
export interface Difference {
  readonly lane: string;
  /** The how-manieth record of its lane, from 0. */
  readonly index: number;
  /** What each run did there; null where it did nothing more. */
  readonly a: TraceRecord | null;
  readonly b: TraceRecord | null;
}

/**
 * The first record that differs. Each lane is compared in its own order; of the lanes that differ, the one whose difference
 * is earliest in simulated time is the cause of the others, or near it. Null when the recordings are equal.
 */
export function firstDifference(
  a: readonly TraceRecord[],
  b: readonly TraceRecord[],
): Difference | null {
  const ofA = byLane(a);
  const ofB = byLane(b);
  let first: Difference | null = null;
  for (const lane of new Set([...ofA.keys(), ...ofB.keys()])) {
    const d = differenceIn(lane, ofA.get(lane) ?? [], ofB.get(lane) ?? []);
    if (d !== null && (first === null || timeOf(d) < timeOf(first))) first = d;
  }
  return first;
}

function byLane(records: readonly TraceRecord[]): Map<string, TraceRecord[]> {
  const lanes = new Map<string, TraceRecord[]>();
  for (const r of records) {
    const lane = lanes.get(r.lane);
    if (lane === undefined) lanes.set(r.lane, [r]);
    else lane.push(r);
  }
  return lanes;
}

function differenceIn(
  lane: string,
  a: readonly TraceRecord[],
  b: readonly TraceRecord[],
): Difference | null {
  for (let index = 0; index < a.length || index < b.length; index++) {
    const x = a[index] ?? null;
    const y = b[index] ?? null;
    if (x === null || y === null || !isSame(x, y)) return { lane, index, a: x, b: y };
  }
  return null;
}

function isSame(x: TraceRecord, y: TraceRecord): boolean {
  if (x.time !== y.time || x.what !== y.what) return false;
  const keys = Object.keys(x.fields);
  return (
    keys.length === Object.keys(y.fields).length &&
    keys.every((k) => Object.is(x.fields[k], y.fields[k]))
  );
}

function timeOf(d: Difference): number {
  return Math.min(d.a?.time ?? Infinity, d.b?.time ?? Infinity);
}
