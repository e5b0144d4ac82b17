/**
 * Who runs on which core: a run queue per core in order of virtual runtime, slices, placement of woken tasks, pre-emption
 * and the context switch (kernel/sched/fair.c, EEVDF since 6.6, all weights equal).
 *
 * The task with the least virtual runtime runs next. EEVDF takes, of those that are owed time (eligible: not ahead of the
 * average), the one with the earliest deadline, the virtual time at which its slice will be used up. With equal slices both
 * agree but for tasks that were interrupted in mid-slice: those keep their deadline, and come sooner there.
 *
 * A task that sleeps while it is owed time keeps that lag, at most two slices, and is placed by it when it wakes; the lag is
 * scaled up, because the task itself draws the average towards it (place_entity). One that has had more than its share stays
 * in the competition until it has not (DELAY_DEQUEUE), and is owed nothing then (DELAY_ZERO): after a long sleep all is
 * forgotten.
 *
 * A task that wakes, and would be next, pre-empts only one that is ahead of the average: one that is not runs to the end of
 * its slice (RUN_TO_PARITY). WF_SYNC, that the waker is about to sleep, does not matter for it in 6.18. The switch happens at the next return to user mode, as does the one at the end of a slice.
 *
 * Placement: the core it ran on if that is idle, else an idle core that it may use, else the core it ran on, or the waker's when
 * that is about to sleep (WF_SYNC). A core that goes idle pulls one waiting task from the longest queue, if that task is not cache-hot (newidle balance).
 *
 * Left out: weights (nice), slices of single tasks, classes other than fair, groups, periodic balancing, NUMA, and the tick.
 * Slices end exactly here; in Linux (without HRTICK) at the first tick after base_slice, which is 0.7 ms × (1 + log2 of the
 * cores, at most 8): at HZ=250 every 4 ms, on any machine. An idle core counts as idle although the hypervisor has taken it
 * (Linux asks vcpu_is_preempted).
 */
import { violated } from '../base/assert.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import type { Instant } from '../base/units.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import { BILL_SWITCH, BILL_SYSTEM, SOFT, type StepSource } from './step.ts';

export const RUNNABLE = 0;
export const RUNNING = 1;
export const SLEEPING = 2;
export const DEAD = 3;

/** What the scheduler runs: a thread, or ksoftirqd. */
export abstract class Task {
  readonly host: Host;
  readonly name: string;
  /** RUNNABLE (waits for a core), RUNNING, SLEEPING or DEAD. */
  state: number = SLEEPING;
  /** Where it runs, or ran last. */
  core: Core;
  /** The cores it may use, one bit each. */
  affinity = -1;
  /** ns of CPU time, counted so that the least is the next; only differences on one core mean anything. */
  vruntime = 0;
  /** At its last sleep: how far behind the average of its core it was, ns; below 0, ahead. */
  lag = 0;
  /** CPU time since it was switched to, or since its slice was renewed, ns. */
  sliceUsed = 0;
  /** When it ran last, and when it last became runnable. */
  lastRan = 0;
  runnableSince = 0;
  /** Place among those with equal vruntime. */
  order = 0;
  /** Whose caches hold what it uses: the core that it was switched to last; null: it has not run yet. */
  warmOn: Core | null = null;
  /** CPU time in all, ns (user and system). */
  cpuTime = 0;
  /** Context switches, voluntary (it slept) and involuntary (it was pre-empted); wake-ups. */
  nvcsw = 0;
  nivcsw = 0;
  wakeups = 0;
  /** Time runnable but not running, ns. */
  waitTime = 0;
  /** What the present step is billed as (BILL_…). */
  bill: number = BILL_SYSTEM;

  constructor(host: Host, name: string, core: Core) {
    this.host = host;
    this.name = name;
    this.core = core;
  }

  /** It has been switched to. @param refill ns that cold caches cost it */
  abstract begin(refill: number): void;
  /** What its next step costs; −1 when it no longer runs (its state says why). */
  abstract next(): number;
  /** Its step has had its time. */
  abstract effect(): void;
  /** Whether it is about to return to user mode (or is there), where it may be pre-empted. */
  abstract get preemptible(): boolean;
  /** Its step is interrupted with `left` ns to go. True: it remembers that itself, and will say so in `next`. */
  abstract takeBack(left: number): boolean;
}

const STEP_TASK = 0;
const STEP_SWITCH = 1;

/** One core's run queue, and the source of its steps at task level. */
export class RunQueue implements StepSource {
  /** Who runs; null while idle or switching. */
  current: Task | null = null;
  /** Who was switched to last: the caches are its. */
  private warm: Task | null = null;
  /** Who is being switched to. */
  private incoming: Task | null = null;
  /** What the step that `next` announced is billed as. */
  bill: number = BILL_SYSTEM;
  private step = STEP_TASK;

  /** The program behind a tun device writes here. */
  hasTunProgram = false;

  /** Tasks that wait here, each from becoming runnable until it is switched to. */
  readonly meter: QueueMeter;
  private readonly core: Core;
  /** A heap by (vruntime, order). */
  private readonly heap: Task[] = [];
  private sum = 0;
  /** Where a task is placed when nobody else is here. */
  private base = 0;
  private orders = 0;
  private needResched = false;

  constructor(core: Core) {
    this.core = core;
    this.meter = new QueueMeter(`${core.lane}/runqueue`, Infinity);
  }

  /** Tasks that wait for this core. */
  get waiting(): number {
    return this.heap.length;
  }

  /** Tasks that run or wait here (nr_running). */
  get running(): number {
    return this.heap.length + (this.current === null && this.incoming === null ? 0 : 1);
  }

  /**
   * Nobody runs here, and nobody is about to (available_idle_cpu: interrupts and softirqs do not count, but packets that a
   * program writes into a tun device are processed while it runs).
   */
  get idle(): boolean {
    return (
      this.current === null &&
      this.incoming === null &&
      this.heap.length === 0 &&
      !(this.hasTunProgram && this.core.context === SOFT)
    );
  }

  /** ns that the current task may run before others get their turn; Infinity when nobody waits. */
  sliceLeft(): number {
    if (this.heap.length === 0) return Infinity;
    const left = this.core.host.sched.slice - this.current!.sliceUsed;
    return left > 0 ? left : 0;
  }

  /** The current task must give way at its next return to user mode. Decides, and renews its slice if it need not. */
  resched(): boolean {
    const cur = this.current!;
    const first = this.heap[0];
    if (first === undefined) return (this.needResched = false);
    const expired = cur.sliceUsed >= this.core.host.sched.slice;
    if (!this.needResched && !expired) return false;
    if (first.vruntime <= cur.vruntime) return true;
    this.needResched = false;
    if (expired) cur.sliceUsed = 0;
    return false;
  }

  /** A task should run here that does not (need_resched): it pre-empts, or the core is idle. Softirqs look at it. */
  get wantsResched(): boolean {
    return (
      this.needResched || (this.current === null && this.incoming === null && this.waiting > 0)
    );
  }

  /** sched_yield(2): the rest of the slice is forfeited. */
  yieldCurrent(): void {
    const cur = this.current!;
    cur.vruntime += Math.max(0, this.core.host.sched.slice - cur.sliceUsed);
    this.needResched = true;
  }

  next(): number {
    for (;;) {
      const cur = this.current;
      if (cur === null) return this.pickNext();
      if (cur.state === RUNNING && cur.preemptible && this.resched()) {
        cur.nivcsw++;
        this.putBack(cur);
        continue;
      }
      const cost = cur.state === RUNNING ? cur.next() : -1;
      if (cost >= 0) {
        this.step = STEP_TASK;
        this.bill = cur.bill;
        return cost;
      }
      this.leave(cur);
    }
  }

  effect(): void {
    if (this.step === STEP_TASK) {
      this.current!.effect();
      return;
    }
    const task = this.incoming!;
    this.incoming = null;
    this.current = task;
    task.state = RUNNING;
    task.sliceUsed = 0;
    this.core.host.counters.contextSwitches++;
    this.trace('switch', task);
    task.begin(this.refillOf(task));
  }

  /** The caches are `task`'s from now on; what it costs to make them so. One that never ran has nothing to fetch again. */
  private refillOf(task: Task): number {
    const warm = task.warmOn === null || (task.warmOn === this.core && this.warm === task);
    task.warmOn = this.core;
    this.warm = task;
    return warm ? 0 : this.core.host.costs.cacheRefill;
  }

  takeBack(left: number): boolean {
    return this.step === STEP_TASK && this.current !== null && this.current.takeBack(left);
  }

  /** `ran` ns have been spent at task level. */
  account(ran: number): void {
    const cur = this.current;
    if (cur === null) return;
    cur.vruntime += ran;
    cur.sliceUsed += ran;
    cur.cpuTime += ran;
  }

  /** A task becomes runnable here. */
  enqueue(task: Task): void {
    const now = this.core.host.engine.now;
    task.vruntime = this.placeOf(task);
    task.core = this.core;
    this.push(task, now);
    this.trace('wakeup', task);
  }

  /** place_entity, requeue_delayed_entity: the virtual runtime of a task that comes here after it has slept on `task.core`. */
  private placeOf(task: Task): number {
    const average = this.average();
    const there = task.core.rq;
    let { lag } = task;
    // What it was ahead of the others they have caught up with, or not yet.
    if (lag < 0) lag = Math.min(0, there.average() - task.vruntime);
    if (lag < 0 && there === this) return task.vruntime;
    const n = this.heap.length + (this.current === null ? 0 : 1);
    return n === 0 ? average : average - Math.trunc((lag * (n + 1)) / n);
  }

  /** A woken task was put here: does it pre-empt who runs? check_preempt_wakeup_fair */
  checkPreempt(task: Task): void {
    const cur = this.current;
    if (cur !== null && task === this.heap[0] && cur.vruntime > this.average())
      this.needResched = true;
  }

  private trace(what: string, task: Task): void {
    const { engine } = this.core.host;
    if (engine.trace.on) engine.trace.record(engine.now, this.core.lane, what, { task: task.name });
  }

  private pickNext(): number {
    if (this.core.host.queuedTasks === 0) return -1;
    const task = this.pop() ?? this.pull();
    if (task === null) return -1;
    const now = this.core.host.engine.now;
    task.waitTime += now - task.runnableSince;
    this.needResched = false;
    this.incoming = task;
    this.step = STEP_SWITCH;
    this.bill = BILL_SWITCH;
    return this.core.host.costs.contextSwitch;
  }

  /** The current task was pre-empted. */
  private putBack(cur: Task): void {
    this.current = null;
    cur.state = RUNNABLE;
    cur.lastRan = this.core.host.engine.now;
    this.push(cur, cur.lastRan);
  }

  /** The current task went to sleep or ended. */
  private leave(cur: Task): void {
    if (cur.state === RUNNABLE)
      violated('sched: the current task waits for its own core', cur.name);
    const most = 2 * this.core.host.sched.slice; // or one tick, if that is more: entity_lag
    const behind = this.average() - cur.vruntime;
    cur.lag = behind > most ? most : behind < -most ? -most : behind;
    cur.lastRan = this.core.host.engine.now;
    if (cur.state === SLEEPING) cur.nvcsw++;
    if (cur.vruntime > this.base) this.base = cur.vruntime;
    this.current = null;
    this.needResched = false;
  }

  /**
   * newidle balance: the first of the longest queue, if it may run here and has cooled down. A core with one task is not
   * overloaded, not even while that waits for the core to wake up (rq->nr_running > 1, sched_newidle_balance).
   */
  private pull(): Task | null {
    const host = this.core.host;
    let from: RunQueue | null = null;
    for (const core of host.cores) if (core.rq.running > (from?.running ?? 1)) from = core.rq;
    const task = from?.heap[0];
    if (from === null || task === undefined || !mayRun(task, this.core.index)) return null;
    if (host.engine.now - task.lastRan < host.sched.migrationCost) return null;
    const lag = from.average() - task.vruntime;
    from.pop();
    task.vruntime = this.average() - lag;
    task.core = this.core;
    host.counters.migrations++;
    return task;
  }

  /** Average virtual runtime of all that could run here, whole ns. */
  private average(): number {
    const cur = this.current;
    const n = this.heap.length + (cur === null ? 0 : 1);
    if (n === 0) return this.base;
    return Math.floor((this.sum + (cur === null ? 0 : cur.vruntime)) / n);
  }

  private push(task: Task, now: number): void {
    task.state = RUNNABLE;
    task.runnableSince = now;
    task.order = this.orders++;
    this.sum += task.vruntime;
    this.core.host.queuedTasks++;
    this.meter.enter(now as Instant);
    const heap = this.heap;
    let i = heap.length;
    heap.push(task);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const above = heap[up]!;
      if (!before(task, above)) break;
      heap[i] = above;
      i = up;
    }
    heap[i] = task;
  }

  private pop(): Task | null {
    const heap = this.heap;
    const first = heap[0];
    if (first === undefined) return null;
    this.sum -= first.vruntime;
    this.core.host.queuedTasks--;
    this.meter.leave(this.core.host.engine.now);
    const last = heap.pop()!;
    if (last !== first) {
      let i = 0;
      for (;;) {
        let down = 2 * i + 1;
        if (down >= heap.length) break;
        if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down++;
        if (!before(heap[down]!, last)) break;
        heap[i] = heap[down]!;
        i = down;
      }
      heap[i] = last;
    }
    return first;
  }
}

function before(a: Task, b: Task): boolean {
  return a.vruntime < b.vruntime || (a.vruntime === b.vruntime && a.order < b.order);
}

function mayRun(task: Task, core: number): boolean {
  return ((task.affinity >>> core) & 1) === 1;
}

/**
 * select_idle_sibling, without topology: see the head of this file. When no core is idle and the waker is about to sleep, and
 * alone on its core, that is where the task goes (wake_affine_idle), else back.
 */
function place(task: Task, sync: boolean): Core {
  const { cores, executing } = task.host;
  const prev = task.core;
  const allowed = mayRun(task, prev.index);
  if (allowed && prev.rq.idle) return prev;
  let fallback: Core | null = allowed ? prev : null;
  for (const core of cores) {
    if (!mayRun(task, core.index)) continue;
    if (core.rq.idle) return core;
    fallback ??= core;
  }
  if (fallback === null) violated('sched: a task may run nowhere', task.name);
  const affine =
    sync && executing !== null && executing.rq.running === 1 && mayRun(task, executing.index);
  return affine ? executing : fallback;
}

/**
 * try_to_wake_up: puts a sleeping task on a run queue. When that is another core's, it is told by an interrupt.
 *
 * @returns false when it was not asleep
 */
export function wakeUp(task: Task, sync: boolean): boolean {
  if (task.state !== SLEEPING) return false;
  task.wakeups++;
  task.host.counters.wakeups++;
  if (task.core.rq.current === task) {
    task.state = RUNNING; // it had not yet left its core: it just goes on
    return true;
  }
  activate(task, place(task, sync));
  return true;
}

/** A new task: on an idle core if there is one, else on the one with the fewest that wait (select_task_rq_fair, fork). */
export function wakeUpNew(task: Task): void {
  let best: Core | null = null;
  let load = Infinity;
  for (const core of task.host.cores) {
    if (!mayRun(task, core.index)) continue;
    const n = core.rq.idle ? -1 : core.rq.waiting;
    if (n < load) {
      load = n;
      best = core;
    }
  }
  if (best === null) violated('sched: a task may run nowhere', task.name);
  activate(task, best);
}

function activate(task: Task, core: Core): void {
  const rq = core.rq;
  const wanted = rq.wantsResched;
  rq.enqueue(task);
  rq.checkPreempt(task);
  const from = task.host.executing;
  if (from === core) return; // its loop goes on with what is highest
  if (from !== null && !wanted && rq.wantsResched && !task.host.costless) task.host.ipi.send(core);
  else core.poke(); // a slice that had no end may have one now
}
