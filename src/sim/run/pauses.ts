/**
 * The faults of machines and processes (`faults:`) as events of a run: who is stopped or taken away, when, and for how long.
 *
 * All of them share one timer. It is given up when nothing else is left to happen: a pause changes nothing in a world at
 * rest, and a run that has come to its end is not to go on until its limit.
 */
import { ln } from '../../base/math.ts';
import type { Keyed } from '../../base/random.ts';
import { NEVER, type Instant } from '../../base/units.ts';
import { DEVICE, type Engine, type Timer } from '../../engine/engine.ts';
import type { Host } from '../../kernel/host.ts';
import type { Process } from '../../kernel/process.ts';
import type { FaultSpec } from '../scenario/types.ts';

/** What a fault does where it happens. */
export interface Victim {
  begin(until: Instant): void;
  end(): void;
}

export function stopped(process: Process): Victim {
  return { begin: () => process.stop(), end: () => process.cont() };
}

/** @param cores null: all */
export function stolen(host: Host, cores: readonly number[] | null): Victim {
  const taken = host.cores.filter((core) => cores === null || cores.includes(core.index));
  return {
    begin(until) {
      for (const core of taken) core.steal(until);
    },
    end() {}, // each core knows when it is back
  };
}

/** The pauses of one entry of `faults:`, one after the other. */
class Series {
  readonly spec: FaultSpec;
  /** When the next one begins, or the present one ends; NEVER when there are no more. */
  next: Instant;
  private readonly index: number;
  private readonly victim: Victim;
  private readonly draws: Keyed;
  private readonly engine: Engine;
  private on = false;
  /** How many have begun. */
  private count = 0;

  constructor(engine: Engine, index: number, spec: FaultSpec, victim: Victim) {
    this.engine = engine;
    this.spec = spec;
    this.index = index;
    this.victim = victim;
    this.draws = engine.random.keyed(`fault/${spec.kind}/${spec.target}`);
    this.next = this.after(0);
  }

  get running(): boolean {
    return this.on;
  }

  /** What is due at `now`. */
  turn(now: Instant): void {
    const { kind, target, forNs } = this.spec;
    const { trace } = this.engine;
    this.on = !this.on;
    if (trace.on) trace.record(now, `fault/${target}`, this.on ? kind : `${kind} over`, {});
    if (this.on) {
      this.count++;
      this.next = (now + forNs) as Instant;
      this.victim.begin(this.next);
    } else {
      this.next = this.after(now);
      this.victim.end();
    }
  }

  /** When the next one begins, seen from the end of the last one. */
  private after(end: number): Instant {
    const { when } = this.spec;
    if (when.kind === 'at') return (when.timesNs[this.count] ?? NEVER) as Instant;
    const from = when.fromNs;
    const t =
      when.kind === 'every'
        ? from + (this.count + 1) * when.everyNs
        : (this.count === 0 ? from : end) + this.gap(when.meanNs);
    return t < when.untilNs ? (t as Instant) : NEVER;
  }

  /** The n-th gap is the same whatever else happens; whole ns. */
  private gap(mean: number): number {
    return Math.floor(-mean * ln(1 - this.draws.at(this.index, this.count)));
  }
}

export class Pauses {
  private readonly engine: Engine;
  private readonly series: Series[] = [];
  private timer: Timer | null = null;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Before the run begins. */
  add(spec: FaultSpec, victim: Victim): void {
    const { engine } = this;
    // Of a device's class: of what is due when a pause begins only what is on the wire still happens.
    this.timer ??= engine.timer(
      engine.define('fault', DEVICE, () => this.onTimer()),
      0,
      0,
    );
    this.series.push(new Series(engine, this.series.length, spec, victim));
    this.arm();
  }

  private onTimer(): void {
    const { now } = this.engine;
    // What has just ended may begin again at once: as often as it takes.
    for (const s of this.series) while (s.next === now) s.turn(now);
    if (this.engine.nextTime() !== NEVER || this.series.some((s) => s.running)) this.arm();
  }

  private arm(): void {
    let next: Instant = NEVER;
    for (const s of this.series) if (s.next < next) next = s.next;
    this.engine.arm(this.timer!, next);
  }
}
