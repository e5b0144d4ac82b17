/**
 * One core: hard interrupts over softirqs over tasks. Work is made of *steps*: "spend c ns, then do one effect". What an
 * effect changes becomes visible when the time that produced it has been spent, never before, because the effect runs as
 * an event at the end of its step. A higher level interrupts a step at any moment: it takes what has run from the step,
 * which resumes later and ends so much later. Every nanosecond is billed once, to what ran in it.
 *
 * One engine timer per core is armed for the end of the step that runs. When nothing else in the world is due before it,
 * `engine.tryAdvance` makes the step's end the present at once, without an event: the same steps at the same instants in
 * the same order. That is only done in the tail of an event handler (`enter`, `onEvent`); anyone else pokes the core,
 * which then only plans.
 *
 * A core that has been idle may take time to come back (cpuidle.ts); what woke it waits for that, billed as idle.
 *
 * A virtual core may be taken away for a while (`steal`). Like KVM's run_delay, which becomes the steal column of /proc/stat
 * (account_steal_time), only the part is billed as stolen in which the core had something to do; the rest is idle.
 *
 * Left out: nested hard interrupts, sections with interrupts off, SMT, frequency changes, caches (but for
 * costs.cacheRefill).
 */
import { assert } from '../base/assert.ts';
import { Ring } from '../base/ring.ts';
import { NEVER, type Instant } from '../base/units.ts';
import { CPU, type Engine, type Handler, type Timer } from '../engine/engine.ts';
import { type IdleState, idleState } from './cpuidle.ts';
import type { Host } from './host.ts';
import { FlowLimit } from './rps.ts';
import { RunQueue } from './sched.ts';
import { Softirq } from './softirq.ts';
import {
  BILL_NAMES,
  BILL_SOFTIRQ,
  BILL_SYSTEM,
  HARD,
  IDLE,
  LEVEL_BILLS,
  SOFT,
  type StepSource,
  STOLEN,
  TASK,
  WAKING,
} from './step.ts';
import { ExpiredTimers, type KernelTimer } from './timer.ts';

export * from './step.ts';

// Whose step a level has in progress: nobody's, that of softirq.ts or of the run queue, or that of the first which is queued.
const NONE = 0;
const OWN = 1;
const QUEUED = 2;

export class Core implements Handler {
  readonly host: Host;
  readonly index: number;
  /** What it is called in traces. */
  readonly lane: string;
  readonly softirq: Softirq;
  readonly rq: RunQueue;
  /** What it may give other cores' backlogs of one flow; null: all (net.core.flow_limit_cpu_bitmap). */
  readonly flowLimit: FlowLimit | null;
  /** ns billed so far, by BILL_…; `spent` adds what runs now. */
  private readonly billed = new Float64Array(BILL_NAMES.length);

  private readonly engine: Engine;
  private readonly timer: Timer;

  // Whose step is in progress at each level.
  private hard = NONE;
  private soft = NONE;
  private task = NONE;
  /** What the time of the step at task level is billed as (BILL_…). */
  private taskBill = BILL_SYSTEM;
  /** By level: ns left of a step that was interrupted. */
  private readonly rem = new Float64Array(LEVEL_BILLS.length);
  /** It is coming back from an idle state. */
  private waking = false;

  /** It sleeps when it is idle, or has been taken away before: what it has to do may have to wait. */
  private mayBeAway: boolean;
  /** Until when it is taken away; a time that is past: it is there. */
  private stolenUntil: Instant;
  /** ns in all that it has been or will be away. */
  private stolen = 0;
  private readonly sleep: IdleState | null;
  private idleSince: Instant;

  private readonly hrtimers = new ExpiredTimers('hrtimer');
  private readonly irqs = new Ring<StepSource>();
  private readonly softFollows = new Ring<StepSource>();
  private readonly taskFollows = new Ring<StepSource>();

  // The level that runs, since when, and how long its step then still took, ns. The times are no small integers at first, so
  // that V8 gives them doubles.
  private running: number = IDLE;
  private since: Instant = NEVER;
  private left: number = NEVER;
  /** Inside the loop: whoever raises something need not poke. */
  private looping = false;

  constructor(host: Host, index: number) {
    this.host = host;
    this.index = index;
    this.lane = `${host.name}/cpu${index}`;
    this.engine = host.engine;
    this.timer = host.engine.timer(host.engine.define(`${host.name}/cpu`, CPU, this), index, 0);
    this.since = host.engine.now;
    this.idleSince = this.since;
    this.stolenUntil = this.since;
    this.sleep = idleState(host.engine, this.lane, host.idle);
    this.mayBeAway = this.sleep !== null;
    this.flowLimit = ((host.softnet.flowLimitCpus >>> index) & 1) === 1 ? new FlowLimit() : null;
    this.softirq = new Softirq(this);
    this.rq = new RunQueue(this);
  }

  /** Queues a hard interrupt; `source` is asked for steps until it has none. */
  raiseIrq(source: StepSource): void {
    this.irqs.push(source);
    this.poke();
  }

  /** As raiseIrq, in the tail of an event handler: the interrupt may be taken at once. */
  takeIrq(source: StepSource): void {
    this.irqs.push(source);
    if (!this.looping) this.enter();
  }

  /** An hrtimer of this core is due; the caller enters the core afterwards. */
  expire(timer: KernelTimer): void {
    this.hrtimers.push(timer);
    this.irqs.push(this.hrtimers);
  }

  /** Queues work for softirq context, after the vectors of softirq.ts (a tasklet). */
  raiseSoftirq(source: StepSource): void {
    this.softirq.tasklet(source);
  }

  /**
   * Runs `source` to exhaustion before the work that is asking goes on: the segments that an ACK releases, before the
   * next packet of the poll; those that a write releases, before the system call returns. In the order of asking.
   */
  follow(source: StepSource): void {
    const { context } = this;
    if (context === SOFT) this.softFollows.push(source);
    else if (context === TASK) this.taskFollows.push(source);
    else this.softirq.tasklet(source);
  }

  /** Work that follows is still to be done before this system call may go on. */
  get followed(): boolean {
    return this.taskFollows.length > 0;
  }

  /** Nothing has been raised or asked to follow that runs before the task goes on. */
  get quiet(): boolean {
    return this.taskFollows.length === 0 && this.irqs.length === 0 && !this.softirq.isPending;
  }

  /** A step is running, or its effect is. */
  get busy(): boolean {
    return this.running !== IDLE;
  }

  /** The level whose effect is being done (HARD, SOFT, TASK), or −1. */
  get context(): number {
    return this.host.executing === this ? this.running : -1;
  }

  /**
   * The hypervisor runs something else on this core until `until`: what runs is interrupted and goes on then, and what is
   * raised meanwhile waits, interrupts too.
   */
  steal(until: Instant): void {
    const from = Math.max(this.engine.now, this.stolenUntil);
    if (until <= from) return;
    this.stolen += until - from;
    this.stolenUntil = until;
    this.mayBeAway = true;
    this.poke();
  }

  /** Until when it is away, or was; the beginning: it never was. */
  get awayUntil(): Instant {
    return this.stolenUntil;
  }

  /** ns that it was away up to now, whether or not it had anything to do. */
  get timeStolen(): number {
    return this.stolen - Math.max(0, this.stolenUntil - this.engine.now);
  }

  /** Something may have changed what this core should do. Plans, and runs nothing now. */
  poke(): void {
    if (this.looping) return;
    this.settle();
    const level = this.choose();
    const end = level === IDLE ? NEVER : this.engine.now + this.left;
    this.engine.arm(this.timer, end as Instant);
  }

  /** What is raised from here on waits for `enter`, which must follow in the same event. */
  hold(): void {
    assert(!this.looping, 'cpu: held from inside');
    this.looping = true;
  }

  /** As `poke`, in the tail of an event handler: steps may run at once. */
  enter(): void {
    assert(this.host.executing !== this, 'cpu: entered from inside');
    this.looping = true;
    this.settle();
    if (this.running !== IDLE) this.engine.arm(this.timer, NEVER);
    this.loop();
  }

  /** The step that the timer was armed for has ended. */
  onEvent(): void {
    this.looping = true;
    this.finish();
    this.loop();
  }

  /** What the running task has had up to now is charged to it; it goes on. */
  catchUp(): void {
    if (this.running === TASK) this.left -= this.bill();
  }

  /** ns spent as `bill` (BILL_…) up to now. They add up to the time since boot, exactly. */
  spent(bill: number): number {
    const open = this.engine.now - this.since;
    return this.billed[bill]! + (bill === this.billOf(this.running) ? open : 0);
  }

  /** Steps, as long as nothing else in the world comes before their ends. */
  private loop(): void {
    while (this.choose() !== IDLE) {
      if (!this.engine.tryAdvance(this.timer, this.left)) break;
      this.finish();
    }
    this.looping = false;
  }

  /** What runs from now on. */
  private choose(): number {
    return (this.running = this.mayBeAway ? this.pickPresent() : this.pick());
  }

  /** As `pick`, of a core that may have to come back first. */
  private pickPresent(): number {
    const { now } = this.engine;
    let level = this.waking ? this.goOn(WAKING) : this.pick();
    if (this.sleep !== null && (level === IDLE) !== (this.running === IDLE)) {
      if (level === IDLE) this.idleSince = now;
      else {
        const exit = this.sleep.exit(now - this.idleSince);
        if (exit > 0) {
          this.waking = true;
          level = this.putOff(level, WAKING, exit);
        }
      }
    }
    if (this.stolenUntil <= now || level === IDLE) return level;
    return this.putOff(level, STOLEN, this.stolenUntil - now);
  }

  /** The step at `level`, which has just been picked, waits for one at level `first` that takes `ns`. */
  private putOff(level: number, first: number, ns: number): number {
    this.rem[level] = this.left;
    this.left = ns;
    return first;
  }

  /** The step that runs has had its time: bill it and do its effect. */
  private finish(): void {
    this.bill();
    const { host, running: level } = this;
    if (level > TASK) {
      if (level === STOLEN) this.giveBack();
      else this.waking = false;
      return;
    }
    host.executing = this;
    if (level === SOFT) {
      const { soft } = this;
      this.soft = NONE;
      if (soft === OWN) this.softirq.effect(this);
      else this.softFollows.peek()!.effect(this);
    } else if (level === TASK) {
      const { task } = this;
      this.task = NONE;
      if (task === OWN) this.rq.effect();
      else this.taskFollows.peek()!.effect(this);
    } else {
      this.hard = NONE;
      this.irqs.peek()!.effect(this);
      this.softirq.irqExit();
    }
    host.executing = null;
  }

  /** The highest level that has something to do; its step is set up. */
  private pick(): number {
    // Asked several times a packet, and most sources are empty: their lengths are looked at here.
    if (this.hard !== NONE) return this.goOn(HARD);
    if (this.irqs.length > 0 && this.prepare(this.irqs)) {
      this.hard = QUEUED;
      return HARD;
    }
    if (this.soft !== NONE) return this.goOn(SOFT);
    if (this.softFollows.length > 0 && this.prepare(this.softFollows)) {
      this.soft = QUEUED;
      return SOFT;
    }
    if (!this.softirq.isQuiet && (this.left = this.softirq.next()) >= 0) {
      this.soft = OWN;
      return SOFT;
    }
    if (this.task !== NONE) return this.goOn(TASK);
    if (this.taskFollows.length > 0 && this.prepare(this.taskFollows)) {
      this.task = QUEUED;
      this.taskBill = this.softirq.threaded ? BILL_SOFTIRQ : BILL_SYSTEM;
      return TASK;
    }
    if ((this.left = this.rq.next()) < 0) return IDLE;
    this.task = OWN;
    this.taskBill = this.rq.bill;
    return TASK;
  }

  /** The first of `sources` that has a step comes to stand in front; the others are through. */
  private prepare(sources: Ring<StepSource>): boolean {
    while (sources.length > 0) {
      if ((this.left = sources.peek()!.next(this)) >= 0) return true;
      sources.shift();
    }
    return false;
  }

  /** The step at `level` goes on, which was interrupted. */
  private goOn(level: number): number {
    this.left = this.rem[level]!;
    return level;
  }

  /** Interrupts the step that runs: what has run is billed and taken from it. */
  private settle(): void {
    const level = this.running;
    this.rem[level] = this.left - this.bill();
    if (level === TASK || level === STOLEN) this.giveBack();
  }

  /** User time has no effect at its end that could get lost: the task takes it back, and may be pre-empted. */
  private giveBack(): void {
    if (this.task === OWN && this.rq.takeBack(this.rem[TASK]!)) this.task = NONE;
  }

  /** Charges what has run since the last time to what ran. @returns how long that was, ns */
  private bill(): number {
    const { now } = this.engine;
    const ran = now - this.since;
    if (ran === 0) return 0;
    this.since = now;
    const level = this.running;
    this.billed[this.billOf(level)]! += ran;
    if (level === TASK) this.rq.account(ran, now);
    return ran;
  }

  private billOf(level: number): number {
    return level === TASK ? this.taskBill : LEVEL_BILLS[level]!;
  }
}
