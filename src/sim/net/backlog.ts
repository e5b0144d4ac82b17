/**
 * The runs of frames that a wire has taken and that have not all departed, in order: who still stands in the queue, and
 * which frames get new times when the link changes.
 *
 * Columns in growing power-of-two rings, as in Flight. Frame j (counted in its train) of a run departs at
 * `base + floor((rem + (j + 1)·unit) / den)`, the last one at `end`; its service starts where that of frame j − 1 ends.
 */
import type { Train } from '../../base/train.ts';
import { type Instant, NEVER } from '../../base/units.ts';

/** Frames that were taken back, to be given new times. */
export interface QueuedRun {
  /** Null: the frame is lost (and its train possibly gone); it takes its time all the same. */
  readonly train: Train | null;
  readonly first: number;
  readonly count: number;
  readonly mark: number;
  readonly fate: number;
  /** Wire bytes of each frame but the last, and of the last. */
  readonly bytes: number;
  readonly lastBytes: number;
  /** What was drawn on top of the link's delay, ns. */
  readonly extra: number;
  /** Which hand-over brought the run. */
  readonly transmission: number;
}

export class Backlog {
  runs = 0;
  /** When the first frame departs; NEVER: there is none. */
  next: Instant = NEVER;
  /** In what parts of a nanosecond the runs count, but for one that `keepOne` has left. */
  den: number = 1;
  private cap = 8;
  private head = 0;
  private trains: (Train | null)[] = new Array<Train | null>(8).fill(null);
  private ints: Int32Array = new Int32Array(8 * INTS);
  private doubles: Float64Array = new Float64Array(8 * DOUBLES);

  push(
    train: Train | null,
    first: number,
    count: number,
    mark: number,
    fate: number,
    bytes: number,
    lastBytes: number,
    base: number,
    rem: number,
    unit: number,
    end: number,
    offset: number,
    extra: number,
    transmission: number,
  ): void {
    if (this.runs === this.cap) this.grow();
    const at = (this.head + this.runs) & (this.cap - 1);
    this.trains[at] = train;
    const ints = this.ints;
    const i = at * INTS;
    ints[i + FIRST] = first;
    ints[i + COUNT] = count;
    ints[i + MARK] = mark;
    ints[i + FATE] = fate;
    ints[i + BYTES] = bytes;
    ints[i + LAST_BYTES] = lastBytes;
    const doubles = this.doubles;
    const d = at * DOUBLES;
    doubles[d + BASE] = base;
    doubles[d + REM] = rem;
    doubles[d + UNIT] = unit;
    doubles[d + END] = end;
    doubles[d + OFFSET] = offset;
    doubles[d + EXTRA] = extra;
    doubles[d + TRANSMISSION] = transmission;
    if (this.runs++ === 0) this.aim();
  }

  // Runs are counted from the oldest: k = 0.

  first(k: number): number {
    return this.ints[this.slot(k) * INTS + FIRST]!;
  }
  count(k: number): number {
    return this.ints[this.slot(k) * INTS + COUNT]!;
  }
  /** Departure of the last frame of run k. */
  end(k: number): number {
    return this.doubles[this.slot(k) * DOUBLES + END]!;
  }
  /** From a frame's departure to its arrival. */
  offset(k: number): number {
    return this.doubles[this.slot(k) * DOUBLES + OFFSET]!;
  }
  /** Wire bytes of frame j. */
  bytes(k: number, j: number): number {
    const i = this.slot(k) * INTS;
    return this.ints[i + (this.isLast(i, j) ? LAST_BYTES : BYTES)]!;
  }

  /** When frame j of run k departs. */
  departure(k: number, j: number): number {
    const at = this.slot(k);
    return this.departureIn(at, j, this.isLast(at * INTS, j));
  }

  /** When the service of frame j of run k starts. */
  start(k: number, j: number): number {
    return this.time(this.slot(k) * DOUBLES, j);
  }

  /** The fraction by which that service starts later, in 1/den ns. */
  startFraction(k: number, j: number): number {
    const { den } = this;
    const d = this.slot(k) * DOUBLES;
    const x = this.doubles[d + REM]! + j * this.doubles[d + UNIT]!;
    return x - Math.floor(x / den) * den;
  }

  /** Wire bytes of the first frame. */
  get nextBytes(): number {
    const i = this.head * INTS;
    return this.ints[i + (this.ints[i + COUNT] === 1 ? LAST_BYTES : BYTES)]!;
  }

  /** The first frame has departed. */
  pop(): void {
    const at = this.head;
    const { ints } = this;
    const left = ints[at * INTS + COUNT]! - 1;
    if (left === 0) {
      this.popRun();
      return;
    }
    const j = ints[at * INTS + FIRST]! + 1;
    ints[at * INTS + FIRST] = j;
    ints[at * INTS + COUNT] = left;
    this.next = this.departureIn(at, j, left === 1);
  }

  /** All runs of which the last frame has departed by `now` go. */
  popRuns(now: number): void {
    while (this.runs > 0 && this.end(0) <= now) this.popRun();
  }

  private popRun(): void {
    this.head = (this.head + 1) & (this.cap - 1);
    this.runs--;
    this.aim();
  }

  private aim(): void {
    if (this.runs === 0) {
      this.next = NEVER;
      return;
    }
    const { head, ints } = this;
    const d = head * DOUBLES;
    const single = ints[head * INTS + COUNT] === 1;
    this.next = (
      single ? this.doubles[d + END]! : this.time(d, ints[head * INTS + FIRST]! + 1)
    ) as Instant;
  }

  /** Run k without its first `skip` frames. */
  copy(k: number, skip: number): QueuedRun {
    const at = this.slot(k);
    const ints = this.ints.subarray(at * INTS, (at + 1) * INTS);
    return {
      train: this.trains[at]!,
      first: ints[FIRST]! + skip,
      count: ints[COUNT]! - skip,
      mark: ints[MARK]!,
      fate: ints[FATE]!,
      bytes: ints[BYTES]!,
      lastBytes: ints[LAST_BYTES]!,
      extra: this.doubles[at * DOUBLES + EXTRA]!,
      transmission: this.doubles[at * DOUBLES + TRANSMISSION]!,
    };
  }

  clear(): void {
    this.trains.fill(null);
    this.runs = 0;
    this.aim();
  }

  /** Only the very first frame stays: the one in service. Its times no longer depend on `den`. */
  keepOne(): void {
    const j = this.first(0);
    const start = this.start(0, j);
    const end = this.departure(0, j);
    const bytes = this.bytes(0, j);
    const i = this.head * INTS;
    this.ints[i + COUNT] = 1;
    this.ints[i + LAST_BYTES] = bytes;
    const d = this.head * DOUBLES;
    this.doubles[d + BASE] = start;
    this.doubles[d + REM] = 0;
    this.doubles[d + UNIT] = 0;
    this.doubles[d + END] = end;
    for (let k = 1; k < this.runs; k++) this.trains[this.slot(k)] = null;
    this.runs = 1;
    this.aim();
  }

  private slot(k: number): number {
    return (this.head + k) & (this.cap - 1);
  }

  private isLast(i: number, j: number): boolean {
    return j === this.ints[i + FIRST]! + this.ints[i + COUNT]! - 1;
  }

  private departureIn(at: number, j: number, isLast: boolean): Instant {
    if (isLast) return this.doubles[at * DOUBLES + END]! as Instant;
    return this.time(at * DOUBLES, j + 1) as Instant;
  }

  private time(d: number, n: number): number {
    const doubles = this.doubles;
    return doubles[d + BASE]! + Math.floor((doubles[d + REM]! + n * doubles[d + UNIT]!) / this.den);
  }

  private grow(): void {
    const from = this.cap;
    const trains = new Array<Train | null>(from * 2).fill(null);
    const ints = new Int32Array(from * 2 * INTS);
    const doubles = new Float64Array(from * 2 * DOUBLES);
    for (let k = 0; k < from; k++) {
      const at = this.slot(k);
      trains[k] = this.trains[at]!;
      ints.set(this.ints.subarray(at * INTS, (at + 1) * INTS), k * INTS);
      doubles.set(this.doubles.subarray(at * DOUBLES, (at + 1) * DOUBLES), k * DOUBLES);
    }
    this.cap = from * 2;
    this.trains = trains;
    this.ints = ints;
    this.doubles = doubles;
    this.head = 0;
  }
}

const INTS = 6;
const FIRST = 0;
const COUNT = 1;
const MARK = 2;
const FATE = 3;
const BYTES = 4;
const LAST_BYTES = 5;

const DOUBLES = 7;
const BASE = 0;
const REM = 1;
const UNIT = 2;
const END = 3;
const OFFSET = 4;
const EXTRA = 5;
const TRANSMISSION = 6;
