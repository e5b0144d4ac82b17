/**
 * The total order of events: (time, class, order of scheduling). Two heaps, compared head to head: the hot one holds what
 * happens per packet, the cold one kernel timers, so that ten thousand idle connections do not make the hot one deep.
 *
 * The queue knows no clock and calls nothing; engine.ts does.
 */
import { DOUBLE_0 } from '../base/units.ts';
import { Heap, NONE, SOME, UNSURE } from './heap.ts';
import { COLD_TIMER, HOT_TIMER, ONE_SHOT, Slots } from './slots.ts';

export class EventQueue {
  readonly slots: Slots;
  private readonly hot: Heap;
  private readonly cold: Heap;
  /** Nothing is due before that; what is due first may be due later. It spares whoever asks `noneBefore` most looks at the heaps. */
  protected quietUntil: number = DOUBLE_0;
  /** Most rows that were in both heaps at once: the one being handled and disarmed timers not yet dropped included. */
  peak = 0;

  constructor(slots: Slots = new Slots()) {
    this.slots = slots;
    this.hot = new Heap(slots);
    this.cold = new Heap(slots);
  }

  /** An event that happens once. Returns its row. */
  add(t: number, cls: number, kind: number, a: number, b: number): number {
    const row = this.slots.allocate(kind, a, b, ONE_SHOT);
    this.slots.schedule(row, t, cls);
    if (t < this.quietUntil) this.quietUntil = t;
    if (this.hot.insert(row)) this.notePeak();
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

  /** A row that is its owner's until `release`; disarmed. */
  addTimer(kind: number, a: number, b: number, cold: boolean): number {
    return this.slots.allocate(kind, a, b, cold ? COLD_TIMER : HOT_TIMER);
  }

  /** The timer is due at t. Arming it to the time it is due at already changes nothing, its place among equals included. */
  arm(row: number, t: number, cls: number): void {
    if (this.slots.due[row] === t) return;
    this.slots.schedule(row, t, cls);
    this.place(row);
  }

  /** A timer that has been scheduled anew goes where it belongs. */
  place(row: number): void {
    const { slots } = this;
    const heap = slots.mode[row] === COLD_TIMER ? this.cold : this.hot;
    const t = slots.due[row]!;
    if (t < this.quietUntil) this.quietUntil = t;
    if (slots.position[row]! >= 0) {
      heap.update(row);
    } else if (heap.insert(row)) {
      this.notePeak();
    }
  }

  /** The timer is due never. */
  disarm(row: number): void {
    this.slots.unschedule(row);
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
    if (hot >= 0 && this.slots.due[hot]! < this.cold.bound) return hot;
    const cold = this.cold.first();
    if (hot < 0 || cold < 0) return hot < 0 ? cold : hot;
    const { due, order } = this.slots;
    return this.slots.isBefore(hot, due[cold]!, order[cold]!) ? hot : cold;
  }

  /** Takes out what `first` gave: a timer is disarmed by that, the row of a one-shot event may be used again. */
  take(row: number): void {
    const { slots } = this;
    const mode = slots.mode[row]!;
    (mode === COLD_TIMER ? this.cold : this.hot).takeFirst();
    if (mode === ONE_SHOT) slots.free(row);
    else slots.unschedule(row);
  }

  /** Would an event of that class, scheduled now for t, come before all others? */
  noneBefore(t: number, cls: number): boolean {
    if (t < this.quietUntil) return true;
    const hotBound = this.hot.bound;
    const coldBound = this.cold.bound;
    this.quietUntil = hotBound < coldBound ? hotBound : coldBound;
    const hot = this.hot.anyBefore(t, cls);
    if (hot === SOME) return false;
    const cold = this.cold.anyBefore(t, cls);
    if (hot !== UNSURE && cold !== UNSURE) return cold === NONE;
    // A timer that was put off or disarmed is in the way: now its place is corrected.
    const row = this.first();
    return row < 0 || !this.slots.isDueBy(row, t, cls);
  }

  private notePeak(): void {
    const n = this.hot.count + this.cold.count;
    if (n > this.peak) this.peak = n;
  }
}
