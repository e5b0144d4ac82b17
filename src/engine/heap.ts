/**
 * A four-ary heap over columns, ordered by (time, order). Its keys are lower bounds: a timer that was put off keeps its
 * place and is moved when it comes to the top, one that was disarmed is dropped there. Putting a timer off, which TCP does
 * for every ACK, so costs one store. Orders are given once: a row's key is true as long as its order is the row's.
 *
 * Taking the top leaves a hole there. What is inserted next fills it and sinks from there: an event whose handler schedules
 * the next one costs one pass through the heap, not two. Which entry comes next is found when the hole is made, once for all
 * who ask until it is filled.
 *
 * Methods are given rows rather than times: a double that is passed to a function that is not inlined is an allocation.
 */
import { CLASS_SPAN, extend, NO_ORDER, type Slots } from './slots.ts';

/** Answers of `anyBefore`. */
export const NONE = 0;
export const SOME = 1;
export const UNSURE = 2;
export type Answer = typeof NONE | typeof SOME | typeof UNSURE;

export class Heap {
  private readonly slots: Slots;
  /** Behind the last entry: Infinity and NO_ORDER. */
  private time: Float64Array = new Float64Array(16).fill(Infinity);
  private order: Float64Array = new Float64Array(16).fill(NO_ORDER);
  private row: Int32Array = new Int32Array(16);
  /** Where the entry with the least key is: 0, but below the hole while there is one. Behind the last: there is none. */
  private head = 0;
  /** Entries, the hole and rows that are disarmed but not yet dropped included. Only the heap writes it. */
  count = 0;

  constructor(slots: Slots) {
    this.slots = slots;
  }

  /** Nothing here is due before that. */
  get bound(): number {
    return this.time[this.head]!;
  }

  /** Puts a row in, at its due time. @returns whether it took a place of its own, and did not fill the hole */
  insert(row: number): boolean {
    if (this.head > 0) {
      this.sink(row, 0, this.head);
      this.head = 0;
      return false;
    }
    if (this.count === this.row.length) this.grow();
    this.rise(row, this.count++);
    return true;
  }

  /** A row that is in the heap is due at another time: moves it if that is earlier than its place says. */
  update(row: number): void {
    const slots = this.slots;
    // At an equal time nothing moves: the new order is later than the one it replaces.
    if (slots.due[row]! >= this.time[slots.position[row]!]!) return;
    if (this.head > 0) this.fillHole();
    this.rise(row, slots.position[row]!);
  }

  /** Takes a row out, wherever it is. */
  remove(row: number): void {
    if (this.head > 0) this.fillHole();
    const i = this.slots.position[row]!;
    if (i < 0) return; // it was disarmed, and filling the hole has dropped it
    this.slots.position[row] = -1;
    const last = this.takeLast();
    if (last === row) return;
    const parent = (i - 1) >> 2;
    if (i > 0 && this.slots.isBefore(last, this.time[parent]!, this.order[parent]!))
      this.rise(last, i);
    else this.sink(last, i, this.leastChild(i));
  }

  /**
   * The row that is due first, or −1. Only the top is looked at, and corrected until its key is true: what lies below has
   * lower bounds that are later than that.
   */
  first(): number {
    if (this.head > 0) this.fillHole();
    const row = this.row[0]!;
    return this.slots.order[row] === this.order[0] ? row : this.correctFirst();
  }

  private correctFirst(): number {
    const slots = this.slots;
    while (this.count > 0) {
      const row = this.row[0]!;
      if (slots.order[row] === this.order[0]) return row;
      if (slots.due[row] === Infinity) {
        slots.position[row] = -1;
        this.fillHole();
      } else {
        this.sink(row, 0, this.leastChild(0));
      }
    }
    return -1;
  }

  /** Takes out what `first` gave. */
  takeFirst(): void {
    this.slots.position[this.row[0]!] = -1;
    this.head = this.leastChild(0);
  }

  /**
   * Does anything here come before an event of that class that is scheduled now for t? UNSURE when a lower bound does, and
   * the due time may not. Nothing is moved: a hole at the top is still there for what is scheduled next.
   */
  anyBefore(t: number, cls: number): Answer {
    const i = this.head;
    const bound = this.time[i]!;
    if (t < bound || (t === bound && this.order[i]! >= (cls + 1) * CLASS_SPAN)) return NONE;
    return this.slots.order[this.row[i]!] === this.order[i] ? SOME : UNSURE;
  }

  /** Moves the last armed row to the top, and drops disarmed ones on the way. */
  private fillHole(): void {
    this.head = 0;
    const slots = this.slots;
    while (this.count > 1) {
      const row = this.takeLast();
      if (slots.due[row] !== Infinity) {
        this.sink(row, 0, this.leastChild(0));
        return;
      }
      slots.position[row] = -1;
    }
    this.takeLast();
  }

  /** The row in the last place, which there is no longer. */
  private takeLast(): number {
    const i = --this.count;
    this.time[i] = Infinity;
    this.order[i] = NO_ORDER;
    return this.row[i]!;
  }

  /** Where the child of i with the least key is; behind the last entry when it has none. */
  private leastChild(i: number): number {
    const { time, order, count } = this;
    let least = 4 * i + 1;
    if (least >= count) return least;
    const end = least + 4 < count ? least + 4 : count;
    let lt = time[least]!;
    for (let c = least + 1; c < end; c++) {
      const ct = time[c]!;
      if (ct < lt || (ct === lt && order[c]! < order[least]!)) {
        least = c;
        lt = ct;
      }
    }
    return least;
  }

  /** Puts a row, with its true key, at i or above. */
  private rise(row: number, i: number): void {
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

  /** Puts a row, with its true key, at i or below. @param least the least child of i */
  private sink(row: number, i: number, least: number): void {
    const { time, order, row: rows } = this;
    const position = this.slots.position;
    const t = this.slots.due[row]!;
    const o = this.slots.order[row]!;
    while (least < this.count) {
      const lt = time[least]!;
      if (t < lt || (t === lt && o <= order[least]!)) break;
      time[i] = lt;
      order[i] = order[least]!;
      position[(rows[i] = rows[least]!)] = i;
      i = least;
      least = this.leastChild(i);
    }
    time[i] = t;
    order[i] = o;
    rows[i] = row;
    position[row] = i;
  }

  private grow(): void {
    const n = this.row.length * 2;
    this.time = extend(this.time, new Float64Array(n).fill(Infinity));
    this.order = extend(this.order, new Float64Array(n).fill(NO_ORDER));
    this.row = extend(this.row, new Int32Array(n));
  }
}
