/**
 * The runs of frames that a wire has taken and that have not all departed, in order: who still stands in the queue, and
 * which frames get new times when the link changes.
 *
 * A growing power-of-two ring of places that are filled again and again: a run is written once and read once, and a field is
 * written for a third of what an element of a column costs. Frame j (counted in its train) of a run departs at
 * `base + floor((rem + (j + 1)·unit) / den)`, the last one at `end`; its service starts where that of frame j − 1 ends.
 */
import { doubled, filled } from '../../base/ring.ts';
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

/** A run that waits, and then the next one that takes its place. */
class Place {
  train: Train | null = null;
  first = 0;
  count = 0;
  mark = 0;
  fate = 0;
  bytes = 0;
  lastBytes = 0;
  transmission = 0;
  // Doubles from the start: a field that has only seen small integers is converted on each way in and out.
  base: number = NEVER;
  rem: number = NEVER;
  unit: number = NEVER;
  end: number = NEVER;
  offset: number = NEVER;
  extra: number = NEVER;

  /** Is frame j the last one? */
  endsWith(j: number): boolean {
    return j === this.first + this.count - 1;
  }

  /** When the service of frame j starts, and that of frame j − 1 ends. */
  start(j: number, den: number): number {
    return this.base + Math.floor((this.rem + j * this.unit) / den);
  }

  departure(j: number, den: number): number {
    return this.endsWith(j) ? this.end : this.start(j + 1, den);
  }
}

export class Backlog {
  runs = 0;
  /** When the first frame departs; NEVER: there is none. */
  next: Instant = NEVER;
  /** In what parts of a nanosecond the runs count, but for one that `keepOne` has left; the pipe says it before the first. */
  den: number = Infinity;
  private head = 0;
  private places: Place[] = filled(8, () => new Place());

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
    if (this.runs === this.places.length) this.grow();
    const p = this.run(this.runs);
    p.train = train;
    p.first = first;
    p.count = count;
    p.mark = mark;
    p.fate = fate;
    p.bytes = bytes;
    p.lastBytes = lastBytes;
    p.transmission = transmission;
    p.base = base;
    p.rem = rem;
    p.unit = unit;
    p.end = end;
    p.offset = offset;
    p.extra = extra;
    if (this.runs++ === 0) this.aim();
  }

  // Runs are counted from the oldest: k = 0.

  first(k: number): number {
    return this.run(k).first;
  }
  count(k: number): number {
    return this.run(k).count;
  }
  /** Departure of the last frame of run k. */
  end(k: number): number {
    return this.run(k).end;
  }
  /** Wire bytes of the first frame of run k. */
  firstBytes(k: number): number {
    const { bytes, lastBytes, count } = this.run(k);
    return count === 1 ? lastBytes : bytes;
  }
  /** From a frame's departure to its arrival. */
  offset(k: number): number {
    return this.run(k).offset;
  }

  /** When frame j of run k departs. */
  departure(k: number, j: number): number {
    return this.run(k).departure(j, this.den);
  }

  /** When the service of frame j of run k starts. */
  start(k: number, j: number): number {
    return this.run(k).start(j, this.den);
  }

  /** The fraction by which that service starts later, in 1/den ns. */
  startFraction(k: number, j: number): number {
    const { den } = this;
    const { rem, unit } = this.run(k);
    const x = rem + j * unit;
    return x - Math.floor(x / den) * den;
  }

  /** The first frame has departed. */
  pop(): void {
    const p = this.run(0);
    if (p.count === 1) {
      this.popRun();
      return;
    }
    p.first++;
    p.count--;
    this.aim();
  }

  /** All runs of which the last frame has departed by `now` go. */
  popRuns(now: number): void {
    while (this.runs > 0 && this.end(0) <= now) this.popRun();
  }

  private popRun(): void {
    this.head = (this.head + 1) & (this.places.length - 1);
    this.runs--;
    this.aim();
  }

  private aim(): void {
    if (this.runs === 0) {
      this.next = NEVER;
      return;
    }
    const p = this.run(0);
    this.next = p.departure(p.first, this.den) as Instant;
  }

  /** Run k without its first `skip` frames. */
  copy(k: number, skip: number): QueuedRun {
    const { train, first, count, mark, fate, bytes, lastBytes, extra, transmission } = this.run(k);
    return {
      train,
      first: first + skip,
      count: count - skip,
      mark,
      fate,
      bytes,
      lastBytes,
      extra,
      transmission,
    };
  }

  clear(): void {
    for (const place of this.places) place.train = null;
    this.runs = 0;
    this.aim();
  }

  /** Only the very first frame stays: the one in service. Its times no longer depend on `den`. */
  keepOne(): void {
    const p = this.run(0);
    const start = p.start(p.first, this.den);
    p.end = p.departure(p.first, this.den);
    p.lastBytes = this.firstBytes(0);
    p.count = 1;
    p.base = start;
    p.rem = 0;
    p.unit = 0;
    for (let k = 1; k < this.runs; k++) this.run(k).train = null;
    this.runs = 1;
    this.aim();
  }

  private run(k: number): Place {
    return this.places[(this.head + k) & (this.places.length - 1)]!;
  }

  private grow(): void {
    this.places = doubled(this.places, this.head, () => new Place());
    this.head = 0;
  }
}
