/**
 * What crosses a wire: a *train* of back-to-back frames, and the *flight* of frames on their way to a receiver.
 *
 * A TSO send is one train of `segs` frames whose arrival times are arithmetic. Loss, corruption and CE are decided per
 * frame when the train is transmitted and cut it into *runs*; every later stage (ring overflow, NAPI budget, GRO) takes
 * a prefix of a run. Nothing is scheduled per frame: a receiver pulls what has arrived when it looks.
 */
import { assert } from './assert.ts';
import type { Instant } from './units.ts';

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
 * Frame j (counted in its train) of a run arrives at `base + floor((rem + (j + 1)·unit) / den)`, the last one at `last`:
 * it may be shorter. `base` is the start of serialisation + delay; `rem` the fraction of a nanosecond carried over from
 * the frame before, in 1/den ns.
 */
export class Flight {
  private cap = 8;
  private head = 0;
  private runs = 0;
  private trains: (Train | null)[] = new Array<Train | null>(8).fill(null);
  private firsts = new Int32Array(8);
  private counts = new Int32Array(8);
  private marks = new Uint8Array(8);
  private bases = new Float64Array(8);
  private rems = new Float64Array(8);
  private units = new Float64Array(8);
  private dens = new Float64Array(8);
  private lasts = new Float64Array(8);
  /** Frames in flight. */
  frames = 0;
  /** Frames that the receiver has taken so far. */
  taken = 0;

  get empty(): boolean {
    return this.runs === 0;
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
    assert(count > 0, 'flight: empty run');
    if (this.runs === this.cap) this.grow();
    const i = (this.head + this.runs) & (this.cap - 1);
    this.trains[i] = train;
    this.firsts[i] = first;
    this.counts[i] = count;
    this.marks[i] = mark;
    this.bases[i] = base;
    this.rems[i] = rem;
    this.units[i] = unit;
    this.dens[i] = den;
    this.lasts[i] = last;
    this.runs++;
    this.frames += count;
  }

  /** Inserts one frame by its arrival, after those that arrive at the same instant: for wires that reorder. */
  insert(train: Train, index: number, mark: number, arrival: Instant): void {
    const m = this.cap - 1;
    let k = this.runs;
    while (k > 0 && this.lasts[(this.head + k - 1) & m]! > arrival) k--;
    if (k < this.runs && this.splitRun(k, arrival)) k++;
    this.push(train, index, 1, mark, 0, 0, 0, 1, arrival);
    this.sink(k);
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
      this.frames--;
      if (count > 1) {
        this.lasts[i] = this.timeOf(i, index - 1);
        this.counts[i] = count - 1;
      } else {
        this.removeRun(k);
      }
      return;
    }
    assert(
      false,
      'flight: takes back a frame that is not there',
      () => `frame ${index}, ${arrival}`,
    );
  }

  /** Arrival of the last frame in flight; −∞ when there is none. */
  lastArrival(): number {
    return this.runs === 0 ? -Infinity : this.lasts[(this.head + this.runs - 1) & (this.cap - 1)]!;
  }

  /** Arrival of the first frame in flight; only when not empty. */
  firstArrival(): Instant {
    return this.arrivalIn(this.head, this.firsts[this.head]!);
  }

  /** Arrival of the n-th frame in flight, n from 1; NEVER when there are fewer. */
  nthArrival(n: number): Instant {
    if (n > this.frames) return Infinity as Instant;
    for (let k = 0, left = n; k < this.runs; k++) {
      const i = (this.head + k) & (this.cap - 1);
      if (left <= this.counts[i]!) return this.arrivalIn(i, this.firsts[i]! + left - 1);
      left -= this.counts[i]!;
    }
    return Infinity as Instant;
  }

  /** How many frames of the head run have arrived by `now` (≤: arrivals at t come before anything a CPU does at t). */
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

  /** Takes `n` frames off the head run. They are the caller's now. */
  take(n: number): void {
    const i = this.head;
    assert(n > 0 && n <= this.counts[i]!, 'flight: takes more than the run holds');
    this.frames -= n;
    this.taken += n;
    if (n === this.counts[i]!) {
      this.trains[i] = null;
      this.head = (i + 1) & (this.cap - 1);
      this.runs--;
      return;
    }
    this.firsts[i] = this.firsts[i]! + n;
    this.counts[i] = this.counts[i]! - n;
  }

  /** Shows every run: its train, and how many frames of it. */
  each(visit: (train: Train, count: number) => void): void {
    for (let k = 0; k < this.runs; k++) {
      const i = (this.head + k) & (this.cap - 1);
      visit(this.trains[i]!, this.counts[i]!);
    }
  }

  /** Moves the first `n` frames of the head run to the end of `to`, with their arrivals. */
  moveHead(n: number, to: Flight): void {
    const i = this.head;
    const first = this.firsts[i]!;
    const last = this.arrivalIn(i, first + n - 1);
    to.push(
      this.trains[i]!,
      first,
      n,
      this.marks[i]!,
      this.bases[i]!,
      this.rems[i]!,
      this.units[i]!,
      this.dens[i]!,
      last,
    );
    this.take(n);
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
    if (n === 0) return false;
    const last = this.lasts[i]! as Instant;
    this.counts[i] = n;
    this.lasts[i] = this.timeOf(i, first + n - 1);
    this.frames -= count - n;
    // push may move the columns: nothing is read from slot i behind it.
    this.push(
      this.trains[i]!,
      first + n,
      count - n,
      this.marks[i]!,
      this.bases[i]!,
      this.rems[i]!,
      this.units[i]!,
      this.dens[i]!,
      last,
    );
    this.sink(k + 1);
    return true;
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

  private grow(): void {
    const from = this.cap;
    const order = new Array<number>(from);
    for (let k = 0; k < from; k++) order[k] = (this.head + k) & (from - 1);
    this.cap = from * 2;
    this.trains = order
      .map((i) => this.trains[i] ?? null)
      .concat(new Array<Train | null>(from).fill(null));
    this.firsts = spread(this.firsts, order, new Int32Array(this.cap));
    this.counts = spread(this.counts, order, new Int32Array(this.cap));
    this.marks = spread(this.marks, order, new Uint8Array(this.cap));
    this.bases = spread(this.bases, order, new Float64Array(this.cap));
    this.rems = spread(this.rems, order, new Float64Array(this.cap));
    this.units = spread(this.units, order, new Float64Array(this.cap));
    this.dens = spread(this.dens, order, new Float64Array(this.cap));
    this.lasts = spread(this.lasts, order, new Float64Array(this.cap));
    this.head = 0;
  }
}

type Column = Int32Array | Float64Array | Uint8Array;

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
