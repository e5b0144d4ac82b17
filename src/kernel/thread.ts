/**
 * A thread: a body that yields system calls, its trap frame, and the protocol of a call.
 *
 * The kernel resumes the body with the result of its last call, and the body yields the next. Entering the kernel costs
 * `costs.syscall`; then the call's function runs, at the instant when that time has been spent. It returns DONE (the result
 * is in `thread.result`), BLOCKED (the thread stands on a wait queue or has a timer; when it wakes the call is tried again
 * from phase 0 with what the trap remembers), or a cost ≥ 0: that is spent, then the function is called again and finds in
 * `trap.phase` where it was. What the call made `core.follow` runs before the thread goes back to user mode.
 *
 * While its process is stopped (process.ts) a thread that would run user code is held instead: it leaves its core.
 *
 * Left out: signals, priorities, memory. User code between two yields costs nothing; user time is what `compute` says.
 */
import { EAGAIN, EINTR } from '../base/errno.ts';
import type { Lane } from '../base/hash.ts';
import { DOUBLE_0, type Instant } from '../base/units.ts';
import { BusyPoll } from './busy-poll.ts';
import type { Core } from './cpu.ts';
import type { Mutex } from './mutex.ts';
import type { Process } from './process.ts';
import { DEAD, SLEEPING, Task, wakeUp } from './sched.ts';
import { BILL_SYSTEM, BILL_USER } from './step.ts';
import {
  NR_COMPUTE,
  NR_EXIT,
  NR_NONE,
  NR_READ,
  NR_RECV,
  Sys,
  SYSCALL_NAMES,
  Trap,
  type ThreadBody,
  type ThreadStart,
} from './syscall.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';
import { type WaitEntry, type Waiter, WaiterEntry, type WaitQueue } from './wait-queue.ts';

/** A system call: DONE, BLOCKED, or ns to spend before it is called again. */
export type Syscall = (t: Thread, trap: Trap) => number;
export const DONE = -1;
export const BLOCKED = -2;

// What the thread does next when it has the core.
const RESUME = 0; // go back to user mode with `result`
const ENTER = 1; // pay the entry, then call
const CALL = 2; // pay `cost`, then call (again)
const USER = 3; // spend user time
const RETRY = 4; // woken inside a call: try it again
const DIE = 5; // run the body's finally blocks

export class Thread extends Task implements Waiter, TimerHandler {
  readonly process: Process;
  readonly tid: number;
  readonly trap: Trap;
  readonly sys: Sys;
  readonly lane: Lane;
  /** What the call that is DONE returns. */
  result = 0;
  /** The queue whose wake-up ended the last sleep, until the call has looked; null after a time-out. */
  wokenBy: WaitQueue | null = null;
  /** What its call has locked; a killed thread lets go of it. */
  holds: Mutex | null = null;

  private body: ThreadBody | null;
  private mode = RESUME;
  /** ns of the call's next phase, or of user time still to be spent. */
  private cost = 0;
  /** ns that cold caches still cost it; user time has them in `cost`. */
  private refill = 0;
  /** Of user time: how much the present step spends. */
  private stepUser = 0;
  private killed = false;
  /** Asleep because its process is stopped, at the border to user mode. */
  private held = false;
  private wokenExclusive = false;
  private wokenKey = 0;
  /** Where it stands on wait queues, one entry for each; the first `waits` are in use. */
  private readonly entries: WaitEntry[] = [];
  private waits = 0;
  private timeout: KernelTimer | null = null;
  /** Others may have the core though its call is not over (cond_resched). */
  yields = false;
  /** Made when it first polls a device queue. */
  private busy: BusyPoll | null = null;
  /** Since when it has been asleep. */
  asleepSince: number = DOUBLE_0;

  constructor(process: Process, tid: number, name: string, start: ThreadStart, core: Core) {
    super(process.host, name, core);
    this.process = process;
    this.tid = tid;
    this.trap = new Trap(name);
    this.sys = new Sys(this.trap);
    this.lane = this.host.engine.lane(`${this.host.name}/thread/${name}`);
    this.body = start(this.sys);
  }

  // ---- for system calls --------------------------------------------------------------------------------------------

  /** Ends the call. `return t.done(n)` */
  done(result: number): number {
    this.result = result;
    return DONE;
  }

  /** Fixes when the call gives up, at its first try. @param timeout ns; < 0: never */
  startTimeout(timeout: number): void {
    if (this.trap.deadline >= 0) return;
    this.trap.deadline = timeout < 0 ? Infinity : this.host.engine.now + timeout;
  }

  /** The deadline of startTimeout has come. */
  get timedOut(): boolean {
    return this.trap.deadline >= 0 && this.host.engine.now >= this.trap.deadline;
  }

  /** Puts this thread on `queue`; it does not sleep yet. @param mask the events it waits for, 0 for any */
  addWait(queue: WaitQueue, exclusive: boolean, mask = 0): void {
    const e = this.freeEntry(mask);
    if (exclusive) queue.addExclusive(e);
    else queue.add(e);
  }

  private freeEntry(mask: number): WaitEntry {
    let e = this.entries[this.waits];
    if (e === undefined) this.entries.push((e = new WaiterEntry(this)));
    this.waits++;
    e.mask = mask;
    return e;
  }

  /** Sleeps until a queue it stands on, or its deadline, wakes it. `return t.sleep()` */
  sleep(): number {
    const deadline = this.trap.deadline;
    if (deadline >= 0 && deadline !== Infinity) {
      this.timeout ??= new KernelTimer(this.host, this.core, this, true);
      this.timeout.core = this.core;
      this.timeout.arm(deadline as Instant);
    }
    return BLOCKED;
  }

  /** `return t.waitOn(queue, exclusive)`: sleeps on one queue. */
  waitOn(queue: WaitQueue, exclusive: boolean, mask = 0): number {
    this.addWait(queue, exclusive, mask);
    return this.sleep();
  }

  /** As waitOn, at the end of the queue, and woken together with all (wait_event_interruptible_locked). */
  waitInLine(queue: WaitQueue, mask: number): number {
    queue.addTail(this.freeEntry(mask));
    return this.sleep();
  }

  get busyPoll(): BusyPoll {
    return (this.busy ??= new BusyPoll());
  }

  /** It has been killed, and is to come out of its call. */
  get signalPending(): boolean {
    return this.killed;
  }

  // ---- waking ------------------------------------------------------------------------------------------------------

  /** autoremove_wake_function: a queue that it stands on is woken. */
  onWake(e: WaitEntry, key: number, sync: boolean): boolean {
    if (key !== 0 && e.mask !== 0 && (key & e.mask) === 0) return false;
    if (this.state !== SLEEPING) return false;
    const queue = e.queue!;
    this.wokenBy = queue;
    this.wokenExclusive = e.exclusive;
    this.wokenKey = key;
    queue.remove(e);
    return wakeUp(this, sync);
  }

  /** Its time-out: hrtimer_wakeup. */
  onTimer(): void {
    wakeUp(this, false);
  }

  /** Wakes it whatever it waits for; the call looks again. @returns false when it was not asleep */
  wake(sync: boolean): boolean {
    return wakeUp(this, sync);
  }

  // ---- running -----------------------------------------------------------------------------------------------------

  get preemptible(): boolean {
    return this.mode !== CALL || this.yields;
  }

  begin(refill: number): void {
    if (this.mode === USER) this.cost += refill;
    else if (refill > this.refill) this.refill = refill;
    if (this.mode !== RETRY) return;
    for (let i = 0; i < this.waits; i++) {
      const e = this.entries[i]!;
      e.queue?.remove(e);
    }
    this.waits = 0;
    this.timeout?.cancel();
    if (this.killed) {
      this.mode = DIE;
      this.passOn();
      return;
    }
    if (this.refill > 0) return;
    this.trap.phase = 0; // the call that it slept in, from the start
    this.call();
  }

  next(): number {
    if (this.killed && this.mode !== CALL && this.mode !== RETRY) this.mode = DIE;
    this.bill = BILL_SYSTEM;
    switch (this.mode) {
      case CALL:
        return this.cost;
      case ENTER:
        return this.host.costs.syscall + this.refill;
      case USER: {
        if (this.hold()) return -1;
        const slice = this.core.rq.sliceLeft();
        this.bill = BILL_USER;
        return (this.stepUser = slice < this.cost ? slice : this.cost);
      }
      default:
        if (this.hold()) return -1;
        if (this.refill > 0 && this.mode === RESUME) this.bill = BILL_USER;
        return this.refill;
    }
  }

  effect(): void {
    this.refill = 0;
    switch (this.mode) {
      case ENTER:
      case CALL:
        this.call();
        break;
      case USER:
        this.cost -= this.stepUser;
        if (this.cost > 0 || this.hold()) break; // its slice has ended, or it is stopped
        this.result = 0;
        this.trap.nr = NR_NONE;
        this.resume();
        break;
      case RETRY:
        this.begin(0); // woken before it had left its core, or what cold caches cost is spent
        break;
      case DIE:
        this.die();
        break;
      default:
        if (!this.hold()) this.resume();
    }
  }

  /** At the border to user mode: a stopped process's thread sleeps until `release`. Being killed comes first. */
  private hold(): boolean {
    if (!this.process.stopped || this.killed) return false;
    if (this.mode !== RESUME && this.mode !== USER) return false;
    this.held = true;
    this.state = SLEEPING;
    this.asleepSince = this.host.engine.now;
    return true;
  }

  /** Its process goes on. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    wakeUp(this, false);
  }

  takeBack(left: number): boolean {
    if (this.mode !== USER) return false;
    this.cost -= this.stepUser - left;
    return true;
  }

  /** The call's function does what it does now. */
  private call(): void {
    const trap = this.trap;
    this.mode = CALL;
    const call = this.host.syscalls[trap.nr]!;
    let r = call(this, trap);
    this.wokenBy = null;
    // A phase that costs nothing follows at once, unless something must run before it.
    while (r === 0 && !this.yields && this.core.quiet) r = call(this, trap);
    if (r === DONE) this.complete();
    else if (r === BLOCKED) this.block();
    else this.cost = r;
  }

  private complete(): void {
    const { nr } = this.trap;
    this.record(nr, this.result);
    this.trap.nr = NR_NONE;
    this.mode = RESUME;
    if (this.body === null) {
      this.state = DEAD;
      this.timeout?.release();
      this.timeout = null;
      return;
    }
    // Straight on, unless segments are still to be sent, someone else has a better claim to the core, or it was killed.
    const { process, core } = this;
    if (!core.followed && !this.killed && !process.stopped && !core.rq.resched()) this.resume();
  }

  private block(): void {
    this.mode = RETRY;
    this.state = SLEEPING;
    this.asleepSince = this.host.engine.now;
    if (this.killed) wakeUp(this, false);
  }

  /** Back in user mode: the body, or the one that it returns to go on in its place, runs to its next yield. */
  private resume(): void {
    let r = this.body!.next(this.result);
    while (r.done === true && r.value) r = (this.body = r.value).next(0);
    if (r.done === true) this.leave();
    else this.accept(r.value);
  }

  /** The body has yielded: what is to be done about it? */
  private accept(yielded: unknown): void {
    const trap = this.trap;
    if (yielded !== trap || trap.nr === NR_NONE)
      throw new TypeError(notATrap(this.name, yielded === trap));
    if (trap.nr === NR_COMPUTE) {
      this.cost = trap.a;
      this.mode = USER;
    } else if (trap.nr === NR_EXIT) {
      trap.nr = NR_NONE;
      this.mode = DIE;
    } else {
      this.mode = ENTER;
    }
  }

  /** Ends the call in progress with −EINTR and runs the body's finally blocks; what they yield is still done. */
  private die(): void {
    this.killed = false;
    this.holds?.unlock(this);
    const trap = this.trap;
    if (trap.nr !== NR_NONE) this.record(trap.nr, -EINTR);
    trap.nr = NR_NONE;
    const r = this.body!.return();
    if (r.done === true) this.leave();
    else this.accept(r.value);
  }

  /** The body has ended: the thread leaves by exit(2). */
  private leave(): void {
    this.body = null;
    this.trap.nr = NR_NONE;
    this.trap.fill(NR_EXIT, 0, 0, 0, 0, null);
    this.mode = ENTER;
  }

  /** A wake-up meant for one thread reached one that was killed: the next in line gets it. */
  private passOn(): void {
    const queue = this.wokenBy;
    this.wokenBy = null;
    if (queue !== null && this.wokenExclusive) queue.wake(this.wokenKey, 1, false);
  }

  private record(nr: number, result: number): void {
    const host = this.host;
    const { counters } = host;
    counters.syscalls[nr]!++;
    if (result === -EAGAIN) counters.eagain++;
    if (result > 0 && (nr === NR_READ || nr === NR_RECV)) counters.readSizes.add(result);
    const lane = this.lane;
    lane.wide(host.engine.now);
    lane.word(nr);
    lane.wide(result);
    if (host.engine.trace.on) traceCall(this, nr, result);
  }

  // ---- for the world -----------------------------------------------------------------------------------------------

  /**
   * Ends the thread: its call returns −EINTR to nobody, its `finally` blocks run (and may make system calls), and a
   * wake-up that only it had got goes to the next in line.
   */
  kill(): void {
    if (this.state === DEAD || this.body === null) return;
    this.killed = true;
    this.held = false;
    if (!wakeUp(this, false) && this.host.executing !== this.core) this.core.poke();
  }

  get dead(): boolean {
    return this.state === DEAD;
  }

  /** It sleeps in no call: its process is stopped. */
  get isHeld(): boolean {
    return this.held;
  }

  /** What it waits for, in words; null when it does not sleep. */
  waitingFor(): string | null {
    if (this.state !== SLEEPING) return null;
    if (this.held) return `${this.name}: stopped since ${this.asleepSince} ns`;
    const trap = this.trap;
    const call = SYSCALL_NAMES[trap.nr] ?? 'nothing';
    const file = this.process.fds.get(trap.fd);
    const on =
      trap.fd > 0 || file !== null
        ? `(fd ${trap.fd}${file === null ? '' : `, ${file.kind}`})`
        : '()';
    const until =
      trap.deadline >= 0 && trap.deadline !== Infinity ? `, until ${trap.deadline} ns` : '';
    return `${this.name}: ${call}${on} since ${this.asleepSince} ns${until}`;
  }
}

function notATrap(name: string, stale: boolean): string {
  return stale
    ? `thread ${name}: yielded its trap frame without a system call in it`
    : `thread ${name}: yielded something that is not a system call; write \`yield sys.call(…)\``;
}

function traceCall(t: Thread, nr: number, result: number): void {
  t.host.engine.trace.record(t.host.engine.now, t.lane.name, 'syscall', {
    call: SYSCALL_NAMES[nr]!,
    fd: t.trap.fd,
    result,
  });
}
