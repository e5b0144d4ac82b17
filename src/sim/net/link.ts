/**
 * One direction of a link: a queue, a wire (pipe.ts) and what can befall a frame on the way (faults.ts).
 *
 * Nothing is scheduled. When the link takes a train it knows when each frame departs and arrives, because nothing that
 * comes later can overtake in the queue; it puts whole runs of frames into the receiver's flight and tells it when the
 * first one arrives.
 *
 * Queue. Without a `limit` the link has none: the sender's device waits for the wire. With one the link takes frames at
 * once and drops at the tail. A frame counts until it has departed, so the one in service counts too, as in netem with
 * `rate` (ns-3's DropTailQueue does not count it: its N is our N + 1); one whose departure is now has gone. A queue of n
 * packets has room while fewer than n are there. A queue of n bytes drops a frame when the backlog before it exceeds n
 * (the rule of the measured transfers' wire; Linux's bfifo counts the frame too), so it holds at most n and one frame;
 * its bytes are wire bytes, overhead included.
 *
 * A frame lost on the wire takes its time there. A copy takes none: it is made behind the wire and arrives right behind
 * the original (netem would queue it).
 *
 * One sender, whose times do not go back. A queue that decides when a frame leaves it is codel-link.ts. Not modelled: shared
 * media, fair queueing.
 */
import { InvariantError } from '../../base/assert.ts';
import type { Lane } from '../../base/hash.ts';
import { QueueMeter } from '../../base/queue-meter.ts';
import type { Random } from '../../base/random.ts';
import { type Ingress, type Train, ipBytes } from '../../base/train.ts';
import { type Instant, NEVER, START } from '../../base/units.ts';
import type { Engine } from '../../engine/engine.ts';
import type { QueuedRun } from './backlog.ts';
import { COPIED, DISPLACED, FATE_MARKS, Faults, LOST } from './faults.ts';
import {
  type DropReason,
  type Feeder,
  LinkCounters,
  type LinkLedger,
  type LinkSender,
  type LinkTap,
} from './observe.ts';
import { type LinkOptions, checkLink, leastLatency } from './options.ts';
import { Pipe } from './pipe.ts';

/** What a running link can be told anew. */
export type LinkChange = Partial<Omit<LinkOptions, 'mtu' | 'overhead' | 'limit' | 'codel' | 'bql'>>;

const NO_QUEUE = 0;
const PACKETS = 1;
const BYTES = 2;

export class Link {
  readonly name: string;
  readonly mtu: number;
  readonly counters: LinkCounters = new LinkCounters();
  /**
   * The queue, the frame in service included, in the unit of the limit; without a limit it stays empty. Call `sync` before
   * you read it.
   */
  readonly queue: QueueMeter;
  /** The router whose port this is; null when a device sends. */
  feeder: Feeder | null = null;
  /** Told when a change of the link moves departures; null: nobody. */
  sender: LinkSender | null = null;
  /** The least time from transmit to arrival, ns; ≥ 1. */
  leastLatency: number = Infinity;

  protected readonly pipe: Pipe;
  private options: LinkOptions;
  private faults: Faults | null;
  private readonly to: Ingress;
  private readonly random: Random;
  private readonly lane: Lane;
  protected readonly overhead: number;
  /** What the queue counts, and how much of it there may be. */
  private readonly unit: typeof NO_QUEUE | typeof PACKETS | typeof BYTES;
  private readonly limit: number;
  /** The last hand-over, and its number. */
  private latest: Instant = NEVER;
  private transmission = -1;
  /** Frames taken so far, whatever became of them. */
  private taken = 0;
  private isDown = false;

  /** @throws ScenarioError when the options are impossible (checkLink) */
  constructor(engine: Engine, name: string, options: LinkOptions, to: Ingress) {
    checkLink(options, ['links', name]);
    this.name = name;
    this.mtu = options.mtu;
    this.options = options;
    this.to = to;
    this.random = engine.random;
    this.lane = engine.lane(`link/${name}`);
    this.pipe = new Pipe(to, options);
    this.faults = Faults.of(name, options, engine.random);
    this.leastLatency = leastLatency(options);
    // No small integer at first: V8 gives the field a double from the start.
    this.latest = START;
    // And the other way round: what was read from a text may be a double that floor() makes a small integer.
    this.overhead = Math.floor(options.overhead);
    const { limit } = options;
    this.unit = limit === null ? NO_QUEUE : limit.unit === 'packets' ? PACKETS : BYTES;
    this.limit = limit === null ? 0 : Math.floor(limit.count);
    const beyond = this.inBytes ? options.mtu + options.overhead : 0;
    const bound = limit === null ? Infinity : limit.count + beyond;
    this.queue = new QueueMeter(`link/${name}/queue`, bound);
  }

  /** Whether it has a queue of its own (`limit`). */
  get hasQueue(): boolean {
    return this.unit !== NO_QUEUE;
  }

  /** Its queue counts bytes and not packets. */
  protected get inBytes(): boolean {
    return this.unit === BYTES;
  }

  get up(): boolean {
    return !this.isDown;
  }

  get tap(): LinkTap | null {
    return this.pipe.tap;
  }
  set tap(tap: LinkTap | null) {
    this.pipe.tap = tap;
  }

  /**
   * Takes a train from the sender, at `at`.
   *
   * @returns when the sender's device is done with it: the departure of its last frame; `at` when the link has a queue
   * @throws InvariantError when a frame is larger than the MTU, or `at` lies before the last call's
   */
  transmit(train: Train, at: Instant): Instant {
    const bytes = ipBytes(train, 0);
    if (bytes > this.mtu) this.fail('a frame is larger than the MTU', bytes);
    return this.handOver(train, 0, train.segs, bytes, 0, at);
  }

  /** Takes frames [first, first + count) as `transmit` does, but drops what is larger than the MTU: for routers. */
  forward(train: Train, first: number, count: number, mark: number, at: Instant): Instant {
    return this.handOver(train, first, count, ipBytes(train, first), mark, at);
  }

  /** @param bytes  at the IP layer, of the first frame, which is as large as any of them */
  private handOver(
    train: Train,
    first: number,
    count: number,
    bytes: number,
    mark: number,
    at: Instant,
  ): Instant {
    if (at < this.latest) this.fail('hand-overs go back in time', at);
    this.latest = at;
    this.transmission++;
    this.settle(at);
    this.counters.offered += count;
    if (this.isDown) return this.refuse(train, first, count, 'down', at);
    if (bytes > this.mtu) return this.refuse(train, first, count, 'mtu', at);
    const n = this.unit === NO_QUEUE ? count : this.admit(train, first, count, at);
    if (n > 0) this.accept(train, first, n, mark, at);
    if (n < count) this.refuse(train, first + n, count - n, 'limit', at);
    return this.unit === NO_QUEUE ? (this.pipe.free as Instant) : at;
  }

  /**
   * What departs by `now` leaves the queue; a router in front hands over first what has reached it. Whoever reads the
   * queue's meter or the counters in mid-run calls this before; it may be called at any time, but not among the events of
   * the wire class.
   */
  sync(now: Instant): void {
    if (this.feeder !== null) this.feeder.sync(now);
    this.settle(now);
  }

  /**
   * Changes the link. Frames in service and on the wire keep their times; those in the queue get new ones, and keep what
   * was drawn for them. Not among the events of the wire class.
   *
   * @throws ScenarioError when the new options are impossible
   */
  reconfigure(change: LinkChange, now: Instant): void {
    this.sync(now);
    const options: LinkOptions = { ...this.options, ...change };
    checkLink(options, ['links', this.name]);
    const queued = this.pipe.takeBack(now);
    this.pipe.set(options);
    if (Faults.differ(this.options, options)) {
      this.faults = Faults.of(this.name, options, this.random);
    }
    this.options = options;
    this.leastLatency = leastLatency(options);
    for (const run of queued) this.carryAgain(run);
    this.recordChange(now, queued.length);
    this.onChange();
    this.to.onRetimed?.();
    if (this.feeder !== null) this.feeder.onLinkChange();
  }

  /** From now on the link is down: the queue, and all that is handed over, is dropped. What is on the wire arrives. */
  takeDown(now: Instant): void {
    this.sync(now);
    this.isDown = true;
    for (const run of this.pipe.takeBack(now)) this.discard(run, now);
    this.dropWaiting(now);
    this.recordChange(now, this.counters.dropDown);
    this.to.onRetimed?.();
  }

  /** The link is up again. */
  bringUp(now: Instant): void {
    this.sync(now);
    this.isDown = false;
  }

  /** Where all frames are; `missing` other than 0 is a bug. */
  ledger(): LinkLedger {
    const c = this.counters;
    const { taken, frames } = this.to.flight;
    const dropped = c.dropLoss + c.dropLimit + c.dropCodel + c.dropDown + c.dropMtu;
    const inFlight = frames + this.waiting;
    return {
      offered: c.offered,
      duplicated: c.duplicated,
      delivered: taken,
      dropped,
      inFlight,
      missing: c.offered + c.duplicated - dropped - taken - inFlight,
    };
  }

  /** Shows every frame that it has, on the wire or waiting, in runs. */
  each(visit: (train: Train, count: number) => void): void {
    this.to.flight.each(visit);
  }

  /** Frames that wait for a decision about when they leave. */
  protected get waiting(): number {
    return 0;
  }

  /** The link has gone down. */
  protected dropWaiting(_at: Instant): void {}

  /** The link has other options. */
  protected onChange(): void {}

  /** All departures up to `now` leave the queue, each at its own time. */
  protected settle(now: Instant): void {
    const { backlog } = this.pipe;
    if (this.unit === NO_QUEUE) {
      backlog.popRuns(now);
      return;
    }
    while (backlog.next <= now) {
      this.queue.leave(backlog.next, this.inBytes ? backlog.firstBytes(0) : 1);
      backlog.pop();
    }
  }

  /** How many of `count` frames find room; they are in the queue then. */
  protected admit(train: Train, first: number, count: number, at: Instant): number {
    const queue = this.queue;
    if (this.unit === PACKETS) {
      const n = Math.min(count, this.limit - queue.depth);
      if (n > 0) queue.enter(at, n);
      return n;
    }
    let n = 0;
    for (; n < count && queue.depth <= this.limit; n++) {
      queue.enter(at, ipBytes(train, first + n) + this.overhead);
    }
    return n;
  }

  /** The frames have found room, at `at`: without a decision to wait for they have their place on the wire. */
  protected accept(train: Train, first: number, n: number, mark: number, at: Instant): void {
    const { overhead, faults } = this;
    const full = train.headerLen + train.segSize + overhead;
    const last = ipBytes(train, first + n - 1) + overhead;
    const bytes = (n - 1) * full + last;
    const pipe = this.pipe;
    pipe.begin(at);
    pipe.firstArrival = Infinity;
    this.record(at, train, first, pipe.free, n, bytes);
    if (faults === null || at < this.options.from || at >= this.options.until) {
      pipe.carry(train, first, n, mark, 0, full, last, 0, this.transmission);
    } else {
      this.takeWithFaults(faults, train, first, n, mark, full, last);
    }
    this.taken += n;
    this.counters.frames += n;
    this.counters.bytes += bytes;
    if (pipe.firstArrival !== Infinity) this.to.onAppend(pipe.firstArrival as Instant);
  }

  /** Finds the fate of each frame, and cuts the train into runs of one fate. */
  private takeWithFaults(
    faults: Faults,
    train: Train,
    first: number,
    n: number,
    mark: number,
    full: number,
    last: number,
  ): void {
    const pipe = this.pipe;
    const end = first + n;
    let run = first;
    let lost = 0;
    for (let j = first; j < end; j++) {
      const fate = faults.fate(train.flow, train.ordinal + j, this.taken + j - first, mark);
      if (fate === 0 && !faults.jitters) continue;
      if (j > run) pipe.carry(train, run, j - run, mark, 0, full, full, 0, this.transmission);
      run = j + 1;
      this.recordFate(train, j, fate);
      const bytes = run < end ? full : last;
      if ((fate & LOST) !== 0) {
        lost++;
        pipe.carry(null, j, 1, mark, fate, bytes, bytes, 0, this.transmission);
        if (pipe.tap !== null) pipe.tap.onDrop(train, j, 'loss', pipe.free as Instant);
      } else {
        const marks = mark | (fate & FATE_MARKS);
        const extra = faults.extraDelay;
        pipe.carry(train, j, 1, marks, fate, bytes, bytes, extra, this.transmission);
      }
    }
    if (run < end) pipe.carry(train, run, end - run, mark, 0, full, last, 0, this.transmission);
    // Only now: with its last frame gone the record goes back to its pool.
    if (lost > 0) train.drop(lost);
  }

  private recordFate(train: Train, j: number, fate: number): void {
    const c = this.counters;
    if ((fate & LOST) !== 0) c.dropLoss++;
    if ((fate & DISPLACED) !== 0) c.reordered++;
    if ((fate & FATE_MARKS) !== 0) c.corrupted++;
    if ((fate & COPIED) !== 0) {
      c.duplicated++;
      train.hold(1);
    }
    if (fate !== 0) this.lane.word((j << 8) | fate);
  }

  /** Frames that never reach the wire. */
  protected refuse(
    train: Train,
    first: number,
    count: number,
    why: Exclude<DropReason, 'loss'>,
    at: Instant,
  ): Instant {
    const c = this.counters;
    if (why === 'limit') c.dropLimit += count;
    else if (why === 'codel') c.dropCodel += count;
    else if (why === 'down') c.dropDown += count;
    else c.dropMtu += count;
    this.record(at, train, first, -count, count, 0);
    if (this.tap !== null) {
      for (let j = first; j < first + count; j++) this.tap.onDrop(train, j, why, at);
    }
    train.drop(count);
    return at;
  }

  private carryAgain(run: QueuedRun): void {
    const { train, first, count, mark, fate, bytes, lastBytes, transmission } = run;
    // A drawn delay below the link's must not turn negative where the new delay is shorter.
    const jitter = this.options.jitter;
    const least = jitter !== null && jitter.distribution === 'uniform' ? 0 - jitter.amount : 0;
    const extra = Math.max(run.extra, least);
    this.pipe.carry(train, first, count, mark, fate, bytes, lastBytes, extra, transmission);
    if (this.sender !== null) this.sender.onRetimed(transmission, this.pipe.free as Instant);
  }

  private discard(run: QueuedRun, now: Instant): void {
    const { train, first, count, fate, bytes, lastBytes, transmission } = run;
    if (this.unit !== NO_QUEUE) {
      this.queue.leave(now, this.inBytes ? (count - 1) * bytes + lastBytes : count);
    }
    if (this.sender !== null) this.sender.onRetimed(transmission, now);
    if (train === null) return;
    this.counters.frames -= count;
    this.counters.bytes -= (count - 1) * bytes + lastBytes;
    this.counters.dropDown += count;
    if (this.tap !== null) {
      for (let j = first; j < first + count; j++) this.tap.onDrop(train, j, 'down', now);
    }
    if ((fate & COPIED) !== 0) {
      this.counters.duplicated -= count;
      train.drop(count);
    }
    train.drop(count);
  }

  // The fingerprint: what was handed over, when, and where it stands on the wire. A train is one entry: the times of its
  // frames follow from the first one's; what befell single frames has entries of its own.

  private record(
    at: Instant,
    train: Train,
    first: number,
    free: number,
    frames: number,
    bytes: number,
  ): void {
    this.lane.entry(
      at,
      (train.wireSeq + first * train.segSize) | 0,
      free,
      train.wireAck | 0,
      (train.flags << 16) ^ train.window,
      (frames << 24) ^ bytes,
    );
  }

  private recordChange(now: Instant, what: number): void {
    this.lane.wide(now);
    this.lane.word(what);
    this.lane.wide(this.pipe.free);
  }

  private fail(law: string, detail: number): never {
    throw new InvariantError(`link: ${law}`, `${this.name}: ${detail}`);
  }
}
