// The flight of frames: runs that are cut, sorted and taken back, against a plain sorted list.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Flight } from '../../src/base/train.ts';
import type { Instant } from '../../src/base/units.ts';
import { prop } from '../support/prop.ts';
import { TestTrain, idOf } from './support.ts';

interface Frame {
  arrival: number;
  train: TestTrain;
  index: number;
  mark: number;
}

type Step =
  /** A run of frames behind all others. */
  | { do: 'push'; gap: number; count: number; unit: number; den: number }
  /** One frame at some time behind the first. */
  | { do: 'insert'; ahead: number }
  | { do: 'take'; n: number }
  /** The last frame of the n-th run from the end. */
  | { do: 'retract'; n: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('push' as const),
    gap: fc.nat(20),
    count: fc.integer({ min: 1, max: 9 }),
    unit: fc.integer({ min: 1, max: 50 }),
    den: fc.integer({ min: 1, max: 7 }),
  }),
  fc.record({ do: fc.constant('insert' as const), ahead: fc.nat(120) }),
  fc.record({ do: fc.constant('take' as const), n: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ do: fc.constant('retract' as const), n: fc.nat(5) }),
);

const key = (f: Frame): unknown[] => [f.arrival, f.train.id, f.index, f.mark];

function run(steps: Step[], flight: Flight): void {
  let list: Frame[] = [];
  let id = 0;
  let rem = 0;
  for (const s of steps) {
    const first = list[0]?.arrival ?? 0;
    const last = list.at(-1)?.arrival ?? 0;
    if (s.do === 'push') {
      const train = new TestTrain(id++, { segs: s.count });
      const base = last + s.gap;
      const at = (j: number): number => base + Math.floor((rem + (j + 1) * s.unit) / s.den);
      flight.push(train, 0, s.count, 0, base, rem, s.unit, s.den, at(s.count - 1) as Instant);
      for (let j = 0; j < s.count; j++) list.push({ arrival: at(j), train, index: j, mark: 0 });
      rem = (rem + 1) % s.den;
    } else if (s.do === 'insert') {
      const f: Frame = {
        arrival: first + s.ahead,
        train: new TestTrain(id++),
        index: 0,
        mark: id % 16,
      };
      flight.insert(f.train, f.index, f.mark, f.arrival as Instant);
      const behind = list.findIndex((x) => x.arrival > f.arrival);
      list.splice(behind < 0 ? list.length : behind, 0, f);
    } else if (s.do === 'take') {
      for (let n = Math.min(s.n, list.length); n > 0;) {
        const some = Math.min(n, flight.headCount());
        flight.take(some);
        list = list.slice(some);
        n -= some;
      }
    } else {
      const at = list.length - 1 - s.n;
      const f = list[at];
      // Only the last of what is left of its train.
      if (f === undefined || list.some((x, i) => i > at && x.train === f.train)) continue;
      flight.retract(f.train, f.index, f.mark, f.arrival as Instant);
      list.splice(at, 1);
    }
    check(flight, list);
  }
  const out: unknown[] = [];
  const taken = flight.taken;
  while (!flight.empty) {
    const train = flight.headTrain() as TestTrain;
    out.push(
      key({
        arrival: flight.headArrival(0),
        train,
        index: flight.headFirst(),
        mark: flight.headMark(),
      }),
    );
    flight.take(1);
  }
  expect(out).toEqual(list.map(key));
  expect(flight.taken - taken).toBe(list.length);
}

function check(flight: Flight, list: Frame[]): void {
  expect(flight.frames).toBe(list.length);
  expect(flight.empty).toBe(list.length === 0);
  expect(flight.lastArrival()).toBe(list.at(-1)?.arrival ?? -Infinity);
  for (let n = 1; n <= list.length + 1; n++) {
    expect(flight.nthArrival(n)).toBe(list[n - 1]?.arrival ?? Infinity);
  }
  if (list.length === 0) return;
  const [head] = list;
  expect(flight.firstArrival()).toBe(head!.arrival);
  expect(idOf(flight.headTrain())).toBe(head!.train.id);
  for (const now of [head!.arrival - 1, head!.arrival, head!.arrival + 30]) {
    const n = flight.arrivedInHead(now as Instant);
    expect(n).toBe(list.slice(0, flight.headCount()).filter((f) => f.arrival <= now).length);
  }
}

const steps = fc.array(step, { maxLength: 30 });

it('a flight is a list of frames sorted by arrival, then by when they came', () => {
  prop([steps], (list) => run(list, new Flight()), { numRuns: 600 });
});

it('and the check notices a frame that is put before a run it falls into', () => {
  class NeverCuts extends Flight {
    override insert(train: TestTrain, index: number, mark: number, arrival: Instant): void {
      const last = this.lastArrival();
      if (arrival < last && arrival > this.firstArrival())
        super.insert(train, index, mark, last as Instant);
      else super.insert(train, index, mark, arrival);
    }
  }
  const failing = fc.sample(steps, { numRuns: 200, seed: 1 }).filter((list) => {
    try {
      run(list, new NeverCuts());
      return false;
    } catch {
      return true;
    }
  });
  expect(failing.length).toBeGreaterThan(0);
});
