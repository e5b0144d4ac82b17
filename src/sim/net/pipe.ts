/**
 * The wire of a link: serialisation, delay, and the flight of frames to the receiver. Arithmetic, no event.
 *
 * A frame departs when its last bit has left: max(handed over, departure of the frame before) + bytes·8·10⁹/rate ns. That
 * is a fraction of a nanosecond at many rates (1230.4 ns for a full frame at 10 Gbit/s): the remainder is carried on, so
 * that n frames are rounded once and not n times.
 *
 * When the link changes, frames in service and on the wire keep their times; those still waiting are taken back out of the
 * flight and sent anew.
 */
import { InvariantError } from '../../base/assert.ts';
import { type Ingress, MARK_DUPLICATE, type Train } from '../../base/train.ts';
import { type Instant, LAST, START } from '../../base/units.ts';
import { Backlog, type QueuedRun } from './backlog.ts';
import { COPIED, DISPLACED, EARLY, LOST } from './faults.ts';
import type { LinkTap } from './observe.ts';
import { type LinkOptions, byteTime } from './options.ts';

export class Pipe {
  readonly backlog: Backlog = new Backlog();
  tap: LinkTap | null = null;
  /** The wire is free from `free` + `rem`/`den` ns on. */
  free: number = Infinity;
  rem: number = Infinity;
  /** Nanoseconds per byte are num/den. */
  num: number = Infinity;
  den: number = Infinity;
  /** The first arrival among the frames carried since this was set to Infinity. */
  firstArrival: number = Infinity;
  private readonly to: Ingress;
  private delay: number = Infinity;
  private keepsOrder = false;
  /** With jitter that keeps order: nothing arrives before this. */
  private ordered: number = Infinity;

  constructor(to: Ingress, options: LinkOptions) {
    this.to = to;
    // No small integers at first: V8 gives these fields doubles from the start.
    this.free = START;
    this.ordered = START;
    this.set(options);
  }

  /** New options, for the frames carried from now on. */
  set(options: LinkOptions): void {
    const { num, den } = byteTime(options.rate);
    // The fraction of a nanosecond is counted in the old rate's denominator: a new rate starts a new count.
    if (num !== this.num || den !== this.den) this.rem = 0;
    this.num = num;
    this.den = den;
    this.backlog.den = den;
    this.delay = options.delay;
    this.keepsOrder = options.jitter?.keepOrder ?? false;
  }

  /** Something is handed over at `at`: an idle wire starts then. */
  begin(at: number): void {
    if (at > this.free) {
      this.free = at;
      this.rem = 0;
    }
  }

  /**
   * Sends frames [first, first + n) of a train, which share one fate.
   *
   * @param train      null: the frames are lost, and only take their time
   * @param bytes      wire bytes of each frame but the last; `lastBytes` of the last
   * @param extra      ns on top of the delay
   */
  carry(
    train: Train | null,
    first: number,
    n: number,
    mark: number,
    fate: number,
    bytes: number,
    lastBytes: number,
    extra: number,
    transmission: number,
  ): void {
    if (n > 1 && this.keepsOrder) {
      // Each frame waits for the one before it by itself.
      for (let j = 0; j < n; j++) {
        const size = j < n - 1 ? bytes : lastBytes;
        this.carry(train, first + j, 1, mark, fate, size, size, extra, transmission);
      }
      return;
    }
    const { num, den, free } = this;
    const unit = bytes * num;
    const total = this.rem + (n - 1) * unit + lastBytes * num;
    // Exact: below 2^53 the quotient of two integers never rounds up to the next whole number.
    const whole = den === 1 ? total : Math.floor(total / den);
    // Frame j of the train ends (j + 1) units after a base that lies `first` units back.
    const rem = this.rem - first * unit;
    const end = free + whole;
    this.free = end;
    this.rem = total - whole * den;
    const offset = this.offsetOf(fate, extra, end);
    if (!(end + offset <= LAST && total <= Number.MAX_SAFE_INTEGER)) overflow(end + offset);
    this.backlog.push(
      train,
      first,
      n,
      mark,
      fate,
      bytes,
      lastBytes,
      free,
      rem,
      unit,
      end,
      offset,
      extra,
      transmission,
    );
    if (train === null) return;
    this.append(train, first, n, mark, free, rem, unit, end, offset);
    if ((fate & COPIED) !== 0) {
      this.append(train, first, n, mark | MARK_DUPLICATE, free, rem, unit, end, offset);
    }
  }

  /**
   * Takes back all frames whose service has not begun by `now`. The wire is then free when the one in service departs.
   *
   * @returns them, oldest first
   */
  takeBack(now: number): QueuedRun[] {
    const { backlog } = this;
    while (backlog.next <= now) backlog.pop();
    const runs = backlog.runs > 0 ? this.takeBackQueued(now) : [];
    this.ordered = Math.max(0, this.to.flight.lastArrival());
    return runs;
  }

  private takeBackQueued(now: number): QueuedRun[] {
    const { backlog } = this;
    const head = backlog.first(0);
    const serving = backlog.start(0, head) < now ? 1 : 0;
    const runs: QueuedRun[] = [];
    for (let k = 0; k < backlog.runs; k++) {
      const skip = k === 0 ? serving : 0;
      if (backlog.count(k) > skip) runs.push(backlog.copy(k, skip));
    }
    for (let k = backlog.runs - 1; k >= 0; k--) this.retract(k, k === 0 ? serving : 0);
    if (serving === 0) {
      this.free = backlog.start(0, head);
      this.rem = backlog.startFraction(0, head);
      backlog.clear();
      return runs;
    }
    this.free = backlog.departure(0, head);
    if (backlog.count(0) > 1) this.rem = backlog.startFraction(0, head + 1);
    else if (backlog.runs > 1) this.rem = backlog.startFraction(1, backlog.first(1));
    backlog.keepOne();
    return runs;
  }

  private retract(k: number, skip: number): void {
    const { backlog } = this;
    const { train, first, count, mark, fate } = backlog.copy(k, skip);
    if (train === null) return;
    const flight = this.to.flight;
    for (let j = first + count - 1; j >= first; j--) {
      const arrival = (backlog.departure(k, j) + backlog.offset(k)) as Instant;
      if ((fate & COPIED) !== 0) {
        flight.retract(train, j, mark | MARK_DUPLICATE, arrival);
        this.tap?.onRetract?.(train, j, mark | MARK_DUPLICATE, arrival);
      }
      flight.retract(train, j, mark, arrival);
      this.tap?.onRetract?.(train, j, mark, arrival);
    }
  }

  private offsetOf(fate: number, extra: number, end: number): number {
    if ((fate & EARLY) !== 0) return 0;
    const offset = this.delay + extra;
    if (!this.keepsOrder || (fate & (LOST | DISPLACED)) !== 0) return offset;
    if (end + offset > this.ordered) this.ordered = end + offset;
    return this.ordered - end;
  }

  private append(
    train: Train,
    first: number,
    n: number,
    mark: number,
    base: number,
    rem: number,
    unit: number,
    end: number,
    offset: number,
  ): void {
    const flight = this.to.flight;
    const den = this.den;
    const head = n === 1 ? end : base + Math.floor((rem + (first + 1) * unit) / den);
    if (head + offset < this.firstArrival) this.firstArrival = head + offset;
    if (head + offset >= flight.lastArrival()) {
      const last = (end + offset) as Instant;
      flight.push(train, first, n, mark, base + offset, rem, unit, den, last);
    } else {
      for (let j = first; j < first + n; j++) {
        const departure =
          j === first + n - 1 ? end : base + Math.floor((rem + (j + 1) * unit) / den);
        flight.insert(train, j, mark, (departure + offset) as Instant);
      }
    }
    if (this.tap !== null) this.show(this.tap, train, first, n, mark, base, rem, unit, end, offset);
  }

  private show(
    tap: LinkTap,
    train: Train,
    first: number,
    n: number,
    mark: number,
    base: number,
    rem: number,
    unit: number,
    end: number,
    offset: number,
  ): void {
    let start = base as Instant;
    for (let j = first; j < first + n; j++) {
      const last = j === first + n - 1;
      const departure = last ? end : base + Math.floor((rem + (j + 1) * unit) / this.den);
      tap.onFrame(train, j, mark, start, departure as Instant, (departure + offset) as Instant);
      start = departure as Instant;
    }
  }
}

function overflow(t: number): never {
  throw new InvariantError('clock: past 2^53 ns (104 days)', `a frame arrives at ${t}`);
}
