/**
 * Who of those that wait for one core runs next: EEVDF as in kernel/sched/fair.c of Linux 6.18, with equal weights.
 *
 * An entity is *eligible* while its virtual runtime is not above the average of all on the queue, the running one included
 * (entity_eligible): it has not had more than its share. Of those that are, the one with the earliest *deadline* runs, the
 * virtual time at which its slice will be used up (pick_eevdf). The running one is not interrupted by others before its
 * deadline while it is eligible (RUN_TO_PARITY).
 *
 * *Lag* is how far an entity is behind the average when it leaves, at most two slices or one tick (update_entity_lag); it
 * is placed by it when it comes again, with its own weight counted (place_entity). One that goes to sleep while it is not
 * eligible stays and competes until it is (DELAY_DEQUEUE), and is owed nothing then (DELAY_ZERO).
 *
 * The running entity is not in the heap, but counts. All times are whole ns of CPU time; only differences mean anything.
 */
import { DOUBLE_0 } from '../base/units.ts';

/** What competes: see `Task`. */
export class SchedEntity {
  /** CPU time it is charged for. */
  vruntime: number = DOUBLE_0;
  /** When its slice will be used up. */
  deadline: number = DOUBLE_0;
  /** Up to here nobody takes the core from it while it is eligible (set_protect_slice); set when it is picked. */
  vprot: number = DOUBLE_0;
  /** When it left last: how far behind the average it was; below 0, ahead. */
  vlag: number = DOUBLE_0;
  /** It sleeps, but still competes (sched_delayed). */
  delayed = false;
  /** Place among equal deadlines, and in the heap (−1: not there). */
  order = 0;
  slot = -1;
}

export class CfsRq<E extends SchedEntity> {
  /** Who runs, or is being switched to. */
  curr: E | null = null;
  /** ns that an entity runs before its deadline. */
  private readonly slice: number;
  /** The most that an entity keeps of its lag, ns. */
  private readonly mostLag: number;
  /** By (deadline, order). */
  private readonly heap: E[] = [];
  /** Of the heap's. */
  private sum: number = DOUBLE_0;
  private orders = 0;
  private delayed = 0;
  /** Where the first on an empty queue is placed. */
  private zero: number = DOUBLE_0;
  /** What the running entity has run since it was last charged. */
  private ran: number = DOUBLE_0;

  constructor(slice: number, tick: number) {
    this.slice = slice;
    this.mostLag = Math.max(2 * slice, tick);
  }

  /** Entities in the heap that are awake. */
  get waiting(): number {
    return this.heap.length - this.delayed;
  }

  /** Nobody but the running one is here, asleep or awake. */
  get alone(): boolean {
    return this.heap.length === 0;
  }

  /** avg_vruntime() */
  get average(): number {
    const { curr } = this;
    const n = this.heap.length + (curr === null ? 0 : 1);
    if (n === 0) return this.zero;
    return Math.floor((this.sum + (curr === null ? 0 : curr.vruntime)) / n);
  }

  /** The running entity has run for `ns`; it is charged at the next update. */
  run(ns: number): void {
    this.ran += ns;
  }

  /** ns that the running entity may run before others may take the core from it; below 0: they may already. */
  get protectedFor(): number {
    const curr = this.curr!;
    return curr.vprot - curr.vruntime - this.ran;
  }

  /**
   * update_curr(): charges the running entity with all it has run but the last `later` ns, and gives it a new deadline when
   * the old one is past.
   *
   * @returns whether somebody else should be looked for
   */
  update(later = 0): boolean {
    const curr = this.curr!;
    curr.vruntime += this.ran - later;
    this.ran = later;
    if (curr.vruntime >= curr.deadline) curr.deadline = curr.vruntime + this.slice;
    return this.heap.length > 0 && curr.vruntime >= curr.vprot;
  }

  /** enqueue_entity() of one that has left its queue: placed by its lag, if there is anybody to be ahead of or behind. */
  enqueue(e: E, initial: boolean): void {
    this.place(e);
    // Those who are here are on average half way through theirs (PLACE_DEADLINE_INITIAL).
    e.deadline = e.vruntime + (initial ? this.slice >> 1 : this.slice);
    this.push(e);
  }

  /** A waiting entity moves to this queue: what is left of its slice comes with it (PLACE_REL_DEADLINE). */
  adopt(e: E, from: CfsRq<E>): void {
    from.keepLag(e, from.average);
    from.remove(e);
    const left = e.deadline - e.vruntime;
    this.place(e);
    e.deadline = e.vruntime + left;
    this.push(e);
  }

  /**
   * requeue_delayed_entity(): one that slept here wakes. If it was owed something by now, that is forgotten. As in Linux, what
   * the running entity has run since the last update does not count yet: so a short sleeper finds itself behind it, and
   * pre-empts it.
   */
  requeue(e: E): void {
    e.delayed = false;
    this.delayed--;
    e.vlag = this.average - e.vruntime;
    if (e.vlag <= 0) return;
    this.remove(e);
    e.vlag = 0;
    this.enqueue(e, false);
  }

  /** The running entity goes to sleep, or for good. */
  dequeue(sleeps: boolean): void {
    this.update();
    const curr = this.curr!;
    const { average } = this;
    this.keepLag(curr, average);
    this.curr = null;
    if (sleeps && this.heap.length > 0 && curr.vruntime > average) {
      curr.delayed = true;
      this.delayed++;
      this.push(curr);
    } else this.left(curr);
  }

  /** The running entity has to wait. */
  putPrev(): void {
    this.update();
    const curr = this.curr!;
    this.curr = null;
    this.push(curr);
  }

  /** `e`, which waits, runs from now on. */
  setNext(e: E): void {
    this.remove(e);
    this.curr = e;
    e.vprot = e.deadline;
  }

  /**
   * pick_next_entity(): who should run, perhaps the one that does; null: nobody is there. Those that sleep and have come to
   * be eligible leave for good.
   */
  pick(): E | null {
    for (;;) {
      const best = this.first();
      if (best === null || !best.delayed) return best;
      this.forget(best);
    }
  }

  /** Would `e`, which has come just now, be picked? check_preempt_wakeup_fair() */
  preempts(e: E): boolean {
    this.update();
    return this.first() === e;
  }

  /** pick_eevdf() */
  private first(): E | null {
    const { average } = this;
    let { curr } = this;
    if (curr !== null) {
      if (curr.vruntime > average) curr = null;
      else if (curr.vruntime < curr.vprot) return curr;
    }
    const best = this.earliest(0, average, null);
    return curr !== null && (best === null || curr.deadline < best.deadline) ? curr : best;
  }

  /** One that sleeps and still competes is taken out: it is owed nothing (DELAY_ZERO). */
  forget(e: E): void {
    this.keepLag(e, this.average);
    if (e.vlag > 0) e.vlag = 0;
    this.remove(e);
    this.delayed--;
    e.delayed = false;
    this.left(e);
  }

  /** sched_yield(2): what is left of the slice is forfeited by one that is eligible. */
  yield(): void {
    const curr = this.curr!;
    this.update();
    if (this.heap.length === 0 || curr.vruntime > this.average) return;
    curr.vruntime = curr.deadline;
    curr.deadline += this.slice;
  }

  /** The one with the earliest deadline that waits, is awake, and that `allowed` lets through. */
  firstWhere(allowed: (e: E) => boolean): E | null {
    let best: E | null = null;
    for (const e of this.heap)
      if (!e.delayed && (best === null || before(e, best)) && allowed(e)) best = e;
    return best;
  }

  /** An empty queue goes on where it was (min_vruntime). */
  private left(e: E): void {
    if (e.vruntime > this.zero) this.zero = e.vruntime;
  }

  private place(e: E): void {
    const n = this.heap.length + (this.curr === null ? 0 : 1);
    const lag = n === 0 ? 0 : Math.trunc((e.vlag * (n + 1)) / n);
    e.vruntime = this.average - lag;
  }

  /** update_entity_lag() */
  private keepLag(e: E, average: number): void {
    const lag = average - e.vruntime;
    e.vlag = lag > this.mostLag ? this.mostLag : lag < -this.mostLag ? -this.mostLag : lag;
  }

  /**
   * The eligible entity with the earliest deadline below heap place `i`, if it comes before `best`. Only those are walked
   * over that are not eligible and have an earlier deadline yet, which are few: they were interrupted in mid-slice.
   */
  private earliest(i: number, average: number, best: E | null): E | null {
    const { heap } = this;
    if (i >= heap.length) return best;
    const e = heap[i]!;
    if (best !== null && !before(e, best)) return best;
    if (e.vruntime <= average) return e;
    return this.earliest(2 * i + 2, average, this.earliest(2 * i + 1, average, best));
  }

  private push(e: E): void {
    e.order = this.orders++;
    this.sum += e.vruntime;
    this.up(e, this.heap.length);
  }

  private remove(e: E): void {
    this.sum -= e.vruntime;
    const { heap } = this;
    const last = heap.pop()!;
    const i = e.slot;
    e.slot = -1;
    if (last === e) return;
    if (i > 0 && before(last, heap[(i - 1) >> 1]!)) this.up(last, i);
    else this.down(last, i);
  }

  private up(e: E, i: number): void {
    const { heap } = this;
    while (i > 0) {
      const parent = heap[(i - 1) >> 1]!;
      if (!before(e, parent)) break;
      heap[i] = parent;
      parent.slot = i;
      i = (i - 1) >> 1;
    }
    heap[i] = e;
    e.slot = i;
  }

  private down(e: E, i: number): void {
    const { heap } = this;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, e)) break;
      heap[i] = heap[child]!;
      heap[i]!.slot = i;
      i = child;
    }
    heap[i] = e;
    e.slot = i;
  }
}

/** entity_before(); of equal deadlines the one that came first. */
function before(a: SchedEntity, b: SchedEntity): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
