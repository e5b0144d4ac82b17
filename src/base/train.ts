/**
 * What crosses a wire: a *train* of back-to-back frames, and the *flight* of frames on their way to a receiver.
 *
 * A TSO send is one train of `segs` frames whose arrival times are arithmetic. Loss, corruption and CE are decided per
 * frame when the train is transmitted and cut it into *runs*; every later stage (ring overflow, NAPI budget, GRO) takes
 * a prefix of a run. Nothing is scheduled per frame: a receiver pulls what has arrived when it looks.
 */
import { assert, violated } from './assert.ts';
import { DOUBLE_0, type Instant, NEVER } from './units.ts';

/** What a link must know of the packet it carries. kernel/skb.ts is the implementation. */
export interface Train {
  /** Frames in the train, ≥ 1. */
  readonly segs: number;
  /** Payload bytes of every frame but the last. */
  readonly segSize: number;
  /** Payload bytes in all. */
  readonly len: number;
  /** Bytes of IP and TCP header, options included, in each frame. */
  readonly headerLen: number;
  /** The connection, as both ends know it: the same number in every variant of a scenario. */
  readonly flow: number;
  /** The first frame's place among this connection's frames in this direction, from 0. Draws are keyed by it. */
  readonly ordinal: number;
  /** Destination address, for ports (routers). */
  readonly dst: number;
  /** Type of service; the two lowest bits are the ECN field (RFC 3168). */
  readonly tos: number;
  /** Header words for fingerprints and captures: raw, as on the wire. */
  readonly wireSeq: number;
  readonly wireAck: number;
  readonly flags: number;
  readonly window: number;
  /** `n` more frames of this train are somewhere (a link duplicated one). */
  hold(n: number): void;
  /** `n` frames of this train are gone (dropped, or consumed). At zero the record goes back to its pool. */
  drop(n: number): void;
}

/** Bytes of frame `i` of a train at the IP layer. */
export function ipBytes(t: Train, i: number): number {
  return t.headerLen + (i < t.segs - 1 ? t.segSize : t.len - (t.segs - 1) * t.segSize);
}

/** Marks of a run: they hold for each of its frames. */
export const MARK_CORRUPT = 1; // fails its checksum: the receiver drops and counts it
export const MARK_UNDETECTED = 2; // corrupted, but the checksum matches: delivered, and the in-order invariant must notice
export const MARK_CE = 4; // congestion experienced (RFC 3168)
export const MARK_DUPLICATE = 8; // a copy made by the wire

/**
 * Frames between a sender's wire and a receiver, in order of arrival. The link appends, the receiver takes. Columns in
 * growing power-of-two rings: nothing is allocated per frame.
 *
 * A receiver with descriptors accepts a frame when it has arrived and releases it later; meanwhile the frame stays where it is,
 * so that what is held are the first frames here. What finds no descriptor free is cut out: a run of which nothing is left keeps
 * its place, without frames, until what was held before it is released.
 *
 * Frame j (counted in its train) of a run arrives at `base + floor((rem + (j + 1)·unit) / den)`, the last one at `last`:
 * it may be shorter. `base` is the start of serialisation + delay; `rem` the fraction of a nanosecond carried over from
 * the frame before, in 1/den ns. A run of one frame needs `last` alone.
 */
export class Flight {
  private cap = 8;
  private head = 0;
  private runs = 0;
  /** Runs of which nothing is left. */
  private emptied = 0;
  private trains: (Train | null)[] = new Array<Train | null>(8).fill(null);
  private firsts = new Int32Array(8);
  private counts = new Int32Array(8);
  private marks = new Uint8Array(8);
  private bases = doubles(8);
  private rems = doubles(8);
  private units = doubles(8);
  private dens = doubles(8);
  private lasts = doubles(8);
  /** Frames in flight: on their way, or arrived and not yet looked at. */
  frames = 0;
  /** Frames that the receiver has accepted or missed so far. */
  taken = 0;
  /** Frames that it has accepted and not released: they lie before those in flight. */
  held = 0;
  /** Arrival of the first frame in flight; NEVER when there is none. */
  next: Instant = NEVER;
  /** That frame: its run's slot (that of the next run to come, when there is none), and its place in its train. */
  private nextSlot = 0;
  private nextIndex = 0;

  get empty(): boolean {
    return this.frames === 0;
  }

  /** Appends frames [first, first + count) of `train`; arrivals may not go back before those already here. */
  push(
    train: Train,
    first: number,
    count: number,
    mark: number,
    base: number,
    rem: number,
    unit: number,
    den: number,
    last: Instant,
  ): void {
    if (count <= 0) violated('flight: empty run');
    this.reserve(1);
    const i = (this.head + this.runs) & (this.cap - 1);
    this.trains[i] = train;
    this.firsts[i] = first;
    this.counts[i] = count;
    this.marks[i] = mark;
    if (count > 1) {
      this.bases[i] = base;
      this.rems[i] = rem;
      this.units[i] = unit;
      this.dens[i] = den;
    }
    this.lasts[i] = last;
    this.runs++;
    this.frames += count;
    if (this.frames === count) this.aim();
  }

  /** Inserts one frame by its arrival, after those that arrive at the same instant: for wires that reorder. */
  insert(train: Train, index: number, mark: number, arrival: Instant): void {
    this.reserve(2);
    const m = this.cap - 1;
    let k = this.runs;
    while (k > 0 && this.lasts[(this.head + k - 1) & m]! > arrival) k--;
    if (k < this.runs && this.splitRun(k, arrival)) k++;
    this.push(train, index, 1, mark, 0, 0, 0, 1, arrival);
    this.sink(k);
    if (arrival >= this.next) return;
    this.nextSlot = (this.head + k) & (this.cap - 1);
    this.aim();
  }

  /**
   * Takes one frame back whose service has not begun (the link has changed); it must be the last of its run, so go from
   * the last frame to the first.
   */
  retract(train: Train, index: number, mark: number, arrival: Instant): void {
    for (let k = this.runs - 1; k >= 0; k--) {
      const i = (this.head + k) & (this.cap - 1);
      if (this.trains[i] !== train || this.lasts[i] !== arrival || this.marks[i] !== mark) continue;
      const count = this.counts[i]!;
      if (this.firsts[i]! + count - 1 !== index) continue;
      const wasNext = i === this.nextSlot && index === this.nextIndex;
      this.frames--;
      if (count > 1) {
        this.lasts[i] = this.timeOf(i, index - 1);
        this.counts[i] = count - 1;
        // What is left of the run is held.
        if (wasNext) this.nextSlot = (i + 1) & (this.cap - 1);
      } else {
        this.removeRun(k);
      }
      if (wasNext) this.aim();
      return;
    }
    assert(
      false,
      'flight: takes back a frame that is not there',
      () => `frame ${index}, ${arrival}`,
    );
  }

  /** Arrival of the last frame in flight; a time that has been, or −∞, when there is none. */
  lastArrival(): number {
    return this.runs === 0 ? -Infinity : this.lasts[(this.head + this.runs - 1) & (this.cap - 1)]!;
  }

  /** Arrival of the n-th frame, held ones included, n from 1; NEVER when there are fewer. */
  nthArrival(n: number): Instant {
    const frames = this.held + this.frames;
    if (n > frames) return NEVER;
    // Every run is one frame: the n-th of them.
    if (this.emptied === 0 && frames === this.runs)
      return this.lasts[(this.head + n - 1) & (this.cap - 1)]! as Instant;
    for (let k = 0, left = n; k < this.runs; k++) {
      const i = (this.head + k) & (this.cap - 1);
      if (left <= this.counts[i]!) return this.arrivalIn(i, this.firsts[i]! + left - 1);
      left -= this.counts[i]!;
    }
    return NEVER;
  }

  /**
   * How many frames of the head run have arrived by `now` (≤: arrivals at t come before anything a CPU does at t): for a receiver
   * that holds none.
   */
  arrivedInHead(now: Instant): number {
    if (this.runs === 0) return 0;
    const i = this.head;
    const count = this.counts[i]!;
    if (this.lasts[i]! <= now) return count;
    let n = 0;
    while (n < count - 1 && this.arrivalIn(i, this.firsts[i]! + n) <= now) n++;
    return n;
  }

  headTrain(): Train {
    return this.trains[this.head]!;
  }
  /** Index, in its train, of the first frame of the head run. */
  headFirst(): number {
    return this.firsts[this.head]!;
  }
  headMark(): number {
    return this.marks[this.head]!;
  }
  headCount(): number {
    return this.counts[this.head]!;
  }
  /** Arrival of frame k (from 0) of the head run. */
  headArrival(k: number): Instant {
    return this.arrivalIn(this.head, this.firsts[this.head]! + k);
  }

  /** Train of the first frame in flight, and its place there. */
  nextTrain(): Train {
    return this.trains[this.nextSlot]!;
  }
  nextFrame(): number {
    return this.nextIndex;
  }

  /** The receiver has a descriptor for the first frame in flight. */
  accept(): void {
    const i = this.nextSlot;
    this.held++;
    this.frames--;
    this.taken++;
    const index = this.nextIndex + 1;
    if (index < this.firsts[i]! + this.counts[i]!) {
      this.nextIndex = index;
      this.next = this.arrivalIn(i, index);
    } else {
      this.nextSlot = (i + 1) & (this.cap - 1);
      this.aim();
    }
  }

  /** It has none: that frame is the caller's now. */
  miss(): void {
    if (this.nextIndex > this.firsts[this.nextSlot]!) this.cutBeforeNext();
    const i = this.nextSlot;
    this.frames--;
    this.taken++;
    this.firsts[i] = this.nextIndex + 1;
    this.counts[i] = this.counts[i]! - 1;
    if (this.counts[i] === 0) {
      this.trains[i] = null;
      this.emptied++;
      this.nextSlot = (i + 1) & (this.cap - 1);
    }
    this.aim();
  }

  /** `n` held frames of the head run are the caller's now. */
  release(n: number): void {
    const i = this.head;
    const left = this.counts[i]! - n;
    if (n <= 0 || n > this.held || left < 0) violated('flight: releases more than it holds');
    this.held -= n;
    if (left > 0) {
      this.firsts[i] = this.firsts[i]! + n;
      this.counts[i] = left;
      return;
    }
    this.head = (i + 1) & (this.cap - 1);
    this.runs--;
    while (this.emptied > 0 && this.runs > 0 && this.counts[this.head] === 0) {
      this.head = (this.head + 1) & (this.cap - 1);
      this.runs--;
      this.emptied--;
    }
  }

  /** Takes `n` frames off the head run, without holding them. They are the caller's now. */
  take(n: number): void {
    assert(n > 0 && n <= this.counts[this.head]!, 'flight: takes more than the run holds');
    for (let k = 0; k < n; k++) this.accept();
    this.release(n);
  }

  /** Shows every run in flight: its train, and how many frames of it. */
  each(visit: (train: Train, count: number) => void): void {
    for (let left = this.frames, i = this.nextSlot; left > 0; i = (i + 1) & (this.cap - 1)) {
      const before = i === this.nextSlot ? this.nextIndex - this.firsts[i]! : 0;
      visit(this.trains[i]!, this.counts[i]! - before);
      left -= this.counts[i]! - before;
    }
  }

  /** The same of those that are held. */
  eachHeld(visit: (train: Train, count: number) => void): void {
    for (let k = 0; k < this.runs; k++) {
      const i = (this.head + k) & (this.cap - 1);
      const isNext = this.frames > 0 && i === this.nextSlot;
      const count = isNext ? this.nextIndex - this.firsts[i]! : this.counts[i]!;
      if (count > 0) visit(this.trains[i]!, count);
      if (isNext) return;
    }
  }

  /** The first frame in flight is the first one of the run in `nextSlot`, if there is one. */
  private aim(): void {
    if (this.frames === 0) {
      this.next = NEVER;
      return;
    }
    const i = this.nextSlot;
    const first = this.firsts[i]!;
    this.nextIndex = first;
    this.next = (this.counts[i] === 1 ? this.lasts[i]! : this.timeOf(i, first)) as Instant;
  }

  private arrivalIn(i: number, frame: number): Instant {
    if (frame === this.firsts[i]! + this.counts[i]! - 1) return this.lasts[i]! as Instant;
    return this.timeOf(i, frame) as Instant;
  }

  private timeOf(i: number, frame: number): number {
    return (
      this.bases[i]! + Math.floor((this.rems[i]! + (frame + 1) * this.units[i]!) / this.dens[i]!)
    );
  }

  /** Cuts run k behind its frames that arrive by `t`; false when there are none. Its last frame arrives after `t`. */
  private splitRun(k: number, t: Instant): boolean {
    const i = (this.head + k) & (this.cap - 1);
    const first = this.firsts[i]!;
    const count = this.counts[i]!;
    let n = 0;
    while (n < count - 1 && this.timeOf(i, first + n) <= t) n++;
    if (n > 0) this.cut(k, n);
    return n > 0;
  }

  /** What follows the first `n` frames of run k becomes a run of its own, for which there is room. */
  private cut(k: number, n: number): void {
    const i = (this.head + k) & (this.cap - 1);
    const first = this.firsts[i]! + n;
    const count = this.counts[i]! - n;
    const last = this.lasts[i]!;
    this.counts[i] = n;
    this.lasts[i] = this.timeOf(i, first - 1);
    this.push(
      this.trains[i]!,
      first,
      count,
      this.marks[i]!,
      this.bases[i]!,
      this.rems[i]!,
      this.units[i]!,
      this.dens[i]!,
      last as Instant,
    );
    this.frames -= count; // they were in flight before
    this.sink(k + 1);
  }

  /** Some frames of the run of the first frame in flight are held: they become a run of their own. */
  private cutBeforeNext(): void {
    this.reserve(1);
    const i = this.nextSlot;
    this.cut((i - this.head) & (this.cap - 1), this.nextIndex - this.firsts[i]!);
    this.nextSlot = (this.nextSlot + 1) & (this.cap - 1);
  }

  /** Moves the newest run back to place k. */
  private sink(k: number): void {
    const m = this.cap - 1;
    for (let j = this.runs - 1; j > k; j--) this.swap((this.head + j) & m, (this.head + j - 1) & m);
  }

  private removeRun(k: number): void {
    const m = this.cap - 1;
    for (let j = k; j < this.runs - 1; j++) this.swap((this.head + j) & m, (this.head + j + 1) & m);
    this.runs--;
    this.trains[(this.head + this.runs) & m] = null;
  }

  private swap(i: number, j: number): void {
    const t = this.trains[i]!;
    this.trains[i] = this.trains[j]!;
    this.trains[j] = t;
    swapIn(this.firsts, i, j);
    swapIn(this.counts, i, j);
    swapIn(this.marks, i, j);
    swapIn(this.bases, i, j);
    swapIn(this.rems, i, j);
    swapIn(this.units, i, j);
    swapIn(this.dens, i, j);
    swapIn(this.lasts, i, j);
  }

  /** Room for `n` more runs: their places may change. */
  private reserve(n: number): void {
    if (this.runs + n > this.cap) this.makeRoom();
  }

  /** Runs without frames go; if these are few, the columns grow. */
  private makeRoom(): void {
    const order: number[] = [];
    let next = 0;
    for (let k = 0; k < this.runs; k++) {
      const i = (this.head + k) & (this.cap - 1);
      if (i === this.nextSlot) next = order.length;
      if (this.counts[i]! > 0) order.push(i);
    }
    if (2 * order.length > this.cap) this.cap *= 2;
    const { trains, cap } = this;
    this.trains = new Array<Train | null>(cap).fill(null);
    for (let k = 0; k < order.length; k++) this.trains[k] = trains[order[k]!]!;
    this.firsts = spread(this.firsts, order, new Int32Array(cap));
    this.counts = spread(this.counts, order, new Int32Array(cap));
    this.marks = spread(this.marks, order, new Uint8Array(cap));
    this.bases = spread(this.bases, order, doubles(cap));
    this.rems = spread(this.rems, order, doubles(cap));
    this.units = spread(this.units, order, doubles(cap));
    this.dens = spread(this.dens, order, doubles(cap));
    this.lasts = spread(this.lasts, order, doubles(cap));
    this.nextSlot = this.frames === 0 ? order.length : next;
    this.runs = order.length;
    this.emptied = 0;
    this.head = 0;
  }
}

type Column = Int32Array | Uint8Array | number[];

/** An array and no Float64Array, whose memory V8 takes from the system when it is longer than 8: that costs small worlds 3 % of their time. */
const doubles = (n: number): number[] => new Array<number>(n).fill(DOUBLE_0);

function swapIn(c: Column, i: number, j: number): void {
  const x = c[i]!;
  c[i] = c[j]!;
  c[j] = x;
}

function spread<C extends Column>(from: Column, order: readonly number[], into: C): C {
  for (let k = 0; k < order.length; k++) into[k] = from[order[k]!]!;
  return into;
}

/** Whoever a link delivers to: a NIC's receive queue, or the ingress of a port. */
export interface Ingress {
  /** Frames on their way here. The link appends to it, the owner takes what has arrived. */
  readonly flight: Flight;
  /**
   * The link has appended frames, of which the first arrives at `first`. At a wire that reorders, they may lie before
   * frames appended earlier. The owner plans its next look; nothing else is scheduled.
   */
  onAppend(first: Instant): void;
  /** The link has changed: frames in flight were taken back, or have new times. The owner plans its next look afresh. */
  onRetimed?(): void;
}
