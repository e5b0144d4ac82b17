/**
 * A four-ary heap over columns, ordered by (time, order). Its keys are lower bounds: a timer that was put off keeps its
 * place and is moved when it comes to the top, one that was disarmed is dropped there. Putting a timer off, which TCP does
 * for every ACK, so costs one store.
 *
 * Taking the top leaves a hole there. What is inserted next fills it and sinks from there: an event whose handler schedules
 * the next one costs one pass through the heap, not two.
 *
 * Methods are given rows rather than times: a double that is passed to a function that is not inlined is an allocation.
 */
import { CLASS_SPAN, extend, type Slots } from './slots.ts';

/** Answers of `anyBefore`. */
export const NONE = 0;
export const SOME = 1;
export const UNSURE = 2;
export type Answer = typeof NONE | typeof SOME | typeof UNSURE;

export class Heap {
  private readonly slots: Slots;
  private time: Float64Array = new Float64Array(16);
  private order: Float64Array = new Float64Array(16);
  private row: Int32Array = new Int32Array(16);
  private hole = false;
  /** Entries, the hole and rows that are disarmed but not yet dropped included. Only the heap writes it. */
  count = 0;

  constructor(slots: Slots) {
    this.slots = slots;
  }

  /** Puts a row in, at its due time. @returns whether it took a place of its own, and did not fill the hole */
  insert(row: number): boolean {
    if (this.hole) {
      this.hole = false;
      this.sink(0, row);
      return false;
    }
    if (this.count === this.row.length) this.grow();
    this.rise(this.count++, row);
    return true;
  }

  /** A row that is in the heap is due at another time: moves it if that is earlier than its place says. */
  update(row: number): void {
    const slots = this.slots;
    // At an equal time nothing moves: the new order is later than the one it replaces.
    if (slots.due[row]! >= this.time[slots.position[row]!]!) return;
    if (this.hole) this.fillHole();
    this.rise(slots.position[row]!, row);
  }

  /** Takes a row out, wherever it is. */
  remove(row: number): void {
    if (this.hole) this.fillHole();
    const i = this.slots.position[row]!;
    if (i < 0) return; // it was disarmed, and filling the hole has dropped it
    this.slots.position[row] = -1;
    const last = this.row[--this.count]!;
    if (last === row) return;
    const parent = (i - 1) >> 2;
    if (i > 0 && this.slots.isBefore(last, this.time[parent]!, this.order[parent]!))
      this.rise(i, last);
    else this.sink(i, last);
  }

  /**
   * The row that is due first, or −1. Only the top is looked at, and corrected until its key is true: what lies below has
   * lower bounds that are later than that.
   */
  first(): number {
    if (this.hole) this.fillHole();
    const slots = this.slots;
    while (this.count > 0) {
      const row = this.row[0]!;
      const t = slots.due[row]!;
      if (t === Infinity) {
        slots.position[row] = -1;
        this.fillHole();
      } else if (t === this.time[0] && slots.order[row] === this.order[0]) {
        return row;
      } else {
        this.sink(0, row);
      }
    }
    return -1;
  }

  /** Takes out what `first` gave. */
  takeFirst(): void {
    this.slots.position[this.row[0]!] = -1;
    this.hole = true;
  }

  /** Could anything here come before a row of the other heap? False is certain. */
  mayPrecede(row: number): boolean {
    if (this.hole) this.fillHole();
    return this.count > 0 && !this.slots.isBefore(row, this.time[0]!, this.order[0]!);
  }

  /**
   * Does anything here come before an event of that class that is scheduled now for t? UNSURE when a lower bound does, and
   * the due time may not. Nothing is moved: a hole at the top is still there for what is scheduled next.
   */
  anyBefore(t: number, cls: number): Answer {
    if (!this.hole) return this.count === 0 ? NONE : this.isEntryBefore(0, t, cls);
    const end = this.count < 5 ? this.count : 5;
    for (let i = 1; i < end; i++) {
      if (this.time[i]! > t) continue; // most of them: spares the call
      const answer = this.isEntryBefore(i, t, cls);
      if (answer !== NONE) return answer;
    }
    return NONE;
  }

  private isEntryBefore(i: number, t: number, cls: number): Answer {
    const bound = this.time[i]!;
    if (bound > t || (bound === t && this.order[i]! >= (cls + 1) * CLASS_SPAN)) return NONE;
    const row = this.row[i]!;
    return this.slots.due[row] === bound && this.slots.order[row] === this.order[i] ? SOME : UNSURE;
  }

  /** Moves the last armed row to the top, and drops disarmed ones on the way. */
  private fillHole(): void {
    this.hole = false;
    const slots = this.slots;
    while (--this.count > 0) {
      const row = this.row[this.count]!;
      if (slots.due[row] !== Infinity) {
        this.sink(0, row);
        return;
      }
      slots.position[row] = -1;
    }
  }

  /** Puts a row, with its true key, at i or above. */
  private rise(i: number, row: number): void {
    const { time, order, row: rows } = this;
    const position = this.slots.position;
    const t = this.slots.due[row]!;
    const o = this.slots.order[row]!;
    while (i > 0) {
      const parent = (i - 1) >> 2;
      const pt = time[parent]!;
      if (pt < t || (pt === t && order[parent]! < o)) break;
      time[i] = pt;
      order[i] = order[parent]!;
      position[(rows[i] = rows[parent]!)] = i;
      i = parent;
    }
    time[i] = t;
    order[i] = o;
    rows[i] = row;
    position[row] = i;
  }

  /** Puts a row, with its true key, at i or below. */
  private sink(i: number, row: number): void {
    const { time, order, row: rows } = this;
    const position = this.slots.position;
    const t = this.slots.due[row]!;
    const o = this.slots.order[row]!;
    const n = this.count;
    for (;;) {
      const first = 4 * i + 1;
      if (first >= n) break;
      const end = first + 4 < n ? first + 4 : n;
      let least = first;
      let lt = time[first]!;
      for (let c = first + 1; c < end; c++) {
        const ct = time[c]!;
        if (ct < lt || (ct === lt && order[c]! < order[least]!)) {
          least = c;
          lt = ct;
        }
      }
      if (t < lt || (t === lt && o <= order[least]!)) break;
      time[i] = lt;
      order[i] = order[least]!;
      position[(rows[i] = rows[least]!)] = i;
      i = least;
    }
    time[i] = t;
    order[i] = o;
    rows[i] = row;
    position[row] = i;
  }

  private grow(): void {
    const n = this.row.length * 2;
    this.time = extend(this.time, new Float64Array(n));
    this.order = extend(this.order, new Float64Array(n));
    this.row = extend(this.row, new Int32Array(n));
  }
}
