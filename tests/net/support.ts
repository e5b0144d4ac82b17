// What the tests of the wire put in place of the kernel: a train that notices misuse, and a sink that takes everything.
import { Flight, type Ingress, type Train } from '../../src/base/train.ts';
import type { Instant } from '../../src/base/units.ts';
import { Engine } from '../../src/engine/engine.ts';
import { LINK_DEFAULTS, type LinkOptions } from '../../src/sim/net/options.ts';

export interface TrainSpec {
  segs: number;
  segSize: number;
  len: number;
  headerLen: number;
  flow: number;
  ordinal: number;
  dst: number;
  tos?: number;
}

/** A train as the kernel's skb: its fields are worthless once all its frames are gone. */
export class TestTrain implements Train {
  readonly id: number;
  segs: number;
  segSize: number;
  len: number;
  headerLen: number;
  flow: number;
  ordinal: number;
  dst: number;
  tos: number;
  wireSeq = 1;
  wireAck = 2;
  flags = 16;
  window = 1000;
  outstanding: number;

  constructor(id: number, spec: Partial<TrainSpec> = {}) {
    this.id = id;
    this.segs = spec.segs ?? 1;
    this.segSize = spec.segSize ?? 1448;
    this.len = spec.len ?? this.segs * this.segSize;
    this.headerLen = spec.headerLen ?? 52;
    this.flow = spec.flow ?? 0;
    this.ordinal = spec.ordinal ?? id;
    this.dst = spec.dst ?? 0;
    this.tos = spec.tos ?? 0;
    this.outstanding = this.segs;
  }

  hold(n: number): void {
    if (this.outstanding <= 0) throw new Error(`train ${this.id}: held after its end`);
    this.outstanding += n;
  }

  drop(n: number): void {
    this.outstanding -= n;
    if (this.outstanding < 0) throw new Error(`train ${this.id}: more frames gone than there were`);
    if (this.outstanding > 0) return;
    this.segs = this.segSize = this.len = this.headerLen = this.flow = this.ordinal = NaN;
    this.dst = this.wireSeq = NaN;
  }
}

export const idOf = (train: Train): number => (train as TestTrain).id;

/** A train of one frame of `ip` bytes at the IP layer. */
export const frame = (id: number, ip: number, spec: Partial<TrainSpec> = {}): TestTrain =>
  new TestTrain(id, { ...spec, segs: 1, segSize: ip - 40, len: ip - 40, headerLen: 40 });

export const options = (o: Partial<LinkOptions>): LinkOptions => ({ ...LINK_DEFAULTS, ...o });

export const newEngine = (seed = '1'): Engine => new Engine({ seed, maxEventsPerInstant: 20_000 });

/** Takes what has arrived when asked. */
export class Sink implements Ingress {
  readonly flight: Flight;
  readonly appended: number[] = [];
  retimed = 0;

  constructor(flight: Flight = new Flight()) {
    this.flight = flight;
  }

  onAppend(first: Instant): void {
    this.appended.push(first);
  }

  onRetimed(): void {
    this.retimed++;
  }

  /** All frames that arrive by `now`, in order. */
  take(now: number = Infinity): { id: number; index: number; mark: number; arrival: number }[] {
    const taken = [];
    const flight = this.flight;
    while (!flight.empty && flight.next <= now) {
      const train = flight.headTrain();
      const arrival = flight.headArrival(0);
      taken.push({ id: idOf(train), index: flight.headFirst(), mark: flight.headMark(), arrival });
      flight.take(1);
      train.drop(1);
    }
    return taken;
  }
}
