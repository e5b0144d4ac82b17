/**
 * Who runs on which core: a run queue per core (cfs-rq.ts says in which order), pre-emption, the context switch, and where
 * woken tasks are placed (kernel/sched/core.c, fair.c; all weights equal).
 *
 * A slice ends at the first *tick* after it is used up: at HZ=250 every 4 ms, whatever the slice is (entity_tick). Or at
 * once, with `hrtick` (the scheduler feature HRTICK). A task that comes also ends one that is used up. A task that wakes
 * pre-empts the running one if it would be picked in its place (check_preempt_wakeup_fair); WF_SYNC, that the waker is about
 * to sleep, does not matter for that in 6.18. The switch happens at the next return to user mode (PREEMPT_NONE).
 *
 * Placement: a task that still competes where it slept stays there (ttwu_runnable). Another goes to the core it ran on if that
 * is idle, else to an idle core that it may use, else back, or to the waker's when that is about to sleep (WF_SYNC). A core
 * that goes idle pulls one waiting task from the longest queue, if that task is not cache-hot (newidle balance).
 *
 * Left out: weights (nice), slices of single tasks, classes other than fair, groups, periodic balancing, NUMA; what a tick
 * costs, and ticks of cores that differ (skew_tick). An idle core counts as idle although the hypervisor has taken it (Linux
 * asks vcpu_is_preempted).
 */
import { violated } from '../base/assert.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import { DOUBLE_0, type Instant } from '../base/units.ts';
import { CfsRq, SchedEntity } from './cfs-rq.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import { BILL_SWITCH, BILL_SYSTEM, SOFT, type StepSource } from './step.ts';

export const RUNNABLE = 0;
export const RUNNING = 1;
export const SLEEPING = 2;
export const DEAD = 3;

/** What the scheduler runs: a thread, or ksoftirqd. */
export abstract class Task extends SchedEntity {
  readonly host: Host;
  readonly name: string;
  /** RUNNABLE (waits for a core), RUNNING, SLEEPING or DEAD. */
  state: number = SLEEPING;
  /** Where it runs, or ran last. */
  core: Core;
  /** The cores it may use, one bit each. */
  affinity = -1;
  /** When it ran last, and when it last became runnable. */
  lastRan: number = DOUBLE_0;
  runnableSince: number = DOUBLE_0;
  /** Whose caches hold what it uses: the core that it was switched to last; null: it has not run yet. */
  warmOn: Core | null = null;
  /** CPU time in all, ns (user and system). */
  cpuTime: number = DOUBLE_0;
  /** Context switches, voluntary (it slept) and involuntary (it was pre-empted); wake-ups. */
  nvcsw = 0;
  nivcsw = 0;
  wakeups = 0;
  /** Time runnable but not running, ns. */
  waitTime: number = DOUBLE_0;
  /** What the present step is billed as (BILL_…). */
  bill: number = BILL_SYSTEM;

  constructor(host: Host, name: string, core: Core) {
    super();
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
  /** Who runs; null while idle, and while the core is being switched to `cfs.curr`. */
  current: Task | null = null;
  /** Who was switched to last: the caches are its. */
  private warm: Task | null = null;
  /** What the step that `next` announced is billed as. */
  bill: number = BILL_SYSTEM;
  private step = STEP_TASK;

  /** The program behind a tun device writes here. */
  hasTunProgram = false;

  /** Tasks that wait here, each from becoming runnable until it is switched to. */
  readonly meter: QueueMeter;
  private readonly core: Core;
  private readonly cfs: CfsRq<Task>;
  /** ns between ticks; 0: slices end by a timer of their own. */
  private readonly tick: number;
  /** The first tick that has not been looked at; 0 when there are none. */
  private nextTick = 0;
  private needResched = false;

  constructor(core: Core) {
    const { sched } = core.host;
    this.core = core;
    this.tick = sched.hrtick ? 0 : core.host.jiffyNs;
    this.cfs = new CfsRq(sched.slice, core.host.jiffyNs);
    this.meter = new QueueMeter(`${core.lane}/runqueue`, Infinity);
  }

  /** Tasks that wait for this core. */
  get waiting(): number {
    return this.cfs.waiting;
  }

  /** Tasks that run or wait here (nr_running without those that are delayed). */
  get running(): number {
    return this.cfs.waiting + (this.cfs.curr === null ? 0 : 1);
  }

  /**
   * Nobody runs here, and nobody is about to (available_idle_cpu: interrupts and softirqs do not count, but packets that a
   * program writes into a tun device are processed while it runs).
   */
  get idle(): boolean {
    return (
      this.cfs.curr === null &&
      this.cfs.alone &&
      !(this.hasTunProgram && this.core.context === SOFT)
    );
  }

  /** ns that the current task may run before others get their turn, if nothing interrupts it; Infinity when nobody waits. */
  sliceLeft(): number {
    const { cfs, tick } = this;
    if (cfs.alone) return Infinity;
    const left = cfs.protectedFor;
    if (tick === 0) return Math.max(0, left);
    const { now } = this.core.host.engine;
    return Math.ceil((now + Math.max(1, left)) / tick) * tick - now;
  }

  /** The current task must give way at its next return to user mode. */
  resched(): boolean {
    const { cfs } = this;
    if (cfs.alone) return (this.needResched = false);
    const { now } = this.core.host.engine;
    if (now >= this.nextTick) this.passTicks(0, now);
    if (!this.needResched) return false;
    const { curr } = cfs;
    cfs.update();
    if (cfs.pick() !== curr) return true;
    if (this.tick === 0) curr!.vprot = curr!.deadline; // the timer is set anew
    return (this.needResched = false);
  }

  /** A task should run here that does not (need_resched): it pre-empts, or the core is idle. Softirqs look at it. */
  get wantsResched(): boolean {
    return this.needResched || (this.cfs.curr === null && this.waiting > 0);
  }

  /** sched_yield(2) */
  yieldCurrent(): void {
    this.cfs.yield();
    this.needResched = true;
  }

  next(): number {
    const cur = this.current;
    if (cur !== null) {
      if (cur.state === RUNNING) {
        if (cur.preemptible && this.resched()) {
          cur.nivcsw++;
          this.putBack(cur);
          return this.pickNext();
        }
        const cost = cur.next();
        if (cost >= 0) {
          this.step = STEP_TASK;
          this.bill = cur.bill;
          return cost;
        }
      }
      this.leave(cur);
    }
    return this.core.host.queuedTasks === 0 && this.cfs.alone ? -1 : this.pickNext();
  }

  effect(): void {
    if (this.step === STEP_TASK) {
      this.current!.effect();
      return;
    }
    const task = this.cfs.curr!;
    this.current = task;
    task.state = RUNNING;
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

  /** `ran` ns have been spent at task level, the last of them now. */
  account(ran: number, now: Instant): void {
    const cur = this.current;
    if (cur === null) return;
    cur.cpuTime += ran;
    this.cfs.run(ran);
    if (now >= this.nextTick) this.passTicks(ran, now);
  }

  /** sched_tick() of the ticks that have passed. The current task has run for the last `ran` ns, and not before. */
  private passTicks(ran: number, now: Instant): void {
    const { cfs, tick } = this;
    if (tick === 0) {
      if (cfs.protectedFor <= 0 && cfs.update()) this.needResched = true;
      return;
    }
    // A core that was idle has had none.
    let t = Math.max(this.nextTick, Math.floor((now - ran) / tick) * tick);
    for (; t <= now; t += tick) if (cfs.update(Math.min(ran, now - t))) this.needResched = true;
    this.nextTick = t;
  }

  /** The current task is charged up to now; its slice may be over. */
  private charge(): void {
    this.core.catchUp();
    if (this.current !== null && this.cfs.update()) this.needResched = true;
  }

  /** A task becomes runnable here: one that slept, or a new one. */
  enqueue(task: Task, initial: boolean): void {
    if (task.delayed) {
      this.core.catchUp();
      this.cfs.requeue(task);
    } else {
      this.charge();
      this.cfs.enqueue(task, initial);
    }
    task.core = this.core;
    this.waits(task);
    this.trace('wakeup', task);
  }

  /** A woken task was put here: does it pre-empt who runs? wakeup_preempt() */
  checkPreempt(task: Task): void {
    if (!this.needResched && this.cfs.curr !== null && this.cfs.preempts(task))
      this.needResched = true;
  }

  private trace(what: string, task: Task): void {
    const { engine } = this.core.host;
    if (engine.trace.on) engine.trace.record(engine.now, this.core.lane, what, { task: task.name });
  }

  private pickNext(): number {
    const { host } = this.core;
    const task = this.cfs.pick() ?? this.pull();
    if (task === null) return -1;
    const { now } = host.engine;
    host.queuedTasks--;
    this.meter.leave(now);
    task.waitTime += now - task.runnableSince;
    this.cfs.setNext(task);
    this.needResched = false;
    this.step = STEP_SWITCH;
    this.bill = BILL_SWITCH;
    return host.costs.contextSwitch;
  }

  /** The current task was pre-empted. */
  private putBack(cur: Task): void {
    this.current = null;
    cur.lastRan = this.core.host.engine.now;
    this.cfs.putPrev();
    this.waits(cur);
  }

  /** The current task went to sleep or ended. */
  private leave(cur: Task): void {
    if (cur.state === RUNNABLE)
      violated('sched: the current task waits for its own core', cur.name);
    cur.lastRan = this.core.host.engine.now;
    if (cur.state === SLEEPING) cur.nvcsw++;
    this.cfs.dequeue(cur.state === SLEEPING);
    this.current = null;
    this.needResched = false;
  }

  /** One that slept here, and still competes, goes elsewhere: it may no longer run here. */
  release(task: Task): void {
    this.cfs.forget(task);
  }

  /**
   * newidle balance: the first of the longest queue that may run here and has cooled down. A core with one task is not
   * overloaded, not even while that waits for the core to wake up (rq->nr_running > 1, sched_newidle_balance).
   */
  private pull(): Task | null {
    const { host, index } = this.core;
    let from: RunQueue | null = null;
    for (const core of host.cores) if (core.rq.running > (from?.running ?? 1)) from = core.rq;
    if (from === null) return null;
    const cold = host.engine.now - host.sched.migrationCost;
    const task = from.cfs.firstWhere((t) => t.lastRan <= cold && mayRun(t, index));
    if (task === null) return null;
    from.charge();
    this.cfs.adopt(task, from.cfs);
    task.core = this.core;
    from.meter.leave(host.engine.now);
    this.meter.enter(host.engine.now);
    host.counters.migrations++;
    return task;
  }

  private waits(task: Task): void {
    const { now } = this.core.host.engine;
    task.state = RUNNABLE;
    task.runnableSince = now;
    this.core.host.queuedTasks++;
    this.meter.enter(now);
  }
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
  if (task.delayed && mayRun(task, task.core.index)) {
    activate(task, task.core, false);
    return true;
  }
  if (task.delayed) task.core.rq.release(task);
  activate(task, place(task, sync), false);
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
  activate(task, best, true);
}

function activate(task: Task, core: Core, initial: boolean): void {
  const rq = core.rq;
  const wanted = rq.wantsResched;
  rq.enqueue(task, initial);
  rq.checkPreempt(task);
  const from = task.host.executing;
  if (from === core) return; // its loop goes on with what is highest
  if (from !== null && !wanted && rq.wantsResched && !task.host.costless) task.host.ipi.send(core);
  else core.poke(); // a slice that had no end may have one now
}
