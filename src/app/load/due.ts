/**
 * Who is due next: a binary heap of (time, user) for an event loop that serves thousands of users. Equal times come out
 * in order of user, so that the order does not depend on how the heap was filled.
 */
import { NEVER, type Instant } from '../../base/units.ts';

export class DueHeap {
  private readonly times: number[] = [];
  private readonly users: number[] = [];

  /** The earliest time, NEVER when nobody waits. */
  next(): Instant {
    return this.times.length === 0 ? NEVER : (this.times[0] as Instant);
  }

  /** Who is next; −1 when nobody waits. */
  first(): number {
    return this.users.length === 0 ? -1 : this.users[0]!;
  }

  push(at: Instant, user: number): void {
    let i = this.times.length;
    this.times.push(at);
    this.users.push(user);
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!this.before(i, up)) break;
      this.swap(i, up);
      i = up;
    }
  }

  /** Takes the user who is due next, −1 when nobody is due by `now`. */
  pop(now: Instant): number {
    if (this.next() > now || this.times.length === 0) return -1;
    const user = this.users[0]!;
    const last = this.times.length - 1;
    this.swap(0, last);
    this.times.pop();
    this.users.pop();
    for (let i = 0; ;) {
      let least = i;
      const left = 2 * i + 1;
      if (left < last && this.before(left, least)) least = left;
      if (left + 1 < last && this.before(left + 1, least)) least = left + 1;
      if (least === i) return user;
      this.swap(i, least);
      i = least;
    }
  }

  private before(i: number, j: number): boolean {
    const d = this.times[i]! - this.times[j]!;
    return d < 0 || (d === 0 && this.users[i]! < this.users[j]!);
  }

  private swap(i: number, j: number): void {
    const t = this.times[i]!;
    this.times[i] = this.times[j]!;
    this.times[j] = t;
    const u = this.users[i]!;
    this.users[i] = this.users[j]!;
    this.users[j] = u;
  }
}
