// A receiver as the wire sees one: a ring of N descriptors, an interrupt that waits for rx-usecs or rx-frames, a poll that
// takes frames in batches. Once pull-based, as the kernel's NIC is (it looks at what has arrived when it looks), and once
// naive, with every frame told to it at its arrival. Both share the poll; ring and interrupt each has its own way.
import { Flight, type Ingress, type Train } from '../../src/base/train.ts';
import type { Instant } from '../../src/base/units.ts';
import { CPU, DEVICE, type Engine, type Timer } from '../../src/engine/engine.ts';
import { idOf } from './support.ts';

export interface ReceiverSpec {
  ring: number;
  batch: number;
  irqNs: number;
  frameNs: number;
  unmaskNs: number;
  rxNs: number;
  /** At most `ring`. */
  rxFrames: number;
}

/** What happened: [time, train, frame, mark] of each frame, in order. */
export type Frames = [time: number, train: number, index: number, mark: number][];
export interface ReceiverLog {
  delivered: Frames;
  missed: Frames;
  interrupts: number[];
}

interface Held {
  train: Train;
  index: number;
  mark: number;
  arrival: number;
}

type Phase = 'look' | 'batch' | 'unmask';

abstract class Receiver {
  readonly log: ReceiverLog = { delivered: [], missed: [], interrupts: [] };
  protected readonly engine: Engine;
  protected readonly spec: ReceiverSpec;
  protected readonly held: Held[] = [];
  protected masked = false;
  protected readonly irq: Timer;
  private used = 0;
  private readonly step: Timer;
  private phase: Phase = 'look';
  private taking = 0;

  constructor(engine: Engine, spec: ReceiverSpec, name: string) {
    this.engine = engine;
    this.spec = spec;
    this.irq = engine.timer(
      engine.define(`${name}/irq`, DEVICE, () => this.onIrq()),
      0,
      0,
    );
    this.step = engine.timer(
      engine.define(`${name}/step`, CPU, () => this.onStep()),
      0,
      0,
    );
  }

  /** Brings ring and drops up to now. */
  protected abstract look(): void;
  protected abstract unmasked(): void;
  /** Mutants leave this look out. */
  protected lookBeforeRefill(): void {
    this.look();
  }

  protected arrived(train: Train, index: number, mark: number, arrival: number): void {
    if (this.used === this.spec.ring) {
      this.log.missed.push([arrival, idOf(train), index, mark]);
      train.drop(1);
      return;
    }
    this.used++;
    this.held.push({ train, index, mark, arrival });
  }

  private onIrq(): void {
    this.masked = true;
    this.log.interrupts.push(this.engine.now);
    this.spend(this.spec.irqNs, 'look');
  }

  private onStep(): void {
    if (this.phase === 'look') {
      this.poll();
    } else if (this.phase === 'batch') {
      this.lookBeforeRefill();
      for (const { train, index, mark } of this.held.splice(0, this.taking)) {
        this.log.delivered.push([this.engine.now, idOf(train), index, mark]);
        train.drop(1);
      }
      this.used -= this.taking;
      this.poll();
    } else {
      this.look();
      if (this.held.length > 0) return this.poll();
      this.masked = false;
      this.unmasked();
    }
  }

  private poll(): void {
    this.look();
    this.taking = Math.min(this.spec.batch, this.held.length);
    if (this.taking === 0) this.spend(this.spec.unmaskNs, 'unmask');
    else this.spend(this.taking * this.spec.frameNs, 'batch');
  }

  private spend(ns: number, phase: Phase): void {
    this.phase = phase;
    this.engine.arm(this.step, (this.engine.now + ns) as Instant);
  }
}

/** Looks when it looks: the rules of pulling: before a refill, at arrivals up to now, at a deadline. */
export class PullReceiver extends Receiver implements Ingress {
  readonly flight: Flight;

  constructor(engine: Engine, spec: ReceiverSpec, flight: Flight = new Flight()) {
    super(engine, spec, 'pull');
    this.flight = flight;
  }

  onAppend(_first: Instant): void {
    this.plan();
  }

  onRetimed(): void {
    this.plan();
  }

  /** May be called at any time: extra looks change nothing. */
  sync(): void {
    const flight = this.flight;
    const now = this.engine.now;
    for (let n = flight.arrivedInHead(now); n > 0; n = flight.arrivedInHead(now)) {
      for (let k = 0; k < n; k++) {
        const index = flight.headFirst() + k;
        this.arrived(flight.headTrain(), index, flight.headMark(), flight.headArrival(k));
      }
      flight.take(n);
    }
  }

  protected override look(): void {
    this.sync();
  }

  protected override unmasked(): void {
    this.plan();
  }

  /** The arrival of the n-th frame since the interrupt was unmasked. */
  protected nth(n: number): number {
    const held = this.held[n - 1];
    return held !== undefined ? held.arrival : this.flight.nthArrival(n - this.held.length);
  }

  private plan(): void {
    if (this.masked) return;
    const due = Math.min(this.nth(1) + this.spec.rxNs, this.nth(this.spec.rxFrames));
    this.engine.arm(this.irq, due as Instant);
  }
}

/** Is told of each frame at its arrival. */
export class NaiveReceiver extends Receiver {
  private since = 0;
  private first = 0;

  constructor(engine: Engine, spec: ReceiverSpec) {
    super(engine, spec, 'naive');
  }

  arrive(train: Train, index: number, mark: number): void {
    const now = this.engine.now;
    this.arrived(train, index, mark, now);
    if (this.masked) return;
    this.since++;
    if (this.since === 1) this.first = now;
    const due = this.since >= this.spec.rxFrames ? now : this.first + this.spec.rxNs;
    this.engine.arm(this.irq, Math.min(due, this.engine.deadline(this.irq)) as Instant);
  }

  protected override look(): void {}

  protected override unmasked(): void {
    this.since = 0;
  }
}
