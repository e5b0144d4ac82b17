/**
 * First-in-first-out storage that allocates only when it grows, from the first element on: a deque in a power-of-two ring. Most
 * rings of a small world stay empty.
 */

/** Fills `items` up to a length of `n`. A loop: `Array.from` takes ten times as long. */
export function filled<T>(n: number, make: () => T, items: T[] = []): T[] {
  while (items.length < n) items.push(make());
  return items;
}

/** A full ring with twice the room: the oldest, which was at `head`, is first; `make` fills what is new. */
export function doubled<T>(items: readonly T[], head: number, make: () => T): T[] {
  const n = items.length;
  return filled(2 * n, make, [...items.slice(head), ...items.slice(0, head)]);
}

/** What every ring begins with; nothing is ever put into it. To V8 it is of one kind with what takes its place. */
const NO_ROOM = new Array<undefined>(1).fill(undefined).slice(1);

/** A queue whose oldest element is `peek()`. Grows by doubling and never shrinks. */
export class Ring<T> {
  private items: (T | undefined)[] = NO_ROOM;
  private head = 0;
  /** Elements held. */
  length = 0;
  private readonly capacity: number;

  /** @param capacity room for the first elements; rounded up to a power of two */
  constructor(capacity = 8) {
    this.capacity = capacity;
  }

  /** Appends `x` as the youngest. */
  push(x: T): void {
    if (this.length === this.items.length) this.grow();
    this.items[(this.head + this.length) & (this.items.length - 1)] = x;
    this.length++;
  }

  /** Puts `x` back in front, as the oldest. */
  unshift(x: T): void {
    if (this.length === this.items.length) this.grow();
    this.head = (this.head - 1) & (this.items.length - 1);
    this.items[this.head] = x;
    this.length++;
  }

  /** Takes the oldest; undefined when empty. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const x = this.items[this.head];
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & (this.items.length - 1);
    this.length--;
    return x;
  }

  /** Takes the youngest; undefined when empty. */
  pop(): T | undefined {
    if (this.length === 0) return undefined;
    this.length--;
    const i = (this.head + this.length) & (this.items.length - 1);
    const x = this.items[i];
    this.items[i] = undefined;
    return x;
  }

  /** The oldest; undefined when empty. */
  peek(): T | undefined {
    return this.length === 0 ? undefined : this.items[this.head];
  }

  /** The youngest; undefined when empty. */
  last(): T | undefined {
    return this.at(this.length - 1);
  }

  /** The i-th oldest, from 0; undefined when there are fewer. */
  at(i: number): T | undefined {
    if (i < 0 || i >= this.length) return undefined;
    return this.items[(this.head + i) & (this.items.length - 1)];
  }

  /** Shows every element, oldest first. */
  each(visit: (x: T) => void): void {
    for (let i = 0; i < this.length; i++) visit(this.at(i)!);
  }

  clear(): void {
    while (this.length > 0) this.shift();
  }

  private grow(): void {
    if (this.items === NO_ROOM) {
      let n = 1;
      while (n < this.capacity) n *= 2;
      this.items = new Array<T | undefined>(n).fill(undefined);
      return;
    }
    this.items = doubled(this.items, this.head, () => undefined);
    this.head = 0;
  }
}
