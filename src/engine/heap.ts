/**
 * A four-ary heap over columns, ordered by (time, order). Its keys are lower bounds: a timer that was put off keeps its
 * place and is moved when it comes to the top, one that was disarmed is dropped there. Putting a timer off, which TCP does
 * for every ACK, so costs one store.
 *
 * Taking the top leaves a hole there. What is inserted next fills it and sinks from there: an event whose handler schedules
 * the next one costs one pass through the heap, not two.
 */
import { extend, type Slots } from './slots.ts';

export class Heap {
  private readonly slots: Slots;
  private time: Float64Array = new Float64Array(16);
  private order: Float64Array = new Float64Array(16);
  private row: Int32Array = new Int32Array(16);
  private hole = false;
  /** Entries, the hole included. */
  private count = 0;

  constructor(slots: Slots) {
    this.slots = slots;
  }

  /** Rows in the heap, those that are disarmed but not yet dropped included. */
  get size(): number {
    return this.hole ? this.count - 1 : this.count;
  }

  /** Puts a row in, at its due time. */
  insert(row: number): void {
    const t = this.slots.due[row]!;
    const o = this.slots.order[row]!;
    if (this.hole) {
      this.hole = false;
      this.sink(0, row, t, o);
      return;
    }
    if (this.count === this.row.length) this.grow();
    this.rise(this.count++, row, t, o);
  }

  /** A row that is in the heap is due at another time: moves it if that is earlier than its place says. */
  update(row: number): void {
    const i = this.slots.position[row]!;
    const t = this.slots.due[row]!;
    // At an equal time nothing moves: the new order is later than the one it replaces.
    if (t < this.time[i]!) {
      if (this.hole) this.fillHole();
      this.rise(this.slots.position[row]!, row, t, this.slots.order[row]!);
    }
  }

  /** Takes a row out, wherever it is. */
  remove(row: number): void {
    if (this.hole) this.fillHole();
    const i = this.slots.position[row]!;
    this.slots.position[row] = -1;
    const n = --this.count;
    if (i === n) return;
    const r = this.row[n]!;
    const t = this.time[n]!;
    const o = this.order[n]!;
    const parent = (i - 1) >> 2;
    if (i > 0 && before(t, o, this.time[parent]!, this.order[parent]!)) this.rise(i, r, t, o);
    else this.sink(i, r, t, o);
  }

  /**
   * The row that is due first, or −1. Only the top is looked at, and corrected until its key is true: every other true key
   * is later than a lower bound that is later than this one.
   */
  first(): number {
    if (this.hole) this.fillHole();
    const slots = this.slots;
    while (this.count > 0) {
      const row = this.row[0]!;
      const t = slots.due[row]!;
      const o = slots.order[row]!;
      if (t === this.time[0] && o === this.order[0]) return row;
      if (t === Infinity) {
        slots.position[row] = -1;
        this.hole = true;
        this.fillHole();
      } else {
        this.sink(0, row, t, o);
      }
    }
    return -1;
  }

  /** Takes out what `first` gave. */
  takeFirst(): void {
    this.slots.position[this.row[0]!] = -1;
    this.hole = true;
  }

  /** Could anything here come before (t, order)? False is certain; true may be a lower bound that is too low. */
  mayBeBefore(t: number, order: number): boolean {
    if (this.hole) this.fillHole();
    return this.count > 0 && before(this.time[0]!, this.order[0]!, t, order);
  }

  private fillHole(): void {
    this.hole = false;
    const n = --this.count;
    if (n > 0) this.sink(0, this.row[n]!, this.time[n]!, this.order[n]!);
  }

  private rise(i: number, row: number, t: number, o: number): void {
    const { time, order, row: rows } = this;
    const position = this.slots.position;
    while (i > 0) {
      const parent = (i - 1) >> 2;
      if (!before(t, o, time[parent]!, order[parent]!)) break;
      time[i] = time[parent]!;
      order[i] = order[parent]!;
      position[(rows[i] = rows[parent]!)] = i;
      i = parent;
    }
    time[i] = t;
    order[i] = o;
    rows[i] = row;
    position[row] = i;
  }

  private sink(i: number, row: number, t: number, o: number): void {
    const { time, order, row: rows } = this;
    const position = this.slots.position;
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
      const lo = order[least]!;
      if (!before(lt, lo, t, o)) break;
      time[i] = lt;
      order[i] = lo;
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

function before(t: number, o: number, t2: number, o2: number): boolean {
  return t < t2 || (t === t2 && o < o2);
}
