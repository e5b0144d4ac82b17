/**
 * The total order of events: (time, class, order of scheduling). Two heaps, compared head to head: the hot one holds what
 * happens per packet, the cold one kernel timers, so that ten thousand idle connections do not make the hot one deep.
 *
 * The queue knows no clock and calls nothing; engine.ts does.
 */
import { assert } from '../base/assert.ts';
import { Heap } from './heap.ts';
import { COLD_TIMER, HOT_TIMER, ONE_SHOT, Slots } from './slots.ts';

/** At one instant, classes run in this order. Orders of one class are consecutive: class·2^44 + a counter. */
export const CLASS_SPAN = 0x1000_0000_0000;

export class EventQueue {
  readonly slots: Slots;
  private readonly hot: Heap;
  private readonly cold: Heap;
  private counter = 0;
  /** Most rows that were in both heaps at once. */
  peak = 0;

  constructor(slots: Slots = new Slots()) {
    this.slots = slots;
    this.hot = new Heap(slots);
    this.cold = new Heap(slots);
  }

  /** An event that happens once. Returns its row. */
  add(t: number, cls: number, kind: number, a: number, b: number): number {
    const row = this.slots.allocate(kind, a, b, ONE_SHOT);
    this.slots.due[row] = t;
    this.slots.order[row] = this.nextOrder(cls);
    this.hot.insert(row);
    this.count();
    return row;
  }

  /** Takes back an event by its id; false when it has run or was cancelled. */
  cancel(id: number): boolean {
    const row = this.slots.rowOf(id);
    if (row < 0 || this.slots.mode[row] !== ONE_SHOT) return false;
    this.hot.remove(row);
    this.slots.free(row);
    return true;
  }

  /** A row that stays its owner's until `release`; disarmed. */
  addTimer(kind: number, a: number, b: number, cold: boolean): number {
    return this.slots.allocate(kind, a, b, cold ? COLD_TIMER : HOT_TIMER);
  }

  /** The timer is due at t. Arming it to the time it is due at already changes nothing, its place among equals included. */
  arm(row: number, t: number, cls: number): void {
    const slots = this.slots;
    if (slots.due[row] === t) return;
    slots.due[row] = t;
    slots.order[row] = this.nextOrder(cls);
    const heap = slots.mode[row] === COLD_TIMER ? this.cold : this.hot;
    if (slots.position[row]! >= 0) {
      heap.update(row);
    } else {
      heap.insert(row);
      this.count();
    }
  }

  /** The timer is due never. */
  disarm(row: number): void {
    this.slots.due[row] = Infinity;
  }

  /** The timer's row may be used for something else. */
  release(row: number): void {
    if (this.slots.position[row]! >= 0) {
      (this.slots.mode[row] === COLD_TIMER ? this.cold : this.hot).remove(row);
    }
    this.slots.free(row);
  }

  /** The row that is due first, or −1. */
  first(): number {
    const hot = this.hot.first();
    if (hot < 0) return this.cold.first();
    const slots = this.slots;
    const t = slots.due[hot]!;
    const o = slots.order[hot]!;
    if (!this.cold.mayBeBefore(t, o)) return hot;
    const cold = this.cold.first();
    if (cold < 0) return hot;
    const ct = slots.due[cold]!;
    return ct < t || (ct === t && slots.order[cold]! < o) ? cold : hot;
  }

  /** Takes out what `first` gave. A timer is disarmed by that; a one-shot row is still the caller's to free. */
  take(row: number): void {
    this.slots.due[row] = Infinity;
    (this.slots.mode[row] === COLD_TIMER ? this.cold : this.hot).takeFirst();
  }

  /** Would an event of that class, scheduled now for t, come before all others? */
  noneBefore(t: number, cls: number): boolean {
    const order = this.lastOrderOf(cls);
    if (!this.hot.mayBeBefore(t, order) && !this.cold.mayBeBefore(t, order)) return true;
    const row = this.first();
    if (row < 0) return true;
    const due = this.slots.due[row]!;
    return due > t || (due === t && this.slots.order[row]! >= order);
  }

  /** All events of a class that are scheduled already come before this order. */
  protected lastOrderOf(cls: number): number {
    return (cls + 1) * CLASS_SPAN;
  }

  protected nextOrder(cls: number): number {
    const n = this.counter++;
    if (n >= CLASS_SPAN) assert(false, 'engine: more than 2^44 events');
    return cls * CLASS_SPAN + n;
  }

  private count(): void {
    const n = this.hot.size + this.cold.size;
    if (n > this.peak) this.peak = n;
  }
}
