/**
 * Interrupt vectors: which core a device interrupts (smp_affinity), and what its handler does there. A raised line stays
 * raised until its handler has run; raising it meanwhile adds nothing. Entry, handler and exit are one step.
 */
import type { Backlog } from './backlog.ts';
import type { Core, StepSource } from './cpu.ts';

export interface IrqHandler {
  /** What the handler does itself, ns, beside entry and exit; left out: it only masks and schedules. */
  readonly topHalfNs?: number;
  /** The top half, at the end of its step. */
  onIrq(core: Core): void;
}

export class IrqLine implements StepSource {
  readonly name: string;
  /** Where it is delivered. */
  core: Core;
  /** How often it was taken. */
  count = 0;
  private raised = false;
  private readonly handler: IrqHandler;
  private readonly topHalfNs: number;

  constructor(name: string, core: Core, handler: IrqHandler) {
    this.name = name;
    this.core = core;
    this.handler = handler;
    this.topHalfNs = handler.topHalfNs ?? 0;
  }

  /** In the tail of an event handler: the core may take it at once. */
  raise(): void {
    if (this.raised) return;
    this.raised = true;
    this.core.takeIrq(this);
  }

  /** Counts and traces one that was taken. */
  taken(core: Core): void {
    this.count++;
    const { counters, engine } = core.host;
    counters.interrupts++;
    if (engine.trace.on) engine.trace.record(engine.now, core.lane, 'irq', { line: this.name });
  }

  next(core: Core): number {
    return this.raised ? core.host.costs.irq + this.topHalfNs : -1;
  }

  effect(core: Core): void {
    this.raised = false;
    this.taken(core);
    this.handler.onIrq(core);
  }
}

/** The interrupt by which one core has another poll its backlog (rps_trigger_softirq). One per host serves all cores. */
export class RpsIpi implements StepSource {
  private readonly owed: Int32Array;
  constructor(cores: number) {
    this.owed = new Int32Array(cores);
  }
  send({ core }: Backlog): void {
    this.owed[core.index]!++;
    core.raiseIrq(this);
  }
  next(core: Core): number {
    return this.owed[core.index]! > 0 ? core.host.costs.ipi : -1;
  }
  effect(core: Core): void {
    this.owed[core.index]!--;
    const { counters } = core.host;
    counters.interrupts++;
    counters.received_rps++;
    core.softirq.napiAdd(core.softirq.backlog);
  }
}

/** The interrupt by which one core makes another look at its run queue (RESCHEDULE_VECTOR). One per host serves all cores. */
export class RescheduleIpi implements StepSource {
  private readonly owed: Int32Array;
  constructor(cores: number) {
    this.owed = new Int32Array(cores);
  }
  send(core: Core): void {
    if (this.owed[core.index] === 1) return;
    this.owed[core.index] = 1;
    core.raiseIrq(this);
  }
  next(core: Core): number {
    return this.owed[core.index] === 1 ? core.host.costs.ipi : -1;
  }
  effect(core: Core): void {
    this.owed[core.index] = 0;
    core.host.counters.interrupts++;
  }
}
