/**
 * Softirqs of one core (kernel/softirq.c): timers, transmit queues to restart, received packets, tasklets, in this order.
 * A pass runs every vector that is pending, and again what became pending meanwhile: at most 10 times, for at most 2 ms,
 * and not when a task wants the core. What is left then is ksoftirqd's, a task that competes with the others; or the
 * next interrupt's, whose exit starts a pass of its own (so since 6.4 also while ksoftirqd waits).
 *
 * Received packets are polled (net/core/dev.c net_rx_action): each device queue on the list at most 64 packets a turn, all
 * together at most `netdev_budget` packets or `netdev_budget_usecs`; stopping with work left counts `time_squeeze`.
 * A turn's weight is cut to what is left of the budget, so that a round never takes more than that (validation N5). Linux looks
 * at the budget only after a turn: its last one may overrun it by up to a weight.
 *
 * Left out: HI, BLOCK and RCU vectors.
 */
import { Ring } from '../base/ring.ts';
import { DOUBLE_0 } from '../base/units.ts';
import { Backlog } from './backlog.ts';
import type { Core } from './cpu.ts';
import { type Napi, POLL_AGAIN } from './napi.ts';
import type { Qdisc } from './qdisc.ts';
import { SLEEPING, Task, wakeUp } from './sched.ts';
import { BILL_SOFTIRQ, SOFT, type StepSource } from './step.ts';
import { ExpiredTimers, type KernelTimer } from './timer.ts';

// Vectors, by priority; Linux's numbers.
const TIMER = 1 << 1;
const NET_TX = 1 << 2;
const NET_RX = 1 << 3;
const TASKLET = 1 << 6;

/** MAX_SOFTIRQ_RESTART and MAX_SOFTIRQ_TIME, kernel/softirq.c. */
const MAX_RESTART = 10;
const MAX_TIME = 2_000_000;

export class Softirq implements StepSource {
  readonly core: Core;
  readonly backlog: Backlog;
  readonly ksoftirqd: Ksoftirqd;
  /** Passes of ksoftirqd go on at task level. */
  threaded = false;
  /** Restarts, for tests and metrics: passes begun. */
  passes = 0;

  private pending = 0;
  /** Vectors still to begin in this round of the pass, and what the one that runs has to do; null: between two. */
  private todo = 0;
  private source: StepSource | null = null;
  private inPass = false;
  private restarts = 0;
  private passEnd: number = DOUBLE_0;
  /** Entry cost, paid with the first step of a pass. */
  private entry = 0;
  /** ksoftirqd has been woken for what is pending. */
  private handed = false;

  private readonly timers = new ExpiredTimers('timer');
  private readonly tasklets = new Tasklets();
  private readonly netTx = new NetTx();
  private readonly netRx: NetRx;

  constructor(core: Core) {
    this.core = core;
    this.netRx = new NetRx(core);
    this.backlog = new Backlog(core);
    this.ksoftirqd = new Ksoftirqd(core, this);
  }

  /** A pass is going on, at whichever level. */
  get active(): boolean {
    return this.inPass;
  }

  /** A timer of this core is due; the caller enters the core afterwards. */
  expire(timer: KernelTimer): void {
    this.timers.push(timer);
    this.raise(TIMER);
  }

  /** Runs `source` to exhaustion in softirq context. */
  tasklet(source: StepSource): void {
    this.tasklets.queued.push(source);
    this.raise(TASKLET);
    this.core.poke();
  }

  /** A stopped transmit queue may go on (__netif_schedule). */
  netifSchedule(qdisc: Qdisc): void {
    this.netTx.qdiscs.push(qdisc);
    this.raise(NET_TX);
    this.core.poke();
  }

  /** Puts a device queue on the poll list; nothing when it is there (napi_schedule). */
  napiSchedule(napi: Napi): void {
    if (napi.scheduled) return;
    napi.scheduled = true;
    this.napiAdd(napi);
  }

  /** Somebody has marked it as scheduled: it is to be polled (____napi_schedule). */
  napiAdd(napi: Napi): void {
    if (napi.thread !== null) {
      napi.thread.wake();
      return;
    }
    this.netRx.list.push(napi);
    this.raise(NET_RX);
    this.core.poke();
  }

  /** Another core is to poll its backlog: it is told when this round of polls is over (napi_schedule_rps). */
  oweIpi(backlog: Backlog): void {
    this.netRx.ipis.push(backlog);
    if (this.netRx.running) return;
    this.raise(NET_RX);
    this.core.poke();
  }

  /** The end of a hard interrupt: what is pending is run before the interrupted task goes on (irq_exit). */
  irqExit(): void {
    this.handed = false;
  }

  next(): number {
    if (this.threaded || this.handed) return -1;
    return this.step();
  }

  /** ksoftirqd's turn: as `next`, at task level. */
  nextThreaded(): number {
    this.threaded = true;
    this.handed = false;
    const cost = this.step();
    if (cost < 0) this.threaded = false;
    return cost;
  }

  /** No pass is going on, and nothing asks for one. */
  get isQuiet(): boolean {
    return this.pending === 0 && this.source === null;
  }

  /** Something is left to do. */
  get isPending(): boolean {
    return this.pending !== 0;
  }

  effect(core: Core): void {
    this.source!.effect(core);
  }

  /** Device queues are left on the poll list at the end of a round. */
  repoll(): void {
    this.pending |= NET_RX;
  }

  private raise(vector: number): void {
    this.pending |= vector;
    if (this.core.context !== SOFT && !this.threaded) this.handed = false;
  }

  private step(): number {
    for (;;) {
      const source = this.source ?? this.nextSource();
      if (source === null) return -1;
      const cost = source.next(this.core);
      if (cost >= 0) return this.entry === 0 ? cost : this.withEntry(cost);
      this.source = null;
    }
  }

  /** What the next vector has to do; null: the pass is over, or there is none to begin. */
  private nextSource(): StepSource | null {
    if (this.todo === 0) {
      if (!this.inPass) {
        if (this.pending === 0) return null;
        this.begin();
      } else if (this.pending === 0 || !this.mayRestart()) return this.end();
      this.todo = this.pending;
      this.pending = 0;
    }
    const vector = this.todo & -this.todo;
    this.todo -= vector;
    if (vector === NET_RX) return (this.source = this.netRx);
    if (vector === TIMER) return (this.source = this.timers);
    return (this.source = vector === NET_TX ? this.netTx : this.tasklets);
  }

  private end(): null {
    this.inPass = false;
    if (this.pending !== 0 && !this.threaded) {
      this.handed = true;
      wakeUp(this.ksoftirqd, false);
    }
    return null;
  }

  private begin(): void {
    this.inPass = true;
    this.passes++;
    this.restarts = MAX_RESTART;
    this.passEnd = this.core.host.engine.now + MAX_TIME;
    this.entry = this.threaded ? 0 : this.core.host.costs.softirq;
  }

  private withEntry(cost: number): number {
    const { entry } = this;
    this.entry = 0;
    return cost + entry;
  }

  private mayRestart(): boolean {
    return (
      this.core.host.engine.now < this.passEnd && !this.core.rq.wantsResched && --this.restarts > 0
    );
  }
}

/** tasklet_action: each is run to exhaustion. */
class Tasklets implements StepSource {
  readonly queued = new Ring<StepSource>(4);

  next(core: Core): number {
    while (this.queued.length > 0) {
      const cost = this.queued.peek()!.next(core);
      if (cost >= 0) return cost;
      this.queued.shift();
    }
    return -1;
  }

  effect(core: Core): void {
    this.queued.peek()!.effect(core);
  }
}

/** net_tx_action: transmit queues that may go on. */
class NetTx implements StepSource {
  readonly qdiscs = new Ring<Qdisc>(4);

  next(core: Core): number {
    while (this.qdiscs.length > 0) {
      if (this.qdiscs.peek()!.runnable) return core.host.costs.xmit;
      this.qdiscs.shift();
    }
    return -1;
  }

  effect(): void {
    this.qdiscs.peek()!.runOne();
  }
}

/** net_rx_action: takes turns among the device queues on the poll list, within the budgets. */
class NetRx implements StepSource {
  /** Device queues that want to be polled. */
  list = new Ring<Napi>(4);
  /** Backlogs of other cores, which are to be told of what they were given. */
  readonly ipis: Ring<Backlog> = new Ring<Backlog>(2);
  private again = new Ring<Napi>(4);
  private turn: Ring<Napi> | null = null;
  private spare = new Ring<Napi>(4);
  private current: Napi | null = null;
  private budget = 0;
  private until: number = DOUBLE_0;
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  next(): number {
    let napi = this.current ?? this.first();
    while (napi !== null) {
      const cost = napi.next();
      if (cost >= 0) return cost;
      if (cost === POLL_AGAIN) this.again.push(napi);
      this.budget -= napi.work;
      this.current = null;
      if (this.budget <= 0 || this.core.host.engine.now >= this.until) return this.end(true);
      napi = this.nextTurn();
    }
    return this.end(false);
  }

  /** A round begins. */
  private first(): Napi | null {
    const { softnet, engine } = this.core.host;
    this.turn = this.list;
    this.list = this.spare;
    this.budget = softnet.budget;
    this.until = engine.now + softnet.budgetNs;
    return this.nextTurn();
  }

  private nextTurn(): Napi | null {
    const turn = this.turn!;
    if (turn.length === 0) return null;
    const napi = turn.shift()!;
    const { softnet, counters } = this.core.host;
    napi.startTurn(Math.min(softnet.weight, this.budget), this.core);
    counters.polls++;
    return (this.current = napi);
  }

  /** A round is going on. */
  get running(): boolean {
    return this.turn !== null;
  }

  effect(): void {
    this.current!.effect();
  }

  /** What was not reached comes first next time, then what was interrupted by its weight, then what is new. */
  private end(squeezed: boolean): number {
    const turn = this.turn!;
    const left = turn.length + this.again.length;
    if (squeezed && left > 0) this.core.host.counters.time_squeeze++;
    if (left > 0) {
      while (this.again.length > 0) turn.push(this.again.shift()!);
      while (this.list.length > 0) turn.push(this.list.shift()!);
      this.spare = this.list;
      this.list = turn;
    } else {
      this.spare = turn;
    }
    this.turn = null;
    if (this.list.length > 0) this.core.softirq.repoll();
    // net_rps_action_and_irq_enable()
    while (this.ipis.length > 0) this.core.host.rpsIpi.send(this.ipis.shift()!);
    return -1;
  }
}

/** The thread that takes over when softirqs do not come to an end: it runs passes at task level. */
export class Ksoftirqd extends Task {
  private readonly softirq: Softirq;
  private yielding = false;

  constructor(core: Core, softirq: Softirq) {
    super(core.host, `ksoftirqd/${core.index}`, core);
    this.softirq = softirq;
    this.affinity = 1 << core.index;
    this.bill = BILL_SOFTIRQ;
  }

  get preemptible(): boolean {
    return !this.softirq.active;
  }

  begin(): void {}

  next(): number {
    const cost = this.softirq.nextThreaded();
    this.yielding = cost < 0;
    if (cost >= 0) return cost;
    if (this.softirq.isPending) return 0; // a pass is over and there is more: others may have the core first
    this.state = SLEEPING;
    return -1;
  }

  effect(): void {
    if (!this.yielding) this.softirq.effect(this.core);
  }

  takeBack(): boolean {
    return false;
  }
}
