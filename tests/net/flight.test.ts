// The flight of frames: runs that are cut, sorted and taken back, against a plain sorted list.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Flight, type Train } from '../../src/base/train.ts';
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
  /** The first frames in flight find a descriptor, or none; descriptors are given back. */
  | { do: 'accept'; n: number }
  | { do: 'miss'; n: number }
  | { do: 'release'; n: number }
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
  fc.record({ do: fc.constant('accept' as const), n: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constant('miss' as const), n: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ do: fc.constant('release' as const), n: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ do: fc.constant('retract' as const), n: fc.nat(5) }),
);

const key = (f: Frame): unknown[] => [f.arrival, f.train.id, f.index, f.mark];

function run(steps: Step[], flight: Flight): void {
  const list: Frame[] = [];
  const held: Frame[] = [];
  /** What the receiver has seen arrive lies before all that comes. */
  let seen = -Infinity;
  let id = 0;
  let rem = 0;
  for (const s of steps) {
    const first = Math.max(list[0]?.arrival ?? 0, seen);
    const last = list.at(-1)?.arrival ?? Math.max(seen, 0);
    if (s.do === 'push') {
      const train = new TestTrain(id++, { segs: s.count });
      const base = last + s.gap;
      const at = (j: number): number => base + Math.floor((rem + (j + 1) * s.unit) / s.den);
      flight.push(train, 0, s.count, 0, base, rem, s.unit, s.den, at(s.count - 1) as Instant);
      for (let j = 0; j < s.count; j++) list.push({ arrival: at(j), train, index: j, mark: 0 });
      rem = (rem + 1) % s.den;
    } else if (s.do === 'insert') {
      const f: Frame = {
        arrival: (held.length > 0 ? Math.max(seen, 0) : first) + s.ahead,
        train: new TestTrain(id++),
        index: 0,
        mark: id % 16,
      };
      flight.insert(f.train, f.index, f.mark, f.arrival as Instant);
      const behind = list.findIndex((x) => x.arrival > f.arrival);
      list.splice(behind < 0 ? list.length : behind, 0, f);
    } else if (s.do === 'take') {
      if (held.length > 0) continue;
      for (let n = Math.min(s.n, list.length); n > 0;) {
        const some = Math.min(n, flight.headCount());
        flight.take(some);
        for (const f of list.splice(0, some)) seen = f.arrival;
        n -= some;
      }
    } else if (s.do === 'accept' || s.do === 'miss') {
      // A frame is missed because others are held.
      if (s.do === 'miss' && held.length === 0) continue;
      for (const f of list.splice(0, s.n)) {
        checkNext(flight, f);
        seen = f.arrival;
        if (s.do === 'miss') flight.miss();
        else {
          flight.accept();
          held.push(f);
        }
      }
    } else if (s.do === 'release') {
      for (let n = Math.min(s.n, held.length); n > 0;) {
        const some = Math.min(n, flight.headCount());
        checkHeads(flight, held.splice(0, some));
        flight.release(some);
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
    check(flight, list, held);
  }
  const taken = flight.taken;
  for (let n = list.length; n > 0; n--) flight.accept();
  expect(flight.taken - taken).toBe(list.length);
  held.push(...list);
  const out: unknown[] = [];
  while (flight.held > 0) {
    out.push(...heads(flight, 1));
    flight.release(1);
  }
  expect(out).toEqual(held.map(key));
}

function checkNext(flight: Flight, f: Frame): void {
  const next = [flight.next, idOf(flight.nextTrain()), flight.nextFrame()];
  expect(next).toEqual([f.arrival, f.train.id, f.index]);
}

function checkHeads(flight: Flight, frames: Frame[]): void {
  expect(heads(flight, frames.length)).toEqual(frames.map(key));
}

/** The first `n` frames of the head run. */
function heads(flight: Flight, n: number): unknown[] {
  const train = flight.headTrain() as TestTrain;
  return Array.from({ length: n }, (_, k) =>
    key({
      arrival: flight.headArrival(k),
      train,
      index: flight.headFirst() + k,
      mark: flight.headMark(),
    }),
  );
}

function check(flight: Flight, list: Frame[], held: Frame[]): void {
  expect(flight.frames).toBe(list.length);
  expect(flight.held).toBe(held.length);
  expect(flight.empty).toBe(list.length === 0);
  const known = [...held, ...list];
  for (let n = 1; n <= known.length + 1; n++) {
    expect(flight.nthArrival(n)).toBe(known[n - 1]?.arrival ?? Infinity);
  }
  expect(flight.next).toBe(list[0]?.arrival ?? Infinity);
  const shown: unknown[] = [];
  const show = (train: Train, count: number): void => {
    for (let k = 0; k < count; k++) shown.push(idOf(train));
  };
  flight.eachHeld(show);
  expect(shown).toHaveLength(held.length);
  flight.each(show);
  expect(shown).toEqual(known.map((f) => f.train.id));
  if (list.length > 0) expect(flight.lastArrival()).toBe(list.at(-1)!.arrival);
  if (held.length > 0 || list.length === 0) return;
  const [head] = list;
  expect(idOf(flight.headTrain())).toBe(head!.train.id);
  for (const now of [head!.arrival - 1, head!.arrival, head!.arrival + 30]) {
    const n = flight.arrivedInHead(now as Instant);
    expect(n).toBe(list.slice(0, flight.headCount()).filter((f) => f.arrival <= now).length);
  }
}

const steps = fc.array(step, { maxLength: 40, size: 'max' });

it('a flight is a list of frames sorted by arrival, then by when they came', () => {
  prop([steps], (list) => run(list, new Flight()), { numRuns: 600 });
});

it('takes no more room for what is missed', () => {
  const flight = new Flight();
  for (let i = 0; i < 1000; i++) {
    flight.push(new TestTrain(i), 0, 1, 0, 0, 0, 0, 1, i as Instant);
    if (i === 0) flight.accept();
    else flight.miss();
  }
  expect((flight as unknown as { cap: number }).cap).toBe(8);
  expect(heads(flight, 1)).toEqual([[0, 0, 0, 0]]);
});

describe('the check notices', () => {
  const fails = (make: () => Flight): boolean =>
    fc.sample(steps, { numRuns: 200, seed: 1 }).some((list) => {
      try {
        run(list, make());
        return false;
      } catch {
        return true;
      }
    });

  it('a frame that is put before a run it falls into', () => {
    class NeverCuts extends Flight {
      override insert(train: TestTrain, index: number, mark: number, arrival: Instant): void {
        const last = this.lastArrival();
        if (arrival < last && arrival > this.next)
          super.insert(train, index, mark, last as Instant);
        else super.insert(train, index, mark, arrival);
      }
    }
    expect(fails(() => new NeverCuts())).toBe(true);
  });

  it('a missed frame that stays among those held', () => {
    class LeavesItThere extends Flight {
      override miss(): void {
        super.accept();
        this.held--;
      }
    }
    expect(fails(() => new LeavesItThere())).toBe(true);
  });
});
