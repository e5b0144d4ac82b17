// The naive twin of the wire: an event for each departure and each arrival of each frame, and no arithmetic ahead of time.
// It shares with the real one only what is drawn for a frame (Faults). Serialisation is an exact fraction, in BigInt.
//
// The receiver is pluggable: a `NaiveSink` is told of each frame at its arrival. `intoIngress` makes one of anything that
// a real link can deliver to (the kernel's NIC): its flight then holds a frame only from the instant of its arrival on.
import { type Ingress, MARK_DUPLICATE, type Train, ipBytes } from '../../src/base/train.ts';
import type { Instant } from '../../src/base/units.ts';
import { DEVICE, type Engine, type EventId, type Kind, WIRE } from '../../src/engine/engine.ts';
import { COPIED, DISPLACED, EARLY, FATE_MARKS, Faults, LOST } from '../../src/sim/net/faults.ts';
import type { LinkChange } from '../../src/sim/net/link.ts';
import type { DropReason } from '../../src/sim/net/observe.ts';
import type { LinkOptions } from '../../src/sim/net/options.ts';
import { idOf } from './support.ts';

export interface NaiveSink {
  /** The last bit of frame `index` has arrived, now. */
  arrive(train: Train, index: number, mark: number): void;
}

/** @param afterEach  e.g. a NIC's sync: makes it look at each frame by itself */
export function intoIngress(to: Ingress, engine: Engine, afterEach: () => void): NaiveSink {
  return {
    arrive(train: Train, index: number, mark: number): void {
      to.flight.push(train, index, 1, mark, 0, 0, 0, 1, engine.now);
      to.onAppend(engine.now);
      afterEach();
    },
  };
}

export interface LinkLog {
  /** [start, departure, arrival, train, frame, mark] of all that was delivered or is on its way, sorted. */
  frames: number[][];
  /** [time, train, frame, reason], sorted. */
  drops: [number, number, number, string][];
  /** Σ of the times that frames (or their bytes) spent in the queue, those that left it. */
  sojourn: bigint;
}

interface Waiting {
  train: Train;
  index: number;
  mark: number;
  fate: number;
  extra: number;
  bytes: number;
  entered: number;
}

const NANOS = 8_000_000_000n;

export class NaiveLink {
  readonly log: LinkLog = { frames: [], drops: [], sojourn: 0n };
  private readonly engine: Engine;
  private readonly name: string;
  private options: LinkOptions;
  private faults: Faults;
  private readonly sink: NaiveSink;
  private readonly departureKind: Kind;
  private readonly arrivalKind: Kind;
  /** The first one is in service. */
  private queue: Waiting[] = [];
  private start = 0;
  private departure = 0;
  private arrival = 0;
  private event: EventId | null = null;
  /** Bytes sent since the wire was last idle, at `busySince`. */
  private busyBytes = 0n;
  private busySince = 0;
  /** The latest arrival so far; before the frame in service. */
  private ordered = 0;
  private orderedBefore = 0;
  private taken = 0;
  private down = false;
  private readonly flying: ({ train: Train; index: number; mark: number } | null)[] = [];

  constructor(engine: Engine, name: string, options: LinkOptions, sink: NaiveSink) {
    this.engine = engine;
    this.name = name;
    this.options = options;
    this.sink = sink;
    this.faults = new Faults(name, options, engine.random);
    this.departureKind = engine.define(`${name}/departure`, WIRE, () => this.depart());
    this.arrivalKind = engine.define(`${name}/arrival`, WIRE, (n) => {
      const { train, index, mark } = this.flying[n]!;
      this.flying[n] = null;
      sink.arrive(train, index, mark);
    });
  }

  transmit(train: Train): void {
    this.settle();
    for (let i = 0, n = train.segs; i < n; i++) this.accept(train, i, 0);
  }

  forward(train: Train, index: number, mark: number): void {
    this.settle();
    this.accept(train, index, mark);
  }

  /** What departs now has gone, even if its event comes after that of the hand-over. */
  private settle(): void {
    while (this.queue.length > 0 && this.departure <= this.engine.now) {
      this.engine.cancel(this.event!);
      this.depart();
    }
  }

  private accept(train: Train, index: number, mark: number): void {
    const now = this.engine.now;
    const bytes = ipBytes(train, index) + this.options.overhead;
    if (this.down) return this.drop(train, index, 'down');
    if (ipBytes(train, 0) > this.options.mtu) return this.drop(train, index, 'mtu');
    if (!this.hasRoom()) return this.drop(train, index, 'limit');
    const { from, until } = this.options;
    const place = this.taken++;
    let fate = 0;
    let extra = 0;
    if (now >= from && now < until) {
      fate = this.faults.fate(train.flow, train.ordinal + index, place, mark);
      extra = (fate & LOST) === 0 ? this.faults.extraDelay : 0;
    }
    const marks = mark | (fate & FATE_MARKS);
    this.queue.push({ train, index, mark: marks, fate, extra, bytes, entered: now });
    if (this.queue.length === 1) this.serve();
  }

  reconfigure(change: LinkChange): void {
    const now = this.engine.now;
    const old = this.options;
    this.options = { ...old, ...change };
    if (Faults.differ(old, this.options)) {
      this.faults = new Faults(this.name, this.options, this.engine.random);
    }
    const rateChanged = this.options.rate !== old.rate;
    if (this.queue.length > 0 && this.start === now) {
      this.engine.cancel(this.event!);
      this.busyBytes -= BigInt(this.queue[0]!.bytes);
      this.departure = this.start;
      this.ordered = this.orderedBefore;
      if (rateChanged) this.restartCount(this.start);
      this.serve();
    } else if (rateChanged) {
      this.restartCount(this.departure);
    }
  }

  takeDown(): void {
    const now = this.engine.now;
    this.down = true;
    const serving = this.queue.length > 0 && this.start < now ? 1 : 0;
    if (this.queue.length > 0 && serving === 0) {
      this.engine.cancel(this.event!);
      this.busyBytes -= BigInt(this.queue[0]!.bytes);
      this.departure = this.start;
    }
    for (const w of this.queue.splice(serving)) {
      this.leave(w, now);
      if ((w.fate & LOST) !== 0) this.drop(w.train, w.index, 'loss');
      else this.drop(w.train, w.index, 'down');
    }
  }

  bringUp(): void {
    this.down = false;
  }

  private hasRoom(): boolean {
    const limit = this.options.limit;
    if (limit === null) return true;
    if (limit.unit === 'packets') return this.queue.length < limit.count;
    return this.queue.reduce((sum, w) => sum + w.bytes, 0) <= limit.count;
  }

  /** The service of the frame at the head begins. */
  private serve(): void {
    const w = this.queue[0]!;
    const now = this.engine.now;
    if (now > this.departure) this.restartCount(now);
    this.start = Math.max(now, this.departure);
    this.busyBytes += BigInt(w.bytes);
    this.departure = this.busySince + this.timeOf(this.busyBytes);
    const jitter = this.options.jitter;
    const least = jitter?.distribution === 'uniform' ? 0 - jitter.amount : 0;
    const early = (w.fate & EARLY) !== 0;
    this.arrival = this.departure + (early ? 0 : this.options.delay + Math.max(w.extra, least));
    this.orderedBefore = this.ordered;
    if ((w.fate & (LOST | DISPLACED)) === 0) {
      if (jitter?.keepOrder === true) this.arrival = Math.max(this.ordered, this.arrival);
      this.ordered = Math.max(this.ordered, this.arrival);
    }
    this.event = this.engine.at(this.departure as Instant, this.departureKind, 0, 0);
  }

  private depart(): void {
    const w = this.queue.shift()!;
    this.leave(w, this.departure);
    if ((w.fate & LOST) !== 0) {
      this.drop(w.train, w.index, 'loss', this.departure);
    } else {
      if ((w.fate & COPIED) !== 0) w.train.hold(1);
      this.fly(w, w.mark);
      if ((w.fate & COPIED) !== 0) this.fly(w, w.mark | MARK_DUPLICATE);
    }
    if (this.queue.length > 0) this.serve();
  }

  private fly(w: Waiting, mark: number): void {
    const { train, index } = w;
    const arrival = this.arrival as Instant;
    this.log.frames.push([this.start, this.departure, arrival, idOf(train), index, mark]);
    this.engine.at(arrival, this.arrivalKind, this.flying.push({ train, index, mark }) - 1, 0);
  }

  private leave(w: Waiting, at: number): void {
    const weight = this.options.limit?.unit === 'bytes' ? w.bytes : 1;
    this.log.sojourn += BigInt(at - w.entered) * BigInt(weight);
  }

  private drop(train: Train, index: number, why: DropReason, at: number = this.engine.now): void {
    this.log.drops.push([at, idOf(train), index, why]);
    train.drop(1);
  }

  private restartCount(at: number): void {
    this.busySince = at;
    this.busyBytes = 0n;
  }

  private timeOf(bytes: bigint): number {
    return this.options.rate === Infinity ? 0 : Number((bytes * NANOS) / BigInt(this.options.rate));
  }
}

/** Forwards each frame when it arrives; of those that arrive at one instant, that of the lower port first. */
export class NaiveRouter {
  readonly egress: (NaiveLink | null)[] = [];
  readonly routes: Map<number, number> = new Map<number, number>();
  noRoute = 0;
  private readonly engine: Engine;
  private readonly kind: Kind;
  private arrived: { port: number; train: Train; index: number; mark: number }[] = [];

  constructor(engine: Engine, name: string) {
    this.engine = engine;
    // Behind all departures and arrivals of this instant.
    this.kind = engine.define(name, DEVICE, () => this.forwardAll());
  }

  ingress(port: number): NaiveSink {
    return {
      arrive: (train: Train, index: number, mark: number): void => {
        if (this.arrived.length === 0) this.engine.at(this.engine.now, this.kind, 0, 0);
        this.arrived.push({ port, train, index, mark });
      },
    };
  }

  private forwardAll(): void {
    const now = this.arrived.toSorted((a, b) => a.port - b.port);
    this.arrived = [];
    for (const { train, index, mark } of now) {
      const port = this.routes.get(train.dst);
      const link = port === undefined ? null : (this.egress[port] ?? null);
      if (link !== null) link.forward(train, index, mark);
      else {
        this.noRoute++;
        train.drop(1);
      }
    }
  }
}
