/** Flows in the order of their turns, first in, first out, through their own links: a flow is on one list at most. */

export interface Listed<F> {
  /** The next one on its list. */
  behind: F | null;
}

export class FlowList<F extends Listed<F>> {
  first: F | null = null;
  private last: F | null = null;

  push(f: F): void {
    if (this.last === null) this.first = f;
    else this.last.behind = f;
    this.last = f;
    f.behind = null;
  }

  /** Takes the first out; there is one. */
  shift(): F {
    const f = this.first!;
    this.first = f.behind;
    if (this.first === null) this.last = null;
    return f;
  }
}
