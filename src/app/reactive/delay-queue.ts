/**
 * Tasks in the order in which they are due; those due at the same time in the order they came in
 * (ScheduledThreadPoolExecutor's DelayedWorkQueue). A binary heap in which each task knows its place, so that a cancelled
 * one is taken out at once (setRemoveOnCancelPolicy(true), as Reactor sets it). A thread that sleeps until then already
 * wakes all the same, and sleeps again, as in awaitNanos.
 */
import type { Task } from '../worker.ts';

export interface Delayed {
  readonly task: Task;
  /** ns on the host's clock. */
  readonly due: number;
  /** The order in which they came. */
  readonly order: number;
  /** Its index in the heap; −1: it is not in the queue any more. */
  place: number;
}

export class DelayQueue {
  private readonly heap: Delayed[] = [];
  private arrived = 0;

  get length(): number {
    return this.heap.length;
  }

  /** What is due first; undefined when there is nothing. */
  peek(): Delayed | undefined {
    return this.heap[0];
  }

  put(task: Task, due: number): Delayed {
    const item = { task, due, order: this.arrived++, place: this.heap.length };
    this.heap.push(item);
    this.rise(item);
    return item;
  }

  /** Takes it out, wherever it is. @returns false when it was out already */
  remove(item: Delayed): boolean {
    const place = item.place;
    if (place < 0) return false;
    item.place = -1;
    const last = this.heap.pop()!;
    if (last === item) return true;
    this.set(last, place);
    this.rise(last);
    this.sink(last);
    return true;
  }

  private rise(item: Delayed): void {
    while (item.place > 0) {
      const parent = this.heap[(item.place - 1) >> 1]!;
      if (!isBefore(item, parent)) return;
      this.swap(item, parent);
    }
  }

  private sink(item: Delayed): void {
    for (;;) {
      const left = this.heap[2 * item.place + 1];
      const right = this.heap[2 * item.place + 2];
      if (left === undefined) return;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, item)) return;
      this.swap(child, item);
    }
  }

  private swap(a: Delayed, b: Delayed): void {
    const place = a.place;
    this.set(a, b.place);
    this.set(b, place);
  }

  private set(item: Delayed, place: number): void {
    item.place = place;
    this.heap[place] = item;
  }
}

function isBefore(a: Delayed, b: Delayed): boolean {
  return a.due !== b.due ? a.due < b.due : a.order < b.order;
}
