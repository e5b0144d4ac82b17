/** A list of skbs in the order in which they may go, through their own links. */
import type { Skb } from '../skb.ts';

export class SkbList {
  first: Skb | null = null;
  length = 0;
  private last: Skb | null = null;

  push(skb: Skb): void {
    if (this.last === null) this.first = skb;
    else this.last.link = skb;
    this.last = skb;
    skb.link = null;
    this.length++;
  }

  /** In front of all. */
  unshift(skb: Skb): void {
    skb.link = this.first;
    this.first = skb;
    if (this.last === null) this.last = skb;
    this.length++;
  }

  /** Behind all whose `queuedAt` is not later: mostly that is at the end. */
  insert(skb: Skb): void {
    if (this.last === null || this.last.queuedAt <= skb.queuedAt) {
      this.push(skb);
      return;
    }
    if (this.first!.queuedAt > skb.queuedAt) {
      this.unshift(skb);
      return;
    }
    let before = this.first!;
    while (before.link!.queuedAt <= skb.queuedAt) before = before.link!;
    skb.link = before.link;
    before.link = skb;
    this.length++;
  }

  shift(): Skb | null {
    const skb = this.first;
    if (skb === null) return null;
    this.first = skb.link;
    if (this.first === null) this.last = null;
    skb.link = null;
    this.length--;
    return skb;
  }

  each(visit: (skb: Skb) => void): void {
    for (let skb = this.first; skb !== null; skb = skb.link) visit(skb);
  }

  /** The last to go. */
  get end(): Skb | null {
    return this.last;
  }
}
