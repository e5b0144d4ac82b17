/**
 * A double-ended queue with insertion and removal in the middle and access by index: the send queue and the out-of-order
 * queue, both sorted by sequence number. It is one ring that grows, until something is put in or taken out so far from both ends
 * that too much of the ring would move. Then it becomes a row of rings of one size, all full but the first and the last (a tiered
 * vector, Goodrich and Kloss 1999), until it is empty: what an insertion pushes out of one ring goes to the front of the
 * next, which costs one exchange for each, so a hole in a window of 80,000 segments costs some hundred exchanges instead of
 * moving half the window.
 */
const TIER_BITS = 8;
const TIER = 1 << TIER_BITS;
const MASK = TIER - 1;

/** TIER items; the k-th of them is at (head + k) mod TIER. */
class Tier<T> {
  readonly items: (T | undefined)[] = new Array<T | undefined>(TIER).fill(undefined);
  head = 0;

  at(k: number): T {
    return this.items[(this.head + k) & MASK]!;
  }
  set(k: number, x: T | undefined): void {
    this.items[(this.head + k) & MASK] = x;
  }
  /** Puts `x` in front, and takes out what was last. */
  turnBack(x: T): T | undefined {
    this.head = (this.head - 1) & MASK;
    const last = this.items[this.head];
    this.items[this.head] = x;
    return last;
  }
  /** Puts `x` at the end, and takes out what was first. */
  turnOn(x: T | undefined): T | undefined {
    const first = this.items[this.head];
    this.items[this.head] = x;
    this.head = (this.head + 1) & MASK;
    return first;
  }
}

export class Deque<T> {
  /** The one ring. */
  private items: (T | undefined)[];
  /** For places in it. */
  private mask: number;
  /** Place of the first item: in the ring, or in the first tier. */
  private head = 0;
  /** The tiers; behind the last item they are empty, and will be used again. */
  private tiers: Tier<T>[] | null = null;
  length = 0;

  /** @param capacity room from the start, a power of two */
  constructor(capacity = 8) {
    this.items = new Array<T | undefined>(capacity).fill(undefined);
    this.mask = capacity - 1;
  }

  /** The i-th item from the front, 0 ≤ i < length. */
  at(i: number): T {
    const k = this.head + i;
    if (this.tiers === null) return this.items[k & this.mask]!;
    return this.tiers[k >>> TIER_BITS]!.at(k & MASK);
  }

  push(x: T): void {
    if (this.tiers === null) {
      if (this.length > this.mask) this.grow();
      this.items[(this.head + this.length) & this.mask] = x;
    } else {
      const k = this.head + this.length;
      this.tierOf(k).set(k & MASK, x);
    }
    this.length++;
  }

  shift(): T {
    this.length--;
    if (this.tiers !== null) return this.shiftTiers(this.tiers[0]!);
    const x = this.items[this.head]!;
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & this.mask;
    return x;
  }

  pop(): T {
    const x = this.at(this.length - 1);
    this.length--;
    if (this.tiers === null) {
      this.items[(this.head + this.length) & this.mask] = undefined;
      return x;
    }
    const k = this.head + this.length;
    this.tierOf(k).set(k & MASK, undefined);
    if (this.length === 0) this.shrink();
    return x;
  }

  /** Puts `x` before the i-th item; i = length appends. */
  insert(i: number, x: T): void {
    this.tierIfFar(i);
    if (this.tiers !== null) this.insertInTiers(i, x);
    else {
      if (this.length > this.mask) this.grow();
      this.insertInRing(i, x);
    }
    this.length++;
  }

  /** Takes the i-th item out. */
  remove(i: number): T {
    const x = this.at(i);
    this.tierIfFar(i);
    if (this.tiers !== null) this.removeFromTiers(i);
    else this.removeFromRing(i);
    this.length--;
    if (this.tiers !== null && this.length === 0) this.shrink();
    return x;
  }

  // ---- One ring: the shorter side moves

  private insertInRing(i: number, x: T): void {
    const m = this.mask;
    if (i < this.length >>> 1) {
      this.head = (this.head - 1) & m;
      for (let k = 0; k < i; k++)
        this.items[(this.head + k) & m] = this.items[(this.head + k + 1) & m];
    } else {
      for (let k = this.length; k > i; k--)
        this.items[(this.head + k) & m] = this.items[(this.head + k - 1) & m];
    }
    this.items[(this.head + i) & m] = x;
  }

  private removeFromRing(i: number): void {
    const m = this.mask;
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
  }

  private grow(): void {
    const n = this.items.length;
    const items = new Array<T | undefined>(n * 2).fill(undefined);
    for (let k = 0; k < n; k++) items[k] = this.items[(this.head + k) & (n - 1)];
    this.items = items;
    this.mask = n * 2 - 1;
    this.head = 0;
  }

  // ---- Tiers

  /** More than a tier would have to move on account of the i-th item: from now on there are tiers. */
  private tierIfFar(i: number): void {
    if (this.tiers !== null || i <= TIER || this.length - i <= TIER) return;
    const tiers: Tier<T>[] = [];
    for (let k = 0; k < this.length; k++) {
      if ((k & MASK) === 0) tiers.push(new Tier<T>());
      tiers[k >>> TIER_BITS]!.set(k & MASK, this.at(k));
    }
    this.tiers = tiers;
    this.items = new Array<T | undefined>(TIER).fill(undefined);
    this.mask = MASK;
    this.head = 0;
  }

  /** The tier of place `k`, made if it does not exist yet. */
  private tierOf(k: number): Tier<T> {
    const tiers = this.tiers!;
    const n = k >>> TIER_BITS;
    if (n === tiers.length) tiers.push(new Tier<T>());
    return tiers[n]!;
  }

  /** The first tier is empty: it becomes the last. */
  private dropFirstTier(first: Tier<T>): void {
    const tiers = this.tiers!;
    tiers.shift();
    first.head = 0;
    tiers.push(first);
  }

  private shrink(): void {
    this.tiers = null;
    this.head = 0;
  }

  private shiftTiers(first: Tier<T>): T {
    const x = first.at(this.head);
    first.set(this.head, undefined);
    this.head++;
    if (this.head === TIER) {
      this.head = 0;
      this.dropFirstTier(first);
    }
    if (this.length === 0) this.shrink();
    return x;
  }

  private insertInTiers(i: number, x: T): void {
    const k = this.head + i;
    const end = this.head + this.length;
    const own = this.tierOf(k);
    const last = end >>> TIER_BITS;
    let n = k >>> TIER_BITS;
    let out: T | undefined = n < last ? own.at(MASK) : undefined;
    for (let j = n < last ? MASK : end & MASK; j > (k & MASK); j--) own.set(j, own.at(j - 1));
    own.set(k & MASK, x);
    while (n < last && out !== undefined) {
      n++;
      out = this.tierOf(n << TIER_BITS).turnBack(out);
    }
  }

  private removeFromTiers(i: number): void {
    const k = this.head + i;
    const end = this.head + this.length - 1;
    const last = end >>> TIER_BITS;
    let n = last;
    let x: T | undefined;
    // What is first in each later tier goes to the end of the one before.
    if (n > k >>> TIER_BITS) {
      const t = this.tiers![n]!;
      x = t.turnOn(undefined);
      while (--n > k >>> TIER_BITS) x = this.tiers![n]!.turnOn(x);
    }
    const own = this.tiers![n]!;
    const stop = n < last ? MASK : end & MASK;
    for (let j = k & MASK; j < stop; j++) own.set(j, own.at(j + 1));
    own.set(stop, x);
  }
}
