/**
 * A double-ended queue on a growing power-of-two ring, with insertion and removal in the middle (the shorter side moves)
 * and access by index: the send queue and the out-of-order queue, which are both sorted by sequence number.
 */
export class Deque<T> {
  private items: (T | undefined)[];
  private head = 0;
  length = 0;

  constructor(capacity = 8) {
    this.items = new Array<T | undefined>(capacity).fill(undefined);
  }

  /** The i-th item from the front, 0 ≤ i < length. */
  at(i: number): T {
    return this.items[(this.head + i) & (this.items.length - 1)]!;
  }

  push(x: T): void {
    if (this.length === this.items.length) this.grow();
    this.items[(this.head + this.length) & (this.items.length - 1)] = x;
    this.length++;
  }

  shift(): T {
    const x = this.items[this.head]!;
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & (this.items.length - 1);
    this.length--;
    return x;
  }

  pop(): T {
    this.length--;
    const i = (this.head + this.length) & (this.items.length - 1);
    const x = this.items[i]!;
    this.items[i] = undefined;
    return x;
  }

  /** Puts `x` before the i-th item; i = length appends. */
  insert(i: number, x: T): void {
    if (this.length === this.items.length) this.grow();
    const m = this.items.length - 1;
    if (i < this.length >>> 1) {
      this.head = (this.head - 1) & m;
      for (let k = 0; k < i; k++)
        this.items[(this.head + k) & m] = this.items[(this.head + k + 1) & m];
    } else {
      for (let k = this.length; k > i; k--)
        this.items[(this.head + k) & m] = this.items[(this.head + k - 1) & m];
    }
    this.items[(this.head + i) & m] = x;
    this.length++;
  }

  /** Takes the i-th item out. */
  remove(i: number): T {
    const m = this.items.length - 1;
    const x = this.items[(this.head + i) & m]!;
    if (i < this.length >>> 1) {
      for (let k = i; k > 0; k--)
        this.items[(this.head + k) & m] = this.items[(this.head + k - 1) & m];
      this.items[this.head] = undefined;
      this.head = (this.head + 1) & m;
    } else {
      for (let k = i; k < this.length - 1; k++)
        this.items[(this.head + k) & m] = this.items[(this.head + k + 1) & m];
      this.items[(this.head + this.length - 1) & m] = undefined;
    }
    this.length--;
    return x;
  }

  private grow(): void {
    const n = this.items.length;
    const items = new Array<T | undefined>(n * 2).fill(undefined);
    for (let k = 0; k < n; k++) items[k] = this.items[(this.head + k) & (n - 1)];
    this.items = items;
    this.head = 0;
  }
}
