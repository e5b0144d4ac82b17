/**
 * A link whose queue decides when a frame leaves it (tc-codel(8)): frames wait here, and the wire takes the next one when it
 * has sent the one before. With byte queue limits it is a device that takes them, some ahead of the wire: how long these still
 * wait there the queue does not see. What is decided then depends on all that came in until then, so times cannot be computed at
 * transmit. They need not be computed in time either: nothing decided at s arrives before s + the link's least latency, so
 * one timer at (next start of service) + that latency is enough, and frames may be handed over late, by a router, as well.
 */
import { ScenarioError } from '../../base/assert.ts';
import { Codel, type CodelQueue } from '../../base/codel.ts';
import { type Ingress, ipBytes, MARK_CE, type Train } from '../../base/train.ts';
import { type Instant, NEVER } from '../../base/units.ts';
import { type Engine, type Timer, WIRE } from '../../engine/engine.ts';
import { Dql, type DqlOptions } from '../../base/dql.ts';
import { Link } from './link.ts';
import type { LinkOptions } from './options.ts';

/** The ECN field of an IP header that may be marked: ECT(0), ECT(1) or CE itself (RFC 3168 §5). */
const ECN_FIELD = 3;

export class CodelLink extends Link implements CodelQueue {
  bytes = 0;
  private readonly engine: Engine;
  private readonly timer: Timer;
  private readonly law: Codel;
  private readonly limits: DqlOptions | null;
  private device: Dql | null;
  // Frames that wait, a ring in columns.
  private trains: (Train | null)[] = new Array<Train | null>(16).fill(null);
  private indexes = new Int32Array(16);
  private marks = new Uint8Array(16);
  private since = new Float64Array(16);
  private head = 0;
  private length = 0;
  // The frame that was taken out last, and when.
  private train: Train | null = null;
  private index = 0;
  private ce = 0;
  private now: Instant = NEVER;

  /** @throws ScenarioError when it has no limit */
  constructor(engine: Engine, name: string, options: LinkOptions, to: Ingress) {
    super(engine, name, options, to);
    if (options.limit === null) {
      const path = ['links', name, 'codel'];
      throw new ScenarioError(
        'CoDel needs a queue',
        path,
        'give the link a limit, e.g. 1000 packets',
      );
    }
    this.engine = engine;
    this.law = new Codel(options.codel!, options.mtu + options.overhead);
    this.limits = options.bql;
    this.device = this.limits === null ? null : new Dql(this.limits);
    const kind = engine.define(`link/${name}/service`, WIRE, () => this.onTimer());
    this.timer = engine.timer(kind, 0, 0);
  }

  protected override get waiting(): number {
    return this.length;
  }

  override each(visit: (train: Train, count: number) => void): void {
    super.each(visit);
    for (let k = 0; k < this.length; k++)
      visit(this.trains[(this.head + k) & (this.trains.length - 1)]!, 1);
  }

  /** They have found room in the queue. */
  protected override accept(
    train: Train,
    first: number,
    n: number,
    mark: number,
    at: Instant,
  ): void {
    for (let j = first; j < first + n; j++) {
      if (this.length === this.trains.length) this.grow();
      const i = (this.head + this.length) & (this.trains.length - 1);
      this.trains[i] = train;
      this.indexes[i] = j;
      this.marks[i] = mark;
      this.since[i] = at;
      this.length++;
      this.bytes += this.sizeOf(train, j);
    }
    this.plan();
  }

  /** The wire has taken all that it takes by `now`, and what has departed has left. */
  protected override settle(now: Instant): void {
    if (this.device !== null) this.settleDevice(this.device, now);
    else for (let s = this.nextService(); s <= now; s = this.nextService()) this.serve(s);
    super.settle(now);
    this.plan();
  }

  protected override dropWaiting(at: Instant): void {
    while (this.dequeue() >= 0) this.dropTaken(at, 'down');
    if (this.device !== null) this.resetDevice();
  }

  protected override onChange(): void {
    this.plan();
  }

  // ---- CodelQueue

  dequeue(): number {
    if (this.length === 0) {
      this.train = null;
      return -1;
    }
    const i = this.head;
    this.train = this.trains[i]!;
    this.index = this.indexes[i]!;
    this.ce = this.marks[i]!;
    this.trains[i] = null;
    this.head = (i + 1) & (this.trains.length - 1);
    this.length--;
    this.bytes -= this.sizeOf(this.train, this.index);
    return this.now - this.since[i]!;
  }

  mark(): boolean {
    if ((this.train!.tos & ECN_FIELD) === 0) return false;
    if ((this.ce & MARK_CE) === 0) this.counters.marked++;
    this.ce |= MARK_CE;
    return true;
  }

  drop(): void {
    this.dropTaken(this.now, 'codel');
  }

  private dropTaken(at: Instant, why: 'codel' | 'down'): void {
    const { train, index } = this;
    this.queue.leave(at, this.inBytes ? this.sizeOf(train!, index) : 1);
    this.refuse(train!, index, 1, why, at);
  }

  /**
   * When the wire, or the device in front of it, takes the next frame; NEVER when none waits. A device that is full says the
   * next time at which it may no longer be.
   */
  private nextService(): Instant {
    if (this.length === 0) return NEVER;
    const since = this.since[this.head]! as Instant;
    if (this.device === null) return Math.max(this.pipe.free, since) as Instant;
    return this.device.avail >= 0 ? since : this.pipe.backlog.next;
  }

  private serve(s: Instant): void {
    if (this.device === null) super.settle(s); // a meter's times do not go back
    this.now = s;
    if (this.law.dequeue(this, s)) {
      if (this.device !== null) this.device.queued(this.sizeOf(this.train!, this.index));
      super.accept(this.train!, this.index, 1, this.ce, s);
    }
    this.train = null;
  }

  // ---- The device. What it has taken and not sent yet is what the wire has not let go: runs of one frame.

  /** What the device has sent is told before what comes in at that time: the interrupt runs the queue. */
  private settleDevice(device: Dql, now: Instant): void {
    for (;;) {
      const sent = this.pipe.backlog.next;
      const s = this.nextService();
      if (Math.min(sent, s) > now) return;
      if (sent <= s) this.complete(device, sent);
      else this.serve(s);
    }
  }

  /** The interrupt for what has left by `at`; a device without moderation has one for each frame. */
  private complete(device: Dql, at: Instant): void {
    const { backlog } = this.pipe;
    let bytes = 0;
    for (let k = 0; k < backlog.runs && backlog.end(k) <= at; k++) bytes += backlog.firstBytes(k);
    super.settle(at);
    device.completed(bytes, at);
    while (device.avail >= 0 && this.length > 0 && this.since[this.head]! <= at) this.serve(at);
  }

  /** The link went down: only the frame in service is left in the device (netdev_tx_reset_queue). */
  private resetDevice(): void {
    const { backlog } = this.pipe;
    this.device = new Dql(this.limits!);
    if (backlog.runs > 0) this.device.queued(backlog.firstBytes(0));
  }

  /** All that came in before this instant is known. */
  private onTimer(): void {
    const decided = (this.engine.now - this.leastLatency) as Instant;
    if (this.feeder !== null) this.feeder.sync(decided);
    this.settle(decided);
  }

  private plan(): void {
    const s = this.nextService();
    this.engine.arm(this.timer, s === NEVER ? NEVER : ((s + this.leastLatency) as Instant));
  }

  private sizeOf(train: Train, index: number): number {
    return ipBytes(train, index) + this.overhead;
  }

  private grow(): void {
    const n = this.trains.length;
    const [trains, indexes, marks, since] = [this.trains, this.indexes, this.marks, this.since];
    this.trains = new Array<Train | null>(2 * n).fill(null);
    this.indexes = new Int32Array(2 * n);
    this.marks = new Uint8Array(2 * n);
    this.since = new Float64Array(2 * n);
    for (let k = 0; k < n; k++) {
      const from = (this.head + k) & (n - 1);
      this.trains[k] = trains[from]!;
      this.indexes[k] = indexes[from]!;
      this.marks[k] = marks[from]!;
      this.since[k] = since[from]!;
    }
    this.head = 0;
  }
}
