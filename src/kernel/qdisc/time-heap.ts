/** A binary heap by time; what is due at one instant comes in the order in which it went in. */

export interface Timed {
  /** ns; must not change while it is in the heap. */
  due: number;
}

export class TimeHeap<T extends Timed> {
  private readonly items: T[] = [];
  private readonly orders: number[] = [];
  private count = 0;

  get length(): number {
    return this.items.length;
  }

  get first(): T | null {
    return this.items[0] ?? null;
  }

  push(x: T): void {
    let i = this.items.length;
    const order = this.count++;
    this.items.push(x);
    this.orders.push(order);
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (this.items[up]!.due <= x.due) break;
      this.put(i, up);
      i = up;
    }
    this.items[i] = x;
    this.orders[i] = order;
  }

  /** Takes the first out. */
  shift(): T {
    const first = this.items[0]!;
    const x = this.items.pop()!;
    const order = this.orders.pop()!;
    const n = this.items.length;
    if (n === 0) return first;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= n) break;
      if (down + 1 < n && this.before(down + 1, this.items[down]!.due, this.orders[down]!)) down++;
      if (!this.before(down, x.due, order)) break;
      this.put(i, down);
      i = down;
    }
    this.items[i] = x;
    this.orders[i] = order;
    return first;
  }

  private before(i: number, due: number, order: number): boolean {
    const mine = this.items[i]!.due;
    return mine < due || (mine === due && this.orders[i]! < order);
  }

  private put(to: number, from: number): void {
    this.items[to] = this.items[from]!;
    this.orders[to] = this.orders[from]!;
  }
}
